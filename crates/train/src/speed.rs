//! Training speed in images a second.

use std::time::Instant;

/// Training speed, smoothed over the last steps.
#[derive(Default)]
pub(crate) struct Speed {
    images: f64,
    seconds: f64,
}

impl Speed {
    /// Adds a step that began at `began` and ends now.
    pub fn note(&mut self, images: usize, began: Instant) {
        // Weights that halve about every 14 steps: steady enough to read, quick to follow.
        const KEPT: f64 = 0.95;
        self.images = KEPT * self.images + images as f64;
        self.seconds = KEPT * self.seconds + began.elapsed().as_secs_f64();
    }

    /// Images a second.
    pub fn images_per_s(&self) -> f64 {
        if self.seconds > 0.0 {
            // Whole numbers: the digits behind mean nothing.
            (self.images / self.seconds).round()
        } else {
            0.0
        }
    }
}
