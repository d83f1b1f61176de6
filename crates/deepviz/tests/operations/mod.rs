//! An operation of the network is one folder and one line of a list: nothing else names it, but for what is listed here.

use super::{files, has_extension, read, root};
use std::path::Path;

const OPS: &str = "crates/net/src/ops";

/// Files outside of an operation's folder that may name it, each with its reason.
const KNOWN: [(&str, &str); 12] = [
    // Networks end in class probabilities, and the layer before the last fully connected one gives the features.
    ("crates/net/src/network/builder.rs", "softmax"),
    ("crates/net/src/network/builder.rs", "dense"),
    // What stands for a nonlinearity, and for a maximum, in a network that is examined as if it were linear.
    ("crates/net/src/network/linear.rs", "activation"),
    ("crates/net/src/network/linear.rs", "pool"),
    // The loss is computed with the probabilities.
    ("crates/net/src/execute/cpu/engine/mod.rs", "softmax"),
    ("crates/net/src/execute/cpu/engine/group.rs", "softmax"),
    ("crates/net/src/execute/cuda/pass.rs", "softmax"),
    // A recipe alone does not say how many classes there are; its last fully connected layer does.
    ("crates/deepviz/src/command/inspect/recipe.rs", "dense"),
    // A fully connected layer is a locally connected one with a single window.
    ("crates/net/src/ops/local/mod.rs", "dense"),
    ("crates/net/src/ops/local/cpu/mod.rs", "dense"),
    ("crates/net/src/ops/local/cpu/weight_gradient.rs", "dense"),
    ("crates/net/src/ops/dense/mod.rs", "local"),
];

/// Module and type of every operation, from the list.
fn operations() -> Vec<(String, String)> {
    let text = read(&root().join(OPS).join("mod.rs"));
    let list = text.split_once("\noperations! {").unwrap().1.split_once("\n}").unwrap().0;
    let entries = list.lines().map(str::trim).filter_map(|line| line.strip_suffix(',')?.split_once("::"));
    entries.map(|(module, name)| (module.to_owned(), name.to_owned())).collect()
}

/// The part of a source file before its unit tests, without comments.
fn code(path: &Path) -> String {
    let text = read(&root().join(path));
    let code = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the text holds the word, not as a part of a longer one.
fn names(text: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + word.len()..].chars().next());
        !is_part(before) && !is_part(after)
    })
}

#[test]
fn an_operation_is_one_folder_and_one_line() {
    let operations = operations();
    assert!(operations.len() >= 20, "no list of operations in {OPS}/mod.rs");
    let sources: Vec<_> = files()
        .into_iter()
        .filter(|path| {
            has_extension(path, &["rs"]) && path.components().nth(2).is_some_and(|part| part.as_os_str() == "src")
        })
        .filter(|path| !path.to_string_lossy().contains("/tests"))
        .collect();
    let mut found = Vec::new();
    for (module, name) in &operations {
        let folder = Path::new(OPS).join(module);
        assert!(root().join(&folder).join("mod.rs").is_file(), "no folder of {module}");
        for path in sources.iter().filter(|path| !path.starts_with(&folder) && !path.ends_with("ops/mod.rs")) {
            let text = code(path);
            let paths = [format!("Op::{name}"), format!("ops::{module}"), format!("super::{module}")];
            let is_known = KNOWN.iter().any(|(known, of)| path == Path::new(known) && of == module);
            if !is_known && paths.iter().any(|path| names(&text, path)) {
                found.push(format!("{} names {module}", path.display()));
            }
        }
    }
    assert!(found.is_empty(), "operations outside of their folders: {found:#?}");
}

#[test]
fn every_operation_has_what_an_operation_has() {
    for (module, _) in operations() {
        let folder = root().join(OPS).join(&module);
        let text = read(&folder.join("mod.rs"));
        for part in ["impl FromTable for", "impl Operation for", "# Shapes", "# Errors", "# Source", "const EXAMPLES"] {
            let is_there = text.contains(part) || part == "const EXAMPLES" && folder.join("examples.rs").is_file();
            assert!(is_there, "{module}/mod.rs has no `{part}`");
        }
        assert!(folder.join("cuda.rs").is_file(), "{module} has no cuda.rs");
        let cpu = folder.join("cpu.rs").is_file() || folder.join("cpu").is_dir();
        assert!(cpu || module == "dense", "{module} has no cpu.rs");
    }
}
