//! Groups of images: a class, or images that are named. Their activations are shown as means.

use std::sync::Arc;

use deepviz_corpus::{ClassId, Corpus, ImageId, Split, class_text};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::problem::ApiError;
use crate::http::selection::{Axis, Selection};
use crate::runs::corpus_params::{class_of, split};

/// Images of a class that are averaged by default.
const DEFAULT_LIMIT: usize = 50;
/// Images of one group at most.
const MAX_IMAGES: usize = 1_000;
/// Images that one answer may apply the network to.
pub(crate) const MAX_FORWARD_IMAGES: usize = 20_000;

/// The parameters of a query about groups of images.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GroupQuery {
    /// For a class: the split its images are of, `test` (default) or `train`.
    pub(crate) split: Option<String>,
    /// For a class: images that are averaged, evenly chosen, 1 to 1,000; 50 unless given.
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) limit: Option<usize>,
    /// Another group, which is subtracted: `class:5` or `images:1,4,10-19`.
    pub(crate) minus: Option<String>,
}

/// Some images of a corpus.
pub(crate) struct ImageGroup {
    pub(crate) corpus: Arc<Corpus>,
    /// In ascending order.
    pub(crate) ids: Vec<ImageId>,
    /// As it is written in an address.
    pub(crate) text: String,
    /// Names the images and their pixels.
    pub(crate) key: String,
}

impl ImageGroup {
    /// True for a text that means a group rather than an image.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.starts_with("class:") || text.starts_with("images:")
    }

    /// Reads `class:3`, `class:cat` or `images:1,4,10-19`.
    pub(crate) fn read(corpus: &Arc<Corpus>, text: &str, group_query: &GroupQuery) -> Result<Self, ApiError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "class" => {
                let split = split(group_query.split.as_deref())?;
                let class = class_of(corpus.classes(), rest)?;
                let limit = group_query.limit.unwrap_or(DEFAULT_LIMIT);
                Self::of_class(corpus, class, ClassSample { split, limit: checked(limit)? })
            }
            "images" => {
                let axis = Axis { what: "image", of: corpus.name(), count: corpus.len() };
                let mut ids = rest.parse::<Selection>()?.bind(axis)?;
                ids.sort_unstable();
                if ids.len() > MAX_IMAGES {
                    return Err(ApiError::bad(format!("expected at most {MAX_IMAGES} images, found {}", ids.len())));
                }
                let ids = ids.into_iter().map(|id| ImageId(id as u32)).collect();
                Ok(Self::new(corpus, ids, text.to_owned()))
            }
            _ => Err(ApiError::bad(format!("unknown group of images `{text}`"))
                .hint("a group looks like class:3, class:cat or images:1,4,10-19")),
        }
    }

    /// Some images of a class, evenly chosen.
    pub(crate) fn of_class(corpus: &Arc<Corpus>, class: ClassId, sample: ClassSample) -> Result<Self, ApiError> {
        let all = corpus.range(sample.split).map(ImageId).filter(|id| corpus.label(*id) == Some(class));
        let ids = evenly(&all.collect::<Vec<_>>(), sample.limit);
        if ids.is_empty() {
            return Err(ApiError::not_found(format!(
                "the {} split of {} has no image of class {}",
                sample.split,
                corpus.name(),
                class.0
            )));
        }
        Ok(Self::new(corpus, ids, format!("class:{}", class_text(corpus.classes(), class))))
    }

    fn new(corpus: &Arc<Corpus>, ids: Vec<ImageId>, text: String) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(corpus.identity().as_bytes());
        for id in &ids {
            hasher.update(&id.0.to_le_bytes());
        }
        let key = hasher.finalize().to_hex()[..32].to_owned();
        Self { corpus: Arc::clone(corpus), ids, text, key }
    }
}

/// The sample of images that stands for a class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassSample {
    pub(crate) split: Split,
    pub(crate) limit: usize,
}

impl ClassSample {
    /// As a query words it, for all classes together.
    pub(crate) fn of_all(group_query: &GroupQuery, classes: usize) -> Result<Self, ApiError> {
        let max = MAX_FORWARD_IMAGES / classes.max(1);
        let limit = checked(group_query.limit.unwrap_or(DEFAULT_LIMIT.min(max)))?;
        if limit > max {
            return Err(ApiError::bad(format!("expected a limit of 1 to {max} for {classes} classes, found {limit}")));
        }
        Ok(Self { split: split(group_query.split.as_deref())?, limit })
    }
}

fn checked(limit: usize) -> Result<usize, ApiError> {
    if (1..=MAX_IMAGES).contains(&limit) {
        return Ok(limit);
    }
    Err(ApiError::bad(format!("expected a limit of 1 to {MAX_IMAGES}, found {limit}")))
}

fn evenly(all: &[ImageId], limit: usize) -> Vec<ImageId> {
    let count = limit.min(all.len());
    (0..count).map(|index| all[index * all.len() / count]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::corpus_params::image_id;
    use proptest::prelude::*;

    fn corpus() -> Arc<Corpus> {
        Arc::new(Corpus::open(&crate::tests::images()).unwrap())
    }

    #[test]
    fn images_are_chosen_evenly() {
        let all: Vec<_> = (0..10).map(ImageId).collect();
        let chosen = |limit| evenly(&all, limit).iter().map(|id| id.0).collect::<Vec<_>>();
        assert_eq!(chosen(4), [0, 2, 5, 7]);
        assert_eq!(chosen(10), (0..10).collect::<Vec<_>>());
        assert_eq!(chosen(99).len(), 10);
        assert!(evenly(&[], 5).is_empty());
    }

    #[test]
    fn a_class_holds_its_images_of_the_split_alone() {
        let corpus = corpus();
        for word in ["test", "train"] {
            let group_query = GroupQuery { split: Some(word.to_owned()), limit: Some(1000), minus: None };
            let mut sum = 0;
            for class in 0..10 {
                let group = ImageGroup::read(&corpus, &format!("class:{class}"), &group_query).unwrap();
                let of_class = |id: &ImageId| corpus.label(*id) == Some(ClassId(class));
                let of_split = |id: &ImageId| corpus.split_of(*id) == Some(word.parse().unwrap());
                assert!(group.ids.iter().all(|id| of_class(id) && of_split(id)), "{class}");
                let by_name = format!("class:{}", corpus.classes()[usize::from(class)]);
                assert_eq!(ImageGroup::read(&corpus, &by_name, &group_query).unwrap().key, group.key);
                sum += group.ids.len();
            }
            assert_eq!(sum, corpus.range(word.parse().unwrap()).len());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(kind in "(class|images|[a-z]{0,3}):?", rest in "[0-9a-z,:*-]{0,10}") {
            let corpus = corpus();
            if let Ok(group) = ImageGroup::read(&corpus, &format!("{kind}{rest}"), &GroupQuery::default()) {
                prop_assert!(!group.ids.is_empty() && group.ids.is_sorted());
                prop_assert!(group.ids.iter().all(|id| image_id(&corpus, &id.0.to_string()).is_ok()));
            }
        }
    }
}
