//! Notes on a generated corpus: what its labels do not say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ClassId, ImageId};

/// Notes on a generated corpus beyond its labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShapesNotes {
    /// The seed it was generated from.
    pub seed: u64,
    /// Pairs of classes whose pictures overlap.
    pub confusable: Vec<(ClassId, ClassId)>,
    /// The names of the sub-classes.
    pub subclasses: Vec<String>,
    /// The sub-class of every image, by id: what was drawn, whatever the label says.
    pub image_subclasses: Vec<u16>,
    /// The images with a wrong label, and the class that was drawn.
    pub wrong_labels: BTreeMap<ImageId, ClassId>,
}

impl ShapesNotes {
    /// The class that was drawn, where the label is another.
    pub fn true_class(&self, id: ImageId) -> Option<ClassId> {
        self.wrong_labels.get(&id).copied()
    }

    /// The name of an image's sub-class.
    pub fn subclass(&self, id: ImageId) -> Option<&str> {
        let subclass = *self.image_subclasses.get(id.index())?;
        self.subclasses.get(usize::from(subclass)).map(String::as_str)
    }
}
