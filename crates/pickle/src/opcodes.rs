//! The opcodes of a pickle. Those that would run or import something else are refused by name, or recorded.

use crate::reader::{Objects, PickleReader};
use crate::value::{PickleFault, Value};

impl PickleReader<'_> {
    /// Does what one opcode says.
    pub(crate) fn step(&mut self, opcode: u8) -> Result<(), PickleFault> {
        match opcode {
            b'}' => self.push(Value::Dict(Vec::new())),
            b']' => self.push(Value::List(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            b'(' => self.mark(),
            b'l' => {
                let items = self.since_mark()?;
                self.push(Value::List(items))
            }
            b'd' => {
                let items = self.since_mark()?;
                self.push(Value::Dict(Vec::new()))?;
                self.set(&items)
            }
            b't' => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items))
            }
            0x85..=0x87 => {
                let items = self.last(usize::from(opcode - 0x84))?;
                self.push(Value::Tuple(items))
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)
            }
            b's' => {
                let items = self.last(2)?;
                self.set(&items)
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(&items)
            }
            b'0' => self.pop().map(drop),
            b'1' => self.since_mark().map(drop),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            b'c' => {
                let (module, name) = (self.word()?, self.word()?);
                self.global(module.into(), name.into())
            }
            0x93 => self.stack_global(),
            b'R' => self.reduce(),
            b'b' => self.build(),
            other => self.step_on_memo(other),
        }
    }

    fn step_on_memo(&mut self, opcode: u8) -> Result<(), PickleFault> {
        match opcode {
            b'q' => {
                let key = u32::from(self.byte()?);
                self.remember(key)
            }
            b'r' => {
                let key = u32::from_le_bytes(self.array()?);
                self.remember(key)
            }
            b'p' => {
                let key = self.decimal()?;
                self.remember(key)
            }
            // The next free number.
            0x94 => self.remember(self.memo.len() as u32),
            b'h' => {
                let key = u32::from(self.byte()?);
                self.recall(key)
            }
            b'j' => {
                let key = u32::from_le_bytes(self.array()?);
                self.recall(key)
            }
            b'g' => {
                let key = self.decimal()?;
                self.recall(key)
            }
            // The protocol's number, and the length of what follows: neither is needed.
            0x80 => match self.byte()? {
                0..=5 => Ok(()),
                newer => Err(self.fault(format!("a pickle of protocol {newer}"), "one of protocol 0 to 5")),
            },
            0x95 => self.array::<8>().map(drop),
            b'o' | b'i' | 0x81 | 0x92 if self.rules.objects == Objects::Recorded => self.step_on_object(opcode),
            other => self.step_on_scalar(other),
        }
    }

    fn step_on_object(&mut self, opcode: u8) -> Result<(), PickleFault> {
        match opcode {
            b'o' => self.object_after_mark(),
            b'i' => self.object_by_name(),
            // With arguments by position; with those by name behind them.
            other => self.object_of_class(other == 0x92),
        }
    }

    pub(crate) fn refuse(&self, opcode: u8) -> PickleFault {
        let name = match opcode {
            b'P' | b'Q' => "a reference to something outside of the file",
            b'i' | b'o' | 0x81 | 0x92 => "an object of a class",
            0x82..=0x84 => "an extension",
            0x8f..=0x91 => "a set",
            0x97 | 0x98 => "a buffer outside of the file",
            _ => "a step",
        };
        let found = format!("{name} ({:?}, 0x{opcode:02x})", char::from(opcode));
        self.fault(found, "nothing but dictionaries, lists, strings, numbers and numpy's arrays")
    }

    fn decimal(&mut self) -> Result<u32, PickleFault> {
        let line = String::from_utf8_lossy(self.word()?);
        let number = line.trim().parse();
        number.map_err(|_| self.fault(format!("{line:?}"), "a number of the memo"))
    }
}
