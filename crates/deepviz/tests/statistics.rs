//! `deepviz stats` when it is killed, runs in several processes, runs out of disk space, or computes separate files.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Command;

use deepviz_corpus::{ImageId, Split};
use deepviz_stats::{Metric, State, Store};
use fixture::Fixture;

/// The results of a run's statistics, as text; units (a checkpoint and a split) that are not ready are left out.
fn numbers(fixture: &Fixture, run: &str) -> Vec<String> {
    let Some(store) = Store::open_read_only(&fixture.path(run)).unwrap() else { return Vec::new() };
    let mut found = Vec::new();
    for unit in store.units().unwrap().into_iter().filter(|unit| unit.state == State::Ready) {
        let (step, split) = (unit.step, unit.split);
        let confusion = store.confusion(step, split).unwrap().unwrap();
        let logits = store.logits(step, split).unwrap().unwrap();
        let top = store.top(step, split, "conv2", 3).unwrap().unwrap();
        let clusters = store.clusters(step, split, "fc10", Metric::Euclidean).unwrap().unwrap();
        let sum: f64 = logits.iter().map(|&x| f64::from(x)).sum();
        let sizes = clusters.sizes();
        found.push(format!("{step} {split} {confusion:?} {sum} {top:?} {sizes:?} {}", clusters.inertia));
    }
    found
}

fn fixture_with_training() -> Fixture {
    let fixture = Fixture::with_shapes();
    fixture.train("run", &[]).expect_good();
    fixture
}

const ARGS: [&str; 6] = ["stats", "run", "--clusters", "5", "--threads", "1"];

fn computed(outcome: &fixture::Outcome) -> u64 {
    outcome.events().last().unwrap()["computed"].as_u64().unwrap()
}

#[test]
fn killed_twenty_times_it_stores_no_wrong_result_and_finishes() {
    let fixture = fixture_with_training();
    fixture.run(&["stats", "run", "--clusters", "5"]).expect_good();
    let whole = numbers(&fixture, "run");
    assert_eq!(whole.len(), 16);
    fs::remove_file(fixture.path("run/stats.sqlite")).unwrap();
    for kill in 0..20_usize {
        let mut child = fixture.command(&[&ARGS[..], &["--json"]].concat()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Anywhere between the first event and the third unit; the process continues while the signal is delivered.
        for _ in 0..=kill * 7 % 5 {
            let _ = lines.next();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let found = numbers(&fixture, "run");
        assert!(found.iter().all(|unit| whole.contains(unit)), "after kill {kill}: {found:?}");
    }
    fixture.run(&ARGS).expect_good();
    assert_eq!(numbers(&fixture, "run"), whole);
    let store = Store::open_read_only(&fixture.path("run")).unwrap().unwrap();
    assert!(
        store.example_stats_of_image(Split::Train, ImageId(0)).unwrap().is_some(),
        "the example statistics are stored"
    );
}

#[test]
fn two_processes_share_the_work() {
    let fixture = fixture_with_training();
    let args = [&ARGS[..], &["--json"]].concat();
    let start = || fixture.command(&args).spawn().unwrap();
    let children = [start(), start()];
    let mut units = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        units += last["computed"].as_u64().unwrap();
    }
    // Each unit once, unless one of them could not run at all for so long that the other took it for gone.
    assert!((16..32).contains(&units), "{units} units were computed, of 16 that there are");
    let shared = numbers(&fixture, "run");
    assert_eq!(computed(&fixture.run(&[&args[..], &["--force"]].concat()).expect_good()), 16);
    assert_eq!(numbers(&fixture, "run"), shared);
}

/// A lease that no process renews, whatever its clock.
#[test]
fn a_killed_holder_is_reported_and_waited_for_until_its_lease_expires() {
    let fixture = fixture_with_training();
    drop(Store::open(&fixture.path("run")).unwrap());
    let tomorrow = std::time::SystemTime::now() + std::time::Duration::from_hours(24);
    let expires = tomorrow.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let connection = rusqlite::Connection::open(fixture.path("run/stats.sqlite")).unwrap();
    let lease = "INSERT INTO lease (step, split, owner, expires) VALUES (4, 'test', 'process=4711 machine=far', ?1)";
    connection.execute(lease, [expires]).unwrap();
    drop(connection);
    let outcome = fixture.run(&[&ARGS[..], &["--wait", "0"]].concat());
    outcome.expect_error(&["gave up", "step 4, test", "process 4711 on far", "--wait"]);
    let outcome = fixture.run(&[&ARGS[..], &["--json"]].concat()).expect_good();
    let events = outcome.events();
    let blocked = events.iter().find(|event| event["event"] == "blocked").unwrap();
    assert_eq!((&blocked["by"], &blocked["step"], &blocked["split"]), (&"units".into(), &4.into(), &"test".into()));
    assert_eq!(blocked["holder"], "process 4711 on far");
    assert!(computed(&outcome) >= 1);
    assert_eq!(numbers(&fixture, "run").len(), 16);
}

#[test]
fn out_of_disk_space_is_reported_and_the_rest_is_computed_later() {
    let fixture = fixture_with_training();
    let script = format!(
        "trap '' XFSZ; ulimit -f 400; exec '{}' stats run --clusters 5 --threads 1",
        env!("CARGO_BIN_EXE_deepviz")
    );
    let output = Command::new("bash").args(["-c", &script]).current_dir(fixture.path("")).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("room") && error.contains("deepviz stats") && !error.contains("panicked"), "{error}");
    let before = numbers(&fixture, "run");
    assert!(before.len() < 16);
    let outcome = fixture.run(&[&ARGS[..], &["--json"]].concat()).expect_good();
    assert_eq!(computed(&outcome) as usize, 16 - before.len(), "what was written is kept");
    assert!(numbers(&fixture, "run").starts_with(&before) || before.is_empty());
}

/// In a small file system, for which the system must allow mount namespaces.
#[test]
fn a_full_disk_is_reported_and_the_rest_is_computed_when_space_is_freed() {
    let fixture = fixture_with_training();
    let size = |folder: &str| -> u64 {
        let files = fs::read_dir(fixture.path(folder)).unwrap().flatten();
        files.map(|file| file.metadata().unwrap().len().next_multiple_of(4096)).sum()
    };
    let room = size("run") + size("run/snapshots") + 400 * 1024;
    let script = format!(
        "set -u; mkdir small; mount -t tmpfs -o size={room} tmpfs small || exit 77; cp -r run small/run || exit 78
         '{binary}' stats small/run --clusters 5 --threads 1 --device cpu; echo \"code $?\"
         mount -o remount,size=64m small || exit 77
         '{binary}' stats small/run --clusters 5 --threads 1 --device cpu --json || exit 79
         cp -r small/run after",
        binary = env!("CARGO_BIN_EXE_deepviz")
    );
    let apart = ["--mount", "--map-root-user", "bash", "-c", &script];
    let output = Command::new("unshare").args(apart).current_dir(fixture.path("")).output();
    let Some(output) = output.ok().filter(|output| !matches!(output.status.code(), Some(1 | 77))) else {
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED a full disk: this system lets no process mount one of its own").unwrap();
        return;
    };
    let (text, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{text}{error}");
    assert!(text.contains("code 1") && error.contains("the disk is full"), "{text}{error}");
    assert!(error.contains("deepviz stats") && !error.contains("panicked"), "{error}");
    fixture.run(&ARGS).expect_good();
    assert_eq!(numbers(&fixture, "after"), numbers(&fixture, "run"));
}

#[test]
fn unreadable_and_unwritable_folders_are_reported_with_a_hint() {
    let fixture = fixture_with_training();
    fs::create_dir(fixture.path("run/stats.sqlite")).unwrap();
    fixture.run(&ARGS).expect_error(&["stats.sqlite", "not a regular file"]);
    fs::remove_dir(fixture.path("run/stats.sqlite")).unwrap();
    fixture.run(&ARGS).expect_good();
    let whole = numbers(&fixture, "run");
    let path = fixture.path("run/stats.sqlite");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    fixture.run(&[&ARGS[..], &["--force"]].concat()).expect_error(&["damaged", "delete", "stats.sqlite"]);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(fixture.path(&format!("run/stats.sqlite{end}")));
    }
    fixture.run(&ARGS).expect_good();
    assert_eq!(numbers(&fixture, "run"), whole);
}

#[test]
fn units_computed_elsewhere_are_merged() {
    let fixture = fixture_with_training();
    for (index, name) in (0..8).map(|index| (index.to_string(), format!("part{index}"))) {
        fixture.run(&["stats", "unit", "run", "--checkpoint", &index, "--clusters", "5", "--out", &name]).expect_good();
    }
    // In any order; twice does no harm.
    for names in [["part7", "part0", "part1", "part2"], ["part3", "part4", "part5", "part6"]] {
        fixture.run(&[&["stats", "merge", "run"][..], &names].concat()).expect_good();
    }
    fixture.run(&["stats", "merge", "run", "part4"]).expect_good();
    let outcome = fixture.run(&[&ARGS[..], &["--json"]].concat()).expect_good();
    assert_eq!(computed(&outcome), 0, "nothing is missing");
    let merged = Store::open_read_only(&fixture.path("run")).unwrap().unwrap();
    assert_eq!(merged.example_stats(Split::Test).unwrap().steps.len(), 8);
    assert!(
        merged.example_stats_of_image(Split::Test, ImageId(470)).unwrap().is_some(),
        "the example statistics are stored"
    );
    assert_eq!(merged.weights().unwrap().len(), 8);
    // Clusters keep their numbers: between the last two checkpoints most images stay where they are.
    let steps = merged.example_stats(Split::Train).unwrap().steps;
    let set = |step| merged.cluster_assignments(step, Split::Train, "fc10", Metric::Euclidean).unwrap().unwrap();
    let (before, now) = (set(steps[6]), set(steps[7]));
    let kept = before.iter().zip(&now).filter(|(a, b)| a == b).count();
    assert!(kept * 2 > now.len(), "{kept} of {}", now.len());
    let histories = merged.history(ImageId(470)).unwrap();
    drop(merged);

    let whole = Fixture::with_shapes();
    whole.train("run", &[]).expect_good();
    whole.run(&ARGS).expect_good();
    let store = Store::open_read_only(&whole.path("run")).unwrap().unwrap();
    assert_eq!(store.history(ImageId(470)).unwrap(), histories);
    // A file of another run is refused as stale.
    fixture.train("other", &["--seed", "7"]).expect_good();
    fixture.run(&["stats", "merge", "other", "part3"]).expect_error(&["left out"]);
    fixture.run(&["stats", "merge", "run", "nowhere"]).expect_error(&["nowhere", "stats unit"]);
}
