//! A verdict and what is kept with it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A verdict on the label of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// The label is wrong.
    Wrong,
    /// The label is right.
    Right,
    /// It cannot be decided.
    Unclear,
}

impl Verdict {
    /// The word of the files and the interface.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Right => "right",
            Self::Unclear => "unclear",
        }
    }
}

/// A verdict as the file keeps it. Only `corpus`, `image` and `verdict` are used here; the rest is for other programs
/// and people who read the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReviewRecord {
    /// Identity of the corpus.
    pub(crate) corpus: String,
    /// Id of the image in the corpus.
    pub(crate) image: u32,
    pub(crate) verdict: Verdict,
    /// Name of the label's class.
    pub(crate) label: String,
    /// Name of the class that was suggested instead.
    pub(crate) suggestion: Option<String>,
    /// Where the image is, as far as the corpus says.
    pub(crate) path: String,
    /// When, in seconds since 1970.
    pub(crate) at_s: u64,
}
