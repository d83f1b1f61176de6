//! Reads a crate's modules and the paths in them. It knows as much of Rust as paths need, and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{Arrows, Module};

/// The folder names of the crates, sorted; the fuzz targets stand apart.
pub(super) fn crates() -> Vec<String> {
    let folders = fs::read_dir(crates_folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = folders
        .filter(|folder| folder.join("src/lib.rs").exists() || folder.join("src/main.rs").exists())
        .map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "fuzz")
        .collect();
    names.sort();
    names
}

fn crates_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The source of a crate without its tests.
pub(super) struct Crate {
    modules: BTreeMap<Module, File>,
    /// What `lib.rs` says of itself.
    documentation: String,
}

/// The paths of one file, relative to the crate.
#[derive(Default)]
struct File {
    used: Vec<Module>,
    /// What it exports of other modules: the name under which, and the path.
    exported: BTreeMap<String, Module>,
}

impl Crate {
    pub(super) fn read(name: &str) -> Self {
        let folder = crates_folder().join(name).join("src");
        let mut texts = BTreeMap::new();
        read_folder(&folder, &mut Vec::new(), &mut texts);
        let known: BTreeSet<Module> = texts.keys().cloned().collect();
        let read = |(module, text): (&Module, &String)| (module.clone(), File::read(text, module, &known));
        let modules = texts.iter().map(read).collect();
        let root = fs::read_to_string(folder.join("lib.rs")).unwrap_or_default();
        let documentation = root.lines().filter_map(|line| line.strip_prefix("//!")).collect::<Vec<_>>().join("\n");
        Self { modules, documentation }
    }

    /// The modules in the order in which they may use each other, where `lib.rs` names one: `a <- b <- c` on a line of
    /// its documentation, of which `b` and `c` may use `a`.
    pub(super) fn order(&self) -> Vec<String> {
        let line = self.documentation.lines().find(|line| line.contains(" <- ")).unwrap_or_default();
        let words = line.split(" <- ").map(|word| word.trim().trim_matches('`').to_owned());
        words.filter(|word| !word.is_empty()).collect()
    }

    /// What each module uses, through what other modules export.
    pub(super) fn arrows(&self) -> Arrows {
        let used = |(module, file): (&Module, &File)| {
            let mut targets: BTreeSet<Module> = file.used.iter().map(|path| self.target(path, 0)).collect();
            targets.remove(module);
            (module.clone(), targets)
        };
        self.modules.iter().map(used).collect()
    }

    /// The module in which a path ends.
    fn target(&self, path: &[String], depth: usize) -> Module {
        let module = (0..=path.len()).rev().map(|end| &path[..end]).find(|start| self.modules.contains_key(*start));
        let module = module.unwrap_or_default();
        let rest = &path[module.len()..];
        let exported = rest.first().and_then(|name| self.modules[module].exported.get(name));
        match exported {
            // An export in a cycle does not compile; the bound is for what this reader takes for one.
            Some(inner) if depth < 8 => {
                let whole: Module = inner.iter().chain(&rest[1..]).cloned().collect();
                self.target(&whole, depth + 1)
            }
            _ => module.to_vec(),
        }
    }
}

/// The text of each module in a folder.
fn read_folder(folder: &Path, module: &mut Module, texts: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        // Tests may use what they like.
        if name == "tests" || name == "bin" {
            continue;
        }
        if path.is_dir() {
            module.push(name);
            read_folder(&path, module, texts);
            module.pop();
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let own = !matches!(name.as_str(), "lib" | "main" | "mod");
            let text = fs::read_to_string(&path).unwrap();
            texts.insert(module.iter().cloned().chain(own.then_some(name)).collect(), text);
        }
    }
}

impl File {
    fn read(text: &str, module: &[String], known: &BTreeSet<Module>) -> Self {
        // Tests are at the end of a file (clippy sees to that), and may use what they like.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let text: String =
            text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
        let mut file = Self::default();
        let mut from = 0;
        while let Some(start) = start_of_path(&text, from) {
            let mut reader = Reader { text: &text, at: start, paths: Vec::new() };
            reader.tree(&mut Vec::new());
            from = reader.at.max(start + 1);
            let is_exported = is_exported(&text[..start]);
            for (path, name) in reader.paths {
                let Some(path) = absolute(&path, module, known) else { continue };
                if is_exported {
                    file.exported.insert(name, path);
                } else {
                    file.used.push(path);
                }
            }
        }
        file
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Where the next path begins: a word that `::` follows, and that follows no `::` itself and is no method.
fn start_of_path(text: &str, from: usize) -> Option<usize> {
    let mut from = from;
    loop {
        let colons = from + text[from..].find("::")?;
        let word =
            text[..colons].chars().rev().take_while(|&character| is_word(character)).map(char::len_utf8).sum::<usize>();
        let start = colons - word;
        let before = text[..start].chars().next_back().unwrap_or(' ');
        // `value.method::<T>()` is none, `0..Type::LAST` is.
        let is_method = text[..start].ends_with('.') && !text[..start].ends_with("..");
        if word > 0 && start >= from && before != ':' && before != '$' && !is_method {
            return Some(start);
        }
        from = colons + 2;
    }
}

/// True for a path that a `pub use` exports, by the text before it.
fn is_exported(before: &str) -> bool {
    let line = before.lines().next_back().unwrap_or_default().trim();
    line.starts_with("pub") && line.ends_with("use")
}

/// A path from the root of the crate; `None` where it leads into another crate.
fn absolute(path: &[String], module: &[String], known: &BTreeSet<Module>) -> Option<Module> {
    let rest = |from: usize| path[from..].iter().cloned();
    let own = |levels: usize| module[..module.len().saturating_sub(levels)].iter().cloned();
    match path.first()?.as_str() {
        "crate" => Some(rest(1).collect()),
        "self" => Some(own(0).chain(rest(1)).collect()),
        "super" => {
            let levels = path.iter().take_while(|word| *word == "super").count();
            Some(own(levels).chain(rest(levels)).collect())
        }
        child => {
            let child: Module = own(0).chain([child.to_owned()]).collect();
            known.contains(&child).then(|| own(0).chain(rest(0)).collect())
        }
    }
}

/// Reads a path, or a tree of them in braces.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Each path, and the name that it goes by.
    paths: Vec<(Module, String)>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn word(&mut self) -> String {
        let word: String = self.rest().chars().take_while(|&character| is_word(character)).collect();
        self.at += word.len();
        word
    }

    fn takes(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        self.at += if is_next { token.len() } else { 0 };
        is_next
    }

    fn tree(&mut self, path: &mut Module) {
        let depth = path.len();
        loop {
            let word = self.word();
            if word.is_empty() {
                break;
            }
            path.push(word);
            if !self.takes("::") {
                break;
            }
            if self.takes("{") {
                self.list(path);
                path.truncate(depth);
                return;
            }
        }
        if path.last().is_some_and(|word| word == "self") && path.len() > 1 {
            path.pop();
        }
        let mut name = path.last().cloned().unwrap_or_default();
        let end = self.at;
        self.skip_space();
        if self.takes("as ") {
            name = self.word();
        } else {
            self.at = end;
        }
        self.paths.push((path.clone(), name));
        path.truncate(depth);
    }

    fn list(&mut self, path: &mut Module) {
        loop {
            self.skip_space();
            if self.takes("}") || self.rest().is_empty() {
                return;
            }
            let start = self.at;
            self.tree(path);
            self.skip_space();
            self.takes(",");
            if self.at == start {
                // Nothing that a path may hold, such as `*`.
                self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            }
        }
    }
}
