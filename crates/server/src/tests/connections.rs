//! The connections of a filter with other filters, compared with the weights that the server gives for them.

use serde_json::Value;

use super::fixture::TestServer;

const LAYERS: &str = "/api/runs/tiny/checkpoints/2/layers";

/// The weights of one filter for one channel: norm with the sign of the sum.
async fn weight(server: &TestServer, layer: &str, filter: usize, channel: usize) -> f64 {
    let path = format!("{LAYERS}/{layer}/filters/{filter}/channels/{channel}?format=json");
    let values: Vec<f64> = serde_json::from_value(server.json(&path).await["values"].clone()).unwrap();
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    norm.copysign(values.iter().sum())
}

fn weights(side: &Value) -> Vec<f64> {
    side.as_array().unwrap().iter().map(|unit| unit["weight"].as_f64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_the_weights_in_order_of_their_size() {
    let server = TestServer::shared();
    let of = server.json(&format!("{LAYERS}/conv2/filters/3/connections")).await;
    assert_eq!((&of["unit"]["layer"], &of["unit"]["filter"]), (&"conv2".into(), &3.into()));
    assert_eq!((of["input_count"].as_u64(), of["output_count"].as_u64()), (Some(6), Some(16)));
    for (side, from_below) in [("inputs", true), ("outputs", false)] {
        let sizes: Vec<f64> = weights(&of[side]).iter().map(|weight| weight.abs()).collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
        for unit in of[side].as_array().unwrap() {
            let other = unit["filter"].as_u64().unwrap() as usize;
            let expected = if from_below {
                assert_eq!(unit["layer"], "conv1");
                assert_eq!(unit["kernel_channel"], unit["filter"]);
                weight(&server, "conv2", 3, other).await
            } else {
                assert_eq!(unit["layer"], "fc16");
                weight(&server, "fc16", other, 3).await
            };
            assert!((unit["weight"].as_f64().unwrap() - expected).abs() < 1e-5, "{unit} {expected}");
        }
    }
    // A rectifier's connections are those of the filter that it rectifies.
    let rectified = server.json(&format!("{LAYERS}/relu2/filters/5/connections?limit=2")).await;
    assert_eq!(rectified["unit"], serde_json::json!({ "layer": "fc16", "filter": 5 }));
    let direct = server.json(&format!("{LAYERS}/fc16/filters/5/connections?limit=2")).await;
    assert_eq!((&rectified["inputs"], &rectified["outputs"]), (&direct["inputs"], &direct["outputs"]));
    assert_eq!((weights(&direct["inputs"]).len(), weights(&direct["outputs"]).len()), (2, 2));
    // The first layer sees colours, in the order of the run.
    let first = server.json(&format!("{LAYERS}/conv1/filters/0/connections")).await;
    for unit in first["inputs"].as_array().unwrap() {
        let expected = ["red", "green", "blue"][unit["filter"].as_u64().unwrap() as usize];
        assert_eq!(unit["colour"], expected);
    }
    // Of the classes there is nothing that they feed.
    let class = server.json(&format!("{LAYERS}/fc10/filters/1/connections")).await;
    assert_eq!((class["output_count"].as_u64(), class["input_count"].as_u64()), (Some(0), Some(16)));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_layers_and_filters_are_refused() {
    let server = TestServer::shared();
    for (path, status) in
        [("data/filters/0", 400), ("conv2/filters/4", 404), ("conv2/filters/x", 400), ("conv3/filters/0", 404)]
    {
        let answer = server.get(&format!("{LAYERS}/{path}/connections")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    let answer = server.get(&format!("{LAYERS}/conv2/filters/0/connections?limit=0")).await;
    assert_eq!(answer.status.as_u16(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_time_are_those_of_each_checkpoint() {
    let server = TestServer::shared();
    let of = server.json("/api/runs/tiny/layers/conv2/filters/3/connections?limit=3").await;
    assert_eq!(of["left_out"], serde_json::json!([]));
    assert_eq!((of["input_count"].as_u64(), of["output_count"].as_u64()), (Some(6), Some(16)));
    let checkpoints = of["checkpoints"].as_array().unwrap();
    assert!(checkpoints.len() >= 3);
    for side in ["inputs", "outputs"] {
        let units = of[side].as_array().unwrap();
        let strongest = |unit: &Value| {
            let weights = unit["weights"].as_array().unwrap().iter();
            weights.map(|weight| weight.as_f64().unwrap().abs()).fold(0.0, f64::max)
        };
        assert_eq!(units.len(), 3);
        assert!(units.iter().map(strongest).is_sorted_by(|a, b| a >= b));
        for (index, checkpoint) in checkpoints.iter().enumerate() {
            let path = format!("/api/runs/tiny/checkpoints/{checkpoint}/layers/conv2/filters/3/connections?limit=100");
            let then = server.json(&path).await;
            for unit in units {
                let same = then[side].as_array().unwrap().iter();
                let mut same = same.filter(|one| one["layer"] == unit["layer"] && one["filter"] == unit["filter"]);
                assert_eq!(same.next().unwrap()["weight"], unit["weights"][index]);
            }
        }
    }
    let some = server.json("/api/runs/tiny/layers/conv2/filters/3/connections?checkpoints=0,2").await;
    assert_eq!(some["checkpoints"], serde_json::json!([0, 2]));
    for (path, status) in [("conv2/filters/3/connections?checkpoints=1", 400), ("conv2/filters/9/connections", 404)] {
        let answer = server.get(&format!("/api/runs/tiny/layers/{path}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
}
