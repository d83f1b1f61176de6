//! Tiny `ImageNet`: class folders for training, `val_annotations.txt` for testing, and test images without labels.

use std::{collections::BTreeMap, path::Path};

use super::{ListedImages, class_id, images_in, malformed, numbered};
use crate::{
    Error, OpenOptions, Split,
    account::{Mark, Reason},
    formats::text::{lines, read_lines, read_text},
    known::Record,
    name::natural,
    reader::Reader,
    tree::Location,
};

const IDS: &str = "wnids.txt";
const WORDS: &str = "words.txt";
const ANNOTATIONS: &str = "val_annotations.txt";

/// Recognises a folder with `wnids.txt`, `train/` and `val/`.
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let folder = |name| location.folder.folder(name);
    let (true, Some(train), Some(val)) = (location.has(IDS), folder("train"), folder("val")) else { return Ok(None) };
    let mut ids = read_lines(&location.path.join(IDS))?;
    ids.sort_by(|a, b| natural(a, b));
    ids.dedup();
    let mut found = ListedImages::new("Tiny ImageNet", location, &[IDS, WORDS]);
    push_folders(&mut found, &location.inner(train), &ids, Split::Train);
    if val.file(ANNOTATIONS).is_some() {
        push_annotated(&mut found, &location.inner(val), &ids)?;
    } else {
        push_folders(&mut found, &location.inner(val), &ids, Split::Test);
    }
    found.mark_unlisted(location.path.join("test"), "test/ has no labels; val/ is the test split");
    found.classes = class_names(location, &ids)?;
    Ok(Some(Box::new(found)))
}

/// `<split>/<id>/images/*`, or `<split>/<id>/*`.
fn push_folders(found: &mut ListedImages, location: &Location<'_>, ids: &[String], split: Split) {
    let Location { folder, path, .. } = location;
    for (index, id) in ids.iter().enumerate() {
        let Some(class) = folder.folder(id) else { continue };
        let path = path.join(id);
        // Bounding boxes of the objects.
        found.usage.files.insert(path.join(format!("{id}_boxes.txt")));
        let mut images = images_in(class, &path);
        if let Some(inner) = class.folder("images") {
            images.extend(images_in(inner, &path.join("images")));
        }
        for image in images {
            found.push(split, class_id(index), image);
        }
    }
    let is_class = |name: &str| ids.iter().any(|id| id == name);
    for other in folder.folders.iter().filter(|folder| !folder.name.to_str().is_some_and(is_class)) {
        let mark = Mark::Left(Reason::OtherFolder, "in a folder that wnids.txt does not list".to_owned());
        found.usage.mark(path.join(&other.name), mark);
    }
}

/// `val_annotations.txt`: file name and id, then a box, with tabs between them.
fn push_annotated(found: &mut ListedImages, val: &Location<'_>, ids: &[String]) -> Result<(), Error> {
    let list = val.path.join(ANNOTATIONS);
    let classes = numbered(ids);
    let path = val.folder.folder("images").map_or_else(|| val.path.clone(), |_| val.path.join("images"));
    for (number, line) in read_lines(&list)?.iter().enumerate() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(id)) = (words.next(), words.next()) else {
            return Err(malformed("the labels", format!("the line {line:?}"), "a file name and an id", &list));
        };
        let Some(class) = classes.get(id) else {
            let found = format!("the id {id} in line {}", number + 1);
            return Err(malformed("the labels", found, "an id that wnids.txt lists", &list));
        };
        found.push(Split::Test, *class, path.join(Path::new(name).file_name().unwrap_or_default()));
    }
    found.usage.files.insert(list);
    found.mark_unlisted(path, "val_annotations.txt does not list it");
    Ok(())
}

/// The first word of `words.txt` for each id; all of them where that one stands for two classes.
fn class_names(location: &Location<'_>, ids: &[String]) -> Result<Vec<String>, Error> {
    let described = Record::of(location)?;
    let text = if location.has(WORDS) { read_text(&location.path.join(WORDS))? } else { String::new() };
    let words: BTreeMap<&str, &str> = lines(&text).filter_map(|line| line.split_once('\t')).collect();
    let first = |id: &String| {
        let given = described.class_names.get(id).map(String::as_str);
        given.or_else(|| words.get(id.as_str()).map(|all| all.split(',').next().unwrap_or(all).trim()))
    };
    let mut names = Vec::new();
    for id in ids {
        let name = first(id);
        let is_taken = ids.iter().filter(|other| first(other) == name).count() > 1;
        let whole = words.get(id.as_str()).copied().filter(|_| is_taken).or(name);
        names.push(whole.map_or_else(|| id.clone(), |name| name.trim().to_owned()));
    }
    Ok(names)
}
