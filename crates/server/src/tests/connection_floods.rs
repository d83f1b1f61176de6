//! Clients without a token that take every connection slot: authorised clients are answered all the same. No timeout
//! ends the idle connections here, so that a client that is not answered fails the test.

use std::io::Write as _;
use std::net::TcpStream;

use super::limits::{HANG, Running, rest};

const SLOTS: u32 = 300;
const TOKEN: &str = "0123456789abcdef";

/// More connections than there are slots, each of which sends this.
fn crowd(server: &Running, says: &str) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = server.connect();
        // Connections that are closed to make room for later ones cannot send all of it.
        let _ = stream.write_all(says.as_bytes());
        stream
    };
    (0..SLOTS + 50).map(connect).collect()
}

async fn serving(token: Option<&str>) -> Running {
    Running::asking_for(token, |limits| (limits.connections, limits.head, limits.stall) = (SLOTS, HANG, HANG)).await
}

async fn ask_knowing_the_token(server: &Running) -> String {
    let mut stream = server.connect();
    write!(stream, "GET /api/runs HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\r\n")
        .unwrap();
    String::from_utf8_lossy(&rest(stream).await).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_head_on_every_connection_locks_nobody_out() {
    for half in ["GET /api/runs HTTP/1.1\r\nhost: loc", "", "GET / HTTP/1.1\r\nhost: evil.example\r\n\r\nGET /"] {
        let server = serving(None).await;
        let crowd = crowd(&server, half);
        for _ in 0..3 {
            let answer = server.ask("/api/runs").await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{half:?}: {answer}");
        }
        drop(crowd);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_without_the_token_lock_nobody_out_whatever_they_wait_for() {
    for says in [
        "GET /api/runs HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong\r\n\r\n",
        "GET /?token=wrong HTTP/1.1\r\nhost: x\r\naccept: text/html\r\n\r\n",
        "POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 30\r\n\r\ntoken=",
        "POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\ntoken=wrong",
        "PUT /api/uploads/runs/x HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\nabc",
    ] {
        let server = serving(Some(TOKEN)).await;
        let crowd = crowd(&server, says);
        for _ in 0..3 {
            let answer = ask_knowing_the_token(&server).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{says:?}: {answer}");
        }
        drop(crowd);
    }
}

/// A client whose request was authorised before the crowd came keeps its connection.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_outlives_the_crowd() {
    use std::io::{BufRead as _, BufReader};

    let server = serving(None).await;
    let mut stream = server.connect();
    write!(stream, "GET /api/runs/run/events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    // Everything it says at its beginning has come.
    assert!(lines.by_ref().map(Result::unwrap).any(|line| line.starts_with("retry:")));
    let crowd = crowd(&server, "GET /api/runs HTTP/1.1\r\nhost: loc");
    assert!(server.ask("/api/runs").await.starts_with("HTTP/1.1 200"));
    // The next event reaches the client.
    let metrics = server.folder.path().join("run/metrics.jsonl");
    let text = std::fs::read_to_string(&metrics).unwrap();
    let line = text.lines().last().unwrap().replace("\"step\":15", "\"step\":21");
    std::fs::write(&metrics, format!("{text}{line}\n")).unwrap();
    let reading = tokio::task::spawn_blocking(move || lines.map_while(Result::ok).any(|line| line.contains("21")));
    assert!(reading.await.unwrap());
    drop(crowd);
}
