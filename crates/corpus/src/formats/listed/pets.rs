//! Oxford-IIIT Pet: `images/*.jpg`, with lists of names and classes in `annotations/`.

use std::{collections::BTreeMap, path::Path};

use super::{ListedImages, class_id, malformed};
use crate::{
    Error, OpenOptions, Split,
    account::{Mark, Reason},
    formats::text::read_lines,
    reader::Reader,
    tree::Location,
};

const LISTS: [(&str, Split); 2] = [("trainval.txt", Split::Train), ("test.txt", Split::Test)];

/// Recognises a folder with `images/` and `annotations/trainval.txt`.
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let (Some(_), Some(lists)) = (location.folder.folder("images"), location.folder.folder("annotations")) else {
        return Ok(None);
    };
    if lists.file(LISTS[0].0).is_none() {
        return Ok(None);
    }
    let folder = location.path.join("images");
    let lists_read = ["annotations/trainval.txt", "annotations/test.txt"];
    let mut found = ListedImages::new("Oxford-IIIT Pet", location, &lists_read);
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    for (list, split) in LISTS.into_iter().filter(|(list, _)| lists.file(list).is_some()) {
        let path = location.path.join("annotations").join(list);
        for line in read_lines(&path)?.iter().filter(|line| !line.starts_with('#')) {
            let (name, class) = parse(line, &path)?;
            let breed = breed(name);
            let known = names.entry(class).or_insert_with(|| breed.clone());
            if *known != breed {
                let found = format!("{breed} as class {}", class + 1);
                return Err(malformed("the list", found, &format!("{known}, as in the lines before"), &path));
            }
            found.push(split, class_id(class), folder.join(format!("{name}.jpg")));
        }
    }
    let count = names.last_key_value().map_or(0, |(class, _)| class + 1);
    let name = |class| names.get(&class).cloned().unwrap_or_else(|| (class + 1).to_string());
    found.classes = (0..count).map(name).collect();
    found.mark_unlisted(folder, "no list names it");
    // Masks lie there, which are images in name.
    let mark = Mark::Left(Reason::NotAnImage, "a mask of an image".to_owned());
    found.usage.mark(location.path.join("annotations").join("trimaps"), mark);
    Ok(Some(Box::new(found)))
}

/// `Abyssinian_100 1 1 1`: name, class from 1, species, breed of the species.
fn parse<'l>(line: &'l str, path: &Path) -> Result<(&'l str, usize), Error> {
    const MAX_CLASS: usize = u16::MAX as usize;
    let mut words = line.split_whitespace();
    let name = words.next().filter(|name| !name.contains(['/', '\\']));
    let class =
        words.next().and_then(|class| class.parse::<usize>().ok()).filter(|class| (1..=MAX_CLASS).contains(class));
    match (name, class) {
        (Some(name), Some(class)) => Ok((name, class - 1)),
        _ => Err(malformed("the list", format!("the line {line:?}"), "a name and a class from 1", path)),
    }
}

/// `great_pyrenees_12` is a Great Pyrenees.
fn breed(name: &str) -> String {
    let words = name.rsplit_once('_').map_or(name, |(breed, _)| breed).split('_');
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    words.map(capital).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breeds_are_read_from_names() {
        assert_eq!(breed("great_pyrenees_12"), "Great Pyrenees");
        assert_eq!(breed("Abyssinian_100"), "Abyssinian");
        assert!(parse("Abyssinian_100 0 1 1", Path::new("x")).is_err());
        assert!(parse("../x_1 1 1 1", Path::new("x")).is_err());
    }
}
