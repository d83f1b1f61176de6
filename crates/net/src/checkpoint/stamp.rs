//! When a checkpoint was kept: updates and epochs done, by its content, beside it or by its name.

use super::Facts;
use super::file_list::ENDINGS;
use crate::bounded;
use std::path::Path;

const STEP_KEYS: [&str; 5] = ["global_step", "step", "steps", "iteration", "iter"];
const TRAINER_STATE: &str = "trainer_state.json";
/// Bytes of the Trainer's state: its log has a line for every few steps.
const MAX_STATE_BYTES: u64 = 256 << 20;

/// Updates and epochs done after which a checkpoint was kept; none where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stamp {
    /// Updates done.
    pub step: Option<u64>,
    /// Epochs done, in fractions.
    pub epoch: Option<f64>,
    /// No step is saved beside the epoch, but an optimiser that has made updates: its weights are trained, so that an
    /// epoch of 0 is an index, not a count.
    pub has_updates: bool,
    /// The epoch is of a program whose way of counting is known, and so a count.
    pub is_count: bool,
}

impl Stamp {
    /// Whether it says anything.
    pub const fn is_known(&self) -> bool {
        self.step.is_some() || self.epoch.is_some()
    }

    pub(super) fn of(path: &Path, facts: &Facts, is_alone: bool) -> Self {
        let name = plain_name(path);
        let found = [of_facts(facts), of_trainer_state(path), of_words(&name)];
        let step = found.iter().find_map(|stamp| stamp.step);
        let with_epoch = found.iter().find(|stamp| stamp.epoch.is_some());
        let (epoch, is_count) = with_epoch.map_or((None, false), |stamp| (stamp.epoch, stamp.is_count));
        // A bare number is a step where nothing else is known: beside an epoch it may be that epoch.
        let is_said = step.is_some() || epoch.is_some();
        let step = if is_said { step } else { bare_number(&name, is_alone) };
        // A checkpoint that says its step may be of the middle of epoch 0.
        Self { step, epoch, has_updates: facts.has_updates && step.is_none() && epoch.is_some(), is_count }
    }
}

fn of_facts(facts: &Facts) -> Stamp {
    let number = |key: &str| facts.numbers.get(key).copied().filter(|number| number.is_finite() && *number >= 0.0);
    Stamp {
        step: STEP_KEYS
            .iter()
            .find_map(|key| number(key).filter(|number| number.fract() == 0.0))
            .map(|step| step as u64),
        epoch: number("epoch").map(|epoch| epoch + epochs_to_add(facts).unwrap_or(0.0)),
        has_updates: false,
        is_count: epochs_to_add(facts).is_some(),
    }
}

/// 1 where the epoch is the number, from 0, of the one that has just ended; 0 where it is a count; none of a program that
/// is not known.
fn epochs_to_add(facts: &Facts) -> Option<f64> {
    let one_if = |condition: bool| Some(if condition { 1.0 } else { 0.0 });
    if facts.has("pytorch-lightning_version") {
        // Within an epoch the last minibatch is still to come.
        return one_if(facts.is_last_batch);
    }
    if facts.has("arch") && facts.has("version") {
        // timm.
        return one_if(facts.numbers.get("version").is_some_and(|version| *version >= 2.0));
    }
    // torchvision's training script.
    ["model", "optimizer", "lr_scheduler", "args"].iter().all(|key| facts.has(key)).then_some(1.0)
}

/// The state that Hugging Face's Trainer keeps in a checkpoint's folder.
fn of_trainer_state(path: &Path) -> Stamp {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    if !path.is_dir() && !is_in_folder(path) {
        return Stamp::default();
    }
    let text = bounded::read_text(&folder.join(TRAINER_STATE), MAX_STATE_BYTES).unwrap_or_default();
    let state: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    Stamp {
        step: state.get("global_step").and_then(serde_json::Value::as_u64),
        epoch: state.get("epoch").and_then(serde_json::Value::as_f64).filter(|epoch| *epoch >= 0.0),
        has_updates: false,
        is_count: true,
    }
}

/// Whether the file's folder is what has the name: `checkpoint-500/model.safetensors`.
fn is_in_folder(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("model.safetensors") || name.starts_with("pytorch_model.bin")
}

/// The name that may say a number, without its ending.
fn plain_name(path: &Path) -> String {
    let named = if path.is_dir() || !is_in_folder(path) { path } else { path.parent().unwrap_or(path) };
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    let ending = ENDINGS.iter().find(|ending| name.ends_with(**ending)).copied().unwrap_or_default();
    name.strip_suffix(ending).unwrap_or(&name).to_owned()
}

/// Numbers that the name calls a step or an epoch: `epoch=3-step=400`, `model_ep12`.
fn of_words(name: &str) -> Stamp {
    let number = |words: &[&str]| words.iter().find_map(|word| number_after(name, word));
    Stamp {
        step: number(&["steps", "step", "iterations", "iteration", "iters", "iter"]),
        epoch: number(&["epoch", "ep"]).map(|epoch| epoch as f64),
        has_updates: false,
        is_count: false,
    }
}

/// The whole number that follows a word, with at most one of `=`, `_`, `-` between; no letter stands before the word.
fn number_after(name: &str, word: &str) -> Option<u64> {
    let lower = name.to_ascii_lowercase();
    lower.match_indices(word).find_map(|(at, _)| {
        let before = lower[..at].strip_suffix("global_").or_else(|| lower[..at].strip_suffix("global"));
        let before = before.unwrap_or(&lower[..at]);
        if before.ends_with(|letter: char| letter.is_ascii_alphabetic()) {
            return None;
        }
        let rest = &lower[at + word.len()..];
        let rest = rest.strip_prefix(['=', '_', '-']).unwrap_or(rest);
        let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        rest[..digits].parse().ok()
    })
}

/// The last whole number that stands by itself: not `18` of resnet18, not `0.93` of an accuracy.
fn bare_number(name: &str, is_alone: bool) -> Option<u64> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    let separate = name.split(|letter| !is_part(letter)).rfind(|part| is_whole(part));
    if let Some(number) = separate {
        return number.parse().ok();
    }
    let digits = name.len() - name.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    let (word, number) = name.split_at(name.len() - digits);
    let is_glued = word.ends_with(|letter: char| letter.is_ascii_alphabetic());
    if is_glued && !is_alone { number.parse().ok() } else { None }
}

fn is_whole(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit())
}
