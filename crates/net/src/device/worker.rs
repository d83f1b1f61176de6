//! A Python process that computes the layers of a network that the package deepviz recorded as a run:
//! `python -m deepviz.worker RUN`.
//!
//! It is asked on its standard input: a line of JSON, then the images as the network sees them, single precision, little
//! endian, images x channels x rows x columns. It answers on its standard output: a line of JSON, then layer after layer
//! the values in the same order. docs/run-format.md has the whole of it.

use crate::error::Error;
use crate::shape::Step;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

/// The version of the questions and answers.
const PROTOCOL: u64 = 1;

/// Characters of an answer's line: names and numbers of a few thousand layers.
const MAX_LINE_BYTES: u64 = 1 << 22;

/// The process, started when it is first needed; copies share it.
#[derive(Clone)]
pub struct Worker(Arc<Shared>);

struct Shared {
    python: PathBuf,
    run: PathBuf,
    threads: Option<usize>,
    process: Mutex<Option<Process>>,
}

struct Process {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Between two answers there is nothing that it could lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({} for {})", self.0.python.display(), self.0.run.display())
    }
}

/// A question: outputs of layers, with the weights of a snapshot.
#[derive(Serialize)]
pub(crate) struct Question<'a> {
    pub step: Step,
    /// The snapshot's hash: the process reads the file itself.
    pub hash: &'a str,
    pub images: usize,
    pub layers: Vec<&'a str>,
}

/// The first line of all.
#[derive(Deserialize)]
struct Greeting {
    protocol: Option<u64>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    /// Values of an image, layer by layer.
    floats: Option<Vec<usize>>,
    error: Option<String>,
}

impl Worker {
    /// The process that a Python starts for a run; nothing is started yet.
    pub fn new(python: &Path, run: &Path, threads: Option<usize>) -> Self {
        let (python, run) = (python.to_owned(), run.to_owned());
        Self(Arc::new(Shared { python, run, threads, process: Mutex::default() }))
    }

    /// The run whose network it computes.
    pub fn run(&self) -> &Path {
        &self.0.run
    }

    /// Asks for the outputs of layers: of each `images * lengths[layer]` values.
    ///
    /// # Errors
    /// [`Error::Worker`]: the process cannot be started or has ended. [`Error::WorkerRefused`]: it says why it cannot
    /// answer.
    pub(crate) fn outputs(
        &self,
        question: &Question<'_>,
        input: &[f32],
        lengths: &[usize],
    ) -> Result<Vec<Vec<f32>>, Error> {
        let mut slot = self.0.process.lock().unwrap_or_else(PoisonError::into_inner);
        let mut process = match slot.take() {
            Some(process) => process,
            None => self.start()?,
        };
        let answer = Self::ask(&mut process, question, input)?;
        if let Some(reason) = answer.error {
            *slot = Some(process);
            return Err(Error::WorkerRefused { reason });
        }
        let floats = answer.floats.unwrap_or_default();
        if floats != lengths {
            return Err(Self::error(format!("it answered with {floats:?} values an image, expected {lengths:?}")));
        }
        let outputs = lengths.iter().map(|length| read_floats(&mut process.answers, question.images * length));
        let outputs = outputs.collect::<std::io::Result<Vec<_>>>().map_err(|error| Self::ended(&error))?;
        *slot = Some(process);
        Ok(outputs)
    }

    fn ask(process: &mut Process, question: &Question<'_>, input: &[f32]) -> Result<Answer, Error> {
        let mut text = serde_json::to_string(question).map_err(|error| Self::error(error.to_string()))?;
        text.push('\n');
        let bytes: Vec<u8>;
        let input: &[u8] = if cfg!(target_endian = "little") {
            bytemuck::cast_slice(input)
        } else {
            bytes = input.iter().flat_map(|value| value.to_le_bytes()).collect();
            &bytes
        };
        let asked = process.questions.write_all(text.as_bytes()).and_then(|()| process.questions.write_all(input));
        asked.and_then(|()| process.questions.flush()).map_err(|error| Self::ended(&error))?;
        Self::line(&mut process.answers)
    }

    fn line<T: for<'de> Deserialize<'de>>(answers: &mut BufReader<ChildStdout>) -> Result<T, Error> {
        let mut line = String::new();
        answers.by_ref().take(MAX_LINE_BYTES).read_line(&mut line).map_err(|error| Self::ended(&error))?;
        if line.is_empty() {
            return Err(Self::ended(&std::io::ErrorKind::UnexpectedEof.into()));
        }
        serde_json::from_str(&line).map_err(|error| Self::error(format!("its answer cannot be read ({error})")))
    }

    fn start(&self) -> Result<Process, Error> {
        let Shared { python, run, threads, .. } = &*self.0;
        let mut command = Command::new(python);
        command.args(["-m", "deepviz.worker"]).arg(run).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Python is not to take modules from the folder that happens to be the current one.
        command.env("PYTHONSAFEPATH", "1");
        if let Some(threads) = threads {
            command.args(["--threads", &threads.to_string()]);
        }
        let mut child = command.spawn().map_err(|error| Self::error(format!("it cannot be started ({error})")))?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::internal("a child process without its pipes".into()));
        };
        let mut process = Process { child, questions, answers: BufReader::new(answers) };
        match Self::line::<Greeting>(&mut process.answers)? {
            Greeting { error: Some(reason), .. } => Err(Self::error(reason)),
            Greeting { protocol: Some(PROTOCOL), .. } => Ok(process),
            Greeting { protocol, .. } => Err(Self::error(format!(
                "it speaks protocol {}, expected {PROTOCOL}; install the package deepviz of this program's version",
                protocol.map_or_else(|| "none".to_owned(), |found| found.to_string())
            ))),
        }
    }

    fn ended(error: &std::io::Error) -> Error {
        Self::error(format!(
            "it ended ({error}); its messages are on stderr, and it needs the package deepviz and torch"
        ))
    }

    fn error(reason: String) -> Error {
        Error::Worker { reason }
    }
}

fn read_floats(answers: &mut impl Read, count: usize) -> std::io::Result<Vec<f32>> {
    let mut values = vec![0.0_f32; count];
    answers.read_exact(bytemuck::cast_slice_mut(&mut values))?;
    if cfg!(target_endian = "big") {
        for value in &mut values {
            *value = f32::from_bits(value.to_bits().swap_bytes());
        }
    }
    Ok(values)
}
