//! Whether an optimiser that is saved with the weights has made updates.

use super::pytorch::number;
use pytorch_reader::{DType, PickleValue, Tensor};
use std::collections::HashMap;

const KEYS: [&str; 6] = ["optimizer", "optimizer_state_dict", "optimizer_state", "optimizer_states", "optim", "opt"];

/// Whether the optimisers in a checkpoint have made updates, by its entries and by the tensors among them, which have
/// dotted names. `PyTorch`'s optimisers keep nothing of a parameter before their first update, or a `step` of 0 (Adagrad).
pub(super) fn has_updates(entries: &HashMap<String, PickleValue>, tensors: &HashMap<String, Tensor>) -> bool {
    KEYS.iter().any(|key| match entries.get(*key) {
        // Lightning saves a list.
        Some(PickleValue::List(list)) => {
            list.iter().enumerate().any(|(index, one)| has_updated(one, &format!("{key}.{index}"), tensors))
        }
        Some(optimiser) => has_updated(optimiser, key, tensors),
        None => false,
    })
}

fn has_updated(optimiser: &PickleValue, path: &str, tensors: &HashMap<String, Tensor>) -> bool {
    let PickleValue::Dict(optimiser) = optimiser else { return false };
    let Some(PickleValue::Dict(parameters)) = optimiser.get("state") else { return false };
    parameters.iter().any(|(parameter, state)| {
        let PickleValue::Dict(state) = state else { return false };
        let tensor = tensors.get(&format!("{path}.state.{parameter}.step"));
        let step = state.get("step").and_then(number).or_else(|| tensor.and_then(scalar));
        !state.is_empty() && step.is_none_or(|step| step > 0.0)
    })
}

/// The value of a tensor of one element; none of one that cannot be read, which is no reason to refuse the weights.
fn scalar(tensor: &Tensor) -> Option<f64> {
    if tensor.shape().iter().product::<usize>() != 1 {
        return None;
    }
    let bytes = tensor.read().ok()?;
    match tensor.dtype() {
        DType::F32 => bytes.try_into().ok().map(|bytes| f64::from(f32::from_le_bytes(bytes))),
        DType::F64 => bytes.try_into().ok().map(f64::from_le_bytes),
        DType::I64 => bytes.try_into().ok().map(|bytes| i64::from_le_bytes(bytes) as f64),
        _ => None,
    }
}
