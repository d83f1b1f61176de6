//! The generated corpus: textured shapes on textured backgrounds, with sub-classes, two confusable pairs and a few
//! wrong labels, all recorded, so that every view of the dashboard has something to find whose answer is known.
//!
//! A picture is a function of (seed, number of the image), so that any number of threads makes the same bytes,
//! and arithmetic is limited to operations that are exact everywhere, so that any machine does.

mod catalogue;
mod notes;
mod outline;
mod random;
mod scene;
mod surface;

use std::{ops::RangeInclusive, path::Path};

use rayon::prelude::*;

use crate::{
    ClassId, Error, ImageId, ImageShape,
    formats::native::{self, ShapesCorpus},
};
use catalogue::{CLASSES, CONFUSABLE, SUBCLASSES};
pub use notes::ShapesNotes;
use random::Random;

/// One of this many labels is wrong.
const WRONG_LABEL_EVERY: usize = 100;
/// Keeps the random streams that arrange the corpus apart from those that draw its images.
const ARRANGE: u64 = 1 << 40;

/// The corpus to generate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShapesOptions {
    /// Images in both splits together, within [`Self::IMAGES`].
    pub images: usize,
    /// The part of them that is for testing, more than 0 and less than 1.
    pub test_fraction: f64,
    /// Another seed gives another corpus; the same seed gives the same bytes.
    pub seed: u64,
}

impl ShapesOptions {
    /// Allowed number of images: at least two a class.
    pub const IMAGES: RangeInclusive<usize> = 20..=100_000_000;
}

impl Default for ShapesOptions {
    fn default() -> Self {
        Self { images: 12_000, test_fraction: 1.0 / 6.0, seed: 1 }
    }
}

/// An image to be drawn.
#[derive(Debug, Clone, Copy)]
struct Planned {
    subclass: u16,
    label: ClassId,
}

/// Generates the `shapes` corpus into a folder, which [`Corpus::open`](crate::Corpus::open) reads.
/// A corpus that deepViz made there before is replaced; a folder with anything else in it is an error.
pub fn make_shapes(out: &Path, options: &ShapesOptions) -> Result<(), Error> {
    let ShapesOptions { images, test_fraction, seed } = *options;
    if !ShapesOptions::IMAGES.contains(&images) {
        return Err(Error::Option { key: "images", found: images.to_string(), expected: "20 to 100,000,000" });
    }
    if !(test_fraction > 0.0 && test_fraction < 1.0) {
        let found = test_fraction.to_string();
        return Err(Error::Option { key: "test_fraction", found, expected: "more than 0 and less than 1" });
    }
    let test = ((images as f64 * test_fraction).round() as usize).clamp(1, images - 1);
    let train = images - test;
    let mut plan = arrange(seed, 0, train);
    plan.extend(arrange(seed, 1, test));
    let shape = ImageShape { channels: 3, height: scene::SIDE, width: scene::SIDE };
    let mut pixels = vec![0; images * shape.len()];
    pixels.par_chunks_exact_mut(shape.len()).zip(&plan).enumerate().for_each(|(image, (pixels, planned))| {
        scene::picture(seed, image as u64, &SUBCLASSES[usize::from(planned.subclass)], pixels);
    });
    let corpus = ShapesCorpus {
        shape,
        train,
        classes: CLASSES.iter().map(|class| class.name.to_owned()).collect(),
        labels: plan.iter().map(|planned| planned.label).collect(),
        pixels,
        notes: notes(seed, &plan),
    };
    native::write(out, corpus)
}

/// Sub-class and label of each image of a split: as even as can be, in random order.
fn arrange(seed: u64, split: u64, images: usize) -> Vec<Planned> {
    let mut keyed: Vec<(u64, usize)> =
        (0..images).map(|image| (random::at(seed ^ (ARRANGE * (1 + split)), image as u64), image)).collect();
    keyed.sort_unstable();
    let mut plan = vec![Planned { subclass: 0, label: ClassId(0) }; images];
    for (rank, &(_, image)) in keyed.iter().enumerate() {
        let class = rank % CLASSES.len();
        let of_class = SUBCLASSES.iter().enumerate().filter(|(_, subclass)| subclass.class == class);
        let count = of_class.clone().count();
        let subclass = of_class.map(|(index, _)| index).nth(rank / CLASSES.len() % count).unwrap_or_default();
        plan[image] = Planned { subclass: subclass as u16, label: ClassId(class as u16) };
    }
    // The order is random already, so any block of it is a fair sample of images to label wrongly; but spread
    // over the split, so that a part of the corpus has its share.
    let mut random = Random::new(seed, ARRANGE * (3 + split));
    for block in plan.chunks_exact_mut(WRONG_LABEL_EVERY) {
        let planned = &mut block[random.below(WRONG_LABEL_EVERY)];
        let other = planned.label.index() + 1 + random.below(CLASSES.len() - 1);
        planned.label = ClassId((other % CLASSES.len()) as u16);
    }
    plan
}

impl ShapesNotes {
    /// Which pixels of an image lie on the shape that was drawn, row by row; none for an image that does not exist.
    pub fn mask(&self, id: ImageId) -> Option<Vec<bool>> {
        let subclass = SUBCLASSES.get(usize::from(*self.image_subclasses.get(id.index())?))?;
        Some(scene::mask(self.seed, id.index() as u64, subclass))
    }
}

fn notes(seed: u64, plan: &[Planned]) -> ShapesNotes {
    let drawn = |planned: &Planned| ClassId(SUBCLASSES[usize::from(planned.subclass)].class as u16);
    ShapesNotes {
        seed,
        confusable: CONFUSABLE.map(|(a, b)| (ClassId(a), ClassId(b))).to_vec(),
        subclasses: SUBCLASSES.iter().map(|subclass| subclass.name.to_owned()).collect(),
        image_subclasses: plan.iter().map(|planned| planned.subclass).collect(),
        wrong_labels: (0..)
            .zip(plan)
            .filter(|(_, planned)| drawn(planned) != planned.label)
            .map(|(id, planned)| (ImageId(id), drawn(planned)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Corpus, Query, Split};

    fn make(images: usize, seed: u64, threads: usize) -> (tempfile::TempDir, Corpus) {
        let folder = tempfile::tempdir().unwrap();
        let options = ShapesOptions { images, seed, ..ShapesOptions::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| make_shapes(folder.path(), &options)).unwrap();
        let corpus = Corpus::open(folder.path()).unwrap();
        (folder, corpus)
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
        let (one, corpus) = make(600, 7, 1);
        let (three, _) = make(600, 7, 3);
        for file in ["corpus.json", "train.bin", "test.bin"] {
            let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(file)).unwrap();
            assert!(read(&one) == read(&three), "{file}");
        }
        let (_other, other) = make(600, 8, 2);
        // Fixed for ever: runs are bound to the identity of their corpus.
        assert_eq!(corpus.identity(), "7d78ef6d6d686d506f86907c99e7e9d90d09d71ad485ca66a3d2da38aa47692d");
        assert_eq!(other.identity(), "1da70914f057eed9b5a1339aa804425b09bc0a69171edd62f3309e9d747375a3");
    }

    #[test]
    fn splits_classes_and_subclasses_are_even() {
        let (_folder, corpus) = make(1_200, 1, 2);
        assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..1_000, 1_000..1_200));
        let notes = corpus.notes().unwrap();
        for split in Split::ALL {
            let mut counts = vec![0; notes.subclasses.len()];
            for id in corpus.range(split) {
                counts[usize::from(notes.image_subclasses[id as usize])] += 1;
            }
            for (subclass, count) in SUBCLASSES.iter().zip(&counts) {
                let siblings = SUBCLASSES.iter().filter(|other| other.class == subclass.class).count();
                let fair = corpus.range(split).len() / CLASSES.len() / siblings;
                assert!((fair..=fair + 1).contains(count), "{}: {count}, expected {fair}", subclass.name);
            }
        }
    }

    #[test]
    fn one_label_in_a_hundred_is_wrong_and_recorded() {
        let (_folder, corpus) = make(1_200, 1, 2);
        let notes = corpus.notes().unwrap();
        assert_eq!(notes.wrong_labels.len(), 12);
        for id in (0..1_200).map(ImageId) {
            let drawn = SUBCLASSES.iter().find(|subclass| notes.subclass(id) == Some(subclass.name)).unwrap();
            let label = corpus.label(id).unwrap();
            let expected = (drawn.class != label.index()).then_some(ClassId(drawn.class as u16));
            assert_eq!(notes.true_class(id), expected);
        }
    }

    #[test]
    fn names_say_what_was_drawn_and_can_be_searched() {
        let (_folder, corpus) = make(600, 1, 2);
        let query = Query { text: Some("Triangle_UP".to_owned()), ..Query::default() };
        let page = corpus.search(&query);
        assert_eq!(page.total, 16, "a tenth of the images, in four poses, rounded up in both splits");
        assert_eq!(corpus.name_of(page.ids[0]).unwrap(), "triangle_up_0000");
        assert_eq!(corpus.name_of(page.ids[15]).unwrap(), "triangle_up_0015");
    }

    #[test]
    fn classes_differ_in_their_mean_picture() {
        // No picture is empty, and the drawing is not the same for all.
        let (_folder, corpus) = make(600, 1, 2);
        for id in (0..600).map(ImageId) {
            let pixels = corpus.pixels(id).unwrap();
            let (low, high) = pixels.iter().fold((255, 0), |(low, high), &v| (v.min(low), v.max(high)));
            assert!(high - low > 40, "{id}: from {low} to {high}");
        }
    }

    #[test]
    fn options_out_of_range_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let few = ShapesOptions { images: 3, ..ShapesOptions::default() };
        assert!(make_shapes(folder.path(), &few).unwrap_err().to_string().contains("images = 3"));
        let all = ShapesOptions { test_fraction: f64::NAN, ..ShapesOptions::default() };
        assert!(make_shapes(folder.path(), &all).unwrap_err().to_string().contains("test_fraction"));
    }
}
