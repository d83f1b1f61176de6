//! How well layers distinguish classes, against the activations that the server gives.

use serde_json::{Value, json};

use super::fixture::TestServer;

const POINT: &str = "/api/runs/tiny/checkpoints/2";

/// The test images of a class, and the outputs of a layer's units for each.
async fn outputs(server: &TestServer, layer: &str, class: u64) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    for image in 90..120 {
        let detail = server.json(&format!("/api/corpora/shapes/images/{image}")).await;
        if detail["class"] != json!(class) {
            continue;
        }
        let path = format!("{POINT}/layers/{layer}/filters/*/channels/*/apply/{image}?format=json");
        let values: Vec<f64> = serde_json::from_value(server.json(&path).await["values"].clone()).unwrap();
        all.push(values);
    }
    all
}

/// The share of pairs in which the first is the greater one, ties counted half.
fn area(first: &[f64], second: &[f64]) -> f64 {
    let pair = |a: &f64, b: &f64| if a > b { 1.0 } else { f64::from(u8::from(a >= b)) / 2.0 };
    let sum: f64 = first.iter().flat_map(|a| second.iter().map(move |b| pair(a, b))).sum();
    sum / (first.len() * second.len()) as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn areas_are_those_of_all_pairs_of_images() {
    let server = TestServer::shared();
    let found = server.json(&format!("{POINT}/separation?a=2&b=7")).await;
    let layers: Vec<_> =
        found["layers"].as_array().unwrap().iter().map(|layer| layer["layer"].as_str().unwrap()).collect();
    assert_eq!(layers, ["conv1", "conv2", "fc16", "fc10"]);
    assert_eq!((&found["classes"], &found["layers_left_out"]), (&json!([2, 7]), &json!(0)));
    let of_layer = &found["layers"][2];
    assert_eq!((&of_layer["measured_at"], &of_layer["units"]), (&json!("relu2"), &json!(16)));
    let (first, second) = (outputs(&server, "relu2", 2).await, outputs(&server, "relu2", 7).await);
    assert_eq!(found["images"], json!([first.len(), second.len()]));
    let column = |rows: &[Vec<f64>], unit: usize| rows.iter().map(|row| row[unit]).collect::<Vec<_>>();
    let mut areas: Vec<f64> = (0..16).map(|unit| area(&column(&first, unit), &column(&second, unit))).collect();
    let best = of_layer["best_unit"].as_u64().unwrap() as usize;
    let is_first = areas[best] >= 0.5;
    assert_eq!(of_layer["best_class"], json!(if is_first { 2 } else { 7 }));
    for area in &mut areas {
        *area = area.max(1.0 - *area);
    }
    assert!((of_layer["best_area"].as_f64().unwrap() - areas[best]).abs() < 1e-9);
    areas.sort_by(f64::total_cmp);
    assert!((areas[15] - of_layer["best_area"].as_f64().unwrap()).abs() < 1e-9);
    assert!((of_layer["median_area"].as_f64().unwrap() - f64::midpoint(areas[7], areas[8])).abs() < 1e-9);
    let units = found["units"].as_array().unwrap();
    assert_eq!(units.len(), 5);
    assert!(units.is_sorted_by(|a, b| a["area"].as_f64() >= b["area"].as_f64()));
    for unit in units {
        assert_ne!(unit["layer"], "fc10");
        if unit["layer"] == "fc16" {
            let number = unit["unit"].as_u64().unwrap() as usize;
            let sides = [column(&first, number), column(&second, number)];
            let mean = |side: &[f64]| side.iter().sum::<f64>() / side.len() as f64;
            for (found, side) in unit["means"].as_array().unwrap().iter().zip(&sides) {
                assert!((found.as_f64().unwrap() - mean(side)).abs() < 1e-4, "{unit}");
            }
            assert_eq!(unit["class"], json!(if area(&sides[0], &sides[1]) >= 0.5 { 2 } else { 7 }));
            // The greatest value lies in the last bin of its class.
            let greatest = |side: &[f64]| side.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let side = usize::from(greatest(&sides[0]) < greatest(&sides[1]));
            assert!(unit["histograms"][side][23].as_f64().unwrap() > 0.0, "{unit}");
            assert!((unit["range"][1].as_f64().unwrap() - greatest(&sides[side])).abs() < 1e-4, "{unit}");
        }
        for shares in unit["histograms"].as_array().unwrap() {
            let sum: f64 = shares.as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{unit}");
        }
    }
    // The other way round the areas are the same, and the sides change places.
    let turned = server.json(&format!("{POINT}/separation?a=7&b=2")).await;
    for (one, other) in units.iter().zip(turned["units"].as_array().unwrap()) {
        assert_eq!(json!([one["means"][1], one["means"][0]]), other["means"]);
        assert_eq!(json!([one["histograms"][1], one["histograms"][0]]), other["histograms"]);
    }
    let best = |answer: &Value| {
        answer["layers"].as_array().unwrap().iter().map(|l| l["best_area"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(best(&turned), best(&found));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_pairs_are_refused() {
    let server = TestServer::shared();
    for (query, status) in
        [("a=2&b=2", 400), ("a=2&b=99", 400), ("a=2", 400), ("a=2&b=3&limit=0", 400), ("a=2&b=3&split=x", 400)]
    {
        let answer = server.get(&format!("{POINT}/separation?{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
    }
}
