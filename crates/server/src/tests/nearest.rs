//! The images nearest to one, against the network's own outputs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fixture::TestServer;

const POINT: &str = "/api/runs/tiny/checkpoints/2";
/// Of the test split of the fixture's images.
const IMAGES: std::ops::Range<u32> = 90..120;

/// The statistics store logits in steps of 1/4096; a distance is over those of ten classes.
const TOLERANCE: f64 = 2e-3;

async fn logits(server: &TestServer) -> BTreeMap<u32, (Vec<f64>, Value)> {
    let mut all = BTreeMap::new();
    for image in IMAGES {
        let prediction = server.json(&format!("{POINT}/predict/{image}")).await;
        all.insert(image, (serde_json::from_value(prediction["logits"].clone()).unwrap(), prediction));
    }
    all
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[tokio::test(flavor = "multi_thread")]
async fn near_images_are_those_of_a_full_search_and_distances_are_symmetric() {
    let server = TestServer::shared();
    let logits = logits(&server).await;
    let mut distances = BTreeMap::new();
    for image in IMAGES {
        let answer = server.json(&format!("{POINT}/images/{image}/near")).await;
        let of = &logits[&image];
        assert_eq!((&answer["checkpoint"], &answer["split"]), (&json!(2), &json!("test")));
        assert_eq!((&answer["image"], &answer["true_class"]), (&json!(image), &of.1["true_class"]));
        let items = answer["items"].as_array().unwrap();
        assert_eq!(items.len(), 29, "all but itself");
        let mut by_hand: Vec<f64> =
            logits.iter().filter(|(id, _)| **id != image).map(|(_, (other, _))| distance(&of.0, other)).collect();
        by_hand.sort_by(f64::total_cmp);
        for (item, by_hand) in items.iter().zip(by_hand) {
            let (id, found) = (item["id"].as_u64().unwrap() as u32, item["distance"].as_f64().unwrap());
            let (other, prediction) = &logits[&id];
            assert!((found - by_hand).abs() <= TOLERANCE, "{image}: {item} {by_hand}");
            assert!((found - distance(&of.0, other)).abs() <= TOLERANCE, "{image}: {item}");
            assert_eq!(item["true_class"], prediction["true_class"]);
            assert_eq!(item["predicted"], prediction["predicted"]);
            let probability = &prediction["probabilities"][item["predicted"].as_u64().unwrap() as usize];
            assert!((item["probability"].as_f64().unwrap() - probability.as_f64().unwrap()).abs() <= 1e-4, "{item}");
            distances.insert((image, id), item["distance"].clone());
        }
        let few = server.json(&format!("{POINT}/images/{image}/near?limit=4&split=test")).await;
        assert_eq!(few["items"].as_array().unwrap()[..], items[..4]);
    }
    for ((from, to), distance) in &distances {
        assert_eq!(distance, &distances[&(*to, *from)], "{from} {to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_statistics_the_command_is_suggested() {
    let (server, run) = TestServer::own();
    std::fs::remove_file(run.join("stats.sqlite")).unwrap();
    server.app.runs.scan();
    let answer = server.get(&format!("{POINT}/images/95/near")).await;
    assert_eq!(answer.status, 409);
    assert!(answer.json()["hint"].as_str().unwrap().contains("deepviz stats RUN"), "{:?}", answer.body);
}
