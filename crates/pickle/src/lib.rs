//! Python's pickles, of any protocol (0 to 5), as plain values: dictionaries, lists, strings, numbers and numpy's arrays.
//!
//! A pickle is a program for a small stack machine that may import and call whatever Python has. Nothing of it is
//! executed here: numpy's arrays are made by this crate itself, and every other class or function is refused by name or,
//! where [`Objects::Recorded`] asks for it, kept as a [`Record`] of its name, arguments and state.
//!
//! Values refer to each other by [`ValueId`], as pickles do: they may contain themselves, so that they are to be read by
//! known keys, not by recursion into everything. Steps, values, nesting and copied bytes have limits.
//!
//! Modules use those before them, never those after:
//!
//! `value` <- `reader` <- `scalars` <- `array` <- `record` <- `opcodes`

mod array;
mod opcodes;
mod reader;
mod record;
mod scalars;
#[cfg(test)]
mod tests;
mod value;

pub use reader::{Objects, Rules, parse};
pub use value::{Array, Pickle, PickleFault, Record, Value, ValueId, ValueType};
