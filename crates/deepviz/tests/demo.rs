//! `deepviz demo`: training and serving, interrupted, resumed, finished, and served again.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::time::{Duration, Instant};

use fixture::{Fixture, Server};

fn start(fixture: &Fixture) -> Server {
    let size = ["--epochs", "4", "--images", "1200"];
    let args = ["demo", "--dir", "demo", "--addr", "127.0.0.1:0"];
    Server::start(fixture.command(&[&args[..], &size].concat()))
}

#[test]
fn a_demo_serves_while_it_trains_and_resumes_after_a_stop() {
    let fixture = Fixture::new();
    let server = start(&fixture);
    server.wait_for("training shapes-quick on 1,000 images");
    // The first snapshot can be looked at long before the end.
    let started = Instant::now();
    while server.json("/api/runs")["runs"][0]["checkpoints"].as_u64().unwrap_or(0) == 0 {
        assert!(started.elapsed() < fixture::DEADLINE, "no checkpoint appears");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.json("/api/runs/shapes-quick")["live"], true);
    let (status, _) = server.get("/api/runs/shapes-quick/checkpoints/0/layers/conv1/filters/*/channels/*");
    assert_eq!(status, 200);
    assert_eq!(server.signal("INT"), Some(130));

    let server = start(&fixture);
    server.wait_for("going on from step");
    server.wait_for("everything is there");
    let run = server.json("/api/runs/shapes-quick");
    assert_eq!(run["live"], false);
    let checkpoints = run["checkpoints"].as_array().unwrap();
    assert!(checkpoints.len() >= 21, "{}", checkpoints.len());
    for checkpoint in checkpoints {
        assert_eq!(checkpoint["statistics"]["test"], "ready", "{checkpoint}");
        assert_eq!(checkpoint["statistics"]["train"], "ready", "{checkpoint}");
    }
    let snapshots = fixture.snapshots("demo/shapes-quick");
    assert_eq!(server.signal("INT"), Some(0));

    // Once more: it is only served.
    let server = Server::start(fixture.command(&["demo", "--dir", "demo", "--addr", "127.0.0.1:0"]));
    server.wait_for("everything is there");
    assert_eq!(server.signal("TERM"), Some(0));
    assert!(snapshots == fixture.snapshots("demo/shapes-quick"));
    fixture.run(&["demo", "--dir", "demo", "--addr", "127.0.0.1:0", "--seed", "9"]).expect_error(&[
        "--seed 1",
        "now it is 9",
        "--dir",
    ]);
}
