//! Following a run that grows.

use std::sync::atomic::{AtomicBool, Ordering};

use deepviz_corpus::{ImageId, Split};
use deepviz_fixtures::{TinyRun, device};
use deepviz_net::RunLock;
use deepviz_stats::{Event, Job, Observer, Store, follow};

/// Writes the next snapshot whenever all is computed; at the end lets go of the run.
struct Trainer<'a> {
    fixture: &'a TinyRun,
    to_come: Vec<u64>,
    lock: Option<RunLock>,
    started: Vec<(u64, Split)>,
}

impl Observer for Trainer<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::UnitStarted { step, split, .. } => self.started.push((step.0, *split)),
            Event::AwaitingCheckpoint => match self.to_come.pop() {
                Some(step) => drop(self.fixture.write_snapshot(step, 1)),
                None => self.lock = None,
            },
            _ => {}
        }
    }
}

#[test]
fn a_live_run_is_followed_to_its_end_in_order() {
    let fixture = TinyRun::with_snapshots(&[0, 6]);
    let lock = Some(RunLock::acquire(&fixture.path()).unwrap());
    let mut trainer = Trainer { fixture: &fixture, to_come: vec![18, 12], lock, started: Vec::new() };
    let run = fixture.run();
    let mut job = Job::new(&run, &fixture.corpus, device());
    (job.clusters, job.nearest) = (4, 2);
    let summary = follow(&job, &mut trainer, &AtomicBool::new(false)).unwrap();
    assert_eq!((summary.computed, summary.failed, summary.stopped), (8, 0, false));
    let order: Vec<_> = [0, 6, 12, 18].into_iter().flat_map(|s| [(s, Split::Test), (s, Split::Train)]).collect();
    assert_eq!(trainer.started, order);
    let store = Store::open(&fixture.path()).unwrap();
    assert_eq!(store.example_stats_of_image(Split::Train, ImageId(0)).unwrap().unwrap().steps.len(), 4);
}

#[test]
fn a_waiting_computation_can_be_stopped() {
    struct Stops<'a>(&'a AtomicBool);
    impl Observer for Stops<'_> {
        fn event(&mut self, event: &Event) {
            if *event == Event::AwaitingCheckpoint {
                self.0.store(true, Ordering::Relaxed);
            }
        }
    }
    let fixture = TinyRun::new();
    let _lock = RunLock::acquire(&fixture.path()).unwrap();
    let stop = AtomicBool::new(false);
    let run = fixture.run();
    let summary = follow(&Job::new(&run, &fixture.corpus, device()), &mut Stops(&stop), &stop).unwrap();
    assert!(summary.stopped);
}

/// Reads through a store of its own at every event of the writer.
struct Reader<'a> {
    fixture: &'a TinyRun,
    seen: Vec<usize>,
}

impl Observer for Reader<'_> {
    fn event(&mut self, _: &Event) {
        if let Some(store) = Store::open_read_only(&self.fixture.path()).unwrap() {
            let histories = store.history(ImageId(0)).unwrap().len();
            assert_eq!(histories, store.confusions(Split::Train).unwrap().len());
            self.seen.push(histories);
        }
    }
}

#[test]
fn a_store_can_be_read_while_another_writes() {
    let fixture = TinyRun::with_snapshots(&[0, 6, 12]);
    let mut reader = Reader { fixture: &fixture, seen: Vec::new() };
    fixture.compute_with(|_| (), &mut reader);
    assert!(reader.seen.is_sorted());
    assert_eq!((reader.seen.first(), reader.seen.last()), (Some(&0), Some(&3)));
}
