//! Runs and corpora that are sent as archives.

use std::io::Write as _;
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

    /// As `curl -X PUT -F` sends files.
    async fn put_form(&self, path: &str, parts: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (head, bytes) in parts {
            body.extend(format!("--x-1\r\ncontent-disposition: form-data; {head}\r\n\r\n").into_bytes());
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--x-1--\r\n");
        let request = get(path).method("PUT").header("authorization", format!("Bearer {TOKEN}"));
        let request = request.header("content-type", "multipart/form-data; boundary=x-1");
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

fn zip_of(folder: &Path, inside: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = Path::new(inside).join(path.strip_prefix(folder).unwrap());
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(name.to_str().unwrap(), options).unwrap();
            writer.write_all(&std::fs::read(&path).unwrap()).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn zips_and_forms_are_understood() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("run");
    write_run(&run, &images());
    let (zip, tar) = (zip_of(&run, "run"), tar_of(&run, "."));
    assert_eq!(store.put("/api/uploads/runs/zipped", zip.clone()).await.status, 201);
    let file = "name=\"file\"; filename=\"run.tar.gz\"";
    let note: (&str, &[u8]) = ("name=\"note\"", b"mine");
    for (name, parts) in [("form", vec![note, (file, &tar)]), ("zipped-form", vec![(file, &zip), note])] {
        let answer = store.put_form(&format!("/api/uploads/runs/{name}"), &parts).await;
        assert_eq!(answer.status, 201, "{name}: {:?}", answer.body);
        assert_eq!(store.get(&format!("/api/runs/{name}/checkpoints/3/layers/conv1")).await.status, 200);
    }
    let answer = store.put("/api/uploads/corpora/shapes", zip_of(&images(), ".")).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    for (parts, words) in [(vec![note], "no file"), (vec![(file, &tar[..]), (file, &tar[..])], "several files")] {
        let answer = store.put_form("/api/uploads/runs/bad", &parts).await;
        assert_eq!(answer.status, 400, "{:?}", answer.body);
        assert!(answer.json()["detail"].as_str().unwrap().contains(words), "{:?}", answer.body);
    }
    // A form that is posted, as `curl -F` does unless told otherwise.
    let request = get("/api/uploads/runs/posted").method("POST").header("authorization", format!("Bearer {TOKEN}"));
    let answer = store.lab.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 405);
    assert!(answer.json()["hint"].as_str().unwrap().contains("curl -T"), "{:?}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_that_is_understood_is_named() {
    let store = Store::new();
    for (head, words) in [
        (&b"\xfd7zXZ\x00"[..], "an xz archive"),
        (b"BZh9", "a bzip2 archive"),
        (b"\x28\xb5\x2f\xfd", "a zstd archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07\x00", "a rar archive"),
        (b"SQLite format 3", "an SQLite database"),
        (b"--------------------------x", "a form"),
        (b"\x89PNG\r\n", "no tar, tar.gz or zip"),
        (b"PK\x03\x04", "zip is damaged"),
    ] {
        for kind in ["runs", "corpora"] {
            let answer = store.put(&format!("/api/uploads/{kind}/x"), [head, &[7; 2000]].concat()).await;
            assert_eq!(answer.status, 400, "{words}: {:?}", answer.body);
            let problem = answer.json();
            assert!(problem["detail"].as_str().unwrap().contains(words), "{words}: {problem}");
            assert!(problem["hint"].as_str().unwrap().contains(".tar.gz or .zip"), "{problem}");
        }
    }
    assert!(store.names().iter().all(|name| name == "corpora"), "{:?}", store.names());
}

/// While `deepviz stats` runs, most of its numbers stand in the log beside the database.
#[tokio::test(flavor = "multi_thread")]
async fn statistics_that_are_being_written_travel_with_their_log() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("run");
    write_run(&run, &images());
    drop(deepviz_stats::Store::open(&run).unwrap());
    // A reader of the first moment: nothing that comes later leaves the log.
    let reader = rusqlite::Connection::open(run.join("stats.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM unit;").unwrap();
    let corpus = deepviz_corpus::Corpus::open(&images()).unwrap();
    let opened = deepviz_net::Run::open(&run).unwrap();
    let mut job = deepviz_stats::Job::new(&opened, &corpus, deepviz_net::Device::cpu(Some(1), None).unwrap());
    job.splits = vec![deepviz_corpus::Split::Test];
    deepviz_stats::compute(&job, &mut (), &std::sync::atomic::AtomicBool::new(false)).unwrap();
    let whole = tar_of(&run, ".");
    // Without the log there is nothing, and that is said.
    std::fs::copy(run.join("stats.sqlite"), made.path().join("alone.sqlite")).unwrap();
    drop(reader);
    let answer = store.put("/api/uploads/runs/whole", whole).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    assert_eq!(answer.json()["statistics"], 4);
    let detail = store.get("/api/runs/whole").await.json();
    assert_eq!(detail["checkpoints"][3]["statistics"]["test"], "ready");
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(run.join(format!("stats.sqlite{end}")));
    }
    std::fs::copy(made.path().join("alone.sqlite"), run.join("stats.sqlite")).unwrap();
    let answer = store.put("/api/uploads/runs/alone", tar_of(&run, ".")).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["statistics"]), (201, &0.into()));
    // Half of a database is refused, with what may be the reason.
    let path = store.folder.path().join("whole/stats.sqlite");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(run.join("stats.sqlite"), &bytes[..bytes.len() / 2]).unwrap();
    let answer = store.put("/api/uploads/runs/torn", tar_of(&run, ".")).await;
    assert_eq!(answer.status, 422, "{:?}", answer.body);
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
