//! The images of a corpus as training reads them: again and again.

use crate::error::Error;
use deepviz_corpus::{Corpus, ImageId};
use deepviz_net::{InputTransform, Shape};
use ndarray::ArrayView3;

/// Resized images are kept in memory up to this size in all; more are resized whenever they are read.
const MAX_RESIZED_BYTES: usize = 1 << 30;

/// The images of a corpus, those of other sizes resized once, where memory allows.
pub(crate) struct Images<'a> {
    corpus: &'a Corpus,
    resized: Option<Resized>,
}

struct Resized {
    shape: Shape,
    pixels: Vec<u8>,
}

impl<'a> Images<'a> {
    /// Resizes the images, if any needs it.
    pub fn new(corpus: &'a Corpus, transform: InputTransform) -> Result<Self, Error> {
        Self::within(corpus, transform, MAX_RESIZED_BYTES)
    }

    fn within(corpus: &'a Corpus, transform: InputTransform, max_bytes: usize) -> Result<Self, Error> {
        let shape = transform.shape();
        let images: Vec<_> = (0..corpus.len() as u32).filter_map(|id| corpus.pixels(ImageId(id))).collect();
        let is_wanted = images.iter().any(|image| <[usize; 3]>::from(image.dim()) != shape.dims());
        let has_room = images.len().saturating_mul(shape.len()) <= max_bytes;
        let resized =
            if is_wanted && has_room { Some(Resized { shape, pixels: transform.bytes(&images)? }) } else { None };
        Ok(Self { corpus, resized })
    }

    /// The pixels of an image, in its own size or resized.
    pub fn get(&self, id: u32) -> Option<ArrayView3<'_, u8>> {
        let Some(Resized { shape, pixels }) = &self.resized else {
            return self.corpus.pixels(ImageId(id));
        };
        let pixels = pixels.chunks_exact(shape.len()).nth(id as usize)?;
        ArrayView3::from_shape(shape.dims(), pixels).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepviz_net::{Network, Recipe};

    #[test]
    fn resized_images_are_the_transforms() {
        let folder = tempfile::tempdir().unwrap();
        let corpus = deepviz_fixtures::shapes(&folder.path().join("shapes"), 60, 0);
        let transform = |data: &str| {
            let text = format!(
                "[data]\n{data}\n[[layer]]\nname = \"fc\"\ntype = \"full\"\noutputs = 2\n[[layer]]\n\
                 name = \"probs\"\ntype = \"softmax\"\n[train]\nstages = [{{ epochs = 1, rate = 1 }}]"
            );
            let recipe = Recipe::parse(&text, "small", &[]).unwrap();
            Network::new(&recipe, Shape::new(3, 32, 32), 2).unwrap().transform()
        };
        let unresized = Images::new(&corpus, transform("")).unwrap();
        assert!(unresized.resized.is_none());
        let transform = transform("resize = 20");
        let resized = Images::new(&corpus, transform).unwrap();
        assert!(resized.resized.is_some());
        for id in [0, 7, corpus.len() as u32 - 1] {
            let expected = transform.image(unresized.get(id).unwrap()).unwrap();
            assert_eq!(resized.get(id).unwrap(), expected);
        }
        assert!(resized.get(corpus.len() as u32).is_none());
        assert!(Images::within(&corpus, transform, 1000).unwrap().resized.is_none());
    }
}
