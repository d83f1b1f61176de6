//! TOML values with their locations in the file, and overrides of values.

use crate::error::Error;
use toml::de::{DeTable, DeValue};

/// Where a value comes from: a line of the file, an override, or the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceLocation {
    Line(usize),
    Override(String),
    Whole,
}

/// A TOML value with its location.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub location: SourceLocation,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

impl Value {
    /// The value in words, for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{text}\""),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Date(date) => format!("the date {date}"),
            Self::List(items) => format!("a list of {}", items.len()),
            Self::Table(entries) if entries.is_empty() => "an empty table".into(),
            Self::Table(entries) => {
                let keys: Vec<_> = entries.iter().map(|(key, _)| key.as_str()).collect();
                format!("a table with {}", keys.join(", "))
            }
        }
    }
}

/// A text with the offsets of its lines, so that the line of a key is found without counting.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The line, counted from 1, of a byte.
    fn at(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        self.starts.partition_point(|start| *start <= offset)
    }
}

/// Reads TOML text; `file` is named in errors.
pub(crate) fn parse(text: &str, file: &str) -> Result<Node, Error> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|reason| {
        let line = reason.span().map(|span| lines.at(span.start));
        Error::Syntax {
            location: line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")),
            reason: reason.message().to_owned(),
        }
    })?;
    Ok(Node { location: SourceLocation::Whole, value: from_table(&lines, table.get_ref()) })
}

fn from_table(lines: &Lines<'_>, table: &DeTable<'_>) -> Value {
    let entries = table.iter().map(|(key, value)| {
        // The key's line, not the value's: a table's own span is its header.
        let location = SourceLocation::Line(lines.at(key.span().start));
        let value = from_value(lines, value.get_ref());
        (key.get_ref().to_string(), Node { location, value })
    });
    Value::Table(entries.collect())
}

fn from_value(lines: &Lines<'_>, value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(content) => Value::Text(content.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::Float(number.as_str().parse().unwrap_or(f64::INFINITY)), Value::Integer),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node {
                    location: SourceLocation::Line(lines.at(item.span().start)),
                    value: from_value(lines, item.get_ref()),
                })
                .collect(),
        ),
        DeValue::Table(table) => from_table(lines, table),
    }
}

/// Sets the value at a path of the tree: `train.batch`, `layer.conv1.filters`, `train.stages.0.rate`.
pub(crate) fn apply_override(root: &mut Node, path: &str, value: &str) -> Result<(), Error> {
    let label = format!("--set {path}={value}");
    let location = SourceLocation::Override(label.clone());
    let value = parse_value(value, &location);
    let mut node = root;
    for part in path.split('.') {
        node = step_into(node, part, &location).ok_or_else(|| Error::Recipe {
            location: label.clone(),
            layer: None,
            expected: "a key such as train.batch or layer.conv1.filters".into(),
            found: format!("`{part}`, which names nothing in the recipe"),
            hint: None,
        })?;
    }
    *node = Node { location, value };
    Ok(())
}

fn parse_value(value: &str, location: &SourceLocation) -> Value {
    let text = format!("value = {value}");
    let parsed = DeTable::parse(&text).ok().and_then(|table| {
        let found = table.get_ref().get("value")?;
        Some(from_value(&Lines::of(&text), found.get_ref()))
    });
    // What is no TOML value is meant as text: `train.shuffle=epoch`.
    let mut value = parsed.unwrap_or_else(|| Value::Text(value.to_owned()));
    set_location(&mut value, location);
    value
}

fn set_location(value: &mut Value, location: &SourceLocation) {
    let nodes: Vec<&mut Node> = match value {
        Value::List(items) => items.iter_mut().collect(),
        Value::Table(entries) => entries.iter_mut().map(|(_, node)| node).collect(),
        _ => Vec::new(),
    };
    for node in nodes {
        node.location = location.clone();
        set_location(&mut node.value, location);
    }
}

fn step_into<'a>(node: &'a mut Node, part: &str, location: &SourceLocation) -> Option<&'a mut Node> {
    match &mut node.value {
        Value::Table(entries) => {
            let index = entries.iter().position(|(key, _)| key == part);
            let index = index.unwrap_or_else(|| {
                let value = Value::Table(Vec::new());
                let location = location.clone();
                entries.push((part.to_owned(), Node { location, value }));
                entries.len() - 1
            });
            Some(&mut entries[index].1)
        }
        Value::List(items) => {
            let index = part.parse().ok().or_else(|| {
                let named = |item: &Node| {
                    matches!(&item.value, Value::Table(entries)
                    if entries.iter().any(|(key, node)| key == "name"
                        && matches!(&node.value, Value::Text(name) if name == part)))
                };
                items.iter().position(named)
            })?;
            items.get_mut(index)
        }
        _ => None,
    }
}
