//! The end of reading: which images stay, with how many channels, and the corpus's identity.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Half, Sink};
use crate::{
    ClassId, Error,
    account::Reason,
    contents::Contents,
    decode::Orientation,
    identity::{SHA256, identity, recorded_identity},
    store::{PixelRecord, PixelWriter, Pixels, Selection, Sizes},
};

/// A corpus that has been read whole.
pub(crate) struct Finished {
    pub(crate) contents: Contents,
    pub(crate) pixels: Pixels,
    /// The complete file of the pixels, still without its name in the cache; none in memory.
    pub(crate) file: Option<tempfile::NamedTempFile>,
}

impl Sink<'_> {
    /// Writes what is pending and puts the corpus together; `path` is the folder, for errors.
    ///
    /// # Errors
    /// If no image was read, if sizes differ and no one size has the majority (unless images keep their own),
    /// and where the identity is not the promised one.
    pub(crate) fn finish(mut self, layout: String, path: &Path) -> Result<Finished, Error> {
        self.flush()?;
        if self.train.records.is_empty() && self.test.records.is_empty() {
            return Err(self.nothing_read(path));
        }
        let too_many = |what, found, max| Error::TooMany { what, found, max, path: path.to_owned() };
        let images = self.train.records.len() + self.test.records.len();
        if u32::try_from(images).is_err() {
            return Err(too_many("images", images, u32::MAX as usize));
        }
        if self.classes.len() > usize::from(u16::MAX) {
            return Err(too_many("classes", self.classes.len(), usize::from(u16::MAX)));
        }
        let common = if self.options.own_sizes { None } else { Some(self.common_size(path)?) };
        let keep = [self.train.of_common_size(common), self.test.of_common_size(common)];
        self.account_for_sizes(&keep, common);
        self.account_for_orientation();
        let channels = if self.has_colour(&keep) { 3 } else { 1 };
        self.join(layout, &keep, channels)
    }

    fn nothing_read(&self, path: &Path) -> Error {
        let lost = self.account.left_out().find(|left| left.reason.is_image_fault());
        match lost.and_then(|left| left.first.first()) {
            Some(first) => Error::AllBroken {
                count: self.account.left_out().filter(|left| left.reason.is_image_fault()).map(|left| left.count).sum(),
                reason: first.detail.clone(),
                path: path.join(&first.path),
            },
            None => Error::NoImages { account: self.account.to_string(), path: path.to_owned() },
        }
    }

    /// The height and width that more than half of the images have.
    fn common_size(&self, path: &Path) -> Result<[u32; 2], Error> {
        let mut counts: BTreeMap<[u32; 2], usize> = BTreeMap::new();
        for record in self.train.records.iter().chain(&self.test.records) {
            *counts.entry(record.size).or_default() += 1;
        }
        let images: usize = counts.values().sum();
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(size, count)| (std::cmp::Reverse(*count), *size));
        match counts.first() {
            Some((size, count)) if count * 2 > images => Ok(*size),
            _ => {
                let listed =
                    counts.iter().take(3).map(|([height, width], count)| format!("{count} of {width} x {height}"));
                let more =
                    if counts.len() > 3 { format!(" and {} more sizes", counts.len() - 3) } else { String::new() };
                let found = listed.collect::<Vec<_>>().join(", ") + &more;
                Err(Error::Sizes { found, path: path.to_owned() })
            }
        }
    }

    fn account_for_sizes(&mut self, keep: &[Vec<bool>; 2], common: Option<[u32; 2]>) {
        let Some([height, width]) = common else { return };
        for (half, keep) in [&self.train, &self.test].into_iter().zip(keep) {
            for (index, _) in keep.iter().enumerate().filter(|(_, keep)| !**keep) {
                let source = half.sources.get(index).unwrap_or_default();
                let [h, w] = half.records[index].size;
                let detail = format!("{w} x {h} pixels, most have {width} x {height}");
                self.account.leave_out(Reason::OtherSize, Path::new(source.as_ref()), detail);
            }
        }
    }

    fn account_for_orientation(&mut self) {
        if self.turned == 0 {
            return;
        }
        let what = match self.options.reading.orientation {
            Orientation::Stored => "read as stored, as PIL and torchvision read them",
            Orientation::Turned => "turned upright",
        };
        self.account.remark(format!("{} images carry a camera's note on orientation and are {what}", self.turned));
    }

    fn has_colour(&self, keep: &[Vec<bool>; 2]) -> bool {
        let is_colour = |half: &Half, keep: &[bool]| {
            half.records.iter().zip(keep).any(|(record, keep)| *keep && record.channels == 3)
        };
        is_colour(&self.train, &keep[0]) || is_colour(&self.test, &keep[1])
    }

    /// Joins the halves into one row of pixels, in the order of ids.
    fn join(self, layout: String, keep: &[Vec<bool>; 2], channels: usize) -> Result<Finished, Error> {
        let Self { mut account, notes, classes, train, test, cache, expected_identity, meter, .. } = self;
        let [train_keep, test_keep] = keep;
        let selection = |keep| Selection { keep, channels };
        let mut labels = train.chosen(train_keep, &train.labels);
        let train_count = labels.len();
        labels.extend(test.chosen(test_keep, &test.labels));
        if let Some(remark) = without_training(&classes, &labels[..train_count]) {
            account.remark(remark);
        }
        let mut names = train.chosen_names(train_keep);
        names.append(&test.chosen_names(test_keep));
        let sizes = train.chosen(train_keep, &train.records).into_iter().chain(test.chosen(test_keep, &test.records));
        let sizes = Sizes::new(channels, sizes.map(|record| record.size).collect());

        let is_as_written = train.is_as_written(train_keep, channels);
        // What is written now, beside what was written before.
        let (of_train, of_test) = (train.kept_bytes(train_keep, channels), test.kept_bytes(test_keep, channels));
        meter.ask_for_copy(if is_as_written { of_test } else { of_train.saturating_add(of_test) })?;
        let mut all =
            if is_as_written { train.into_parts() } else { train.rewritten(cache, &selection(train_keep))? };
        let path = all.1.as_ref().map_or_else(PathBuf::new, |file| file.path().to_owned());
        let failed = |source| {
            if path.as_os_str().is_empty() {
                meter.out_of_memory(of_test)
            } else {
                Error::CacheWrite { source, path: path.clone() }
            }
        };
        test.writer.append_to(&mut all.0, &test.records, &selection(test_keep)).map_err(failed)?;
        let memory = all.0.finish().map_err(failed)?;
        let pixels = match memory {
            Some(memory) => Pixels::in_memory(memory, sizes.clone()),
            None => Pixels::map(&path, sizes.clone())?,
        };
        let is_recorded = expected_identity.as_ref().is_some_and(|(expected, _)| expected.starts_with(SHA256));
        let recorded = is_recorded.then(|| recorded_identity(&pixels, train_count, &labels)).flatten();
        let identity = recorded.unwrap_or_else(|| identity(&pixels, train_count, &labels));
        if let Some((expected, path)) = expected_identity.filter(|(expected, _)| *expected != identity) {
            let found = format!("labels and pixels with hash {identity}");
            return Err(Error::Damaged { found, expected, path });
        }
        let (train, inner) = (train_count as u32, PathBuf::new());
        let contents = Contents { identity, train, classes, labels, names, sizes, account, layout, inner, notes };
        Ok(Finished { contents, pixels, file: all.1 })
    }
}

/// The classes that no training image has: a network cannot learn them. Nothing where there is no training at all.
fn without_training(classes: &[String], labels: &[ClassId]) -> Option<String> {
    let mut counts = vec![0_usize; classes.len()];
    for label in labels {
        if let Some(count) = counts.get_mut(label.index()) {
            *count += 1;
        }
    }
    let missing: Vec<&str> =
        classes.iter().zip(counts).filter(|(_, count)| *count == 0).map(|(name, _)| name.as_str()).collect();
    let more = if missing.len() > 5 { format!(" and {} more", missing.len() - 5) } else { String::new() };
    let first = missing[..missing.len().min(5)].join(", ");
    (!labels.is_empty() && !missing.is_empty()).then(|| format!("classes with no training images: {first}{more}"))
}

type Written = (PixelWriter, Option<tempfile::NamedTempFile>);

impl Half {
    /// The images that are kept: all, or those of one size.
    fn of_common_size(&self, common: Option<[u32; 2]>) -> Vec<bool> {
        self.records.iter().map(|record| common.is_none_or(|size| record.size == size)).collect()
    }

    fn is_as_written(&self, keep: &[bool], channels: usize) -> bool {
        keep.iter().all(|keep| *keep)
            && self.records.iter().all(|record: &PixelRecord| usize::from(record.channels) == channels)
    }

    /// Bytes of the stored images, with `channels` channels each.
    fn kept_bytes(&self, keep: &[bool], channels: usize) -> u64 {
        let stored = self.records.iter().zip(keep).filter(|(_, keep)| **keep);
        stored.map(|(record, _)| (record.plane() * channels) as u64).fold(0, u64::saturating_add)
    }

    fn chosen<T: Copy>(&self, keep: &[bool], values: &[T]) -> Vec<T> {
        debug_assert_eq!(self.records.len(), values.len());
        values.iter().zip(keep).filter(|(_, keep)| **keep).map(|(value, _)| *value).collect()
    }

    fn chosen_names(&self, keep: &[bool]) -> crate::name::Names {
        (0..self.names.len()).filter(|index| keep[*index]).filter_map(|index| self.names.get(index)).collect()
    }

    fn into_parts(self) -> Written {
        (self.writer, self.file)
    }

    /// The chosen images in a new file (or memory).
    fn rewritten(self, cache: Option<&crate::store::Cache>, selection: &Selection<'_>) -> Result<Written, Error> {
        let mut new = Half::new(cache)?;
        let path = new.file.as_ref().map_or_else(PathBuf::new, |file| file.path().to_owned());
        let failed = |source| Error::CacheWrite { source, path: path.clone() };
        self.writer.append_to(&mut new.writer, &self.records, selection).map_err(failed)?;
        Ok(new.into_parts())
    }
}
