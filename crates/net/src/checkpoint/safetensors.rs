//! Safetensors files of other programs, by the crate of that name.

use super::{Checkpoint, CheckpointArray, FileDtype};
use crate::bounded;
use crate::error::Error;
use crate::snapshot::Dtype;
use ::safetensors::tensor::{Dtype as Written, SafeTensors};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The largest file that is read.
const MAX_BYTES: u64 = 16 << 30;

pub(super) fn read(path: &Path) -> Result<BTreeMap<String, CheckpointArray>, Error> {
    let bytes = bounded::read(path, MAX_BYTES).map_err(Error::io("read the checkpoint", path))?;
    let damaged = |error| Checkpoint::unusable(path, format!("it is no whole safetensors file ({error})"));
    let (header_bytes, metadata) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
    // Behind the length of the header and the header.
    let start = size_of::<u64>() + header_bytes;
    let bytes = Arc::new(bytes);
    let arrays = metadata.tensors().into_iter().filter_map(|(name, info)| {
        let dtype = match info.dtype {
            Written::F64 => FileDtype::Double,
            Written::F32 => FileDtype::Kept(Dtype::F32),
            Written::F16 => FileDtype::Kept(Dtype::F16),
            Written::BF16 => FileDtype::Kept(Dtype::Bf16),
            _ => return None,
        };
        let (bytes, (from, to)) = (Arc::clone(&bytes), info.data_offsets);
        let read = move || {
            let found = bytes.get(start + from..start + to);
            found.map(<[u8]>::to_vec).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
        };
        Some((name, CheckpointArray { dtype, shape: info.shape.clone(), read: Arc::new(read) }))
    });
    Ok(arrays.collect())
}
