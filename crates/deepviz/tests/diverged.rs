//! A run that diverges, from the command line to the server: it is reported as failed, and no error rate is claimed.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;

use fixture::Fixture;
use fixture::images::with_base;
use serde_json::{Value, json};

const RATE: &str = "train.stages.0.rate=1e30";

fn diverging<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["train", "tiny.toml", "--corpus", "base", "--out", out, "--device", "cpu"];
    args.extend(["--set", RATE, "--set", "train.batch=128", "--epochs", "1"]);
    args.extend(more);
    args
}

fn inspected(fixture: &Fixture, run: &str) -> (Value, String) {
    let object = fixture.run(&["inspect", run, "--json"]).expect_good();
    (serde_json::from_str(&object.stdout).unwrap(), fixture.run(&["inspect", run]).expect_good().stdout)
}

#[test]
fn a_run_that_diverges_at_its_last_step_fails_and_has_no_error() {
    let fixture = with_base();
    let each_step: &[&str] = &["--snapshot-every", "1 steps"];
    for (out, more) in [("end", &[] as &[&str]), ("each", each_step)] {
        let outcome = fixture.run(&diverging(out, more));
        outcome.expect_error(&[
            "training diverged at step 1: ",
            "24 of 24 test images",
            "lower learning rate (now 1e30)",
        ]);
        assert!(!outcome.stdout.contains("test error"), "{}", outcome.stdout);

        let lines: Vec<Value> = fs::read_to_string(fixture.path(out).join("metrics.jsonl"))
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let last = lines.last().unwrap();
        assert_eq!((&last["kind"], &last["step"], &last["what"]), (&json!("diverged"), &json!(1), &json!("outputs")));
        let tests: Vec<&Value> = lines.iter().filter(|line| line["kind"] == "test").collect();
        assert_eq!(tests.len(), 2);
        assert_eq!((&tests[1]["loss"], &tests[1]["error"]), (&Value::Null, &json!(1.0)));
        assert_eq!(tests[1]["not_finite"], json!(24));

        let (run, table) = inspected(&fixture, out);
        assert_eq!(run["diverged"]["step"], json!(1));
        let checkpoint = &run["checkpoints"][1];
        assert_eq!((&checkpoint["test_error"], &checkpoint["test_loss"]), (&Value::Null, &Value::Null));
        assert_eq!((&checkpoint["not_finite"], &checkpoint["diverged"]), (&json!(true), &json!(true)));
        let row = table.lines().find(|line| line.trim_start().starts_with("1 ")).unwrap();
        assert_eq!(row.matches("not finite").count(), 2, "{table}");
        assert!(row.contains("diverged") && table.contains("\ndiverged at step 1: 24 of 24 test images"), "{table}");
    }
}

#[test]
fn a_diverged_run_is_served_as_one() {
    let fixture = with_base();
    fixture.run(&diverging("run", &["--snapshot-every", "1 steps"])).expect_error(&["diverged at step 1"]);
    // The statistics say why there are none.
    let stats = fixture.run(&["stats", "run", "--split", "test"]);
    assert_eq!(stats.code, Some(1), "{}", stats.stderr);
    let server = fixture.serve(&["run"]);
    let list = server.json("/api/runs");
    assert_eq!((&list["runs"][0]["test_error"], &list["runs"][0]["divergence"]["step"]), (&Value::Null, &json!(1)));
    let run = server.json("/api/runs/run");
    assert_eq!(
        (&run["checkpoints"][1]["test_error"], &run["checkpoints"][1]["not_finite"]),
        (&Value::Null, &json!(true))
    );
    let statistics = |index: usize| run["checkpoints"][index]["statistics"]["test"].clone();
    assert_eq!((statistics(0), statistics(1)), (json!("ready"), json!("failed")));
    let prediction = server.json("/api/runs/run/checkpoints/1/predict/3");
    assert_eq!(prediction["predicted"], Value::Null, "{prediction}");
    assert!(prediction["problem"].as_str().unwrap().contains("diverged at step 1"), "{prediction}");
    assert_eq!(server.json("/api/runs/run/checkpoints/0/predict/3")["problem"], Value::Null);
    let confusion = server.json("/api/runs/run/confusion?split=test");
    assert_eq!(confusion["checkpoints"], json!([0]));
}

#[test]
fn a_diverged_run_is_not_resumed() {
    let fixture = with_base();
    fixture.run(&diverging("run", &[])).expect_error(&["diverged at step 1"]);
    let before = fs::read(fixture.path("run/metrics.jsonl")).unwrap();
    let again = fixture.run(&diverging("run", &["--resume"]));
    again.expect_error(&["cannot resume: the run diverged at step 1", "start a new run with a lower learning rate"]);
    assert_eq!(fs::read(fixture.path("run/metrics.jsonl")).unwrap(), before);
}

#[test]
fn events_of_a_diverging_run_report_it_and_end() {
    let fixture = with_base();
    let outcome = fixture.run(&diverging("run", &["--json"]));
    assert_eq!(outcome.code, Some(1));
    let events = outcome.events();
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["divergence"]["step"]), (&json!("diverged"), &json!(1)));
    assert!(events.iter().all(|event| event["event"] != "finished"));
}

#[test]
fn arrays_of_a_snapshot_that_are_not_finite_are_named() {
    let fixture = with_base();
    // The step's gradient is far beyond what a float holds: the weights themselves are not finite.
    let args = diverging("run", &["--set", "data.scale=100", "--set", "train.stages.0.rate=1e38"]);
    fixture.run(&args).expect_error(&["diverged at step"]);
    let snapshots = fixture.snapshots("run");
    let last = snapshots.keys().last().unwrap();
    let shown = fixture.run(&["inspect", &format!("run/snapshots/{last}"), "--json"]).expect_good();
    let object: Value = serde_json::from_str(&shown.stdout).unwrap();
    let tensors = object["tensors"].as_array().unwrap();
    assert!(tensors.iter().any(|tensor| tensor["not_finite"] != json!(0)), "{object}");
    for tensor in tensors {
        let sides: Vec<u64> = tensor["shape"].as_array().unwrap().iter().map(|side| side.as_u64().unwrap()).collect();
        let all_bad = tensor["not_finite"].as_u64().unwrap() == sides.iter().product::<u64>();
        assert_eq!(tensor["mean"].is_null(), all_bad, "{tensor}");
    }
}
