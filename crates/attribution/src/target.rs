//! What is explained: a logit, or the difference of two.

use crate::error::Error;

/// The value that is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The logit of this class ...
    pub class: usize,
    /// ... less that of this one.
    pub versus: Option<usize>,
}

impl Target {
    /// A class' logit.
    pub const fn class(class: usize) -> Self {
        Self { class, versus: None }
    }

    /// One class against another.
    pub const fn versus(class: usize, other: usize) -> Self {
        Self { class, versus: Some(other) }
    }

    /// Whether there are such classes.
    ///
    /// # Errors
    /// A class beyond the last, or one against itself.
    pub fn check(self, classes: usize) -> Result<(), Error> {
        for class in [Some(self.class), self.versus].into_iter().flatten() {
            if class >= classes {
                return Err(Error::Class { last: classes - 1, found: class });
            }
        }
        if self.versus == Some(self.class) {
            return Err(Error::SameClass { class: self.class });
        }
        Ok(())
    }

    /// The value.
    pub fn value(self, logits: &[f32]) -> f32 {
        logits[self.class] - self.versus.map_or(0.0, |other| logits[other])
    }

    /// Its gradient with respect to the logits.
    pub fn seed(self, classes: usize) -> Vec<f32> {
        let mut seed = vec![0.0; classes];
        seed[self.class] = 1.0;
        if let Some(other) = self.versus {
            seed[other] -= 1.0;
        }
        seed
    }
}
