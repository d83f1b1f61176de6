//! How gradients pass rectifiers.

/// How the gradient of a rectifier's output becomes that of its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RectifierRule {
    /// `dx = dy` where `x > 0`, else 0: the derivative.
    #[default]
    Derivative,
    /// `dx = max(dy, 0)` where `x > 0`, else 0.
    ///
    /// # Source
    /// Guided backpropagation: Springenberg et al., *Striving for simplicity: the all convolutional net*, 2015.
    Guided,
    /// `dx = max(dy, 0)`, whatever `x` was.
    ///
    /// # Source
    /// The deconvolution network: Zeiler and Fergus, *Visualizing and understanding convolutional networks*, 2014.
    Deconvnet,
}
