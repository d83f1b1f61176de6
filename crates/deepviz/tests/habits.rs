//! Unusual environments: odd names, full disks, few open files, read-only media.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]
#![cfg(target_os = "linux")]

mod fixture;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use deepviz_stats::{State, Store};
use fixture::{Fixture, Server};

const BINARY: &str = env!("CARGO_BIN_EXE_deepviz");

/// Runs a script in new namespaces; `None` where the system does not allow it.
fn apart(fixture: &Fixture, namespaces: &[&str], script: &str) -> Option<Output> {
    let mut command = Command::new("unshare");
    command.args(namespaces).args(["--map-root-user", "bash", "-c", script]).current_dir(fixture.path(""));
    let output = command
        .env_remove("DEEPVIZ_TOKEN")
        .env("DEEPVIZ_CACHE_DIR", fixture.path(".cache"))
        .stdin(Stdio::null())
        .output()
        .ok();
    let output = output.filter(|output| !matches!(output.status.code(), Some(1 | 77)));
    if output.is_none() {
        skipped(&format!("this system lets no process have {namespaces:?} of its own"));
    }
    output
}

/// Reports why a test is skipped, past the capture of test output.
fn skipped(why: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "SKIPPED: {why}").unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

#[test]
fn unusual_names_of_runs_work() {
    let fixture = Fixture::with_shapes();
    let name = "\u{1f989} \u{628}\u{648}\u{645}\u{629} #1 50% why? 'it' \"is\" &+;";
    fs::rename(fixture.path("shapes"), fixture.path(&format!("{name} shapes"))).unwrap();
    let corpus = format!("{name} shapes");
    let train = ["train", "shapes-quick", "--corpus", &corpus, "--out", name, "--epochs", "1", "--device", "cpu"];
    fixture.run(&[&train[..], &fixture::SMALL].concat()).expect_good();
    fixture.run(&["stats", name, "--clusters", "5", "--split", "test"]).expect_good();
    assert!(fixture.run(&["inspect", name]).expect_good().stdout.contains("test ready"));
    let server = fixture.serve(&[name]);
    assert_eq!(server.json("/api/runs")["runs"][0]["id"], name);
    let run = format!("/api/runs/{}", encoded(name));
    assert_eq!(server.json(&run)["checkpoints"][0]["statistics"]["test"], "ready");
    assert_eq!(server.json(&format!("{run}/checkpoints/last/confusion"))["images"], 80);
    assert_eq!(server.get(&format!("{run}/checkpoints/0/layers/conv1/filters/*/channels/*/apply/7")).0, 200);
    let id = server.json(&run)["corpus"]["id"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/api/corpora/{}/images/3/pixels", encoded(&id))).0, 200);
}

#[test]
fn invalid_tokens_are_refused_and_unusual_ones_work() {
    let fixture = Fixture::with_run();
    let long = "x".repeat(257);
    for token in ["", " ", "a b", "ü", "a\tb", &long] {
        fixture
            .run(&["serve", "run", "--addr", "127.0.0.1:0", "--token", token])
            .expect_error(&["token", "visible ASCII"]);
    }
    let mut server = fixture.serve(&["run", "--token", "a+b#c&d%41?e/f\"g"]);
    let (address, query) = server.address.split_once("/?").map(|(a, q)| (a.to_owned(), q.to_owned())).unwrap();
    server.address = address;
    // The address as it was printed is the one that works.
    server.json(&format!("/api/runs?{query}"));
    server.problem("/api/runs", 401);
    server.problem("/api/runs?token=", 401);
    server.problem("/api/runs?token=a", 401);
}

/// More runs than the limit on open files allows to keep open, plus clients.
#[test]
fn with_few_open_files_every_run_is_still_served() {
    let fixture = Fixture::with_run();
    fs::create_dir(fixture.path("runs")).unwrap();
    for index in 0..60 {
        copy(&fixture.path("run"), &fixture.path(&format!("runs/run{index}")));
    }
    let script = format!("ulimit -n 64; exec '{BINARY}' serve runs --addr 127.0.0.1:0");
    let mut command = Command::new("bash");
    command.env("DEEPVIZ_CACHE_DIR", fixture.path(".cache"));
    command.args(["-c", &script]).current_dir(fixture.path("")).stdin(Stdio::null()).stdout(Stdio::piped());
    let server = Server::start(command);
    // Clients that stay, as tabs do.
    let idle: Vec<_> =
        (0..20).map(|_| std::net::TcpStream::connect(&server.address["http://".len()..]).unwrap()).collect();
    for round in 0..2 {
        for index in 0..60 {
            let run = format!("/api/runs/run{index}");
            let detail = server.json(&run);
            assert_eq!(detail["checkpoints"].as_array().unwrap().len(), 8, "{index}, round {round}");
            assert_eq!(server.json(&format!("{run}/checkpoints/last/confusion"))["images"], 80);
            assert_eq!(server.get(&format!("{run}/checkpoints/{}/layers/conv1", index % 8)).0, 200);
        }
    }
    drop(idle);
    assert_eq!(server.signal("TERM"), Some(0));
}

/// Waits until a condition holds, at most [`fixture::DEADLINE`].
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < fixture::DEADLINE, "{what}: not seen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The server rescans its folders by itself, without a request.
#[test]
fn folders_that_change_while_they_are_served_are_followed() {
    let fixture = Fixture::with_run();
    fixture.train("other", &["--seed", "7"]).expect_good();
    fs::create_dir(fixture.path("runs")).unwrap();
    copy(&fixture.path("run"), &fixture.path("runs/a"));
    let server = fixture.serve(&["runs"]);
    let ids = || -> Vec<String> {
        let list = server.json("/api/runs");
        list["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    };
    let status = |path: &str| server.get(&format!("/api/runs/{path}")).0;
    assert_eq!((ids(), status("a/checkpoints/last/confusion")), (vec!["a".to_owned()], 200));
    fs::rename(fixture.path("runs/a"), fixture.path("runs/b")).unwrap();
    wait_until("renamed", || ids() == ["b"] && status("a") == 404 && status("b/checkpoints/last/confusion") == 200);
    fs::rename(fixture.path("runs"), fixture.path("away")).unwrap();
    wait_until("root removed", || ids().is_empty() && status("b") == 404);
    fs::rename(fixture.path("away"), fixture.path("runs")).unwrap();
    wait_until("root is back", || ids() == ["b"] && status("b/checkpoints/last/confusion") == 200);
    // Trained again under the same name: other weights, and no statistics yet.
    let hash = || server.json("/api/runs/b")["checkpoints"][7]["hash"].clone();
    let before = hash();
    fs::remove_dir_all(fixture.path("runs/b")).unwrap();
    copy(&fixture.path("other"), &fixture.path("runs/b"));
    wait_until("trained anew", || status("b") == 200 && hash() != before && !hash().is_null());
    wait_until("without statistics", || status("b/checkpoints/last/confusion") == 409);
    // Cut, as a broken copy leaves it.
    let snapshot = fixture.path("runs/b/snapshots/000004.safetensors");
    let bytes = fs::read(&snapshot).unwrap();
    fs::write(&snapshot, &bytes[..bytes.len() / 2]).unwrap();
    wait_until("cut", || status("b/checkpoints/1/layers/conv1") == 422);
    assert_eq!(status("b/checkpoints/2/layers/conv1"), 200);
    fs::remove_dir_all(fixture.path("runs/b")).unwrap();
    wait_until("deleted", || ids().is_empty() && status("b") == 404);
    assert_eq!(server.signal("TERM"), Some(0));
}

#[test]
fn training_on_a_full_disk_reports_it_and_resumes_when_space_is_freed() {
    let fixture = Fixture::with_shapes();
    fixture.train("whole", &[]).expect_good();
    let size: u64 = fs::read_dir(fixture.path("whole/snapshots"))
        .unwrap()
        .map(|file| file.unwrap().metadata().unwrap().len().next_multiple_of(4096))
        .sum();
    let args = Fixture::train_args("small/run", &[]);
    let train = format!(" '{}'", args.join("' '"));
    let script = format!(
        "set -u; mkdir small; mount -t tmpfs -o size={} tmpfs small || exit 77
         '{BINARY}'{train} > out; echo \"code $?\"
         mount -o remount,size=256m small || exit 77
         '{BINARY}'{train} --resume > out || exit 79
         cp -r small/run after",
        size / 2
    );
    let Some(output) = apart(&fixture, &["--mount"], &script) else { return };
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("code 1") && stderr.contains("No space left on device"), "{stdout}{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert!(fixture.snapshots("after") == fixture.snapshots("whole"), "the run came out otherwise");
}

/// A copy that was made while `deepviz stats` ran: most of the numbers are in the write-ahead log, without its index.
#[test]
fn statistics_on_read_only_media_are_read_with_their_log() {
    let fixture = Fixture::with_shapes();
    fixture.train("run", &[]).expect_good();
    drop(Store::open(&fixture.path("run")).unwrap());
    // A reader of the first moment: nothing that comes later leaves the log.
    let reader = rusqlite::Connection::open(fixture.path("run/stats.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM unit;").unwrap();
    fixture.run(&["stats", "run", "--clusters", "5"]).expect_good();
    let script = format!(
        "set -u; mkdir media; mount -t tmpfs -o size=256m tmpfs media || exit 77
         cp -r run media/run || exit 78; rm media/run/stats.sqlite-shm || exit 78
         mount -o remount,ro media || exit 77
         touch media/x 2> /dev/null && exit 77
         '{BINARY}' inspect media/run --json || exit 79"
    );
    let Some(output) = apart(&fixture, &["--mount"], &script) else { return };
    drop(reader);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    let run: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    for checkpoint in run["checkpoints"].as_array().unwrap() {
        assert_eq!(checkpoint["statistics"], serde_json::json!({ "test": "ready", "train": "ready" }), "{checkpoint}");
    }
    let store = Store::open_read_only(&fixture.path("run")).unwrap().unwrap();
    assert!(store.units().unwrap().iter().all(|unit| unit.state == State::Ready));
}

/// The first process of a container has no default signal handlers.
#[test]
fn it_ends_on_sigterm_as_the_first_process() {
    let fixture = Fixture::with_run();
    let namespaces = ["--pid", "--fork", "--map-root-user"];
    let probe = Command::new("unshare").args(namespaces).arg("true").stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        skipped("this system lets no process be the first of others");
        return;
    }
    let mut command = Command::new("unshare");
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.args(namespaces).args([BINARY, "serve", "run", "--addr", "127.0.0.1:0"]).current_dir(fixture.path(""));
    command.env("DEEPVIZ_CACHE_DIR", fixture.path(".cache"));
    let server = Server::start(command);
    server.json("/api/runs");
    let parent = server.process();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let first = children.split_whitespace().next().unwrap();
    assert!(Command::new("kill").args(["-TERM", first]).status().unwrap().success());
    assert_eq!(server.wait(), Some(0));
}
