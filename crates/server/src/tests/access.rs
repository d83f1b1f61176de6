//! Which requests are answered, what may be cached, and the headers on every answer.

use axum::body::Body;
use axum::http::Request;

use super::fixture::{TestResponse, TestServer, get};

const SHEET: &str = "/api/runs/tiny/checkpoints/1/layers/conv1/filters/*/channels/*";

#[tokio::test(flavor = "multi_thread")]
async fn only_names_of_this_machine_are_answered() {
    let server = TestServer::shared();
    for (host, status) in [
        ("localhost", 200),
        ("localhost:7878", 200),
        ("LOCALHOST:1", 200),
        ("127.0.0.1:7878", 200),
        ("127.1.2.3", 200),
        ("[::1]:7878", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("10.0.0.1:7878", 403),
        ("", 403),
    ] {
        let request = Request::builder().uri("/api/runs").header("host", host).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, status, "{host}");
    }
    let request = Request::builder().uri("/api/runs").body(Body::empty()).unwrap();
    assert_eq!(server.send(request).await.status, 403, "no host at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_cannot_send() {
    let server = TestServer::shared();
    for (origin, status) in [("http://localhost:7878", 415), ("http://evil.example", 403), ("null", 403)] {
        let request = get("/api/runs/tiny/checkpoints/0/predict").method("POST").header("origin", origin);
        assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.status, status, "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_asked_for_and_becomes_a_cookie() {
    let server = TestServer::over(&[], None, Some("open-sesame"));
    let ask = |path: &str, header: Option<(&str, String)>| {
        let mut request = Request::builder().uri(path.to_owned()).header("host", "viz.example");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        server.send(request.body(Body::empty()).unwrap())
    };
    let refused = ask("/api/runs", None).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert!(refused.json()["hint"].as_str().unwrap().contains("Bearer"));
    for (header, status) in [
        (("authorization", "Bearer open-sesame"), 200),
        (("authorization", "bearer open-sesame"), 200),
        (("authorization", "Bearer open-sesam"), 401),
        (("authorization", "Basic open-sesame"), 401),
        (("cookie", "deepviz_session=open-sesame"), 401),
        (("cookie", "deepviz_session_7878=open-sesame"), 401),
    ] {
        assert_eq!(ask("/api/runs", Some((header.0, header.1.into()))).await.status, status, "{header:?}");
    }
    assert_eq!(ask("/api/runs?token=open-sesame", None).await.status, 200);
    let page = ask("/?token=open-sesame", Some(("accept", "text/html".into()))).await;
    let cookie = page.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("open-sesame"), "the cookie does not hold the token");
    let session = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(ask("/api/runs", Some(("cookie", format!("a=b; {session}")))).await.status, 200);

    // A browser continues without the token in its address bar, under whatever prefix it came.
    let page = ask("/a/view?run=x&token=open-sesame&k=3", Some(("accept", "text/html".into()))).await;
    assert_eq!((page.status.as_u16(), page.header("location")), (303, "./view?run=x&k=3"));
    assert_eq!(ask("/?token=open", Some(("accept", "text/html".into()))).await.status, 401);
}

/// The answer to a client that sends these cookies.
async fn ask(server: &TestServer, jar: &[(String, String)], method: &str, path: &str) -> TestResponse {
    let cookies: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = get(path).method(method).header("cookie", cookies.join("; "));
    server.send(request.body(Body::empty()).unwrap()).await
}

/// A browser sends one server the cookies of all others on the host, whatever their port or prefix.
#[tokio::test(flavor = "multi_thread")]
async fn servers_on_one_host_do_not_end_each_others_sessions() {
    let addresses = [(7878, "one"), (7878, "two"), (9999, "one"), (9999, "three")];
    let servers = addresses.map(|(port, token)| TestServer::at(port, token));
    let mut jar: Vec<(String, String)> = Vec::new();
    for (server, (_, token)) in servers.iter().zip(addresses) {
        let page = get(&format!("/?token={token}")).header("accept", "text/html");
        let answer = server.send(page.body(Body::empty()).unwrap()).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let (name, value) = cookie.split_once('=').unwrap();
        jar.retain(|(known, _)| known != name);
        jar.push((name.to_owned(), value.to_owned()));
    }
    assert!(jar[0].0.contains("7878") && jar[3].0.contains("9999"), "{jar:?}");
    for server in &servers {
        assert_eq!(ask(server, &jar, "GET", "/api/runs").await.status, 200);
    }
    // Leaving one leaves the others alone.
    let left = ask(&servers[0], &jar, "POST", "/logout").await;
    let gone = left.header("set-cookie").split('=').next().unwrap().to_owned();
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    jar.retain(|(name, _)| *name != gone);
    assert_eq!(ask(&servers[0], &jar, "GET", "/api/runs").await.status, 401);
    for server in &servers[1..] {
        assert_eq!(ask(server, &jar, "GET", "/api/runs").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_address_may_be_encoded_or_typed() {
    let server = TestServer::at(7878, "a+b&c#d%e=f");
    for (query, status) in [
        ("token=a%2Bb%26c%23d%25e%3Df", 200),
        // As typed, but for what would end it.
        ("token=a+b%26c%23d%e=f", 200),
        ("x=1&token=a%2bb%26c%23d%25e=f", 200),
        ("token=a%20b%26c%23d%25e%3Df", 401),
        ("token=a", 401),
        ("token=", 401),
        ("token", 401),
    ] {
        let answer = server.send(get(&format!("/api/runs?{query}")).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_and_a_missing_server_are_distinguishable() {
    let server = TestServer::at(7878, "open-sesame");
    for path in ["/api/status", "/api/runs/tiny/events"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["type"]), (401, &"token-required".into()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_have_names() {
    let server = TestServer::shared();
    for (path, expected) in [
        (SHEET, "conv1-weights-c1.png"),
        (&format!("{SHEET}/apply/7"), "conv1-activations-image7-c1.png"),
        (&format!("{SHEET}?format=f32"), "conv1-weights-c1.f32"),
        (&format!("{SHEET}?format=json"), "conv1-weights-c1.json"),
        ("/api/runs/tiny/checkpoints/1/layers/conv1/filters/2/channels/*", "conv1-weights-c1-f2.png"),
        ("/api/runs/tiny/layers/conv1/strip", "conv1-weights-strip.png"),
        ("/api/corpora/shapes/images/3/pixels", "shapes-image3.png"),
        ("/api/runs/tiny/checkpoints/*/layers/conv1/filters/*/channels/*?format=f32", "conv1-weights.multipart"),
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        assert_eq!(answer.header("content-disposition"), format!("inline; filename=\"{expected}\""), "{path}");
    }
    // What is no file has none, and neither has an error.
    for path in ["/api/runs", "/api/runs/tiny", "/api/runs/tiny/checkpoints/9/layers/conv1"] {
        assert_eq!(server.get(path).await.header("content-disposition"), "", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_for_the_token_and_comes_to_the_page() {
    let server = TestServer::over(&[], None, Some("open-sesame"));
    let send = |method: &str, path: &str, body: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri(path).header("host", "viz.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        server.send(request.body(Body::from(body.to_owned())).unwrap())
    };
    let page = send("GET", "/a/view?run=x&layer=y'z", "", &[("accept", "text/html")]).await;
    assert_eq!(page.status, 401);
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(html.contains("<base href=\"../\""), "{html}");
    assert!(html.contains("value=\"a/view?run=x&amp;layer=y'z\""), "{html}");
    assert!(!html.contains("<script") && !html.contains("style="), "{html}");
    // A browser leaves the form's origin out where it may not send a referrer.
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert!(page.header("content-security-policy").contains("form-action 'self'"));
    assert_eq!(send("GET", "/login.css", "", &[]).await.header("content-type"), "text/css; charset=utf-8");

    let wrong = send("POST", "/login", "token=open&next=a", &[]).await;
    assert_eq!((wrong.status.as_u16(), wrong.header("set-cookie")), (401, ""));
    assert!(String::from_utf8_lossy(&wrong.body).contains("not the token"));
    let good = send("POST", "/login", "token=open-sesame&next=a%2Fview%3Frun%3Dx%2520y", &[]).await;
    assert_eq!((good.status.as_u16(), good.header("location")), (303, "./a/view?run=x%20y"));
    let cookie = good.header("set-cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let session = cookie.split(';').next().unwrap().to_owned();
    assert_eq!(send("GET", "/api/runs", "", &[("cookie", &session)]).await.status, 200);

    // Whatever the form says, the way leads to this server.
    for next in ["https://evil.example", "//evil.example", "a%0D%0Aset-cookie:+x"] {
        let answer = send("POST", "/login", &format!("token=open-sesame&next={next}"), &[]).await;
        assert!(answer.header("location").starts_with("./"), "{next}: {:?}", answer.headers);
    }
    let secure = send("POST", "/login", "token=open-sesame", &[("x-forwarded-proto", "https")]).await;
    assert!(secure.header("set-cookie").contains("; Secure"));
    let foreign = send("POST", "/login", "token=open-sesame", &[("origin", "https://evil.example")]).await;
    assert_eq!(foreign.status, 403);
    // Behind a proxy that changes the host the browser's word counts.
    let proxied = [("origin", "https://viz.public"), ("sec-fetch-site", "same-origin")];
    assert_eq!(send("POST", "/login", "token=open-sesame", &proxied).await.status, 303);
    let out = send("POST", "/logout", "", &[("cookie", &session)]).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let server = TestServer::shared();
    for path in ["/", "/api/runs", "/api/none", SHEET, "/assets/none.js"] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap();
        assert_eq!(scripts.trim(), "script-src 'self'", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_cached_forever_only_under_their_hash() {
    let server = TestServer::shared();
    let detail = server.json("/api/runs/tiny").await;
    let hash = detail["checkpoints"][1]["hash"].as_str().unwrap();
    let identity = detail["corpus"]["identity"].as_str().unwrap();
    let forever = "public, max-age=31536000, immutable";
    for (path, expected) in [
        (format!("{SHEET}?v={hash}"), forever),
        (format!("{SHEET}?v={}", &hash[..16]), forever),
        (format!("{SHEET}?v=00000000"), "no-cache"),
        (SHEET.to_owned(), "no-cache"),
        (format!("{SHEET}/apply/3?v={hash}"), forever),
        (format!("{SHEET}?normalise=timeline&v={hash}"), forever),
        (format!("{SHEET}?format=f32&v={hash}"), forever),
        (format!("/api/runs/tiny/checkpoints/1/predict/3?v={hash}"), forever),
        (format!("/api/corpora/shapes/images/3/pixels?v={identity}"), forever),
        (format!("/api/corpora/shapes/sheet?ids=1,2&v={}", &identity[..16]), forever),
        ("/api/corpora/shapes/images/3/pixels".to_owned(), "no-cache"),
        ("/api/runs/tiny".to_owned(), "no-cache"),
    ] {
        let answer = server.get(&path).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, expected), "{path}");
        let tag = answer.header("etag").to_owned();
        let revalidated = server.send(get(&path).header("if-none-match", &tag).body(Body::empty()).unwrap()).await;
        assert_eq!((revalidated.status.as_u16(), revalidated.body.len()), (304, 0), "{path}");
        assert_eq!(revalidated.header("etag"), tag);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_compressed_and_pictures_are_not() {
    let server = TestServer::shared();
    for (path, encoding) in [("/api/openapi.json", "gzip"), (SHEET, "")] {
        let request = get(path).header("accept-encoding", "gzip").body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.header("content-encoding"), encoding, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_other_address_is_the_dashboard() {
    let server = TestServer::shared();
    for path in ["/", "/index.html", "/run/filters", "/any/where/at/all"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
    }
    assert_eq!(server.get("/assets/none.js").await.status, 404);
    assert_eq!(server.get("/none.css").await.status, 404);
    assert_eq!(server.post("/", "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_an_error_at_the_start() {
    let config = |runs: Vec<std::path::PathBuf>, addr: &str, token: Option<&str>| crate::Config {
        runs,
        addr: addr.parse().unwrap(),
        corpus: None,
        cache_dir: None,
        cache_bytes: 1 << 20,
        token: token.map(str::to_owned),
        trusted_proxies: Vec::new(),
        allow_upload: false,
        upload_bytes: 0,
        device: None,
        worker: None,
    };
    let refused = async |config| crate::bind(config).await.err().unwrap().to_string();
    assert!(refused(config(vec!["nowhere".into()], "127.0.0.1:0", None)).await.contains("nowhere"));
    assert!(refused(config(vec![], "0.0.0.0:0", None)).await.contains("token"));
    assert!(refused(config(vec![], "127.0.0.1:0", Some("a b"))).await.contains("visible ASCII"));
    let first = crate::bind(config(vec![], "127.0.0.1:0", None)).await.unwrap();
    assert_ne!(first.address().port(), 0);
    let taken = refused(config(vec![], &first.address().to_string(), None)).await;
    assert!(taken.contains("already in use") && taken.contains(&first.address().to_string()), "{taken}");
    assert!(crate::bind(config(vec![], "0.0.0.0:0", Some("open-sesame"))).await.is_ok());
}
