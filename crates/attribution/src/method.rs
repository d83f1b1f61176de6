//! The methods by which a map is made.

use std::fmt;
use std::str::FromStr;

/// How a map is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `relu(sum over channels of relu(dy/dA) * A)` at a layer's outputs `A`.
    ///
    /// # Source
    /// Jiang et al., *`LayerCAM`: exploring hierarchical class activation maps for localization*, 2021.
    LayerCam,
    /// `sum over channels of dy/dA * A` at a layer's outputs `A`, with its sign.
    ///
    /// # Source
    /// Draelos and Carin, *Use `HiResCAM` instead of `Grad-CAM` for faithful explanations of convolutional neural
    /// networks*, 2020.
    HiResCam,
    /// `sum over colours of |dy/dx|` at the pixels `x`.
    ///
    /// # Source
    /// Simonyan et al., *Deep inside convolutional networks*, 2013 (they take the maximum over colours).
    Gradient,
    /// The gradient's mean over 32 copies of the image with noise of 15 % of its range, then as [`Method::Gradient`].
    ///
    /// # Source
    /// Smilkov et al., *`SmoothGrad`: removing noise by adding noise*, 2017.
    SmoothGrad,
    /// `sum over colours of (x - b) * mean of dy/dx on the line from b to x`, 64 steps, midpoints; `b` is what the network
    /// sees as zero, the mean image. The sum of the map is `y(x) - y(b)` but for the completeness error.
    ///
    /// # Source
    /// Sundararajan et al., *Axiomatic attribution for deep networks*, 2017.
    Integrated,
    /// `y(x) - y(x with a square set to what the network sees as zero)`, a square of a quarter of the side around each of
    /// 8 x 8 cells. No gradient is used: the independent check.
    ///
    /// # Source
    /// Zeiler and Fergus, *Visualizing and understanding convolutional networks*, 2014.
    Occlusion,
    /// The gradient, of which rectifiers pass only what is positive: a reconstruction, not an explanation.
    ///
    /// # Source
    /// Zeiler and Fergus, *Visualizing and understanding convolutional networks*, 2014.
    Deconvnet,
    /// The gradient, of which rectifiers pass only what is positive, where their input was positive: a
    /// reconstruction, not an explanation.
    ///
    /// # Source
    /// Springenberg et al., *Striving for simplicity: the all convolutional net*, 2015.
    Guided,
}

impl Method {
    /// All methods, the default first.
    pub const ALL: [Self; 8] = [
        Self::LayerCam,
        Self::HiResCam,
        Self::Gradient,
        Self::SmoothGrad,
        Self::Integrated,
        Self::Occlusion,
        Self::Deconvnet,
        Self::Guided,
    ];

    /// The name in commands and addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LayerCam => "layercam",
            Self::HiResCam => "hirescam",
            Self::Gradient => "gradient",
            Self::SmoothGrad => "smoothgrad",
            Self::Integrated => "integrated",
            Self::Occlusion => "occlusion",
            Self::Deconvnet => "deconvnet",
            Self::Guided => "guided",
        }
    }

    /// Whether values below zero speak against the class; else all are zero or more.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::HiResCam | Self::Integrated | Self::Occlusion)
    }

    /// Whether it reconstructs the image's features that reach the output, and explains nothing.
    pub const fn is_reconstruction(self) -> bool {
        matches!(self, Self::Deconvnet | Self::Guided)
    }

    /// Passes through the network that the map of one image takes, about.
    pub const fn passes(self) -> usize {
        match self {
            Self::LayerCam | Self::HiResCam | Self::Gradient | Self::Deconvnet | Self::Guided => 1,
            Self::SmoothGrad => 32,
            Self::Integrated | Self::Occlusion => 64,
        }
    }

    /// Whether it is taken at a layer, else at the pixels.
    pub const fn is_of_layer(self) -> bool {
        matches!(self, Self::LayerCam | Self::HiResCam)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no method's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a method, one of {}, found `{found}`", Method::ALL.map(Method::name).join(", "))]
pub struct UnknownMethod {
    /// The name.
    pub found: String,
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        Self::ALL
            .into_iter()
            .find(|method| method.name() == name)
            .ok_or_else(|| UnknownMethod { found: name.to_owned() })
    }
}
