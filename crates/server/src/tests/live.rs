//! A run that grows, runs that appear: reported as events.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use deepviz_corpus::Corpus;
use deepviz_net::{Run, RunLock};
use tokio::sync::oneshot;

use super::fixture::{TestServer, images, write_run, write_snapshot};
use crate::{Config, bind};

/// Bounds a hang, and nothing else: on a busy machine everything takes longer.
const HANG: Duration = Duration::from_mins(10);

/// The lines of an event stream, read from a socket by the test's own thread while others serve.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(address: SocketAddr, path: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    /// Waits for an event of that name whose data holds the words.
    fn expect(&mut self, name: &str, words: &str) {
        let mut is_named = false;
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            assert!(read.is_ok_and(|bytes| bytes > 0), "no {name} {words} came");
            if let Some(found) = line.strip_prefix("event: ") {
                is_named = found.trim() == name;
            }
            if is_named && line.starts_with("data: ") && line.contains(words) {
                return;
            }
        }
    }

    /// Waits for a line that begins so.
    fn expect_line(&mut self, start: &str) {
        let mut line = String::new();
        while !line.starts_with(start) {
            line.clear();
            let read = self.0.read_line(&mut line);
            assert!(read.is_ok_and(|bytes| bytes > 0), "no {start} came");
        }
    }

    fn ends(&mut self) {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_on_disk_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("grows");
    write_run(&run, &images());
    let config = Config {
        runs: vec![folder.path().to_owned()],
        addr: ([127, 0, 0, 1], 0).into(),
        corpus: None,
        cache_dir: None,
        cache_bytes: 16 << 20,
        token: None,
        trusted_proxies: Vec::new(),
        allow_upload: false,
        upload_bytes: 0,
        device: None,
        worker: None,
    };
    let server = bind(config).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async {
        let _ = stopped.await;
    }));
    let mut events = Events::open(address, "/api/runs/grows/events");
    events.expect_line("retry: ");
    events.expect("state", "false");
    events.expect("checkpoint", "\"index\":3");
    events.expect("metrics", "15");

    let lock = RunLock::acquire(&run).unwrap();
    events.expect("state", "true");
    let corpus = Corpus::open(&images()).unwrap();
    write_snapshot(&run, &corpus, 20);
    events.expect("checkpoint", "{\"index\":4,\"step\":20}");
    let metrics = run.join("metrics.jsonl");
    let text = std::fs::read_to_string(&metrics).unwrap();
    let line = text.lines().last().unwrap().replace("\"step\":15", "\"step\":21");
    std::fs::write(&metrics, format!("{text}{line}\n")).unwrap();
    events.expect("metrics", "21");
    let opened = Run::open(&run).unwrap();
    let mut job = deepviz_stats::Job::new(&opened, &corpus, deepviz_net::Device::cpu(Some(1), None).unwrap());
    job.splits = vec![deepviz_corpus::Split::Test];
    job.cluster_layers.clear();
    deepviz_stats::compute(&job, &mut (), &std::sync::atomic::AtomicBool::new(false)).unwrap();
    events.expect("statistics", "\"split\":\"test\"");
    drop(lock);
    events.expect("state", "false");

    write_run(&folder.path().join("new"), &images());
    events.expect("run", "new");
    let mut other = Events::open(address, "/api/runs/new/events");
    other.expect("checkpoint", "\"index\":3");

    stop.send(()).unwrap();
    events.ends();
    other.ends();
    tokio::time::timeout(HANG, serving).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_snapshots_and_new_runs_are_seen_without_events_too() {
    let (server, run) = TestServer::own();
    assert_eq!(server.json("/api/runs/tiny").await["checkpoints"].as_array().unwrap().len(), 4);
    let corpus = Corpus::open(&images()).unwrap();
    write_snapshot(&run, &corpus, 20);
    assert_eq!(server.json("/api/runs/tiny").await["checkpoints"][4]["step"], 20);
    let last = server.json("/api/runs/tiny/checkpoints/last/layers/conv1/filters/0/channels/0?format=json").await;
    assert_eq!(last["checkpoint"], 4);
    write_run(&run.parent().unwrap().join("later"), &images());
    assert_eq!(server.app.runs.scan().appeared, ["later"]);
    server.json("/api/runs/later").await;
    std::fs::remove_dir_all(&run).unwrap();
    assert_eq!(server.app.runs.scan().gone, ["tiny"]);
    assert_eq!(server.get("/api/runs/tiny").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_one_name_are_distinguished_by_their_folders() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = ["a/same", "b/same"].map(|name| folder.path().join(name)).to_vec();
    for path in &paths {
        write_run(path, &images());
    }
    let server = TestServer::over(&paths, None, None);
    let ids: Vec<_> =
        server.json("/api/runs").await["runs"].as_array().unwrap().iter().map(|r| r["id"].clone()).collect();
    assert_eq!(ids, ["b~same", "same"]);
    server.json("/api/runs/b~same").await;
}
