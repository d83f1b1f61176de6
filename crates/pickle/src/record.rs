//! Objects of classes that are not known here: kept as what the pickle says of them, and never made.

use crate::reader::PickleReader;
use crate::value::{PickleFault, Record, Value, ValueId};

/// Arguments of an object at most: one tuple may be copied for many objects.
const MAX_ARGUMENTS: usize = 16;
/// Bytes of the name of a class at most: one may be copied for many objects.
const MAX_NAME_BYTES: usize = 1_024;

impl PickleReader<'_> {
    /// What a function or a class would have been called with: a tuple.
    pub(crate) fn record(&mut self, class: ValueId, arguments: ValueId) -> Result<(), PickleFault> {
        let arguments = match &self.values[arguments.0] {
            Value::Tuple(arguments) if arguments.len() > MAX_ARGUMENTS => {
                return Err(self.fault(format!("{} arguments", arguments.len()), "an object of a class"));
            }
            Value::Tuple(arguments) => arguments.clone(),
            other => return Err(self.fault(other.kind().to_owned(), "a tuple of arguments")),
        };
        self.push_record(class, arguments)
    }

    /// An object whose class and arguments stand after a mark.
    pub(crate) fn object_after_mark(&mut self) -> Result<(), PickleFault> {
        let items = self.since_mark()?;
        match items.split_first() {
            Some((&class, arguments)) => self.push_record(class, arguments.to_vec()),
            None => Err(self.fault("a mark alone".to_owned(), "a class after it")),
        }
    }

    /// An object whose class is named, and whose arguments stand after a mark.
    pub(crate) fn object_by_name(&mut self) -> Result<(), PickleFault> {
        let (module, name) = (self.word()?, self.word()?);
        let arguments = self.since_mark()?;
        self.push(Value::Record(Box::new(Record {
            module: module.into(),
            name: name.into(),
            arguments,
            state: None,
            items: Vec::new(),
        })))
    }

    /// An object of a class with a tuple of arguments, and a dictionary of those that have names.
    pub(crate) fn object_of_class(&mut self, has_named_arguments: bool) -> Result<(), PickleFault> {
        if has_named_arguments {
            self.pop()?;
        }
        let (arguments, class) = (self.pop()?, self.pop()?);
        self.record(class, arguments)
    }

    fn push_record(&mut self, class: ValueId, arguments: Vec<ValueId>) -> Result<(), PickleFault> {
        let names = match &self.values[class.0] {
            Value::Global(module, name) => (module, name),
            other => return Err(self.fault(other.kind().to_owned(), "a class")),
        };
        if names.0.len() + names.1.len() > MAX_NAME_BYTES {
            return Err(self.fault("a class with a long name".to_owned(), "a name of usual length"));
        }
        let (module, name) = (names.0.clone(), names.1.clone());
        self.push(Value::Record(Box::new(Record { module, name, arguments, state: None, items: Vec::new() })))
    }
}
