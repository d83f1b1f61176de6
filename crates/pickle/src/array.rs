//! The arrays in a pickle: the calls by which numpy has them made, and no others.

use std::borrow::Cow;

use crate::reader::{Objects, PickleReader};
use crate::value::{Array, PickleFault, Value, ValueId, ValueType};

/// The functions and types whose values are made here: numpy's arrays, and how Python 3 writes bytes for Python 2.
const KNOWN: [(&str, &str); 13] = [
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("__builtin__", "bytes"),
    ("builtins", "bytes"),
    ("__builtin__", "bytearray"),
    ("builtins", "bytearray"),
];

/// Arguments of a call, and dimensions of an array, at most.
const MAX_ARGUMENTS: usize = 8;

impl<'a> PickleReader<'a> {
    /// A function or a class, by name: one that is known, or any where objects are recorded.
    pub(crate) fn global(&mut self, module: Cow<'a, [u8]>, name: Cow<'a, [u8]>) -> Result<(), PickleFault> {
        let is_known = KNOWN.iter().any(|known| (known.0.as_bytes(), known.1.as_bytes()) == (&*module, &*name));
        if !is_known && self.rules.objects == Objects::Refused {
            let found = format!("{} {}", String::from_utf8_lossy(&module), String::from_utf8_lossy(&name));
            return Err(self.fault(found, "nothing but numpy's arrays"));
        }
        self.push(Value::Global(module, name))
    }

    /// The same, with module and name as values.
    pub(crate) fn stack_global(&mut self) -> Result<(), PickleFault> {
        let (name, module) = (self.pop()?, self.pop()?);
        match (&self.values[module.0], &self.values[name.0]) {
            (Value::Text(module), Value::Text(name)) => {
                let (module, name) = (module.clone(), name.clone());
                // Names that are not in the file as they are have been copied.
                let copied = [&module, &name].into_iter().filter(|text| matches!(text, Cow::Owned(_)));
                self.allow_copy(copied.map(|text| text.len()).sum())?;
                self.global(module, name)
            }
            (other, _) => Err(self.fault(other.kind().to_owned(), "the names of a module and a function")),
        }
    }

    /// Makes an array, a number, bytes, the type of an array's values, or a record of what is not known.
    pub(crate) fn reduce(&mut self) -> Result<(), PickleFault> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let known = match &self.values[function.0] {
            Value::Global(module, name) => {
                KNOWN.iter().find(|known| (known.0.as_bytes(), known.1.as_bytes()) == (&**module, &**name))
            }
            other => return Err(self.fault(format!("a call of {}", other.kind()), "an array to be made")),
        };
        let Some((_, name)) = known else {
            return self.record(function, arguments);
        };
        let Value::Tuple(arguments) = &self.values[arguments.0] else {
            return Err(self.fault(format!("{name} without arguments"), "a tuple of them"));
        };
        // One tuple may be the argument of many calls.
        if arguments.len() > MAX_ARGUMENTS {
            return Err(self.fault(format!("{name} with {} arguments", arguments.len()), "an array to be made"));
        }
        let arguments = arguments.clone();
        let value = match *name {
            "_reconstruct" => Value::Array(Array {
                shape: vec![0],
                kind: ValueType::BYTE,
                is_fortran: false,
                bytes: Cow::Borrowed(&[]),
            }),
            "dtype" => self.value_type(&arguments)?,
            "_frombuffer" => self.array_in_buffer(&arguments)?,
            "scalar" => self.scalar(&arguments)?,
            "encode" => self.encode(&arguments)?,
            "bytes" | "bytearray" => self.copied_bytes(&arguments)?,
            other => return Err(self.fault(format!("a call of {other}"), "an array to be made")),
        };
        self.push(value)
    }

    fn argument(&self, arguments: &[ValueId], index: usize) -> &Value<'a> {
        arguments.get(index).map_or(&Value::None, |id| &self.values[id.0])
    }

    fn value_type(&self, arguments: &[ValueId]) -> Result<Value<'a>, PickleFault> {
        const EXPECTED: &str = "whole numbers (i, u) or floating ones (f)";
        match self.argument(arguments, 0) {
            Value::Bytes(name) | Value::Text(name) => match ValueType::named(name) {
                Some(kind) => Ok(Value::Type(kind)),
                None => Err(self.fault(format!("values of type {:?}", String::from_utf8_lossy(name)), EXPECTED)),
            },
            _ => Err(self.fault("a type without a name".to_owned(), EXPECTED)),
        }
    }

    /// `_frombuffer(buffer, type, shape, order)`: protocol 5.
    fn array_in_buffer(&mut self, arguments: &[ValueId]) -> Result<Value<'a>, PickleFault> {
        let parts = (self.argument(arguments, 0), self.argument(arguments, 1), self.argument(arguments, 3));
        let (bytes, kind, is_fortran) = match parts {
            (Value::Bytes(bytes), Value::Type(kind), Value::Text(order)) if matches!(&**order, b"C" | b"F") => {
                (bytes.clone(), *kind, **order == *b"F")
            }
            _ => return Err(self.fault("other arguments".to_owned(), "an array's bytes, type, shape and order")),
        };
        if let Cow::Owned(bytes) = &bytes {
            self.allow_copy(bytes.len())?;
        }
        let shape = arguments.get(2).and_then(|shape| self.shape(*shape));
        self.checked(shape, Array { shape: Vec::new(), kind, is_fortran, bytes })
    }

    /// A number that numpy made.
    fn scalar(&self, arguments: &[ValueId]) -> Result<Value<'a>, PickleFault> {
        match (self.argument(arguments, 0), self.argument(arguments, 1)) {
            (Value::Type(kind), Value::Bytes(bytes)) if bytes.len() == kind.bytes => {
                Ok(match (kind.read(bytes), kind.read_float(bytes)) {
                    (Some(number), _) => Value::Int(number),
                    (None, Some(number)) => Value::Float(number),
                    (None, None) => Value::OtherNumber,
                })
            }
            _ => Err(self.fault("another number".to_owned(), "its type and bytes")),
        }
    }

    /// `_codecs.encode(text, "latin1")`.
    fn encode(&mut self, arguments: &[ValueId]) -> Result<Value<'a>, PickleFault> {
        let is_latin1 = matches!(self.argument(arguments, 1),
            Value::Text(name) | Value::Bytes(name) if matches!(&**name, b"latin1" | b"latin-1"));
        match (self.argument(arguments, 0), is_latin1) {
            (Value::Text(text), true) => {
                let text = text.clone();
                if let Cow::Owned(text) = &text {
                    self.allow_copy(text.len())?;
                }
                self.latin1(&text).map(Value::Bytes)
            }
            _ => Err(self.fault("another encoding".to_owned(), "text and \"latin1\"")),
        }
    }

    /// `bytes()`: none; `bytearray(bytes)`: the same.
    fn copied_bytes(&mut self, arguments: &[ValueId]) -> Result<Value<'a>, PickleFault> {
        match (arguments.len(), self.argument(arguments, 0)) {
            (0, _) => Ok(Value::Bytes(Cow::Borrowed(&[]))),
            (1, Value::Bytes(bytes)) => {
                let bytes = bytes.clone();
                self.allow_copy(bytes.len())?;
                Ok(Value::Bytes(bytes))
            }
            _ => Err(self.fault("other arguments".to_owned(), "bytes alone")),
        }
    }

    /// Gives an array its shape and bytes, or a record its state.
    pub(crate) fn build(&mut self) -> Result<(), PickleFault> {
        let state = self.pop()?;
        let object = self.top()?;
        match &mut self.values[object.0] {
            Value::Type(_) => return self.build_type(object, state),
            Value::Record(record) => {
                record.state = Some(state);
                return Ok(());
            }
            Value::Array(_) => {}
            other => {
                let found = other.kind().to_owned();
                return Err(self.fault(found, "an array to fill"));
            }
        }
        let Some((shape, array)) = self.array_from_state(state) else {
            return Err(self.fault("another state".to_owned(), "an array's version, shape, type, order and bytes"));
        };
        if let Cow::Owned(bytes) = &array.bytes {
            self.allow_copy(bytes.len())?;
        }
        self.values[object.0] = self.checked(Some(shape), array)?;
        Ok(())
    }

    /// The state of a type tells the order of its bytes, and whether it has fields, which no number has.
    fn build_type(&mut self, object: ValueId, state: ValueId) -> Result<(), PickleFault> {
        let order = match &self.values[state.0] {
            Value::Tuple(state) => self.argument(state, 1),
            _ => &Value::None,
        };
        let is_big_endian = match order {
            Value::Bytes(order) | Value::Text(order) => **order == *b">",
            _ => return Err(self.fault("another state".to_owned(), "a type's version and byte order")),
        };
        if let Value::Type(kind) = &mut self.values[object.0] {
            kind.is_big_endian = is_big_endian && kind.bytes > 1;
        }
        Ok(())
    }

    fn shape(&self, id: ValueId) -> Option<Vec<usize>> {
        let Value::Tuple(shape) = &self.values[id.0] else { return None };
        if shape.len() > MAX_ARGUMENTS {
            return None;
        }
        let side = |id: &ValueId| match self.values[id.0] {
            Value::Int(side) => usize::try_from(side).ok(),
            _ => None,
        };
        shape.iter().map(side).collect()
    }

    fn array_from_state(&self, state: ValueId) -> Option<(Vec<usize>, Array<'a>)> {
        let Value::Tuple(state) = &self.values[state.0] else { return None };
        let [_version, shape, kind, fortran, bytes] = state.as_slice() else { return None };
        let shape = self.shape(*shape)?;
        let (Value::Type(kind), Value::Bytes(bytes)) = (&self.values[kind.0], &self.values[bytes.0]) else {
            return None;
        };
        let is_fortran = match self.values[fortran.0] {
            Value::Bool(is_fortran) => is_fortran,
            Value::Int(number) => number != 0,
            _ => return None,
        };
        Some((shape, Array { shape: Vec::new(), kind: *kind, is_fortran, bytes: bytes.clone() }))
    }

    /// An array whose shape is checked against its bytes.
    fn checked(&self, shape: Option<Vec<usize>>, array: Array<'a>) -> Result<Value<'a>, PickleFault> {
        let Some(shape) = shape else {
            return Err(self.fault("another shape".to_owned(), "a tuple of whole numbers"));
        };
        let bytes = shape.iter().try_fold(array.kind.bytes, |all, &side| all.checked_mul(side));
        if bytes != Some(array.bytes.len()) {
            let found = format!("{} bytes for the shape {shape:?}", array.bytes.len());
            return Err(self.fault(found, "as many bytes as the shape has"));
        }
        // Whether one or the other index runs fastest makes no difference where there is one.
        let is_fortran = array.is_fortran && shape.iter().filter(|side| **side > 1).count() > 1;
        Ok(Value::Array(Array { shape, is_fortran, ..array }))
    }
}
