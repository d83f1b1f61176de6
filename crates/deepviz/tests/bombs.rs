//! Decompression bombs: a few kilobytes that decode to gigabytes of pixels. Every command refuses them, and a server
//! continues to serve. The address space is limited, so that a failed allocation would abort the process.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]
#![cfg(target_os = "linux")]

mod fixture;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use fixture::{Fixture, Server, finish, images::TINY};

/// Bytes of a picture of 8192 x 8192 pixels.
const PICTURE: &str = "201326592";

/// Forty pictures of one colour: 8 GB decoded.
fn write_bomb(folder: &Path) {
    let first = folder.join("train/a/0.png");
    for class in ["a", "b"] {
        fs::create_dir_all(folder.join("train").join(class)).unwrap();
    }
    image::RgbImage::new(8192, 8192).save(&first).unwrap();
    for number in 1..40 {
        let class = if number % 2 == 0 { "a" } else { "b" };
        fs::copy(&first, folder.join(format!("train/{class}/{number}.png"))).unwrap();
    }
}

/// The binary in an address space of `kibibytes` KiB.
fn bounded(fixture: &Fixture, kibibytes: u64, args: &[&str]) -> Command {
    let inner = fixture.command(args);
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -v {kibibytes} && exec \"$0\" \"$@\""));
    command.arg(inner.get_program()).args(inner.get_args());
    command.current_dir(inner.get_current_dir().unwrap());
    for (key, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn every_command_refuses_pictures_that_exceed_the_memory() {
    let fixture = Fixture::with_run();
    write_bomb(&fixture.path("bomb"));
    fs::write(fixture.path("tiny.toml"), TINY).unwrap();
    let packed = Command::new("tar").args(["-czf", "bomb.tar.gz", "bomb"]).current_dir(fixture.path("")).status();
    assert!(packed.unwrap().success());
    assert!(fs::metadata(fixture.path("bomb.tar.gz")).unwrap().len() < 1 << 20);
    for args in [
        &["corpus", "info", "bomb"][..],
        &["corpus", "info", "bomb.tar.gz"],
        &["stats", "run", "--corpus", "bomb", "--device", "cpu"],
        &["train", "tiny.toml", "--corpus", "bomb", "--out", "new", "--device", "cpu"],
    ] {
        let outcome = finish(&mut bounded(&fixture, 2_000_000, args), &args.join(" "));
        outcome.expect_error(&["too large: found", "at most"]);
    }
    // What was written on the way is gone.
    let cache = fs::read_dir(fixture.path(".cache/corpora")).unwrap().map(|entry| entry.unwrap().path());
    let large: Vec<_> = cache.filter(|path| fs::metadata(path).unwrap().len() > 100 << 20).collect();
    assert!(large.is_empty(), "{large:?}");
}

#[test]
fn a_server_refuses_them_and_continues_to_serve() {
    let fixture = Fixture::with_shapes();
    fixture.train("runs/first", &[]).expect_good();
    write_bomb(&fixture.path("bomb"));
    let packed = Command::new("tar").args(["-czf", "bomb.tar.gz", "bomb"]).current_dir(fixture.path("")).status();
    assert!(packed.unwrap().success());
    let args = ["serve", "runs", "--addr", "127.0.0.1:0", "--allow-upload", "--upload-gb", "1"];
    let mut command = bounded(&fixture, 3_000_000, &args);
    command.env("DEEPVIZ_TOKEN", "open-sesame-open-sesame");
    let server = Server::start(command);
    let address = server.address.split("/?").next().unwrap();
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let agent = config.new_agent();
    let archive = fs::read(fixture.path("bomb.tar.gz")).unwrap();
    let put = agent.put(format!("{address}/api/uploads/corpora/bomb"));
    let put = put.header("authorization", "Bearer open-sesame-open-sesame");
    let mut answer = put.send(&archive[..]).unwrap();
    let problem = answer.body_mut().read_to_string().unwrap();
    assert_eq!(answer.status().as_u16(), 413, "{problem}");
    assert!(problem.contains("bytes or more when decoded"), "{problem}");
    // The first picture that is too much is reported, not all of them.
    let found = problem.split(" bytes or more").next().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(found.parse::<u64>().unwrap() % PICTURE.parse::<u64>().unwrap(), 0, "{problem}");
    let get = agent.get(format!("{address}/api/runs")).header("authorization", "Bearer open-sesame-open-sesame");
    assert_eq!(get.call().unwrap().status().as_u16(), 200);
    // One that lies there already, as a run names it.
    let run = fixture.path("runs/first/run.toml");
    let text = fs::read_to_string(&run).unwrap();
    let bomb = fixture.path("bomb").display().to_string();
    let text: Vec<String> = text
        .lines()
        .map(|line| if line.starts_with("path = ") { format!("path = {bomb:?}") } else { line.to_owned() })
        .collect();
    fs::write(&run, text.join("\n") + "\n").unwrap();
    let line = loop {
        let get = agent.get(format!("{address}/api/corpora")).header("authorization", "Bearer open-sesame-open-sesame");
        let corpora = get.call().unwrap().body_mut().read_to_string().unwrap();
        if corpora.contains("\"bomb\"") && !corpora.contains("being read") {
            break corpora;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    assert!(line.contains("too large"), "{line}");
}
