//! Results that cannot be written are an error; a closed pipe is not.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]
#![cfg(target_os = "linux")]

mod fixture;

use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::process::Stdio;

use fixture::Fixture;

/// Every command that prints results; the run `run` and the corpus `shapes` exist.
const PRINTING: &[&[&str]] = &[
    &["inspect", "--json"],
    &["inspect"],
    &["inspect", "run", "--json"],
    &["inspect", "run"],
    &["inspect", "shapes-quick"],
    &["inspect", "run/snapshots/000000.safetensors", "--json"],
    &["inspect", "run/snapshots/000000.safetensors"],
    &["inspect", "shapes"],
    &["corpus", "info", "shapes"],
    &["corpus", "info", "shapes", "--json"],
    &["corpus", "make", "shapes", "--out", "more", "--images", "40"],
    &["stats", "run", "--clusters", "5"],
    &["stats", "run", "--clusters", "5", "--json"],
    &["doctor", "--json", "--device", "cpu"],
    &["doctor", "--device", "cpu"],
    &["render", "run", "--checkpoint", "0", "--layer", "conv1", "--out", "sheet.png"],
    &["--help"],
    &["stats", "--help"],
    &["--version"],
];

#[test]
fn a_full_disk_is_reported_with_exit_status_1() {
    let fixture = Fixture::with_run();
    for args in PRINTING {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let outcome = fixture::finish(fixture.command(args).stdout(full), &args.join(" "));
        outcome.expect_error(&["stdout", "No space left on device"]);
    }
    // What goes to files is written all the same.
    let args = Fixture::train_args("other", &[]);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let outcome = fixture::finish(fixture.command(&args).stdout(full), "train");
    outcome.expect_error(&["stdout", "No space left on device"]);
    assert!(fixture.snapshots("other") == fixture.snapshots("run"));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let fixture = Fixture::with_run();
    for args in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let outcome = fixture::finish(fixture.command(args).stdout(writer), &args.join(" "));
        outcome.expect_good();
    }
    // One that reads the first bytes and goes, as `head` does, while the work continues.
    let mut child = fixture.command(&Fixture::train_args("other", &[])).spawn().unwrap();
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let outcome = fixture::wait_for(child, "train");
    outcome.expect_good();
    assert!(fixture.snapshots("other") == fixture.snapshots("run"));
}

#[test]
fn a_picture_that_cannot_be_written_is_an_error_and_leaves_no_partial_file() {
    let fixture = Fixture::with_run();
    let args = ["render", "run", "--checkpoint", "0", "--layer", "conv1", "--out"];
    fixture.run(&[&args[..], &["/dev/full"]].concat()).expect_error(&["/dev/full", "No space left on device"]);
    fixture.run(&[&args[..], &["sheet.png"]].concat()).expect_good();
    let before = fs::read(fixture.path("sheet.png")).unwrap();
    // A limit on the size of files stands for the disk: there is room for the first bytes only.
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec '{}' render run --checkpoint 0 --layer conv1 --scale 64 --out sheet.png",
        env!("CARGO_BIN_EXE_deepviz")
    );
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &script]).current_dir(fixture.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
    fixture::finish(&mut command, "render").expect_error(&["sheet.png"]);
    assert!(fs::read(fixture.path("sheet.png")).unwrap() == before, "the earlier picture is untouched");
    assert!(!fixture.path("sheet.png.part").exists());
}

#[test]
fn a_log_in_a_file_has_no_escape_codes() {
    let fixture = Fixture::with_run();
    // A line that cannot be read is reported in the log.
    let metrics = fixture.path("run/metrics.jsonl");
    let whole = fs::read_to_string(&metrics).unwrap();
    fs::write(&metrics, format!("{whole}no measurement\n")).unwrap();
    let log = fs::File::create(fixture.path("log")).unwrap();
    let mut command = fixture.command(&["serve", "run", "--addr", "127.0.0.1:0", "-vv"]);
    command.env("RUST_LOG", "debug");
    let server = fixture::Server::start_logging(command, log);
    server.json("/api/runs/run");
    assert_eq!(server.signal("TERM"), Some(0));
    let log = fs::read(fixture.path("log")).unwrap();
    assert!(log.len() > 50, "a log of {} bytes shows nothing", log.len());
    assert!(!log.contains(&0x1b), "{}", String::from_utf8_lossy(&log));
}
