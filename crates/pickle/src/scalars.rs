//! Numbers and strings of a pickle, in binary and as text.

use std::borrow::Cow;

use crate::reader::PickleReader;
use crate::value::{PickleFault, Value};

impl<'a> PickleReader<'a> {
    pub(crate) fn step_on_scalar(&mut self, opcode: u8) -> Result<(), PickleFault> {
        match opcode {
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let number = i64::from(self.byte()?);
                self.push(Value::Int(number))
            }
            b'M' => {
                let number = i64::from(u16::from_le_bytes(self.array()?));
                self.push(Value::Int(number))
            }
            b'J' => {
                let number = i64::from(i32::from_le_bytes(self.array()?));
                self.push(Value::Int(number))
            }
            0x8a => {
                let length = u64::from(self.byte()?);
                self.long(length)
            }
            0x8b => {
                let length = u64::from(u32::from_le_bytes(self.array()?));
                self.long(length)
            }
            b'I' | b'L' => self.written_int(),
            b'F' => self.written_float(),
            b'G' => {
                let number = f64::from_be_bytes(self.array()?);
                self.push(Value::Float(number))
            }
            b'S' => self.written_bytes(),
            b'V' => self.written_text(),
            other => self.step_on_string(other),
        }
    }

    fn step_on_string(&mut self, opcode: u8) -> Result<(), PickleFault> {
        let length = match opcode {
            // With a length of one byte, of four, of eight.
            b'U' | b'C' | 0x8c => u64::from(self.byte()?),
            b'T' | b'B' | b'X' => u64::from(u32::from_le_bytes(self.array()?)),
            0x8d | 0x8e | 0x96 => u64::from_le_bytes(self.array()?),
            other => return Err(self.refuse(other)),
        };
        let bytes = Cow::Borrowed(self.take(usize::try_from(length).unwrap_or(usize::MAX))?);
        let is_text = matches!(opcode, 0x8c | b'X' | 0x8d);
        self.push(if is_text { Value::Text(bytes) } else { Value::Bytes(bytes) })
    }

    /// A whole number in as few bytes as it needs, little end first.
    fn long(&mut self, length: u64) -> Result<(), PickleFault> {
        let bytes = self.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        let value = match wide.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            None => Value::OtherNumber,
        };
        self.push(value)
    }

    /// `12`, `12L`, and `00` and `01` for truth values.
    fn written_int(&mut self) -> Result<(), PickleFault> {
        let line = self.word()?;
        let text = String::from_utf8_lossy(line);
        let digits = text.strip_suffix('L').unwrap_or(&text);
        let value = match (digits, digits.parse()) {
            ("00", _) => Value::Bool(false),
            ("01", _) => Value::Bool(true),
            (_, Ok(number)) => Value::Int(number),
            _ if is_number(digits) => Value::OtherNumber,
            _ => return Err(self.fault(format!("{text:?}"), "a whole number")),
        };
        self.push(value)
    }

    /// `0.5`, `1e-05`, `inf`, `-nan`.
    fn written_float(&mut self) -> Result<(), PickleFault> {
        let line = self.word()?;
        let text = String::from_utf8_lossy(line);
        match text.trim().parse() {
            Ok(number) => self.push(Value::Float(number)),
            Err(_) => Err(self.fault(format!("{text:?}"), "a number")),
        }
    }

    /// A string of Python 2 as `repr` writes it: in quotes, with escapes.
    fn written_bytes(&mut self) -> Result<(), PickleFault> {
        let line = self.word()?;
        let ([b'\'', quoted @ .., b'\''] | [b'"', quoted @ .., b'"']) = line else {
            return Err(self.fault("a string without quotes".to_owned(), "a string in quotes"));
        };
        if !quoted.contains(&b'\\') {
            return self.push(Value::Bytes(Cow::Borrowed(quoted)));
        }
        self.allow_copy(quoted.len())?;
        let bytes = unescape(quoted);
        let bytes = bytes.ok_or_else(|| self.fault("an escape that Python does not write".to_owned(), "\\x41, \\n"))?;
        self.push(Value::Bytes(Cow::Owned(bytes)))
    }

    /// Text as Python writes it in protocol 0: Latin-1, with `\u` for the rest.
    fn written_text(&mut self) -> Result<(), PickleFault> {
        let line = self.line()?;
        self.allow_copy(line.len().saturating_mul(2))?;
        let mut text = String::with_capacity(line.len());
        let mut rest = line;
        while let Some((&byte, after)) = rest.split_first() {
            let escape = match (byte, after.first()) {
                (b'\\', Some(b'u')) => Some(4),
                (b'\\', Some(b'U')) => Some(8),
                _ => None,
            };
            rest = match escape {
                None => {
                    text.push(char::from(byte));
                    after
                }
                Some(digits) => {
                    let code = after.get(1..=digits).and_then(|digits| std::str::from_utf8(digits).ok());
                    let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                    let Some(code) = code else {
                        return Err(self.fault("an escape without digits".to_owned(), "\\u and four digits"));
                    };
                    text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    &after[digits + 1..]
                }
            };
        }
        self.push(Value::Text(Cow::Owned(text.into_bytes())))
    }

    /// The bytes that a text stands for, where each character is one: how Python 3 writes bytes for Python 2.
    pub(crate) fn latin1(&mut self, text: &[u8]) -> Result<Cow<'a, [u8]>, PickleFault> {
        self.allow_copy(text.len())?;
        let text = std::str::from_utf8(text).ok();
        let bytes: Option<Vec<u8>> =
            text.and_then(|text| text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect());
        bytes.map(Cow::Owned).ok_or_else(|| self.fault("text beyond Latin-1".to_owned(), "characters for bytes"))
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn unescape(quoted: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'\\' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let (&kind, after) = after.split_first()?;
        rest = after;
        bytes.push(match kind {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'\\' | b'\'' | b'"' => kind,
            b'x' => {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                rest = &after[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}
