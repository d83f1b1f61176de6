//! The bytes of a pickle in a file: as they are, in the zip archive of `--zip-save`, or compressed by gzip.

use crate::bounded;
use crate::checkpoint::Checkpoint;
use crate::error::Error;
use flate2::read::GzDecoder;
use std::io::{Cursor, Read};
use std::path::Path;

/// Bytes of a file and of what it unpacks to: the largest network of cuda-convnet2 takes 600 MB.
const MAX_BYTES: u64 = 2 << 30;
/// How much longer than its file a pickle may be: weights hardly compress, and half of a new network's arrays are zeros.
const MAX_GROWTH: u64 = 64;
/// Bytes that a short file may unpack to in any case.
const ALWAYS_BYTES: u64 = 1 << 20;
/// The archive's only member.
const MEMBER: &str = "data";

/// Reads the pickle of a checkpoint.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = bounded::read(path, MAX_BYTES).map_err(Error::io("read the checkpoint", path))?;
    let max = (bytes.len() as u64).saturating_mul(MAX_GROWTH).saturating_add(ALWAYS_BYTES).min(MAX_BYTES);
    match bytes.as_slice() {
        [b'P', b'K', 3, 4, ..] => {
            let archive = zip::ZipArchive::new(Cursor::new(&bytes));
            let mut archive = archive.map_err(|error| damaged(path, &error))?;
            let member = archive.by_name(MEMBER).map_err(|error| {
                let reason = format!(
                    "the archive has no member `{MEMBER}` ({error}), as cuda-convnet's --zip-save writes it; \
                     PyTorch's files are imported without --from cuda-convnet"
                );
                Checkpoint::unusable(path, reason)
            })?;
            unpack(member, max, path)
        }
        [0x1f, 0x8b, ..] => unpack(GzDecoder::new(bytes.as_slice()), max, path),
        _ => Ok(bytes),
    }
}

fn unpack(packed: impl Read, max: u64, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    packed.take(max + 1).read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
    if bytes.len() as u64 > max {
        let reason =
            format!("it unpacks to more than {max} bytes, which no weights do; unpack it yourself if it is one");
        return Err(Checkpoint::unusable(path, reason));
    }
    Ok(bytes)
}

fn damaged(path: &Path, error: &dyn std::error::Error) -> Error {
    Checkpoint::unusable(path, format!("it cannot be unpacked ({error}): copy it again"))
}
