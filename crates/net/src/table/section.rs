//! Typed reading of one TOML table: each key is asked for by name, and a key that nothing asked for is an error.

use super::tree::{Node, SourceLocation, Value};
use crate::error::Error;

/// What errors name as their place: the file, and the layer being read.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub file: &'a str,
    pub layer: Option<&'a str>,
}

impl Scope<'_> {
    /// A location as text: file and line, or the override.
    pub fn location(&self, location: &SourceLocation) -> String {
        match location {
            SourceLocation::Line(line) => format!("{}:{line}", self.file),
            SourceLocation::Override(text) => text.clone(),
            SourceLocation::Whole => self.file.to_owned(),
        }
    }

    pub fn error(&self, location: &SourceLocation, expected: impl Into<String>, found: String) -> Error {
        Error::Recipe {
            location: self.location(location),
            layer: self.layer.map(str::to_owned),
            expected: expected.into(),
            found,
            hint: None,
        }
    }

    fn mistyped(&self, key: &str, expected: &str, node: &Node) -> Error {
        let expected = format!("{expected} for `{key}`");
        self.error(&node.location, expected, node.value.describe())
    }
}

/// A value that a recipe can hold.
pub(crate) trait FromNode: Sized {
    const EXPECTED: &'static str;
    fn from_node(node: &Node) -> Option<Self>;
}

impl FromNode for String {
    const EXPECTED: &'static str = "text in quotes";
    fn from_node(node: &Node) -> Option<Self> {
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromNode for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_node(node: &Node) -> Option<Self> {
        match node.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        }
    }
}

impl FromNode for f64 {
    const EXPECTED: &'static str = "a finite number";
    fn from_node(node: &Node) -> Option<Self> {
        match node.value {
            Value::Integer(number) => Some(number as Self),
            Value::Float(number) if number.is_finite() => Some(number),
            _ => None,
        }
    }
}

impl FromNode for u64 {
    const EXPECTED: &'static str = "a whole number, 0 or more";
    fn from_node(node: &Node) -> Option<Self> {
        match node.value {
            Value::Integer(number) => Self::try_from(number).ok(),
            _ => None,
        }
    }
}

impl FromNode for usize {
    const EXPECTED: &'static str = "a whole number, 0 or more, below 1,000,000";
    fn from_node(node: &Node) -> Option<Self> {
        // Bounded, so that shapes computed from them cannot overflow.
        match node.value {
            Value::Integer(number @ 0..1_000_000) => Self::try_from(number).ok(),
            _ => None,
        }
    }
}

impl FromNode for isize {
    const EXPECTED: &'static str = "a whole number";
    fn from_node(node: &Node) -> Option<Self> {
        match node.value {
            Value::Integer(number @ -1_000_000..1_000_000) => Self::try_from(number).ok(),
            _ => None,
        }
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    const EXPECTED: &'static str = "a list";
    fn from_node(node: &Node) -> Option<Self> {
        match &node.value {
            Value::List(items) => items.iter().map(T::from_node).collect(),
            _ => None,
        }
    }
}

#[cfg(test)]
thread_local! {
    /// Every key that was requested, and every word that one can have: a test compares them with docs/recipes.md.
    pub static ASKED: std::cell::RefCell<std::collections::BTreeSet<&'static str>> = std::cell::RefCell::default();
}

/// A TOML table being read.
pub(crate) struct Section<'a> {
    pub scope: Scope<'a>,
    /// How messages call the table, e.g. `[train]`.
    pub title: &'a str,
    pub location: &'a SourceLocation,
    entries: &'a [(String, Node)],
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub fn open(scope: Scope<'a>, title: &'a str, node: &'a Node) -> Result<Self, Error> {
        match &node.value {
            Value::Table(entries) => Ok(Self { scope, title, location: &node.location, entries, known: Vec::new() }),
            other => Err(scope.error(&node.location, format!("the table {title}"), other.describe())),
        }
    }

    /// The value of a key, with its location; the key is not unknown to [`Section::finish`] then.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        #[cfg(test)]
        ASKED.with_borrow_mut(|asked| asked.insert(key));
        self.known.push(key);
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(_, node)| node)
    }

    pub fn optional<T: FromNode>(&mut self, key: &'static str) -> Result<Option<T>, Error> {
        self.node(key)
            .map(|node| T::from_node(node).ok_or_else(|| self.scope.mistyped(key, T::EXPECTED, node)))
            .transpose()
    }

    pub fn or<T: FromNode>(&mut self, key: &'static str, default: T) -> Result<T, Error> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    pub fn required<T: FromNode>(&mut self, key: &'static str) -> Result<T, Error> {
        match self.optional(key)? {
            Some(value) => Ok(value),
            None => Err(self.missing(key)),
        }
    }

    pub fn missing(&self, key: &str) -> Error {
        let expected = format!("the key `{key}` in {}", self.title);
        self.scope.error(self.location, expected, "none".into())
    }

    /// A value that must satisfy `holds`; `rule` says what that is.
    pub fn checked<T: FromNode>(
        &mut self,
        key: &'static str,
        rule: &str,
        holds: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, Error> {
        match self.optional::<T>(key)? {
            Some(value) if !holds(&value) => {
                let node = self.node(key);
                let found = node.map_or_else(String::new, |node| node.value.describe());
                let location = node.map_or(self.location, |node| &node.location);
                Err(self.scope.error(location, format!("{rule} for `{key}`"), found))
            }
            value => Ok(value),
        }
    }

    /// One of a fixed set of words.
    pub fn choice<T: Clone>(&mut self, key: &'static str, choices: &[(&'static str, T)]) -> Result<Option<T>, Error> {
        #[cfg(test)]
        ASKED.with_borrow_mut(|asked| asked.extend(choices.iter().map(|(name, _)| *name)));
        let Some(node) = self.node(key) else {
            return Ok(None);
        };
        let word = String::from_node(node).unwrap_or_default();
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return Ok(Some(choice.clone()));
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let expected = format!("one of {} for `{key}`", names.join(", "));
        let mut error = self.scope.error(&node.location, expected, node.value.describe());
        suggest(&mut error, &word, &names);
        Err(error)
    }

    /// Refuses keys that nothing requested.
    pub fn finish(self) -> Result<(), Error> {
        let left = self.entries.iter().find(|(name, _)| !self.known.contains(&name.as_str()));
        let Some((name, node)) = left else {
            return Ok(());
        };
        let expected = format!("one of the keys {} in {}", self.known.join(", "), self.title);
        let mut error = self.scope.error(&node.location, expected, format!("the unknown key `{name}`"));
        suggest(&mut error, name, &self.known);
        Err(error)
    }
}

/// Adds "did you mean" where a known word is near.
pub(crate) fn suggest(error: &mut Error, word: &str, known: &[&str]) {
    let nearest = known.iter().map(|known| (distance(word, known), *known)).min();
    if let (Some((edits, name)), Error::Recipe { hint, .. }) = (nearest, error)
        && edits * 2 <= name.len().max(2)
    {
        *hint = Some(format!("did you mean `{name}`?"));
    }
}

/// Insertions, removals, replacements and swaps of neighbours that turn one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<_>>()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("filter", "filters"), 1);
        assert_eq!(distance("fitlers", "filters"), 1);
        assert_eq!(distance("rate", "batch"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}
