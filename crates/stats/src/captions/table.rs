//! What is known of the images of a split: properties of their pixels, words of their names, classes.

use std::ops::Range;

use deepviz_corpus::{Corpus, ImageId};
use ndarray::Array2;

use super::pixels::{self, Values};
use super::property::Property;
use super::words::{self, Word};

/// Bytes of pixels that are examined, at most: of larger splits images are chosen evenly.
const MAX_BYTES: usize = 2 << 30;

/// Numbers and words of some images; a row is an image.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageTable {
    /// The images, ascending.
    pub images: Vec<ImageId>,
    /// `[images, properties]`, in the order of [`Property::ALL`]; not a number where a property is not defined.
    pub properties: Array2<f32>,
    /// The mean of each property where it is defined.
    pub means: Vec<f64>,
    /// `[properties, properties]`: Pearson's correlation, 0 where one does not vary.
    pub correlations: Array2<f64>,
    /// Words in the names of some images and not of others, the most frequent first.
    pub words: Vec<Word>,
    /// The class of each image.
    pub classes: Vec<u16>,
    /// How many classes there are.
    pub class_count: usize,
}

impl ImageTable {
    /// The images of a split that are measured: all, or as many as have two gigabytes of pixels, evenly chosen.
    pub fn chosen(corpus: &Corpus, ids: Range<u32>) -> Vec<ImageId> {
        let count = ids.len();
        let bytes_of =
            |id: u32| corpus.shape_of(ImageId(id)).map_or(0, |shape| shape.channels * shape.height * shape.width);
        let bytes: usize = ids.clone().map(bytes_of).sum();
        let max = if bytes <= MAX_BYTES { count } else { (count as f64 * MAX_BYTES as f64 / bytes as f64) as usize };
        (0..max).map(|position| ImageId(ids.start + (position * count / max.max(1)) as u32)).collect()
    }

    /// The properties of some images, for [`Self::new`].
    pub fn measure(corpus: &Corpus, images: &[ImageId]) -> Vec<Values> {
        let undefined = [f32::NAN; Property::ALL.len()];
        let of = |id: &ImageId| corpus.pixels(*id).and_then(pixels::values).unwrap_or(undefined);
        images.iter().map(of).collect()
    }

    /// From the images and their values, in the same order.
    pub fn new(corpus: &Corpus, images: Vec<ImageId>, values: &[Values]) -> Self {
        let properties = Array2::from_shape_fn((images.len(), Property::ALL.len()), |(row, column)| {
            values.get(row).map_or(f32::NAN, |values| values[column])
        });
        let words = words::index(images.iter().map(|&id| corpus.name_of(id)), corpus.classes());
        let classes = images.iter().map(|&id| corpus.label(id).map_or(0, |class| class.0)).collect();
        let means = properties.columns().into_iter().map(|column| defined_mean(column.iter().copied())).collect();
        let correlations = Array2::from_shape_fn((Property::ALL.len(), Property::ALL.len()), |(a, b)| {
            correlation(properties.column(a).iter().copied().zip(properties.column(b).iter().copied()))
        });
        Self { images, properties, means, correlations, words, classes, class_count: corpus.classes().len() }
    }

    /// Approximate bytes of `images` images, names and their words included.
    pub fn bytes_of(images: usize) -> usize {
        images * (size_of::<Values>() * 2 + 64)
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let words: usize = self.words.iter().map(|word| word.images.len() * 4 + word.text.len() + 48).sum();
        self.properties.len() * 4 + self.images.len() * 6 + words + self.correlations.len() * 8
    }

    /// The value of a property for the image of a row, where it is defined.
    pub fn value(&self, row: usize, property: Property) -> Option<f64> {
        let value = *self.properties.get([row, property.column()])?;
        (!value.is_nan()).then_some(f64::from(value))
    }
}

fn defined_mean(values: impl Iterator<Item = f32>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_usize);
    for value in values.filter(|value| !value.is_nan()) {
        sum += f64::from(value);
        count += 1;
    }
    sum / count.max(1) as f64
}

/// Of the images for which both are defined.
fn correlation(pairs: impl Iterator<Item = (f32, f32)> + Clone) -> f64 {
    let defined = pairs.filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let (mean_a, mean_b) =
        (defined_mean(defined.clone().map(|(a, _)| a)), defined_mean(defined.clone().map(|(_, b)| b)));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in defined {
        let (a, b) = (f64::from(a) - mean_a, f64::from(b) - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    let scale = (aa * bb).sqrt();
    if scale > 0.0 { ab / scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_leave_out_what_is_not_defined() {
        let pairs = [(1.0, 2.0), (2.0, 4.0), (f32::NAN, 9.0), (3.0, 6.0)];
        assert!((correlation(pairs.into_iter()) - 1.0).abs() < 1e-9);
        assert!((correlation([(1.0, 1.0), (2.0, 1.0)].into_iter())).abs() < 1e-9);
        let mixed = [(1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (2.0, 2.0), (-2.0, -2.0)];
        assert!((correlation(mixed.into_iter()) - 8.0 / 12.0).abs() < 1e-9);
    }
}
