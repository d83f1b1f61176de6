//! Images that are sent once and then named by their id, beside the same images of the corpus.

use serde_json::{Value, json};

use super::fixture::TestServer;

const TINY: &str = "/api/runs/tiny";
/// Of the test split of the fixture's images.
const IMAGE: u32 = 97;

async fn send(server: &TestServer) -> u64 {
    let file = server.get(&format!("/api/corpora/shapes/images/{IMAGE}/pixels")).await.body;
    let answer = server.post(&format!("{TINY}/images"), file).await;
    assert_eq!(answer.status, 200);
    let sent = answer.json();
    assert_eq!(sent, server.json(&format!("{TINY}/images/{}", sent["id"])).await);
    assert!(sent["id"].as_u64().unwrap() >= 1 << 31, "{sent}");
    sent["id"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_image_is_known_by_its_id_like_one_of_the_corpus() {
    let server = TestServer::shared();
    let id = send(&server).await;
    assert_eq!(send(&server).await, id, "the same pixels, the same id");
    let point = format!("{TINY}/checkpoints/2");
    let (sent, known) =
        (server.json(&format!("{point}/predict/{id}")).await, server.json(&format!("{point}/predict/{IMAGE}")).await);
    assert_eq!((&sent["logits"], &sent["image"], &sent["true_class"]), (&known["logits"], &json!(id), &Value::Null));
    for path in ["checkpoints/2/layers/conv1/filters/*/channels/*/apply/{}", "layers/conv1/strip?apply={}"] {
        let of = |id: String| format!("{TINY}/{}", path.replace("{}", &id));
        let (sent, known) = (server.get(&of(id.to_string())).await, server.get(&of(IMAGE.to_string())).await);
        assert_eq!((sent.status.as_u16(), sent.pixels()), (200, known.pixels()), "{path}");
    }
    // Lists of sheets name it in their addresses.
    let list = server.json(&format!("{point}/layers/*/filters/*/channels/*/apply/{id}")).await;
    assert!(list["sheets"][0]["url"].as_str().unwrap().contains(&format!("/apply/{id}?")), "{list}");
    let shapes = "/api/corpora/shapes";
    for path in ["images/{}/pixels?scale=2", "sheet?ids=3,{}"] {
        let of = |id: String| format!("{shapes}/{}", path.replace("{}", &id));
        let (sent, known) = (server.get(&of(id.to_string())).await, server.get(&of(IMAGE.to_string())).await);
        assert_eq!((sent.status.as_u16(), sent.pixels()), (200, known.pixels()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_neighbours_and_units_of_a_sent_image_are_computed() {
    let server = TestServer::shared();
    let id = send(&server).await;
    let sent = server.json(&format!("{TINY}/images/{id}/history")).await;
    let known = server.json(&format!("{TINY}/images/{IMAGE}/history")).await;
    assert_eq!((&sent["checkpoints"], &sent["true_class"]), (&known["checkpoints"], &Value::Null));
    for (sent, known) in
        rows(&sent["probabilities"]).iter().flatten().zip(rows(&known["probabilities"]).iter().flatten())
    {
        assert!((sent - known).abs() < 1e-3, "{sent} {known}");
    }
    // The nearest image of the corpus is the one that it is a copy of.
    let near = server.json(&format!("{TINY}/checkpoints/2/images/{id}/near?limit=5")).await;
    assert_eq!((&near["split"], &near["items"][0]["id"]), (&json!("test"), &json!(IMAGE)));
    assert!(near["items"][0]["distance"].as_f64().unwrap() < 2e-3);
    let of = |id: u64| format!("{TINY}/checkpoints/2/images/{id}/units?limit=3");
    let (sent, known) = (server.json(&of(id)).await, server.json(&of(IMAGE.into())).await);
    assert_eq!(sent["layers"], known["layers"]);
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn units_are_those_farthest_above_their_mean() {
    let server = TestServer::shared();
    let point = format!("{TINY}/checkpoints/2");
    let answer = server.json(&format!("{point}/images/{IMAGE}/units?limit=2")).await;
    let layers = answer["layers"].as_array().unwrap();
    assert!(layers.iter().any(|layer| layer["layer"] == "fc16" && !layer["units"].as_array().unwrap().is_empty()));
    for layer in layers {
        let name = layer["layer"].as_str().unwrap();
        let activity = server.json(&format!("{point}/layers/{name}/activity")).await;
        let sheet = format!("{point}/layers/{name}/filters/*/channels/*/apply/{IMAGE}?format=json");
        let sheet = server.json(&sheet).await;
        let (filters, values) = (sheet["shape"][0].as_u64().unwrap() as usize, numbers(&sheet["values"]));
        let positions = values.len() / filters;
        let score = |filter: usize| {
            let mean = values[filter * positions..(filter + 1) * positions].iter().sum::<f64>() / positions as f64;
            let of_all = activity["filters"][filter]["mean"].as_f64().unwrap();
            (mean - of_all) / activity["image_spread"][filter].as_f64().unwrap()
        };
        let mut by_hand: Vec<f64> = (0..filters).map(score).filter(|score| score.is_finite() && *score > 0.0).collect();
        by_hand.sort_by(|a, b| b.total_cmp(a));
        let units = layer["units"].as_array().unwrap();
        assert_eq!(units.len(), by_hand.len().min(2), "{name}");
        for (unit, by_hand) in units.iter().zip(by_hand) {
            assert!((unit["score"].as_f64().unwrap() - by_hand).abs() < 1e-3, "{name} {unit} {by_hand}");
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_images_are_reported_with_a_hint() {
    let server = TestServer::shared();
    let gone = u32::MAX;
    for path in [
        format!("{TINY}/images/{gone}"),
        format!("{TINY}/images/{gone}/history"),
        format!("{TINY}/checkpoints/2/predict/{gone}"),
        format!("{TINY}/checkpoints/2/images/{gone}/near"),
        format!("/api/corpora/shapes/images/{gone}/pixels"),
    ] {
        let answer = server.get(&path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["hint"].as_str().unwrap().contains("send it again"), "{path}");
    }
    let of_corpus = server.get(&format!("{TINY}/images/3")).await;
    assert_eq!(of_corpus.status, 400);
    assert_eq!(server.post(&format!("{TINY}/images"), "no picture").await.status, 415);
    assert_eq!(server.get(&format!("{TINY}/checkpoints/2/images/3/units?limit=0")).await.status, 400);
}
