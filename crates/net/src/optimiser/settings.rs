//! The optimiser that is chosen, and its settings.

/// Form of the update; `g` is the gradient averaged over the minibatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimiser {
    /// `v <- m v - rate g - rate decay w; w <- w + v`: the rate is inside the velocity.
    CudaConvnet,
    /// `v <- m v + g + decay w; w <- w - rate v`: the rate is outside.
    Pytorch,
    /// `g' = g + decay w; v <- m v + g'; w <- w - rate (g' + m v)`.
    Nesterov,
    /// `g' = g + decay w; s <- s + g'^2; w <- w - rate g' / (sqrt(s) + epsilon)`.
    AdaGrad,
    /// `w <- w - rate decay w; a <- m a + (1 - m) g; b <- beta2 b + (1 - beta2) g^2;
    /// w <- w - rate a' / (sqrt(b') + epsilon)`, a' and b' being a and b over `1 - m^t` and
    /// `1 - beta2^t` at step t.
    AdamW,
    /// Filters: `v <- m v + g; w <- w sqrt(k) / |w|; w <- w - rate O(g + m v)`, k being the number of
    /// filters and O an approximation of the nearest orthogonal matrix (a row a filter); no decay, for their norm
    /// is fixed. Everything else as `Nesterov`.
    Muon,
}

impl Optimiser {
    /// The arrays that the optimiser keeps for a parameter from step to step, by the suffix of the parameter's name
    /// that they are stored under; all of the parameter's shape.
    pub const fn state(self) -> &'static [&'static str] {
        match self {
            Self::CudaConvnet | Self::Pytorch | Self::Nesterov | Self::Muon => &[""],
            Self::AdaGrad => &[".sum"],
            Self::AdamW => &[".exp_avg", ".exp_avg_sq"],
        }
    }
}

/// An optimiser with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptimiserSettings {
    /// Form of the update.
    pub kind: Optimiser,
    /// Momentum where a layer gives none; of `AdamW`, the first moment's.
    pub momentum: f64,
    /// How much of `AdamW`'s second moment is kept from step to step.
    pub beta2: f64,
    /// Added to the root of a second moment.
    pub epsilon: f64,
    /// Decay of weights where a layer gives none.
    pub decay: f64,
    /// Decay of biases where a layer gives none.
    pub bias_decay: f64,
}

/// Learning rates of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Of weights.
    pub weight: f64,
    /// Of biases.
    pub bias: f64,
}
