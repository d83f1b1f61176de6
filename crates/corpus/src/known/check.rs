//! Reading a description, and what serde cannot check of it.

use std::{
    collections::BTreeSet,
    path::{Component, Path},
};

use super::{Description, SourceFile, Unpack, last_part, record::RECORD};
use crate::Error;

/// A key that will not do.
struct KeyFault {
    key: String,
    found: String,
    expected: &'static str,
}

fn fault(key: impl Into<String>, found: impl Into<String>, expected: &'static str) -> Result<(), KeyFault> {
    Err(KeyFault { key: key.into(), found: found.into(), expected })
}

impl Description {
    /// Reads a description from the text of a TOML file.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let mut description: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let position = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let reason = format!("{position}{}", error.message().replace('\n', ", "));
            Error::DescriptionSyntax { reason, path: path.to_owned() }
        })?;
        description.complete();
        description.check().map_err(|KeyFault { key, found, expected }| Error::Description {
            key,
            found,
            expected,
            path: path.to_owned(),
        })?;
        Ok(description)
    }

    /// Fills in what follows from other keys.
    fn complete(&mut self) {
        if self.folder.is_empty() {
            self.folder.clone_from(&self.name);
        }
        for file in &mut self.files {
            if let (true, Some(address)) = (file.name.is_empty(), file.addresses.first()) {
                last_part(address).clone_into(&mut file.name);
            }
            for digest in [&mut file.md5, &mut file.sha256].into_iter().flatten() {
                digest.make_ascii_lowercase();
            }
        }
    }

    fn check(&self) -> Result<(), KeyFault> {
        let is_name = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        if !is_name(&self.name) {
            fault("name", &self.name, "small letters, digits and hyphens")?;
        }
        for (key, value) in [("title", &self.title), ("licence", &self.licence)] {
            if value.trim().is_empty() || value.contains('\n') {
                fault(key, value, "one line of text")?;
            }
        }
        if !is_file_name(&self.folder) {
            fault("folder", &self.folder, "the name of one folder")?;
        }
        for name in &self.alternatives {
            if !super::FILES.iter().any(|(file, _)| file.strip_suffix(".toml") == Some(name)) {
                fault("alternatives", name, "names of built-in descriptions (`deepviz corpus list`)")?;
            }
        }
        self.check_classes()?;
        self.check_contents()?;
        if self.files.iter().all(|file| file.optional) {
            fault("file", "none that is not optional", "at least one [[file]]")?;
        }
        let mut names = BTreeSet::new();
        for (index, file) in self.files.iter().enumerate() {
            let key = |key: &str| format!("file {} ({}): {key}", index + 1, file.name);
            file.check(&key)?;
            if !names.insert(&file.name) {
                fault(key("name"), &file.name, "another name for each file")?;
            }
        }
        Ok(())
    }

    fn check_classes(&self) -> Result<(), KeyFault> {
        if !self.classes.is_empty() && !self.class_names.is_empty() {
            return fault("class_names", "both classes and class_names", "one of them");
        }
        let mut names = BTreeSet::new();
        for name in self.classes.iter().chain(self.class_names.values()) {
            if name.trim().is_empty() || !names.insert(name) {
                fault("classes", name, "names that are not empty, each once")?;
            }
        }
        match self.class_count {
            Some(0) => fault("class_count", "0", "at least 1"),
            Some(count) if !names.is_empty() && names.len() != count => {
                fault("class_count", format!("{count}, with {} names", names.len()), "as many as there are names")
            }
            _ => Ok(()),
        }
    }

    fn check_contents(&self) -> Result<(), KeyFault> {
        let mut paths = BTreeSet::new();
        for file in &self.contents {
            let key = format!("contents ({})", file.path);
            if !is_inside(&file.path) || file.path == RECORD {
                fault(&*key, &*file.path, "a path inside the corpus's folder")?;
            }
            if !paths.insert(&file.path) {
                fault(&*key, "it twice", "each path once")?;
            }
            if file.bytes.is_some() && (file.bytes_min.is_some() || file.bytes_max.is_some()) {
                fault(&*key, "bytes beside bytes_min or bytes_max", "one or the other")?;
            }
            if file.bytes_min.unwrap_or(1) > file.bytes_max.unwrap_or(u64::MAX) {
                fault(&*key, "bytes_min above bytes_max", "at most as much")?;
            }
        }
        for (key, limit) in
            [("unpacked_bytes_max", self.unpacked_bytes_max), ("unpacked_files_max", self.unpacked_files_max)]
        {
            if limit == Some(0) {
                fault(key, "0", "at least 1")?;
            }
        }
        Ok(())
    }
}

impl SourceFile {
    fn check(&self, key: &dyn Fn(&str) -> String) -> Result<(), KeyFault> {
        if self.addresses.is_empty() {
            fault(key("addresses"), "none", "at least one address")?;
        }
        if !is_file_name(&self.name) {
            fault(key("name"), &self.name, "the name of a file, without folders")?;
        }
        let is_address = |address: &String| {
            let rest = ["https://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
        };
        if let Some(address) = self.addresses.iter().find(|address| !is_address(address)) {
            fault(key("addresses"), address, "https:// or http:// (a copy on disk is given with --from)")?;
        }
        if self.bytes == Some(0) {
            fault(key("bytes"), "0", "at least 1")?;
        }
        if self.md5.is_none() && self.sha256.is_none() {
            fault(
                key("sha256"),
                "no digest",
                "sha256 (`sha256sum FILE` tells it) or md5, so that the file can be checked",
            )?;
        }
        for (name, digest, digits, expected) in
            [("md5", &self.md5, 32, "32 hexadecimal digits"), ("sha256", &self.sha256, 64, "64 hexadecimal digits")]
        {
            let is_digest = |text: &String| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if let Some(text) = digest.as_ref().filter(|text| !is_digest(text)) {
                fault(key(name), text, expected)?;
            }
        }
        if !self.strip.is_empty() && !is_inside(&self.strip) {
            fault(key("strip"), &self.strip, "a folder inside the archive")?;
        }
        if !self.strip.is_empty() && matches!(self.unpack(), Unpack::None | Unpack::Gz) {
            fault(key("strip"), &self.strip, "nothing: only archives have folders")?;
        }
        Ok(())
    }
}

/// True when a text is the name of one file or folder that can be made anywhere.
fn is_file_name(text: &str) -> bool {
    is_inside(text) && !text.contains(['/', '\\', ':']) && text != RECORD
}

/// True when a path leads to something inside of the folder that it is taken from.
fn is_inside(text: &str) -> bool {
    !text.is_empty()
        && !text.contains('\0')
        && Path::new(text).components().all(|part| matches!(part, Component::Normal(_)))
}
