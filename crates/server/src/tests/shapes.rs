//! The shapes of the answers, as snapshots; and the statistics agree with one another.

use serde_json::{Value, json};

use super::fixture::TestServer;

const TINY: &str = "/api/runs/tiny";

/// Without numbers that a different processor may round differently, and without hashes that follow from them.
fn redacted(mut value: Value) -> Value {
    fn visit(value: &mut Value, key: &str) {
        match value {
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| visit(value, key)),
            Value::Array(list) => list.iter_mut().for_each(|value| visit(value, key)),
            Value::Number(number) if number.is_f64() => *value = json!("<number>"),
            Value::String(_) if ["hash", "identity"].contains(&key) => *value = json!("<hash>"),
            _ => {}
        }
    }
    visit(&mut value, "");
    value
}

#[tokio::test(flavor = "multi_thread")]
async fn runs() {
    let server = TestServer::shared();
    insta::assert_json_snapshot!("runs", redacted(server.json("/api/runs").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn run() {
    let server = TestServer::shared();
    // The corpus is read in the background; a request for an image waits for it.
    server.json("/api/corpora/shapes/images/0").await;
    insta::assert_json_snapshot!("run", redacted(server.json(TINY).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn graph() {
    let server = TestServer::shared();
    insta::assert_json_snapshot!("graph", server.json(&format!("{TINY}/graph")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics() {
    let server = TestServer::shared();
    insta::assert_json_snapshot!("metrics", server.json(&format!("{TINY}/metrics?since=13")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn layer_history() {
    let server = TestServer::shared();
    let history = server.json(&format!("{TINY}/layers/conv2/history")).await;
    assert_eq!(history["moved"][0], Value::Null);
    assert!(history["moved"][1].as_f64().unwrap() > 0.0);
    insta::assert_json_snapshot!("layer_history", redacted(history));
}

#[tokio::test(flavor = "multi_thread")]
async fn images() {
    let server = TestServer::shared();
    let page = server.json("/api/corpora/shapes/images?split=test&limit=2&cursor=3").await;
    insta::assert_json_snapshot!("images", page);
    insta::assert_json_snapshot!("image", server.json("/api/corpora/shapes/images/0").await);
    insta::assert_json_snapshot!("corpora", redacted(server.json("/api/corpora").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn image_that_is_known_to_be_labelled_wrongly() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("more");
    let options = deepviz_corpus::ShapesOptions { images: 1000, test_fraction: 0.25, seed: 5 };
    deepviz_corpus::make_shapes(&images, &options).unwrap();
    super::fixture::write_run(&folder.path().join("run"), &images);
    let server = TestServer::over(&[folder.path().join("run")], None, None);
    let corpus = deepviz_corpus::Corpus::open(&images).unwrap();
    let (id, class) = corpus.notes().unwrap().wrong_labels.first_key_value().unwrap();
    let image = server.json(&format!("/api/corpora/more/images/{}", id.0)).await;
    assert_eq!(image["recorded_class"], class.0);
    assert_ne!(image["class"], class.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_agree_with_one_another() {
    let server = TestServer::shared();
    let confusion = server.json(&format!("{TINY}/checkpoints/3/confusion")).await;
    assert_eq!((&confusion["images"], &confusion["split"]), (&json!(30), &json!("test")));
    let all = server.json(&format!("{TINY}/confusion?split=test")).await;
    assert_eq!(all["checkpoints"], json!([0, 1, 2, 3]));
    let flat: Vec<&Value> =
        confusion["counts"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()).collect();
    assert_eq!(all["counts"][3].as_array().unwrap().iter().collect::<Vec<_>>(), flat);

    // Every cell's images, page by page, are as many as the cell counts, and are predicted as the cell says.
    let mut images = 0;
    for (index, count) in flat.iter().enumerate().filter(|(_, count)| **count != &json!(0)) {
        let cell = format!("{TINY}/checkpoints/3/confusion/{}/{}/images", index / 10, index % 10);
        let mut cursor = Value::Null;
        let mut found = Vec::new();
        loop {
            let page = server.json(&format!("{cell}?limit=2&cursor={}", cursor.as_str().unwrap_or_default())).await;
            assert_eq!(&page["total"], *count);
            found.extend(page["items"].as_array().unwrap().clone());
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        assert_eq!(json!(found.len()), **count);
        let first = &found[0];
        let prediction = server.json(&format!("{TINY}/checkpoints/3/predict/{}", first["id"])).await;
        assert_eq!((&prediction["predicted"], &prediction["true_class"]), (&json!(index % 10), &json!(index / 10)));
        let probability = prediction["probabilities"][index % 10].as_f64().unwrap();
        assert!((probability - first["probability"].as_f64().unwrap()).abs() < 1e-5);
        images += found.len();
    }
    assert_eq!(images, 30);

    let history = server.json(&format!("{TINY}/images/95/history")).await;
    assert_eq!(history["checkpoints"], json!([0, 1, 2, 3]));
    let prediction = server.json(&format!("{TINY}/checkpoints/2/predict/95")).await;
    for class in 0..10 {
        let (a, b) = (&history["probabilities"][2][class], &prediction["probabilities"][class]);
        assert!((a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-5);
    }
    // Of the train split there are no statistics: its images have no history, and that is no error.
    assert_eq!(server.json(&format!("{TINY}/images/1/history")).await["checkpoints"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_hold_every_image_once() {
    let server = TestServer::shared();
    let detail = server.json(TINY).await;
    assert_eq!(detail["cluster_sets"][0], json!({"layer": "relu2", "metric": "cosine"}));
    server.json("/api/corpora/shapes/images/0").await;
    for set in detail["cluster_sets"].as_array().unwrap() {
        let query = format!("layer={}&metric={}", set["layer"].as_str().unwrap(), set["metric"].as_str().unwrap());
        let answer = server.json(&format!("{TINY}/checkpoints/2/clusters?{query}")).await;
        let clusters = answer["clusters"].as_array().unwrap();
        assert_eq!(clusters.len(), 4);
        let sizes: u64 = clusters.iter().map(|cluster| cluster["size"].as_u64().unwrap()).sum();
        assert_eq!((sizes, &answer["images"]), (30, &json!(30)));
        for cluster in clusters {
            let mix: u64 = cluster["mix"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
            assert_eq!(json!(mix), cluster["size"]);
            for near in cluster["nearest"].as_array().unwrap() {
                assert!(near["true_class"].is_u64() && near["distance"].is_number(), "{near}");
            }
        }
        let history = server.json(&format!("{TINY}/clusters?{query}")).await;
        assert_eq!(history["checkpoints"], json!([0, 1, 2, 3]));
        let sizes: Vec<&Value> = clusters.iter().map(|cluster| &cluster["size"]).collect();
        assert_eq!(history["sizes"][2].as_array().unwrap().iter().collect::<Vec<_>>(), sizes);
        let purities = history["purity"][2].as_array().unwrap();
        assert!(purities.iter().all(|p| (0.0..=1.0).contains(&p.as_f64().unwrap())));
    }
}

/// The file from which the dashboard's types are made.
#[test]
fn the_description_on_disk_is_the_one_that_is_served() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found.trim_end() == crate::openapi(),
        "crates/server/openapi.json is out of date: cargo run -p deepviz-server --example openapi > crates/server/openapi.json"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described() {
    let server = TestServer::shared();
    let document = server.json("/api/openapi.json").await;
    assert_eq!(document, serde_json::from_str::<Value>(&crate::openapi()).unwrap());
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    insta::assert_json_snapshot!("paths", paths);

    // What generators of clients rely on: every operation has a name of its own, every answer a description.
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{path}: {}", operation["operationId"]);
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(answer["description"].is_string(), "{path}: {status}");
            }
        }
    }
}
