//! Initialisations of parameters in recipes: `init = "he"`, or `init = { type = "normal", std = 0.01 }`.

use super::{Init, Rest};
use crate::error::Error;
use crate::table::Section;
use crate::table::tree::{Node, Value};
use crate::table::write::{put, word};
use toml::Table;

const RESTS: [(&str, Rest); 3] = [("zero", Rest::Zero), ("he", Rest::He), ("pytorch", Rest::Pytorch)];

pub(crate) const INITS: [&str; 9] =
    ["normal", "uniform", "constant", "he", "glorot", "xavier", "pytorch", "dirac", "whitening"];

impl Init {
    /// Reads an initialisation, if the key is there.
    pub(crate) fn read(section: &mut Section<'_>, key: &'static str) -> Result<Option<Self>, Error> {
        let Some(node) = section.node(key) else {
            return Ok(None);
        };
        // `init = "he"` is short for `init = { type = "he" }`.
        let long = match &node.value {
            Value::Text(_) => {
                Node { location: node.location.clone(), value: Value::Table(vec![("type".into(), node.clone())]) }
            }
            _ => node.clone(),
        };
        let title = format!("`{key}`");
        let mut inner = Section::open(section.scope, &title, &long)?;
        let choices: Vec<_> = INITS.iter().map(|name| (*name, *name)).collect();
        let word = inner.choice("type", &choices)?;
        let init = match word.ok_or_else(|| inner.missing("type"))? {
            "normal" => Self::Normal { std: inner.required("std")? },
            "uniform" => Self::Uniform { limit: inner.required("limit")? },
            "constant" => Self::Constant { value: inner.required("value")? },
            "he" => Self::He,
            "pytorch" => Self::Pytorch,
            "dirac" => Self::Dirac { rest: inner.choice("rest", &RESTS)?.unwrap_or(Rest::Zero) },
            "whitening" => {
                let epsilon = inner.checked("epsilon", "a number above 0", |value| *value > 0.0)?;
                Self::Whitening { epsilon: epsilon.unwrap_or(5e-4) }
            }
            // Glorot, or by his first name.
            _ => Self::Glorot,
        };
        inner.finish()?;
        Ok(Some(init))
    }

    pub(crate) fn to_table(self) -> Table {
        let (name, setting) = match self {
            Self::Normal { std } => ("normal", Some(("std", toml::Value::from(std)))),
            Self::Uniform { limit } => ("uniform", Some(("limit", toml::Value::from(limit)))),
            Self::Constant { value } => ("constant", Some(("value", toml::Value::from(value)))),
            Self::He => ("he", None),
            Self::Glorot => ("glorot", None),
            Self::Pytorch => ("pytorch", None),
            Self::Dirac { rest } => ("dirac", Some(("rest", toml::Value::from(word(&RESTS, &rest))))),
            Self::Whitening { epsilon } => ("whitening", Some(("epsilon", toml::Value::from(epsilon)))),
        };
        let mut table = Table::new();
        put(&mut table, "type", name);
        if let Some((key, value)) = setting {
            put(&mut table, key, value);
        }
        table
    }
}
