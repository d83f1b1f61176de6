//! When the layers stop changing.

use super::super::material::{LayerChanges, Material};
use super::super::sentence::{CurveUnit, Curves, Line, Picture, Rank, RuleResult, Sentence, StoryLink};
use super::super::windows::{WINDOW, mean, running_means, since};
use super::super::words::{capital, listed, percent};

pub(crate) const ID: &str = "layers";

/// A layer has stopped where its weights change by less than this share of what they usually change by.
const STOPPED: f64 = 0.25;
/// Layers that are named, and lines of the picture.
const MAX_LAYERS: usize = 3;
const MAX_LINES: usize = 8;

/// A layer's usual change in an epoch, and when it stopped.
struct Course<'a> {
    of: &'a LayerChanges,
    median: f64,
    /// Mean over the last changes.
    late: f64,
    stopped: Option<usize>,
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[middle - 1], sorted[middle]) } else { sorted[middle] }
}

fn course(of: &LayerChanges) -> Course<'_> {
    let median = median(&of.per_epoch);
    let means = running_means(&of.per_epoch);
    let stopped = since(&means, |change| change < STOPPED * median).map(|at| of.checkpoints[at]);
    Course { of, median, late: mean(&of.per_epoch[of.per_epoch.len() - WINDOW..]), stopped }
}

/// The checkpoint from which on the mean of five changes of a layer's weights stays below a quarter of its median; where
/// no layer has one, how fast the weights still change.
pub(crate) fn apply(material: &Material) -> RuleResult {
    let enough = |layer: &&LayerChanges| layer.per_epoch.len() >= 2 * WINDOW;
    let courses: Vec<Course<'_>> = material.changes.iter().filter(enough).map(course).collect();
    let Some(fastest) = courses.iter().max_by(|a, b| a.late.total_cmp(&b.late)) else {
        return Err(format!("needs the changes of the weights at {} checkpoints or more", 2 * WINDOW));
    };
    let first = courses.iter().filter_map(|course| course.stopped).min();
    let last = *fastest.of.checkpoints.last().unwrap_or(&0);
    let (text, evidence, checkpoint) = match first {
        Some(at) => stopped(material, &courses, at),
        None => (
            "No layer has stopped changing.".to_owned(),
            format!(
                "The weights of {} still change by {} of their norm in an epoch (mean of the last five checkpoints); \
                 the median over the run is {}. Stopped would be less than a quarter of it.",
                fastest.of.layer,
                percent(fastest.late),
                percent(fastest.median),
            ),
            last,
        ),
    };
    let main = courses.iter().find(|course| first.is_some() && course.stopped == first).unwrap_or(fastest);
    Ok(Sentence {
        id: ID,
        text,
        evidence,
        values: [
            ("layer", main.of.layer.as_str().into()),
            ("median_per_epoch", main.median.into()),
            ("late_per_epoch", main.late.into()),
            ("stopped", main.stopped.map_or_else(|| "never".into(), Into::into)),
        ]
        .into(),
        checkpoint,
        link: StoryLink { view: "training", checkpoint, layer: Some(main.of.layer.clone()), ..StoryLink::default() },
        picture: picture(&courses, main),
    })
}

fn stopped(material: &Material, courses: &[Course<'_>], at: usize) -> (String, String, usize) {
    let those: Vec<String> =
        courses.iter().filter(|course| course.stopped == Some(at)).map(|course| course.of.layer.clone()).collect();
    let epoch = material.metrics[at].epoch;
    let text = if those.len() == courses.len() && those.len() > 1 {
        format!("All layers stop changing at epoch {epoch:.1}.")
    } else if those.len() > MAX_LAYERS {
        format!("{} of {} layers stop changing at epoch {epoch:.1}.", those.len(), courses.len())
    } else {
        let stop = if those.len() == 1 { "stops" } else { "stop" };
        format!("{} {stop} changing at epoch {epoch:.1}.", capital(&listed(&those)))
    };
    let later: Vec<String> = courses
        .iter()
        .filter_map(|course| {
            course.stopped.filter(|&when| when != at).map(|when| format!("{} at {when}", course.of.layer))
        })
        .take(MAX_LAYERS)
        .collect();
    let never: Vec<String> = courses
        .iter()
        .filter(|course| course.stopped.is_none())
        .map(|course| course.of.layer.clone())
        .take(MAX_LAYERS)
        .collect();
    let begin = format!(
        "From checkpoint {at} on the mean of five changes of the weights is less than a quarter of the median change."
    );
    let later = if later.is_empty() { String::new() } else { format!(" Later: {}.", listed(&later)) };
    let never = if never.is_empty() { String::new() } else { format!(" Not yet at the end: {}.", listed(&never)) };
    (text, begin + &later + &never, at)
}

fn picture(courses: &[Course<'_>], main: &Course<'_>) -> Picture {
    let checkpoints = main.of.checkpoints.clone();
    // The first changes, of small initial weights, are many times their norm: the axis holds what is usual.
    let max = 2.0 * courses.iter().map(|course| course.median).fold(0.0, f64::max);
    let same = courses.iter().filter(|course| course.of.checkpoints == checkpoints);
    let mut lines: Vec<Line> = same
        .clone()
        .filter(|course| course.of.layer != main.of.layer)
        .take(MAX_LINES - 1)
        .map(|course| Line::new(&course.of.layer, Rank::Part, &course.of.per_epoch))
        .collect();
    lines.push(Line::new(&main.of.layer, Rank::Main, &main.of.per_epoch));
    Picture::Curves(Curves { checkpoints, lines, range: [0.0, max], unit: CurveUnit::Share, ..Curves::default() })
}
