//! What people's files and limits do to a server: reported or repaired, never a wrong answer.

use std::io::Write as _;
use std::path::Path;

use deepviz_corpus::{ShapesOptions, make_shapes};
use deepviz_net::{Error as NetError, RunInfo};

use super::fixture::{TestServer, copy_of_run, images, write_run};
use crate::http::problem::ApiError;

/// Changes what a run says of its corpus.
fn change_info(run: &Path, change: impl FnOnce(&mut RunInfo)) {
    let mut info = RunInfo::read(run).unwrap();
    change(&mut info);
    info.write(run).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_no_metric_is_left_out_and_reported() {
    let (server, run) = TestServer::own();
    let before = server.json("/api/runs/tiny/metrics").await;
    assert!(before["skipped"].is_null());
    assert!(server.json("/api/runs/tiny").await["metrics_problem"].is_null());
    let mut file = std::fs::OpenOptions::new().append(true).open(run.join("metrics.jsonl")).unwrap();
    file.write_all(&[0; 600]).unwrap();
    file.write_all(b"\n{\"epoch\": 1}\n").unwrap();
    let after = server.json("/api/runs/tiny/metrics").await;
    assert_eq!((&after["train"], &after["test"]), (&before["train"], &before["test"]));
    let lines = std::fs::read(run.join("metrics.jsonl")).unwrap().split(|&byte| byte == b'\n').count() - 1;
    assert_eq!((&after["skipped"]["lines"], &after["skipped"]["first_line"]), (&2.into(), &(lines - 1).into()));
    let detail = server.json("/api/runs/tiny").await;
    let problem = detail["metrics_problem"].as_str().unwrap();
    assert!(problem.contains("2 lines") && problem.contains(&format!("line {}", lines - 1)), "{problem}");
    assert_eq!(detail["checkpoints"][3]["test_error"], 0.5);
    let list = server.json("/api/runs").await;
    assert_eq!(list["runs"][0]["test_error"], 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_without_images_is_reported_without_suggesting_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("tiny");
    copy_of_run(&run);
    for file in ["stats.sqlite", "stats.sqlite-wal", "stats.sqlite-shm"] {
        let _ = std::fs::remove_file(run.join(file));
    }
    change_info(&run, |info| info.corpus.test = 0);
    let server = TestServer::over(std::slice::from_ref(&run), None, None);
    assert_eq!(server.json("/api/runs/tiny").await["corpus"]["test"], 0);
    for path in [
        "/api/runs/tiny/checkpoints/0/confusion",
        "/api/runs/tiny/checkpoints/0/confusion?split=test",
        "/api/runs/tiny/checkpoints/0/confusion/0/1/images",
        "/api/runs/tiny/checkpoints/0/clusters",
        "/api/runs/tiny/checkpoints/0/layers/conv1/activity",
        "/api/runs/tiny/moves?from=0&to=1",
        "/api/runs/tiny/ledger",
        "/api/runs/tiny/suspects?split=test",
    ] {
        let answer = server.get(path).await;
        let problem = answer.json();
        assert_eq!((answer.status.as_u16(), &problem["type"]), (404, &"no-split".into()), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("no test split"), "{path}: {problem}");
        assert!(!problem.to_string().contains("deepviz stats"), "{path}: {problem}");
    }
    // Of the other one there are none yet, and a command makes them.
    let answer = server.get("/api/runs/tiny/checkpoints/0/confusion?split=train").await;
    assert_eq!(answer.status, 409);
    assert!(answer.json()["hint"].as_str().unwrap().contains("deepviz stats"));
}

/// Of two runs over two corpora, one corpus has moved and is given.
#[tokio::test(flavor = "multi_thread")]
async fn a_given_corpus_serves_the_runs_that_were_trained_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make_shapes(&at("first"), &ShapesOptions { images: 60, test_fraction: 0.25, seed: 1 }).unwrap();
    make_shapes(&at("second"), &ShapesOptions { images: 60, test_fraction: 0.25, seed: 2 }).unwrap();
    std::fs::create_dir(at("runs")).unwrap();
    write_run(&at("runs/one"), &at("first"));
    write_run(&at("runs/two"), &at("second"));
    std::fs::rename(at("first"), at("moved")).unwrap();
    let server = TestServer::over(&[at("runs")], Some(at("moved")), None);
    for (run, expected) in [("one", "moved"), ("two", "second")] {
        let detail = server.json(&format!("/api/runs/{run}")).await;
        server.json(&format!("/api/runs/{run}/checkpoints/0/predict/3")).await;
        let detail_after = server.json(&format!("/api/runs/{run}")).await;
        let corpus = &detail_after["corpus"];
        assert_eq!((&corpus["available"], &corpus["id"]), (&true.into(), &expected.into()), "{corpus} {detail}");
        let id = corpus["id"].as_str().unwrap();
        assert_eq!(server.get(&format!("/api/corpora/{id}/images/3/pixels")).await.status, 200);
    }
    // A corpus of neither run: the error is reported if no other corpus fits.
    let server = TestServer::over(&[at("runs")], Some(images()), None);
    assert_eq!(server.get("/api/runs/two/checkpoints/0/predict/3").await.status, 200);
    let answer = server.get("/api/runs/one/checkpoints/0/predict/3").await;
    assert_eq!(answer.status, 409);
    assert!(answer.json()["detail"].as_str().unwrap().contains("identity"), "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_that_changed_after_training_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("tiny");
    copy_of_run(&run);
    change_info(&run, |info| {
        info.classes[3] = "unicorn".to_owned();
        info.corpus.identity = "0".repeat(64);
    });
    let server = TestServer::over(std::slice::from_ref(&run), None, None);
    let answer = server.get("/api/runs/tiny/checkpoints/0/predict/3").await;
    assert_eq!(answer.status, 409);
    assert!(answer.json()["detail"].as_str().unwrap().contains("lacks the class `unicorn`"), "{:?}", answer.body);
    change_info(&run, |info| info.classes[3] = RunInfo::read(&original()).unwrap().classes[3].clone());
    change_info(&run, |info| info.classes.swap(0, 1));
    let server = TestServer::over(&[run], None, None);
    let answer = server.get("/api/runs/tiny/checkpoints/0/predict/3").await;
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("class 0") && detail.contains("order"), "{detail}");
}

/// The run that no test changes.
fn original() -> std::path::PathBuf {
    images().parent().unwrap().join("tiny")
}

#[test]
fn no_file_handle_left_is_a_503_and_no_fault_of_the_file() {
    for code in [23, 24] {
        let source = std::io::Error::from_raw_os_error(code);
        let error = NetError::Io { action: "read the snapshot", source, path: "x".into() };
        let error = ApiError::from(error);
        assert_eq!(error.status().as_u16(), 503);
        assert!(error.is_passing() && error.to_string().contains("out of open files"), "{error}");
    }
    let source = std::io::Error::from_raw_os_error(13);
    let error = ApiError::from(NetError::Io { action: "read the snapshot", source, path: "x".into() });
    assert!(error.status() == 422 && !error.is_passing());
}

/// The number of open databases is bounded, however many runs are opened.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn databases_that_are_held_open_are_bounded() {
    use crate::http::file_limits::FileLimits;
    use crate::runs::catalogue::Catalogue;

    let folder = tempfile::tempdir().unwrap();
    for index in 0..8 {
        copy_of_run(&folder.path().join(format!("run{index}")));
    }
    let catalogue = Catalogue::new(&[folder.path().to_owned()], FileLimits { connections: 10, databases: 3 });
    let open = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        files
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .filter(|path| path.starts_with(folder.path()))
            .count()
    };
    for round in 0..2 {
        for (id, run) in catalogue.all() {
            let run = run.unwrap_or_else(|error| unreachable!("{id}: {error}"));
            assert_eq!(run.store().unwrap().unwrap().units().unwrap().len(), 4, "{id}");
            assert!(open() <= 9, "round {round}, {id}: {} files are open", open());
        }
    }
    assert!(open() > 0, "those that were used last are still there");
}
