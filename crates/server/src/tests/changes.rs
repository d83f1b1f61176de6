//! What people do to folders that are being served: everything is shown as it is now.

use std::path::Path;
use std::time::{Duration, SystemTime};

use deepviz_corpus::Corpus;
use deepviz_net::Run;

use super::fixture::{TestServer, copy_of_run, images, write_run, write_snapshot};

fn set_modified(path: &Path, time: SystemTime) {
    std::fs::File::open(path).unwrap().set_modified(time).unwrap();
}

async fn hashes(server: &TestServer, run: &str) -> Vec<String> {
    let detail = server.json(&format!("/api/runs/{run}")).await;
    detail["checkpoints"].as_array().unwrap().iter().map(|c| c["hash"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_renamed_or_deleted_is_followed() {
    let (server, run) = TestServer::own();
    let renamed = run.with_file_name("renamed");
    std::fs::rename(&run, &renamed).unwrap();
    let changes = server.app.runs.scan();
    assert_eq!((changes.appeared, changes.gone), (vec!["renamed".to_owned()], vec!["tiny".to_owned()]));
    assert_eq!(server.get("/api/runs/tiny").await.status, 404);
    assert_eq!(hashes(&server, "renamed").await.len(), 4);
    assert_eq!(server.get("/api/runs/renamed/checkpoints/0/confusion").await.status, 200);
    std::fs::remove_dir_all(&renamed).unwrap();
    assert_eq!(server.app.runs.scan().gone, ["renamed"]);
    assert_eq!(server.json("/api/runs").await["runs"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_that_is_removed_and_comes_back_is_served_again() {
    let (server, run) = TestServer::own();
    let root = run.parent().unwrap();
    std::fs::remove_dir_all(root).unwrap();
    assert_eq!(server.app.runs.scan().gone, ["tiny"]);
    assert_eq!(server.json("/api/runs").await["runs"].as_array().unwrap().len(), 0);
    copy_of_run(&run);
    assert_eq!(server.app.runs.scan().appeared, ["tiny"]);
    assert_eq!(server.get("/api/runs/tiny/checkpoints/3/confusion").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_replaced_by_a_new_training_is_shown() {
    let (server, run) = TestServer::own();
    let before = hashes(&server, "tiny").await;
    assert_eq!(server.get("/api/runs/tiny/checkpoints/3/confusion").await.status, 200);
    std::fs::remove_dir_all(&run).unwrap();
    write_run(&run, &images());
    let corpus = Corpus::open(&images()).unwrap();
    for (step, as_if) in [(0, 1), (5, 2), (10, 3), (15, 4)] {
        // Other weights under the same names.
        write_snapshot(&run, &corpus, as_if);
        let from = Run::snapshot_path(&run, deepviz_net::Step(as_if));
        let mut snapshot = deepviz_net::Snapshot::read(&from).unwrap();
        std::fs::remove_file(from).unwrap();
        snapshot.step = deepviz_net::Step(step);
        snapshot.sealed().write(&Run::snapshot_path(&run, deepviz_net::Step(step))).unwrap();
    }
    server.app.runs.scan();
    let after = hashes(&server, "tiny").await;
    assert_eq!(after.len(), 4);
    assert!(before.iter().all(|hash| !after.contains(hash)), "{before:?} {after:?}");
    // The numbers of the old one went with it.
    assert_eq!(server.get("/api/runs/tiny/checkpoints/3/confusion").await.status, 409);
    assert_eq!(server.get("/api/runs/tiny/checkpoints/3/layers/conv1").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_cut_while_they_are_served_are_gaps() {
    let (server, run) = TestServer::own();
    assert_eq!(server.get("/api/runs/tiny/checkpoints/1/layers/conv1").await.status, 200);
    // Half a file in the place of a whole one, as a copy that was broken off leaves it.
    let cut = |name: &str| {
        let path = run.join(name);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(run.join("half"), &bytes[..bytes.len() / 2]).unwrap();
        std::fs::rename(run.join("half"), path).unwrap();
    };
    cut("snapshots/000005.safetensors");
    cut("metrics.jsonl");
    assert!(server.json("/api/runs/tiny").await["checkpoints"][1]["problem"].is_string());
    assert_eq!(server.get("/api/runs/tiny/checkpoints/1/layers/conv1").await.status, 422);
    assert_eq!(server.get("/api/runs/tiny/checkpoints/2/layers/conv1").await.status, 200);
    assert!(server.json("/api/runs/tiny/metrics").await["train"]["step"].as_array().unwrap().len() < 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_stamps_of_the_future_hide_nothing() {
    let (server, run) = TestServer::own();
    let future = SystemTime::now() + Duration::from_hours(24 * 365);
    let stamp = || {
        for name in ["snapshots", "metrics.jsonl", "run.toml", "stats.sqlite"] {
            set_modified(&run.join(name), future);
        }
    };
    stamp();
    server.app.runs.scan();
    assert_eq!(hashes(&server, "tiny").await.len(), 4);
    let corpus = Corpus::open(&images()).unwrap();
    write_snapshot(&run, &corpus, 20);
    let metrics = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    // Of the same length as before.
    std::fs::write(run.join("metrics.jsonl"), metrics.replace("\"error\":0.5", "\"error\":0.4")).unwrap();
    stamp();
    assert_eq!(hashes(&server, "tiny").await.len(), 5);
    assert_eq!(server.json("/api/runs/tiny/metrics").await["test"]["error"][0], 0.4);
}
