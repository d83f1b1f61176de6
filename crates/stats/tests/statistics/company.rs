//! Several processes over one run: who waits for whom, and who gives up.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use deepviz_corpus::Split;
use deepviz_fixtures::{TinyRun, device};
use deepviz_net::Step;
use deepviz_stats::{Blocker, Error, Event, Job, Observer, Store, Summary, compute, retry_while_busy};
use rusqlite::Connection;

/// Tells what was waited for, and does something at the first wait.
struct Waits<F> {
    blockers: Vec<Blocker>,
    at_first: Option<F>,
}

impl<F: FnOnce()> Waits<F> {
    fn new(at_first: F) -> Self {
        Self { blockers: Vec::new(), at_first: Some(at_first) }
    }
}

impl<F: FnOnce()> Observer for Waits<F> {
    fn event(&mut self, event: &Event) {
        if let Event::Blocked { blocker, .. } = event {
            self.blockers.push(blocker.clone());
            if let Some(act) = self.at_first.take() {
                act();
            }
        }
    }
}

fn compute_with(fixture: &TinyRun, wait: Option<Duration>, observer: &mut dyn Observer) -> Result<Summary, Error> {
    let run = fixture.run();
    let mut job = Job::new(&run, &fixture.corpus, device());
    (job.clusters, job.nearest, job.wait) = (4, 2, wait);
    compute(&job, observer, &AtomicBool::new(false))
}

/// Writes to the database on a thread of its own until told to end.
fn keep_locked(database: &Path) -> Sender<()> {
    let (release, released) = channel::<()>();
    let (locked, is_locked) = channel();
    let path = database.to_owned();
    std::thread::spawn(move || {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        locked.send(()).unwrap();
        // Ends when the other side is gone, too.
        let _ = released.recv();
        connection.execute_batch("COMMIT").unwrap();
    });
    is_locked.recv().unwrap();
    release
}

#[test]
fn a_database_that_another_writes_is_waited_for_however_long_it_takes() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    drop(Store::open(&fixture.path()).unwrap());
    let release = keep_locked(&fixture.database());
    let mut waits = Waits::new(|| drop(release));
    let summary = compute_with(&fixture, None, &mut waits).unwrap();
    assert_eq!((summary.computed, summary.failed, summary.stopped), (4, 0, false));
    assert_eq!(waits.blockers[0], Blocker::Database { path: fixture.database() });
    assert!(waits.blockers[0].to_string().contains("stats.sqlite"));
}

#[test]
fn a_limit_on_the_wait_is_kept() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    drop(Store::open(&fixture.path()).unwrap());
    let release = keep_locked(&fixture.database());
    let error = compute_with(&fixture, Some(Duration::ZERO), &mut ()).unwrap_err();
    assert!(matches!(error, Error::StillBlocked { limit_s: 0, .. }), "{error}");
    // One who merges waits in the same way.
    let stop = AtomicBool::new(false);
    let mut waits = Waits::new(|| drop(release));
    retry_while_busy(&mut waits, &stop, None, || Store::open(&fixture.path())).unwrap();
}

#[test]
fn a_waiting_computation_can_be_stopped() {
    let fixture = TinyRun::with_snapshots(&[0]);
    drop(Store::open(&fixture.path()).unwrap());
    let _release = keep_locked(&fixture.database());
    let stop = AtomicBool::new(false);
    let mut waits = Waits::new(|| stop.store(true, std::sync::atomic::Ordering::Relaxed));
    let run = fixture.run();
    let summary = compute(&Job::new(&run, &fixture.corpus, device()), &mut waits, &stop).unwrap();
    assert_eq!((summary.computed, summary.stopped), (0, true));
}

#[test]
fn a_holder_that_is_not_known_is_named_and_the_rest_is_computed_meanwhile() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    drop(Store::open(&fixture.path()).unwrap());
    let lease = "INSERT INTO lease (step, split, owner, expires) VALUES (12, 'train', ?1, ?2)";
    let connection = Connection::open(fixture.database()).unwrap();
    // A clock that runs a day ahead.
    let tomorrow = std::time::SystemTime::now() + Duration::from_hours(24);
    let expires = tomorrow.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    connection.execute(lease, rusqlite::params!["process=4711 machine=far since=0", expires]).unwrap();
    let mut waits = Waits::new(|| ());
    let error = compute_with(&fixture, Some(Duration::ZERO), &mut waits).unwrap_err();
    let text = error.to_string();
    for words in ["step 12, train", "process 4711 on far", "--wait"] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let store = Store::open(&fixture.path()).unwrap();
    assert_eq!(store.units().unwrap().len(), 3, "what was free is there");
    let Blocker::Units { units, step, split, holder, held_for } = &waits.blockers[0] else { unreachable!() };
    assert_eq!((*units, *step, *split, holder.as_str()), (1, Step(12), Split::Train, "process 4711 on far"));
    assert!(held_for.is_some());
}

/// Waits in the middle of its first unit until its lease has been renewed.
struct IsRenewed<'a> {
    database: &'a Path,
    is_over: bool,
}

impl Observer for IsRenewed<'_> {
    fn event(&mut self, event: &Event) {
        if !matches!(event, Event::Progress { .. }) || std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let connection = Connection::open(self.database).unwrap();
        let mark = || connection.query_row("SELECT expires FROM lease", [], |row| row.get::<_, i64>(0)).unwrap();
        let first = mark();
        let began = std::time::Instant::now();
        while mark() == first {
            assert!(began.elapsed() < Duration::from_mins(10), "the lease is not renewed");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn a_file_of_its_own_is_one_file_however_long_its_unit_took() {
    let fixture = TinyRun::with_snapshots(&[0]);
    let database = fixture.path().join("part");
    let change = |job: &mut Job<'_>| job.database = Some(database.clone());
    let mut observer = IsRenewed { database: &database, is_over: false };
    assert_eq!(fixture.compute_with(change, &mut observer).computed, 2);
    assert!(database.exists() && !fixture.path().join("part-wal").exists());
    assert_eq!(Store::open(&fixture.path()).unwrap().merge(&database).unwrap().units.len(), 2);
}

/// Stands still in the middle of its first unit until the other side is gone.
struct StandsStill {
    begun: Sender<()>,
    gate: Receiver<()>,
    has_begun: bool,
}

impl Observer for StandsStill {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Progress { .. }) && !std::mem::replace(&mut self.has_begun, true) {
            self.begun.send(()).unwrap();
            // Ends when the sender is dropped.
            let _ = self.gate.recv();
        }
    }
}

#[test]
fn one_that_works_slowly_is_waited_for_and_named() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    let (begun, has_begun) = channel();
    let (release, gate) = channel::<()>();
    std::thread::scope(|scope| {
        let fixture = &fixture;
        let slow = scope
            .spawn(move || compute_with(fixture, None, &mut StandsStill { begun, gate, has_begun: false }).unwrap());
        has_begun.recv().unwrap();
        let mut waits = Waits::new(|| drop(release));
        let quick = compute_with(fixture, None, &mut waits).unwrap();
        let slow = slow.join().unwrap();
        assert!(quick.computed + slow.computed >= 4, "{quick:?} {slow:?}");
        assert_eq!((quick.failed, slow.failed), (0, 0));
        let text = waits.blockers[0].to_string();
        assert!(text.contains(&format!("process {} on ", std::process::id())), "{text}");
    });
    assert_eq!(Store::open(&fixture.path()).unwrap().units().unwrap().len(), 4);
}
