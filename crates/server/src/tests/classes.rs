//! Routes about classes answer with the means that one gets by averaging.

use deepviz_corpus::{ClassId, Corpus, ImageId, Split};
use deepviz_net::{Device, Model, Run, Step};
use serde_json::{Value, json};

use super::fixture::{TestServer, images};

const MOMENT: &str = "/api/runs/tiny/checkpoints/2/layers";

/// Means computed from the network itself, with which answers are compared.
struct Truth {
    corpus: Corpus,
    model: Model,
    layer: usize,
}

impl Truth {
    fn of(server: &TestServer, layer: &str) -> Self {
        let run = Run::open(&server.app.runs.get("tiny").unwrap().path).unwrap();
        let device = Device::cpu(Some(1), None).unwrap();
        let model = Model::from_snapshot(run.network().clone(), &run.snapshot(Step(10)).unwrap(), &device).unwrap();
        let layer = run.network().index_of(layer).unwrap();
        Self { corpus: Corpus::open(&images()).unwrap(), model, layer }
    }

    fn class(&self, class: u16) -> Vec<ImageId> {
        let all = self.corpus.range(Split::Test).map(ImageId);
        all.filter(|id| self.corpus.label(*id) == Some(ClassId(class))).collect()
    }

    fn mean(&self, ids: &[ImageId]) -> Vec<f64> {
        let mut sums = Vec::new();
        for id in ids {
            let output = self.model.forward(&[self.corpus.pixels(*id).unwrap()], &[self.layer]).unwrap().remove(0);
            sums.resize(output.len(), 0.0);
            sums.iter_mut().zip(&output).for_each(|(sum, value)| *sum += f64::from(*value) / ids.len() as f64);
        }
        sums
    }
}

fn numbers(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes).into()).collect()
}

fn assert_near(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{what}: {a} {b}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_the_mean_of_its_images() {
    let server = TestServer::shared();
    for layer in ["conv1", "relu2", "probs"] {
        let truth = Truth::of(&server, layer);
        let ids = |list: &[u32]| list.iter().map(|id| ImageId(*id)).collect::<Vec<_>>();
        let cases = [
            ("class:3", truth.mean(&truth.class(3))),
            ("images:1,5,7-9", truth.mean(&ids(&[1, 5, 7, 8, 9]))),
            ("images:100", truth.mean(&ids(&[100]))),
        ];
        for (group, expected) in cases {
            let path = format!("{MOMENT}/{layer}/filters/*/channels/*/apply/{group}");
            assert_near(&numbers(&server.get(&format!("{path}?format=f32")).await.body), &expected, group);
        }
        let expected: Vec<f64> =
            truth.mean(&truth.class(3)).iter().zip(truth.mean(&truth.class(5))).map(|(a, b)| a - b).collect();
        let path = format!("{MOMENT}/{layer}?apply=class:3&minus=class:5");
        assert_near(&numbers(&server.get(&format!("{path}&format=f32")).await.body), &expected, "difference");
        let sheet = server.json(&format!("{path}&format=json")).await;
        let count = truth.class(3).len() + truth.class(5).len();
        assert_eq!(
            (&sheet["group"], &sheet["minus"], &sheet["images"]),
            (&json!("class:3"), &json!("class:5"), &json!(count))
        );
        assert_eq!(sheet["palette"], "diverging");

        let versus = server.get(&format!("{MOMENT}/{layer}/versus?a=class:3&b=class:5&format=f32")).await;
        let all: Vec<f64> = [truth.mean(&truth.class(3)), truth.mean(&truth.class(5)), expected].concat();
        assert_near(&numbers(&versus.body), &all, "versus");
        assert!(versus.header("x-deepviz-shape").starts_with("[3,"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_groups_and_their_difference_share_one_scale() {
    let server = TestServer::shared();
    let path = format!("{MOMENT}/relu1/versus?a=class:truck&b=images:1-4");
    let refused = server.get(&path).await;
    assert_eq!(refused.status, 400, "the shapes have no trucks");
    let path = format!("{MOMENT}/relu1/versus?a=class:1&b=images:1-4&scale=2");
    let answer = server.get(&path).await;
    let g: Value = serde_json::from_str(answer.header("x-deepviz-sheet")).unwrap();
    let (width, height, _) = answer.pixels();
    assert_eq!((json!(width), json!(height / 3)), (g["width"].clone(), g["height"].clone()));
    assert_eq!(g["groups"], json!(["class:1", "images:1-4"]));
    let widest = g["ranges"].as_array().unwrap().iter().flat_map(|range| range.as_array().unwrap());
    let widest = widest.map(|v| v.as_f64().unwrap().abs()).fold(0.0, f64::max);
    assert!(g["limit"].as_f64().unwrap() <= widest + 1e-6);
    let numbers = server.json(&format!("{path}&format=json")).await;
    for means in numbers["means"].as_array().unwrap() {
        let [a, b, difference] = [0, 1, 2].map(|i| means[i].as_f64().unwrap());
        assert!((a - b - difference).abs() < 1e-4 * (1.0 + a.abs()), "{means}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hue_is_the_class_that_a_filter_prefers() {
    let server = TestServer::shared();
    let path = format!("{MOMENT}/relu1/preference");
    let answer = server.json(&format!("{path}?format=json")).await;
    let truth = Truth::of(&server, "relu1");
    let area = answer["tile_width"].as_u64().unwrap() * answer["tile_height"].as_u64().unwrap();
    let by_class: Vec<Vec<f64>> = (0..10)
        .map(|class| {
            let mean = truth.mean(&truth.class(class));
            mean.chunks(area as usize).map(|map| map.iter().sum::<f64>() / area as f64).collect()
        })
        .collect();
    for (filter, found) in answer["preferences"].as_array().unwrap().iter().enumerate() {
        let means: Vec<f64> = by_class.iter().map(|means| means[filter]).collect();
        let listed: Vec<f64> = found["means"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_near(&listed, &means, "means");
        let max = means.iter().copied().fold(0.0, f64::max);
        let class = found["class"].as_u64().unwrap() as usize;
        assert!((means[class] - max).abs() <= 1e-4 * max.abs(), "filter {filter}");
        let rest = (means.iter().sum::<f64>() - max) / 9.0;
        let strength = if max + rest > 0.0 { (max - rest) / (max + rest) } else { 0.0 };
        assert!((found["strength"].as_f64().unwrap() - strength).abs() < 1e-3, "filter {filter}: {strength}");
    }
    assert_eq!(answer["classes"].as_array().unwrap().len(), 10);

    // Each tile has no other hue than that of its class: its brightest pixel points in the colour's direction.
    let picture = server.get(&format!("{path}?filters=2,0")).await;
    let g: Value = serde_json::from_str(picture.header("x-deepviz-sheet")).unwrap();
    assert_eq!(g["preferences"][0]["filter"], 2);
    assert_eq!(g["preferences"][0]["class"], answer["preferences"][2]["class"]);
    let (width, _, rgba) = picture.pixels();
    let tile = g["tile_width"].as_u64().unwrap() as usize;
    let tint = deepviz_render::Tint {
        hue: g["preferences"][0]["class"].as_u64().unwrap() as f32 / 10.0,
        saturation: g["preferences"][0]["strength"].as_f64().unwrap() as f32,
    };
    let brightest = (0..tile * tile).map(|at| &rgba[(at / tile * width + at % tile) * 4..][..3]);
    let brightest = brightest.max_by_key(|pixel| pixel.iter().map(|v| u32::from(*v)).sum::<u32>()).unwrap();
    assert_eq!(brightest, tint.colour(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_groups_are_refused_with_a_way_on() {
    let server = TestServer::shared();
    for (path, status, words) in [
        ("conv1?apply=class:10", 400, "0 to 9"),
        ("conv1?apply=images:120", 404, "0 to 119"),
        ("conv1?apply=images:", 400, "empty part"),
        ("conv1?apply=3&minus=class:2", 400, "only a group"),
        ("conv1?apply=class:3&minus=4", 400, "looks like class:3"),
        ("conv1?apply=class:3&limit=0", 400, "1 to 1000"),
        ("conv1?apply=class:3&split=dev", 400, "train or test"),
        ("conv1/preference?limit=2001", 400, "1 to 1000"),
        ("conv1/preference?normalise=timeline", 400, "filter or sheet"),
        ("conv1/preference?format=f32", 400, "png or json"),
        ("none/preference", 404, "layers here"),
        ("conv1/versus?a=class:1", 400, "`b`"),
        ("conv1/versus?a=class:1&b=2&format=gif", 400, "png, json or f32"),
    ] {
        let answer = server.get(&format!("{MOMENT}/{path}")).await;
        assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
        let problem = answer.json();
        let text = format!("{} {}", problem["detail"], problem["hint"]);
        assert!(text.contains(words), "{path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strip_shows_a_class_over_time_on_one_scale() {
    let server = TestServer::shared();
    let strip = server.get("/api/runs/tiny/layers/relu1/strip?apply=class:2&normalise=timeline&limit=3").await;
    assert_eq!(strip.status, 200, "{:?}", strip.body);
    let g: Value = serde_json::from_str(strip.header("x-deepviz-sheet")).unwrap();
    assert_eq!((&g["checkpoints"], &g["group"], &g["images"]), (&json!([0, 1, 2, 3]), &json!("class:2"), &json!(3)));
    let list = server.json("/api/runs/tiny/checkpoints/*/layers/relu1?apply=class:2&limit=3&minus=class:4").await;
    for sheet in list["sheets"].as_array().unwrap() {
        let answer = server.get(&format!("/{}", sheet["url"].as_str().unwrap())).await;
        let mut expected = sheet.clone();
        expected.as_object_mut().unwrap().remove("url");
        assert_eq!(serde_json::from_str::<Value>(answer.header("x-deepviz-sheet")).unwrap(), expected);
    }
}
