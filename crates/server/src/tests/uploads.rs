//! Runs and corpora that are sent as archives.

use std::path::Path;

use axum::body::Body;

use super::lab::{Answer, Lab, get, images, write_run};
use crate::server::{Config, app};

const TOKEN: &str = "open-sesame";

struct Store {
    lab: Lab,
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { lab: Lab::taking_uploads(folder.path(), TOKEN), folder }
    }

    async fn put(&self, path: &str, body: Vec<u8>) -> Answer {
        let request = get(path).method("PUT").header("authorization", format!("Bearer {TOKEN}"));
        self.lab.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        let request = get(path).header("authorization", format!("Bearer {TOKEN}"));
        self.lab.send(request.body(Body::empty()).unwrap()).await
    }

    /// What is in the folder, hidden or not.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn tar_of(folder: &Path, inside: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    builder.append_dir_all(inside, folder).unwrap();
    builder.into_inner().unwrap().finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_and_its_corpus_come_to_life() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("whatever");
    write_run(&run, &images());
    std::fs::write(run.join("notes.txt"), "mine").unwrap();

    let answer = store.put("/api/uploads/runs/mine", tar_of(&run, "whatever")).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let said = answer.json();
    assert_eq!((&said["id"], &said["checkpoints"], &said["skipped"]), (&"mine".into(), &4.into(), &1.into()));
    assert_eq!(store.get("/api/runs/mine/checkpoints/3/layers/conv1").await.status, 200);
    // The corpus that the run names lies on the sender's machine, and this one too; it is not looked at.
    let detail = store.get("/api/runs/mine").await.json();
    assert_eq!(detail["corpus"]["available"], false);
    assert_eq!(store.get("/api/runs/mine/checkpoints/3/predict/1").await.status, 409);

    let answer = store.put("/api/uploads/corpora/shapes", tar_of(&images(), ".")).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    assert_eq!((&answer.json()["images"], &answer.json()["classes"]), (&120.into(), &10.into()));
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(store.get(&format!("/api/corpora/{id}/images/7/pixels")).await.status, 200);
    // A second try for a corpus that was not there comes after a while; here a server that starts anew.
    let lab = Lab::taking_uploads(store.folder.path(), TOKEN);
    let again = Store { lab, folder: store.folder };
    assert_eq!(again.get("/api/runs/mine/checkpoints/3/predict/1").await.status, 200);
    assert_eq!(again.names(), ["corpora", "mine"], "nothing else stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_never_seen() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("run");
    write_run(&run, &images());
    let whole = tar_of(&run, ".");
    let snapshot = run.join("snapshots/000005.safetensors");
    let mut bytes = std::fs::read(&snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&snapshot, bytes).unwrap();
    let flipped = tar_of(&run, ".");
    for (name, body, status) in [
        ("flipped", flipped, 422),
        ("cut", whole[..whole.len() / 2].to_vec(), 400),
        ("nothing", Vec::new(), 422),
        ("nonsense", b"nonsense".repeat(200), 400),
        ("pictures", tar_of(&images(), "."), 422),
        (".hidden", whole.clone(), 400),
        ("a%2Fb", whole.clone(), 400),
        ("corpora", whole.clone(), 409),
    ] {
        let answer = store.put(&format!("/api/uploads/runs/{name}"), body).await;
        assert_eq!(answer.status, status, "{name}: {:?}", answer.body);
        assert_eq!(store.names(), [""; 0], "{name}");
    }
    assert_eq!(store.put("/api/uploads/runs/good", whole.clone()).await.status, 201);
    assert_eq!(store.put("/api/uploads/runs/good", whole).await.status, 409);
    let answer = store.put("/api/uploads/corpora/run", tar_of(&run, ".")).await;
    assert_eq!(answer.status, 422, "{:?}", answer.body);
    assert!(!String::from_utf8_lossy(&answer.body).contains(".upload-"), "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_for_those_who_may() {
    let store = Store::new();
    let request = get("/api/uploads/runs/x").method("PUT").body(Body::empty()).unwrap();
    assert_eq!(store.lab.send(request).await.status, 401);
    let closed = Lab::shared();
    let request = get("/api/uploads/runs/x").method("PUT").body(Body::empty()).unwrap();
    let answer = closed.send(request).await;
    assert_eq!(answer.status, 403);
    assert!(answer.json()["hint"].as_str().unwrap().contains("--allow-upload"));

    let config = |runs: Vec<std::path::PathBuf>, token: Option<&str>| Config {
        runs,
        addr: ([127, 0, 0, 1], 0).into(),
        corpus: None,
        cache_dir: None,
        cache_bytes: 1 << 20,
        token: token.map(str::to_owned),
        allow_upload: true,
        device: None,
    };
    let folder = tempfile::tempdir().unwrap();
    let refused = crate::bind(config(vec![folder.path().to_owned()], None)).await.err().unwrap();
    assert!(refused.to_string().contains("token"), "{refused}");
    let run = folder.path().join("run");
    write_run(&run, &images());
    let refused = crate::bind(config(vec![run], Some(TOKEN))).await.err().unwrap();
    assert!(refused.to_string().contains("folder of runs"), "{refused}");
    assert!(app(&config(vec![folder.path().to_owned()], Some(TOKEN))).unwrap().uploads.is_some());
}
