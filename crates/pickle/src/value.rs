//! The values of a pickle.

use std::borrow::Cow;

/// A value; those inside others are ids in the arena.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating number.
    Float(f64),
    /// A whole number that is too large; nothing is done with it.
    OtherNumber,
    /// Bytes: what a string of Python 2 is, too.
    Bytes(Cow<'a, [u8]>),
    /// UTF-8; lone surrogates may be in it as they are.
    Text(Cow<'a, [u8]>),
    /// A list.
    List(Vec<ValueId>),
    /// A tuple.
    Tuple(Vec<ValueId>),
    /// A dictionary: keys and values, in the order of the file; of equal keys the last one counts.
    Dict(Vec<(ValueId, ValueId)>),
    /// Module and name of a function or a class.
    Global(Cow<'a, [u8]>, Cow<'a, [u8]>),
    /// The type of an array's values.
    Type(ValueType),
    /// An array; empty until its state arrives.
    Array(Array<'a>),
    /// An object of a class, or what a function would have returned: nothing was called.
    Record(Box<Record<'a>>),
}

/// An array of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array<'a> {
    /// Its sides, as numpy has them.
    pub shape: Vec<usize>,
    /// The type of its numbers.
    pub kind: ValueType,
    /// True when the first index runs fastest.
    pub is_fortran: bool,
    /// The numbers, in the byte order and layout of the file.
    pub bytes: Cow<'a, [u8]>,
}

/// What a pickle says of an object of a class that is not known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// The module of its class.
    pub module: Cow<'a, [u8]>,
    /// The name of its class, or of the function that would make it.
    pub name: Cow<'a, [u8]>,
    /// What that would be called with.
    pub arguments: Vec<ValueId>,
    /// Its state: a dictionary of attributes most often.
    pub state: Option<ValueId>,
    /// What is appended to it, where its class is a list of a kind; keys and values in turn, where it is a dictionary.
    pub items: Vec<ValueId>,
}

/// The index of a value in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueId(pub(crate) usize);

/// All values of a pickle.
#[derive(Debug)]
pub struct Pickle<'a> {
    pub(crate) values: Vec<Value<'a>>,
    pub(crate) root: ValueId,
}

/// An offset of a pickle at which it cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} at byte {offset}, expected {expected}")]
pub struct PickleFault {
    /// Bytes before it.
    pub offset: usize,
    /// What is there.
    pub found: String,
    /// What would have been right.
    pub expected: &'static str,
}

impl<'a> Pickle<'a> {
    /// The dictionary that the pickle is.
    pub fn root(&self) -> &Value<'a> {
        self.get(self.root)
    }

    /// A value inside another.
    pub fn get(&self, id: ValueId) -> &Value<'a> {
        &self.values[id.0]
    }

    /// The value of a key of the dictionary that the pickle is. Keys may be strings or bytes.
    pub fn key(&self, key: &str) -> Option<&Value<'a>> {
        self.entry(self.root(), key)
    }

    /// The value of a key of a dictionary, or of an attribute of a record whose state is a dictionary; none where there
    /// is no such key, or the value is neither.
    pub fn entry(&self, value: &Value<'a>, key: &str) -> Option<&Value<'a>> {
        let items = match value {
            Value::Dict(items) => items,
            Value::Record(record) => match self.get(record.state?) {
                Value::Dict(items) => items,
                _ => return None,
            },
            _ => return None,
        };
        // The last one wins, as in Python.
        let item = items.iter().rev().find(|(name, _)| self.get(*name).is_text(key));
        item.map(|(_, value)| self.get(*value))
    }
}

impl Value<'_> {
    /// Its description.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::Float(_) | Self::OtherNumber => "a number",
            Self::Bytes(_) | Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Dict(_) => "a dictionary",
            Self::Global(..) => "a function",
            Self::Type(_) => "a type",
            Self::Array(_) => "an array",
            Self::Record(_) => "an object of a class",
        }
    }

    /// Whether it is this string, of bytes or of text.
    pub fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Bytes(found) | Self::Text(found) if **found == *text.as_bytes())
    }
}

/// The type of an array's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueType {
    /// 1, 2, 4 or 8; of floating numbers 4 or 8.
    pub(crate) bytes: usize,
    class: NumberClass,
    pub(crate) is_big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberClass {
    Unsigned,
    Signed,
    Floating,
}

impl ValueType {
    /// Bytes without a sign.
    pub const BYTE: Self = Self { bytes: 1, class: NumberClass::Unsigned, is_big_endian: false };

    /// Understands `u1`, `|u1`, `<i8`, `f4`.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?.trim_start_matches(['|', '<', '=']);
        let (is_big_endian, name) = name.strip_prefix('>').map_or((false, name), |rest| (true, rest));
        let (class, bytes) = match name.split_at_checked(1)? {
            ("u", bytes) => (NumberClass::Unsigned, bytes),
            ("i", bytes) => (NumberClass::Signed, bytes),
            ("f", bytes) => (NumberClass::Floating, bytes),
            _ => return None,
        };
        let sizes: &[usize] = if class == NumberClass::Floating { &[4, 8] } else { &[1, 2, 4, 8] };
        let bytes = bytes.parse().ok().filter(|bytes| sizes.contains(bytes))?;
        Some(Self { bytes, class, is_big_endian: is_big_endian && bytes > 1 })
    }

    /// The bits of a number, little end first.
    fn bits(self, bytes: &[u8]) -> Option<[u8; 8]> {
        let mut wide = [0; 8];
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        if self.is_big_endian {
            wide[..bytes.len()].reverse();
        }
        Some(wide)
    }

    /// A whole number; none where the type is a floating one, or the number too large.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<i64> {
        let wide = self.bits(bytes)?;
        let shift = 64 - 8 * bytes.len() as u32;
        let number = i64::from_le_bytes(wide);
        match self.class {
            NumberClass::Signed => Some(number << shift >> shift),
            NumberClass::Unsigned if shift == 0 => u64::from_le_bytes(wide).try_into().ok(),
            NumberClass::Unsigned => Some(number),
            NumberClass::Floating => None,
        }
    }

    /// A floating number; none where the type is another.
    pub(crate) fn read_float(self, bytes: &[u8]) -> Option<f64> {
        let wide = self.bits(bytes)?;
        match (self.class, wide.first_chunk::<4>(), bytes.len()) {
            (NumberClass::Floating, Some(half), 4) => Some(f32::from_le_bytes(*half).into()),
            (NumberClass::Floating, _, 8) => Some(f64::from_le_bytes(wide)),
            _ => None,
        }
    }
}

impl Array<'_> {
    /// The numbers of an array of one dimension; none where it has more, or its numbers are not whole.
    pub fn numbers(&self) -> Option<Vec<i64>> {
        let is_row = self.shape.len() == 1;
        is_row.then(|| self.bytes.chunks_exact(self.kind.bytes).map(|value| self.kind.read(value)).collect())?
    }

    /// The numbers in single precision, the last index running fastest; none where they are not floating ones.
    pub fn floats(&self) -> Option<Vec<f32>> {
        let values = self.bytes.chunks_exact(self.kind.bytes);
        let values: Vec<f32> =
            values.map(|value| self.kind.read_float(value).map(|v| v as f32)).collect::<Option<_>>()?;
        if !self.is_fortran {
            return Some(values);
        }
        // How far apart the values of each index lie in the file.
        let mut steps = Vec::with_capacity(self.shape.len());
        let mut step = 1;
        for &side in &self.shape {
            steps.push((side, step));
            step *= side;
        }
        let value_at = |mut index: usize| {
            let mut offset = 0;
            for (side, step) in steps.iter().rev() {
                offset += index % side * step;
                index /= side;
            }
            values[offset]
        };
        Some((0..values.len()).map(value_at).collect())
    }
}
