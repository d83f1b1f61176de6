//! The mean that is subtracted from images, and the standard deviation that they are divided by.

use crate::error::Error;
use crate::input::{MeanKind, StdKind};
use crate::network::Network;
use ndarray::{Array1, Array3, ArrayView3, Axis};
use rayon::prelude::*;

/// Images whose pixels one thread sums up at a time.
const IMAGES_AT_A_TIME: usize = 256;

/// What a snapshot holds beside the weights: mean image and standard deviation of each channel, in the order and
/// the range of values that the network sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputStatistics {
    /// The mean, as an image even where it is one number a channel.
    pub mean: Option<Array3<f32>>,
    /// The standard deviation of each channel.
    pub std: Option<Array1<f32>>,
}

/// Exact sums over images.
struct Sums {
    /// Of each pixel.
    pixels: Vec<u64>,
    /// Of the squares of each channel.
    squares: Vec<u64>,
}

impl InputStatistics {
    /// What the network's recipe asks for: given numbers, or measured on these images, of any size, after the
    /// input transform. Whole numbers are summed: the result is the same on any number of threads.
    ///
    /// # Errors
    /// Where an image does not fit the recipe, and where a channel has no deviation to divide by.
    pub fn new(network: &Network, images: &[ArrayView3<'_, u8>]) -> Result<Self, Error> {
        let measures_mean = matches!(network.mean(), MeanKind::Pixel | MeanKind::Channel);
        let sums = if measures_mean || *network.std() == StdKind::Channel {
            Sums::of(network, images)?
        } else {
            Sums::zeros(network)
        };
        let std = match network.std() {
            StdKind::None => None,
            StdKind::Values(values) => Some(values.iter().map(|value| *value as f32).collect()),
            StdKind::Channel => Some(sums.deviation(network, images.len())?),
        };
        Ok(Self { mean: mean_image(network, &sums, images.len()), std })
    }
}

fn mean_image(network: &Network, sums: &Sums, images: usize) -> Option<Array3<f32>> {
    let [channels, height, width] = network.image().dims();
    match network.mean() {
        MeanKind::None => return None,
        MeanKind::Values(values) => {
            return Some(Array3::from_shape_fn((channels, height, width), |(c, ..)| values[c] as f32));
        }
        MeanKind::Pixel | MeanKind::Channel => {}
    }
    let (spec, count) = (network.input_spec(), images.max(1) as f64);
    let mut mean = Array3::from_shape_fn((channels, height, width), |(c, y, x)| {
        let channel = spec.order.source(c, channels);
        let sum = sums.pixels[(channel * height + y) * width + x];
        (sum as f64 / count * spec.values.factor()) as f32
    });
    if *network.mean() == MeanKind::Channel {
        for mut channel in mean.axis_iter_mut(Axis(0)) {
            let sum: f64 = channel.iter().map(|value| f64::from(*value)).sum();
            channel.fill((sum / channel.len() as f64) as f32);
        }
    }
    Some(mean)
}

impl Sums {
    fn zeros(network: &Network) -> Self {
        let image = network.image();
        Self { pixels: vec![0; image.len()], squares: vec![0; image.channels] }
    }

    fn of(network: &Network, images: &[ArrayView3<'_, u8>]) -> Result<Self, Error> {
        let transform = network.transform();
        let sum = |images: &[ArrayView3<'_, u8>]| {
            let mut sums = Self::zeros(network);
            for image in images {
                sums.add(transform.image(*image)?.view());
            }
            Ok(sums)
        };
        images.par_chunks(IMAGES_AT_A_TIME).map(sum).try_reduce(|| Self::zeros(network), |a, b| Ok(a.and(&b)))
    }

    fn add(&mut self, image: ArrayView3<'_, u8>) {
        self.pixels.iter_mut().zip(image).for_each(|(sum, pixel)| *sum += u64::from(*pixel));
        for (sum, channel) in self.squares.iter_mut().zip(image.outer_iter()) {
            *sum += channel.iter().map(|pixel| u64::from(*pixel).pow(2)).sum::<u64>();
        }
    }

    fn and(mut self, other: &Self) -> Self {
        self.pixels.iter_mut().zip(&other.pixels).for_each(|(sum, other)| *sum += other);
        self.squares.iter_mut().zip(&other.squares).for_each(|(sum, other)| *sum += other);
        self
    }

    fn deviation(&self, network: &Network, images: usize) -> Result<Array1<f32>, Error> {
        let (spec, channels) = (network.input_spec(), network.image().channels);
        let plane = network.image().len() / channels;
        let count = (images * plane) as u128;
        let of = |channel: usize| {
            let channel = spec.order.source(channel, channels);
            let sum: u128 = self.pixels[channel * plane..][..plane].iter().map(|sum| u128::from(*sum)).sum();
            // count^2 times the variance, exactly; never negative.
            let scaled = count * u128::from(self.squares[channel]) - sum * sum;
            let deviation = (scaled as f64).sqrt() / count.max(1) as f64 * spec.values.factor();
            if deviation > 0.0 {
                return Ok(deviation as f32);
            }
            Err(Error::Input {
                what: "standard deviation of the training images",
                expected: "more than 0 in every channel, or numbers for `std` in [data]".into(),
                found: format!("0 in channel {channel}: all its pixels are equal"),
            })
        };
        (0..channels).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{ChannelOrder, DataRecipe, Recipe, Resize, ValueRange};
    use crate::shape::Shape;

    fn network(change: impl Fn(&mut DataRecipe)) -> Network {
        let text = "[[layer]]\nname = \"fc\"\ntype = \"full\"\noutputs = 2\n[[layer]]\nname = \"probs\"\n\
                    type = \"softmax\"\n[train]\nstages = [{ epochs = 1, rate = 1 }]";
        let mut recipe = Recipe::parse(text, "small", &[]).unwrap();
        change(&mut recipe.data);
        Network::new(&recipe, Shape::new(3, 4, 4), 2).unwrap()
    }

    fn images() -> Vec<Array3<u8>> {
        let image = |seed: usize| {
            Array3::from_shape_fn((3, 4, 4), |(c, y, x)| ((seed * 37 + c * 50 + y * 13 + x * 5) % 256) as u8)
        };
        (0..700).map(image).collect()
    }

    #[test]
    fn mean_and_deviation_are_those_of_the_pixels() {
        let images = images();
        let views: Vec<_> = images.iter().map(Array3::view).collect();
        let network = network(|data| {
            (data.mean, data.std) = (MeanKind::Channel, StdKind::Channel);
            (data.values, data.order) = (ValueRange::Unit, ChannelOrder::Bgr);
        });
        let found = InputStatistics::new(&network, &views).unwrap();
        for channel in 0..3 {
            let pixels: Vec<f64> = images
                .iter()
                .flat_map(|image| image.index_axis(Axis(0), 2 - channel).to_owned())
                .map(|p| f64::from(p) / 255.0)
                .collect();
            let mean = pixels.iter().sum::<f64>() / pixels.len() as f64;
            let variance = pixels.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / pixels.len() as f64;
            let close = |found: f32, expected: f64| (f64::from(found) - expected).abs() < 1e-6;
            assert!(found.mean.as_ref().unwrap().index_axis(Axis(0), channel).iter().all(|m| close(*m, mean)));
            assert!(close(found.std.as_ref().unwrap()[channel], variance.sqrt()));
        }
        let threads = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        assert_eq!(threads.install(|| InputStatistics::new(&network, &views)).unwrap(), found);
    }

    #[test]
    fn given_numbers_are_unchanged() {
        let network = network(|data| {
            data.mean = MeanKind::Values(vec![1.0, 2.0, 3.5]);
            data.std = StdKind::Values(vec![4.0, 5.0, 6.0]);
        });
        let found = InputStatistics::new(&network, &[]).unwrap();
        assert_eq!(found.mean.unwrap(), Array3::from_shape_fn((3, 4, 4), |(c, ..)| [1.0, 2.0, 3.5][c]));
        assert_eq!(found.std.unwrap(), ndarray::arr1(&[4.0, 5.0, 6.0]));
    }

    #[test]
    fn the_mean_is_of_images_as_the_network_has_them() {
        let images = [Array3::from_elem((3, 9, 5), 10), Array3::from_elem((3, 2, 70), 31)];
        let views: Vec<_> = images.iter().map(Array3::view).collect();
        let resized = network(|data| data.resize = Some(Resize::ShorterSide(4)));
        let found = InputStatistics::new(&resized, &views).unwrap();
        assert_eq!(found.mean.unwrap(), Array3::from_elem((3, 4, 4), 20.5));
        assert!(InputStatistics::new(&network(|_| ()), &views).is_err());
    }

    #[test]
    fn a_channel_without_deviation_is_refused() {
        let images = [Array3::from_elem((3, 4, 4), 10)];
        let error = InputStatistics::new(&network(|data| data.std = StdKind::Channel), &[images[0].view()]);
        let error = error.unwrap_err().to_string();
        assert!(error.contains("found 0 in channel 0") && error.contains("`std`"), "{error}");
    }
}
