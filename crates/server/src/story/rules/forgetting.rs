//! The image that is learned and forgotten most often: predicted right, and wrong at the next checkpoint.

use super::super::material::{Examples, Material};
use super::super::sentence::{Picture, PredictedImage, RuleResult, Sentence, StoryLink};
use super::super::words::{plural, thousands};

pub(crate) const ID: &str = "forgetting";

/// An image that is forgotten less often is not reported: near the border between two classes that is common.
const OFTEN: u32 = 3;

/// Position of the image that is forgotten most often.
fn most_forgotten(examples: &Examples) -> Option<usize> {
    let found = (0..examples.items.len()).rev().max_by_key(|&at| examples.items[at].forgotten)?;
    (examples.items[found].forgotten >= OFTEN).then_some(found)
}

/// The image whose predictions the sentence needs.
pub(crate) fn subject(examples: &Examples) -> Option<u32> {
    most_forgotten(examples).map(|at| examples.items[at].image.0)
}

/// The image that a right prediction of is followed by a wrong one most often, and how many images stay right from the
/// first time on or are never right.
pub(crate) fn apply(material: &Material) -> RuleResult {
    let examples = material.examples.as_ref().map_err(Clone::clone)?;
    let Some(at) = most_forgotten(examples) else {
        return Err(format!("no image is learned and lost {OFTEN} times"));
    };
    let image = examples.items[at];
    let label = usize::from(examples.labels[at].0);
    let name = |class: usize| material.classes[class].as_str();
    let is_right = |index: usize| examples.items[index].predicted == examples.labels[index].0;
    let all = 0..examples.items.len();
    let stay = all.clone().filter(|&index| examples.items[index].forgotten == 0 && is_right(index)).count();
    let never: Vec<usize> = all.filter(|&index| examples.items[index].learned.is_none()).collect();
    let mut by_class = vec![0_usize; material.classes.len()];
    for &index in &never {
        by_class[usize::from(examples.labels[index].0)] += 1;
    }
    let worst = (0..by_class.len()).max_by_key(|&class| by_class[class]).unwrap_or_default();
    let of_worst = if never.is_empty() {
        String::new()
    } else {
        format!(", {} of them labelled {}", by_class[worst], name(worst))
    };
    let checkpoint = examples.checkpoints.last().copied().unwrap_or_default();
    let history = examples.histories.get(&image.image.0).map(Vec::as_slice).unwrap_or_default();
    let best = |probabilities: &[f32]| {
        let classes = (0..probabilities.len()).rev();
        classes.max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap_or_default()
    };
    Ok(Sentence {
        id: ID,
        text: format!("One image labelled {} is learned and lost {} times.", name(label), image.forgotten),
        evidence: format!(
            "#{}, correct at {} of {} checkpoints. {} of {} stay correct from the first time on; {} are never correct{of_worst}.",
            image.image.0,
            image.right,
            examples.checkpoints.len(),
            thousands(stay),
            plural(examples.items.len(), "image"),
            thousands(never.len()),
        ),
        values: [
            ("image", f64::from(image.image.0).into()),
            ("label", name(label).into()),
            ("forgotten", f64::from(image.forgotten).into()),
            ("stay", stay.into()),
            ("never", never.len().into()),
        ]
        .into(),
        checkpoint,
        link: StoryLink { view: "image", checkpoint, image: Some(image.image.0), ..StoryLink::default() },
        picture: Picture::Image(PredictedImage {
            image: image.image.0,
            label,
            checkpoints: history.iter().map(|&(checkpoint, _)| checkpoint).collect(),
            predicted: history.iter().map(|(_, probabilities)| best(probabilities)).collect(),
        }),
    })
}
