//! Explanations of images, units that are switched off, and pictures that are made.

use serde_json::{Value, json};

use super::fixture::TestServer;

const POINT: &str = "/api/runs/tiny/checkpoints/2";

/// What a refusal says, with its hint.
async fn problem(server: &TestServer, path: &str) -> String {
    let found = server.get(path).await;
    assert!(found.status.is_client_error(), "{path}: {}", found.status);
    found.json().to_string()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_is_the_same_as_numbers_as_bytes_and_over_time() {
    let server = TestServer::shared();
    for method in ["layercam", "hirescam", "gradient", "smoothgrad", "integrated", "occlusion", "deconvnet", "guided"] {
        let found = server.json(&format!("{POINT}/explain/95?method={method}&class=3")).await;
        let (rows, columns) = (found["rows"].as_u64().unwrap(), found["columns"].as_u64().unwrap());
        let values = numbers(&found["values"]);
        assert_eq!(values.len() as u64, rows * columns, "{method}");
        assert_eq!((&found["class"], &found["checkpoint"], &found["method"]), (&json!(3), &json!(2), &json!(method)));
        assert_eq!(found["explained"], found["logits"][3]);
        if found["signed"] == json!(false) {
            assert!(values.iter().all(|value| *value >= 0.0), "{method}");
        }
        assert_eq!(found["completeness_error"].is_null(), method != "integrated");
        let bytes = server.get(&format!("{POINT}/explain/95?method={method}&class=3&format=f32")).await;
        let floats: Vec<f64> =
            bytes.body.chunks_exact(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))).collect();
        assert!(floats.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-6), "{method}");
        assert_eq!(bytes.headers["x-deepviz-shape"], format!("[{rows},{columns}]"));
        let png = server.get(&format!("{POINT}/explain/95?method={method}&format=png")).await;
        assert!(png.body.starts_with(b"\x89PNG"), "{method}");
        let film = server.json(&format!("/api/runs/tiny/images/95/explain?method={method}&class=3")).await;
        assert_eq!(film["maps"].as_array().unwrap().len(), 4);
        assert_eq!(film["maps"][2]["values"], found["values"], "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_explains_one_class_throughout() {
    let server = TestServer::shared();
    let film = server.json("/api/runs/tiny/images/95/explain?checkpoints=1-3").await;
    let maps = film["maps"].as_array().unwrap();
    let last = &maps[2];
    assert!(maps.iter().all(|map| map["class"] == last["predicted"]));
    assert_eq!(maps.iter().map(|map| map["checkpoint"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    let logits = numbers(&last["logits"]);
    let greatest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(logits[last["predicted"].as_u64().unwrap() as usize].to_bits(), greatest.to_bits());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_explained_is_refused_with_what_can() {
    let server = TestServer::shared();
    for (query, word) in [
        ("method=gradcam", "layercam"),
        ("class=10", "class"),
        ("class=2&versus=2", "different"),
        ("method=gradient&layer=conv1", "layer"),
        ("layer=fc16", "maps"),
        ("layer=nothing", "nothing"),
        ("format=gif", "png"),
        ("format=png&scale=65", "64"),
    ] {
        let found = problem(&server, &format!("{POINT}/explain/95?{query}")).await;
        assert!(found.contains(word), "{query}: {found}");
    }
    let found = problem(&server, "/api/runs/tiny/images/95/explain?checkpoints=9").await;
    assert!(found.contains("checkpoint"), "{found}");
    let found = problem(&server, "/api/runs/tiny/explain/checks?methods=layercam,grad").await;
    assert!(found.contains("grad"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_are_tested_on_the_network_of_the_run() {
    let server = TestServer::shared();
    let found = server.json("/api/runs/tiny/explain/checks?methods=hirescam,guided").await;
    assert_eq!((&found["checkpoint"], &found["images"]), (&json!(3), &json!(16)));
    for (method, is_reconstruction) in [(0, false), (1, true)] {
        let of = &found["methods"][method];
        assert_eq!(of["reconstruction"], json!(is_reconstruction));
        let steps = of["steps"].as_array().unwrap();
        let layers: Vec<_> = steps.iter().map(|step| step["layer"].as_str().unwrap()).collect();
        assert_eq!(layers, ["fc10", "fc16", "conv2", "conv1"]);
        let mean = steps.iter().filter_map(|step| step["correlation"].as_f64()).sum::<f64>() / 4.0;
        assert!((of["correlation"].as_f64().unwrap() - mean).abs() < 1e-9);
        assert_eq!(of["passed"], json!(mean.abs() < found["fails_from"].as_f64().unwrap()));
    }
}

/// Correct images by class.
fn correct(counts: &Value) -> Vec<u64> {
    let rows = counts.as_array().unwrap().iter().enumerate();
    rows.map(|(class, row)| row[class].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_that_is_off_is_off_everywhere() {
    let server = TestServer::shared();
    let found = server.json(&format!("{POINT}/ablated?off=fc16:3")).await;
    assert_eq!((&found["images"], &found["split"]), (&json!(30), &json!("test")));
    assert_eq!(found["off"], json!([{ "layer": "fc16", "filter": 3 }]));
    let confusion = server.json(&format!("{POINT}/confusion")).await;
    assert_eq!(found["base_counts"], confusion["counts"]);
    let wrong = 30 - correct(&found["counts"]).iter().sum::<u64>();
    assert!((found["error"].as_f64().unwrap() - wrong as f64 / 30.0).abs() < 1e-9);
    // The logits lose what the unit says: its output times its weights.
    let unchanged = numbers(&server.json(&format!("{POINT}/predict/95")).await["logits"]);
    let without = numbers(&server.json(&format!("{POINT}/predict/95?off=fc16:3")).await["logits"]);
    let path = format!("{POINT}/layers/relu2/filters/3/channels/*/apply/95?format=json");
    let output = numbers(&server.json(&path).await["values"])[0];
    let path = format!("{POINT}/layers/fc10/filters/*/channels/3?format=json");
    let weights = numbers(&server.json(&path).await["values"]);
    for ((a, b), weight) in unchanged.iter().zip(&without).zip(weights) {
        assert!((a - b - weight * output).abs() < 1e-4, "{a} {b} {weight} {output}");
    }
    // The same counts as those of the layer's ablation.
    let ablation = server.json(&format!("{POINT}/layers/fc16/ablation")).await;
    let base: Vec<u64> = serde_json::from_value(ablation["base_correct"].clone()).unwrap();
    let zero = &ablation["filters"][3]["zero"];
    let counts = |of: &str| serde_json::from_value::<Vec<u64>>(zero[of].clone()).unwrap();
    let (lost, gained) = (counts("lost"), counts("gained"));
    for (class, correct) in correct(&found["counts"]).into_iter().enumerate() {
        assert_eq!(correct + lost[class], base[class] + gained[class]);
    }
    assert_eq!((&ablation["stored"], &ablation["measured_at"]), (&json!(false), &json!("relu2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_cannot_be_switched_off_are_named() {
    let server = TestServer::shared();
    for (off, word) in
        [("fc10:1", "conv1"), ("fc16", "fc64:39"), ("fc16:16", "16"), ("none:1", "none"), ("conv1:x", "x")]
    {
        let found = problem(&server, &format!("{POINT}/ablated?off={off}")).await;
        assert!(found.contains(word), "{off}: {found}");
        problem(&server, &format!("{POINT}/predict/95?off={off}")).await;
    }
    let found = problem(&server, &format!("{POINT}/layers/fc10/ablation")).await;
    assert!(found.contains("conv1"), "{found}");
    problem(&server, &format!("{POINT}/ablated?off=fc16:1&limit=0")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_come_with_what_they_are() {
    let server = TestServer::shared();
    let path = "/api/runs/tiny/layers/conv1/filters/2/visualisation?checkpoints=1-3";
    let png = server.get(path).await;
    assert!(png.body.starts_with(b"\x89PNG"));
    let described: Value = serde_json::from_slice(png.headers["x-deepviz-pictures"].as_bytes()).unwrap();
    assert_eq!(described, server.json(&format!("{path}&format=json")).await);
    let pictures = described["pictures"].as_array().unwrap();
    assert_eq!(pictures.iter().map(|one| one["checkpoint"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(pictures.iter().all(|one| one["value"].as_f64().is_some() && one["layer"] == "conv1"));
    let found = server.json("/api/runs/tiny/images/95/inversion?format=json&layers=relu1,relu2").await;
    let layers: Vec<_> = found["pictures"].as_array().unwrap().iter().map(|one| one["layer"].clone()).collect();
    assert_eq!(layers, [json!("relu1"), json!("relu2")]);
    // Units of a layer change nothing below it.
    let without = server.json("/api/runs/tiny/images/95/inversion?format=json&layers=relu1,relu2&off=fc16:0-9").await;
    let values = |of: &Value| [0, 1].map(|index| of["pictures"][index]["value"].as_f64().unwrap());
    let [(all1, all2), (off1, off2)] = [&found, &without].map(|of| values(of).into());
    assert!(all1.to_bits() == off1.to_bits() && all2.to_bits() != off2.to_bits(), "{all2} {off2}");
    problem(&server, "/api/runs/tiny/images/95/inversion?off=fc16:16").await;
    let far = problem(&server, "/api/runs/tiny/layers/conv1/filters/6/visualisation").await;
    assert!(far.contains("0 to 5"), "{far}");
    problem(&server, "/api/runs/tiny/layers/data/filters/0/visualisation").await;
    problem(&server, "/api/runs/tiny/images/95/inversion?scale=17").await;
}
