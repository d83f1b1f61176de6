//! The caller's control over a computation: its observer, its stop flag, and its limit on waiting for other processes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::observer::{Blocker, Event, Observer};

/// Interval at which `stop` is checked while waiting.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Shorter waits are not reported: processes that share the work often wait for each other briefly.
const REPORT_AFTER: Duration = Duration::from_secs(1);
/// Shortest time between reports of waits for different blockers.
const NEW_BLOCKER_INTERVAL: Duration = Duration::from_secs(5);
/// Shortest time between reports of a wait for the same blocker.
const REPEAT_INTERVAL: Duration = Duration::from_secs(30);

/// The observer, the stop flag, and the limit on waiting for other processes.
pub(crate) struct Control<'a> {
    pub observer: &'a mut dyn Observer,
    pub stop: &'a AtomicBool,
    /// The longest wait at a stretch; `None` is no limit.
    limit: Option<Duration>,
    wait: Option<Wait>,
}

/// A wait in progress.
struct Wait {
    began: Instant,
    /// When it was last reported, and for which blocker.
    reported: Option<(Instant, Blocker)>,
}

impl Wait {
    fn is_report_due(&self, blocker: &Blocker, now: Instant) -> bool {
        match &self.reported {
            None => now.duration_since(self.began) >= REPORT_AFTER,
            Some((at, reported)) => {
                now.duration_since(*at)
                    >= if reported.is_same(blocker) { REPEAT_INTERVAL } else { NEW_BLOCKER_INTERVAL }
            }
        }
    }
}

impl<'a> Control<'a> {
    pub(crate) fn new(observer: &'a mut dyn Observer, stop: &'a AtomicBool, limit: Option<Duration>) -> Self {
        Self { observer, stop, limit, wait: None }
    }

    pub(crate) fn event(&mut self, event: &Event) {
        self.observer.event(event);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Records that another process blocks this one. Reports it to the observer from time to time; an error after the
    /// limit.
    pub(crate) fn blocked(&mut self, blocker: &Blocker) -> Result<(), Error> {
        let now = Instant::now();
        let wait = self.wait.get_or_insert(Wait { began: now, reported: None });
        let waited = now.duration_since(wait.began);
        let over = self.limit.filter(|limit| waited >= *limit);
        if wait.is_report_due(blocker, now) || over.is_some() && wait.reported.is_none() {
            wait.reported = Some((now, blocker.clone()));
            self.observer.event(&Event::Blocked { blocker: blocker.clone(), waited });
        }
        match over {
            Some(limit) => Err(Error::StillBlocked { blocker: Box::new(blocker.clone()), limit_s: limit.as_secs() }),
            None => Ok(()),
        }
    }

    /// Ends the wait.
    pub(crate) fn unblocked(&mut self) {
        self.wait = None;
    }

    /// Sleeps; returns early when stopped.
    pub(crate) fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.is_stopped() {
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Runs a database query, and repeats it while another process is writing the database. The lock is the operating
    /// system's and ends with the process that holds it, so that it is released sooner or later.
    /// [`Error::Stopped`] if stopped meanwhile.
    pub(crate) fn retry_while_busy<T>(&mut self, mut query: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
        let mut was_busy = false;
        loop {
            match query() {
                Err(Error::Busy { path }) => {
                    if self.is_stopped() {
                        return Err(Error::Stopped);
                    }
                    was_busy = true;
                    self.blocked(&Blocker::Database { path })?;
                    std::thread::sleep(POLL_INTERVAL);
                }
                result => {
                    if was_busy {
                        self.unblocked();
                    }
                    return result;
                }
            }
        }
    }
}

/// Runs a query, and repeats it while another process is writing the database; the wait is reported to the observer.
///
/// # Errors
/// Those of `query`, but [`Error::Busy`]: in its place [`Error::Stopped`] if stopped, and
/// [`Error::StillBlocked`] after a wait of `limit`.
pub fn retry_while_busy<T>(
    observer: &mut dyn Observer,
    stop: &AtomicBool,
    limit: Option<Duration>,
    query: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    Control::new(observer, stop, limit).retry_while_busy(query)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Counts(usize);

    impl Observer for Counts {
        fn event(&mut self, event: &Event) {
            assert!(matches!(event, Event::Blocked { blocker: Blocker::Database { .. }, .. }), "{event:?}");
            self.0 += 1;
        }
    }

    fn busy() -> Error {
        Error::Busy { path: PathBuf::from("stats.sqlite") }
    }

    #[test]
    fn a_wait_for_a_busy_database_is_reported() {
        let (mut counts, stop) = (Counts(0), AtomicBool::new(false));
        let mut control = Control::new(&mut counts, &stop, None);
        let began = Instant::now();
        // Long enough to be reported; how often then depends on the load of the machine.
        let is_over = || began.elapsed() > 2 * REPORT_AFTER;
        let result = control.retry_while_busy(|| if is_over() { Ok(7) } else { Err(busy()) });
        assert_eq!(result.unwrap(), 7);
        assert!(counts.0 >= 1);
    }

    #[test]
    fn a_long_wait_is_reported_and_repeated_at_intervals() {
        let began = Instant::now();
        let (one, other) = (Blocker::Database { path: "a".into() }, Blocker::Database { path: "b".into() });
        let wait = |reported: Option<u64>| Wait {
            began,
            reported: reported.map(|after| (began + Duration::from_secs(after), one.clone())),
        };
        let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
        for (reported, blocker, now, expected) in [
            (None, &one, 0.9, false),
            (None, &one, 1.0, true),
            (Some(1), &one, 30.9, false),
            (Some(1), &one, 31.0, true),
            (Some(1), &other, 5.9, false),
            (Some(1), &other, 6.0, true),
        ] {
            assert_eq!(wait(reported).is_report_due(blocker, at(now)), expected, "{reported:?} {now}");
        }
    }

    #[test]
    fn waiting_ends_when_stopped_and_at_the_limit() {
        let (mut counts, stop) = (Counts(0), AtomicBool::new(false));
        let mut control = Control::new(&mut counts, &stop, Some(Duration::ZERO));
        let error = control.retry_while_busy(|| Err::<(), _>(busy())).unwrap_err();
        assert!(matches!(error, Error::StillBlocked { limit_s: 0, .. }), "{error}");
        assert!(error.to_string().contains("--wait") && error.to_string().contains("stats.sqlite"), "{error}");
        let stop = AtomicBool::new(true);
        let mut control = Control::new(&mut counts, &stop, None);
        assert!(matches!(control.retry_while_busy(|| Err::<(), _>(busy())), Err(Error::Stopped)));
        // Other errors are returned at once.
        let other = control.retry_while_busy(|| Err::<(), _>(Error::NoUnits { path: PathBuf::new() }));
        assert!(matches!(other, Err(Error::NoUnits { .. })));
    }
}
