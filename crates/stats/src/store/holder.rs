//! The name under which a worker holds a unit: which process on which machine, and since when.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Unix time in ms.
pub(super) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as i64)
}

/// Who holds a unit. In the database it is one line of `key=value`, which other versions need not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// As it is in the database.
    text: String,
}

impl Holder {
    /// A name that no other worker has, and that this one has for one unit only.
    pub(super) fn new() -> Self {
        static CLAIMS: AtomicU64 = AtomicU64::new(0);
        let (process, claim) = (std::process::id(), CLAIMS.fetch_add(1, Ordering::Relaxed));
        let own = ThisProcess::here();
        let text = format!(
            "process={process} machine={} since={} claim={claim} start={} space={}",
            own.machine,
            now_ms(),
            own.start,
            own.space
        );
        Self { text }
    }

    /// From the database; any version may have written it.
    pub(super) fn from_text(text: String) -> Self {
        Self { text }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    fn field(&self, key: &str) -> Option<&str> {
        self.text.split(' ').find_map(|field| field.strip_prefix(key)?.strip_prefix('='))
    }

    /// The time it has held its unit, by the clocks of both machines; `None` where these cannot be compared.
    pub(crate) fn held_for(&self) -> Option<Duration> {
        let since: i64 = self.field("since")?.parse().ok()?;
        u64::try_from(now_ms() - since).ok().map(Duration::from_millis)
    }

    /// True when its process is known to have ended. Only a process that this one could see if it were there is known
    /// to be gone; of all others nothing is known.
    pub(super) fn is_gone(&self) -> bool {
        let own = ThisProcess::here();
        let is_visible = !own.space.is_empty() && self.field("space") == Some(&own.space);
        let process = self.field("process").and_then(|id| id.parse().ok());
        match (process, self.field("start")) {
            (Some(process), Some(start)) if is_visible => start_of(process).is_none_or(|found| found != start),
            _ => false,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.field("process"), self.field("machine")) {
            (Some(process), Some(machine)) => write!(f, "process {process} on {machine}"),
            _ => write!(f, "the process {:?}", self.text),
        }
    }
}

/// The identity of this process.
struct ThisProcess {
    /// The machine's name.
    machine: String,
    /// Names the processes that see each other: this start of the system, this process namespace, this user. Empty
    /// where the system does not tell.
    space: String,
    /// When this process started, in the system's own units: an id alone may be used again.
    start: String,
}

impl ThisProcess {
    fn here() -> &'static Self {
        static HERE: OnceLock<ThisProcess> = OnceLock::new();
        HERE.get_or_init(|| Self {
            machine: gethostname::gethostname().to_string_lossy().replace(' ', "_"),
            space: space().unwrap_or_default(),
            start: start_of(std::process::id()).unwrap_or_default(),
        })
    }
}

#[cfg(target_os = "linux")]
fn space() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    // Where /proc is mounted with `hidepid`, the processes of other users look as if they were not there.
    let user = std::fs::metadata("/proc/self").ok()?.uid();
    Some(format!("{}/{}/{user}", boot.trim(), namespace.to_string_lossy()))
}

#[cfg(not(target_os = "linux"))]
fn space() -> Option<String> {
    None
}

/// When a process started, in clock ticks since the system did; `None` where it has ended.
#[cfg(target_os = "linux")]
fn start_of(process: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in brackets that may hold anything; the third is the state, the 22nd the start.
    let mut fields = text[text.rfind(')')? + 1..].split_whitespace();
    let is_ended = matches!(fields.next()?, "Z" | "X");
    let start = fields.nth(18)?;
    (!is_ended).then(|| start.to_owned())
}

#[cfg(not(target_os = "linux"))]
fn start_of(_: u32) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_identified_by_process_machine_and_claim() {
        let (one, two) = (Holder::new(), Holder::new());
        assert_ne!(one, two);
        let text = one.to_string();
        assert!(text.starts_with(&format!("process {} on ", std::process::id())), "{text}");
        assert!(one.held_for().unwrap() < Duration::from_hours(1));
        assert!(!one.is_gone());
        let other = Holder::from_text("4711-0-1732800000000".to_owned());
        assert_eq!(other.to_string(), "the process \"4711-0-1732800000000\"");
        assert!(!other.is_gone() && other.held_for().is_none());
    }

    #[test]
    fn a_clock_that_runs_ahead_gives_no_duration() {
        let text = format!("process=1 machine=far since={}", now_ms() + 86_400_000);
        assert_eq!(Holder::from_text(text).held_for(), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_ended_process_is_detected_on_this_machine_only() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mine = Holder::new();
        let mut text =
            mine.as_str().replace(&format!("process={} ", std::process::id()), &format!("process={} ", child.id()));
        let start = start_of(child.id()).unwrap();
        text = text.replace(&format!("start={}", mine.field("start").unwrap()), &format!("start={start}"));
        let holder = Holder::from_text(text.clone());
        assert!(!holder.is_gone());
        // The same id given to another process later.
        assert!(Holder::from_text(text.replace(&format!("start={start}"), "start=1")).is_gone());
        drop(child.stdin.take());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(holder.is_gone());
        let claimed_by_others = text.replace(mine.field("space").unwrap(), "another");
        assert!(!Holder::from_text(claimed_by_others).is_gone());
    }
}
