//! `[snapshots]`

use crate::error::Error;
use crate::table::section::Section;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// When snapshots are kept; step 0 and the last one always are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRecipe {
    /// How often.
    pub every: Every,
}

/// How often something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// `"5 per epoch"`: at step `round(i * steps_per_epoch / 5)`.
    PerEpoch(u64),
    /// `"100 steps"`
    Steps(u64),
    /// `"2 epochs"`
    Epochs(u64),
}

/// Snapshots that a run may plan at most.
const MAX_SNAPSHOTS: usize = 1_000_000;

impl Default for SnapshotRecipe {
    fn default() -> Self {
        Self { every: Every::Epochs(1) }
    }
}

impl SnapshotRecipe {
    pub(crate) fn read(mut section: Section<'_>) -> Result<Self, Error> {
        let rule = "a text such as \"5 per epoch\", \"100 steps\" or \"1 epoch\"";
        let is_known = |text: &String| text.parse::<Every>().is_ok();
        let every = section.checked("every", rule, is_known)?;
        section.finish()?;
        Ok(Self { every: every.and_then(|text| text.parse().ok()).unwrap_or(Self::default().every) })
    }

    /// The planned steps in ascending order: 0, the schedule's, and the last.
    ///
    /// # Errors
    /// Where they are more than a million.
    pub fn steps(&self, steps_per_epoch: u64, total_steps: u64) -> Result<Vec<u64>, Error> {
        let step = |index: u64| match self.every {
            // Rounded half up; at most one a step, however many are requested.
            Every::PerEpoch(count) => {
                let product = 2 * u128::from(index) * u128::from(steps_per_epoch);
                ((product + u128::from(count)) / (2 * u128::from(count))) as u64
            }
            Every::Steps(steps) => index.saturating_mul(steps),
            Every::Epochs(epochs) => index.saturating_mul(epochs.saturating_mul(steps_per_epoch)),
        };
        let mut planned = BTreeSet::from([0, total_steps]);
        for at in (1..=u64::MAX).map(step) {
            if at >= total_steps {
                break;
            }
            planned.insert(at);
            if planned.len() > MAX_SNAPSHOTS {
                return Err(Error::Input {
                    what: "`snapshots.every`",
                    expected: format!("at most {MAX_SNAPSHOTS} snapshots"),
                    found: format!("more in {total_steps} steps; keep fewer, or train for fewer epochs"),
                });
            }
        }
        Ok(planned.into_iter().collect())
    }
}

impl FromStr for Every {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<_> = text.split_whitespace().collect();
        let count = |word: &str| match word.parse::<u64>() {
            Ok(count @ 1..=1_000_000_000) => Ok(count),
            _ => Err(()),
        };
        match words[..] {
            [number, "per", "epoch"] => Ok(Self::PerEpoch(count(number)?.min(1_000_000))),
            [number, "step" | "steps"] => Ok(Self::Steps(count(number)?)),
            [number, "epoch" | "epochs"] => Ok(Self::Epochs(count(number)?)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PerEpoch(count) => write!(f, "{count} per epoch"),
            Self::Steps(1) => write!(f, "1 step"),
            Self::Steps(steps) => write!(f, "{steps} steps"),
            Self::Epochs(1) => write!(f, "1 epoch"),
            Self::Epochs(epochs) => write!(f, "{epochs} epochs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_an_epoch_over_ten_epochs_are_fifty_one() {
        let recipe = SnapshotRecipe { every: Every::PerEpoch(5) };
        let steps = recipe.steps(391, 3910).unwrap();
        assert_eq!(steps.len(), 51);
        assert_eq!(steps[..6], [0, 78, 156, 235, 313, 391]);
        assert_eq!(steps[50], 3910);
    }

    #[test]
    fn more_than_one_a_step_gives_every_step_once() {
        let recipe = SnapshotRecipe { every: Every::PerEpoch(100) };
        assert_eq!(recipe.steps(3, 6).unwrap(), [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn the_last_step_always_has_a_snapshot() {
        let every = |text: &str| SnapshotRecipe { every: text.parse().unwrap() };
        assert_eq!(every("100 steps").steps(50, 250).unwrap(), [0, 100, 200, 250]);
        assert_eq!(every("2 epochs").steps(50, 250).unwrap(), [0, 100, 200, 250]);
        assert_eq!(every("1 epoch").steps(50, 0).unwrap(), [0]);
    }

    #[test]
    fn expressions_read_back() {
        for text in ["5 per epoch", "1 step", "100 steps", "1 epoch", "3 epochs"] {
            assert_eq!(text.parse::<Every>().unwrap().to_string(), text);
        }
        for text in ["", "often", "0 steps", "-1 epochs", "5 per step"] {
            assert!(text.parse::<Every>().is_err(), "{text}");
        }
    }
}
