//! Runs and corpora that are sent as archives.

use std::path::Path;

use axum::body::Body;

use super::fixture::{TestServer, get, images, write_run};
use super::upload_store::{Store, TOKEN, plain_tar_of, tar_of, zip_of};
use crate::server::{Config, app};

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
    // A form that is posted, as `curl -F` does by default.
    let request = get("/api/uploads/runs/posted").method("POST").header("authorization", format!("Bearer {TOKEN}"));
    let answer = store.server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 405);
    assert!(answer.json()["hint"].as_str().unwrap().contains("curl -T"), "{:?}", answer.body);
}

/// While `deepviz stats` runs, most of its numbers are in the log beside the database.
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
    // Without the log there is nothing, and that is reported.
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
    let reply = answer.json();
    assert_eq!((&reply["id"], &reply["checkpoints"], &reply["skipped"]), (&"mine".into(), &4.into(), &1.into()));
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
    // A second try for a corpus that was not there comes after a while; here a server that starts again.
    let restarted = store.restarted();
    assert_eq!(restarted.get("/api/runs/mine/checkpoints/3/predict/1").await.status, 200);
    assert_eq!(restarted.names(), ["corpora", "mine"], "nothing else stays");
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
        worker: None,
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

/// Half of an archive is there for as long as its sender likes, with a corpus path of the sender's choice.
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

/// Many files without content are synced to the disk together: one by one it would take minutes.
#[tokio::test(flavor = "multi_thread")]
async fn many_empty_files_are_synced_together() {
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
