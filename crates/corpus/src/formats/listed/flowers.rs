//! The data set Flowers102: images `jpg/image_00001.jpg`, labels and splits in MATLAB files.

use std::path::Path;

use super::{ListedImages, class_id, malformed};
use crate::{Error, OpenOptions, Split, formats::mat::MatFile, known::Record, reader::Reader, tree::Location};

const LABELS: &str = "imagelabels.mat";
const SPLITS: &str = "setid.mat";
const CLASSES: usize = 102;
const MAX_CLASSES: i64 = u16::MAX as i64;

/// A reader if the folder has `jpg/` and `imagelabels.mat`; an error if `setid.mat` is then missing.
pub(crate) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if location.folder.folder("jpg").is_none() || !location.has(LABELS) {
        return Ok(None);
    }
    if !location.has(SPLITS) {
        let (found, expected) = (LABELS.to_owned(), SPLITS.to_owned());
        return Err(Error::MissingFile { found, expected, path: location.path.clone() });
    }
    let [labels_path, splits_path] = [LABELS, SPLITS].map(|name| location.path.join(name));
    let labels = MatFile::open(&labels_path)?.numbers("labels")?;
    let mut classes = Record::of(location)?.classes;
    if classes.is_empty() {
        let highest = labels.iter().copied().max().unwrap_or(0).clamp(0, MAX_CLASSES);
        classes = (1..=CLASSES.max(highest as usize)).map(|number| number.to_string()).collect();
    }
    let mut listed = ListedImages::new("Flowers102", location, &[LABELS, SPLITS]);
    let folder = location.path.join("jpg");
    let image_of = |id: i64| folder.join(format!("image_{id:05}.jpg"));
    let splits = MatFile::open(&splits_path)?;
    let use_validation_as_test = options.reading.test_from.as_deref().is_some_and(|name| name.starts_with("val"));
    let (test, other) = if use_validation_as_test { ("valid", "tstid") } else { ("tstid", "valid") };
    for (name, split) in [("trnid", Split::Train), (test, Split::Test)] {
        for id in splits.numbers(name)? {
            let label = label_of(&labels, id, name, &splits_path)?;
            let class = usize::try_from(label - 1).ok().filter(|class| *class < classes.len());
            let Some(class) = class else {
                let found = format!("label {label} of image {id}");
                return Err(malformed("the labels", found, &format!("1 to {}", classes.len()), &labels_path));
            };
            listed.push(split, class_id(class), image_of(id));
        }
    }
    let detail = format!("listed as `{other}` in {SPLITS}; the test split is `{test}`");
    listed.other_split = splits.numbers(other)?.into_iter().map(|id| (image_of(id), detail.clone())).collect();
    listed.mark_unlisted(folder.clone(), "setid.mat does not list it");
    listed.classes = classes;
    Ok(Some(Box::new(listed)))
}

/// The label (from 1) of an image that a split names.
fn label_of(labels: &[i64], id: i64, name: &str, path: &Path) -> Result<i64, Error> {
    let label = id.checked_sub(1).and_then(|index| usize::try_from(index).ok()).and_then(|index| labels.get(index));
    label.copied().ok_or_else(|| {
        malformed(
            "the splits",
            format!("image {id} in {name}"),
            &format!("an image from 1 to {}, the number of labels", labels.len()),
            path,
        )
    })
}
