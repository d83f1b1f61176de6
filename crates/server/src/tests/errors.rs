//! Every wrong question, what it is answered with, and that the words help.

use super::fixture::{TestServer, images, write_run};

/// Path, status, and words that the detail or the hint must hold.
const WRONG: &[(&str, u16, &str)] = &[
    ("/api/nothing", 404, "openapi.json"),
    ("/api/runs/none", 404, "runs here: tiny"),
    ("/api/runs/none/graph", 404, "no run `none`"),
    ("/api/runs/tiny/checkpoints/9/layers/conv1/filters/*/channels/*", 404, "run tiny has 0 to 3"),
    ("/api/runs/tiny/checkpoints/x/layers/conv1/filters/*/channels/*", 400, "`x`"),
    ("/api/runs/tiny/checkpoints/3-1/layers/conv1/filters/*/channels/*", 400, "backwards"),
    ("/api/runs/tiny/checkpoints/0/layers/conv9/filters/*/channels/*", 404, "layers here: data, conv1"),
    ("/api/runs/tiny/checkpoints/0/layers/relu1/filters/*/channels/*", 400, "layers with weights: conv1"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/6/channels/*", 404, "layer conv1 has 0 to 5"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/3", 404, "no channel 3"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*?scale=0", 400, "scale"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*?scale=65", 400, "1 to 64"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*?scale=x", 400, "query"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*?columns=0", 400, "columns"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*?palette=jet", 400, "diverging-light"),
    ("/api/runs/tiny/checkpoints/0/layers/conv2/filters/*/channels/*?palette=rgb", 400, "3 channels"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*?normalise=x", 400, "timeline"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*?format=gif", 400, "f32"),
    ("/api/runs/tiny/checkpoints/*/layers/conv1/filters/*/channels/*?format=png", 400, "one sheet"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*/apply/120", 404, "0 to 119"),
    ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*/apply/-1", 400, "whole number"),
    ("/api/runs/tiny/checkpoints/0/layers/fc10/filters/10/channels/*/apply/1", 404, "0 to 9"),
    ("/api/runs/tiny/layers/relu1/strip", 400, "no weights"),
    ("/api/runs/tiny/layers/conv1,conv2/strip", 400, "one layer"),
    ("/api/runs/tiny/layers/conv1/strip?checkpoints=7", 404, "0 to 3"),
    ("/api/runs/tiny/layers/relu1/history", 400, "no weights"),
    ("/api/runs/tiny/layers/none/history", 404, "layers here"),
    ("/api/runs/tiny/checkpoints/0/predict/120", 404, "0 to 119"),
    ("/api/runs/tiny/checkpoints/*/predict/1", 400, "one checkpoint"),
    ("/api/runs/tiny/images/120/history", 404, "0 to 119"),
    ("/api/runs/tiny/checkpoints/0/confusion?split=dev", 400, "train or test"),
    ("/api/runs/tiny/checkpoints/0/confusion?split=train", 409, "train split"),
    ("/api/runs/tiny/checkpoints/0/confusion/0/10/images", 404, "no class `10`"),
    ("/api/runs/tiny/checkpoints/0/confusion/a/1/images", 404, "no class `a`"),
    ("/api/runs/tiny/checkpoints/0/confusion/0/1/images?limit=0", 400, "limit"),
    ("/api/runs/tiny/checkpoints/0/confusion/0/1/images?cursor=x", 400, "next_cursor"),
    ("/api/runs/tiny/checkpoints/0/clusters?metric=manhattan", 400, "cosine, euclidean or standardised"),
    ("/api/runs/tiny/checkpoints/0/clusters?layer=none", 404, "layers here"),
    ("/api/runs/tiny/checkpoints/0/clusters/4/images", 404, "relu2 by cosine has 0 to 3"),
    ("/api/runs/tiny/checkpoints/0/clusters/x/images", 400, "the path cannot be read"),
    ("/api/runs/tiny/checkpoints/0/clusters/0/overlap", 400, "to_layer"),
    (
        "/api/runs/tiny/checkpoints/0/clusters/0/overlap?to_layer=conv1&to_metric=cosine",
        409,
        "there are relu2 by cosine",
    ),
    ("/api/runs/tiny/checkpoints/0/clusters/0/mean?of=all", 400, "members or rest"),
    ("/api/runs/tiny/checkpoints/0/clusters/0/mean?scale=9", 400, "a scale of 1 to 8"),
    ("/api/runs/tiny/checkpoints/0/clusters/captions?against=all", 400, "rest or class"),
    ("/api/runs/tiny/checkpoints/0/clusters/captions?limit=25", 400, "a limit of 1 to 24"),
    ("/api/runs/tiny/checkpoints/0/clusters/captions?cluster=9", 404, "0 to 3"),
    ("/api/runs/tiny/checkpoints/0/slice?subject=property&name=weight&threshold=1", 400, "expected one of brightness"),
    ("/api/runs/tiny/checkpoints/0/slice?subject=property&name=background", 400, "a finite `threshold`"),
    ("/api/runs/tiny/checkpoints/0/slice?subject=property&name=background&threshold=NaN", 400, "a finite `threshold`"),
    ("/api/runs/tiny/checkpoints/0/slice?subject=word&name=nowhere", 400, "no word `nowhere`"),
    ("/api/runs/tiny/checkpoints/0/slice?subject=class&name=99", 400, "99"),
    ("/api/runs/tiny/checkpoints/0/slice?subject=colour&name=red", 400, "the query cannot be read"),
    ("/api/runs/tiny/checkpoints/0/slice?subject=class&name=1&limit=201", 400, "a limit of 0 to 200"),
    ("/api/runs/tiny/checkpoints/0/clusters?layer=conv1&metric=cosine", 409, "there are relu2 by cosine"),
    ("/api/runs/tiny/checkpoints/0/images/120/near", 404, "0 to 119"),
    ("/api/runs/tiny/checkpoints/0/images/x/near", 400, "whole number"),
    ("/api/runs/tiny/checkpoints/9/images/95/near", 404, "run tiny has 0 to 3"),
    ("/api/runs/tiny/checkpoints/*/images/95/near", 400, "one checkpoint"),
    ("/api/runs/tiny/checkpoints/0/images/95/near?split=dev", 400, "train or test"),
    ("/api/runs/tiny/checkpoints/0/images/95/near?limit=0", 400, "limit"),
    ("/api/runs/tiny/checkpoints/0/images/95/near?split=train", 409, "train split"),
    ("/api/runs/tiny/checkpoints/0/images/3/near?split=test", 409, "train split"),
    ("/api/runs/tiny/metrics?since=x", 400, "query"),
    ("/api/corpora/none/images", 404, "corpora here"),
    ("/api/corpora/shapes/images?class=unicorn", 400, "unicorn"),
    ("/api/corpora/shapes/images?split=dev", 400, "train or test"),
    ("/api/corpora/shapes/images?limit=100000", 400, "10000"),
    ("/api/corpora/shapes/images/120", 404, "0 to 119"),
    ("/api/corpora/shapes/images/120/pixels", 404, "0 to 119"),
    ("/api/corpora/shapes/images/0/pixels?scale=1000", 400, "1 to 64"),
    ("/api/corpora/shapes/sheet", 400, "ids"),
    ("/api/corpora/shapes/sheet?ids=", 400, "whole number"),
    ("/api/corpora/shapes/sheet?ids=1,2,999", 404, "no image 999"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_question_gets_its_status_and_a_way_on() {
    let server = TestServer::shared();
    for (path, status, words) in WRONG {
        let answer = server.get(path).await;
        assert_eq!(answer.status.as_u16(), *status, "{path}: {:?}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem = answer.json();
        assert_eq!(problem["status"], *status, "{path}");
        let text = format!("{} {}", problem["detail"], problem["hint"]);
        assert!(text.contains(words), "{path}: {text}");
    }
    server.json("/api/runs/tiny").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_are_no_images_are_refused() {
    let server = TestServer::shared();
    for (path, body, status) in [
        ("/api/runs/tiny/checkpoints/0/predict", vec![], 415),
        ("/api/runs/tiny/checkpoints/0/predict", b"no image".to_vec(), 415),
        ("/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*/apply", b"no image".to_vec(), 415),
        ("/api/runs/tiny/checkpoints/0/predict", vec![0; 11 << 20], 413),
        ("/api/runs/none/checkpoints/0/predict", vec![1], 404),
        ("/api/runs/tiny", vec![1], 405),
    ] {
        let answer = server.post(path, body).await;
        assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_snapshot_is_a_gap_and_the_rest_works() {
    let (server, run) = TestServer::own();
    let snapshot = |step: u64| run.join(format!("snapshots/{step:06}.safetensors"));
    let whole = std::fs::read(snapshot(5)).unwrap();
    std::fs::write(snapshot(5), &whole[..whole.len() / 2]).unwrap();
    // One flipped bit in the middle of the values: the header says nothing of it.
    let mut flipped = std::fs::read(snapshot(10)).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    std::fs::write(snapshot(10), flipped).unwrap();

    let sheet = |index: usize| format!("/api/runs/tiny/checkpoints/{index}/layers/conv1/filters/*/channels/*");
    for (index, status) in [(0, 200), (1, 422), (2, 422), (3, 200)] {
        let answer = server.get(&sheet(index)).await;
        assert_eq!(answer.status, status, "{index}: {:?}", answer.body);
    }
    let detail = server.json("/api/runs/tiny").await;
    let problems: Vec<_> = detail["checkpoints"].as_array().unwrap().iter().map(|c| c["problem"].is_string()).collect();
    assert_eq!(problems, [false, true, true, false]);

    let list = server.json("/api/runs/tiny/checkpoints/*/layers/conv1/filters/0/channels/*").await;
    assert_eq!(list["sheets"].as_array().unwrap().len(), 2);
    assert_eq!(list["problems"].as_array().unwrap().len(), 2);
    let strip = server.get("/api/runs/tiny/layers/conv1/strip?normalise=timeline").await;
    assert_eq!(strip.status, 200);
    let geometry: serde_json::Value = serde_json::from_str(strip.header("x-deepviz-sheet")).unwrap();
    assert_eq!(geometry["checkpoints"], serde_json::json!([0, 3]));
    let history = server.json("/api/runs/tiny/layers/conv1/history").await;
    assert_eq!(history["checkpoints"], serde_json::json!([0, 3]));
}

/// Whatever happens to the files of a run: an answer, and never the server's fault.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_files_are_no_failure_of_the_server() {
    let (server, run) = TestServer::own();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let files =
        ["run.toml", "metrics.jsonl", "stats.sqlite", "snapshots/000005.safetensors", "snapshots/000015.safetensors"];
    let whole: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(run.join(file)).unwrap()).collect();
    for round in 0..40 {
        let chosen = round % files.len();
        let mut bytes = whole[chosen].clone();
        match round % 4 {
            0 => bytes.truncate(random() % bytes.len()),
            1 => bytes.extend_from_slice(b"more"),
            _ => {
                for _ in 0..8 {
                    let at = random() % bytes.len();
                    bytes[at] = random() as u8;
                }
            }
        }
        std::fs::write(run.join(files[chosen]), &bytes).unwrap();
        server.app.runs.scan();
        for path in [
            "",
            "/metrics",
            "/confusion",
            "/clusters",
            "/checkpoints/1/confusion",
            "/checkpoints/last/clusters",
            "/checkpoints/1/layers/conv1?format=f32",
            "/checkpoints/last/layers/fc10?normalise=timeline",
            "/checkpoints/*/layers/*",
            "/layers/conv2/strip",
            "/layers/conv2/history",
            "/checkpoints/last/predict/3",
            "/images/95/history",
            "/checkpoints/last/images/95/near",
            "/checkpoints/last/clusters/captions",
            "/checkpoints/1/clusters/2/images",
            "/checkpoints/1/clusters/2/mean",
            "/checkpoints/1/clusters/2/overlap?to_layer=fc10&to_metric=euclidean",
            "/checkpoints/1/slice?subject=class&name=2",
        ] {
            let answer = server.get(&format!("/api/runs/tiny{path}")).await;
            assert!(answer.status.as_u16() < 500, "{} {round} {path}: {:?}", files[chosen], answer.body);
        }
        assert!(server.get("/api/runs").await.status.is_success());
        std::fs::write(run.join(files[chosen]), &whole[chosen]).unwrap();
        server.app.runs.scan();
    }
    server.json("/api/runs/tiny").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_foreign_corpus_is_reported_and_weights_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("tiny");
    write_run(&run, &images());
    // The corpus that the run names does not exist: otherwise it would be used instead of the given one.
    let mut info = deepviz_net::RunInfo::read(&run).unwrap();
    info.corpus.path = folder.path().join("gone");
    info.write(&run).unwrap();
    let other = folder.path().join("other");
    let options = deepviz_corpus::ShapesOptions { images: 40, test_fraction: 0.5, seed: 1 };
    deepviz_corpus::make_shapes(&other, &options).unwrap();
    for (corpus, words) in [(folder.path().join("nowhere"), "nothing exists"), (other, "expected identity")] {
        let server = TestServer::over(std::slice::from_ref(&run), Some(corpus), None);
        let sheet = "/api/runs/tiny/checkpoints/0/layers/conv1/filters/*/channels/*";
        let answer = server.get(&format!("{sheet}/apply/1")).await;
        assert_eq!(answer.status, 409);
        assert!(answer.json()["detail"].as_str().unwrap().contains(words), "{:?}", answer.body);
        let detail = server.json("/api/runs/tiny").await;
        assert_eq!(detail["corpus"]["available"], false);
        assert!(detail["corpus"]["problem"].as_str().unwrap().contains(words));
        assert_eq!(server.get(sheet).await.status, 200);
        assert_eq!(server.get("/api/runs/tiny/checkpoints/0/confusion").await.status, 409);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_newer_format_is_named_and_the_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    write_run(&folder.path().join("good"), &images());
    write_run(&folder.path().join("newer"), &images());
    let file = folder.path().join("newer/run.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("format = 1", "format = 99", 1)).unwrap();
    let server = TestServer::over(&[folder.path().to_owned()], None, None);
    let list = server.json("/api/runs").await;
    assert_eq!(list["runs"].as_array().unwrap().len(), 1);
    assert_eq!(list["problems"][0]["id"], "newer");
    let answer = server.get("/api/runs/newer").await;
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_str().unwrap().contains("99"), "{:?}", answer.body);
    server.json("/api/runs/good").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_trained_elsewhere_is_shown_without_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("tiny");
    write_run(&run, &images());
    let opened = deepviz_net::Run::open(&run).unwrap();
    let mut info = opened.info().clone();
    info.training = None;
    info.recipe.train = None;
    info.write(&run).unwrap();
    for entry in opened.checkpoints() {
        let mut snapshot = opened.snapshot(entry.step).unwrap();
        snapshot.optimizer = deepviz_net::Parameters::default();
        snapshot.sealed().write(&entry.path).unwrap();
    }
    let server = TestServer::over(std::slice::from_ref(&run), None, None);
    let detail = server.json("/api/runs/tiny").await;
    for absent in ["seed", "device", "batch", "steps_per_epoch"] {
        assert!(detail[absent].is_null(), "{absent} {}", detail[absent]);
    }
    let checkpoints = detail["checkpoints"].as_array().unwrap();
    let last = checkpoints.last().unwrap();
    assert!(checkpoints.iter().all(|checkpoint| checkpoint["problem"].is_null()), "{checkpoints:?}");
    assert_eq!(detail["total_steps"], last["step"]);
    assert_eq!(detail["total_epochs"], last["epoch"]);
    assert_eq!(detail["planned_checkpoints"], checkpoints.len());
    assert_eq!(detail["stages"].as_array().unwrap().len(), 0);
    assert_eq!(server.get("/api/runs/tiny/checkpoints/1/layers/conv1/filters/*/channels/*").await.status, 200);
}
