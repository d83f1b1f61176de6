//! A checkpoint's pickle: its layers' dictionaries and options by key, with errors that name layer and key.

use crate::checkpoint::Checkpoint;
use crate::error::Error;
use deepviz_pickle::{Array, Pickle, Value};
use std::path::Path;

/// A pickle and the file it came from.
#[derive(Clone, Copy)]
pub(super) struct Document<'p> {
    pub pickle: &'p Pickle<'p>,
    pub path: &'p Path,
}

impl<'p> Document<'p> {
    /// An error of the file as a whole.
    pub fn unusable(&self, reason: impl Into<String>) -> Error {
        Checkpoint::unusable(self.path, reason)
    }

    /// A value of `model_state`.
    pub fn state(&self, key: &str) -> Option<&'p Value<'p>> {
        self.pickle.entry(self.pickle.key("model_state")?, key)
    }

    /// The value of a command-line option, which is an attribute of an object in a dictionary of an object.
    pub fn option(&self, name: &str) -> Option<&'p Value<'p>> {
        let options = self.pickle.entry(self.pickle.key("op")?, "options")?;
        self.pickle.entry(self.pickle.entry(options, name)?, "value")
    }

    /// The items of a list or a tuple; none for another value.
    pub fn items(&self, value: &'p Value<'p>) -> Option<impl ExactSizeIterator<Item = &'p Value<'p>> + use<'p>> {
        let pickle = self.pickle;
        match value {
            Value::List(items) | Value::Tuple(items) => Some(items.iter().map(move |item| pickle.get(*item))),
            _ => None,
        }
    }
}

/// A string of Python 2 as text.
pub(super) fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Bytes(bytes) | Value::Text(bytes) if bytes.len() <= MAX_TEXT_BYTES => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => None,
    }
}

/// Bytes of a name: one may be that of many layers.
const MAX_TEXT_BYTES: usize = 1_024;

/// A number of either kind; of truth values none.
pub(super) fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// A whole number.
pub(super) fn whole(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(*number as i64),
        _ => None,
    }
}

fn flag(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Int(number) => Some(*number != 0),
        _ => None,
    }
}

/// The dictionary of a layer.
#[derive(Clone, Copy)]
pub(super) struct Fields<'p> {
    pub document: Document<'p>,
    pub value: &'p Value<'p>,
}

impl<'p> Fields<'p> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'p Value<'p>> {
        self.document.pickle.entry(self.value, key).filter(|value| **value != Value::None)
    }

    /// The layer's name, for errors too.
    pub fn name(&self) -> String {
        self.get("name").and_then(text).unwrap_or_else(|| "without a name".to_owned())
    }

    /// An error of this layer: what was found, what was expected, what to do.
    pub fn wrong(&self, found: &str, expected: &str) -> Error {
        self.document.unusable(format!("layer `{}` has {found}, expected {expected}", self.name()))
    }

    fn unreadable(&self, key: &str, expected: &str) -> Error {
        let found = self.get(key).map_or("nothing", Value::kind);
        self.wrong(&format!("{found} as `{key}`"), expected)
    }

    /// A string; none where there is no such key, or its value is no string.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(text)
    }

    /// A number that the layer must have.
    pub fn number(&self, key: &str) -> Result<f64, Error> {
        let found = self.get(key).and_then(number).filter(|number| number.is_finite());
        found.ok_or_else(|| self.unreadable(key, "a number"))
    }

    /// A number, or what is in its place where the key is missing.
    pub fn number_or(&self, key: &str, default: f64) -> Result<f64, Error> {
        if self.get(key).is_some() { self.number(key) } else { Ok(default) }
    }

    /// True or false; false where the key is missing.
    pub fn flag(&self, key: &str) -> Result<bool, Error> {
        self.flag_or(key, false)
    }

    /// The same with another default.
    pub fn flag_or(&self, key: &str, default: bool) -> Result<bool, Error> {
        match self.get(key) {
            Some(value) => flag(value).ok_or_else(|| self.unreadable(key, "true or false")),
            None => Ok(default),
        }
    }

    /// A whole number that the layer must have.
    pub fn whole(&self, key: &str) -> Result<i64, Error> {
        self.get(key).and_then(whole).ok_or_else(|| self.unreadable(key, "a whole number"))
    }

    /// The value of a key for one of the layer's inputs: versions of 2011 have one number for all.
    fn at(&self, key: &str, input: usize) -> Option<&'p Value<'p>> {
        let value = self.get(key)?;
        match self.document.items(value) {
            Some(mut items) => items.nth(input),
            None => Some(value),
        }
    }

    /// The whole number of an input.
    pub fn whole_at(&self, key: &str, input: usize) -> Result<i64, Error> {
        self.at(key, input).and_then(whole).ok_or_else(|| self.unreadable(key, "a whole number for every input"))
    }

    /// The same; none where the key is missing, or has no number there.
    pub fn optional_whole_at(&self, key: &str, input: usize) -> Option<i64> {
        self.at(key, input).and_then(whole)
    }

    /// The number of an input; none where there is none.
    pub fn optional_number_at(&self, key: &str, input: usize) -> Option<f64> {
        self.at(key, input).and_then(number)
    }

    /// The string of an input; none where there is none.
    pub fn optional_text_at(&self, key: &str, input: usize) -> Option<String> {
        self.at(key, input).and_then(text)
    }

    /// Whether the flag of an input is set; false where the key is missing.
    pub fn flag_at(&self, key: &str, input: usize) -> bool {
        self.at(key, input).and_then(flag).unwrap_or(false)
    }

    /// The array of an input.
    pub fn array_at(&self, key: &str, input: usize) -> Result<&'p Array<'p>, Error> {
        match self.at(key, input) {
            Some(Value::Array(array)) => Ok(array),
            _ => Err(self.unreadable(key, "an array for every input")),
        }
    }

    /// The numbers of a list of at most `max` items.
    pub fn numbers(&self, key: &str, max: usize) -> Result<Vec<f64>, Error> {
        let items = self.get(key).and_then(|value| self.document.items(value)).filter(|items| items.len() <= max);
        let numbers = items.and_then(|items| items.map(number).collect());
        numbers.ok_or_else(|| self.unreadable(key, "a list of numbers"))
    }
}
