//! Slow and greedy clients beside a normal one. Nothing here measures time: what must not wait is requested while the
//! work that it must not wait for is blocked.

use std::io::{Cursor, Write as _};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use super::fixture::TestServer;
use super::limits::{HANG, Running, rest};
use crate::app::AppState;
use crate::http::problem::ApiError;
use crate::http::work_pool::{WorkKind, forward_threads};

/// A picture of some hundred KB that does not get smaller as a file.
const PICTURES: &str = "/api/corpora/shapes/sheet?scale=2&ids=\
    0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39";

/// A picture of one colour.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image::GrayImage::new(width, height).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

/// Takes every slot of a kind of work until the sender is dropped.
async fn fill(app: &AppState, kind: WorkKind) -> mpsc::Sender<()> {
    let (release, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let slots = if kind == WorkKind::DecodeLarge { 1 } else { forward_threads() };
    let (started, mut starts) = tokio::sync::mpsc::channel(slots);
    for _ in 0..slots {
        let (app, gate, started) = (Arc::clone(app), Arc::clone(&gate), started.clone());
        tokio::spawn(async move {
            let work = move || {
                started.blocking_send(()).unwrap();
                // Ends when the sender is gone.
                let _ = gate.lock().unwrap().recv();
                Ok::<_, ApiError>(())
            };
            app.work.run(kind, work).await
        });
    }
    for _ in 0..slots {
        starts.recv().await.unwrap();
    }
    release
}

/// Returns when `count` pieces of work of a kind wait.
async fn until_waiting(app: &AppState, kind: WorkKind, count: usize) {
    while app.work.counts(kind).1 < count {
        tokio::task::yield_now().await;
    }
}

async fn request_timeout<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, answer).await.expect("it waits for what it should not")
}

#[tokio::test(flavor = "multi_thread")]
async fn large_pictures_block_only_one_another() {
    let server = Arc::new(TestServer::shared());
    let release = fill(&server.app, WorkKind::DecodeLarge).await;
    let predict = "/api/runs/tiny/checkpoints/0/predict";
    let large: Vec<_> = (0..20)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.post(predict, png(2_100, 2_000)).await.status })
        })
        .collect();
    until_waiting(&server.app, WorkKind::DecodeLarge, large.len()).await;
    for scale in 1..9 {
        let sheet =
            request_timeout(server.get(&format!("/api/runs/tiny/checkpoints/1/layers/conv1?scale={scale}"))).await;
        assert_eq!(sheet.status, 200);
        let picture = request_timeout(server.post(predict, png(40 + scale, 30))).await;
        assert_eq!(picture.status, 200, "{:?}", picture.body);
        assert_eq!(request_timeout(server.post(predict, "no picture")).await.status, 415);
    }
    assert_eq!(server.app.work.counts(WorkKind::DecodeLarge), (0, large.len()));
    drop(release);
    for one in large {
        assert_eq!(one.await.unwrap(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_wait_for_one_another_and_no_sheet_for_them() {
    let server = Arc::new(TestServer::shared());
    let release = fill(&server.app, WorkKind::RenderLarge).await;
    let paths = [
        "/api/runs/tiny/layers/fc16/strip?scale=16",
        "/api/runs/tiny/checkpoints/0/layers/fc16?scale=64",
        "/api/runs/tiny/checkpoints/*/layers/*?format=f32",
        "/api/corpora/shapes/sheet?scale=64&ids=0,1,2,3",
    ];
    let large: Vec<_> = paths
        .into_iter()
        .map(|path| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { (path, server.get(path).await.status) })
        })
        .collect();
    until_waiting(&server.app, WorkKind::RenderLarge, large.len()).await;
    for path in ["/api/runs", "/api/runs/tiny", "/api/runs/tiny/metrics", "/api/runs/tiny/checkpoints/1/layers/conv1"] {
        assert_eq!(request_timeout(server.get(path)).await.status, 200, "{path}");
    }
    drop(release);
    for one in large {
        let (path, status) = one.await.unwrap();
        assert_eq!(status, 200, "{path}");
    }
    assert_eq!(server.app.answers.free_bytes(), [64 << 20, 256 << 20], "all is given back");
}

/// However many have begun to send a picture, the next one is answered.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_come_take_no_slot() {
    let server = Running::start(|limits| limits.head = HANG).await;
    let post = |length: usize| {
        let mut stream = server.connect();
        write!(
            stream,
            "POST /api/runs/run/checkpoints/0/predict HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n"
        )
        .unwrap();
        stream
    };
    let slow: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = post(5_000_000);
            stream.write_all(b"\x89PNG").unwrap();
            stream
        })
        .collect();
    let picture = png(32, 32);
    let mut honest = post(picture.len());
    honest.write_all(&picture).unwrap();
    let answer = rest(honest).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    drop(slow);
}

/// A client that takes nothing of an answer loses its connection as soon as others need the memory, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_give_way_to_others() {
    let server = Running::start(|limits| (limits.stall, limits.connections) = (HANG, 1)).await;
    // The corpus is read in the background.
    let mut length = 0;
    while length < 100_000 {
        length = server.ask(PICTURES).await.len();
    }
    // More than the system keeps for both sides.
    let mut greedy = server.connect();
    let ask = format!("GET {PICTURES} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    greedy.write_all(ask.repeat(200).as_bytes()).unwrap();
    // The only slot is the greedy client's.
    let mut other = Box::pin(server.ask("/api/runs"));
    let answer = loop {
        tokio::select! {
            answer = &mut other => break answer,
            taken = server.app.answers.take(2 << 20) => drop(fill_common(&server.app, taken.unwrap()).await),
        }
    };
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(greedy);
}

/// Reserves all of the budget of common answers.
async fn fill_common(
    app: &AppState,
    first: crate::http::response_memory::ResponseMemory,
) -> Vec<crate::http::response_memory::ResponseMemory> {
    let mut all = vec![first];
    for _ in 1..32 {
        all.push(app.answers.take(2 << 20).await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_take_too_much_is_refused_with_the_limit() {
    let server = TestServer::shared();
    let path = "/api/corpora/shapes/sheet?scale=64&ids=".to_owned() + &["1"; 200].join(",");
    let answer = server.get(&path).await;
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 400, "{text}");
    assert!(text.contains("at most 256 MB") && text.contains("smaller scale"), "{text}");
    assert_eq!(server.app.answers.free_bytes(), [64 << 20, 256 << 20]);
}

/// A list of runs costs nothing where nothing has changed.
#[tokio::test(flavor = "multi_thread")]
async fn measurements_are_read_again_only_where_the_file_has_changed() {
    let (server, run) = TestServer::own();
    let path = run.join("metrics.jsonl");
    let long_ago = SystemTime::now() - Duration::from_hours(1);
    let stamp = |time| std::fs::File::open(&path).unwrap().set_modified(time).unwrap();
    let numbers = async || {
        let list = server.json("/api/runs").await["runs"][0]["test_error"].clone();
        let detail = server.json("/api/runs/tiny").await["checkpoints"][3]["test_error"].clone();
        let error = server.json("/api/runs/tiny/metrics").await["test"]["error"][3].clone();
        [list, detail, error].map(|number| number.to_string())
    };
    stamp(long_ago);
    assert_eq!(numbers().await, ["0.5"; 3]);
    // Nobody could tell by the file's time and size that it is another.
    let text = std::fs::read_to_string(&path).unwrap().replace("\"error\":0.5", "\"error\":0.1");
    std::fs::write(&path, text).unwrap();
    stamp(long_ago);
    assert_eq!(numbers().await, ["0.5"; 3], "it was read again");
    stamp(long_ago + Duration::from_secs(1));
    assert_eq!(numbers().await, ["0.1"; 3]);
}
