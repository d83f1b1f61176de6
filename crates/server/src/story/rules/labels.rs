//! Labels that may be wrong.

use deepviz_stats::LabelIssue;

use super::super::material::{Examples, Material};
use super::super::sentence::{CurveUnit, Curves, Line, Picture, Rank, RuleResult, Sentence, StoryLink};
use super::super::words::plural;

pub(crate) const ID: &str = "labels";

/// An image is doubtful where the other class is more probable than the label by this, over the later half of the
/// checkpoints, and is predicted at this share of them.
const DOUBT: f32 = 0.5;
const AGREEMENT: f32 = 0.9;

fn is_doubtful(issue: &LabelIssue) -> bool {
    issue.doubt >= DOUBT && issue.agreement >= AGREEMENT
}

/// The image whose probabilities the sentence needs.
pub(crate) fn subject(examples: &Examples) -> Option<u32> {
    examples.issues.iter().find(|issue| is_doubtful(issue)).map(|issue| issue.image.0)
}

/// The number of images whose label the later half of the checkpoints contradict, and the one with the highest score.
/// It claims no precision: only a review measures one.
pub(crate) fn apply(material: &Material) -> RuleResult {
    let examples = material.examples.as_ref().map_err(Clone::clone)?;
    let doubtful: Vec<&LabelIssue> = examples.issues.iter().filter(|issue| is_doubtful(issue)).collect();
    let Some(first) = doubtful.first() else {
        return Err("the later checkpoints contradict no label clearly".to_owned());
    };
    let name = |class: u16| material.classes[usize::from(class)].as_str();
    let (label, predicted) = (name(first.label.0), name(first.predicted.0));
    let checkpoint = examples.checkpoints.last().copied().unwrap_or_default();
    let are = if doubtful.len() == 1 { "label is" } else { "labels are" };
    let history = examples.histories.get(&first.image.0).map(Vec::as_slice).unwrap_or_default();
    let probabilities = |class: u16| -> Vec<f64> {
        history.iter().map(|(_, all)| all.get(usize::from(class)).map_or(f64::NAN, |&p| f64::from(p))).collect()
    };
    Ok(Sentence {
        id: ID,
        text: format!(
            "{} {are} in doubt; the first to look at: {predicted}, labelled {label}.",
            super::super::words::thousands(doubtful.len())
        ),
        evidence: format!(
            "Of {}, over the later half of the checkpoints another class is more probable by {DOUBT} or more and is \
             predicted at {:.0} % of them or more. #{} has the highest score, {:.2}: {predicted} is more probable by {:.2}. \
             Possible label errors: look before you call them wrong.",
            plural(examples.items.len(), "image"),
            100.0 * AGREEMENT,
            first.image.0,
            first.score,
            first.doubt,
        ),
        values: [
            ("doubtful", doubtful.len().into()),
            ("image", f64::from(first.image.0).into()),
            ("label", label.into()),
            ("predicted", predicted.into()),
            ("score", f64::from(first.score).into()),
        ]
        .into(),
        checkpoint,
        link: StoryLink {
            view: "confusion",
            checkpoint,
            image: Some(first.image.0),
            options: [("confusion.panel", "suspects".to_owned())].into(),
            ..StoryLink::default()
        },
        picture: Picture::Curves(Curves {
            image: Some(first.image.0),
            checkpoints: history.iter().map(|&(checkpoint, _)| checkpoint).collect(),
            lines: vec![
                Line::new(label, Rank::Part, &probabilities(first.label.0)),
                Line::new(predicted, Rank::Main, &probabilities(first.predicted.0)),
            ],
            range: [0.0, 1.0],
            unit: CurveUnit::Share,
            ..Curves::default()
        }),
    })
}
