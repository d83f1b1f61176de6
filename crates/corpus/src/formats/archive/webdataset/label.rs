//! Keys and labels of samples.

use std::{collections::BTreeMap, path::Path};

use super::super::listing::{Archive, Member, malformed};
use crate::{
    ClassId, Error,
    formats::{
        records::{FoundLabel, class_of},
        text::to_text,
    },
};

/// The keys of `key.json` that may hold the label.
const KEYS: [&str; 8] = ["label", "cls", "class", "class_id", "label_id", "target", "class_name", "label_name"];
const MAX_LABEL_BYTES: u64 = 1 << 20;
/// Bytes of a word that is a label.
const MAX_WORD_BYTES: usize = 1_024;

/// The label of a sample.
pub(super) enum SampleLabel {
    Number(i64),
    Word(String),
}

/// `a/b.left.jpg` has the key `a/b` and the end `left.jpg`.
pub(super) fn key_of(name: &str) -> (&str, &str) {
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    let dot = name[start..].find('.').map_or(name.len(), |dot| start + dot);
    (&name[..dot], name.get(dot + 1..).unwrap_or_default())
}

/// The class of an image of a shard, by the number of each class name.
pub(super) fn class_of_label(
    label: &SampleLabel,
    numbers: &BTreeMap<&str, i64>,
    image: &str,
    path: &Path,
) -> Result<ClassId, Error> {
    let found = match label {
        SampleLabel::Number(number) => *number,
        SampleLabel::Word(word) => numbers.get(word.as_str()).copied().unwrap_or(-1),
    };
    class_of(FoundLabel { label: found, record: 0, path }, numbers.len()).map_err(|_| {
        let label = match label {
            SampleLabel::Number(number) => number.to_string(),
            SampleLabel::Word(word) => format!("{word:?}"),
        };
        malformed(format!("label {label} of {image}"), format!("one of {} classes", numbers.len()), path)
    })
}

/// The label of a sample: `key.cls`, else a key of `key.json`.
pub(super) fn label_of(archive: &Archive, files: &[&Member]) -> Result<Option<SampleLabel>, Error> {
    let file = |wanted: &str| files.iter().find(|file| key_of(&file.name).1.eq_ignore_ascii_case(wanted));
    let text = |member: &Member| {
        if member.bytes > MAX_LABEL_BYTES {
            let found = format!("{} with {} bytes", member.name, member.bytes);
            return Err(malformed(found, "a label", &archive.path));
        }
        archive.read(member).map(|bytes| to_text(&bytes)).map_err(Error::io("read", &archive.path))
    };
    if let Some(member) = file("cls") {
        let text = text(member)?;
        let text = text.trim();
        return Ok(match text.parse() {
            Ok(number) => Some(SampleLabel::Number(number)),
            Err(_) if text.is_empty() => None,
            Err(_) => Some(word(text, &archive.path)?),
        });
    }
    let Some(member) = file("json") else { return Ok(None) };
    let json: serde_json::Value = serde_json::from_str(&text(member)?)
        .map_err(|error| malformed(format!("{} with {error}", member.name), "JSON with a label", &archive.path))?;
    let label = KEYS.iter().find_map(|key| match json.get(key)? {
        serde_json::Value::Number(number) => number.as_i64().map(SampleLabel::Number).map(Ok),
        serde_json::Value::String(text) => Some(word(text, &archive.path)),
        _ => None,
    });
    label.transpose()
}

fn word(text: &str, path: &Path) -> Result<SampleLabel, Error> {
    if text.len() > MAX_WORD_BYTES {
        let found = format!("a label of {} bytes", text.len());
        return Err(malformed(found, format!("a number, or a word of at most {MAX_WORD_BYTES} bytes"), path));
    }
    Ok(SampleLabel::Word(text.to_owned()))
}
