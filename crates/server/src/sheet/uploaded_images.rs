//! Images that were uploaded and are kept for a while, so that every route can name them.

use std::sync::Arc;
use std::time::Duration;

use deepviz_corpus::ImageId;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use ndarray::Array3;

use crate::http::problem::ApiError;
use crate::runs::open_run::OpenRun;

/// Ids from here on are those of images that were sent; images of a corpus are counted from 0.
const FIRST_ID: u32 = 1 << 31;
/// Pixels of all of them.
const MAX_BYTES: u64 = 64 << 20;
/// Bookkeeping of one, so that many small ones are counted too.
const OVERHEAD_BYTES: usize = 512;
/// An image that was not requested for this long is dropped.
const IDLE: Duration = Duration::from_hours(24);

/// An image that was sent, in the size of the images of the network it was sent for.
pub(crate) struct UploadedImage {
    pub(crate) id: ImageId,
    /// Channels, rows, columns.
    pub(crate) pixels: Arc<Array3<u8>>,
    /// The hash of the pixels.
    pub(crate) hash: String,
}

/// The images that were sent, in memory only: those that were not requested longest go first.
pub(crate) struct UploadedImages(Cache<u32, Arc<UploadedImage>>);

impl UploadedImages {
    pub(crate) fn new() -> Self {
        Self(
            Cache::builder()
                .max_capacity(MAX_BYTES)
                .weigher(|_, image: &Arc<UploadedImage>| (image.pixels.len() + OVERHEAD_BYTES) as u32)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(IDLE)
                .build(),
        )
    }

    /// Keeps an image. Its id follows from its pixels: the same image sent again has the same.
    pub(crate) fn keep(&self, pixels: Arc<Array3<u8>>, hash: String) -> Arc<UploadedImage> {
        let start = u32::from_str_radix(hash.get(..8).unwrap_or_default(), 16).unwrap_or_default();
        // Two images may have the same number: the later one takes the next that is free.
        for step in 0..u32::MAX {
            let id = FIRST_ID | start.wrapping_add(step);
            let entry = self.0.get_with(id, || {
                Arc::new(UploadedImage { id: ImageId(id), pixels: Arc::clone(&pixels), hash: hash.clone() })
            });
            if entry.hash == hash {
                return entry;
            }
        }
        Arc::new(UploadedImage { id: ImageId(FIRST_ID | start), pixels, hash })
    }

    /// The image of an id as it is in an address; none where the id is not one of a sent image.
    ///
    /// # Errors
    /// 404 where it is one and the image is no longer kept.
    pub(crate) fn find(&self, text: &str) -> Result<Option<Arc<UploadedImage>>, ApiError> {
        let Some(id) = text.parse::<u32>().ok().filter(|id| *id >= FIRST_ID) else { return Ok(None) };
        let missing = || {
            ApiError::not_found(format!("no image {id}: images that were sent are kept in memory, for a day at most"))
                .hint("send it again: POST /api/runs/{run}/images")
        };
        self.0.get(&id).map(Some).ok_or_else(missing)
    }
}

impl UploadedImages {
    /// As [`UploadedImages::find`], for the network of a run.
    ///
    /// # Errors
    /// 404 also where the image was brought to the size of another network.
    pub(crate) fn find_for(&self, run: &OpenRun, text: &str) -> Result<Option<Arc<UploadedImage>>, ApiError> {
        let Some(image) = self.find(text)? else { return Ok(None) };
        let shape = run.network().transform().shape();
        if image.pixels.dim() == (shape.channels, shape.height, shape.width) {
            return Ok(Some(image));
        }
        let (channels, height, width) = image.pixels.dim();
        Err(ApiError::not_found(format!(
            "image {} is of {channels}x{height}x{width}, the network takes images of {shape}",
            image.id.0
        ))
        .hint("send it to this run: POST /api/runs/{run}/images"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(value: u8) -> Arc<Array3<u8>> {
        Arc::new(Array3::from_elem((3, 4, 4), value))
    }

    #[test]
    fn an_image_is_found_by_its_id_until_it_has_to_go() {
        let images = UploadedImages::new();
        let first = images.keep(image(1), "00000001aa".to_owned());
        assert_eq!(first.id.0, FIRST_ID | 1);
        assert_eq!(images.keep(image(1), "00000001aa".to_owned()).id, first.id);
        // Another one whose hash begins alike.
        let second = images.keep(image(2), "00000001bb".to_owned());
        assert_eq!(second.id.0, FIRST_ID | 2);
        let found = images.find(&first.id.0.to_string()).unwrap().unwrap();
        assert_eq!((&found.hash[..], found.pixels[[0, 0, 0]]), ("00000001aa", 1));
        assert!(images.find("17").unwrap().is_none() && images.find("cat").unwrap().is_none());
        let error = images.find(&(FIRST_ID + 9).to_string()).err().unwrap();
        assert_eq!(error.status(), 404);
        for n in 0..200 {
            images.keep(Arc::new(Array3::from_elem((1, 1024, 1024), 0)), format!("{:08x}", 1000 + n));
        }
        images.0.run_pending_tasks();
        assert!(images.0.weighted_size() <= MAX_BYTES);
        assert!(images.find(&first.id.0.to_string()).is_err());
    }
}
