//! TOML tables whose values know their line, for errors that name file and line.

pub(crate) mod pair;
pub(crate) mod section;
pub(crate) mod tree;
pub(crate) mod write;

pub(crate) use section::{Scope, Section};
