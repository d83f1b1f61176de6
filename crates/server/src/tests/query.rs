//! The query model: what is left out, what a pixel shows, how far colours reach, many sheets at once.

use serde_json::{Value, json};

use super::fixture::{TestResponse, TestServer};

const TINY: &str = "/api/runs/tiny";

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn geometry(answer: &TestResponse) -> Value {
    serde_json::from_str(answer.header("x-deepviz-sheet")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_everything() {
    let server = TestServer::shared();
    for (short, long) in [
        ("layers/conv2", "layers/conv2/filters/*/channels/*"),
        ("layers/conv2?filters=1-2", "layers/conv2/filters/1-2/channels/*"),
        ("layers/conv2?channels=0&scale=2", "layers/conv2/filters/*/channels/0?scale=2"),
        ("layers/relu1?apply=7", "layers/relu1/filters/*/channels/*/apply/7"),
        ("layers/relu1?apply=class:3&limit=2", "layers/relu1/filters/*/channels/*/apply/class:3?limit=2"),
        ("layers/conv1-conv2:2", "layers/conv1,conv1/filters/*/channels/*"),
        ("layers/conv1-last?format=json", "layers/*/filters/*/channels/*"),
    ] {
        let short = server.get(&format!("{TINY}/checkpoints/1/{short}")).await;
        let long = server.get(&format!("{TINY}/checkpoints/1/{long}")).await;
        assert_eq!((short.status.as_u16(), &short.body), (200, &long.body));
        assert_eq!(short.header("x-deepviz-sheet"), long.header("x-deepviz-sheet"));
    }
    let file = server.get("/api/corpora/shapes/images/7/pixels").await.body;
    let short = server.post(&format!("{TINY}/checkpoints/1/layers/relu1/apply?filters=2"), file.clone()).await;
    let long = server.post(&format!("{TINY}/checkpoints/1/layers/relu1/filters/2/channels/*/apply"), file).await;
    assert_eq!(short.pixels(), long.pixels());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pixel_leads_to_its_value() {
    let server = TestServer::shared();
    for (path, step) in [
        ("layers/conv1/filters/1,4,2/channels/*?scale=3", 2),
        ("layers/conv2/filters/*/channels/1-3?", 1),
        ("layers/fc16/filters/3-8/channels/2?scale=2", 1),
        ("layers/conv1/filters/*/channels/*/apply/7?", 3),
    ] {
        let path = format!("{TINY}/checkpoints/1/{path}");
        let g = geometry(&server.get(&path).await);
        let number = |name: &str| g[name].as_u64().unwrap() as usize;
        let sheet = server.json(&format!("{path}&format=json")).await;
        let shape: Vec<usize> = serde_json::from_value(sheet["shape"].clone()).unwrap();
        let pitch = |tile: usize| tile * number("scale") + 1;
        let (tile_width, tile_height) = (number("tile_width"), number("tile_height"));
        for y in (0..number("height")).step_by(step) {
            for x in (0..number("width")).step_by(step) {
                let answer = server.get(&format!("{path}&at={x},{y}")).await;
                // As docs/rest.md tells clients to do it.
                let (column, row) = (x / pitch(tile_width), y / pitch(tile_height));
                let (c, r) = (x % pitch(tile_width) / number("scale"), y % pitch(tile_height) / number("scale"));
                let is_grid = g["rgb"] == true || shape[1] == 1;
                let n = row * number("columns") + column;
                let position = if is_grid { (n, 0) } else { (row, column) };
                if c >= tile_width || r >= tile_height || position.0 >= shape[0] {
                    assert_eq!(answer.status, 404, "{path} {x} {y}");
                    continue;
                }
                let found = answer.json();
                assert_eq!(found["filter"], g["filters"][position.0], "{path} {x} {y}");
                assert_eq!((&found["row"], &found["column"]), (&json!(r), &json!(c)));
                let channels = if g["rgb"] == true { 0..3 } else { position.1..position.1 + 1 };
                for (index, channel) in channels.enumerate() {
                    assert_eq!(found["channels"][index], g["channels"][channel]);
                    let at = ((position.0 * shape[1] + channel) * shape[2] + r) * shape[3] + c;
                    assert_eq!(found["values"][index], sheet["values"][at], "{path} {x} {y}");
                }
            }
        }
    }
    for (query, status) in [("at=0", 400), ("at=-1,2", 400), ("at=1,2,3", 400), ("at=9999,0", 404)] {
        assert_eq!(server.get(&format!("{TINY}/checkpoints/1/layers/conv1?{query}")).await.status, status, "{query}");
    }
    assert_eq!(server.get(&format!("{TINY}/checkpoints/*/layers/conv1?at=0,0")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_colour_range_follows_the_percentile() {
    let server = TestServer::shared();
    let path = format!("{TINY}/checkpoints/2/layers/conv1/filters/*/channels/*");
    let mut sorted = numbers(&server.get(&format!("{path}?format=f32")).await.body);
    sorted.sort_by(f32::total_cmp);
    let mut magnitudes: Vec<f32> = sorted.iter().map(|v| v.abs()).collect();
    magnitudes.sort_by(f32::total_cmp);
    let last = sorted.len() - 1;
    let assert_ends = async |query: &str, expected: [f32; 2]| {
        let found = geometry(&server.get(&format!("{path}?{query}")).await)["ends"].clone();
        for (found, expected) in found.as_array().unwrap().iter().zip(expected) {
            assert!((found.as_f64().unwrap() - f64::from(expected)).abs() < 1e-6, "{query}: {found} {expected}");
        }
    };
    assert_ends("percentile=100", [-magnitudes[last], magnitudes[last]]).await;
    let limit = magnitudes[last * 9 / 10];
    assert_ends("percentile=90", [-limit, limit]).await;
    assert_ends("palette=sequential", [sorted[0], sorted[last]]).await;
    let [low, high] = [last / 10 + usize::from(!last.is_multiple_of(10)) - 1, last * 9 / 10].map(|at| sorted[at]);
    assert_ends("palette=sequential&percentile=90", [low, high]).await;
    // Over the timeline it is the widest of all checkpoints.
    let mut widest = 0.0_f64;
    for index in 0..4 {
        let path = format!("{TINY}/checkpoints/{index}/layers/conv1/filters/*/channels/*?percentile=90");
        widest = widest.max(geometry(&server.get(&path).await)["limit"].as_f64().unwrap());
    }
    let over = geometry(&server.get(&format!("{path}?percentile=90&normalise=timeline")).await);
    assert!((over["limit"].as_f64().unwrap() - widest).abs() < 1e-9);
    let each = geometry(&server.get(&format!("{path}?percentile=100&normalise=filter")).await);
    assert_eq!(each["filter_ends"].as_array().unwrap().len(), 6);
    assert_eq!(each["filter_ends"][0][1], each["limits"][0]);
    assert_eq!(server.get(&format!("{path}?percentile=49")).await.status, 400);
    assert_eq!(server.get(&format!("{path}?percentile=nan")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sheets_come_in_parts() {
    let (server, run) = TestServer::own();
    let file = run.join("snapshots/000005.safetensors");
    std::fs::write(&file, &std::fs::read(&file).unwrap()[..1000]).unwrap();
    let answer = server.get(&format!("{TINY}/checkpoints/*/layers/conv1,fc10?filters=1-2&format=f32")).await;
    let kind = answer.header("content-type").to_owned();
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
    let mut rest = answer.body.to_vec();
    let mut parts = Vec::new();
    loop {
        assert!(rest.starts_with(format!("--{boundary}").as_bytes()));
        rest.drain(..boundary.len() + 2);
        if rest == b"--\r\n" {
            break;
        }
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(rest[2..end].to_vec()).unwrap();
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.unwrap_or_default().to_owned()
        };
        let length: usize = header("content-length").parse().unwrap();
        let body = rest[end + 4..end + 4 + length].to_vec();
        rest.drain(..end + 4 + length + 2);
        parts.push((header("x-deepviz-checkpoint"), header("x-deepviz-layer"), header("x-deepviz-shape"), body));
    }
    assert_eq!(parts.len(), 8);
    for (checkpoint, layer, shape, body) in parts {
        if checkpoint == "1" {
            let problem: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(problem["status"], 422);
            continue;
        }
        let one = server.get(&format!("{TINY}/checkpoints/{checkpoint}/layers/{layer}?filters=1-2&format=f32")).await;
        assert_eq!((one.header("x-deepviz-shape"), one.body.to_vec()), (shape.as_str(), body));
    }
}
