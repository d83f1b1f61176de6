//! Clients that are slow, half gone, or many; and a server that stops while it answers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::fixture::{TestServer, images, write_run};
use crate::app::AppState;
use crate::http::listen::ConnectionLimits;
use crate::{Config, bind};

/// Bounds a hang, and nothing else: on a busy machine everything takes longer.
pub(super) const HANG: Duration = Duration::from_mins(10);

/// A server over a run of its own, on a port of its own.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) app: AppState,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), crate::Error>>,
    pub(super) folder: tempfile::TempDir,
}

impl Running {
    pub(super) async fn start(limits: impl FnOnce(&mut ConnectionLimits)) -> Self {
        Self::asking_for(None, limits).await
    }

    /// The same with a token that requests must send, if there is one.
    pub(super) async fn asking_for(token: Option<&str>, limits: impl FnOnce(&mut ConnectionLimits)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_run(&folder.path().join("run"), &images());
        let mut config = config(vec![folder.path().to_owned()]);
        config.token = token.map(str::to_owned);
        let mut server = bind(config).await.unwrap();
        limits(&mut server.limits);
        let (address, app) = (server.address(), Arc::clone(&server.app));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(async {
            let _ = stopped.await;
        }));
        Self { address, app, stop: Some(stop), serving, folder }
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        stream
    }

    /// Asks on a connection of its own, from a thread of its own.
    pub(super) async fn ask(&self, path: &'static str) -> String {
        let mut stream = self.connect();
        let asking = tokio::task::spawn_blocking(move || {
            write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            String::from_utf8_lossy(&answer).into_owned()
        });
        asking.await.unwrap()
    }
}

fn config(runs: Vec<PathBuf>) -> Config {
    Config {
        runs,
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
    }
}

/// Reads until the other side ends the connection, on a thread that may wait.
pub(super) async fn rest(mut stream: TcpStream) -> Vec<u8> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = stream.read_to_end(&mut rest);
        rest
    });
    reading.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_finishes_its_head_is_let_go() {
    let server = Running::start(|limits| limits.head = Duration::from_millis(300)).await;
    let mut slow = server.connect();
    write!(slow, "GET /api/runs HTTP/1.1\r\nhost: loc").unwrap();
    let silent = server.connect();
    let started = Instant::now();
    rest(slow).await;
    rest(silent).await;
    assert!(started.elapsed() < HANG, "the connections are still open");
    // On a busy machine this client may be too slow itself, and is let go then.
    while !server.ask("/api/runs").await.starts_with("HTTP/1.1 200") {
        assert!(started.elapsed() < HANG, "nobody is answered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_let_go() {
    let server = Running::start(|limits| {
        limits.stall = Duration::from_millis(300);
        limits.connections = 1;
    })
    .await;
    // More than the system keeps for both sides: every value of a layer at every scale, many times over.
    let mut greedy = server.connect();
    let ask = "GET /api/runs/run/layers/conv1/strip?scale=64 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    greedy.write_all(ask.repeat(200).as_bytes()).unwrap();
    // The only slot is taken until the greedy client's connection is closed.
    let answer = server.ask("/api/runs").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(greedy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_closed_connection_gets_its_answer() {
    let server = Running::start(|_| ()).await;
    let mut half = server.connect();
    write!(half, "GET /api/runs HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    let answer = rest(half).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    // One that is gone before it has said anything leaves nothing behind.
    drop(server.connect());
    let mut cut = server.connect();
    write!(
        cut,
        "POST /api/runs/run/checkpoints/0/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\nabc"
    )
    .unwrap();
    cut.shutdown(Shutdown::Both).unwrap();
    assert!(server.ask("/api/runs").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_at_a_time_are_answered_and_idle_ones_give_way_to_more() {
    let server = Running::start(|limits| (limits.connections, limits.head) = (300, HANG)).await;
    let mut open: Vec<TcpStream> = (0..300).map(|_| server.connect()).collect();
    for stream in &mut open {
        write!(stream, "GET /api/runs HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    }
    for stream in &mut open {
        let mut start = [0; 15];
        stream.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 200 OK");
    }
    // All have their answer, and stay.
    assert!(server.ask("/api/runs").await.starts_with("HTTP/1.1 200"));
    drop(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_addresses_have_a_greatest_length() {
    let server = Running::start(|_| ()).await;
    for (head, status) in [
        (format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n", "a".repeat(20_000)), "414"),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n", "a".repeat(100_000)), "431"),
        (format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}", "x: y\r\n".repeat(200)), "431"),
        ("GET / HTTP/9.9\r\n".to_owned(), "400"),
        ("NONSENSE\r\n".to_owned(), "400"),
    ] {
        let mut stream = server.connect();
        // The server may answer, and go, before it has all.
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(b"connection: close\r\n\r\n");
        let answer = rest(stream).await;
        let line = String::from_utf8_lossy(&answer[..answer.len().min(40)]).into_owned();
        // What was sent after the refusal resets the connection, and may take the answer with it.
        assert!(line.contains(status) || answer.is_empty() && status == "431", "{status}: {line}");
    }
    assert!(server.ask("/api/runs").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_finished_when_the_server_stops() {
    let mut server = Running::start(|limits| (limits.head, limits.grace) = (HANG, HANG)).await;
    let mut begun = server.connect();
    // A body that is still to come: the request is in flight.
    let head = "POST /api/runs/run/checkpoints/0/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n";
    begun.write_all(head.as_bytes()).unwrap();
    let idle = server.connect();
    assert!(server.ask("/api/runs").await.starts_with("HTTP/1.1 200"));
    server.stop.take().unwrap().send(()).unwrap();
    assert!(rest(idle).await.is_empty());
    begun.write_all(b"hello").unwrap();
    let answer = rest(begun).await;
    assert!(answer.starts_with(b"HTTP/1.1 415"), "{}", String::from_utf8_lossy(&answer));
    tokio::time::timeout(HANG, server.serving).await.unwrap().unwrap().unwrap();
}

/// However many ask for the same at the same time, it is drawn once.
#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_at_one_time_are_drawn_once() {
    let (server, run) = TestServer::own();
    let server = Arc::new(server);
    // A folder that changed just now is read again with every request.
    let before = std::time::SystemTime::now() - Duration::from_mins(1);
    std::fs::File::open(run.join("snapshots")).unwrap().set_modified(before).unwrap();
    // The snapshot is read and the listing made by the first, another picture.
    server.get("/api/runs/tiny/checkpoints/1/layers/conv1").await;
    let before = server.json("/api/status").await["drawing"]["done"].as_u64().unwrap();
    let asking: Vec<_> = (0..64)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.get("/api/runs/tiny/checkpoints/1/layers/conv1?scale=40").await.body })
        })
        .collect();
    let mut pictures = std::collections::BTreeSet::new();
    for one in asking {
        pictures.insert(one.await.unwrap());
    }
    assert_eq!(pictures.len(), 1);
    let status = server.json("/api/status").await;
    assert_eq!(status["drawing"]["done"].as_u64().unwrap() - before, 1);
    assert_eq!(status["drawing"]["waiting"], 0);
}

/// Most programs send all of a body before they listen: the answer is there when they do.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_who_is_still_sending() {
    let server = Running::start(|_| {}).await;
    let mut stream = server.connect();
    let bytes = 8 << 20;
    let sending = tokio::task::spawn_blocking(move || {
        let head = format!("PUT /api/uploads/runs/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: {bytes}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&vec![0; bytes]).expect("the server reads on");
        stream
    });
    let mut stream = sending.await.unwrap();
    let mut line = [0; 12];
    tokio::task::block_in_place(|| stream.read_exact(&mut line)).unwrap();
    assert_eq!(std::str::from_utf8(&line).unwrap(), "HTTP/1.1 403");
}
