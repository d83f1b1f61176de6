//! The arrays of bytes in a pickle: how numpy asks for them to be made, and nothing else.

use super::{Fault, Place, Reader, Value};

impl<'a> Reader<'a> {
    /// A function or a type, by name.
    pub(super) fn global(&mut self) -> Result<(), Fault> {
        let (module, name) = (self.line()?, self.line()?);
        let known: [(&[u8], &[u8]); 4] = [
            (b"numpy.core.multiarray", b"_reconstruct"),
            (b"numpy._core.multiarray", b"_reconstruct"),
            (b"numpy", b"ndarray"),
            (b"numpy", b"dtype"),
        ];
        if !known.contains(&(module, name)) {
            let found = format!("{} {}", String::from_utf8_lossy(module), String::from_utf8_lossy(name));
            return Err(self.fault(found, "nothing but numpy's arrays"));
        }
        self.push(Value::Global(module, name));
        Ok(())
    }

    /// Makes an array, or the type of its values.
    pub(super) fn reduce(&mut self) -> Result<(), Fault> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let value = match (&self.values[function.0], &self.values[arguments.0]) {
            (Value::Global(_, b"_reconstruct"), Value::Tuple(_)) => Value::Array { shape: Vec::new(), bytes: &[] },
            (Value::Global(_, b"dtype"), Value::Tuple(arguments)) => {
                match arguments.first().map(|first| &self.values[first.0]) {
                    Some(Value::Bytes(b"u1" | b"|u1")) => Value::ByteType,
                    Some(Value::Bytes(other)) => {
                        let found = format!("values of type {:?}", String::from_utf8_lossy(other));
                        return Err(self.fault(found, "bytes (u1)"));
                    }
                    _ => return Err(self.fault("a type without a name".to_owned(), "bytes (u1)")),
                }
            }
            (other, _) => return Err(self.fault(format!("a call of {}", other.kind()), "an array to be made")),
        };
        self.push(value);
        Ok(())
    }

    /// Gives an array its shape and bytes.
    pub(super) fn build(&mut self) -> Result<(), Fault> {
        let state = self.pop()?;
        let object = self.top()?;
        match self.values[object.0] {
            Value::ByteType => return Ok(()),
            Value::Array { .. } => {}
            ref other => return Err(self.fault(other.kind().to_owned(), "an array to fill")),
        }
        let Some(array) = self.array_from_state(state) else {
            return Err(self.fault("another state".to_owned(), "an array's version, shape, type, order and bytes"));
        };
        let Value::Array { shape, bytes } = &array else { return Ok(()) };
        if shape.iter().try_fold(1_usize, |all, &side| all.checked_mul(side)) != Some(bytes.len()) {
            let found = format!("{} bytes for the shape {shape:?}", bytes.len());
            return Err(self.fault(found, "as many bytes as the shape has"));
        }
        self.values[object.0] = array;
        Ok(())
    }

    fn array_from_state(&self, state: Place) -> Option<Value<'a>> {
        let Value::Tuple(state) = &self.values[state.0] else { return None };
        let [_version, shape, kind, fortran, bytes] = state.as_slice() else { return None };
        let Value::Tuple(shape) = &self.values[shape.0] else { return None };
        let side = |place: &Place| match self.values[place.0] {
            Value::Int(side) => usize::try_from(side).ok(),
            _ => None,
        };
        let shape = shape.iter().map(side).collect::<Option<Vec<_>>>()?;
        if self.values[kind.0] != Value::ByteType || self.values[fortran.0] != Value::Bool(false) {
            return None;
        }
        match self.values[bytes.0] {
            Value::Bytes(bytes) => Some(Value::Array { shape, bytes }),
            _ => None,
        }
    }
}

impl Value<'_> {
    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a truth value",
            Value::Int(_) => "a number",
            Value::Bytes(_) => "a string",
            Value::List(_) => "a list",
            Value::Tuple(_) => "a tuple",
            Value::Dict(_) => "a dictionary",
            Value::Global(..) => "a function",
            Value::ByteType => "a type",
            Value::Array { .. } => "an array",
        }
    }
}
