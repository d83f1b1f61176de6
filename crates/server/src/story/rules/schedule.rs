//! What a drop of the learning rate did to the error.

use super::super::material::{Material, Phase};
use super::super::sentence::{
    CurveUnit, Curves, Line, MeanOf, Picture, Rank, RuleResult, Sentence, StoryEvent, StoryLink,
};
use super::super::windows::{Change, WINDOW};
use super::super::words::{checkpoints, percent, points};

pub(crate) const ID: &str = "schedule";

/// A drop with what it did.
struct Drop {
    phase: Phase,
    /// The rate is divided by this.
    factor: f64,
    before: Vec<usize>,
    after: Vec<usize>,
    change: Change,
}

/// Of the drops of the learning rate the one after which the test error fell furthest: means of the five checkpoints
/// before and after it, and a fall of more than the spread.
pub(crate) fn apply(material: &Material) -> RuleResult {
    if material.phases.is_empty() {
        return Err("the run records no learning rate schedule".to_owned());
    }
    let found: Vec<Drop> = (1..material.phases.len()).filter_map(|at| drop_at(material, at)).collect();
    if found.is_empty() {
        return Err("the learning rate does not drop between measured checkpoints".to_owned());
    }
    let clear_drops = found.into_iter().filter(|drop| drop.change.fall() > 0.0 && drop.change.exceeds(1.0));
    let Some(drop) = clear_drops.max_by(|a, b| a.change.fall().total_cmp(&b.change.fall())) else {
        return Err("no drop of the learning rate changes the error by more than the spread".to_owned());
    };
    let checkpoint = drop.after[0];
    let text = format!("{} takes {} off the error.", divided(drop.factor), points(drop.change.fall()));
    let evidence = format!(
        "Mean test error over {}, before epoch {:.1}: {}; over {}, after it: {}. The spread of such a difference is {}.",
        checkpoints(&drop.before),
        drop.phase.epoch,
        percent(drop.change.from),
        checkpoints(&drop.after),
        percent(drop.change.to),
        percent(drop.change.noise),
    );
    Ok(Sentence {
        id: ID,
        text,
        evidence,
        values: [
            ("epoch", drop.phase.epoch.into()),
            ("factor", drop.factor.into()),
            ("before", drop.change.from.into()),
            ("after", drop.change.to.into()),
            ("noise", drop.change.noise.into()),
        ]
        .into(),
        checkpoint,
        link: StoryLink { view: "training", checkpoint, ..StoryLink::default() },
        picture: picture(material, &drop),
    })
}

/// The drop in words.
fn divided(factor: f64) -> String {
    let whole = [
        (2.0, "Halving the learning rate"),
        (4.0, "Quartering the learning rate"),
        (5.0, "Cutting the learning rate to a fifth"),
        (10.0, "Cutting the learning rate to a tenth"),
    ];
    let named = whole.iter().find(|(by, _)| (factor - by).abs() < 0.02 * by);
    named.map_or_else(|| format!("Dividing the learning rate by {factor:.1}"), |(_, words)| (*words).to_owned())
}

/// A drop at the start of a phase; none where the rate grows, or is not measured on both sides.
fn drop_at(material: &Material, at: usize) -> Option<Drop> {
    let (before, phase) = (material.phases[at - 1], material.phases[at]);
    let factor = before.rate / phase.rate;
    let is_drop = factor.is_finite() && factor > 1.2;
    let end = material.phases.get(at + 1).map_or(u64::MAX, |next| next.first_step);
    let measured = |from: u64, to: u64| {
        let within = move |step: u64| step > from && step <= to;
        let metrics = material.metrics.iter().enumerate();
        metrics.filter(move |(_, at)| within(at.step) && at.test_error.is_some() && !at.diverged)
    };
    let mut earlier: Vec<usize> = measured(before.first_step, phase.first_step).map(|(index, _)| index).collect();
    let later: Vec<usize> = measured(phase.first_step, end).map(|(index, _)| index).take(WINDOW).collect();
    earlier.drain(..earlier.len().saturating_sub(WINDOW));
    if !is_drop || earlier.len() < 2 || later.len() < 2 {
        return None;
    }
    let errors = |of: &[usize]| of.iter().filter_map(|&index| material.metrics[index].test_error).collect::<Vec<_>>();
    // How many images there are is known only where there are statistics of the split.
    let change = Change::of_shares(&errors(&earlier), &errors(&later), material.counts.all_images().max(1));
    Some(Drop { phase, factor, before: earlier, after: later, change })
}

fn picture(material: &Material, drop: &Drop) -> Picture {
    // A little more than the windows, so that the course before is seen.
    let from = drop.before[0].saturating_sub(2 * WINDOW);
    let to = (drop.after[drop.after.len() - 1] + WINDOW + 1).min(material.metrics.len());
    let error = |index: usize| material.metrics[index].test_error.unwrap_or(f64::NAN);
    let values: Vec<f64> = (from..to).map(error).collect();
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (min, max) = (finite().fold(1.0, f64::min), finite().fold(0.0, f64::max));
    let mean_of = |of: &[usize], value: f64| MeanOf { from: of[0], to: of[of.len() - 1], value };
    Picture::Curves(Curves {
        checkpoints: (from..to).collect(),
        lines: vec![Line::new("test error", Rank::Main, &values)],
        range: [(min - 0.02).max(0.0), (max + 0.02).min(1.0)],
        unit: CurveUnit::Share,
        means: vec![mean_of(&drop.before, drop.change.from), mean_of(&drop.after, drop.change.to)],
        events: vec![StoryEvent { epoch: drop.phase.epoch, label: format!("rate ÷ {:.0}", drop.factor) }],
        ..Curves::default()
    })
}
