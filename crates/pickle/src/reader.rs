//! The stack machine: its input, stack, memo and limits.

use std::collections::HashMap;

use crate::value::{Pickle, PickleFault, Value, ValueId};

/// Values in a pickle at most; CIFAR-100's largest has 200,000.
const MAX_VALUES: usize = 4_000_000;
/// Bytes of values that are copied rather than borrowed from the input, at most.
const MAX_COPIED_BYTES: usize = 1 << 30;
/// Opcodes of a pickle at most.
const MAX_STEPS: usize = 16_000_000;
/// Marks that are open at a time, at most: Python writes no deeper nesting than its own recursion allows.
const MAX_MARKS: usize = 10_000;

/// What becomes of objects other than numpy's arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objects {
    /// They are refused by name.
    Refused,
    /// They become [`crate::Record`]s: name, arguments and state, without anything being called.
    Recorded,
}

/// What a pickle is expected to be.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// In words, for errors: "a batch of CIFAR".
    pub what: &'static str,
    /// What becomes of objects of classes.
    pub objects: Objects,
}

/// Reads a pickle whose value is a dictionary.
///
/// # Errors
/// The first step that is not understood, not allowed, or beyond a limit, with its place in the file.
pub fn parse(input: &[u8], rules: Rules) -> Result<Pickle<'_>, PickleFault> {
    let mut reader = PickleReader {
        input,
        rules,
        at: 0,
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        copied: 0,
    };
    for _ in 0..MAX_STEPS {
        let opcode = reader.byte()?;
        if opcode == b'.' {
            let root = reader.pop()?;
            return match reader.values[root.0] {
                Value::Dict(_) => Ok(Pickle { values: reader.values, root }),
                ref other => Err(reader.fault(other.kind().to_owned(), "a dictionary")),
            };
        }
        reader.step(opcode)?;
    }
    Err(reader.fault(format!("more than {MAX_STEPS} steps"), rules.what))
}

pub(crate) struct PickleReader<'a> {
    input: &'a [u8],
    pub(crate) rules: Rules,
    at: usize,
    pub(crate) values: Vec<Value<'a>>,
    pub(crate) stack: Vec<ValueId>,
    /// Depth of the stack at each open mark.
    marks: Vec<usize>,
    pub(crate) memo: HashMap<u32, ValueId>,
    /// Bytes of values that are not borrowed from the input.
    copied: usize,
}

impl<'a> PickleReader<'a> {
    pub(crate) fn fault(&self, found: String, expected: &'static str) -> PickleFault {
        PickleFault { offset: self.at.saturating_sub(1), found, expected }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], PickleFault> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.input.len());
        let Some(end) = end else {
            let found = format!("the end of the file after {} bytes", self.input.len());
            return Err(self.fault(found, "a whole pickle; copy or fetch it again"));
        };
        let bytes = &self.input[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleFault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, PickleFault> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn line(&mut self) -> Result<&'a [u8], PickleFault> {
        let rest = &self.input[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let line = self.take(length)?;
        self.take(1)?;
        Ok(line)
    }

    /// A line that is a name or a number, so that a carriage return at its end is not part of it.
    pub(crate) fn word(&mut self) -> Result<&'a [u8], PickleFault> {
        let line = self.line()?;
        Ok(line.strip_suffix(b"\r").unwrap_or(line))
    }

    pub(crate) fn push(&mut self, value: Value<'a>) -> Result<(), PickleFault> {
        if self.values.len() == MAX_VALUES {
            return Err(self.fault(format!("more than {MAX_VALUES} values"), self.rules.what));
        }
        self.stack.push(ValueId(self.values.len()));
        self.values.push(value);
        Ok(())
    }

    /// Allows for bytes that are made rather than borrowed: a pickle needs a few copies of its own bytes.
    pub(crate) fn allow_copy(&mut self, bytes: usize) -> Result<(), PickleFault> {
        self.copied = self.copied.saturating_add(bytes);
        if self.copied > self.input.len().saturating_mul(8).saturating_add(4_096).min(MAX_COPIED_BYTES) {
            return Err(self.fault("values that grow beyond the file".to_owned(), self.rules.what));
        }
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Result<ValueId, PickleFault> {
        // Values below an open mark belong to the opcode that set the mark.
        let floor = self.marks.last().copied().unwrap_or(0);
        let id = if self.stack.len() > floor { self.stack.pop() } else { None };
        id.ok_or_else(|| self.fault("too few values".to_owned(), "a value for the operation"))
    }

    pub(crate) fn top(&self) -> Result<ValueId, PickleFault> {
        let id = self.stack.last().copied();
        id.ok_or_else(|| self.fault("too few values".to_owned(), "a value for the operation"))
    }

    pub(crate) fn last(&mut self, count: usize) -> Result<Vec<ValueId>, PickleFault> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(items)
    }

    pub(crate) fn mark(&mut self) -> Result<(), PickleFault> {
        if self.marks.len() == MAX_MARKS {
            return Err(self.fault(format!("more than {MAX_MARKS} open marks"), self.rules.what));
        }
        self.marks.push(self.stack.len());
        Ok(())
    }

    pub(crate) fn since_mark(&mut self) -> Result<Vec<ValueId>, PickleFault> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.fault("no mark".to_owned(), "a mark before the values")),
        }
    }

    pub(crate) fn remember(&mut self, key: u32) -> Result<(), PickleFault> {
        let id = self.top()?;
        self.memo.insert(key, id);
        Ok(())
    }

    pub(crate) fn recall(&mut self, key: u32) -> Result<(), PickleFault> {
        let Some(&id) = self.memo.get(&key) else {
            return Err(self.fault(format!("memo {key}"), "a memo that was set"));
        };
        self.stack.push(id);
        Ok(())
    }

    pub(crate) fn append(&mut self, items: Vec<ValueId>) -> Result<(), PickleFault> {
        let list = self.top()?;
        match &mut self.values[list.0] {
            Value::List(list) => list.extend(items),
            Value::Record(record) => record.items.extend(items),
            other => {
                let found = other.kind().to_owned();
                return Err(self.fault(found, "a list to append to"));
            }
        }
        Ok(())
    }

    pub(crate) fn set(&mut self, items: &[ValueId]) -> Result<(), PickleFault> {
        let dict = self.top()?;
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(self.fault("a key without a value".to_owned(), "pairs"));
        };
        match &mut self.values[dict.0] {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            Value::Record(record) => record.items.extend_from_slice(items),
            other => {
                let found = other.kind().to_owned();
                return Err(self.fault(found, "a dictionary to add to"));
            }
        }
        Ok(())
    }
}
