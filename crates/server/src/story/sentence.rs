//! A sentence as the route tells it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::runs::health::Health;

/// A sentence that a rule found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StorySentence)]
pub(crate) struct Sentence {
    /// The rule that found it.
    pub(crate) id: &'static str,
    pub(crate) text: String,
    /// The numbers it stands on, in words.
    pub(crate) evidence: String,
    /// The same as numbers and names.
    pub(crate) values: BTreeMap<&'static str, StoryValue>,
    /// The checkpoint it is about.
    pub(crate) checkpoint: usize,
    pub(crate) link: StoryLink,
    pub(crate) picture: Picture,
}

/// A sentence, or why there is none.
pub(crate) type RuleResult = Result<Sentence, String>;

/// A number or a name.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum StoryValue {
    Number(f64),
    Name(String),
}

impl From<f64> for StoryValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for StoryValue {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}

impl From<&str> for StoryValue {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

/// A view of the dashboard, set up for a sentence: the keys of its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StoryLink {
    pub(crate) view: &'static str,
    pub(crate) checkpoint: usize,
    #[schema(required)]
    pub(crate) layer: Option<String>,
    #[schema(required)]
    pub(crate) image: Option<u32>,
    /// The view's options.
    pub(crate) options: BTreeMap<&'static str, String>,
}

/// The data of a sentence's picture.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = StoryPicture)]
pub(crate) enum Picture {
    /// Numbers over the checkpoints.
    Curves(Curves),
    /// Units of a layer, with their state at each checkpoint.
    Units(UnitRows),
    /// An image, with its predicted class at each checkpoint.
    Image(PredictedImage),
}

/// Numbers over the checkpoints.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[schema(as = StoryCurves)]
pub(crate) struct Curves {
    /// An image that is beside them.
    #[schema(required)]
    pub(crate) image: Option<u32>,
    pub(crate) checkpoints: Vec<usize>,
    pub(crate) lines: Vec<Line>,
    /// The range of the axis.
    pub(crate) range: [f64; 2],
    /// The unit of the values.
    pub(crate) unit: CurveUnit,
    /// Means of several checkpoints, drawn over the lines.
    pub(crate) means: Vec<MeanOf>,
    /// Moments with a name.
    pub(crate) events: Vec<StoryEvent>,
}

/// The unit of the values of curves.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CurveUnit {
    /// 0 to 1, shown as a percentage.
    #[default]
    Share,
    /// As it is.
    Number,
}

/// One line. A value is absent where it was not measured.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StoryLine)]
pub(crate) struct Line {
    pub(crate) label: String,
    pub(crate) rank: Rank,
    pub(crate) values: Vec<Option<f64>>,
}

/// The weight of a line in its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rank {
    /// What the sentence is about.
    Main,
    /// Parts of it, or what it is compared with.
    Part,
    /// All others.
    Other,
}

impl Line {
    pub(crate) fn new(label: impl Into<String>, rank: Rank, values: &[f64]) -> Self {
        let values = values.iter().map(|&value| value.is_finite().then_some(value)).collect();
        Self { label: label.into(), rank, values }
    }
}

/// A mean of several checkpoints.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = StoryMean)]
pub(crate) struct MeanOf {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) value: f64,
}

/// A moment with a name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct StoryEvent {
    pub(crate) epoch: f64,
    pub(crate) label: String,
}

/// Units of a layer over the checkpoints.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StoryUnits)]
pub(crate) struct UnitRows {
    pub(crate) layer: String,
    pub(crate) checkpoints: Vec<usize>,
    pub(crate) units: Vec<UnitStates>,
}

/// A unit with its state at each checkpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct UnitStates {
    pub(crate) unit: usize,
    pub(crate) states: Vec<Health>,
}

/// An image with its predicted class at each checkpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = StoryImage)]
pub(crate) struct PredictedImage {
    pub(crate) image: u32,
    /// Its label's class.
    pub(crate) label: usize,
    pub(crate) checkpoints: Vec<usize>,
    pub(crate) predicted: Vec<usize>,
}
