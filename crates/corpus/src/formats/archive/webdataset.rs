//! `WebDataset`: tar shards in which the files of a sample follow each other, `key.jpg` and `key.cls` or `key.json`.

mod label;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    kind::{ArchiveKind, kind_of},
    listing::{Archive, Member, REFUSED},
    tar,
};
use crate::{
    Error, Limits, OpenOptions, Split,
    account::{Reason, Usage},
    file_name::{is_image_name, is_system},
    formats::{
        class_folders::are_class_folders,
        splits::{Part, Splitting, part_named, part_of_file, test_part},
        text::read_lines,
    },
    known::Record,
    name::natural,
    reader::Reader,
    sink::{Item, Payload, Sink},
    tree::Location,
};
use label::{SampleLabel, class_of_label, key_of, label_of};

/// The files beside the shards that may hold the names of classes.
const NAMES: [&str; 4] = ["classes.txt", "classnames.txt", "class_names.txt", "labels.txt"];
/// Number of files of the first shard that are examined.
const LOOK: usize = 32;

/// Recognises shards: one, or a folder of them.
pub(super) fn detect<'t>(
    location: &Location<'t>,
    options: &OpenOptions,
) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let mut shards = Vec::new();
    if location.tree.is_file {
        shards.push(Shard { path: location.path.clone(), part: None });
    } else if !are_class_folders(location, options) {
        collect(location, &mut shards);
    }
    let Some(first) = shards.first() else { return Ok(None) };
    let names = match kind_of(&first.path)? {
        Some(ArchiveKind::Tar) => tar::first_names(&first.path, false, LOOK),
        Some(ArchiveKind::TarGz) => tar::first_names(&first.path, true, LOOK),
        _ => return Ok(None),
    };
    if !are_samples(&names) {
        return Ok(None);
    }
    let beside = NAMES.iter().find(|name| location.has(name)).map(|name| location.path.join(name));
    let described = Record::of(location)?.classes;
    let test_from = options.reading.test_from.clone();
    let (root, limits) = (location.tree.root.clone(), options.limits);
    Ok(Some(Box::new(Shards { root, all: shards, names: beside, described, test_from, limits })))
}

/// A tar of samples.
struct Shard {
    path: PathBuf,
    part: Option<Part>,
}

fn collect(location: &Location<'_>, shards: &mut Vec<Shard>) {
    let inner = location.folder.folders.iter().filter_map(|folder| Some((folder, part_named(folder.name.to_str()?)?)));
    let inner = inner.map(|(folder, part)| (folder, location.path.join(&folder.name), Some(part)));
    for (folder, path, part) in inner.chain([(location.folder, location.path.clone(), None)]) {
        for name in folder.readable().filter_map(|file| file.name.to_str()) {
            let lower = name.to_ascii_lowercase();
            let stem = lower.strip_suffix(".gz").unwrap_or(&lower);
            if stem.rsplit_once('.').is_some_and(|(_, end)| matches!(end, "tar" | "tgz")) {
                shards.push(Shard { path: path.join(name), part: part.or_else(|| part_of_file(name)) });
            }
        }
    }
    shards.sort_by(|a, b| natural(&a.path.to_string_lossy(), &b.path.to_string_lossy()));
}

/// True when files follow each other that belong to one sample: an image and its label.
fn are_samples(names: &[String]) -> bool {
    let mut ends: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let (key, end) = key_of(name);
        ends.entry(key).or_default().push(end);
    }
    let is_sample = |ends: &Vec<&str>| ends.iter().any(|end| is_image(end)) && ends.iter().any(|end| is_label(end));
    ends.values().any(is_sample)
}

fn is_image(end: &str) -> bool {
    is_image_name(format!("x.{end}").as_ref())
}

fn is_label(end: &str) -> bool {
    ["cls", "json"].iter().any(|known| end.eq_ignore_ascii_case(known))
}

/// An image with its label.
struct Sample {
    shard: usize,
    image: Member,
    label: SampleLabel,
}

struct Shards {
    root: PathBuf,
    all: Vec<Shard>,
    /// The file with the names of the classes.
    names: Option<PathBuf>,
    /// The names that `corpus.toml` gives.
    described: Vec<String>,
    test_from: Option<String>,
    limits: Limits,
}

impl Reader for Shards {
    fn layout(&self) -> String {
        "WebDataset shards".to_owned()
    }

    fn usage(&self) -> Usage {
        Usage::of(self.all.iter().map(|shard| shard.path.clone()).chain(self.names.clone()))
    }

    fn read(&self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let mut archives = Vec::new();
        let mut samples = Vec::new();
        let mut limits = self.limits;
        for (shard, Shard { path, .. }) in self.all.iter().enumerate() {
            // All of them lie unpacked beside each other.
            let archive = Archive::open(path, limits)?;
            limits.decoded_bytes -= archive.unpacked_bytes().min(limits.decoded_bytes);
            self.list_samples(shard, &archive, &mut samples, sink)?;
            self.limits.check_images(samples.len(), path)?;
            archives.push(archive);
        }
        let classes = self.class_names(&samples)?;
        let numbers: BTreeMap<&str, i64> = classes.iter().map(String::as_str).zip(0..).collect();
        sink.set_classes(classes.clone());
        let part = |shard: usize| self.all[shard].part.unwrap_or(Part::Train);
        let labelled: BTreeSet<Part> = samples.iter().map(|sample| part(sample.shard)).collect();
        let test = test_part(&labelled, self.test_from.as_deref(), &self.root)?;
        sink.set_total(samples.len());
        let mut splitting = Splitting::new(test.is_some(), &mut sink.account);
        for Sample { shard, image, label } in &samples {
            let (part, archive) = (part(*shard), &archives[*shard]);
            let source = self.source(&archive.path, &image.name);
            if part != Part::Train && Some(part) != test {
                sink.account.leave_out(Reason::OtherSplit, source.as_ref(), "another part is the test split");
                continue;
            }
            let class = class_of_label(label, &numbers, &image.name, &archive.path)?;
            let split = if part == Part::Train { Split::Train } else { Split::Test };
            let split = splitting.next(split, class);
            match archive.read(image) {
                Ok(bytes) => {
                    let name = image.name.rsplit('/').next().unwrap_or_default().to_owned();
                    sink.push(Item { split, class, name, source, payload: Payload::Encoded(bytes) })?;
                }
                Err(error) => sink.account.leave_out(Reason::Unreadable, source.as_ref(), error.to_string()),
            }
        }
        Ok(())
    }
}

impl Shards {
    /// The path of a file for messages.
    fn source(&self, shard: &Path, name: &str) -> String {
        let shard = shard.strip_prefix(&self.root).unwrap_or(shard).to_string_lossy();
        if shard.is_empty() { name.to_owned() } else { format!("{shard}/{name}") }
    }

    fn list_samples(
        &self,
        shard: usize,
        archive: &Archive,
        samples: &mut Vec<Sample>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let leave_out = |sink: &mut Sink<'_>, reason, name: &str, detail: &str| {
            sink.account.leave_out(reason, self.source(&archive.path, name).as_ref(), detail);
        };
        for name in &archive.refused {
            leave_out(sink, Reason::Unreadable, name, REFUSED);
        }
        let is_hidden = |member: &&Member| member.name.split('/').any(|part| is_system(part.as_ref()));
        for member in archive.members.iter().filter(is_hidden) {
            leave_out(sink, Reason::System, &member.name, "");
        }
        let members: Vec<&Member> = archive.members.iter().filter(|member| !is_hidden(member)).collect();
        for files in members.chunk_by(|a, b| key_of(&a.name).0 == key_of(&b.name).0) {
            let mut images = files.iter().filter(|file| is_image(key_of(&file.name).1));
            let Some(image) = images.next() else {
                for file in files {
                    leave_out(sink, Reason::NotAnImage, &file.name, "of a sample without an image");
                }
                continue;
            };
            for more in images {
                leave_out(sink, Reason::Unlabelled, &more.name, "the second image of a sample");
            }
            if let Some(label) = label_of(archive, files)? {
                samples.push(Sample { shard, image: (*image).clone(), label });
            } else {
                leave_out(sink, Reason::Unlabelled, &image.name, "no .cls, and no label in .json");
            }
        }
        Ok(())
    }

    /// The names of classes: from a list, else the labels that occur.
    fn class_names(&self, samples: &[Sample]) -> Result<Vec<String>, Error> {
        if let Some(path) = &self.names {
            return read_lines(path);
        }
        if !self.described.is_empty() {
            return Ok(self.described.clone());
        }
        let mut words = BTreeSet::new();
        let mut highest = -1;
        for sample in samples {
            match &sample.label {
                SampleLabel::Number(number) => highest = highest.max(*number),
                SampleLabel::Word(word) => drop(words.insert(word.clone())),
            }
            if words.len() > usize::from(u16::MAX) {
                let (found, max, path) = (words.len(), usize::from(u16::MAX), self.root.clone());
                return Err(Error::TooMany { what: "classes", found, max, path });
            }
        }
        let mut words: Vec<String> = words.into_iter().collect();
        words.sort_by(|a, b| natural(a, b));
        let numbers = highest.clamp(-1, i64::from(u16::MAX)) + 1;
        Ok(if words.is_empty() { (0..numbers).map(|number| number.to_string()).collect() } else { words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_recognised_by_their_keys() {
        assert_eq!(key_of("a.b/c.left.jpg"), ("a.b/c", "left.jpg"));
        assert_eq!(key_of("c"), ("c", ""));
        let names = |names: &[&str]| are_samples(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert!(names(&["x/1.jpg", "x/1.cls"]) && names(&["1.json", "1.png"]));
        assert!(!names(&["cat/1.jpg", "cat/2.jpg"]) && !names(&["1.jpg", "2.cls"]));
    }
}
