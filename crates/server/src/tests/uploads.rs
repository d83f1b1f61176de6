//! Runs and corpora that are sent as archives.

use std::io::Write as _;
use std::path::Path;

use axum::body::Body;

use super::fixture::{TestResponse, TestServer, get, images, write_run};
use crate::server::{Config, app};

pub(super) const TOKEN: &str = "open-sesame";

pub(super) struct Store {
    pub(super) server: TestServer,
    folder: tempfile::TempDir,
}

impl Store {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { server: TestServer::taking_uploads(folder.path(), TOKEN), folder }
    }

    /// As a server that starts again finds it.
    fn restarted(self) -> Self {
        let Self { server, folder } = self;
        drop(server);
        Self { server: TestServer::taking_uploads(folder.path(), TOKEN), folder }
    }

    pub(super) async fn put(&self, path: &str, body: Vec<u8>) -> TestResponse {
        let request = get(path).method("PUT").header("authorization", format!("Bearer {TOKEN}"));
        self.server.send(request.body(Body::from(body)).unwrap()).await
    }

    /// As `curl -X PUT -F` sends files.
    async fn put_form(&self, path: &str, parts: &[(&str, &[u8])]) -> TestResponse {
        let mut body = Vec::new();
        for (head, bytes) in parts {
            body.extend(format!("--x-1\r\ncontent-disposition: form-data; {head}\r\n\r\n").into_bytes());
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--x-1--\r\n");
        let request = get(path).method("PUT").header("authorization", format!("Bearer {TOKEN}"));
        let request = request.header("content-type", "multipart/form-data; boundary=x-1");
        self.server.send(request.body(Body::from(body)).unwrap()).await
    }

    async fn get(&self, path: &str) -> TestResponse {
        let request = get(path).header("authorization", format!("Bearer {TOKEN}"));
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    /// The files of uploads in flight, or left of them.
    fn staging(&self) -> Vec<std::ffi::OsString> {
        let entries = std::fs::read_dir(self.folder.path().join(".uploads")).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    async fn delete(&self, path: &str) -> TestResponse {
        let request = get(path).method("DELETE").header("authorization", format!("Bearer {TOKEN}"));
        self.server.send(request.body(Body::empty()).unwrap()).await
    }

    /// What is in the folder, hidden or not.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        // Always there, and nothing of what it holds is served.
        names.retain(|name| name != ".uploads");
        assert_eq!(self.staging(), ["lock"]);
        names
    }
}

pub(super) fn tar_of(folder: &Path, inside: &str) -> Vec<u8> {
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
    let answer = store.server.send(request.body(Body::empty()).unwrap()).await;
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
    let again = store.restarted();
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
        ("nothing", Vec::new(), 400),
        ("nonsense", b"nonsense".repeat(200), 400),
        ("pictures", tar_of(&images(), "."), 422),
        (".hidden", whole.clone(), 400),
        ("a%2Fb", whole.clone(), 400),
        ("corpora", whole.clone(), 400),
        ("run.toml", whole.clone(), 400),
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
    assert_eq!(store.server.send(request).await.status, 401);
    let closed = TestServer::shared();
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
        trusted_proxies: Vec::new(),
        allow_upload: true,
        upload_bytes: 1 << 30,
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

/// Trial 28: half of an archive is there for as long as its sender likes, with a corpus path of the sender's choice.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_is_not_seen() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("run");
    write_run(&run, &images());
    let whole = plain_tar_of(&run);
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let request = get("/api/uploads/runs/slow").method("PUT").header("authorization", format!("Bearer {TOKEN}"));
    let sending = store.server.send(request.body(body).unwrap());
    let looking = async {
        let (first, last) = whole.split_at(whole.len() - 2048);
        sender.send(Ok(first.to_vec())).await.unwrap();
        // Until run.toml and a snapshot are unpacked, whatever the machine does beside.
        let has_run = |folder: &Path| {
            walk(folder).iter().any(|path| path.ends_with("run.toml"))
                && walk(folder).iter().any(|path| path.extension().is_some_and(|end| end == "safetensors"))
        };
        while !has_run(&store.folder.path().join(".uploads")) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        store.server.app.runs.scan();
        assert_eq!(store.get("/api/runs").await.json()["runs"], serde_json::json!([]));
        assert_eq!(store.get("/api/corpora").await.json()["corpora"], serde_json::json!([]));
        sender.send(Ok(last.to_vec())).await.unwrap();
        drop(sender);
    };
    let (answer, ()) = tokio::join!(sending, looking);
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    assert_eq!(store.names(), ["slow"]);
    // Nor afterwards: the folder that run.toml names is there, and is not opened.
    assert_eq!(store.get("/api/runs/slow").await.json()["corpus"]["available"], false);
    let corpora = store.get("/api/corpora").await.json();
    assert!(!corpora.to_string().contains("shapes/"), "{corpora}");
    assert_eq!(store.get("/api/runs/slow/checkpoints/3/predict/1").await.status, 409);
}

pub(super) fn plain_tar_of(folder: &Path) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_dir_all(".", folder).unwrap();
    builder.into_inner().unwrap()
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for path in std::fs::read_dir(at).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found
}

/// Trial 46: an archive that was cut between two files, at every one of its blocks; a gzip without its checksum, with
/// another, and with something behind.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_not_whole_is_refused() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("run");
    write_run(&run, &images());
    let whole = plain_tar_of(&run);
    let mut archive = tar::Archive::new(&whole[..]);
    let mut ends = Vec::new();
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        ends.push((entry.raw_file_position() + entry.size().next_multiple_of(512)) as usize);
    }
    ends.push(whole.len() - 512);
    for end in ends {
        let answer = store.put("/api/uploads/runs/cut", whole[..end].to_vec()).await;
        assert_eq!(answer.status, 400, "cut at {end}: {:?}", answer.body);
        assert!(answer.json()["detail"].as_str().unwrap().contains("cut short"), "{:?}", answer.body);
    }
    let packed = tar_of(&run, ".");
    let mut wrong = packed.clone();
    let sum = packed.len() - 8;
    wrong[sum] ^= 1;
    let cut = packed[..packed.len() - 9].to_vec();
    for (body, what) in [(wrong, "sum"), (cut, "cut"), ([&packed[..], b"garbage"].concat(), "more")] {
        let answer = store.put("/api/uploads/runs/gzip", body).await;
        assert_eq!(answer.status, 400, "{what}: {:?}", answer.body);
    }
    assert_eq!(store.names(), [""; 0]);
    // Programs pad a tar to whole records.
    assert_eq!(store.put("/api/uploads/runs/padded", [whole, vec![0; 10_240]].concat()).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_listed_and_deleted() {
    let store = Store::new();
    let made = tempfile::tempdir().unwrap();
    let run = made.path().join("run");
    write_run(&run, &images());
    assert_eq!(store.put("/api/uploads/runs/mine", tar_of(&run, ".")).await.status, 201);
    assert_eq!(store.put("/api/uploads/corpora/shapes", tar_of(&images(), ".")).await.status, 201);
    let listed = store.get("/api/uploads").await.json();
    assert_eq!(listed["uploads"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!((&listed["uploads"][0]["kind"], &listed["uploads"][0]["name"]), (&"run".into(), &"mine".into()));
    assert_eq!((&listed["uploads"][1]["kind"], &listed["uploads"][1]["name"]), (&"corpus".into(), &"shapes".into()));
    assert!(listed["bytes"].as_u64().unwrap() > 4096 && listed["most_bytes"] == 1 << 30, "{listed}");
    // Without the token nobody sees or deletes.
    for method in ["GET", "DELETE"] {
        let path = if method == "GET" { "/api/uploads" } else { "/api/uploads/runs/mine" };
        assert_eq!(store.server.send(get(path).method(method).body(Body::empty()).unwrap()).await.status, 401);
    }
    assert_eq!(store.delete("/api/uploads/runs/other").await.status, 404);
    assert_eq!(store.delete("/api/uploads/runs/..%2Fetc").await.status, 400);
    assert_eq!(store.delete("/api/uploads/runs/mine").await.status, 204);
    assert_eq!(store.get("/api/runs/mine").await.status, 404);
    assert_eq!(store.delete("/api/uploads/corpora/shapes").await.status, 204);
    assert_eq!(store.get("/api/corpora").await.json()["corpora"], serde_json::json!([]));
    let listed = store.get("/api/uploads").await.json();
    assert_eq!((&listed["uploads"], &listed["bytes"]), (&serde_json::json!([]), &0.into()));
    assert_eq!(store.names(), ["corpora"]);
    // The name is free again.
    assert_eq!(store.put("/api/uploads/runs/mine", tar_of(&run, ".")).await.status, 201);
}

/// Trial 44: many files without content, each of which had its own turn of the disk.
#[tokio::test(flavor = "multi_thread")]
async fn many_empty_files_are_one_turn() {
    let store = Store::new();
    let mut builder = tar::Builder::new(Vec::new());
    for number in 0..20_000 {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        builder.append_data(&mut header, format!("train/a/{number}.png"), std::io::empty()).unwrap();
    }
    let answer = store.put("/api/uploads/corpora/empty", builder.into_inner().unwrap()).await;
    assert_eq!(answer.status, 422, "{:?}", answer.body);
    assert_eq!(store.names(), [""; 0]);
    assert_eq!(store.get("/api/uploads").await.json()["bytes"], 0);
}
