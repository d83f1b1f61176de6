//! What filters, weights and images do over time, as it is served.

use serde_json::{Value, json};

use super::fixture::TestServer;

const TINY: &str = "/api/runs/tiny";

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn top_images_come_with_where() {
    let server = TestServer::shared();
    server.json("/api/corpora/shapes/images/0").await;
    let top = server.json(&format!("{TINY}/checkpoints/last/layers/conv1/filters/3/top")).await;
    assert_eq!((&top["checkpoint"], &top["filter"], &top["split"]), (&json!(3), &json!(3), &json!("test")));
    let items = list(&top["items"]);
    assert_eq!(items.len(), 16);
    assert_eq!(items[0]["value"], top["activity"]["max"]);
    assert!(items.is_sorted_by(|a, b| a["value"].as_f64() >= b["value"].as_f64()));
    for item in items {
        assert!((90..120).contains(&item["id"].as_u64().unwrap()) && item["true_class"].is_u64());
        // 5x5 windows, two pixels apart; the last ones are cut off by the edge of the 32x32 image.
        let (x, y) = (2 * item["x"].as_u64().unwrap(), 2 * item["y"].as_u64().unwrap());
        assert_eq!(item["patch"], json!({"x": x, "y": y, "width": 5.min(32 - x), "height": 5.min(32 - y)}));
    }
    let layer = server.json(&format!("{TINY}/checkpoints/last/layers/conv1/activity")).await;
    assert_eq!(top["class_means"], layer["classes"]["mean"][3]);
    assert_eq!(top["image_spread"], layer["image_spread"][3]);
    assert!(top["image_spread"].as_f64().unwrap() > 0.0);
    let two = server.json(&format!("{TINY}/checkpoints/last/layers/conv1/filters/3/top?limit=2")).await;
    assert_eq!(list(&two["items"]), &items[..2]);
    for (path, status) in [
        ("checkpoints/last/layers/conv1/filters/6/top", 404),
        ("checkpoints/last/layers/conv1/filters/three/top", 400),
        ("checkpoints/last/layers/data/filters/0/top", 400),
        ("checkpoints/last/layers/conv1/filters/0/top?split=train", 409),
        ("checkpoints/9/layers/conv1/filters/0/top", 404),
    ] {
        assert_eq!(server.get(&format!("{TINY}/{path}")).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn activity_over_time_agrees_with_each_checkpoint() {
    let server = TestServer::shared();
    let history = server.json(&format!("{TINY}/layers/relu1/activity")).await;
    assert_eq!(history["checkpoints"], json!([0, 1, 2, 3]));
    for checkpoint in 0..4 {
        let one = server.json(&format!("{TINY}/checkpoints/{checkpoint}/layers/relu1/activity")).await;
        assert_eq!(list(&one["filters"]).len(), 6);
        assert_eq!(one["health"], history["health"][checkpoint]);
        for (filter, numbers) in list(&one["filters"]).iter().enumerate() {
            for name in ["mean", "spread", "zeros", "active", "max"] {
                assert_eq!(numbers[name], history[name][checkpoint][filter], "{name}");
            }
            // The mean over the classes, weighted by their images, is the mean over all.
            assert_eq!(list(&one["classes"]["mean"][filter]).len(), 10);
        }
    }
    assert_eq!(server.get(&format!("{TINY}/layers/nothing/activity")).await.status, 404);
    let few = server.json(&format!("{TINY}/layers/relu1/activity?filters=4,1")).await;
    assert_eq!((&few["filters"], &history["filters"]), (&json!([4, 1]), &json!([0, 1, 2, 3, 4, 5])));
    for name in ["mean", "spread", "zeros", "active", "max", "health"] {
        let picked: Vec<Value> = list(&history[name]).iter().map(|all| json!([all[4], all[1]])).collect();
        assert_eq!(list(&few[name]), picked, "{name}");
    }
    assert_eq!(server.get(&format!("{TINY}/layers/relu1/activity?filters=6")).await.status, 404);

    let weights = server.json(&format!("{TINY}/weights")).await;
    assert_eq!(weights["checkpoints"], json!([0, 1, 2, 3]));
    let conv2 = list(&weights["arrays"]).iter().find(|array| array["name"] == "conv2.weight").unwrap();
    assert_eq!((&conv2["layer"], &conv2["change"][0]), (&json!("conv2"), &Value::Null));
    let layer = server.json(&format!("{TINY}/layers/conv2/history")).await;
    for checkpoint in 1..4 {
        let close = |a: &Value, b: &Value| (a.as_f64().unwrap() / b.as_f64().unwrap() - 1.0).abs() < 1e-4;
        assert!(close(&conv2["norm"][checkpoint], &layer["norm"][checkpoint]));
        assert!(close(&conv2["change"][checkpoint], &layer["moved"][checkpoint]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_sorted_and_paged_and_agrees_with_the_history() {
    let server = TestServer::shared();
    let whole = server.json(&format!("{TINY}/ledger?limit=100")).await;
    assert_eq!((&whole["total"], &whole["checkpoints"]), (&json!(30), &json!([0, 1, 2, 3])));
    assert_eq!(whole["next_cursor"], Value::Null);
    let mut sorted = list(&whole["items"]).to_vec();
    sorted.sort_by(|a, b| a["mean_margin"].as_f64().partial_cmp(&b["mean_margin"].as_f64()).unwrap());
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.json(&format!("{TINY}/ledger?sort=mean_margin&limit=7&cursor={cursor}")).await;
        found.extend(list(&page["items"]).to_vec());
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(found, sorted);
    for item in &found {
        let id = item["id"].as_u64().unwrap();
        let history = server.json(&format!("{TINY}/images/{id}/history")).await;
        let class = item["true_class"].as_u64().unwrap() as usize;
        let margins = list(&history["probabilities"]).iter().map(|p| {
            let others = (0..10).filter(|&c| c != class).map(|c| p[c].as_f64().unwrap());
            p[class].as_f64().unwrap() - others.fold(0.0, f64::max)
        });
        let margins: Vec<f64> = margins.collect();
        assert!((item["mean_margin"].as_f64().unwrap() - margins.iter().sum::<f64>() / 4.0).abs() < 2e-4);
        assert_eq!(item["right"].as_u64().unwrap() as usize, margins.iter().filter(|&&m| m > 0.0).count());
        let one = server.json(&format!("{TINY}/images/{id}/ledger")).await;
        assert_eq!(one["example"], *item);
    }
    assert_eq!(server.json(&format!("{TINY}/images/1/ledger")).await["example"], Value::Null);
    let of_class = server.json(&format!("{TINY}/ledger?class=2")).await;
    assert!(list(&of_class["items"]).iter().all(|item| item["true_class"] == 2));
    assert_eq!(server.get(&format!("{TINY}/ledger?sort=beauty")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn moves_and_suspects_follow_from_the_ledger() {
    let server = TestServer::shared();
    let moves = server.json(&format!("{TINY}/moves?from=0&to=last")).await;
    let cells = list(&moves["moves"]);
    let counted: u64 = cells.iter().map(|cell| cell["count"].as_u64().unwrap()).sum();
    assert_eq!(json!(counted), moves["images"]);
    for cell in cells {
        assert_ne!(cell["from"], cell["to"]);
        let id = &cell["images"][0];
        let before = server.json(&format!("{TINY}/checkpoints/0/predict/{id}")).await;
        let after = server.json(&format!("{TINY}/checkpoints/3/predict/{id}")).await;
        assert_eq!((&before["predicted"], &after["predicted"]), (&cell["from"], &cell["to"]));
        assert_eq!(after["true_class"], cell["true_class"]);
    }
    assert_eq!(server.json(&format!("{TINY}/moves?from=2&to=2")).await["images"], 0);
    assert_eq!(server.get(&format!("{TINY}/moves?from=0&to=1&split=train")).await.status, 409);
    assert_eq!(server.get(&format!("{TINY}/moves?from=0")).await.status, 400);

    let suspects = server.json(&format!("{TINY}/suspects?limit=100")).await;
    let items = list(&suspects["items"]);
    assert_eq!(json!(items.len()), suspects["total"]);
    assert!(!items.is_empty(), "an untrained network is wrong about most images");
    assert!(items.is_sorted_by(|a, b| a["score"].as_f64() >= b["score"].as_f64()));
    for item in items {
        assert_ne!(item["label"], item["predicted"]);
        assert!(item["reason"].as_str().unwrap().contains("later checkpoints"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_have_names_and_a_lineage() {
    let server = TestServer::shared();
    let first = server.json(&format!("{TINY}/checkpoints/0/clusters")).await;
    assert_eq!(first["previous"], Value::Null);
    let now = server.json(&format!("{TINY}/checkpoints/2/clusters")).await;
    assert_eq!(now["previous"], 1);
    let mut names = std::collections::BTreeSet::new();
    for cluster in list(&now["clusters"]) {
        let came: u64 = list(&cluster["from"]).iter().map(|source| source["images"].as_u64().unwrap()).sum();
        assert_eq!(json!(came), cluster["size"]);
        assert!(names.insert(cluster["name"].as_str().unwrap().to_owned()), "{names:?}");
    }
}
