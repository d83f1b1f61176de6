//! A reader for the pickles of CIFAR-10: protocol 2 as Python 2 wrote it, with dictionaries, lists, byte strings,
//! whole numbers and numpy's arrays of bytes. It builds values and runs nothing: whatever else a pickle may ask
//! for is refused by name.

mod array;

use std::collections::HashMap;

/// A value; those inside others are places in the arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Bytes(&'a [u8]),
    List(Vec<Place>),
    Tuple(Vec<Place>),
    Dict(Vec<(Place, Place)>),
    /// `module name`, of the few that are known.
    Global(&'a [u8], &'a [u8]),
    /// The type of an array's values; only bytes are known.
    ByteType,
    /// An array of bytes in C order; empty until its state arrives.
    Array {
        shape: Vec<usize>,
        bytes: &'a [u8],
    },
}

/// The place of a value in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(usize);

/// All values of a pickle.
#[derive(Debug)]
pub(crate) struct Pickle<'a> {
    values: Vec<Value<'a>>,
    root: Place,
}

/// Where a pickle is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) found: String,
    pub(crate) expected: &'static str,
}

impl<'a> Pickle<'a> {
    pub(crate) fn get(&self, place: Place) -> &Value<'a> {
        &self.values[place.0]
    }

    /// The value of a key of the dictionary that the pickle is.
    pub(crate) fn key(&self, key: &str) -> Option<&Value<'a>> {
        let Value::Dict(items) = self.get(self.root) else { return None };
        // The last one wins, as in Python.
        let item = items.iter().rev().find(|(name, _)| *self.get(*name) == Value::Bytes(key.as_bytes()));
        item.map(|(_, value)| self.get(*value))
    }
}

/// Reads a pickle whose value is a dictionary.
pub(crate) fn parse(input: &[u8]) -> Result<Pickle<'_>, Fault> {
    let mut reader =
        Reader { input, at: 0, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    if input.get(..2) != Some(&[0x80, 2]) {
        return Err(reader.fault(format!("{:02x?}", &input[..input.len().min(2)]), "a pickle of protocol 2"));
    }
    reader.at = 2;
    loop {
        let opcode = reader.byte()?;
        if opcode == b'.' {
            break;
        }
        reader.step(opcode)?;
    }
    let root = reader.pop()?;
    match reader.values[root.0] {
        Value::Dict(_) => Ok(Pickle { values: reader.values, root }),
        ref other => Err(reader.fault(other.kind().to_owned(), "a dictionary")),
    }
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    values: Vec<Value<'a>>,
    stack: Vec<Place>,
    /// How deep the stack was at each open mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Place>,
}

impl<'a> Reader<'a> {
    fn fault(&self, found: String, expected: &'static str) -> Fault {
        Fault { offset: self.at.saturating_sub(1), found, expected }
    }

    fn step(&mut self, opcode: u8) -> Result<(), Fault> {
        match opcode {
            b'}' => self.push(Value::Dict(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let number = self.byte()?;
                self.push(Value::Int(i64::from(number)));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(number)));
            }
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(i64::from(number)));
            }
            b'U' => {
                let length = usize::from(self.byte()?);
                self.bytes(length)?;
            }
            b'T' | b'X' => {
                let length = u32::from_le_bytes(self.array()?) as usize;
                self.bytes(length)?;
            }
            b'q' => {
                let key = u32::from(self.byte()?);
                self.remember(key)?;
            }
            b'r' => {
                let key = u32::from_le_bytes(self.array()?);
                self.remember(key)?;
            }
            b'h' => {
                let key = u32::from(self.byte()?);
                self.recall(key)?;
            }
            b'j' => {
                let key = u32::from_le_bytes(self.array()?);
                self.recall(key)?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            b's' => {
                let items = self.last(2)?;
                self.set(&items)?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(&items)?;
            }
            0x85..=0x87 => {
                let items = self.last(usize::from(opcode - 0x84))?;
                self.push(Value::Tuple(items));
            }
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items));
            }
            b'c' => self.global()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            other => {
                let found = format!("the operation {:?} (0x{other:02x})", char::from(other));
                return Err(self.fault(found, "one of those that CIFAR-10's batches use"));
            }
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.input.len());
        let Some(end) = end else {
            let found = format!("the end of the file after {} bytes", self.input.len());
            return Err(self.fault(found, "a whole batch; fetch it again"));
        };
        let bytes = &self.input[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    fn bytes(&mut self, length: usize) -> Result<(), Fault> {
        let bytes = self.take(length)?;
        self.push(Value::Bytes(bytes));
        Ok(())
    }

    fn line(&mut self) -> Result<&'a [u8], Fault> {
        let rest = &self.input[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let line = self.take(length)?;
        self.take(1)?;
        Ok(line)
    }

    fn push(&mut self, value: Value<'a>) {
        self.stack.push(Place(self.values.len()));
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Place, Fault> {
        // What lies below an open mark belongs to whoever set the mark.
        let floor = self.marks.last().copied().unwrap_or(0);
        let place = if self.stack.len() > floor { self.stack.pop() } else { None };
        place.ok_or_else(|| self.fault("too few values".to_owned(), "a value for the operation"))
    }

    fn top(&self) -> Result<Place, Fault> {
        let place = self.stack.last().copied();
        place.ok_or_else(|| self.fault("too few values".to_owned(), "a value for the operation"))
    }

    fn last(&mut self, count: usize) -> Result<Vec<Place>, Fault> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(items)
    }

    fn since_mark(&mut self) -> Result<Vec<Place>, Fault> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.fault("no mark".to_owned(), "a mark before the values")),
        }
    }

    fn remember(&mut self, key: u32) -> Result<(), Fault> {
        let place = self.top()?;
        self.memo.insert(key, place);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<(), Fault> {
        let Some(&place) = self.memo.get(&key) else {
            return Err(self.fault(format!("memo {key}"), "a memo that was set"));
        };
        self.stack.push(place);
        Ok(())
    }

    fn append(&mut self, items: Vec<Place>) -> Result<(), Fault> {
        let list = self.top()?;
        match &mut self.values[list.0] {
            Value::List(list) => list.extend(items),
            other => {
                let found = other.kind().to_owned();
                return Err(self.fault(found, "a list to append to"));
            }
        }
        Ok(())
    }

    fn set(&mut self, items: &[Place]) -> Result<(), Fault> {
        let dict = self.top()?;
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(self.fault("a key without a value".to_owned(), "pairs"));
        };
        match &mut self.values[dict.0] {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            other => {
                let found = other.kind().to_owned();
                return Err(self.fault(found, "a dictionary to add to"));
            }
        }
        Ok(())
    }
}
