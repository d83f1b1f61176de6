//! What makes a cluster: captions from properties of the images' pixels, from their names and from their classes, each
//! with its effect size against other images; and slices, the images that a caption describes.
//!
//! Clusters are made from what a layer gives for images, so nothing here has been used to make them.

mod effect;
mod pixels;
mod property;
mod slice;
mod table;
mod words;

pub use effect::{Effect, Moments, Share, deviations, difference_interval, of_means, of_shares};
pub use pixels::{Values, values};
pub use property::Property;
pub use slice::{Condition, Difference, Side, Slice, TWO_SIDED_95, slice, within_classes};
pub use table::ImageTable;
pub use words::Word;

use std::ops::Range;

use rayon::prelude::*;

/// Effects below this are small (Cohen), and not shown however sure they are.
pub const MIN_EFFECT: f64 = 0.2;
/// A caption whose correlation with a stronger one is at least as great repeats it.
const SAME: f64 = 0.8;
/// Captions of a cluster at most.
pub const MAX_CAPTIONS: usize = 24;

/// The images that a cluster is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// All other images.
    Rest,
    /// Images of the cluster's most frequent class inside it with those outside of it.
    Class,
}

/// What a caption speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A property; its means are compared.
    Property(Property),
    /// The word of that place in the table; shares of images are compared.
    Word(usize),
    /// A class; shares of images are compared.
    Class(usize),
}

/// One thing that sets a cluster apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caption {
    /// What is compared.
    pub subject: Subject,
    /// The mean, or the share, of the cluster's images.
    pub inside: f64,
    /// Of the others.
    pub outside: f64,
    /// Images on either side for which it is defined.
    pub images: [usize; 2],
    /// How large the difference is. Intervals hold for all comparisons of a cluster together.
    pub effect: Effect,
    /// The place of a stronger caption of the same cluster that says the same.
    pub repeats: Option<usize>,
}

/// The captions of one cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterCaptions {
    /// The class that both sides are of, where the cluster is compared within one.
    pub class: Option<usize>,
    /// Measured images inside, and those they are compared with.
    pub images: [usize; 2],
    /// Beyond the noise and not small, the largest effect first.
    pub captions: Vec<Caption>,
}

/// Comparisons that are made for each cluster.
pub fn comparisons(table: &ImageTable, against: Against) -> usize {
    let classes = if against == Against::Rest { table.class_count } else { 0 };
    Property::ALL.len() + table.words.len() + classes
}

/// The captions of some clusters. `clusters` is the cluster of the image in each row of the table.
pub fn captions(table: &ImageTable, clusters: &[u16], wanted: Range<usize>, against: Against) -> Vec<ClusterCaptions> {
    let deviations = deviations(comparisons(table, against));
    wanted
        .into_par_iter()
        .map(|cluster| {
            let is_inside = |row: usize| clusters.get(row).is_some_and(|found| usize::from(*found) == cluster);
            Comparison::new(table, against, is_inside).captions(table, deviations)
        })
        .collect()
}

/// The two sides that a cluster makes of the images.
struct Comparison {
    /// Inside, outside, or neither, by row.
    sides: Vec<Option<bool>>,
    class: Option<usize>,
    images: [usize; 2],
}

impl Comparison {
    fn new(table: &ImageTable, against: Against, is_inside: impl Fn(usize) -> bool) -> Self {
        let mut mix = vec![0_usize; table.class_count];
        for (_, class) in table.classes.iter().enumerate().filter(|(row, _)| is_inside(*row)) {
            if let Some(count) = mix.get_mut(usize::from(*class)) {
                *count += 1;
            }
        }
        // The first of equals.
        let main_class = mix.iter().enumerate().rev().max_by_key(|(_, count)| **count).map_or(0, |(class, _)| class);
        let class = (against == Against::Class).then_some(main_class);
        let side = |row: usize| {
            let belongs = class.is_none_or(|class| usize::from(table.classes[row]) == class);
            belongs.then(|| is_inside(row))
        };
        let sides: Vec<Option<bool>> = (0..table.images.len()).map(side).collect();
        let count = |wanted: bool| sides.iter().filter(|side| **side == Some(wanted)).count();
        let images = [count(true), count(false)];
        Self { sides, class, images }
    }

    fn captions(&self, table: &ImageTable, deviations: f64) -> ClusterCaptions {
        let mut captions: Vec<Caption> = Property::ALL
            .into_iter()
            .filter_map(|property| self.of_property(table, property, deviations))
            .chain((0..table.words.len()).filter_map(|word| self.of_word(table, word, deviations)))
            .chain((0..table.class_count).filter_map(|class| self.of_class(table, class, deviations)))
            .filter(|caption| caption.effect.is_beyond_noise() && caption.effect.size.abs() >= MIN_EFFECT)
            .collect();
        captions.sort_by(|a, b| b.effect.size.abs().total_cmp(&a.effect.size.abs()));
        captions.truncate(MAX_CAPTIONS);
        for index in 1..captions.len() {
            let says_the_same = |earlier: &usize| {
                let before = &captions[*earlier];
                before.repeats.is_none() && is_same(table, before.subject, captions[index].subject)
            };
            captions[index].repeats = (0..index).find(says_the_same);
        }
        ClusterCaptions { class: self.class, images: self.images, captions }
    }

    fn of_property(&self, table: &ImageTable, property: Property, deviations: f64) -> Option<Caption> {
        let shift = table.means[property.column()];
        let [mut inside, mut outside] = [Moments::default(); 2];
        for (&value, side) in table.properties.column(property.column()).iter().zip(&self.sides) {
            let Some(side) = side.filter(|_| !value.is_nan()) else { continue };
            let group = if side { &mut inside } else { &mut outside };
            group.add(f64::from(value) - shift);
        }
        let effect = of_means(&inside, &outside, deviations)?;
        Some(Caption {
            subject: Subject::Property(property),
            inside: inside.mean() + shift,
            outside: outside.mean() + shift,
            images: [inside.count, outside.count],
            effect,
            repeats: None,
        })
    }

    fn of_word(&self, table: &ImageTable, word: usize, deviations: f64) -> Option<Caption> {
        let mut counts = [0; 2];
        for &row in &table.words[word].images {
            if let Some(is_inside) = self.sides[row as usize] {
                counts[usize::from(!is_inside)] += 1;
            }
        }
        self.of_counts(Subject::Word(word), counts, deviations)
    }

    /// Only classes that are more frequent in the cluster: that it lacks the others follows from them.
    fn of_class(&self, table: &ImageTable, class: usize, deviations: f64) -> Option<Caption> {
        if self.class.is_some() {
            return None;
        }
        let mut counts = [0; 2];
        for (side, found) in self.sides.iter().zip(&table.classes) {
            if let (Some(is_inside), true) = (side, usize::from(*found) == class) {
                counts[usize::from(!is_inside)] += 1;
            }
        }
        self.of_counts(Subject::Class(class), counts, deviations).filter(|caption| caption.effect.size > 0.0)
    }

    fn of_counts(&self, subject: Subject, counts: [usize; 2], deviations: f64) -> Option<Caption> {
        let share = |side: usize| Share { count: counts[side], of: self.images[side] };
        let effect = of_shares(share(0), share(1), deviations)?;
        Some(Caption {
            subject,
            inside: share(0).value(),
            outside: share(1).value(),
            images: self.images,
            effect,
            repeats: None,
        })
    }
}

/// True where one says of the images what the other says.
fn is_same(table: &ImageTable, a: Subject, b: Subject) -> bool {
    let images = |subject: Subject| -> Option<Vec<u32>> {
        match subject {
            Subject::Property(_) => None,
            Subject::Word(word) => Some(table.words[word].images.clone()),
            Subject::Class(class) => {
                let of_class = table.classes.iter().enumerate().filter(|(_, found)| usize::from(**found) == class);
                Some(of_class.map(|(row, _)| row as u32).collect())
            }
        }
    };
    match (a, b) {
        (Subject::Property(a), Subject::Property(b)) => table.correlations[[a.column(), b.column()]].abs() >= SAME,
        _ => match (images(a), images(b)) {
            (Some(a), Some(b)) => phi(&a, &b, table.images.len()).abs() >= SAME,
            _ => false,
        },
    }
}

/// The correlation (phi coefficient) of two ascending sets of rows, out of `images` rows.
fn phi(a: &[u32], b: &[u32], images: usize) -> f64 {
    let both = a.iter().filter(|row| b.binary_search(row).is_ok()).count() as f64;
    let [p, q, n] = [a.len() as f64, b.len() as f64, images as f64];
    let scale = (p * (n - p) * q * (n - q)).sqrt();
    if scale > 0.0 { (n * both - p * q) / scale } else { 0.0 }
}

#[cfg(test)]
mod tests;
