//! Clients without the token, and pages of other origins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;

use super::fixture::{TestResponse, TestServer, get};

const TOKEN: &str = "0123456789abcdef";
const SHEET: &str = "/api/runs/tiny/checkpoints/1/layers/conv1";

async fn send(server: &TestServer, line: &str, headers: &[(&str, &str)], body: &str) -> TestResponse {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if headers.iter().all(|(name, _)| *name != "host") {
        request = request.header("host", "localhost:7878");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

/// Logs in by the form: the cookie, name and value.
async fn login(server: &TestServer) -> String {
    let answer = send(server, "POST /login", &[], &format!("token={TOKEN}")).await;
    assert_eq!(answer.status, 303);
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_host_names_of_this_machine_are_answered() {
    let server = TestServer::shared();
    for (host, status) in [
        ("localhost.", 200),
        ("localhost.:7878", 200),
        ("[::ffff:127.0.0.1]:7878", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("foo.localhost", 403),
        ("localhost..", 403),
        ("127.1", 403),
        ("2130706433", 403),
        ("[::ffff:10.0.0.1]", 403),
        ("0.0.0.0", 403),
        ("evil@127.0.0.1", 403),
        ("", 403),
    ] {
        assert_eq!(send(&server, "GET /api/runs", &[("host", host)], "").await.status, status, "{host}");
    }
    let twice = [("host", "localhost"), ("host", "evil.example")];
    assert_eq!(send(&server, "GET /api/runs", &twice, "").await.status, 400);
    assert_eq!(send(&server, "GET http://evil.example/api/runs", &[], "").await.status, 403);
    let forwarded = [("host", "evil.example"), ("x-forwarded-host", "localhost")];
    assert_eq!(send(&server, "GET /api/runs", &forwarded, "").await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_cannot_send() {
    let server = TestServer::shared();
    for origin in ["http://evil.example", "null", "http://localhost:9", "http://127.0.0.1:7878", "file://"] {
        for kind in ["image/png", "text/plain"] {
            let headers = [("origin", origin), ("content-type", kind)];
            let answer = send(&server, "POST /api/runs/tiny/checkpoints/0/predict", &headers, "x").await;
            assert_eq!(answer.status, 403, "{origin}");
            assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{origin}");
        }
    }
}

/// A page elsewhere cannot read the answers; it may not make the server work for them either, nor tell by the time they
/// take what there is.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_cannot_make_the_server_work() {
    let (server, _) = TestServer::own();
    let token = TestServer::at(7878, TOKEN);
    let drawn = async || server.json("/api/status").await["drawing"]["done"].clone();
    let before = drawn().await;
    for site in ["cross-site", "same-site"] {
        for (mode, dest) in [
            ("no-cors", "image"),
            ("no-cors", "script"),
            ("no-cors", "style"),
            ("no-cors", "empty"),
            ("cors", "empty"),
            ("navigate", "iframe"),
            ("navigate", "frame"),
            ("navigate", "embed"),
            ("navigate", "object"),
        ] {
            let headers = [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            for path in [SHEET, "/api/runs/none/checkpoints/1/layers/conv1", "/", "/api/runs/tiny/events", "/login.css"]
            {
                for server in [&server, &token] {
                    let answer = send(server, &format!("GET {path}"), &headers, "").await;
                    assert_eq!(answer.status, 403, "{headers:?} {path}");
                }
            }
        }
        let followed = [("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        assert_eq!(send(&server, "GET /", &followed, "").await.status, 200);
        let in_advance = [&followed[..], &[("sec-purpose", "prefetch;prerender")]].concat();
        assert_eq!(send(&server, "GET /", &in_advance, "").await.status, 403);
        // A form of another page, whether or not it says where it comes from.
        for line in ["POST /login", "POST /logout", "POST /api/runs/tiny/checkpoints/0/predict"] {
            assert_eq!(send(&token, line, &followed, &format!("token={TOKEN}")).await.status, 403, "{line}");
        }
    }
    assert_eq!(drawn().await, before, "something was drawn");
    for site in ["same-origin", "none"] {
        assert_eq!(send(&server, &format!("GET {SHEET}"), &[("sec-fetch-site", site)], "").await.status, 200, "{site}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_with_its_own_logout() {
    let server = TestServer::at(7878, TOKEN);
    let (one, two) = (login(&server).await, login(&server).await);
    assert_ne!(one, two, "each login has a session of its own");
    assert_eq!(one.split_once('=').unwrap().0, two.split_once('=').unwrap().0);
    let asks = async |cookie: &str| send(&server, "GET /api/runs", &[("cookie", cookie)], "").await.status.as_u16();
    assert_eq!([asks(&one).await, asks(&two).await], [200, 200]);
    let out = send(&server, "POST /logout", &[("cookie", &one)], "").await;
    assert_eq!((out.status.as_u16(), out.header("location")), (303, "./"));
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!([asks(&one).await, asks(&two).await], [401, 200]);
    // Another server of the same token does not know it.
    assert_eq!(send(&TestServer::at(7878, TOKEN), "GET /api/runs", &[("cookie", &two)], "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_ends_with_its_session() {
    let server = Arc::new(TestServer::at(7878, TOKEN));
    let cookie = login(&server).await;
    // Comes back when the stream has ended.
    let stream = {
        let (server, cookie) = (Arc::clone(&server), cookie.clone());
        tokio::spawn(async move { send(&server, "GET /api/runs/tiny/events", &[("cookie", &cookie)], "").await })
    };
    // The session is in use once the stream is there, and the stream is there once it is watched.
    while server.app.event_bus.followed().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    send(&server, "POST /logout", &[("cookie", &cookie)], "").await;
    let answer = stream.await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with(b"retry"), "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_for_browsers_and_the_address_is_cleaned() {
    let server = TestServer::at(7878, TOKEN);
    let page = [("accept", "text/html,*/*")];
    let opened = send(&server, &format!("GET /a/b?run=x&token={TOKEN}"), &page, "").await;
    assert_eq!((opened.status.as_u16(), opened.header("location")), (303, "./b?run=x"));
    let cookie = opened.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(opened.header("referrer-policy"), "no-referrer");
    assert_eq!(opened.header("cache-control"), "no-store");
    // Who has a session already keeps it.
    let with = [page[0], ("cookie", cookie.split(';').next().unwrap())];
    let repeated = send(&server, &format!("GET /a/b?token={TOKEN}"), &with, "").await;
    assert_eq!(
        (repeated.status.as_u16(), repeated.header("location"), repeated.header("set-cookie")),
        (303, "./b", "")
    );
    let script = send(&server, &format!("GET /api/runs?token={TOKEN}"), &[], "").await;
    assert_eq!((script.status.as_u16(), script.header("set-cookie")), (200, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_need_a_token_are_not_cached_by_proxies() {
    let (server, open) = (TestServer::at(7878, TOKEN), TestServer::shared());
    let hash = open.json("/api/runs/tiny").await["checkpoints"][1]["hash"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {TOKEN}");
    let cookie = login(&server).await;
    let forever = "private, max-age=31536000, immutable";
    for (path, expected) in [
        (format!("{SHEET}?v={hash}"), forever),
        (SHEET.to_owned(), "private, no-cache"),
        ("/api/runs".to_owned(), "private, no-cache"),
        ("/".to_owned(), "private, no-cache"),
        ("/api/none".to_owned(), "no-store"),
    ] {
        let glue = if path.contains('?') { '&' } else { '?' };
        for (query, headers) in [
            (format!("{glue}token={TOKEN}"), &[][..]),
            (String::new(), &[("authorization", bearer.as_str())]),
            (String::new(), &[("cookie", cookie.as_str())]),
        ] {
            let answer = send(&server, &format!("GET {path}{query}"), headers, "").await;
            assert_eq!(answer.header("cache-control"), expected, "{path}{query}");
            let vary: Vec<_> = answer.headers.get_all("vary").iter().map(|line| line.to_str().unwrap()).collect();
            assert!(vary.join(",").contains("authorization, cookie"), "{path}{query}: {vary:?}");
            assert_eq!(answer.header("set-cookie"), "", "{path}{query}");
            // What is known already is kept as long, and by as few.
            let tag = answer.header("etag");
            let repeated = [headers, &[("if-none-match", tag)]].concat();
            let repeated = send(&server, &format!("GET {path}{query}"), &repeated, "").await;
            assert_eq!(repeated.header("cache-control"), expected, "{path}{query}");
        }
    }
    for (line, body) in [("POST /login", format!("token={TOKEN}")), ("POST /logout", String::new())] {
        let answer = send(&server, line, &[], &body).await;
        assert_ne!(answer.header("set-cookie"), "", "{line}");
        assert_eq!(answer.header("cache-control"), "no-store", "{line}");
    }
    let answer = open.send(get(&format!("{SHEET}?v={hash}")).body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_marked_secure_for_every_header_that_declares_https() {
    let server = TestServer::at(7878, TOKEN);
    for (name, value, expected) in [
        ("x-forwarded-proto", "https", true),
        ("x-forwarded-proto", "https, http", true),
        ("x-forwarded-proto", "HTTPS", true),
        ("forwarded", "for=203.0.113.9;proto=https;host=viz.example", true),
        ("x-forwarded-proto", "http", false),
        ("x-other", "https", false),
    ] {
        for (line, body) in [("POST /login", format!("token={TOKEN}")), ("POST /logout", String::new())] {
            let cookie = send(&server, line, &[(name, value)], &body).await.header("set-cookie").to_owned();
            assert_eq!(cookie.contains("; Secure"), expected, "{line} {name}: {value}");
        }
        let page = [("accept", "text/html"), (name, value)];
        let cookie = send(&server, &format!("GET /?token={TOKEN}"), &page, "").await.header("set-cookie").to_owned();
        assert_eq!(cookie.contains("; Secure"), expected, "{name}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_tokens_are_answered_late_however_they_are_sent_and_right_ones_at_once() {
    let server = Arc::new(TestServer::at(7878, TOKEN));
    let cookie = login(&server).await;
    let stale = format!("{}={}", cookie.split_once('=').unwrap().0, "0".repeat(64));
    for (line, headers, body) in [
        ("GET /api/runs", &[("authorization", "Bearer wrong")][..], ""),
        ("GET /api/runs?token=wrong", &[], ""),
        ("GET /?token=wrong", &[("accept", "text/html")], ""),
        ("GET /api/runs", &[("cookie", stale.as_str())], ""),
        ("POST /login", &[], "token=wrong"),
    ] {
        let start = Instant::now();
        assert_eq!(send(&server, line, headers, body).await.status, 401, "{line}");
        assert!(start.elapsed() >= Duration::from_millis(400), "{line} {headers:?} is answered at once");
    }
    // Many at once: the last are answered after long, and a right one before them.
    let guess = |number: usize| {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            let bearer = format!("Bearer {number}");
            send(&server, "GET /api/runs", &[("authorization", &bearer)], "").await
        })
    };
    let guesses: Vec<_> = (0..200).map(guess).collect();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(send(&server, "GET /api/runs", &[("authorization", &bearer)], "").await.status, 200);
    assert_eq!(send(&server, "GET /api/runs", &[("cookie", &cookie)], "").await.status, 200);
    assert_eq!(send(&server, "POST /login", &[], &format!("token={TOKEN}")).await.status, 303);
    let late = guesses.iter().filter(|guess| !guess.is_finished()).count();
    assert!(late > 100, "{late}");
    guesses.iter().for_each(tokio::task::JoinHandle::abort);
    // One right thing is enough.
    let mixed = [("authorization", "Bearer wrong"), ("cookie", cookie.as_str())];
    assert_eq!(send(&server, "GET /api/runs", &mixed, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_after_login_stay_on_this_server() {
    let server = TestServer::at(7878, TOKEN);
    for next in [
        "//evil.example",
        "/%5Cevil.example",
        "https://evil.example",
        "..//evil.example",
        "a%0D%0Aset-cookie:+x=y",
        "%09//evil.example",
        "javascript:alert(1)",
        "%22%3E%3Cscript%3E",
        "{base}{problem}{next}",
    ] {
        let right = send(&server, "POST /login", &[], &format!("token={TOKEN}&next={next}")).await;
        assert!(right.header("location").starts_with("./"), "{next}: {:?}", right.headers);
        assert_eq!(right.headers.get_all("set-cookie").iter().count(), 1, "{next}");
        let wrong = send(&server, "POST /login", &[], &format!("token=wrong&next={next}")).await;
        let html = String::from_utf8_lossy(&wrong.body).into_owned();
        assert!(!html.contains("<script") && html.matches("<base href=\"\"").count() == 1, "{next}: {html}");
    }
    let long = format!("token={TOKEN}&next={}", "a".repeat(40 << 10));
    let refused = send(&server, "POST /login", &[], &long).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["detail"].as_str().unwrap().contains("32768 bytes"), "{:?}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_elsewhere_cannot_log_anybody_in() {
    let server = TestServer::at(7878, TOKEN);
    for headers in [[("origin", "https://evil.example")], [("origin", "null")], [("sec-fetch-site", "cross-site")]] {
        let answer = send(&server, "POST /login", &headers, &format!("token={TOKEN}")).await;
        assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (403, ""), "{headers:?}");
    }
}
