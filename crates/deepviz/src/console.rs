//! Output while a command works: bars on a terminal, plain lines elsewhere, JSON for scripts.

use std::io::{self, IsTerminal as _, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::ReportArgs;
use crate::format;
use crate::printable::{printable, printable_keeping_colours};

/// Plain progress lines come no more often than this.
const PLAIN_INTERVAL: Duration = Duration::from_secs(2);

/// The output of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bars on stderr, results on stdout.
    Terminal,
    /// Lines on stdout.
    Plain,
    /// One JSON object a line on stdout.
    Json,
    /// Nothing.
    Quiet,
}

/// Speaks in one mode.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    mode: Mode,
}

impl Console {
    /// Plain or with bars, by whether a person is looking.
    pub fn for_people() -> Self {
        let mode = if io::stderr().is_terminal() { Mode::Terminal } else { Mode::Plain };
        Self { mode }
    }

    /// Says nothing.
    pub fn silent() -> Self {
        Self { mode: Mode::Quiet }
    }

    /// As requested with `--quiet` and `--json`.
    pub fn for_report(args: ReportArgs) -> Self {
        match args {
            ReportArgs { json: true, .. } => Self { mode: Mode::Json },
            ReportArgs { quiet: true, .. } => Self { mode: Mode::Quiet },
            ReportArgs { .. } => Self::for_people(),
        }
    }

    /// A line for people.
    pub fn say(self, line: &str) {
        if matches!(self.mode, Mode::Terminal | Mode::Plain) {
            print_line(line);
        }
    }

    /// A line for people, or an object for scripts.
    pub fn tell(self, line: &str, event: &impl Serialize) {
        if self.mode == Mode::Json {
            print_json(event);
        } else {
            self.say(line);
        }
    }

    /// An object for scripts only.
    pub fn event(self, event: &impl Serialize) {
        if self.mode == Mode::Json {
            print_json(event);
        }
    }

    /// Starts reporting on work that may take over a second.
    pub fn task(self, label: &'static str, total: u64) -> Task {
        let bar = (self.mode == Mode::Terminal).then(|| {
            let bar = bars().add(ProgressBar::new(total));
            bar.set_style(style());
            bar.set_prefix(label);
            bar
        });
        Task { label, total, bar, last_line: (self.mode == Mode::Plain).then(Instant::now), first: None }
    }
}

/// A task in progress.
#[derive(Debug)]
pub struct Task {
    label: &'static str,
    total: u64,
    bar: Option<ProgressBar>,
    /// When the last plain line was printed.
    last_line: Option<Instant>,
    /// When the first position came, and which.
    first: Option<(Instant, u64)>,
}

impl Task {
    /// The work has come to `position`; `detail` says how it stands.
    pub fn set(&mut self, position: u64, detail: &str) {
        self.first.get_or_insert_with(|| (Instant::now(), position));
        if let Some(bar) = &self.bar {
            bar.set_position(position);
            bar.set_message(printable(detail).into_owned());
        }
        if let Some(last) = self.last_line
            && last.elapsed() >= PLAIN_INTERVAL
        {
            self.last_line = Some(Instant::now());
            let percent = (position * 100).checked_div(self.total).unwrap_or(100);
            let left = self.left(position).map(|time| format!("  {} left", format::duration(time)));
            print_line(format!("{} {percent:>3} %{}  {detail}", self.label, left.unwrap_or_default()).trim_end());
        }
    }

    /// Estimated time of the rest at the pace so far; unknown at the start.
    fn left(&self, position: u64) -> Option<Duration> {
        let (began, first) = self.first?;
        let done = position.checked_sub(first).filter(|done| *done > 0)?;
        let rest = self.total.saturating_sub(position) as f64 / done as f64;
        Duration::try_from_secs_f64(began.elapsed().as_secs_f64() * rest).ok()
    }

    /// The work turned out to be this much.
    pub fn set_total(&mut self, total: u64) {
        self.total = total;
        if let Some(bar) = &self.bar {
            bar.set_length(total);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// All bars of the process, so that lines can be printed above them.
fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:<10} {bar:32} {percent:>3} %  {eta:>4} left  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Takes the bars off the screen, before an error is printed.
pub fn clear_bars() {
    // A terminal that went away has nothing left to clear.
    let _ = bars().clear();
}

/// The state of stdout.
static STDOUT: AtomicU8 = AtomicU8::new(TAKES_ALL);
/// Everything so far.
const TAKES_ALL: u8 = 0;
/// Its reader went away, as `head` does when it has seen enough: no failure, and nothing more to print.
const HAS_NO_READER: u8 = 1;
/// Something is missing there: the disk is full, say.
const HAS_FAILED: u8 = 2;

/// Prints a line on stdout; the only function that does. If stdout fails, the command continues, since the files that
/// it writes matter more; the failure is reported at once and in the exit status ([`has_lost_output`]).
pub fn print_line(line: &str) {
    // Empty lines before it are ours; a line end inside of it came with a name.
    let (gap, line) = line.split_at(line.len() - line.trim_start_matches('\n').len());
    print_as_it_is(&format!("{gap}{}", printable(line)));
}

fn print_as_it_is(line: &str) {
    if STDOUT.load(Ordering::Relaxed) != TAKES_ALL {
        return;
    }
    let written = bars().suspend(|| {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush())
    });
    if let Err(error) = written {
        lost_output(&error);
    }
}

/// Takes note that stdout did not take something.
pub fn lost_output(error: &io::Error) {
    if error.kind() == io::ErrorKind::BrokenPipe {
        STDOUT.store(HAS_NO_READER, Ordering::Relaxed);
        return;
    }
    if STDOUT.swap(HAS_FAILED, Ordering::Relaxed) != HAS_FAILED {
        note(&format!("error: cannot write to stdout: {error}; the results printed there are incomplete"));
    }
}

/// True when something that was to be printed on stdout is missing there, and a reader was there to miss it.
pub fn has_lost_output() -> bool {
    STDOUT.load(Ordering::Relaxed) == HAS_FAILED
}

/// Prints an object as one line of JSON.
pub fn print_json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        // JSON has escapes of its own.
        Ok(line) => print_as_it_is(&line),
        Err(error) => lost_output(&error.into()),
    }
}

/// The error with its causes on one line; a cause that the error above it tells already is not repeated.
pub fn message(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

/// A remark on stderr, of several lines where an error shows a part of a file.
pub fn note(text: &str) {
    let line = text.lines().map(printable).collect::<Vec<_>>().join("\n");
    bars().suspend(|| {
        let _ = writeln!(io::stderr().lock(), "{line}");
    });
}

/// True when text on stderr may be coloured: for a terminal whose user disabled none (<https://no-color.org>).
pub fn stderr_takes_colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The log's way to stderr, above the bars.
#[derive(Debug, Clone, Copy)]
pub struct Log;

impl Write for Log {
    /// One event, as the log writes them: with one line end, at its end.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let event = text.strip_suffix('\n').unwrap_or(&text);
        let end = &text[event.len()..];
        let line =
            if stderr_takes_colours() { printable_keeping_colours(event) } else { printable(event).into_owned() };
        bars().suspend(|| io::stderr().lock().write_all(format!("{line}{end}").as_bytes()))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
