//! The input of a network: an image of the corpus, one in the request's body, one that was uploaded before, or a group
//! of images of the corpus.

use std::sync::Arc;

use deepviz_corpus::{Corpus, ImageId};
use ndarray::{Array3, ArrayView3};

use crate::http::problem::ApiError;
use crate::runs::corpora::Corpora;
use crate::runs::corpus_params::image_id;
use crate::runs::open_run::OpenRun;
use crate::sheet::image_group::{GroupQuery, ImageGroup};
use crate::sheet::uploaded_images::{UploadedImage, UploadedImages};

/// The input that a network is applied to.
#[derive(Clone)]
pub(crate) enum ModelInput {
    /// One image of the corpus.
    CorpusImage {
        /// The corpus of the images.
        corpus: Arc<Corpus>,
        /// The image's id.
        id: ImageId,
    },
    /// One that is the body of the request.
    SentImage {
        /// Its pixels, in the size of the network's images.
        pixels: Arc<Array3<u8>>,
        /// The hash of the pixels.
        hash: String,
    },
    /// One that was uploaded before and is kept under an id.
    UploadedImage(Arc<UploadedImage>),
    /// The mean over a group of images, or the difference of two such means.
    Group {
        /// The group whose mean is shown.
        group: Arc<ImageGroup>,
        /// The group whose mean is subtracted.
        minus: Option<Arc<ImageGroup>>,
    },
}

impl ModelInput {
    /// The pixels of one image.
    pub(crate) fn view(&self) -> Result<ArrayView3<'_, u8>, ApiError> {
        match self {
            Self::CorpusImage { corpus, id } => {
                corpus.pixels(*id).ok_or_else(|| ApiError::internal("an image that was there is gone"))
            }
            Self::SentImage { pixels, .. } => Ok(pixels.view()),
            Self::UploadedImage(image) => Ok(image.pixels.view()),
            Self::Group { .. } => Err(ApiError::internal("a group of images has no pixels")),
        }
    }

    /// The cache key of the input.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::CorpusImage { corpus, id } => format!("{}:{}", &corpus.identity(), id.0),
            Self::SentImage { hash, .. } => hash.clone(),
            Self::UploadedImage(image) => image.hash.clone(),
            Self::Group { group, minus: None } => group.key.clone(),
            Self::Group { group, minus: Some(minus) } => format!("{}-{}", group.key, minus.key),
        }
    }

    /// The id of the image, where it is one of the corpus or one that was uploaded before.
    pub(crate) fn id(&self) -> Option<ImageId> {
        match self {
            Self::CorpusImage { id, .. } => Some(*id),
            Self::UploadedImage(image) => Some(image.id),
            Self::SentImage { .. } | Self::Group { .. } => None,
        }
    }

    /// Images that one application of a network takes.
    pub(crate) fn images(&self) -> usize {
        match self {
            Self::CorpusImage { .. } | Self::SentImage { .. } | Self::UploadedImage(_) => 1,
            Self::Group { group, minus } => group.ids.len() + minus.as_ref().map_or(0, |minus| minus.ids.len()),
        }
    }
}

/// Where the images are that a request names.
#[derive(Clone, Copy)]
pub(crate) struct ImageSources<'a> {
    pub(crate) corpora: &'a Corpora,
    /// Those that were uploaded.
    pub(crate) uploaded: &'a UploadedImages,
}

impl ModelInput {
    /// An image of the run's corpus, or one that was uploaded for a network of this input shape.
    pub(crate) async fn image(sources: ImageSources<'_>, run: &OpenRun, id: &str) -> Result<Self, ApiError> {
        if let Some(image) = sources.uploaded.find_for(run, id)? {
            return Ok(Self::UploadedImage(image));
        }
        let corpus = fitting_corpus(sources.corpora, run).await?;
        let id = image_id(&corpus, id)?;
        Ok(Self::CorpusImage { corpus, id })
    }

    /// One image, or a group of images of the run's corpus.
    pub(crate) async fn read(
        sources: ImageSources<'_>,
        run: &OpenRun,
        text: &str,
        group_query: &GroupQuery,
    ) -> Result<Self, ApiError> {
        if !ImageGroup::is_meant(text) {
            if group_query.minus.is_some() {
                return Err(ApiError::bad("only a group of images has another one subtracted")
                    .hint("apply/class:3?minus=class:5, or apply/images:1,2,3?minus=images:4"));
            }
            return Self::image(sources, run, text).await;
        }
        let corpus = fitting_corpus(sources.corpora, run).await?;
        let group = Arc::new(ImageGroup::read(&corpus, text, group_query)?);
        let minus =
            group_query.minus.as_deref().map(|minus| ImageGroup::read(&corpus, minus, group_query)).transpose()?;
        Ok(Self::Group { group, minus: minus.map(Arc::new) })
    }
}

/// The corpus of the run, if its network can be applied to the images.
pub(crate) async fn fitting_corpus(corpora: &Corpora, run: &OpenRun) -> Result<Arc<Corpus>, ApiError> {
    let corpus = corpora.images_of(run).await?;
    fits(&corpus, run)?;
    Ok(corpus)
}

/// Refuses a corpus whose images the network's input transform cannot bring to its input.
fn fits(corpus: &Corpus, run: &OpenRun) -> Result<(), ApiError> {
    let transform = run.network().transform();
    let common = corpus.common_shape();
    // Images of several sizes are checked as 1 x 1: without `data.resize` any size but the network's is refused.
    let any = (corpus.channels(), 1, 1);
    if transform.check(common.map_or(any, |shape| (shape.channels, shape.height, shape.width))).is_ok() {
        return Ok(());
    }
    let found = common.map_or_else(|| "images of several sizes".to_owned(), |shape| shape.to_string());
    let image = transform.shape();
    Err(ApiError::not_ready(format!("the network takes images of {image}, the corpus has {found}")))
}
