//! The schedule of the learning rates.

use crate::optimiser::Rates;

/// Learning rates from the first step to the last: one stage after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The stages in order.
    pub stages: Vec<Stage>,
}

/// A stretch of epochs at one learning rate, or over which it goes to another, step by step.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// How many epochs; may be a fraction.
    pub epochs: f64,
    /// Learning rates at its begin.
    pub rate: Rates,
    /// Learning rates to which it leads; the next stage begins there.
    pub end_rate: Rates,
    /// How it leads there.
    pub curve: Curve,
}

/// How a learning rate goes from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// In a straight line.
    Linear,
    /// Along half a cosine: slowly, fast, slowly.
    Cosine,
}

impl Stage {
    /// Whether the rates stay what they are.
    pub fn is_constant(&self) -> bool {
        self.rate == self.end_rate
    }

    /// The rates after a share of the stage.
    fn at(&self, share: f64) -> Rates {
        let share = match self.curve {
            Curve::Linear => share,
            Curve::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * share).cos(),
        };
        let between = |from: f64, to: f64| from + (to - from) * share;
        Rates {
            weight: between(self.rate.weight, self.end_rate.weight),
            bias: between(self.rate.bias, self.end_rate.bias),
        }
    }
}

impl Schedule {
    /// Epochs of all stages together.
    pub fn epochs(&self) -> f64 {
        self.stages.iter().map(|stage| stage.epochs).sum()
    }

    /// Steps of all stages together.
    pub fn total_steps(&self, steps_per_epoch: u64) -> u64 {
        self.first_steps(steps_per_epoch).last().copied().unwrap_or(0)
    }

    /// The steps with which the stages begin, and the one past the last stage.
    pub fn first_steps(&self, steps_per_epoch: u64) -> Vec<u64> {
        let mut epochs = 0.0;
        let mut steps = vec![0];
        for stage in &self.stages {
            epochs += stage.epochs;
            steps.push((epochs * steps_per_epoch as f64).round() as u64);
        }
        steps
    }

    /// The learning rates of the step that follows `step` updates; past the last stage, those to
    /// which it led.
    pub fn rates(&self, step: u64, steps_per_epoch: u64) -> Rates {
        let bounds = self.first_steps(steps_per_epoch);
        let found = self.stages.iter().zip(bounds.windows(2)).find(|(_, bounds)| step < bounds[1]);
        match (found, self.stages.last()) {
            (Some((stage, bounds)), _) => stage.at((step - bounds[0]) as f64 / (bounds[1] - bounds[0]) as f64),
            (None, Some(stage)) => stage.end_rate,
            (None, None) => Rates { weight: 0.0, bias: 0.0 },
        }
    }

    /// The same for `epochs` in all: later stages are cut off, or the last one is extended. A schedule in which a rate
    /// changes continuously is shortened or stretched as a whole.
    #[must_use]
    pub fn with_epochs(mut self, epochs: u64) -> Self {
        let (wanted, total) = (epochs as f64, self.epochs());
        let stages = &mut self.stages;
        if total > 0.0 && stages.iter().any(|stage| !stage.is_constant()) {
            for stage in stages {
                stage.epochs *= wanted / total;
            }
            return self;
        }
        let mut left = wanted;
        for stage in &mut *stages {
            stage.epochs = stage.epochs.min(left);
            left -= stage.epochs;
        }
        // At least one stage stays: a run of no steps reports its learning rate.
        let used = stages.iter().filter(|stage| stage.epochs > 0.0).count();
        stages.truncate(used.max(1));
        if let Some(last) = stages.last_mut() {
            last.epochs += left;
        }
        self
    }
}
