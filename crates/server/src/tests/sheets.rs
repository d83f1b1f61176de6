//! Sheets and pictures show the numbers that are in the files.

use deepviz_corpus::{Corpus, ImageId};
use deepviz_net::{Device, Model, Run, Step};
use serde_json::Value;

use super::fixture::{STEPS, TestResponse, TestServer, images};

const TINY: &str = "/api/runs/tiny";

fn geometry(answer: &TestResponse) -> Value {
    serde_json::from_str(answer.header("x-deepviz-sheet")).unwrap()
}

fn numbers(answer: &TestResponse) -> Vec<f32> {
    answer.body.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn run(server: &TestServer) -> Run {
    Run::open(&server.app.runs.get("tiny").unwrap().path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_those_of_the_snapshot_in_every_form() {
    let server = TestServer::shared();
    let snapshot = run(&server).snapshot(Step(STEPS[2])).unwrap();
    for (layer, shape) in [("conv1", [6, 3, 5, 5]), ("conv2", [4, 6, 3, 3]), ("fc10", [10, 16, 1, 1])] {
        let path = format!("{TINY}/checkpoints/2/layers/{layer}/filters/*/channels/*");
        let raw = server.get(&format!("{path}?format=f32")).await;
        let expected: Vec<f32> = snapshot.parameters.get(&format!("{layer}.weight")).unwrap().iter().copied().collect();
        assert_eq!(raw.header("x-deepviz-shape"), format!("{shape:?}").replace(' ', ""));
        assert_eq!(numbers(&raw), expected, "{layer}");
        let json = server.json(&format!("{path}?format=json")).await;
        assert_eq!(json["shape"], serde_json::json!(shape));
        let listed: Vec<f32> = json["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        assert_eq!(listed, expected, "{layer}");
        let picture = geometry(&server.get(&path).await);
        // A few extreme values of many lie beyond the scale.
        let mut magnitudes: Vec<f32> = expected.iter().map(|v| v.abs()).collect();
        magnitudes.sort_by(f32::total_cmp);
        let last = magnitudes.len() - 1;
        let limit = magnitudes[if magnitudes.len() < 256 { last } else { last * 99 / 100 }];
        assert!((picture["limit"].as_f64().unwrap() as f32 - limit).abs() < 1e-6, "{layer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_deep_layers_are_shown_over_the_image() {
    let server = TestServer::shared();
    let sheet = |layer: &str| format!("{TINY}/checkpoints/2/layers/{layer}/filters/*/channels/*?space=pixels");
    // Of the first layer they are its weights.
    let own = numbers(&server.get(&format!("{TINY}/checkpoints/2/layers/conv1?format=f32")).await);
    let in_pixels = numbers(&server.get(&format!("{}&format=f32", sheet("conv1"))).await);
    assert_eq!(own.len(), in_pixels.len());
    assert!(own.iter().zip(&in_pixels).all(|(a, b)| (a - b).abs() < 1e-6));
    let deep = server.get(&sheet("conv2")).await;
    let of = geometry(&deep);
    assert_eq!(of["space"], "pixels");
    assert_eq!((&of["rgb"], &of["channels"]), (&true.into(), &serde_json::json!([0, 1, 2])));
    assert_eq!(of["filters"].as_array().unwrap().len(), 4);
    assert!(of["tile_width"].as_u64().unwrap() > 5);
    // One filter of several is the same filter.
    let all = server.get(&format!("{}&format=f32", sheet("conv2"))).await;
    let one =
        server.get(&sheet("conv2").replace("filters/*", "filters/2").replace("pixels", "pixels&format=f32")).await;
    let (all, one) = (numbers(&all), numbers(&one));
    assert_eq!(all[2 * one.len()..3 * one.len()], one);
    // Over the timeline, as a strip, and in a list.
    let list = server.json(&format!("{TINY}/checkpoints/*/layers/conv2?space=pixels&normalise=timeline")).await;
    let link = list["sheets"][1]["url"].as_str().unwrap();
    assert!(link.contains("space=pixels"), "{link}");
    assert_eq!(geometry(&server.get(&format!("/{link}")).await)["ends"], list["sheets"][0]["ends"]);
    assert!(server.get(&format!("{TINY}/layers/conv2/strip?space=pixels")).await.status.is_success());
    for (query, status) in [
        ("conv1?space=image", 400),
        ("conv1?space=pixels&apply=3", 400),
        ("relu1?space=pixels", 400),
        ("fc10?space=pixels", 200),
    ] {
        let answer = server.get(&format!("{TINY}/checkpoints/2/layers/{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_of_a_network_that_sees_blue_first_keep_their_colours() {
    let (before, path) = TestServer::own();
    let sheet = format!("{TINY}/checkpoints/2/layers/conv1/filters/*/channels/*");
    let (width, height, red_first) = before.get(&sheet).await.pixels();
    let info = path.join("run.toml");
    let text = std::fs::read_to_string(&info).unwrap();
    let reversed = text.replace("order = \"rgb\"", "order = \"bgr\"");
    assert_ne!(text, reversed);
    std::fs::write(&info, reversed).unwrap();
    let server = TestServer::over(&[path], None, None);
    let answer = server.get(&sheet).await;
    assert!(answer.status.is_success(), "{:?}", answer.body);
    assert_eq!(geometry(&answer)["channels"], serde_json::json!([2, 1, 0]));
    let blue_first = answer.pixels();
    assert_eq!((blue_first.0, blue_first.1), (width, height));
    for (one, other) in red_first.chunks(4).zip(blue_first.2.chunks(4)) {
        assert_eq!([one[0], one[1], one[2], one[3]], [other[2], other[1], other[0], other[3]]);
    }
    // A strip of this one checkpoint is the same picture.
    let strip = server.get(&format!("{TINY}/layers/conv1/strip?checkpoints=2")).await;
    assert_eq!(strip.pixels().2, blue_first.2);
    // Numbers stay in the network's order; those under a pixel are named.
    let raw = numbers(&server.get(&format!("{sheet}?format=f32")).await);
    let under = server.json(&format!("{sheet}?at=0,0")).await;
    assert_eq!(under["channels"], serde_json::json!([2, 1, 0]));
    assert!((under["values"][2].as_f64().unwrap() as f32 - raw[0]).abs() < 1e-6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fully_connected_layer_is_shown_in_the_shape_of_its_input() {
    let server = TestServer::shared();
    let network = run(&server).network().clone();
    let input = network.layers()[network.index_of("conv2").unwrap()].shape;
    let answer = server.get(&format!("{TINY}/checkpoints/last/layers/fc16/filters/2/channels/1,3?format=f32")).await;
    assert_eq!(answer.header("x-deepviz-shape"), format!("[1,2,{},{}]", input.height, input.width));
    let snapshot = run(&server).snapshot(Step(15)).unwrap();
    let weight = &snapshot.parameters.get("fc16.weight").unwrap();
    let area = input.height * input.width;
    for (position, value) in numbers(&answer).iter().enumerate() {
        let channel = [1, 3][position / area];
        assert!((value - weight[[2, channel * area + position % area]]).abs() < f32::EPSILON);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn activations_are_those_of_the_model_with_the_snapshots_own_mean() {
    let server = TestServer::shared();
    let (run, corpus) = (run(&server), Corpus::open(&images()).unwrap());
    let snapshot = run.snapshot(Step(5)).unwrap();
    let device = Device::cpu(Some(1), None).unwrap();
    let model = Model::from_snapshot(run.network().clone(), &snapshot, &device).unwrap();
    let image = corpus.pixels(ImageId(100)).unwrap();
    for layer in ["data", "conv1", "relu1", "fc10", "probs"] {
        let index = run.network().index_of(layer).unwrap();
        let expected = model.forward(&[image], &[index]).unwrap().remove(0);
        let path = format!("{TINY}/checkpoints/1/layers/{layer}/filters/*/channels/*/apply/100?format=f32");
        assert_eq!(numbers(&server.get(&path).await), expected.into_raw_vec_and_offset().0, "{layer}");
    }
    // The mean is subtracted: pixels are bytes, and what the first layer sees is not.
    let data = server.get(&format!("{TINY}/checkpoints/1/layers/data/filters/*/channels/*/apply/100?format=f32")).await;
    let mean = snapshot.mean.unwrap();
    for ((value, pixel), mean) in numbers(&data).iter().zip(image.iter()).zip(&mean) {
        assert!((value - (f32::from(*pixel) - mean)).abs() < 1e-3);
    }
    let prediction = server.json(&format!("{TINY}/checkpoints/1/predict/100")).await;
    let sum: f64 = prediction["probabilities"].as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-5);
    assert_eq!(prediction["true_class"], corpus.label(ImageId(100)).unwrap().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sent_image_is_treated_as_the_same_image_of_the_corpus() {
    let server = TestServer::shared();
    let file = server.get("/api/corpora/shapes/images/7/pixels").await.body;
    let known = server.json(&format!("{TINY}/checkpoints/2/predict/7")).await;
    let sent = server.post(&format!("{TINY}/checkpoints/2/predict"), file.clone()).await;
    assert_eq!(sent.status, 200);
    assert_eq!(sent.json()["logits"], known["logits"]);
    assert_eq!(sent.json()["image"], Value::Null);
    let sheet = format!("{TINY}/checkpoints/2/layers/conv1/filters/*/channels/*/apply");
    let known = server.get(&format!("{sheet}/7")).await;
    let sent = server.post(&sheet, file).await;
    assert_eq!(sent.pixels(), known.pixels());
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_have_the_geometry_they_say() {
    let server = TestServer::shared();
    for (path, columns, rows, rgb) in [
        ("checkpoints/0/layers/conv1/filters/*/channels/*", 3, 2, true),
        ("checkpoints/0/layers/conv1/filters/0-4/channels/*?columns=5", 5, 1, true),
        ("checkpoints/0/layers/conv1/filters/*/channels/1", 3, 2, false),
        ("checkpoints/0/layers/conv1/filters/*/channels/*?palette=diverging&scale=3", 3, 6, false),
        ("checkpoints/0/layers/conv2/filters/1,3/channels/0-2", 3, 2, false),
        ("checkpoints/0/layers/fc10/filters/*/channels/*/apply/0", 4, 3, false),
    ] {
        let answer = server.get(&format!("{TINY}/{path}")).await;
        let (width, height, rgba) = answer.pixels();
        let g = geometry(&answer);
        let number = |name: &str| g[name].as_u64().unwrap() as usize;
        assert_eq!((number("columns"), number("rows"), &g["rgb"]), (columns, rows, &Value::Bool(rgb)), "{path}");
        assert_eq!((number("width"), number("height")), (width, height), "{path}");
        let scale = number("scale");
        assert_eq!(width, columns * (number("tile_width") * scale + 1) - 1, "{path}");
        assert_eq!(height, rows * (number("tile_height") * scale + 1) - 1, "{path}");
        // The gap right of the first tile is transparent, the tile is not.
        assert_eq!(rgba[3], 255, "{path}");
        assert_eq!(rgba[number("tile_width") * scale * 4 + 3], 0, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strip_is_its_sheets_one_below_the_other() {
    let server = TestServer::shared();
    for query in ["", "&normalise=timeline", "&normalise=filter", "&apply=4"] {
        let strip = server.get(&format!("{TINY}/layers/conv1/strip?checkpoints=*{query}")).await;
        let (width, height, pixels) = strip.pixels();
        let g = geometry(&strip);
        assert_eq!(g["checkpoints"], serde_json::json!([0, 1, 2, 3]));
        let one = g["height"].as_u64().unwrap() as usize;
        assert_eq!(height, 4 * one);
        for index in 0..4 {
            let apply = if query.contains("apply") { "/apply/4" } else { "" };
            let query = query.trim_start_matches('&');
            let sheet = server
                .get(&format!("{TINY}/checkpoints/{index}/layers/conv1/filters/*/channels/*{apply}?{query}"))
                .await;
            let part = &pixels[index * one * width * 4..(index + 1) * one * width * 4];
            assert!(sheet.pixels().2 == part, "{query} {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_scale_over_the_timeline_is_the_largest_of_all() {
    let server = TestServer::shared();
    let sheet = |over: &'static str| {
        let server = &server;
        async move {
            let path = format!("{TINY}/checkpoints/0/layers/conv1/filters/*/channels/*?normalise={over}");
            geometry(&server.get(&path).await)["limit"].as_f64().unwrap()
        }
    };
    let strip = geometry(&server.get(&format!("{TINY}/layers/conv1/strip")).await);
    let max = strip["limits"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).fold(0.0, f64::max);
    assert!((sheet("timeline").await - max).abs() < 1e-9);
    assert!(sheet("sheet").await < max, "the weights of this run grow");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_atlas_holds_the_images_in_the_order_asked_for() {
    let server = TestServer::shared();
    let corpus = Corpus::open(&images()).unwrap();
    let (width, height, rgba) = server.get("/api/corpora/shapes/sheet?ids=5,0,119&columns=2").await.pixels();
    assert_eq!((width, height), (64, 64));
    for (position, id) in [5, 0, 119].into_iter().enumerate() {
        let image = corpus.pixels(ImageId(id)).unwrap();
        for ((c, y, x), value) in image.indexed_iter() {
            let at = ((position / 2 * 32 + y) * width + position % 2 * 32 + x) * 4 + c;
            assert_eq!(rgba[at], *value, "image {id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_in_a_list_leads_to_its_sheet() {
    let server = TestServer::shared();
    for path in [
        "checkpoints/*:2/layers/*/filters/0/channels/0-1",
        "checkpoints/last/layers/conv1,probs/filters/*/channels/*/apply/3",
    ] {
        let list = server.json(&format!("{TINY}/{path}?scale=2&normalise=filter")).await;
        let sheets = list["sheets"].as_array().unwrap();
        assert!(!sheets.is_empty());
        for sheet in sheets {
            let answer = server.get(&format!("/{}", sheet["url"].as_str().unwrap())).await;
            let mut expected = sheet.clone();
            expected.as_object_mut().unwrap().remove("url");
            assert_eq!(geometry(&answer), expected);
            assert!(answer.header("cache-control").contains("immutable"));
        }
    }
}
