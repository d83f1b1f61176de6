//! Training is reproducible, whatever happens to the process that trains.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::time::{Duration, SystemTime};

use fixture::{Fixture, signal};

#[test]
fn training_keeps_the_planned_snapshots() {
    let fixture = Fixture::with_shapes();
    let events = fixture.train("run", &[]).expect_good().events();
    // 400 training images in batches of 32: 13 steps an epoch, two epochs, every fourth step.
    let steps = [0, 4, 8, 12, 16, 20, 24, 26];
    let names: Vec<String> = steps.iter().map(|step| format!("{step:06}.safetensors")).collect();
    assert_eq!(fixture.snapshots("run").into_keys().collect::<Vec<_>>(), names);
    let reported: Vec<u64> = events
        .iter()
        .filter(|event| event["event"] == "snapshot")
        .map(|event| event["step"].as_u64().unwrap())
        .collect();
    assert_eq!(reported, steps);
    let last = events.last().unwrap();
    assert_eq!(last["event"], "finished");
    let run = fixture.run(&["inspect", "run", "--json"]).expect_good();
    let run: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run["kind"], "run");
    assert_eq!(run["checkpoints"].as_array().unwrap().len(), steps.len());
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let fixture = Fixture::with_shapes();
    fixture.train("one", &["--threads", "1"]).expect_good();
    let one = fixture.snapshots("one");
    for threads in ["2", "3"] {
        fixture.train(threads, &["--threads", threads]).expect_good();
        expect_same(&one, &fixture.snapshots(threads), threads);
    }
    fixture.train("other-seed", &["--seed", "99"]).expect_good();
    assert_ne!(one, fixture.snapshots("other-seed"));
}

#[test]
fn a_run_that_is_killed_and_resumed_is_the_same() {
    let fixture = Fixture::with_shapes();
    fixture.train("whole", &[]).expect_good();
    let whole = fixture.snapshots("whole");
    let mut random = Random::from_the_clock();
    println!("seed {}", random.0);
    for round in 0..3 {
        let run = format!("killed-{round}");
        let mut kills = 0;
        loop {
            let resume: &[&str] = if kills > 0 { &["--resume"] } else { &[] };
            let mut child = fixture.command(&Fixture::train_args(&run, resume)).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            // Somewhere within the steps to come, and somewhere within a step.
            let events = 1 + random.below(12);
            let ended = lines.by_ref().take(events).count() < events;
            if !ended {
                std::thread::sleep(Duration::from_micros(random.below(30_000) as u64));
                child.kill().unwrap();
            }
            // Ends the reading, so that a child that was not killed in time can end.
            lines.for_each(drop);
            let status = child.wait().unwrap();
            if status.success() {
                break;
            }
            kills += 1;
            assert!(kills < 60, "the run makes no progress");
        }
        assert!(kills > 0, "nothing was killed");
        expect_same(&whole, &fixture.snapshots(&run), &run);
        let leftovers: Vec<_> =
            fs::read_dir(fixture.path(&run)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(leftovers.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{leftovers:?}");
    }
}

#[test]
fn steps_are_logged_once_after_a_kill() {
    let fixture = Fixture::with_shapes();
    let mut child = fixture.command(&Fixture::train_args("run", &[])).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let steps = lines.by_ref().map(Result::unwrap).filter(|line| line.contains("\"event\":\"step\""));
    assert_eq!(steps.take(6).count(), 6);
    child.kill().unwrap();
    child.wait().unwrap();
    fixture.train("run", &["--resume"]).expect_good();
    let log = fs::read_to_string(fixture.path("run/metrics.jsonl")).unwrap();
    let mut seen = BTreeMap::new();
    for line in log.lines() {
        let metric: serde_json::Value = serde_json::from_str(line).unwrap();
        *seen.entry((metric["kind"].to_string(), metric["step"].as_u64().unwrap())).or_insert(0) += 1;
    }
    assert!(seen.values().all(|&times| times == 1), "{seen:?}");
}

#[test]
fn control_c_writes_a_snapshot_and_exits_with_130() {
    let fixture = Fixture::with_shapes();
    let mut child = fixture.command(&Fixture::train_args("run", &["--epochs", "200"])).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_step = |line: &String| line.contains("\"event\":\"step\"");
    assert!(lines.by_ref().map(Result::unwrap).any(|line| is_step(&line)));
    signal(&child, "INT");
    lines.for_each(drop);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let inspected = fixture.run(&["inspect", "run", "--json"]).expect_good();
    let run: serde_json::Value = serde_json::from_str(&inspected.stdout).unwrap();
    let last = run["checkpoints"].as_array().unwrap().last().unwrap();
    assert!(last["step"].as_u64().unwrap() > 0);
    assert!(last["problem"].is_null());
}

#[test]
fn a_run_is_not_overwritten() {
    let fixture = Fixture::with_shapes();
    fixture.train("run", &[]).expect_good();
    let before = fixture.snapshots("run");
    fixture.train("run", &[]).expect_error(&["run", "--resume"]);
    fixture.train("run", &["--resume", "--seed", "5"]).expect_error(&["seed"]);
    expect_same(&before, &fixture.snapshots("run"), "run");
}

#[test]
fn resuming_skips_a_damaged_snapshot() {
    let fixture = Fixture::with_shapes();
    fixture.train("run", &[]).expect_good();
    let whole = fixture.snapshots("run");
    let last = fixture.path("run/snapshots/000026.safetensors");
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 100]).unwrap();
    fixture.train("run", &["--resume"]);
    expect_same(&whole, &fixture.snapshots("run"), "run");
}

#[track_caller]
fn expect_same(whole: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>, what: &str) {
    assert_eq!(whole.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{what}");
    for (name, bytes) in whole {
        assert!(bytes == &other[name], "{what}: {name} differs");
    }
}

/// Random times to kill at: different in every run of the test, and printed.
struct Random(u64);

impl Random {
    fn from_the_clock() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Self(now.as_nanos() as u64 | 1)
    }

    /// xorshift64
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
