//! A run that diverged: no route has a number where there is none, none is best, and each says so.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use deepviz_corpus::{Corpus, Split};
use deepviz_net::{Device, Run, Step};
use deepviz_stats::{Job, compute};
use serde_json::{Value, json};

use super::fixture::{TestServer, images};

const TINY: &str = "/api/runs/tiny";
/// The last checkpoint: step 15.
const LAST: &str = "/api/runs/tiny/checkpoints/3";

/// Puts a value into all of an array of the last snapshot.
fn spoil(run: &Path, name: &str, value: f32) {
    let opened = Run::open(run).unwrap();
    let mut snapshot = opened.snapshot(Step(15)).unwrap();
    snapshot.parameters.get_mut(name).unwrap().fill(value);
    let path = Run::snapshot_path(run, Step(15));
    std::fs::remove_file(&path).unwrap();
    snapshot.sealed().write(&path).unwrap();
}

/// Replaces the measurement of the last step by what a trainer writes when it finds nothing finite.
fn rewrite(run: &Path, divergence: Option<&str>) {
    let path = run.join("metrics.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let last = lines.last_mut().unwrap();
    assert!(last.contains(r#""kind":"test""#), "{last}");
    *last = r#"{"step":15,"epoch":3.0,"images_seen":270,"kind":"test","loss":null,"error":1.0,"rate":0.001,"images_per_s":1000.0,"not_finite":30}"#.into();
    lines.extend(divergence.map(str::to_owned));
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

const LINE: &str = r#"{"step":15,"epoch":3.0,"images_seen":270,"kind":"diverged","what":"outputs","found":"30 of 30 test images have no finite class probabilities","rate":0.001}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_diverged_run_is_called_so_and_has_no_error() {
    for line in [Some(LINE), None] {
        let (server, run) = TestServer::own();
        rewrite(&run, line);
        let list = server.json("/api/runs").await;
        let summary = &list["runs"][0];
        assert_eq!((&summary["test_error"], &summary["divergence"]["step"]), (&Value::Null, &json!(15)), "{summary}");
        let detail = server.json(TINY).await;
        let divergence = &detail["divergence"];
        assert_eq!((&divergence["step"], &divergence["what"]), (&json!(15), &json!("outputs")), "{divergence}");
        assert!(divergence["found"].as_str().unwrap().starts_with("30 "), "{divergence}");
        let checkpoints = detail["checkpoints"].as_array().unwrap();
        let last = &checkpoints[3];
        assert_eq!((&last["test_error"], &last["test_loss"]), (&Value::Null, &Value::Null), "{last}");
        assert_eq!((&last["not_finite"], &last["diverged"]), (&json!(true), &json!(true)));
        for finite in &checkpoints[..3] {
            assert!(finite["test_error"].is_f64(), "{finite}");
            assert_eq!((&finite["not_finite"], &finite["diverged"]), (&json!(false), &json!(false)));
        }
        let metrics = server.json(&format!("{TINY}/metrics")).await;
        assert_eq!(metrics["test"]["step"], json!([0, 5, 10, 15]));
        assert_eq!(metrics["test"]["not_finite"], json!([0, 0, 0, 30]));
        assert_eq!((&metrics["test"]["loss"][3], &metrics["test"]["error"][3]), (&Value::Null, &Value::Null));
        assert_eq!(metrics["divergence"], *divergence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_diverged_between_measurements_keeps_those_that_are_true() {
    let (server, run) = TestServer::own();
    let path = run.join("metrics.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + &LINE.replace("outputs", "loss").replace(":15,", ":17,") + "\n").unwrap();
    let summary = server.json("/api/runs").await["runs"][0].clone();
    assert_eq!((&summary["test_error"], &summary["divergence"]["what"]), (&json!(0.5), &json!("loss")), "{summary}");
    let detail = server.json(TINY).await;
    assert!(detail["checkpoints"].as_array().unwrap().iter().all(|checkpoint| checkpoint["diverged"] == json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_class_is_predicted_where_nothing_is_finite() {
    for (name, value) in [("fc10.weight", 3e38), ("fc10.bias", f32::NAN), ("conv1.weight", f32::INFINITY)] {
        let (server, run) = TestServer::own();
        spoil(&run, name, value);
        rewrite(&run, Some(LINE));
        let prediction = server.json(&format!("{LAST}/predict/3")).await;
        assert_eq!(prediction["predicted"], Value::Null, "{name}: {prediction}");
        let problem = prediction["problem"].as_str().unwrap();
        assert!(problem.contains("no class is predicted: ") && problem.contains("diverged at step 15"), "{problem}");
        for list in ["logits", "probabilities"] {
            assert_eq!(prediction[list].as_array().unwrap().len(), 10);
        }
        assert!(prediction["logits"].as_array().unwrap().iter().any(Value::is_null), "{prediction}");
        let before = server.json(&format!("{TINY}/checkpoints/2/predict/3")).await;
        assert!(before["predicted"].is_u64() && before["problem"].is_null(), "{before}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_of_its_weights_has_no_number_that_is_not_finite() {
    let (server, run) = TestServer::own();
    spoil(&run, "conv1.weight", f32::INFINITY);
    let history = server.json(&format!("{TINY}/layers/conv1/history")).await;
    assert_eq!(history["checkpoints"], json!([0, 1, 2, 3]));
    for list in [&history["norm"], &history["moved"], &history["percentiles"]["p50"], &history["filters"]["norm"][3]] {
        assert!(list.as_array().unwrap().last().unwrap().is_null(), "{history}");
    }
    assert!(history["norm"][2].is_f64(), "{history}");
    let sheet = server.json(&format!("{LAST}/layers/conv1/filters/0/channels/*?format=json")).await;
    assert!(sheet["values"].as_array().unwrap().iter().all(Value::is_null), "{sheet}");
    let (.., pixels) = server.get(&format!("{LAST}/layers/conv1/filters/*/channels/*")).await.pixels();
    assert!(pixels.chunks(4).all(|pixel| pixel[3] == 0), "what is not finite has no colour");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_not_finite_has_no_statistics() {
    // The outputs stay finite: the rectifier sets every -inf to zero.
    for (name, value) in [("conv1.bias", f32::NEG_INFINITY), ("fc10.weight", 3e38)] {
        let (server, run) = TestServer::own();
        spoil(&run, name, value);
        let (opened, corpus) = (Run::open(&run).unwrap(), Corpus::open(&images()).unwrap());
        let mut job = Job::new(&opened, &corpus, Device::cpu(Some(1), None).unwrap());
        (job.splits, job.clusters, job.nearest) = (vec![Split::Test], 4, 3);
        let summary = compute(&job, &mut (), &AtomicBool::new(false)).unwrap();
        assert_eq!((summary.failed, summary.up_to_date), (1, 3), "{name}");
        let detail = server.json(TINY).await;
        assert_eq!(detail["checkpoints"][3]["statistics"]["test"], "failed");
        let answer = server.get(&format!("{LAST}/confusion")).await;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(!answer.status.is_success() && text.contains("not finite") && text.contains("diverged"), "{text}");
        for (route, list) in
            [("images/100/history", "checkpoints"), ("confusion", "checkpoints"), ("ledger", "checkpoints")]
        {
            let found = server.json(&format!("{TINY}/{route}")).await;
            assert_eq!(found[list], json!([0, 1, 2]), "{route}");
        }
        for route in ["images/100/near", "layers/conv1/activity", "layers/conv1/filters/0/top", "clusters"] {
            let answer = server.get(&format!("{LAST}/{route}")).await;
            assert!(!answer.status.is_success(), "{route}: {}", String::from_utf8_lossy(&answer.body));
        }
        let suspects = server.json(&format!("{TINY}/suspects")).await;
        assert_eq!(suspects["checkpoints"], json!([0, 1, 2]));
        let weights = server.json(&format!("{TINY}/weights")).await;
        assert!(!weights["checkpoints"].as_array().unwrap().contains(&json!(3)), "{weights}");
    }
}
