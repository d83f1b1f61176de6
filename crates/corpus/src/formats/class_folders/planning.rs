//! Splits and classes among folders, from names alone.

use super::{
    classes::class_dirs,
    dir::Dir,
    faults::{ambiguous, list, no_such_split},
    inverted,
    names::Role,
    plan::{Plan, divided},
};
use crate::{
    Error, OpenOptions,
    account::{Mark, Reason},
    file_name::shown,
};

/// The folders of a folder, by their names and contents.
#[derive(Debug, Default)]
struct SplitFolders<'t> {
    /// Called like a split, with class folders.
    labelled: Vec<Dir<'t>>,
    /// Called like a split, with images and no class folders.
    flat: Vec<Dir<'t>>,
    /// Not called like a split: perhaps classes.
    others: Vec<Dir<'t>>,
}

/// The plan of a folder; nothing where it holds no class folders, or one folder alone in which they may be.
///
/// # Errors
/// [`Error::Ambiguous`] where class folders are there and can be understood in more than one way.
pub(super) fn plan<'t>(top: &Dir<'t>, options: &OpenOptions) -> Result<Option<Plan<'t>>, Error> {
    let mut splits = SplitFolders::default();
    for dir in top.folders() {
        match dir.role() {
            Some(_) if dir.is_labelled() => splits.labelled.push(dir),
            Some(_) => splits.flat.push(dir),
            None => splits.others.push(dir),
        }
    }
    let chosen = options.reading.test_from.as_deref();
    let others_are_classes = splits.others.iter().filter(|dir| dir.has_images()).count() >= 2;
    if splits.labelled.is_empty() {
        return one_level(top, &splits, chosen);
    }
    let has_train = splits.labelled.iter().any(|dir| dir.role() == Some(Role::Train));
    if others_are_classes && (!has_train || splits.labelled.len() + splits.flat.len() == 1) {
        return Err(ambiguous(
            top,
            format!("class folders both in {} and beside it ({})", list(&splits.labelled), list(&splits.others)),
        ));
    }
    splits_plan(top, &splits, chosen).map(Some)
}

/// `train/<class>/*`, `test/<class>/*`, or one of them.
fn splits_plan<'t>(top: &Dir<'t>, splits: &SplitFolders<'t>, chosen: Option<&str>) -> Result<Plan<'t>, Error> {
    let mut plan = Plan::default();
    let train = one_of(top, &splits.labelled, Role::Train)?;
    let test = match chosen {
        Some(name) => Some(test_from(top, splits, name, train.as_ref())?),
        None => match one_of(top, &splits.labelled, Role::Test)? {
            Some(test) => Some(test),
            None => one_of(top, &splits.labelled, Role::Validation)?,
        },
    };
    for (dir, is_train) in train.iter().map(|dir| (dir, true)).chain(test.iter().map(|dir| (dir, false))) {
        let split = dir.unwrapped();
        let classes = class_dirs(&split, &split.folders(), &mut plan.marks)?;
        if is_train { plan.train = classes } else { plan.test = Some(classes) }
    }
    let is_used = |dir: &Dir<'_>| [&train, &test].into_iter().flatten().any(|used| used.path == dir.path);
    let test_name = test.as_ref().map(Dir::label);
    for dir in splits.labelled.iter().filter(|dir| !is_used(dir)) {
        let detail = match &test_name {
            Some(test) => {
                let (test, here) = (test.as_str(), dir.label());
                plan.remarks.push(format!("{test} is the test split; {here} is labelled too and left out"));
                format!("{test} is the test split")
            }
            None => "another folder is the training split".to_owned(),
        };
        plan.marks.insert(dir.path.clone(), Mark::Left(Reason::OtherSplit, detail));
    }
    for dir in &splits.flat {
        plan.remarks.push(format!("{} holds images without class folders and is left out", dir.label()));
        plan.marks.insert(dir.path.clone(), Mark::Left(Reason::Unlabelled, "no class folders".to_owned()));
    }
    for dir in &splits.others {
        let detail = "beside the folders of the splits".to_owned();
        plan.marks.insert(dir.path.clone(), Mark::Left(Reason::OtherFolder, detail));
    }
    match &test {
        None => plan.remarks.push(divided()),
        Some(dir) if dir.role() != Some(Role::Test) => plan.remarks.push(format!("{} is the test split", dir.label())),
        Some(_) => {}
    }
    Ok(plan)
}

/// `<class>/*`, or `<class>/train/*` and `<class>/test/*`.
fn one_level<'t>(top: &Dir<'t>, splits: &SplitFolders<'t>, chosen: Option<&str>) -> Result<Option<Plan<'t>>, Error> {
    let mut classes = splits.others.clone();
    let mut plan = Plan::default();
    // A class may be called "train" or "valid"; none is called "test" where there are others.
    for dir in &splits.flat {
        let is_split =
            dir.is_exactly(Role::Test) || ["val", "validation"].contains(&shown(dir.name()).to_lowercase().as_str());
        if is_split && splits.others.len() >= 2 {
            plan.remarks.push(format!("{} holds images without class folders and is left out", dir.label()));
            plan.marks.insert(dir.path.clone(), Mark::Left(Reason::Unlabelled, "no class folders".to_owned()));
        } else {
            classes.push(dir.clone());
        }
    }
    if splits.others.is_empty() && !splits.flat.is_empty() {
        let found = format!("{} with images in it and no class folders", list(&splits.flat));
        return Err(ambiguous(top, found));
    }
    match classes.as_slice() {
        [] => return Ok(None),
        // One folder without images of its own may be a wrapping one.
        [only] if !only.has_images() => return Ok(None),
        _ => {}
    }
    if let Some(inverted) = inverted::plan(top, &classes, chosen)? {
        return Ok(Some(Plan { remarks: [plan.remarks, inverted.remarks].concat(), ..inverted }));
    }
    if let Some(name) = chosen {
        return Err(no_such_split(top, name, &[]));
    }
    plan.train = class_dirs(top, &classes, &mut plan.marks)?;
    plan.remarks.push(divided());
    Ok(Some(plan))
}

/// The one labelled folder of a role. A name that says nothing else goes before one that does (`seg_train`).
fn one_of<'t>(top: &Dir<'t>, labelled: &[Dir<'t>], role: Role) -> Result<Option<Dir<'t>>, Error> {
    let of_role: Vec<_> = labelled.iter().filter(|dir| dir.role() == Some(role)).collect();
    let exact: Vec<_> = of_role.iter().copied().filter(|dir| dir.is_exactly(role)).collect();
    let candidates = if exact.is_empty() { of_role } else { exact };
    match candidates.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some((*only).clone())),
        several => {
            let several: Vec<Dir<'t>> = several.iter().map(|dir| (*dir).clone()).collect();
            let what = match role {
                Role::Train => "the training split",
                Role::Test | Role::Validation => "the test split",
            };
            Err(ambiguous(top, format!("{}, each of which could be {what}", list(&several))))
        }
    }
}

fn test_from<'t>(
    top: &Dir<'t>,
    splits: &SplitFolders<'t>,
    name: &str,
    train: Option<&Dir<'t>>,
) -> Result<Dir<'t>, Error> {
    let usable: Vec<_> = splits
        .labelled
        .iter()
        .chain(splits.others.iter().filter(|dir| dir.is_labelled()))
        .filter(|dir| train.is_none_or(|train| train.path != dir.path))
        .collect();
    let wanted = name.trim_end_matches('/');
    let exact = usable.iter().find(|dir| shown(dir.name()) == wanted);
    let found = exact.or_else(|| usable.iter().find(|dir| shown(dir.name()).to_lowercase() == wanted.to_lowercase()));
    found.map(|dir| (*dir).clone()).ok_or_else(|| no_such_split(top, name, &usable))
}
