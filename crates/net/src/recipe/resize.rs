//! `data.resize`

use crate::error::Error;
use crate::input::Resize;
use crate::table::section::{FromNode as _, Section};
use crate::table::tree::{Node, Value};
use toml::Table;

/// The longest side that images are scaled to.
const LONGEST_SIDE_PX: usize = 8192;

/// The words for [`Resize::Cover`] and [`Resize::Stretch`].
pub(super) const FITS: [(&str, bool); 2] = [("cover", true), ("stretch", false)];

impl Resize {
    pub(super) fn read(section: &mut Section<'_>) -> Result<Option<Self>, Error> {
        let Some(node) = section.node("resize") else {
            return Ok(None);
        };
        let scope = section.scope;
        let resize = match &node.value {
            Value::Table(_) => return Self::from_table(Section::open(scope, "data.resize", node)?).map(Some),
            Value::Integer(_) => side(node).map(Self::ShorterSide),
            Value::List(sides) => match sides.as_slice() {
                [height, width] => side(height).zip(side(width)).map(|(height, width)| Self::Cover { height, width }),
                _ => None,
            },
            _ => None,
        };
        let expected = format!(
            "[height, width], the length of the shorter side, or {{ height, width, fit }}, sides from 1 to \
             {LONGEST_SIDE_PX}, for `resize`"
        );
        resize.map(Some).ok_or_else(|| scope.error(&node.location, expected, describe(node)))
    }

    fn from_table(mut section: Section<'_>) -> Result<Self, Error> {
        let mut side = |key| {
            let rule = format!("a number of pixels from 1 to {LONGEST_SIDE_PX}");
            let found = section.checked(key, &rule, |side| (1..=LONGEST_SIDE_PX).contains(side))?;
            found.ok_or_else(|| section.missing(key))
        };
        let (height, width) = (side("height")?, side("width")?);
        let covers = section.choice("fit", &FITS)?.ok_or_else(|| section.missing("fit"))?;
        section.finish()?;
        Ok(if covers { Self::Cover { height, width } } else { Self::Stretch { height, width } })
    }

    /// As a recipe has it.
    pub(super) fn to_toml(self) -> toml::Value {
        let whole = |number: usize| toml::Value::Integer(number as i64);
        match self {
            Self::ShorterSide(side) => whole(side),
            Self::Cover { height, width } => vec![whole(height), whole(width)].into(),
            Self::Stretch { height, width } => {
                let mut table = Table::new();
                table.insert("height".into(), whole(height));
                table.insert("width".into(), whole(width));
                table.insert("fit".into(), FITS[1].0.into());
                table.into()
            }
        }
    }
}

fn side(node: &Node) -> Option<usize> {
    usize::from_node(node).filter(|side| (1..=LONGEST_SIDE_PX).contains(side))
}

/// The value in words; of a list its numbers too, for it may be one of them that is wrong.
fn describe(node: &Node) -> String {
    match &node.value {
        Value::List(items) if items.len() == 2 => {
            let items: Vec<_> = items.iter().map(|item| item.value.describe()).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.describe(),
    }
}
