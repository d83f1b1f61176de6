//! Verdicts on labels: kept beside the run, and exported with the list of possible label errors.

use axum::body::Body;
use serde_json::{Value, json};

use super::fixture::{TestResponse, TestServer, get};

const RUN: &str = "/api/runs/tiny";

async fn put(server: &TestServer, image: u32, body: &str) -> TestResponse {
    let request = get(&format!("{RUN}/review/{image}")).method("PUT").body(Body::from(body.to_owned()));
    server.send(request.unwrap()).await
}

async fn withdraw(server: &TestServer, image: u32) -> TestResponse {
    server.send(get(&format!("{RUN}/review/{image}")).method("DELETE").body(Body::empty()).unwrap()).await
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_are_set_read_and_withdrawn() {
    let (server, run) = TestServer::own();
    let empty = server.json(&format!("{RUN}/review")).await;
    assert_eq!(empty, json!({"file": "tiny.review.json", "items": []}));
    let set = put(&server, 95, r#"{"verdict": "wrong", "suggestion": 3}"#).await;
    assert_eq!(set.status, 200, "{:?}", set.body);
    let stored = set.json();
    assert_eq!((&stored["id"], &stored["verdict"], &stored["suggestion"]), (&json!(95), &json!("wrong"), &json!(3)));
    assert!(stored["at_s"].as_u64().unwrap() > 1_600_000_000);
    assert_eq!(put(&server, 2, r#"{"verdict": "unclear"}"#).await.status, 200);
    let both = server.json(&format!("{RUN}/review")).await;
    assert_eq!(list(&both["items"]).len(), 2);
    let test = server.json(&format!("{RUN}/review?split=test")).await;
    assert_eq!(list(&test["items"]), [stored]);
    // Another server over the same folder sees it too.
    let other = TestServer::over(&[run.parent().unwrap().to_owned()], None, None);
    assert_eq!(other.json(&format!("{RUN}/review")).await, both);
    assert_eq!(put(&other, 95, r#"{"verdict": "right"}"#).await.status, 200);
    let changed = server.json(&format!("{RUN}/review?split=test")).await;
    assert_eq!((&changed["items"][0]["verdict"], &changed["items"][0]["suggestion"]), (&json!("right"), &Value::Null));
    for _ in 0..2 {
        assert_eq!(withdraw(&server, 95).await.status, 204);
    }
    assert!(list(&server.json(&format!("{RUN}/review?split=test")).await["items"]).is_empty());
    for (image, body, status) in [
        (95, "", 400),
        (95, r#"{"verdict": "maybe"}"#, 400),
        (95, r#"{"verdict": "wrong", "suggestion": 10}"#, 400),
        (95, r#"{"verdict": "wrong", "sugestion": 1}"#, 400),
        (120, r#"{"verdict": "wrong"}"#, 404),
    ] {
        assert_eq!(put(&server, image, body).await.status, status, "{image} {body}");
    }
    assert_eq!(server.get(&format!("{RUN}/review?split=all")).await.status, 400);
    let cross = get(&format!("{RUN}/review/95")).method("PUT").header("origin", "https://elsewhere.example");
    let refused = server.send(cross.body(Body::from(r#"{"verdict": "wrong"}"#)).unwrap()).await;
    assert_eq!(refused.status, 403, "a page of another origin sets no verdicts");
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_on_another_corpus_are_left_alone() {
    let (server, run) = TestServer::own();
    let file = run.with_file_name("tiny.review.json");
    let other = r#"{"version": 1, "verdicts": [{"corpus": "other", "image": 95, "verdict": "wrong", "label": "disc", "suggestion": null, "path": "x.png", "at_s": 1}]}"#;
    std::fs::write(&file, other).unwrap();
    assert!(list(&server.json(&format!("{RUN}/review")).await["items"]).is_empty());
    assert_eq!(put(&server, 95, r#"{"verdict": "right"}"#).await.status, 200);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(r#""corpus":"other""#) && text.contains(r#""verdict":"right""#), "{text}");
    std::fs::write(&file, "{").unwrap();
    let answer = server.get(&format!("{RUN}/review")).await;
    assert_eq!(answer.status, 422);
    assert!(answer.json()["detail"].as_str().unwrap().contains("tiny.review.json beside the run cannot be read"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_possible_label_error_is_exported_with_its_verdict() {
    let (server, _) = TestServer::own();
    let suspects = server.json(&format!("{RUN}/suspects?limit=100")).await;
    let (items, total) = (list(&suspects["items"]), suspects["total"].as_u64().unwrap() as usize);
    assert!(total > 2, "the run under test mistakes some");
    let first = items[0]["id"].as_u64().unwrap() as u32;
    assert_eq!(put(&server, first, r#"{"verdict": "wrong"}"#).await.status, 200);
    let listed: Vec<_> = items.iter().map(|item| item["id"].as_u64().unwrap() as u32).collect();
    let unlisted = (90..120).find(|id| !listed.contains(id)).unwrap();
    assert_eq!(put(&server, unlisted, r#"{"verdict": "right", "suggestion": 1}"#).await.status, 200);

    let whole = server.json(&format!("{RUN}/suspects/export?format=json&base=https://x.example/a/")).await;
    assert_eq!(whole["run"], "tiny");
    let rows = list(&whole["items"]);
    assert_eq!(rows.len(), total + 1);
    let image = server.json(&format!("/api/corpora/shapes/images/{first}")).await;
    assert_eq!((&rows[0]["path"], &rows[0]["label"]), (&image["name"], &image["class_name"]));
    assert_eq!((&rows[0]["image"], &rows[0]["verdict"]), (&json!(first), &json!("wrong")));
    assert_eq!(
        rows[0]["link"],
        format!(
            "https://x.example/a/#run=tiny&view=confusion&image={first}&confusion.page=review&confusion.split=test"
        )
    );
    for (row, item) in rows.iter().zip(items) {
        assert_eq!((&row["image"], &row["score"]), (&item["id"], &item["score"]));
        assert_eq!((&row["margin_against_label"], &row["agreement"]), (&item["doubt"], &item["agreement"]));
    }
    let last = rows.last().unwrap();
    assert_eq!((&last["image"], &last["score"], &last["verdict"]), (&json!(unlisted), &Value::Null, &json!("right")));

    let file = server.get(&format!("{RUN}/suspects/export")).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"tiny-label-errors-test.csv\"");
    let text = String::from_utf8(file.body.to_vec()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), total + 2);
    assert_eq!(lines[0], "split,path,label,suggestion,score,verdict,link,image,margin_against_label,agreement");
    assert!(lines[1].contains(",wrong,http://localhost:7878/#run=tiny&"), "{}", lines[1]);
    for (query, status) in [
        ("format=xml", 400),
        ("split=every", 400),
        ("base=javascript:alert(1)", 400),
        ("base=http://x/%23y", 400),
        // The training split has no statistics here.
        ("split=all", 409),
    ] {
        assert_eq!(server.get(&format!("{RUN}/suspects/export?{query}")).await.status, status, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn typical_images_of_a_class_are_near() {
    let server = TestServer::shared();
    let all = server.json(&format!("{RUN}/checkpoints/2/images/95/near")).await;
    let mut seen = 0;
    for class in 0..10 {
        let typical = server.json(&format!("{RUN}/checkpoints/2/images/95/near?typical={class}")).await;
        let is_typical = |item: &&Value| item["true_class"] == class && item["predicted"] == class;
        let expected: Vec<_> = list(&all["items"]).iter().filter(is_typical).cloned().collect();
        assert_eq!(list(&typical["items"]), expected);
        seen += expected.len();
    }
    assert!(seen > 0, "the run under test recognises some");
    assert_eq!(server.get(&format!("{RUN}/checkpoints/2/images/95/near?typical=house")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn near_duplicates_are_paged_and_say_what_was_compared() {
    let server = TestServer::shared();
    let whole = server.json(&format!("{RUN}/duplicates?limit=1000")).await;
    // Only the test split has statistics: candidates are those by pixels.
    assert_eq!((&whole["test_images"], &whole["train_images"]), (&json!(30), &json!(90)));
    assert_eq!((&whole["checkpoint"], &whole["next_cursor"]), (&Value::Null, &Value::Null));
    let items = list(&whole["items"]);
    assert_eq!(json!(items.len()), whole["total"]);
    assert!(items.is_sorted_by(|a, b| a["similarity"].as_f64() >= b["similarity"].as_f64()));
    for item in items {
        assert!(item["similarity"].as_f64().unwrap() >= 0.9);
        assert!(item["test"]["id"].as_u64().unwrap() >= 90 && item["train"]["id"].as_u64().unwrap() < 90);
    }
    let few = server.json(&format!("{RUN}/duplicates?least=1.0")).await;
    assert_eq!(few["total"], json!(0), "no image of the generated corpus is in both splits");
    for query in ["least=0.5", "least=1.5", "least=NaN", "limit=0", "cursor=x"] {
        assert_eq!(server.get(&format!("{RUN}/duplicates?{query}")).await.status, 400, "{query}");
    }
}
