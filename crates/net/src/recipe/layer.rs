//! One `[[layer]]` entry.

use crate::error::Error;
use crate::ops::{Op, Role};
use crate::table::Section;
use crate::table::section::suggest;
use crate::table::tree::{Node, Value};
use crate::table::write::put;
use toml::Table;

/// One layer as the recipe writes it, defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerRecipe {
    /// Its name, unique in the recipe.
    pub name: String,
    /// Type and settings.
    pub op: Op,
    /// Layers it takes its input from.
    pub inputs: Vec<String>,
    /// Names of its arrays in the snapshots, where another program trained the network and names them otherwise.
    pub arrays: Vec<(Role, String)>,
    /// File and line.
    pub origin: Origin,
}

/// Where something was read, for error messages: a file, or a file and line. Any two are equal, so that recipes compare
/// by content alone.
#[derive(Clone, Debug, Default)]
pub struct Origin(pub String);

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl LayerRecipe {
    pub(crate) fn read(mut section: Section<'_>, name: String, before: Option<&str>) -> Result<Self, Error> {
        section.node("name");
        let kind = section.node("type");
        let inputs = section.optional::<Vec<String>>("inputs")?;
        let inputs = match (inputs, before) {
            (Some(inputs), _) => inputs,
            (None, before) => vec![before.unwrap_or("data").to_owned()],
        };
        let op = read_op(&mut section, kind, inputs.len())?;
        let arrays = read_arrays(&mut section)?;
        let origin = Origin(section.scope.location(section.location));
        section.finish()?;
        Ok(Self { name, op, inputs, arrays, origin })
    }

    pub(super) fn to_table(&self) -> Table {
        let mut table = Table::new();
        put(&mut table, "name", self.name.as_str());
        put(&mut table, "type", self.op.kind());
        put(&mut table, "inputs", self.inputs.clone());
        self.op.operation().write(&mut table);
        if !self.arrays.is_empty() {
            let arrays = self.arrays.iter().map(|(role, name)| (role.suffix().to_owned(), name.as_str().into()));
            put(&mut table, "arrays", arrays.collect::<Table>());
        }
        table
    }
}

/// The names of its arrays in the snapshots, by their roles.
fn read_arrays(section: &mut Section<'_>) -> Result<Vec<(Role, String)>, Error> {
    let Some(node) = section.node("arrays") else {
        return Ok(Vec::new());
    };
    let mut names = Section::open(section.scope, "`arrays`", node)?;
    let mut arrays = Vec::new();
    for role in Role::ALL {
        if let Some(name) = names.optional(role.suffix())? {
            arrays.push((role, name));
        }
    }
    names.finish()?;
    Ok(arrays)
}

fn read_op(section: &mut Section<'_>, node: Option<&Node>, inputs: usize) -> Result<Op, Error> {
    let Some(node) = node else {
        return Err(section.missing("type"));
    };
    let word = match &node.value {
        Value::Text(word) => word.as_str(),
        _ => "",
    };
    let op = Op::read(word, section, inputs)?;
    op.ok_or_else(|| unknown_type(section, node, word))
}

fn unknown_type(section: &Section<'_>, node: &Node, word: &str) -> Error {
    let types = Op::types();
    let expected = format!("one of {} for `type`", types.join(", "));
    let mut error = section.scope.error(&node.location, expected, node.value.describe());
    suggest(&mut error, word, &types);
    error
}
