//! Class folders with the splits inside of them: `<class>/train/*`, `<class>/test/*`.

use std::collections::BTreeSet;

use super::{
    classes::ClassDir,
    dir::Dir,
    faults::no_such_split,
    names::Role,
    plan::{Plan, divided},
};
use crate::{
    Error,
    account::{Mark, Reason},
    file_name::shown,
};

/// The plan where every class folder holds folders of splits and nothing else; else nothing.
pub(super) fn plan<'t>(top: &Dir<'t>, classes: &[Dir<'t>], chosen: Option<&str>) -> Result<Option<Plan<'t>>, Error> {
    let is_split = |dir: &Dir<'t>| dir.role().is_some() && dir.folders().is_empty();
    let is_class = |dir: &Dir<'t>| !dir.has_images() && dir.folders().iter().all(is_split);
    let inner: Vec<Dir<'t>> = classes.iter().flat_map(Dir::folders).collect();
    if inner.is_empty() || !classes.iter().all(is_class) {
        return Ok(None);
    }
    // A class of one folder says nothing of splits where the others are the same.
    let names: BTreeSet<String> = inner.iter().map(|dir| shown(dir.name()).to_lowercase()).collect();
    if names.len() < 2 {
        return Ok(None);
    }
    let is_there = |role| inner.iter().any(|dir| dir.role() == Some(role));
    let test_role = if is_there(Role::Test) { Role::Test } else { Role::Validation };
    let wanted = chosen.map(|name| name.trim_end_matches('/').to_lowercase());
    if let Some(wanted) = wanted.as_ref().filter(|wanted| !names.contains(*wanted)) {
        return Err(no_such_split(top, wanted, &classes.iter().take(1).flat_map(|_| inner.iter()).collect::<Vec<_>>()));
    }
    let is_test = |dir: &Dir<'t>| match &wanted {
        Some(wanted) => shown(dir.name()).to_lowercase() == *wanted,
        None => dir.role() == Some(test_role),
    };
    let mut plan = Plan::default();
    let mut test = Vec::new();
    for class in classes {
        plan.marks.insert(class.path.clone(), Mark::Split);
        let (mut for_test, mut for_train) = (Vec::new(), Vec::new());
        for dir in class.folders() {
            if is_test(&dir) {
                for_test.push(dir);
            } else if dir.role() == Some(Role::Train) {
                for_train.push(dir);
            } else {
                let detail = "another folder of the class is the test split".to_owned();
                plan.marks.insert(dir.path.clone(), Mark::Left(Reason::OtherSplit, detail));
            }
        }
        for (dirs, to) in [(for_train, &mut plan.train), (for_test, &mut test)] {
            for dir in &dirs {
                plan.marks.insert(dir.path.clone(), Mark::Class);
            }
            if !dirs.is_empty() {
                to.push(ClassDir { name: class.name(), dirs });
            }
        }
    }
    plan.remarks.push("the splits are folders inside of the class folders".to_owned());
    if test.is_empty() {
        plan.remarks.push(divided());
    } else {
        plan.test = Some(test);
    }
    Ok(Some(plan))
}
