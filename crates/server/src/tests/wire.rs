//! Requests byte by byte, as no client writes them: nothing of one is taken for another, nothing is reflected, and no file
//! is read that is not served.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::Shutdown;

use super::limits::{Running, rest};

const PREDICT: &str = "POST /api/runs/run/checkpoints/0/predict HTTP/1.1\r\nhost: localhost\r\n";
const GET: &str = "GET /api/runs HTTP/1.1\r\nhost: localhost\r\n";

/// The server's answers to these bytes, after which the client sends no more.
async fn answers_to(server: &Running, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = server.connect();
    // The server may answer, and go, before it has all.
    let _ = stream.write_all(bytes.as_ref());
    let _ = stream.shutdown(Shutdown::Write);
    String::from_utf8_lossy(&rest(stream).await).into_owned()
}

/// The status of every answer.
fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_smuggled_past_a_body() {
    let server = Running::start(|_| ()).await;
    let inner = "0\r\n\r\nGET /api/status HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let length = format!("content-length: {}\r\n", inner.len());
    for headers in
        [format!("{length}transfer-encoding: chunked\r\n"), format!("transfer-encoding: chunked\r\n{length}")]
    {
        let answers = answers_to(&server, format!("{PREDICT}{headers}\r\n{inner}")).await;
        assert_eq!(statuses(&answers).len(), 1, "{headers}: {answers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_can_be_read_in_two_ways_are_refused() {
    let server = Running::start(|_| ()).await;
    for headers in [
        "content-length: 4\r\ncontent-length: 5\r\n",
        "content-length: 4, 4\r\n",
        "content-length: +4\r\n",
        "content-length: -1\r\n",
        "content-length: 18446744073709551616\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding : chunked\r\n",
        "content-length : 4\r\n",
        "transfer-encoding:\r\n chunked\r\n",
        "x: a\r\n b\r\n",
        "x: a\0b\r\n",
    ] {
        let answers = answers_to(&server, format!("{PREDICT}{headers}\r\nhell{GET}\r\n")).await;
        assert_eq!(statuses(&answers), ["400"], "{headers:?}: {answers}");
    }
    let old = "POST /api/runs HTTP/1.0\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(statuses(&answers_to(&server, old.replace("1.0", "1.1")).await).len(), 1);
    let answers = answers_to(&server, old).await;
    assert!(answers.starts_with("HTTP/1.0 400") || answers.starts_with("HTTP/1.1 400"), "{answers}");
    let raw = b"GET /api/\xff\xfe HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert_eq!(statuses(&answers_to(&server, raw).await), ["400"]);
    // Two names, one with a user's in front, and a whole address that names another server than the header.
    for (head, status) in [
        ("GET /api/runs HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n", "400"),
        ("GET /api/runs HTTP/1.1\r\nhost: evil@127.0.0.1\r\n\r\n", "403"),
        ("GET http://evil.example/api/runs HTTP/1.1\r\nhost: localhost\r\n\r\n", "403"),
        ("GET http://localhost/api/runs HTTP/1.1\r\nhost: localhost\r\n\r\n", "200"),
        ("GET /api/runs HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: localhost\r\n\r\n", "403"),
    ] {
        assert_eq!(statuses(&answers_to(&server, head).await), [status], "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_requests_get_the_right_status() {
    let server = Running::start(|_| ()).await;
    for (bytes, expected) in [
        (format!("{PREDICT}content-length: 5\r\ncontent-length: 5\r\n\r\nhello"), &["415"][..]),
        (format!("{GET}content-length: 5\r\n\r\nhello{GET}\r\n"), &["200", "200"]),
        (format!("{GET}\r\n{GET}\r\n{GET}\r\n"), &["200", "200", "200"]),
        (GET.replace("\r\n", "\n") + "\n", &["200"]),
        (
            format!("{GET}connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n"),
            &["200"],
        ),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        ("GET /api/runs\r\n\r\n".to_owned(), &["400"]),
    ] {
        let answers = answers_to(&server, &bytes).await;
        assert_eq!(statuses(&answers), expected, "{bytes:?}: {answers}");
        assert!(!answers.contains("101 "), "{answers}");
    }
    for line in ["CONNECT evil.example:443", "TRACE /api/runs", "OPTIONS *"] {
        let answers =
            answers_to(&server, format!("{line} HTTP/1.1\r\nhost: localhost\r\nx-marked: a-mark\r\n\r\n")).await;
        let statuses = statuses(&answers);
        assert!(statuses.len() == 1 && statuses[0].starts_with('4'), "{line}: {answers}");
        assert!(!answers.contains("a-mark"), "{line} is reflected: {answers}");
    }
    // What the server has no use for changes nothing.
    let ranges: Vec<String> = (0..1_500).map(|byte| format!("{byte}-{byte}")).collect();
    let ranges = ranges.join(",");
    let codings = vec!["gzip"; 2_500].join(",");
    for header in [format!("range: bytes={ranges}"), format!("accept-encoding: {codings}"), "expect: x".to_owned()] {
        let answers = answers_to(&server, format!("{GET}{header}\r\n\r\n")).await;
        assert_eq!(statuses(&answers), ["200"], "{answers}");
    }
    let answers = answers_to(&server, format!("{PREDICT}expect: 100-continue\r\ncontent-length: 5\r\n\r\nhello")).await;
    assert_eq!(statuses(&answers), ["100", "415"], "{answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_refused() {
    let server = Running::start(|_| ()).await;
    let chunked = format!("{PREDICT}transfer-encoding: chunked\r\n\r\n");
    let long = "a".repeat(1 << 20);
    for bytes in [
        format!("{chunked}5;{long}\r\nhello\r\n0\r\n\r\n"),
        format!("{chunked}5\r\nhello\r\n0\r\nx: {long}\r\n\r\n"),
        format!("{chunked}fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    ] {
        let answers = answers_to(&server, &bytes).await;
        // What is sent after the refusal resets the connection, and may take the answer with it.
        let statuses = statuses(&answers);
        assert!(matches!(statuses[..], ["400"] | []), "{answers}");
    }
    let parameters = |number: usize| {
        (0..number).fold(String::new(), |mut all, n| {
            write!(all, "&a{}", n % 10).unwrap();
            all
        })
    };
    for (path, more, expected) in [
        (format!("/{}", "a".repeat(64 << 10)), String::new(), "414"),
        (format!("/{}", "a".repeat(17 << 10)), String::new(), "414"),
        (format!("/api/runs?{}", parameters(100_000)), String::new(), "431"),
        (format!("/api/runs?{}", parameters(4_000)), String::new(), "200"),
        ("/api/runs".to_owned(), "x: y\r\n".repeat(101), "431"),
        ("/api/runs".to_owned(), format!("x: {}\r\n", "a".repeat(33 << 10)), "431"),
        ("/api/runs".to_owned(), format!("x: {long}\r\n"), "431"),
    ] {
        let answers = answers_to(&server, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n")).await;
        let statuses = statuses(&answers);
        assert!(statuses == [expected] || statuses.is_empty() && expected != "200", "{expected}: {answers}");
    }
    assert!(server.ask("/api/runs").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_to_a_file_that_is_not_served() {
    let server = Running::start(|_| ()).await;
    let up = ["..", "%2e%2e", "%252e%252e", "%2e.", "..%2f..", "..%5c..", "%c0%ae%c0%ae", "..%00", "....", "\\.."];
    let of = ["/", "/assets/", "/api/runs/", "/api/runs/run/", "/api/corpora/", "/api/runs/run/checkpoints/0/layers/"];
    for (up, of) in up.iter().flat_map(|up| of.iter().map(move |of| (up, of))) {
        for file in ["run/run.toml", "etc/passwd", "Cargo.toml"] {
            let path = format!("{of}{up}/{up}/{up}/{file}");
            let answers = answers_to(&server, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
            assert_eq!(statuses(&answers).len(), 1, "{path}: {answers}");
            for content in ["steps_per_epoch", "root:", "[package]"] {
                assert!(!answers.contains(content), "{path}: {answers}");
            }
        }
    }
    for path in ["//evil.example/", "/\\evil.example", "/%2f%2fevil.example", "/.//evil.example"] {
        let answers = answers_to(&server, format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
        assert!(!answers.to_lowercase().contains("\nlocation:"), "{path}: {answers}");
    }
}
