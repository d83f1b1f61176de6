//! Which two classes hardly come apart, and which come apart most.

use super::super::counts::Pair;
use super::super::material::Material;
use super::super::sentence::{CurveUnit, Curves, Line, MeanOf, Picture, Rank, RuleResult, Sentence, StoryLink};
use super::super::windows::{Change, Ends, ends};
use super::super::words::{capital, checkpoints, percent};

pub(crate) const STAYS: &str = "pair-stays";
pub(crate) const PARTS: &str = "pair-parts";

/// The largest of many changes must exceed its noise by this factor.
const LARGEST_OF_MANY: f64 = 2.0;
/// A pair hardly comes apart where its sum fell by less than this share of what the error fell by, both relative.
const HARDLY: f64 = 0.5;
/// The least share of both classes' images that is worth a sentence.
const MIN_SHARE: f64 = 0.02;

fn change_of(pair: &Pair, Ends { first, last }: &Ends) -> Change {
    let sums = pair.sums();
    Change::of_counts(&sums[first.clone()], &sums[last.clone()])
}

fn names(material: &Material, pair: &Pair) -> [String; 2] {
    pair.classes.map(|class| material.classes[class].clone())
}

fn sentence(
    material: &Material,
    (id, pair, change): (&'static str, &Pair, Change),
    (text, evidence, other): (String, String, Option<&Pair>),
) -> Result<Sentence, String> {
    let counts = &material.counts;
    let windows = ends(&counts.checkpoints)?;
    let images = counts.images_of(pair.classes);
    let shares = |values: &[f64], of: f64| values.iter().map(|value| value / of).collect::<Vec<f64>>();
    let [a, b] = names(material, pair);
    let mut lines = Vec::new();
    if let Some(other) = other {
        let label = names(material, other).join(", ");
        lines.push(Line::new(label, Rank::Other, &shares(&other.sums(), counts.images_of(other.classes))));
    }
    let ways = [format!("{a} → {b}"), format!("{b} → {a}")];
    for (label, values) in ways.into_iter().zip(&pair.directions) {
        lines.push(Line::new(label, Rank::Part, &shares(values, images)));
    }
    lines.push(Line::new(format!("{a}, {b}"), Rank::Main, &shares(&pair.sums(), images)));
    let values = lines.iter().flat_map(|line| line.values.iter().flatten()).copied();
    let max = values.fold(MIN_SHARE, f64::max);
    let mean_of = |window: &std::ops::Range<usize>, value: f64| {
        let of = counts.checkpoints_in(window);
        MeanOf { from: of[0], to: of[of.len() - 1], value: value / images }
    };
    let checkpoint = counts.checkpoints[counts.checkpoints.len() - 1];
    Ok(Sentence {
        id,
        text,
        evidence,
        values: [
            ("first_class", a.as_str().into()),
            ("second_class", b.as_str().into()),
            ("before", (change.from / images).into()),
            ("after", (change.to / images).into()),
            ("noise", (change.noise / images).into()),
        ]
        .into(),
        checkpoint,
        link: StoryLink {
            view: "confusion",
            checkpoint,
            options: [
                ("confusion.cell", format!("{}-{}", pair.classes[0], pair.classes[1])),
                ("confusion.panel", "apart".to_owned()),
            ]
            .into(),
            ..StoryLink::default()
        },
        picture: Picture::Curves(Curves {
            checkpoints: counts.checkpoints.clone(),
            lines,
            range: [0.0, max],
            unit: CurveUnit::Share,
            means: vec![mean_of(&windows.first, change.from), mean_of(&windows.last, change.to)],
            ..Curves::default()
        }),
    })
}

/// The pair that is mixed up most over the last checkpoints. It hardly comes apart where its sum fell by less than half
/// of what the error fell by.
pub(crate) fn apply_stays(material: &Material) -> RuleResult {
    let counts = &material.counts;
    let windows = ends(&counts.checkpoints)?;
    let Some(pair) = counts.pairs.first() else { return Err("no two classes are mixed up at the end".to_owned()) };
    let change = change_of(pair, &windows);
    let images = counts.images_of(pair.classes);
    if change.to / images < MIN_SHARE {
        return Err(format!("no two classes are mixed up in {} of their images", percent(MIN_SHARE)));
    }
    let error = Change::of_shares(
        &counts.error[windows.first.clone()],
        &counts.error[windows.last.clone()],
        counts.all_images(),
    );
    let [a, b] = names(material, pair);
    let (fell, error_fell) = (change.fall() / change.from, error.fall() / error.from);
    let hardly = error.exceeds(1.0) && error_fell > 0.0 && fell < HARDLY * error_fell;
    let text = if hardly {
        format!("{} and {b} hardly come apart.", capital(&a))
    } else {
        format!("{} and {b} are mixed up most: {} at the end.", capital(&a), percent(change.to / images))
    };
    let shares = format!(
        "{} of both were mixed up over {}, {} over {}.",
        percent(change.from / images),
        checkpoints(counts.checkpoints_in(&windows.first)),
        percent(change.to / images),
        checkpoints(counts.checkpoints_in(&windows.last)),
    );
    let against = if hardly {
        let change = change_words(&change);
        format!(" The error of all images fell by {} in that time; their confusion {change}.", percent(error_fell))
    } else {
        String::new()
    };
    sentence(material, (STAYS, pair, change), (text, shares + &against, None))
}

/// What became of a confusion, as a share of what it was: `grew by 12 %`.
fn change_words(change: &Change) -> String {
    let fell = change.fall() / change.from;
    if !change.exceeds(1.0) {
        "did not change by more than the spread".to_owned()
    } else if change.from == 0.0 {
        "grew from none".to_owned()
    } else if fell < 0.0 {
        format!("grew by {}", percent(-fell))
    } else {
        format!("fell by {}", percent(fell))
    }
}

/// The pair whose sum fell furthest, by more than twice the noise.
pub(crate) fn apply_parts(material: &Material) -> RuleResult {
    let counts = &material.counts;
    let windows = ends(&counts.checkpoints)?;
    let none = || Err("no two classes come apart by more than twice the spread between checkpoints".to_owned());
    let furthest = counts.pairs.iter().map(|pair| (pair, change_of(pair, &windows)));
    let Some((pair, change)) = furthest.max_by(|(_, a), (_, b)| a.fall().total_cmp(&b.fall())) else { return none() };
    let images = counts.images_of(pair.classes);
    if change.fall() / images < MIN_SHARE || !change.exceeds(LARGEST_OF_MANY) {
        return none();
    }
    let [a, b] = names(material, pair);
    let spread = percent(change.noise / images);
    let text = format!("{} and {b} come apart most.", capital(&a));
    let evidence = format!(
        "{} of both were mixed up over {}, {} over {}; the spread of such a difference is {spread}.",
        percent(change.from / images),
        checkpoints(counts.checkpoints_in(&windows.first)),
        percent(change.to / images),
        checkpoints(counts.checkpoints_in(&windows.last)),
    );
    let other = counts.pairs.first().filter(|other| other.classes != pair.classes);
    sentence(material, (PARTS, pair, change), (text, evidence, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confusion_that_was_none_has_no_share_to_grow_by() {
        let words = |from: f64, to: f64| change_words(&Change { from, to, noise: 1.0 });
        assert_eq!(words(0.0, 5.0), "grew from none");
        assert_eq!(words(4.0, 6.0), "grew by 50 %");
        assert_eq!(words(8.0, 2.0), "fell by 75 %");
        assert_eq!(words(8.0, 8.5), "did not change by more than the spread");
    }
}
