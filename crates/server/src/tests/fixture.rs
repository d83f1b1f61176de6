//! A small run with real images, a real network and real statistics, and a way to ask the server about it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use deepviz_corpus::{Corpus, ShapesOptions, Split, make_shapes};
use deepviz_net::{Device, Run, RunInfo, Step};
use deepviz_stats::{Job, compute};
use serde_json::Value;
use tower::ServiceExt;

use crate::app::AppState;
use crate::http::proxy::Proxies;
use crate::http::security::Access;
use crate::server::{Config, app, router};

const RECIPE: &str = r#"
[[layer]]
name = "conv1"
type = "conv"
filters = 6
size = 5
stride = 2
init = { type = "normal", std = 0.02 }
[[layer]]
name = "relu1"
type = "relu"
[[layer]]
name = "conv2"
type = "conv"
filters = 4
size = 3
stride = 2
init = { type = "normal", std = 0.05 }
[[layer]]
name = "fc16"
type = "full"
outputs = 16
init = { type = "normal", std = 0.05 }
[[layer]]
name = "relu2"
type = "relu"
[[layer]]
name = "fc10"
type = "full"
outputs = 10
init = { type = "normal", std = 0.2 }
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 20
stages = [{ epochs = 2, rate = 0.001 }, { epochs = 1, rate = 0.0001 }]
[snapshots]
every = "1 epoch"
"#;

/// Steps of the snapshots.
pub(super) const STEPS: [u64; 4] = [0, 5, 10, 15];

/// Everything on disk that tests only read.
static SHARED_RUN: LazyLock<SharedRun> = LazyLock::new(SharedRun::make);

struct SharedRun {
    folder: tempfile::TempDir,
}

impl SharedRun {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_shapes(&folder.path().join("shapes"), &ShapesOptions { images: 120, test_fraction: 0.25, seed: 5 })
            .unwrap();
        let shared = Self { folder };
        let run = shared.folder.path().join("tiny");
        write_run(&run, &shared.folder.path().join("shapes"));
        let corpus = Corpus::open(&shared.folder.path().join("shapes")).unwrap();
        let opened = Run::open(&run).unwrap();
        let mut job = Job::new(&opened, &corpus, Device::cpu(Some(1), None).unwrap());
        job.splits = vec![Split::Test];
        (job.clusters, job.nearest) = (4, 3);
        compute(&job, &mut (), &AtomicBool::new(false)).unwrap();
        shared
    }
}

/// A run over the corpus in `images`, without statistics.
pub(super) fn write_run(run: &Path, images: &Path) {
    let corpus = Corpus::open(images).unwrap();
    let info = deepviz_fixtures::run_info(RECIPE, &corpus);
    std::fs::create_dir_all(run.join("snapshots")).unwrap();
    info.write(run).unwrap();
    for step in STEPS {
        write_snapshot(run, &corpus, step);
    }
    let line = |step: u64, kind: &str, loss: f64| {
        format!(
            "{{\"step\":{step},\"epoch\":{},\"images_seen\":{},\"kind\":\"{kind}\",\"loss\":{loss},\"error\":0.5,\
             \"rate\":0.001,\"images_per_s\":1000.0}}\n",
            step as f64 / 5.0,
            step * 18
        )
    };
    let mut lines = line(0, "test", 2.5);
    for step in 1..=15 {
        lines.push_str(&line(step, "train", 2.5 - step as f64 / 10.0));
        if step % 5 == 0 {
            lines.push_str(&line(step, "test", 2.5 - step as f64 / 12.0));
        }
    }
    std::fs::write(run.join("metrics.jsonl"), lines).unwrap();
}

/// Weights that are like those of the neighbouring steps, and so small that the statistics store logits with their
/// finest quantisation.
pub(super) fn write_snapshot(run: &Path, corpus: &Corpus, step: u64) {
    let info = RunInfo::read(run).unwrap();
    let parameters = deepviz_fixtures::parameters(&deepviz_fixtures::network(&info), 1, step as f32 / 30.0);
    let snapshot = deepviz_fixtures::snapshot(&info, corpus, step, parameters);
    snapshot.write(&Run::snapshot_path(run, Step(step))).unwrap();
}

/// A server over the shared run, or over folders of the test's own.
pub(super) struct TestServer {
    pub(super) app: AppState,
    router: Router,
    /// Deleted at the end of the test.
    folder: Option<tempfile::TempDir>,
}

/// What came back.
pub(super) struct TestResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl TestServer {
    /// Over the run that no test changes.
    pub(super) fn shared() -> Self {
        Self::over(&[SHARED_RUN.folder.path().join("tiny")], None, None)
    }

    /// Over a copy of the run in a folder that the test may change.
    pub(super) fn own() -> (Self, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("runs/tiny");
        copy(&SHARED_RUN.folder.path().join("tiny"), &run);
        let mut server = Self::over(&[folder.path().join("runs")], None, None);
        server.folder = Some(folder);
        (server, run)
    }

    /// Over a folder to which archives may be sent.
    pub(super) fn taking_uploads(folder: &Path, token: &str) -> Self {
        Self::taking_uploads_of(1 << 30, folder, token)
    }

    /// The same with a limit of `bytes` for all uploads.
    pub(super) fn taking_uploads_of(bytes: u64, folder: &Path, token: &str) -> Self {
        let mut config = config(&[folder.to_owned()], None, Some(token));
        config.allow_upload = true;
        config.upload_bytes = bytes;
        Self::with(&config)
    }

    pub(super) fn over(runs: &[PathBuf], corpus: Option<PathBuf>, token: Option<&str>) -> Self {
        Self::with(&config(runs, corpus, token))
    }

    /// Over the shared run, on a port, for those who know the token.
    pub(super) fn at(port: u16, token: &str) -> Self {
        let mut config = config(&[SHARED_RUN.folder.path().join("tiny")], None, Some(token));
        config.addr.set_port(port);
        Self::with(&config)
    }

    /// With a folder for decoded images.
    pub(super) fn caching_in(runs: &[PathBuf], cache: &Path) -> Self {
        let mut config = config(runs, None, None);
        config.cache_dir = Some(cache.to_owned());
        Self::with(&config)
    }

    fn with(config: &Config) -> Self {
        let app = app(config).unwrap();
        let access = Arc::new(Access::new(config.addr, config.token.as_deref(), Proxies::new(&config.trusted_proxies)));
        Self { router: router(Arc::clone(&app), access), app, folder: None }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> TestResponse {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        TestResponse { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn get(&self, path: &str) -> TestResponse {
        self.send(get(path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, body: impl Into<Body>) -> TestResponse {
        self.send(get(path).method("POST").body(body.into()).unwrap()).await
    }

    /// The JSON of an answer that must be good.
    pub(super) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }
}

fn config(runs: &[PathBuf], corpus: Option<PathBuf>, token: Option<&str>) -> Config {
    Config {
        runs: runs.to_vec(),
        addr: ([127, 0, 0, 1], 7878).into(),
        corpus,
        cache_dir: None,
        cache_bytes: 64 << 20,
        token: token.map(str::to_owned),
        trusted_proxies: Vec::new(),
        allow_upload: false,
        upload_bytes: 0,
        device: None,
        worker: None,
    }
}

/// The images of the shared run.
pub(crate) fn images() -> PathBuf {
    SHARED_RUN.folder.path().join("shapes")
}

/// A request as a browser on this machine sends it.
pub(super) fn get(path: &str) -> axum::http::request::Builder {
    Request::builder().uri(path).header("host", "localhost:7878")
}

impl TestResponse {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Width, height and RGBA bytes of a picture.
    pub(super) fn pixels(&self) -> (usize, usize, Vec<u8>) {
        assert_eq!(self.header("content-type"), "image/png", "{:?}", self.body);
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&self.body));
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::ALPHA);
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        bytes.truncate(info.buffer_size());
        (info.width as usize, info.height as usize, bytes)
    }
}

/// A copy of the run that no test changes.
pub(crate) fn copy_of_run(to: &Path) {
    copy(&SHARED_RUN.folder.path().join("tiny"), to);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
