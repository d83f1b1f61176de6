//! A place to try the built binary: a folder that goes away, a small corpus, small runs, a server.
#![expect(dead_code, reason = "each test file uses its own part of the laboratory")]

pub mod images;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Overrides that make the built-in recipe small enough to train in a test.
pub const SMALL: [&str; 4] = ["--set", "train.batch=32", "--snapshot-every", "4 steps"];

/// A folder with the binary at hand.
pub struct Lab {
    folder: TempDir,
}

impl Lab {
    /// An empty laboratory.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// One with a corpus of shapes in `shapes`.
    pub fn with_shapes() -> Self {
        let lab = Self::new();
        lab.run(&["corpus", "make", "shapes", "--out", "shapes", "--images", "480"]).expect_good();
        lab
    }

    /// One with a corpus and a finished run in `run`, with statistics.
    pub fn with_run() -> Self {
        let lab = Self::with_shapes();
        lab.train("run", &[]).expect_good();
        lab.run(&["stats", "run", "--clusters", "5"]).expect_good();
        lab
    }

    /// A path in the laboratory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The binary with arguments, not started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deepviz"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_remove("RUST_LOG")
            .env_remove("DEEPVIZ_TOKEN")
            .env("DEEPVIZ_CACHE_DIR", self.folder.path().join(".cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end, which must come before the deadline: a hang fails its test instead of holding
    /// everything up.
    pub fn run(&self, args: &[&str]) -> Outcome {
        finish(&mut self.command(args), &args.join(" "))
    }

    /// Arguments that train a small network on the shapes into a run folder.
    pub fn train_args<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec!["train", "shapes-quick", "--corpus", "shapes", "--out", out, "--json"];
        args.extend(SMALL);
        if !more.contains(&"--device") {
            args.extend(["--device", "cpu"]);
        }
        if !more.contains(&"--epochs") {
            args.extend(["--epochs", "2"]);
        }
        args.extend(more);
        args
    }

    /// Trains a small network to the end.
    pub fn train(&self, out: &str, more: &[&str]) -> Outcome {
        self.run(&Self::train_args(out, more))
    }

    /// Every snapshot of a run: file name and bytes.
    pub fn snapshots(&self, run: &str) -> BTreeMap<String, Vec<u8>> {
        let folder = self.path(run).join("snapshots");
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (name_of(&path), fs::read(&path).unwrap()))
            .collect()
    }

    /// Serves runs on a free port until dropped.
    pub fn serve(&self, args: &[&str]) -> Server {
        let mut all = vec!["serve", "--addr", "127.0.0.1:0"];
        all.extend(args);
        Server::start(self.command(&all))
    }
}

/// Bounds a hang, and nothing else: on a machine whose cores and disk are kept busy by others a command may take many
/// times as long as alone.
pub const DEADLINE: Duration = Duration::from_mins(30);

/// Runs a command to its end.
pub fn finish(command: &mut Command, what: &str) -> Outcome {
    wait_for(command.spawn().unwrap(), what)
}

/// The same of one that runs.
pub fn wait_for(child: Child, what: &str) -> Outcome {
    let output = within_deadline(child, what);
    Outcome {
        what: what.to_owned(),
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn within_deadline(child: Child, what: &str) -> Output {
    let id = child.id();
    let (done, is_done) = channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    let output = is_done.recv_timeout(DEADLINE);
    if output.is_err() {
        let _ = Command::new("kill").args(["-KILL", &id.to_string()]).status();
    }
    assert!(output.is_ok(), "deepviz {what}: still running after {DEADLINE:?}");
    output.unwrap().unwrap()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// How the binary ended.
pub struct Outcome {
    what: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// It went well and said nothing on stderr.
    #[track_caller]
    pub fn expect_good(self) -> Self {
        assert_eq!(self.code, Some(0), "{}: {}", self.what, self.stderr);
        assert_eq!(self.stderr, "", "{}", self.what);
        self
    }

    /// It failed with one line that contains every one of these.
    #[track_caller]
    pub fn expect_error(&self, parts: &[&str]) {
        assert_eq!(self.code, Some(1), "{}: {}", self.what, self.stderr);
        let errors = self.stderr.lines().filter(|line| line.starts_with("error: "));
        assert_eq!(errors.count(), 1, "{}: {}", self.what, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "{}: no \"{part}\" in: {}", self.what, self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }

    /// The JSON lines on stdout.
    pub fn events(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// GET from an address: status and body.
pub fn get(address: &str, path: &str) -> (u16, Vec<u8>) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let mut response = config.new_agent().get(format!("{address}{path}")).call().unwrap();
    let body = response.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
    (response.status().as_u16(), body)
}

/// A server under test.
pub struct Server {
    child: Child,
    /// `http://127.0.0.1:12345`
    pub address: String,
    /// What it printed on the way.
    pub said: Vec<String>,
    /// What it prints after that.
    says: Receiver<String>,
}

impl Server {
    /// Starts a command that serves and waits until it prints where.
    pub fn start(command: Command) -> Self {
        Self::start_logging(command, Stdio::inherit())
    }

    /// The same, with its log elsewhere.
    pub fn start_logging(mut command: Command, log: impl Into<Stdio>) -> Self {
        let mut child = command.stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| {
                let address = line.split_whitespace().find(|word| word.starts_with("http://"));
                let address = address.map(|text| text.trim_end_matches('/').to_owned());
                said.push(line);
                address
            })
            .expect("an address on stdout");
        // Goes on reading, so that the server never waits for its reader.
        let (say, says) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| say.send(line)));
        Self { child, address, said, says }
    }

    /// Waits until it prints a line that contains this.
    #[track_caller]
    pub fn wait_for(&self, part: &str) {
        let until = Instant::now() + DEADLINE;
        let mut lines =
            std::iter::from_fn(|| self.says.recv_timeout(until.saturating_duration_since(Instant::now())).ok());
        assert!(lines.any(|line| line.contains(part)), "it ended, or {DEADLINE:?} went by, without \"{part}\"");
    }

    /// GET: status and body.
    pub fn get(&self, path: &str) -> (u16, Vec<u8>) {
        get(&self.address, path)
    }

    /// GET something that must be there and be JSON.
    #[track_caller]
    pub fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// GET something that must be refused: the problem document.
    #[track_caller]
    pub fn problem(&self, path: &str, expected: u16) -> serde_json::Value {
        let (status, body) = self.get(path);
        assert_eq!(status, expected, "{path}: {}", String::from_utf8_lossy(&body));
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["status"], expected, "{path}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.len() > 10), "{path}: {problem}");
        problem
    }

    /// Number of the process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name and waits for the end: the exit code.
    pub fn signal(self, name: &str) -> Option<i32> {
        signal(&self.child, name);
        self.wait()
    }

    /// Waits for the end: the exit code.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, as the test asked it to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name (`INT`) to a process that was started here.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}
