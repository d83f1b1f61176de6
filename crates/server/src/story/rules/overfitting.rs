//! Whether the network learns the training images by heart.

use super::super::material::{CheckpointMetrics, Material};
use super::super::sentence::{CurveUnit, Curves, Line, MeanOf, Picture, Rank, RuleResult, Sentence, StoryLink};
use super::super::windows::{Change, WINDOW, mean, running_means};
use super::super::words::{checkpoints, percent, points};

pub(crate) const ID: &str = "overfitting";

/// The numbers of the measured checkpoints after the untrained network.
struct Course {
    checkpoints: Vec<usize>,
    train: Vec<f64>,
    test: Vec<f64>,
}

fn course(material: &Material, of: impl Fn(&CheckpointMetrics) -> Option<(f64, f64)>) -> Course {
    let finite = material.metrics.iter().enumerate().filter(|(_, at)| !at.diverged && at.step > 0);
    let found: Vec<(usize, (f64, f64))> = finite.filter_map(|(index, at)| Some((index, of(at)?))).collect();
    Course {
        checkpoints: found.iter().map(|&(index, _)| index).collect(),
        train: found.iter().map(|&(_, (train, _))| train).collect(),
        test: found.iter().map(|&(_, (_, test))| test).collect(),
    }
}

/// The checkpoint since which the mean test loss of five rises by more than the spread while the training loss falls;
/// else by how much the test error ends above the training error.
pub(crate) fn apply(material: &Material) -> RuleResult {
    let losses = course(material, |at| at.train_loss.zip(at.test_loss));
    if losses.test.len() < 2 * WINDOW {
        return Err(format!("needs training and test loss at {} checkpoints or more", 2 * WINDOW));
    }
    if let Some(sentence) = overfits(&losses) {
        return Ok(sentence);
    }
    gap(&course(material, |at| at.train_error.zip(at.test_error)), material.counts.all_images())
}

fn overfits(losses: &Course) -> Option<Sentence> {
    let means = running_means(&losses.test);
    let low = (0..means.len()).min_by(|&a, &b| means[a].total_cmp(&means[b]))?;
    let end = means.len() - WINDOW..means.len();
    let around = low.saturating_sub(WINDOW / 2)..(low + WINDOW / 2 + 1).min(means.len());
    if around.end > end.start {
        return None;
    }
    let test = Change::of_numbers(&losses.test[around.clone()], &losses.test[end.clone()]);
    let train = Change::of_numbers(&losses.train[around.clone()], &losses.train[end.clone()]);
    if test.fall() >= 0.0 || !test.exceeds(1.0) || train.fall() <= 0.0 {
        return None;
    }
    let checkpoint = losses.checkpoints[low];
    let max = losses.test.iter().chain(&losses.train).copied().fold(0.0, f64::max);
    let late = checkpoints(&losses.checkpoints[end.clone()]);
    Some(sentence(
        losses,
        format!("The network overfits from checkpoint {checkpoint} on."),
        format!(
            "The test loss is lowest there, {:.2} (mean of five checkpoints), and {:.2} over {late}; the training loss \
             fell from {:.2} to {:.2} in that time.",
            test.from, test.to, train.from, train.to
        ),
        ([("since", checkpoint.into()), ("lowest", test.from.into()), ("end", test.to.into())].into(), checkpoint),
        ([0.0, max], CurveUnit::Number, "loss"),
        &[(around, test.from), (end, test.to)],
    ))
}

fn gap(errors: &Course, images: u64) -> RuleResult {
    if errors.test.len() < 2 * WINDOW {
        return Err("the training error was not measured".to_owned());
    }
    let end = errors.test.len() - WINDOW..errors.test.len();
    let change = Change::of_shares(&errors.test[end.clone()], &errors.train[end.clone()], images);
    if !change.exceeds(1.0) {
        return Err(format!(
            "the test loss does not rise, and test and training error end within the spread of each other ({} and {})",
            percent(change.from),
            percent(change.to)
        ));
    }
    let (way, by) = if change.fall() > 0.0 { ("above", change.fall()) } else { ("below", -change.fall()) };
    let why = if change.fall() > 0.0 {
        " The test loss does not rise, so it is not overfitting yet."
    } else {
        " Training images are augmented, and are measured while the network still changes."
    };
    let checkpoint = errors.checkpoints[errors.checkpoints.len() - 1];
    let max = mean(&errors.test[..1]).max(errors.train.iter().copied().fold(0.0, f64::max)).min(1.0);
    Ok(sentence(
        errors,
        format!("The test error ends {} {way} the training error.", points(by)),
        format!(
            "{} and {} over {}.{why}",
            percent(change.from),
            percent(change.to),
            checkpoints(&errors.checkpoints[end.clone()]),
        ),
        (
            [("test", change.from.into()), ("train", change.to.into()), ("noise", change.noise.into())].into(),
            checkpoint,
        ),
        ([0.0, max], CurveUnit::Share, "error"),
        &[(end.clone(), change.from), (end, change.to)],
    ))
}

type Found = (std::collections::BTreeMap<&'static str, super::super::sentence::StoryValue>, usize);

fn sentence(
    of: &Course,
    text: String,
    evidence: String,
    (values, checkpoint): Found,
    (range, unit, what): ([f64; 2], CurveUnit, &str),
    means: &[(std::ops::Range<usize>, f64)],
) -> Sentence {
    let mean_of = |(window, value): &(std::ops::Range<usize>, f64)| MeanOf {
        from: of.checkpoints[window.start],
        to: of.checkpoints[window.end - 1],
        value: *value,
    };
    Sentence {
        id: ID,
        text,
        evidence,
        values,
        checkpoint,
        link: StoryLink { view: "training", checkpoint, ..StoryLink::default() },
        picture: Picture::Curves(Curves {
            checkpoints: of.checkpoints.clone(),
            lines: vec![
                Line::new(format!("training {what}"), Rank::Part, &of.train),
                Line::new(format!("test {what}"), Rank::Main, &of.test),
            ],
            range,
            unit,
            means: means.iter().map(mean_of).collect(),
            ..Curves::default()
        }),
    }
}
