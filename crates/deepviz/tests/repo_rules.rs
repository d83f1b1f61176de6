//! The rules of the repository, held by tests: dependencies (arrows) between crates, sizes of files, documents that
//! name what exists, nothing generated that is out of date, nothing that ties to one machine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot unwrap has failed")]

mod arrows;
mod operations;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Limit of the lines of a source file.
const MAX_LINES: usize = 450;
/// Percentages of the source files, and the lines that they may have at most.
const USUAL_LINES: [(usize, usize); 2] = [(50, 140), (90, 260)];

/// Crates that only tests may depend on.
const FOR_TESTS: [&str; 2] = ["cuda-emulator", "fixtures"];

/// Folders that hold nothing written by hand.
const NOT_SOURCE: [&str; 7] = ["target", "node_modules", "dist", ".git", ".demo", ".cache", "test-results"];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().parent().unwrap().to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file of the repository, relative to its root.
fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            // `.git` is a file in a worktree.
            if NOT_SOURCE.iter().any(|&skipped| name == skipped) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), found);
            } else {
                found.push(entry.path());
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort();
    let root = root();
    found.iter().map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect()
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|found| extensions.iter().any(|&wanted| found == wanted))
}

/// Each crate's folder name with the folder names of the crates it depends on; the fuzz targets stand apart.
fn arrows_in_manifests() -> BTreeMap<String, BTreeSet<String>> {
    let mut arrows = BTreeMap::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let manifest: toml::Table = toml::from_str(&read(&folder.join("Cargo.toml"))).unwrap();
        if manifest.contains_key("workspace") {
            continue;
        }
        let uses = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flat_map(toml::Table::keys)
            .filter_map(|name| name.strip_prefix("deepviz-"))
            .map(str::to_owned)
            .collect();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        arrows.insert(name, uses);
    }
    arrows
}

/// The same from the table in ARCHITECTURE.md: ``| `crates/x` | what | uses |``.
fn arrows_in_architecture() -> BTreeMap<String, BTreeSet<String>> {
    let text = read(&root().join("ARCHITECTURE.md"));
    let rows = text.lines().filter(|line| line.starts_with("| `crates/"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_matches('`').strip_prefix("crates/").unwrap();
        let uses = match *cells.last().unwrap() {
            "nothing" => BTreeSet::new(),
            list => list.split(", ").map(str::to_owned).collect(),
        };
        (name.to_owned(), uses)
    })
    .collect()
}

#[test]
fn crates_depend_on_each_other_as_the_architecture_says() {
    let architecture = arrows_in_architecture();
    assert!(architecture.len() >= 7, "no table of crates in ARCHITECTURE.md");
    assert_eq!(arrows_in_manifests(), architecture);
}

#[test]
fn train_and_statistics_never_meet_outside_of_the_binary_and_what_is_for_tests_stays_there() {
    let arrows = arrows_in_manifests();
    for leaf in ["corpus", "net", "pickle", "render"] {
        assert!(arrows[leaf].iter().all(|used| used == "pickle"), "{leaf} must not use other crates than pickle");
    }
    for (name, uses) in arrows.iter().filter(|(name, _)| *name != "deepviz") {
        assert!(!uses.contains("train"), "{name} must not use train");
    }
    for (name, uses) in &arrows {
        assert!(FOR_TESTS.iter().all(|only| !uses.contains(*only)), "{name} may use {FOR_TESTS:?} in tests only");
    }
}

/// Lines of each source file that is written by hand.
fn source_lengths() -> Vec<(usize, PathBuf)> {
    let is_source = |path: &PathBuf| {
        has_extension(path, &["rs", "ts", "svelte", "css", "js", "mjs", "sql", "py", "sh", "cu", "cpp", "h"])
            && !path.to_string_lossy().ends_with(".gen.ts")
    };
    files().into_iter().filter(is_source).map(|path| (read(&root().join(&path)).lines().count(), path)).collect()
}

#[test]
fn source_files_stay_short() {
    let too_long = source_lengths().into_iter().filter(|(lines, _)| *lines > MAX_LINES);
    let too_long: Vec<String> = too_long.map(|(lines, path)| format!("{}: {lines} lines", path.display())).collect();
    assert!(too_long.is_empty(), "over {MAX_LINES} lines: {too_long:#?}");
}

#[test]
fn most_source_files_are_much_shorter() {
    let mut lengths: Vec<usize> = source_lengths().into_iter().map(|(lines, _)| lines).collect();
    lengths.sort_unstable();
    for (percent, max) in USUAL_LINES {
        let lines = lengths[lengths.len() * percent / 100];
        assert!(lines <= max, "{percent} % of the source files have up to {lines} lines, not {max}: divide some");
    }
}

#[test]
fn the_readme_names_every_crate() {
    let readme = read(&root().join("README.md"));
    for name in arrows_in_manifests().keys() {
        let folder = format!("`crates/{name}`");
        assert!(readme.contains(&folder), "README.md does not mention {folder}");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in files().iter().filter(|path| has_extension(path, &["md"])) {
        let folder = root().join(path);
        let folder = folder.parent().unwrap();
        for link in read(&root().join(path)).split("](").skip(1) {
            let target = link.split([')', '#', ' ']).next().unwrap();
            let is_local = !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:");
            if is_local && !folder.join(target).exists() {
                broken.push(format!("{} -> {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links: {broken:#?}");
}

#[test]
fn nothing_ties_the_repository_to_one_machine() {
    // Put together here so that this file does not find itself.
    let patterns =
        [["/ro", "ot/"], ["/ho", "me/"], ["/wo", "rk/"], ["/tm", "p/dv"], ["/Us", "ers/"]].map(|parts| parts.concat());
    let mut found = Vec::new();
    for path in files() {
        // What is not text (pictures, fonts) cannot hold a path that anyone reads.
        let Ok(text) = fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for pattern in &patterns {
            if text.contains(pattern.as_str()) {
                found.push(format!("{}: {pattern}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "paths of one machine: {found:#?}");
}

#[test]
fn every_recipe_in_models_is_built_in() {
    let table = read(&root().join("crates/deepviz/src/recipe.rs"));
    let recipes = fs::read_dir(root().join("models")).unwrap();
    let mut number = 0;
    for entry in recipes {
        let name = entry.unwrap().file_name();
        let name = name.to_str().unwrap();
        if has_extension(Path::new(name), &["toml"]) {
            number += 1;
            assert!(table.contains(&format!("models/{name}")), "{name} is not in recipe.rs");
        }
    }
    assert!(number > 0, "models/ holds no recipe");
}

#[test]
fn the_description_of_the_interface_is_current() {
    let committed: serde_json::Value = serde_json::from_str(&read(&root().join("crates/server/openapi.json"))).unwrap();
    let now: serde_json::Value = serde_json::from_str(&deepviz_server::openapi()).unwrap();
    assert!(
        committed == now,
        "crates/server/openapi.json is out of date; \
         run `cargo run -p deepviz-server --example openapi > crates/server/openapi.json`"
    );
}

#[test]
fn generated_types_are_current() {
    let web = root().join("web");
    if !web.join("node_modules").exists() {
        assert!(std::env::var_os("CI").is_none(), "web/node_modules is missing; run `make web` first");
        eprintln!("not checked: web/node_modules is missing (`make web` fetches it)");
        return;
    }
    let output = Command::new("node")
        .args(["scripts/types.mjs", "--check"])
        .env_remove("DEEPVIZ_API")
        .current_dir(&web)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
