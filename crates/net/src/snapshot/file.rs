//! Reading and writing the file itself.

use super::digest::{self, Digest};
use super::header::{self, Header, PREFIX_BYTES, TensorEntry, damaged};
use super::{MEAN, OPTIMIZER, STD, Snapshot};
use crate::bounded;
use crate::error::Error;
use crate::parameters::Parameters;
use ndarray::{Array1, Array3, ArrayD, Ix1, Ix3, IxDyn};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;

pub(super) fn write(snapshot: &Snapshot, path: &Path) -> Result<(), Error> {
    let tensors = snapshot.tensors();
    let mut header = snapshot.header();
    header.hash = digest::hash(&header, &tensors);
    let entries: Vec<_> = tensors.iter().map(|(name, array)| TensorEntry::of_array(name, array)).collect();
    let text = header_text(&header, &entries);
    write_whole(path, "write the snapshot", |file| {
        file.write_all(&(text.len() as u64).to_le_bytes())?;
        file.write_all(text.as_bytes())?;
        for (_, array) in &tensors {
            let mut result = Ok(());
            digest::for_bytes(array, |bytes| {
                if result.is_ok() {
                    result = file.write_all(bytes);
                }
            });
            result?;
        }
        Ok(())
    })
}

/// Written here and not by the safetensors crate because that keeps metadata in a hash map, whose
/// order changes from process to process: equal snapshots are to be equal files.
pub(super) fn header_text(header: &Header, tensors: &[TensorEntry]) -> String {
    let mut entries = Map::new();
    entries.insert("__metadata__".into(), Value::Object(header.metadata()));
    let mut offset = 0;
    for tensor in tensors {
        let end = offset + tensor.bytes();
        let entry = json!({"dtype": tensor.dtype.name(), "shape": tensor.shape, "data_offsets": [offset, end]});
        entries.insert(tensor.name.clone(), entry);
        offset = end;
    }
    let mut text = Value::Object(entries).to_string();
    // Readers expect the tensors aligned.
    let aligned = text.len().next_multiple_of(PREFIX_BYTES);
    text.extend(std::iter::repeat_n(' ', aligned - text.len()));
    text
}

/// Writes a file to a temporary name beside it, syncs it, renames it and syncs the folder.
pub(crate) fn write_whole(
    path: &Path,
    action: &'static str,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let file = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
        let mut buffer = std::io::BufWriter::with_capacity(1 << 20, file);
        fill(&mut buffer)?;
        let file = buffer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        set_readable(file.as_file())?;
        file.persist(path).map_err(|error| error.error)?;
        // The rename itself lasts only once the folder is synced; not every system can open one.
        if let Ok(folder) = std::fs::File::open(folder) {
            folder.sync_all().ok();
        }
        Ok(())
    };
    write().map_err(Error::io(action, path))
}

/// Temporary files are private; what they become is not.
#[cfg(unix)]
fn set_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_readable(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Bytes of a snapshot at most: ten times the largest network that deepViz trains. The header of a run's snapshot is
/// checked against its network before.
const MAX_BYTES: u64 = 16 << 30;

/// Reads the file, with or without the optimiser's state; all of it is checked either way.
pub(super) fn read(path: &Path, with_optimizer: bool) -> Result<Snapshot, Error> {
    let bytes = bounded::read(path, MAX_BYTES).map_err(Error::io("read the snapshot", path))?;
    let length = bytes.len() as u64;
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return Err(damaged(path, format!("it is cut short: {length} bytes")));
    };
    let header_bytes = u64::from_le_bytes(*prefix);
    let start = header::check_length(path, header_bytes, length)?;
    let (text, data) = rest.split_at(header_bytes as usize);
    let (scanned, data_bytes) = header::parse(text, path)?;
    header::compare_lengths(path, start.saturating_add(data_bytes), length)?;
    let mut tensors = Vec::with_capacity(scanned.tensors.len());
    let mut left = data;
    let mut digest = Digest::of(&scanned.header);
    for tensor in scanned.tensors {
        // The lengths were checked: every tensor's bytes are there.
        let (bytes, others) = left.split_at(tensor.bytes());
        left = others;
        digest.tensor(&tensor);
        digest.bytes(bytes);
        let TensorEntry { name, dtype, shape } = tensor;
        if !with_optimizer && scanned.header.format == 1 && name.starts_with(OPTIMIZER) {
            continue;
        }
        let array = ArrayD::from_shape_vec(IxDyn(&shape), dtype.floats(bytes));
        let array = array.map_err(|reason| damaged(path, reason.to_string()))?;
        tensors.push((name, array));
    }
    let found = digest.finish();
    if found != scanned.header.hash {
        let reason = format!(
            "its content does not match its hash (it says {:.16}, the content gives {found:.16}): \
             the file was altered or damaged",
            scanned.header.hash
        );
        return Err(damaged(path, reason));
    }
    assemble(scanned.header, tensors, path)
}

fn assemble(header: Header, tensors: Vec<(String, ArrayD<f32>)>, path: &Path) -> Result<Snapshot, Error> {
    let (mut mean, mut std): (Option<Array3<f32>>, Option<Array1<f32>>) = (None, None);
    let (mut parameters, mut optimizer) = (Vec::new(), Vec::new());
    for (name, array) in tensors {
        if header.format > 1 {
            // Names as another program gave them: all are parameters, none is deepViz's mean or optimiser state.
            parameters.push((name, array));
        } else if name == MEAN {
            let array = array.into_dimensionality::<Ix3>();
            mean = Some(array.map_err(|_| damaged(path, format!("`{MEAN}` is no image")))?);
        } else if name == STD {
            let array = array.into_dimensionality::<Ix1>();
            std = Some(array.map_err(|_| damaged(path, format!("`{STD}` is no list of numbers")))?);
        } else if let Some(name) = name.strip_prefix(OPTIMIZER) {
            optimizer.push((name.to_owned(), array));
        } else {
            parameters.push((name, array));
        }
    }
    Ok(Snapshot {
        step: header.step,
        epoch: header.epoch,
        images_seen: header.images_seen,
        hash: header.hash,
        parameters: Parameters::new(parameters),
        mean,
        std,
        optimizer: Parameters::new(optimizer),
    })
}
