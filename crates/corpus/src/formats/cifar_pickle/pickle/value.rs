//! The values of a pickle.

use std::borrow::Cow;

/// A value; those inside others are places in the arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// A number that is not whole, or too large; nothing is done with it.
    OtherNumber,
    /// Bytes: what a string of Python 2 is, too.
    Bytes(Cow<'a, [u8]>),
    /// UTF-8; lone surrogates may stand in it as they are.
    Text(Cow<'a, [u8]>),
    List(Vec<ValueId>),
    Tuple(Vec<ValueId>),
    Dict(Vec<(ValueId, ValueId)>),
    /// Module and name, of the few that are known.
    Global(&'static str, &'static str),
    /// The type of an array's values.
    Type(ValueType),
    /// An array; empty until its state arrives.
    Array(Array<'a>),
}

/// An array of whole numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Array<'a> {
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: ValueType,
    /// True when the first index runs fastest.
    pub(crate) is_fortran: bool,
    pub(crate) bytes: Cow<'a, [u8]>,
}

/// The place of a value in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueId(pub(super) usize);

/// All values of a pickle.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    pub(super) values: Vec<Value<'a>>,
    pub(super) root: ValueId,
}

/// Position of a fault in a pickle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PickleFault {
    pub(crate) offset: usize,
    pub(crate) found: String,
    pub(crate) expected: &'static str,
}

impl<'a> Pickle<'a> {
    pub(crate) fn get(&self, place: ValueId) -> &Value<'a> {
        &self.values[place.0]
    }

    /// The value of a key of the dictionary that the pickle is. Keys may be strings or bytes.
    pub(crate) fn key(&self, key: &str) -> Option<&Value<'a>> {
        let Value::Dict(items) = self.get(self.root) else { return None };
        let is_key = |place: ValueId| match self.get(place) {
            Value::Bytes(name) | Value::Text(name) => **name == *key.as_bytes(),
            _ => false,
        };
        // The last one wins, as in Python.
        let item = items.iter().rev().find(|(name, _)| is_key(*name));
        item.map(|(_, value)| self.get(*value))
    }
}

impl Value<'_> {
    /// Its description.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a truth value",
            Value::Int(_) | Value::OtherNumber => "a number",
            Value::Bytes(_) | Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Tuple(_) => "a tuple",
            Value::Dict(_) => "a dictionary",
            Value::Global(..) => "a function",
            Value::Type(_) => "a type",
            Value::Array(_) => "an array",
        }
    }
}

/// The type of an array's values: whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueType {
    /// 1, 2, 4 or 8.
    pub(super) bytes: usize,
    pub(super) is_signed: bool,
    pub(super) is_big_endian: bool,
}

impl ValueType {
    /// Bytes without a sign.
    pub(crate) const BYTE: Self = Self { bytes: 1, is_signed: false, is_big_endian: false };

    /// Understands `u1`, `|u1`, `<i8`.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?.trim_start_matches(['|', '<', '=']);
        let (is_big_endian, name) = name.strip_prefix('>').map_or((false, name), |rest| (true, rest));
        let (is_signed, bytes) = match name.split_at_checked(1)? {
            ("u", bytes) => (false, bytes),
            ("i", bytes) => (true, bytes),
            _ => return None,
        };
        let bytes = bytes.parse().ok().filter(|bytes| [1, 2, 4, 8].contains(bytes))?;
        Some(Self { bytes, is_signed, is_big_endian: is_big_endian && bytes > 1 })
    }

    pub(super) fn read(self, bytes: &[u8]) -> Option<i64> {
        let mut wide = [0; 8];
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        if self.is_big_endian {
            wide[..bytes.len()].reverse();
        }
        let shift = 64 - 8 * bytes.len() as u32;
        let number = i64::from_le_bytes(wide);
        if self.is_signed || shift == 0 { Some(number << shift >> shift) } else { Some(number) }
    }
}

impl Array<'_> {
    /// The numbers of an array of one dimension.
    pub(crate) fn numbers(&self) -> Option<Vec<i64>> {
        let is_row = self.shape.len() == 1;
        is_row.then(|| self.bytes.chunks_exact(self.kind.bytes).map(|value| self.kind.read(value)).collect())?
    }
}
