//! Food-101: `images/<class>/*.jpg`, with lists of both splits in `meta/`.

use super::{ListedImages, malformed, numbered};
use crate::{Error, OpenOptions, Split, formats::text::read_lines, reader::Reader, tree::Location};

const LISTS: [(&str, Split); 2] = [("train.txt", Split::Train), ("test.txt", Split::Test)];
const CLASSES: &str = "classes.txt";

/// Recognises a folder with `images/`, `meta/classes.txt` and `meta/train.txt`.
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    let (Some(_), Some(lists)) = (location.folder.folder("images"), location.folder.folder("meta")) else {
        return Ok(None);
    };
    if lists.file(CLASSES).is_none() || lists.file(LISTS[0].0).is_none() {
        return Ok(None);
    }
    let meta = location.path.join("meta");
    let mut found = ListedImages::new("Food-101", location, &["meta/classes.txt", "meta/train.txt", "meta/test.txt"]);
    found.classes = read_lines(&meta.join(CLASSES))?;
    let classes = found.classes.clone();
    let ids = numbered(&classes);
    let folder = location.path.join("images");
    for (list, split) in LISTS.into_iter().filter(|(list, _)| lists.file(list).is_some()) {
        let path = meta.join(list);
        for line in read_lines(&path)? {
            let parts = line.split_once('/').filter(|(_, name)| !name.contains(['/', '\\']));
            let class = parts.and_then(|(class, name)| Some((*ids.get(class)?, class, name)));
            let Some((id, class, name)) = class else {
                let expected = "a class of classes.txt and a name: apple_pie/1005649";
                return Err(malformed("the list", format!("the line {line:?}"), expected, &path));
            };
            found.push(split, id, folder.join(class).join(format!("{name}.jpg")));
        }
    }
    found.mark_unlisted(folder, "no list names it");
    Ok(Some(Box::new(found)))
}
