//! The dependencies (arrows) between the files of a crate, by the paths in them: no cycles, and none against the order
//! that the crate's `lib.rs` writes down.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use source::Crate;

/// Crates whose files use each other in no cycle. The others follow as they are taken apart; a crate that is once in
/// this list stays there.
const WITHOUT_CIRCLES: [&str; 11] = [
    "attribution",
    "corpus",
    "cuda-emulator",
    "deepviz",
    "fixtures",
    "net",
    "pickle",
    "render",
    "server",
    "stats",
    "train",
];

/// Crates in which a folder may be one unit: the type is in its `mod.rs`, and its parts in the files beside, which name
/// the type. So it is with an operation and its arithmetic per device, a GPU and its libraries, a snapshot and its file.
const WITH_FOLDERS_AS_UNITS: [&str; 1] = ["net"];

/// A module by its path in the crate; empty for `lib.rs` and `main.rs`.
type Module = Vec<String>;

/// The modules that each module uses, itself not among them.
type Arrows = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn files_use_each_other_in_no_circle() {
    let mut found = Vec::new();
    for name in source::crates() {
        let mut cycles = cycles(&Crate::read(&name).arrows());
        if WITH_FOLDERS_AS_UNITS.contains(&name.as_str()) {
            cycles.retain(|cycle| !is_one_folder(cycle));
        }
        if WITHOUT_CIRCLES.contains(&name.as_str()) {
            found.extend(cycles.iter().map(|cycle| format!("{name}: {}", words(cycle))));
        } else {
            // What is left to do: shown with --nocapture.
            println!("{name}: {} cycles", cycles.len());
            for cycle in &cycles {
                println!("    {}", words(cycle));
            }
        }
    }
    assert!(found.is_empty(), "files that use each other in a cycle: {found:#?}");
}

#[test]
fn modules_use_what_stands_before_them_in_the_order_of_their_crate() {
    let mut against = Vec::new();
    let mut ordered = 0;
    for name in source::crates() {
        let source = Crate::read(&name);
        let order = source.order();
        if order.is_empty() {
            continue;
        }
        ordered += 1;
        let place = |module: &Module| order.iter().position(|known| Some(known) == module.first());
        for (from, used) in source.arrows() {
            // The root declares all modules and exports some.
            let Some(top_module) = from.first() else { continue };
            let Some(own) = place(&from) else {
                against
                    .push(format!("{name}: {top_module} is missing in the order of lib.rs ({})", order.join(" <- ")));
                continue;
            };
            let up = used.iter().filter(|to| place(to).is_none_or(|other| other > own));
            against.extend(up.map(|to| format!("{name}: {} uses {}", from.join("::"), to.join("::"))));
        }
    }
    assert!(ordered > 0, "no lib.rs names the order of its modules");
    assert!(against.is_empty(), "arrows against the order of the modules: {against:#?}");
}

#[test]
fn a_cycle_is_found_at_any_position() {
    let module = |name: char| vec![name.to_string()];
    let arrows = |edges: &[&str]| {
        let mut arrows = Arrows::new();
        for edge in edges {
            let (from, to) = (edge.chars().next().unwrap(), edge.chars().nth(1).unwrap());
            arrows.entry(module(from)).or_default().insert(module(to));
        }
        cycles(&arrows).iter().map(|cycle| words(cycle)).collect::<Vec<_>>()
    };
    assert!(arrows(&["ab", "ac", "bd", "cd"]).is_empty());
    assert_eq!(arrows(&["ab", "ba"]), ["a <-> b"]);
    assert_eq!(arrows(&["ab", "bc", "cd", "db", "ef", "fe"]), ["b <-> c <-> d", "e <-> f"]);
    let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Module>();
    let folder = [path(&["ops", "pool"]), path(&["ops", "pool", "cpu"]), path(&["ops", "pool", "axis"])];
    assert!(is_one_folder(&folder));
    assert!(!is_one_folder(&folder[1..]), "two files without the module above them");
    assert!(!is_one_folder(&[path(&[]), path(&["ops"])]), "the root and a module");
}

/// True for a module with modules below it, none of them the root.
fn is_one_folder(cycle: &[Module]) -> bool {
    let Some(shortest) = cycle.iter().min_by_key(|module| module.len()) else { return false };
    !shortest.is_empty() && cycle.iter().all(|module| module.starts_with(shortest))
}

fn words(cycle: &[Module]) -> String {
    let name = |module: &Module| if module.is_empty() { "lib".to_owned() } else { module.join("::") };
    cycle.iter().map(name).collect::<Vec<_>>().join(" <-> ")
}

/// The greatest sets of modules of which each reaches each other one.
fn cycles(arrows: &Arrows) -> Vec<Vec<Module>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> =
        arrows.keys().map(|module| (module, reached_from(arrows, module))).collect();
    let mut cycles = BTreeSet::new();
    for (module, others) in &reached {
        let back = |other: &&&Module| reached.get(**other).is_some_and(|others| others.contains(module));
        let cycle: BTreeSet<Module> = others.iter().filter(back).map(|module| (*module).clone()).collect();
        if cycle.len() > 1 {
            cycles.insert(cycle.into_iter().collect::<Vec<_>>());
        }
    }
    cycles.into_iter().collect()
}

fn reached_from<'a>(arrows: &'a Arrows, module: &Module) -> BTreeSet<&'a Module> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&Module> = arrows.get(module).into_iter().flatten().collect();
    while let Some(module) = next.pop() {
        if reached.insert(module) {
            next.extend(arrows.get(module).into_iter().flatten());
        }
    }
    reached
}
