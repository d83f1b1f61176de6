//! Which files are checkpoints.

use super::Checkpoint;
use crate::bounded;
use crate::error::Error;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Endings of files that are checkpoints, the longer ones first.
pub(super) const ENDINGS: [&str; 6] = [".pth.tar", ".pt.tar", ".safetensors", ".pth", ".pt", ".ckpt"];

/// Files that make a folder one checkpoint, as Hugging Face's Trainer writes it, in the order in which they are taken.
const IN_FOLDER: [&str; 4] =
    ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"];

/// Files of a training program that hold no weights.
const WITHOUT_WEIGHTS: [&str; 3] = ["optimizer.pt", "scheduler.pt", "scaler.pt"];

/// Bytes of an index of shards.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// The checkpoints that a path names: itself, or those in the folder, in the order of their names; none where the folder
/// has none.
///
/// # Errors
/// [`Error::Damaged`]: the path is no checkpoint, or one that has to be converted first. [`Error::Io`].
pub fn checkpoints_in(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        // What is not there is reported as such.
        std::fs::metadata(path).map_err(Error::io("read the checkpoint", path))?;
        if name_of(path).is_some_and(|name| is_checkpoint_name(name) || IN_FOLDER.contains(&name)) {
            return Ok(vec![path.to_owned()]);
        }
        return Err(Checkpoint::unusable(path, format!("its name ends in none of {}", ENDINGS.join(", "))));
    }
    if is_checkpoint_folder(path)? {
        return Ok(vec![path.to_owned()]);
    }
    let folder = std::fs::read_dir(path).map_err(Error::io("list the checkpoints", path))?;
    let mut found = Vec::new();
    for entry in folder.flatten() {
        let entry = entry.path();
        let is_one = if entry.is_dir() { is_checkpoint_folder(&entry)? } else { is_checkpoint_file(&entry) };
        if is_one {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn is_checkpoint_name(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn is_checkpoint_file(path: &Path) -> bool {
    name_of(path).is_some_and(|name| {
        let is_state = WITHOUT_WEIGHTS.contains(&name) || name.starts_with("rng_state") || name.starts_with('.');
        is_checkpoint_name(name) && !is_state
    })
}

fn is_checkpoint_folder(path: &Path) -> Result<bool, Error> {
    let is_distributed = path.join(".metadata").is_file()
        && std::fs::read_dir(path).is_ok_and(|mut folder| {
            folder.any(|entry| entry.is_ok_and(|entry| entry.path().extension().is_some_and(|end| end == "distcp")))
        });
    if is_distributed {
        let reason = "it is a distributed checkpoint; make one file of it by \
                      torch.distributed.checkpoint.format_utils.dcp_to_torch_save(folder, file)";
        return Err(Checkpoint::unusable(path, reason));
    }
    Ok(IN_FOLDER.iter().any(|name| path.join(name).is_file()))
}

/// The file that holds the weights: the path itself, or the one in its folder.
pub(super) fn weights_file(path: &Path) -> Result<PathBuf, Error> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let found = IN_FOLDER.iter().map(|name| path.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| Checkpoint::unusable(path, format!("the folder has none of {}", IN_FOLDER.join(", "))))
}

pub(super) fn is_index(file: &Path) -> bool {
    name_of(file).is_some_and(|name| name.ends_with(".index.json"))
}

/// The files that an index of Hugging Face names, each once; all lie beside it.
pub(super) fn shards(index: &Path) -> Result<Vec<PathBuf>, Error> {
    let unusable = |reason: String| Checkpoint::unusable(index, reason);
    let text = bounded::read_text(index, MAX_INDEX_BYTES).map_err(Error::io("read the checkpoint", index))?;
    let content: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| unusable(format!("it is no JSON: {error}")))?;
    let map = content.get("weight_map").and_then(serde_json::Value::as_object);
    let map = map.ok_or_else(|| unusable("it is no index of files: it has no `weight_map`".into()))?;
    let names: BTreeSet<&str> = map.values().filter_map(serde_json::Value::as_str).collect();
    let folder = index.parent().unwrap_or(Path::new("."));
    names
        .into_iter()
        .map(|name| {
            let file = folder.join(name);
            if Path::new(name).file_name().is_none_or(|only| only != name) || !file.is_file() {
                return Err(unusable(format!(
                    "it names the file {name}, which is not beside it; copy all files of the checkpoint"
                )));
            }
            Ok(file)
        })
        .collect()
}
