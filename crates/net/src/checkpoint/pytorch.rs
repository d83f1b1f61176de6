//! Files of `torch.save`, by the crate pytorch-reader: zip archives, pickle streams, tar archives.

use super::{Checkpoint, CheckpointArray, Facts, FileDtype, optimiser};
use crate::bounded;
use crate::error::Error;
use crate::snapshot::Dtype;
use pytorch_reader::{DType, PickleValue, PytorchError, PytorchReader, Tensor};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

pub(super) fn read(path: &Path) -> Result<(BTreeMap<String, CheckpointArray>, Facts), Error> {
    bounded::open(path).map_err(Error::io("read the checkpoint", path))?;
    let refuse = |error: PytorchError| match error {
        PytorchError::Io(source) if source.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::io("read the checkpoint", path)(source)
        }
        error => Checkpoint::unusable(path, format!("it is no file of torch.save, or is damaged ({error})")),
    };
    let reader = PytorchReader::new(path).map_err(refuse)?;
    let tensors = reader.into_tensors();
    let facts = facts(PytorchReader::read_pickle_data(path, None).map_err(refuse)?, &tensors);
    let arrays = tensors.into_iter().filter_map(|(name, tensor)| {
        let dtype = match tensor.dtype() {
            DType::F64 => FileDtype::Double,
            DType::F32 => FileDtype::Kept(Dtype::F32),
            DType::F16 => FileDtype::Kept(Dtype::F16),
            DType::BF16 => FileDtype::Kept(Dtype::Bf16),
            // Counters, such as those of batch normalisations, are no weights.
            _ => return None,
        };
        let shape = tensor.shape().to_vec();
        Some((name, CheckpointArray { dtype, shape, read: Arc::new(move || tensor.read()) }))
    });
    Ok((arrays.collect(), facts))
}

pub(super) fn number(value: &PickleValue) -> Option<f64> {
    match value {
        PickleValue::Int(number) => Some(*number as f64),
        PickleValue::Float(number) => Some(*number),
        _ => None,
    }
}

fn facts(content: PickleValue, tensors: &HashMap<String, Tensor>) -> Facts {
    let PickleValue::Dict(entries) = content else { return Facts::default() };
    let is_last_batch = ["fit_loop", "epoch_loop.batch_progress", "is_last_batch"];
    let is_last_batch = is_last_batch.iter().try_fold(entries.get("loops"), |value, key| match value {
        Some(PickleValue::Dict(inner)) => Ok(inner.get(*key)),
        _ => Err(()),
    });
    Facts {
        has_updates: optimiser::has_updates(&entries, tensors),
        is_last_batch: !matches!(is_last_batch, Ok(Some(PickleValue::Bool(false)))),
        numbers: entries.iter().filter_map(|(name, value)| Some((name.clone(), number(value)?))).collect(),
        entries: entries.into_keys().collect(),
    }
}
