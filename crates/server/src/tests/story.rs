//! The story of a run: what rules tell of the shared run, and the sentences of users beside a run of the test's own.

use axum::body::Body;
use serde_json::{Value, json};

use super::fixture::{STEPS, TestServer, get};

const STORY: &str = "/api/runs/tiny/story";
const OWN: &str = "/api/runs/tiny/story/own";

async fn put(server: &TestServer, body: impl Into<Body>) -> super::fixture::TestResponse {
    server.send(get(OWN).method("PUT").body(body.into()).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_returns_a_sentence_or_a_reason() {
    let server = TestServer::shared();
    let story = server.json(STORY).await;
    assert_eq!(story["split"], "test");
    let ids = |of: &str| -> Vec<String> {
        story[of].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    };
    let (found_rules, silent) = (ids("sentences"), ids("silent"));
    let mut all: Vec<String> = found_rules.iter().chain(&silent).cloned().collect();
    all.sort();
    let rules =
        ["classes", "forgetting", "labels", "layers", "overfitting", "pair-parts", "pair-stays", "schedule", "units"];
    assert_eq!(all, rules);
    // Three trained checkpoints are too few for two means.
    assert!(silent.contains(&"classes".to_owned()), "{found_rules:?}");
    for one in story["silent"].as_array().unwrap() {
        assert!(one["reason"].as_str().unwrap().len() > 10, "{one}");
    }
    for one in story["sentences"].as_array().unwrap() {
        assert!(one["checkpoint"].as_u64().unwrap() < STEPS.len() as u64);
        assert!(!one["text"].as_str().unwrap().is_empty() && !one["evidence"].as_str().unwrap().is_empty());
        assert!(["curves", "units", "image"].contains(&one["picture"]["kind"].as_str().unwrap()), "{one}");
        if one["picture"]["unit"] == "share" {
            let lines = one["picture"]["lines"].as_array().unwrap();
            let mut values = lines.iter().flat_map(|line| line["values"].as_array().unwrap());
            assert!(values.all(|value| value.as_f64().is_none_or(|value| (0.0..=1.0).contains(&value))), "{one}");
        }
    }
    // The statistics of the training split were not computed.
    let train = server.json(&format!("{STORY}?split=train")).await;
    assert_eq!(train["split"], "train");
    assert!(train["silent"].as_array().unwrap().iter().any(|one| one["id"] == "labels"));
    assert_eq!(server.get(&format!("{STORY}?split=x")).await.status, 400);
    assert_eq!(server.get("/api/runs/none/story").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_run_without_statistics_reports_it() {
    let (server, run) = TestServer::own();
    std::fs::remove_file(run.join("stats.sqlite")).unwrap();
    let story = server.json(STORY).await;
    assert_eq!(story["sentences"], json!([]));
    let reason = |id: &str| {
        let silent = story["silent"].as_array().unwrap();
        silent.iter().find(|one| one["id"] == id).unwrap()["reason"].as_str().unwrap().to_owned()
    };
    assert!(reason("classes").contains("there are 0"), "{}", reason("classes"));
    assert!(reason("labels").contains("statistics"), "{}", reason("labels"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sentences_of_users_are_stored_beside_the_run() {
    let (server, run) = TestServer::own();
    let none = server.json(OWN).await;
    assert_eq!(none, json!({"file": "tiny.story.json", "revision": null, "sentences": []}));
    let sentence = json!({"text": "Look at filter 3.", "note": "it is an edge", "address": "view=filters&filter=3"});
    let saved = put(&server, json!({"sentences": [sentence]}).to_string()).await;
    assert_eq!(saved.status, 200, "{:?}", saved.body);
    let saved: Value = saved.json();
    assert_eq!(saved["sentences"], json!([sentence]));
    assert_eq!(server.json(OWN).await, saved);
    let file = run.with_file_name("tiny.story.json");
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((&written["format"], &written["run"]), (&json!(1), &json!("tiny")));
    assert!(!run.join("tiny.story.json").exists());
    // The list of runs is as before.
    assert_eq!(server.json("/api/runs").await["runs"].as_array().unwrap().len(), 1);
    // Who has read an older file may not write over this one.
    let late = put(&server, json!({"revision": null, "sentences": []}).to_string()).await;
    assert_eq!((late.status.as_u16(), late.json()["hint"].is_string()), (409, true));
    let gone = put(&server, json!({"revision": saved["revision"], "sentences": []}).to_string()).await;
    assert_eq!(gone.json()["revision"], json!(null));
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn sentences_that_cannot_be_stored_are_refused() {
    let (server, run) = TestServer::own();
    for (body, expected) in [
        ("{", "EOF"),
        (r#"{"sentences":[{"text":""}]}"#, "sentence 1 has no text"),
        (r#"{"sentences":[],"more":1}"#, "more"),
        (r##"{"sentences":[{"text":"a","address":"#view=filters"}]}"##, "what follows `#`"),
    ] {
        let answer = put(&server, body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(expected), "{:?}", answer.body);
    }
    let file = run.with_file_name("tiny.story.json");
    std::fs::write(&file, "not ours").unwrap();
    assert_eq!(server.get(OWN).await.status, 422);
    // A file that cannot be read is not written over.
    assert_eq!(put(&server, r#"{"sentences":[{"text":"a"}]}"#).await.status, 422);
    assert_eq!(std::fs::read(&file).unwrap(), b"not ours");
    // A folder in its place cannot be replaced.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert_eq!(server.get(OWN).await.status, 422);
}
