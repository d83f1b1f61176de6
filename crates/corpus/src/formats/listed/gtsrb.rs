//! GTSRB: numbered folders of PPM images for training, a CSV table of labels for testing.

use std::path::{Path, PathBuf};

use super::{ListedImages, class_id, images_in, table};
use crate::{
    ClassId, Error, OpenOptions, Split,
    account::{Mark, Reason},
    formats::records::{FoundLabel, class_of},
    known::Record,
    reader::Reader,
    tree::{Folder, Location},
};

/// The classes of the signs.
const CLASSES: usize = 43;
/// Folders of training images, below the folder that the archives unpack to.
const TRAINING: [&[&str]; 3] = [&["Training"], &["Final_Training", "Images"], &["Train"]];
/// Folders of test images.
const TEST: [&[&str]; 2] = [&["Final_Test", "Images"], &["Test"]];
/// The tables that may hold their labels.
const TABLES: [&str; 4] = ["GT-final_test.csv", "Test.csv", "GT-final_test.test.csv", "GT-online_test.csv"];

/// Recognises a folder with `GTSRB/Training/00000/` or `GTSRB/Final_Training/Images/00000/`.
pub(crate) fn detect<'t>(location: &Location<'t>, _: &OpenOptions) -> Result<Option<Box<dyn Reader + 't>>, Error> {
    if location.tree.is_file {
        return Ok(None);
    }
    let inner = location.folder.folder("GTSRB").map(|folder| location.inner(folder));
    let bases: Vec<Location<'t>> = inner.into_iter().chain([location.clone()]).collect();
    let below =
        |locations: &[&[&str]]| bases.iter().find_map(|base| locations.iter().find_map(|path| below(base, path)));
    let Some(training) = below(&TRAINING).filter(|location| has_numbered_folders(location.folder)) else {
        return Ok(None);
    };
    let test = below(&TEST);
    // A plain `Train` folder of numbered classes is this corpus only with its table.
    let table = find_table(&bases, test.as_ref());
    if training.folder.name == "Train" && table.is_none() {
        return Ok(None);
    }
    let mut found = ListedImages::new("GTSRB", location, &[]);
    push_training(&mut found, &training);
    let classes = Record::of(location)?.classes;
    let highest = found.images.iter().map(|image| image.class.index() + 1).max().unwrap_or(0);
    found.classes = if classes.len() >= highest && !classes.is_empty() {
        classes
    } else {
        (0..highest.max(CLASSES)).map(|number| number.to_string()).collect()
    };
    if let Some(test) = test {
        push_test(&mut found, test.path, table.as_deref())?;
    }
    Ok(Some(Box::new(found)))
}

fn below<'t>(base: &Location<'t>, names: &[&str]) -> Option<Location<'t>> {
    names.iter().try_fold(base.clone(), |at, name| Some(at.inner(at.folder.folder(name)?)))
}

fn number_of(folder: &Folder) -> Option<u16> {
    folder.name.to_str()?.parse().ok()
}

/// True when folders are called `00000` to `00042`, or, in `Train`, `0` to `42`. Class folders of digits have
/// shorter names.
fn has_numbered_folders(folder: &Folder) -> bool {
    let is_plain = folder.name == "Train";
    folder.folders.iter().any(|class| number_of(class).is_some() && (is_plain || class.name.len() == 5))
}

fn push_training(found: &mut ListedImages, training: &Location<'_>) {
    let path = &training.path;
    let mut classes: Vec<(u16, &Folder)> = Vec::new();
    for folder in &training.folder.folders {
        if let Some(number) = number_of(folder).filter(|number| usize::from(*number) < CLASSES) {
            classes.push((number, folder));
        } else {
            let mark = Mark::Left(Reason::OtherFolder, "in a folder that is not one of 00000 to 00042".to_owned());
            found.usage.mark(path.join(&folder.name), mark);
        }
    }
    classes.sort_by_key(|(number, _)| *number);
    for (number, folder) in classes {
        let path = path.join(&folder.name);
        // Bounding boxes of the signs.
        found.usage.files.insert(path.join(format!("GT-{number:05}.csv")));
        for image in images_in(folder, &path) {
            found.push(Split::Train, ClassId(number), image);
        }
    }
}

fn find_table(bases: &[Location<'_>], test: Option<&Location<'_>>) -> Option<PathBuf> {
    let beside = bases.iter().filter_map(|base| below(base, &["Final_Test"]));
    let locations: Vec<Location<'_>> = bases.iter().cloned().chain(beside).chain(test.cloned()).collect();
    TABLES.iter().find_map(|name| {
        let location = locations.iter().find(|location| location.folder.file(name).is_some())?;
        Some(location.path.join(name))
    })
}

fn push_test(found: &mut ListedImages, path: PathBuf, table: Option<&Path>) -> Result<(), Error> {
    let rows = match table {
        Some(table) => table::columns(table, &[&["Filename", "Path"], &["ClassId"]])?.map(|rows| (table, rows)),
        None => None,
    };
    let Some((table, rows)) = rows else {
        found.mark_unlisted(path, "there is no table with its label (GT-final_test.csv)");
        return Ok(());
    };
    for (index, row) in rows.iter().enumerate() {
        let label = row[1].parse().unwrap_or(-1);
        let class = class_of(FoundLabel { label, record: index, path: table }, found.classes.len())?;
        // Some tables name the folder too.
        let name = Path::new(&row[0]).file_name().unwrap_or_default();
        found.push(Split::Test, class_id(class.index()), path.join(name));
    }
    found.usage.files.insert(table.to_owned());
    found.mark_unlisted(path, "the table of labels does not name it");
    Ok(())
}
