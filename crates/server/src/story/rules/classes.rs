//! Which class is learned first, and which is recognised least at the end.

use super::super::material::Material;
use super::super::sentence::{CurveUnit, Curves, Line, Picture, Rank, RuleResult, Sentence, StoryLink};
use super::super::windows::{Ends, ends, mean, running_means, since};
use super::super::words::{capital, checkpoints, listed, percent};

pub(crate) const ID: &str = "classes";

/// A class is learned while the mean recall around a checkpoint is at least this.
const LEARNED: f64 = 0.5;
/// Classes that the sentence names; of more it gives the number.
const MAX_NAMED: usize = 3;
/// The same in the evidence.
const MAX_LISTED: usize = 10;

/// What the counts say of the classes.
struct Found {
    /// Classes that have images.
    known: Vec<usize>,
    /// Those that are learned first, and when.
    first: Vec<usize>,
    checkpoint: usize,
    /// The class with the lowest recall at the end, that recall, and since when it is learned.
    lowest: usize,
    lowest_recall: f64,
    lowest_learned: Option<usize>,
}

fn find(material: &Material, windows: &Ends) -> Result<Found, String> {
    let counts = &material.counts;
    let known: Vec<usize> = (0..material.classes.len()).filter(|&class| counts.images[class] > 0).collect();
    let trained = windows.first.start;
    let learned_at = |class: usize| {
        let recall = counts.recall_of(class);
        since(&running_means(&recall[trained..]), |share| share >= LEARNED).map(|at| at + trained)
    };
    let learned: Vec<(usize, usize)> =
        known.iter().filter_map(|&class| learned_at(class).map(|at| (class, at))).collect();
    let Some(at) = learned.iter().map(|&(_, at)| at).min() else {
        return Err(format!("no class is recognised in {} of its images until the end", percent(LEARNED)));
    };
    let first: Vec<usize> = learned.iter().filter(|&&(_, when)| when == at).map(|&(class, _)| class).collect();
    if at == trained && first.len() == known.len() {
        return Err("every class is learned from the first checkpoint with statistics on".to_owned());
    }
    let late = |class: usize| mean(&counts.recall_of(class)[windows.last.clone()]);
    let lowest = known.iter().copied().min_by(|&a, &b| late(a).total_cmp(&late(b))).unwrap_or_default();
    let lowest_learned = learned.iter().find(|&&(class, _)| class == lowest).map(|&(_, when)| counts.checkpoints[when]);
    Ok(Found { checkpoint: counts.checkpoints[at], lowest_recall: late(lowest), known, first, lowest, lowest_learned })
}

/// The class whose mean recall of five checkpoints is the first to reach one half and to stay there, and the class with
/// the lowest mean recall over the last checkpoints.
pub(crate) fn apply(material: &Material) -> RuleResult {
    let counts = &material.counts;
    let windows = ends(&counts.checkpoints)?;
    let found = find(material, &windows)?;
    let names: Vec<String> = found.first.iter().map(|&class| material.classes[class].clone()).collect();
    let lowest = &material.classes[found.lowest];
    let begin = match names.len() {
        1 => format!("{} is learned first", capital(&names[0])),
        2..=MAX_NAMED => format!("{} are learned first", capital(&listed(&names))),
        many => format!("{many} of {} classes are learned at once", found.known.len()),
    };
    let evidence = format!(
        "From checkpoint {} on at least half of the images of {} are correct (means of five checkpoints). \
         Of {lowest} {} are correct over {}{}.",
        found.checkpoint,
        if names.len() <= MAX_LISTED { listed(&names) } else { format!("{} classes", names.len()) },
        percent(found.lowest_recall),
        checkpoints(counts.checkpoints_in(&windows.last)),
        found.lowest_learned.map_or_else(
            || ", and at no checkpoint does it stay above half".to_owned(),
            |when| format!("; it stays above half from checkpoint {when} on")
        ),
    );
    Ok(Sentence {
        id: ID,
        text: format!("{begin}; {lowest} ends lowest, at {}.", percent(found.lowest_recall)),
        evidence,
        values: [
            ("first", names.join(", ").as_str().into()),
            ("first_checkpoint", found.checkpoint.into()),
            ("lowest", lowest.as_str().into()),
            ("lowest_recall", found.lowest_recall.into()),
        ]
        .into(),
        checkpoint: found.checkpoint,
        link: StoryLink {
            view: "confusion",
            checkpoint: found.checkpoint,
            options: [("class", found.first[0].to_string())].into(),
            ..StoryLink::default()
        },
        picture: picture(material, &found),
    })
}

fn picture(material: &Material, found: &Found) -> Picture {
    let counts = &material.counts;
    let rank =
        |class: usize| if found.first.contains(&class) || class == found.lowest { Rank::Main } else { Rank::Other };
    let mut drawn = found.known.clone();
    // What the sentence names lies on top.
    drawn.sort_by_key(|&class| rank(class) == Rank::Main);
    let lines = drawn.iter().map(|&class| Line::new(&material.classes[class], rank(class), &counts.recall_of(class)));
    Picture::Curves(Curves {
        checkpoints: counts.checkpoints.clone(),
        lines: lines.collect(),
        range: [0.0, 1.0],
        unit: CurveUnit::Share,
        ..Curves::default()
    })
}
