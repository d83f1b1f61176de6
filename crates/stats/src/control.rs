//! The side of a computation that faces its caller: whom to tell, whether to stop, how long to wait for others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::observer::{Blocker, Event, Observer};

/// Interval at which `stop` is looked at while waiting.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Length of a wait before it is reported: processes that share the work wait for each other briefly all the time.
const NOTICE: Duration = Duration::from_secs(1);
/// Time after which a wait for something else is reported, and time after which the same wait is reported again.
const NEWS: Duration = Duration::from_secs(5);
const REMINDER: Duration = Duration::from_secs(30);

/// Whom to tell, whether to stop, and how long to wait for other processes.
pub(crate) struct Control<'a> {
    pub observer: &'a mut dyn Observer,
    pub stop: &'a AtomicBool,
    /// The longest wait at a stretch; without end where there is none.
    limit: Option<Duration>,
    wait: Option<Wait>,
}

/// A wait in progress.
struct Wait {
    began: Instant,
    /// When it was told last, and what.
    told: Option<(Instant, Blocker)>,
}

impl Wait {
    fn is_to_be_told(&self, blocker: &Blocker, now: Instant) -> bool {
        match &self.told {
            None => now.duration_since(self.began) >= NOTICE,
            Some((at, told)) => now.duration_since(*at) >= if told.is_same(blocker) { REMINDER } else { NEWS },
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

    /// Another process keeps this one from going on: says so, once in a while, and fails where it has done so for
    /// longer than the limit.
    pub(crate) fn blocked(&mut self, blocker: &Blocker) -> Result<(), Error> {
        let now = Instant::now();
        let wait = self.wait.get_or_insert(Wait { began: now, told: None });
        let waited = now.duration_since(wait.began);
        let over = self.limit.filter(|limit| waited >= *limit);
        if wait.is_to_be_told(blocker, now) || over.is_some() && wait.told.is_none() {
            wait.told = Some((now, blocker.clone()));
            self.observer.event(&Event::Blocked { blocker: blocker.clone(), waited });
        }
        match over {
            Some(limit) => Err(Error::StillBlocked { blocker: Box::new(blocker.clone()), limit_s: limit.as_secs() }),
            None => Ok(()),
        }
    }

    /// Nothing is waited for any more.
    pub(crate) fn unblocked(&mut self) {
        self.wait = None;
    }

    /// Sleeps, unless told to stop.
    pub(crate) fn sleep(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.is_stopped() {
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Does something with the database, as often as another process is writing it just then: the lock on a
    /// database is the system's and goes with the process that holds it, so one that is held will be let go.
    /// [`Error::Stopped`] when told to stop meanwhile.
    pub(crate) fn patiently<T>(&mut self, mut query: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
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

/// Runs a query again and again as long as another process is writing the database; the wait is reported to the
/// observer.
///
/// # Errors
/// Those of `query`, but [`Error::Busy`]: in its place [`Error::Stopped`] when told to stop, and
/// [`Error::StillBlocked`] after a wait of `limit`.
pub fn patiently<T>(
    observer: &mut dyn Observer,
    stop: &AtomicBool,
    limit: Option<Duration>,
    query: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    Control::new(observer, stop, limit).patiently(query)
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
    fn a_busy_database_is_waited_for_and_told() {
        let (mut counts, stop) = (Counts(0), AtomicBool::new(false));
        let mut control = Control::new(&mut counts, &stop, None);
        let began = Instant::now();
        // Long enough to be told; how often then depends on how busy the machine is.
        let is_over = || began.elapsed() > 2 * NOTICE;
        let result = control.patiently(|| if is_over() { Ok(7) } else { Err(busy()) });
        assert_eq!(result.unwrap(), 7);
        assert!(counts.0 >= 1);
    }

    #[test]
    fn a_wait_is_told_when_it_lasts_and_now_and_then() {
        let began = Instant::now();
        let (one, other) = (Blocker::Database { path: "a".into() }, Blocker::Database { path: "b".into() });
        let wait = |told: Option<u64>| Wait {
            began,
            told: told.map(|after| (began + Duration::from_secs(after), one.clone())),
        };
        let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
        for (told, blocker, now, expected) in [
            (None, &one, 0.9, false),
            (None, &one, 1.0, true),
            (Some(1), &one, 30.9, false),
            (Some(1), &one, 31.0, true),
            (Some(1), &other, 5.9, false),
            (Some(1), &other, 6.0, true),
        ] {
            assert_eq!(wait(told).is_to_be_told(blocker, at(now)), expected, "{told:?} {now}");
        }
    }

    #[test]
    fn it_gives_up_when_told_to_and_at_the_limit() {
        let (mut counts, stop) = (Counts(0), AtomicBool::new(false));
        let mut control = Control::new(&mut counts, &stop, Some(Duration::ZERO));
        let error = control.patiently(|| Err::<(), _>(busy())).unwrap_err();
        assert!(matches!(error, Error::StillBlocked { limit_s: 0, .. }), "{error}");
        assert!(error.to_string().contains("--wait") && error.to_string().contains("stats.sqlite"), "{error}");
        let stop = AtomicBool::new(true);
        let mut control = Control::new(&mut counts, &stop, None);
        assert!(matches!(control.patiently(|| Err::<(), _>(busy())), Err(Error::Stopped)));
        // What is no wait is passed on at once.
        let other = control.patiently(|| Err::<(), _>(Error::NoUnits { path: PathBuf::new() }));
        assert!(matches!(other, Err(Error::NoUnits { .. })));
    }
}
