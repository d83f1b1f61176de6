//! The mean that is subtracted from images.

use deepviz_corpus::{Corpus, Split};
use deepviz_net::recipe::MeanKind;
use ndarray::{Array3, Axis};

/// The mean of the training split, as an image even where it is one number a channel.
pub(crate) fn mean_image(corpus: &Corpus, kind: MeanKind) -> Option<Array3<f32>> {
    if kind == MeanKind::None {
        return None;
    }
    let mut mean = corpus.mean(corpus.range(Split::Train))?;
    if kind == MeanKind::Channel {
        for mut channel in mean.axis_iter_mut(Axis(0)) {
            let sum: f64 = channel.iter().map(|value| f64::from(*value)).sum();
            channel.fill((sum / channel.len() as f64) as f32);
        }
    }
    Some(mean)
}
