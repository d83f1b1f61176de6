//! The server in the built binary: what it serves, and how it handles damaged runs.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use fixture::{Fixture, Server};

#[test]
fn a_run_is_served_with_everything_in_it() {
    let fixture = Fixture::with_run();
    let server = fixture.serve(&["run"]);
    assert!(server.said.last().unwrap().starts_with("deepViz at http://127.0.0.1:"), "{:?}", server.said);
    let runs = server.json("/api/runs");
    assert_eq!(runs["runs"][0]["id"], "run");
    let run = server.json("/api/runs/run");
    assert_eq!(run["checkpoints"].as_array().unwrap().len(), 8);
    assert_eq!(run["checkpoints"][7]["statistics"]["test"], "ready");
    let (status, png) = server.get("/api/runs/run/checkpoints/last/layers/conv1/filters/*/channels/*");
    assert_eq!(status, 200);
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let (status, png) = server.get("/api/runs/run/checkpoints/3/layers/conv1/filters/*/channels/*/apply/7");
    assert_eq!(status, 200);
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let confusion = server.json("/api/runs/run/checkpoints/last/confusion?split=test");
    assert_eq!(confusion["images"], 80);
    let history = server.json("/api/runs/run/images/7/history");
    assert_eq!(history["probabilities"].as_array().unwrap().len(), 8);
    assert_eq!(server.signal("INT"), Some(0));
}

#[test]
fn missing_resources_are_a_4xx_with_a_hint() {
    let fixture = Fixture::with_run();
    let server = fixture.serve(&["run"]);
    for (path, status) in [
        ("/api/runs/none", 404),
        ("/api/runs/run/checkpoints/99/layers/conv1/filters/*/channels/*", 404),
        ("/api/runs/run/checkpoints/2/layers/conv9/filters/*/channels/*", 404),
        ("/api/runs/run/checkpoints/2/layers/conv1/filters/4000/channels/*", 404),
        ("/api/runs/run/checkpoints/2/layers/conv1/filters/a-b/channels/*", 400),
        ("/api/runs/run/checkpoints/2/layers/conv1/filters/*/channels/*/apply/99999", 404),
        ("/api/runs/run/checkpoints/2/layers/conv1/filters/*/channels/*?scale=0", 400),
        ("/api/runs/run/checkpoints/2/predict/99999", 404),
        ("/api/runs/run/images/99999/history", 404),
        ("/api/corpora/shapes/images/99999", 404),
        ("/api/corpora/shapes/images/99999/pixels", 404),
        ("/api/nothing", 404),
    ] {
        server.problem(path, status);
    }
    // And it continues serving.
    server.json("/api/runs/run");
}

#[test]
fn a_damaged_snapshot_is_a_gap_and_the_rest_is_served() {
    let fixture = Fixture::with_run();
    let truncated = fixture.path("run/snapshots/000008.safetensors");
    let bytes = fs::read(&truncated).unwrap();
    fs::write(&truncated, &bytes[..bytes.len() / 2]).unwrap();
    let flipped = fixture.path("run/snapshots/000016.safetensors");
    let mut bytes = fs::read(&flipped).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&flipped, &bytes).unwrap();

    let server = fixture.serve(&["run"]);
    let run = server.json("/api/runs/run");
    assert_eq!(run["checkpoints"].as_array().unwrap().len(), 8);
    assert!(run["checkpoints"][2]["problem"].is_string(), "{}", run["checkpoints"][2]);
    let sheet = |checkpoint: usize| format!("/api/runs/run/checkpoints/{checkpoint}/layers/conv1/filters/*/channels/*");
    for damaged in [2, 4] {
        let problem = server.problem(&sheet(damaged), 422);
        assert!(problem["detail"].as_str().unwrap().contains("safetensors"), "{problem}");
    }
    for whole in [0, 1, 3, 5, 6, 7] {
        assert_eq!(server.get(&sheet(whole)).0, 200);
    }
    fixture.run(&["inspect", "run/snapshots/000016.safetensors"]).expect_error(&["000016.safetensors", "hash"]);
    fixture.run(&["inspect", "run/snapshots/000008.safetensors"]).expect_error(&["000008.safetensors"]);
    let table = fixture.run(&["inspect", "run"]).expect_good();
    assert!(table.stdout.contains("000008.safetensors"), "{}", table.stdout);
    // Two snapshots over two splits; the others are computed.
    fixture.run(&["stats", "run", "--force"]).expect_error(&["4 units"]);
    assert_eq!(server.json("/api/runs/run")["checkpoints"][3]["statistics"]["test"], "ready");
}

#[test]
fn a_run_of_a_newer_format_is_refused_and_others_are_served() {
    let fixture = Fixture::with_run();
    fs::create_dir(fixture.path("runs")).unwrap();
    fs::rename(fixture.path("run"), fixture.path("runs/good")).unwrap();
    fs::create_dir(fixture.path("runs/newer")).unwrap();
    let text = fs::read_to_string(fixture.path("runs/good/run.toml")).unwrap();
    let newer = text.replacen("format = 1", "format = 99", 1);
    assert_ne!(text, newer);
    fs::write(fixture.path("runs/newer/run.toml"), newer).unwrap();
    for args in [&["inspect", "runs/newer"][..], &["stats", "runs/newer"], &["serve", "runs/newer"]] {
        fixture.run(args).expect_error(&["format 99", "newer deepViz", "runs/newer"]);
    }
    let server = fixture.serve(&["runs"]);
    server.json("/api/runs/good");
    let problem = server.problem("/api/runs/newer", 422);
    assert!(problem["detail"].as_str().unwrap().contains("format 99"), "{problem}");
}

#[test]
fn a_port_in_use_is_named_with_a_hint() {
    let fixture = Fixture::with_run();
    let server = fixture.serve(&["run"]);
    let taken = server.address.strip_prefix("http://").unwrap();
    fixture.run(&["serve", "run", "--addr", taken]).expect_error(&[taken, "--addr"]);
    fixture.run(&["demo", "--dir", "demo", "--addr", taken]).expect_error(&[taken, "--addr"]);
    assert!(!fixture.path("demo").exists(), "nothing was begun");
    assert!(!fixture.path("demo/shapes-quick").exists(), "a demo that cannot be seen does not start");
}

#[test]
fn a_public_address_requires_a_token() {
    let fixture = Fixture::with_run();
    let args = ["serve", "run", "--addr", "0.0.0.0:0", "--token", "open-sesame"];
    let mut server = Server::start(fixture.command(&args));
    let port = server.address.rsplit(':').next().unwrap().split('/').next().unwrap();
    server.address = format!("http://127.0.0.1:{port}");
    server.problem("/api/runs", 401);
    server.json("/api/runs?token=open-sesame");
}

#[test]
fn a_token_comes_from_a_file_or_the_environment() {
    let fixture = Fixture::with_run();
    fs::write(fixture.path("token"), "\n0123456789abcdef\n").unwrap();
    let mut server = fixture.serve(&["run", "--token-file", "token"]);
    server.address.truncate(server.address.find("/?token=0123456789abcdef").unwrap());
    server.problem("/api/runs", 401);
    server.json("/api/runs?token=0123456789abcdef");
    let mut command = fixture.command(&["serve", "run", "--addr", "127.0.0.1:0"]);
    command.env("DEEPVIZ_TOKEN", "fedcba9876543210");
    let server = Server::start(command);
    assert!(server.address.ends_with("/?token=fedcba9876543210"), "{}", server.address);
    fs::write(fixture.path("empty"), "\n").unwrap();
    fixture.run(&["serve", "run", "--token-file", "empty"]).expect_error(&["empty", "token alone"]);
    fixture.run(&["serve", "run", "--token-file", "none"]).expect_error(&["none", "cannot read the token"]);
    fixture
        .run(&["serve", "run", "--token-file", "token", "--token", "x"])
        .expect_error(&["two tokens", "--token-file"]);
    fixture.run(&["serve", "run", "--allow-upload"]).expect_error(&["--token-file", "DEEPVIZ_TOKEN"]);
    assert_eq!(fixture.run(&["serve", "run", "--trusted-proxy", "10.0.0.0/99"]).code, Some(2));
}

/// The server's stderr until it is stopped.
fn log_of(fixture: &Fixture, args: &[&str], ask: impl FnOnce(&Server)) -> String {
    let log = fixture.path("log");
    let command = fixture.command(&[&["serve", "run", "--addr", "127.0.0.1:0"], args].concat());
    let mut server = Server::start_logging(command, fs::File::create(&log).unwrap());
    server.address.truncate(server.address.find("/?").unwrap_or(server.address.len()));
    ask(&server);
    assert_eq!(server.signal("TERM"), Some(0));
    fs::read_to_string(&log).unwrap()
}

#[test]
fn wrong_tokens_are_logged_at_a_limited_rate_without_the_token() {
    let fixture = Fixture::with_run();
    let log = log_of(&fixture, &["--token", "0123456789abcdef"], |server| {
        let (address, guesses) = (&server.address, (0..20).map(|number| format!("/api/runs?token=a-guess-{number}")));
        std::thread::scope(|scope| {
            let guess = |path: String| scope.spawn(move || assert_eq!(fixture::get(address, &path).0, 401));
            guesses.map(guess).collect::<Vec<_>>().into_iter().for_each(|guess| guess.join().unwrap());
        });
    });
    let lines: Vec<_> = log.lines().filter(|line| line.contains("wrong token")).collect();
    assert!((1..20).contains(&lines.len()), "{log}");
    assert!(lines[0].contains("address, from 127.0.0.1, for /api/runs"), "{log}");
    assert!(!log.contains("a-guess") && !log.contains("0123456789abcdef"), "{log}");
}

#[test]
fn weak_or_readable_tokens_cause_a_warning() {
    let fixture = Fixture::with_run();
    let log = log_of(&fixture, &["--token", "1"], |_| ());
    assert!(log.contains("warning: the token is easy to guess") && log.contains("16 or more"), "{log}");
    assert!(!log_of(&fixture, &["--token", "0123456789abcdef"], |_| ()).contains("warning"));
    #[cfg(unix)]
    for (mode, warned) in [(0o644, true), (0o600, false)] {
        use std::os::unix::fs::PermissionsExt as _;
        fs::write(fixture.path("token"), "0123456789abcdef").unwrap();
        fs::set_permissions(fixture.path("token"), fs::Permissions::from_mode(mode)).unwrap();
        let log = log_of(&fixture, &["--token-file", "token"], |_| ());
        assert_eq!(log.contains("warning: other users can read"), warned, "{log}");
    }
}

#[test]
fn nothing_to_serve_is_an_error() {
    let fixture = Fixture::with_shapes();
    fixture.run(&["serve", "nowhere"]).expect_error(&["nowhere"]);
    fixture.run(&["serve", "shapes"]).expect_error(&["shapes", "run"]);
}

/// Megabytes of memory that a process holds.
#[cfg(target_os = "linux")]
fn resident_mb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[cfg(target_os = "linux")]
fn memory_stays_within_its_limit_under_any_load() {
    let fixture = Fixture::with_run();
    let server = fixture.serve(&["run", "--cache-mb", "8"]);
    let address = server.address.clone();
    let sheet = |client: u64, number: u64| {
        let (image, scale) = (number * 7 % 400, 3 + (client + number) % 5);
        let checkpoint = (client + number) % 8;
        let path = format!(
            "/api/runs/run/checkpoints/{checkpoint}/layers/conv1/filters/*/channels/*/apply/{image}?scale={scale}&palette=sequential"
        );
        let (status, png) = fixture::get(&address, &path);
        assert_eq!(status, 200, "{path}");
        png.len() as u64
    };
    let load = |rounds: u64| -> u64 {
        std::thread::scope(|scope| {
            let sheet = &sheet;
            let clients = (0..8).map(|client| scope.spawn(move || (0..rounds).map(|n| sheet(client, n)).sum::<u64>()));
            clients.collect::<Vec<_>>().into_iter().map(|client| client.join().unwrap()).sum()
        })
    };
    load(20);
    let warm = resident_mb(server.process());
    let sent = load(150) >> 20;
    assert!(sent >= 16, "{sent} MB are no load for a cache of 8 MB");
    let after = resident_mb(server.process());
    // The limit, and what an allocator that serves eight clients at once may keep.
    assert!(after <= warm + 8 + 24, "{warm} MB grew to {after} MB over {sent} MB of pictures");
}

/// In a small file system, for which the system must allow mount namespaces.
#[test]
fn an_upload_that_does_not_fit_on_the_disk_is_removed() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("store")).unwrap();
    let script = "mount -t tmpfs -o size=5m tmpfs store || exit 77
                  exec \"$0\" serve store --addr 127.0.0.1:0 --allow-upload --token 0123456789abcdef";
    let allowed = ["--mount", "--map-root-user", "sh", "-c", "mount -t tmpfs tmpfs store"];
    let is_allowed = Command::new("unshare").args(allowed).current_dir(fixture.path(".")).status();
    if !is_allowed.is_ok_and(|status| status.success()) {
        let mut stderr = std::io::stderr();
        writeln!(stderr, "SKIPPED a full disk: this system lets no process mount one of its own").unwrap();
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script, env!("CARGO_BIN_EXE_deepviz")]);
    command.current_dir(fixture.path(".")).stdin(Stdio::null()).stdout(Stdio::piped());
    let server = Server::start(command);
    // It is printed with the token.
    let address = server.address.split("/?").next().unwrap();
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent = config.new_agent();
    let token = "Bearer 0123456789abcdef";
    for name in ["one", "two", "three"] {
        let url = format!("{address}/api/uploads/corpora/{name}");
        let mut answer = agent.put(url).header("authorization", token).send(&tar_of_zeros(8 << 20)[..]).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status(), 507, "{text}");
    }
    let url = format!("{address}/api/uploads");
    let text = agent.get(url).header("authorization", token).call().unwrap().body_mut().read_to_string().unwrap();
    let listed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&listed["uploads"], &listed["bytes"]), (&serde_json::json!([]), &0.into()));
    assert_eq!(server.signal("INT"), Some(0));
}

/// A valid tar archive of one file of `bytes` zeros.
fn tar_of_zeros(bytes: usize) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, "train/a/0.png");
    field(100, "0000644\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{bytes:011o}\0"));
    field(136, "00000000000\0");
    // While it is summed, the sum itself is blank.
    field(148, "        0ustar\0");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [&header[..], &vec![0; bytes.next_multiple_of(512) + 1024]].concat()
}
