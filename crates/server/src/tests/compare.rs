//! Two checkpoints side by side.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use deepviz_net::{Run, Step};
use ndarray::Axis;
use serde_json::{Value, json};

use super::fixture::{TestServer, write_run};

const POINT: &str = "/api/runs/tiny/checkpoints/2/compare";
const OTHER: &str = "b=tiny&b_checkpoint=0";

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_those_of_the_two_matrices_and_their_images() {
    let server = TestServer::shared();
    let found = server.json(&format!("{POINT}/errors?{OTHER}")).await;
    assert_eq!((&found["checkpoint"], &found["b"]), (&json!(2), &json!({"run": "tiny", "checkpoint": 0})));
    for (side, checkpoint) in [("a", 2), ("b", 0)] {
        let matrix = server.json(&format!("/api/runs/tiny/checkpoints/{checkpoint}/confusion")).await;
        assert_eq!(found["counts"][side], matrix["counts"]);
    }
    let all = server.json(&format!("{POINT}/images?{OTHER}&which=all&limit=1000")).await;
    let items = all["items"].as_array().unwrap();
    assert_eq!((items.len(), &found["images"]), (30, &json!(30)));
    let mut right: BTreeMap<(bool, bool), u64> = BTreeMap::new();
    let mut cells: BTreeMap<(u64, u64), [u64; 2]> = BTreeMap::new();
    for item in items {
        let number = |value: &Value| value.as_u64().unwrap();
        let (class, a, b) =
            (number(&item["true_class"]), number(&item["a"]["predicted"]), number(&item["b"]["predicted"]));
        *right.entry((class == a, class == b)).or_default() += 1;
        assert_eq!(class == a, item["a"]["margin"].as_f64().unwrap() > 0.0, "{item}");
        if a != b {
            cells.entry((class, a)).or_default()[0] += 1;
            cells.entry((class, b)).or_default()[1] += 1;
        }
    }
    let count = |both: (bool, bool)| json!(right.get(&both).copied().unwrap_or(0));
    assert_eq!(found["both"], count((true, true)));
    assert_eq!(found["only_a"], count((true, false)));
    assert_eq!(found["only_b"], count((false, true)));
    assert_eq!(found["neither"], count((false, false)));
    let answered: BTreeMap<(u64, u64), [u64; 2]> = found["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            let number = |key: &str| cell[key].as_u64().unwrap();
            ((number("true_class"), number("predicted")), [number("only_a"), number("only_b")])
        })
        .collect();
    assert_eq!(answered, cells);
    assert!(!cells.is_empty(), "the two checkpoints predict the same");
    // Largest difference first, in pages that join.
    let distance = |item: &Value| (item["a"]["margin"].as_f64().unwrap() - item["b"]["margin"].as_f64().unwrap()).abs();
    assert!(items.is_sorted_by(|x, y| distance(x) >= distance(y)));
    let first = server.json(&format!("{POINT}/images?{OTHER}&which=all&limit=20")).await;
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let second = server.json(&format!("{POINT}/images?{OTHER}&which=all&limit=20&cursor={cursor}")).await;
    let joined: Vec<_> =
        first["items"].as_array().unwrap().iter().chain(second["items"].as_array().unwrap()).cloned().collect();
    assert_eq!(&joined, items);
    assert_eq!(second["next_cursor"], Value::Null);
    let changed = server.json(&format!("{POINT}/images?{OTHER}&which=changed")).await;
    assert_eq!(changed["total"], json!(cells.values().map(|cell| cell[0]).sum::<u64>()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_wholly_like_itself() {
    let server = TestServer::shared();
    let itself = "b=tiny&b_checkpoint=2";
    let layers = server.json(&format!("{POINT}/layers?{itself}&images=24")).await;
    let names: Vec<_> =
        layers["layers"]["a"].as_array().unwrap().iter().map(|layer| layer["layer"].as_str().unwrap()).collect();
    assert_eq!(names, ["conv1", "conv2", "fc16", "fc10"]);
    assert_eq!(layers["layers"]["a"][0]["measured_at"], "relu1");
    assert_eq!(layers["proposed"], json!([0, 1, 2, 3]));
    for index in 0..4 {
        assert!((layers["cka"][index][index].as_f64().unwrap() - 1.0).abs() < 1e-9);
        assert!((layers["procrustes"][index][index].as_f64().unwrap() - 1.0).abs() < 1e-5);
    }
    let off = layers["cka"][0][3].as_f64().unwrap();
    let [from, to] = [0, 1].map(|end| layers["cka_interval"][0][3][end].as_f64().unwrap());
    assert!(off < 1.0 && from <= off && off <= to);
    // Two layers alone, as in the map, and with the interval of Procrustes.
    assert_eq!(layers["procrustes_interval"], Value::Null);
    let pair = server.json(&format!("{POINT}/layers?{itself}&images=24&layer=conv1&b_layer=fc10")).await;
    assert_eq!((&pair["cka"][0][0], &pair["procrustes"][0][0]), (&layers["cka"][0][3], &layers["procrustes"][0][3]));
    let [from, to] = [0, 1].map(|end| pair["procrustes_interval"][end].as_f64().unwrap());
    let value = pair["procrustes"][0][0].as_f64().unwrap();
    assert!(0.0 <= from && from < value && value < to && to <= 1.0, "{pair}");
    let units = server.json(&format!("{POINT}/units?{itself}&images=24&layer=conv1")).await;
    assert_eq!((&units["units"], &units["measured_at"]), (&json!([6, 6]), &json!(["relu1", "relu1"])));
    assert_eq!(units["grid"], json!([8, 8]));
    for pair in units["pairs"].as_array().unwrap() {
        assert_eq!((&pair["a"], &pair["mutual"]), (&pair["b"], &json!(true)));
        assert!((pair["correlation"].as_f64().unwrap() - 1.0).abs() < 1e-4);
    }
    let silent = units["silent"][0].as_array().unwrap().len();
    assert_eq!(units["pairs"].as_array().unwrap().len() + silent, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_align_checkpoints() {
    let server = TestServer::shared();
    for by in ["step", "epoch", "images", "fraction", "time"] {
        let found = server.json(&format!("/api/runs/tiny/clock?b=tiny&by={by}")).await;
        assert_eq!((&found["pairs"], &found["missing"]), (&json!([0, 1, 2, 3]), &Value::Null), "{by}");
        assert_eq!(found["a"], found["b"]);
    }
    // The error does not change: the first checkpoint is as good as any.
    let found = server.json("/api/runs/tiny/clock?b=tiny&by=error").await;
    assert_eq!((&found["pairs"], &found["unit"]), (&json!([0, 0, 0, 0]), &json!("test error")));
    let wrong = server.get("/api/runs/tiny/clock?b=tiny&by=moon").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.get("/api/runs/tiny/clock?b=none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_cannot_be_compared_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, seed: u64| {
        let images = folder.path().join(format!("images-{name}"));
        let options = deepviz_corpus::ShapesOptions { images: 120, test_fraction: 0.25, seed };
        deepviz_corpus::make_shapes(&images, &options).unwrap();
        write_run(&folder.path().join(name), &images);
    };
    make("one", 5);
    make("two", 6);
    write_run(&folder.path().join("named"), &folder.path().join("images-one"));
    let file = folder.path().join("named").join("run.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"disc\""), "{text}");
    std::fs::write(&file, text.replace("\"disc\"", "\"moon\"")).unwrap();
    let server = TestServer::over(&[folder.path().to_owned()], None, None);
    let point = "/api/runs/one/checkpoints/2/compare";
    let other = server.get(&format!("{point}/errors?b=two")).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(other.json()["detail"].as_str().unwrap().contains("measured on other images"), "{:?}", other.json());
    // Layers can be compared all the same: both networks take the images of the first.
    let layers = server.json(&format!("{point}/layers?b=two&images=16")).await;
    assert_eq!(layers["layers"]["b"].as_array().unwrap().len(), 4);
    // The same images, without statistics.
    let missing = server.get(&format!("{point}/errors?b=one&b_checkpoint=1")).await;
    assert_eq!(missing.status, StatusCode::CONFLICT);
    assert!(missing.json()["hint"].as_str().unwrap().contains("deepviz stats"));
    let named = server.get(&format!("{point}/errors?b=named")).await;
    assert_eq!(named.status, StatusCode::CONFLICT);
    let detail = named.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("only one knows `disc`; only named knows `moon`"), "{detail}");
    let no_layer = server.get(&format!("{point}/units?b=two&layer=nothing")).await;
    assert_eq!(no_layer.status, StatusCode::NOT_FOUND);
    let alone = server.get(&format!("{point}/layers?b=two&b_layer=conv1")).await;
    assert_eq!(alone.status, StatusCode::BAD_REQUEST);
    let few = server.get(&format!("{point}/layers?b=two&images=2")).await;
    assert_eq!(few.status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_shows_training_settings_and_curves_are_thinned() {
    let server = TestServer::shared();
    let list = server.json("/api/runs").await;
    let run = list["runs"].as_array().unwrap().iter().find(|run| run["id"] == "tiny").unwrap().clone();
    assert_eq!((&run["settings"]["train.batch"], &run["settings"]["seed"]), (&json!("20"), &json!("9")));
    let network = &list["networks"][run["network"].as_u64().unwrap() as usize];
    assert_eq!(network["layers"].as_array().unwrap().len(), 7);
    assert_eq!(network["layers"][0]["shape"]["channels"], 6);
    assert!(network["parameters"].as_u64().unwrap() > 1000);
    let found = server.json("/api/curves?runs=tiny&points=3").await;
    assert_eq!(found["curves"][0]["train"]["steps"], json!([5, 10, 15]));
    assert_eq!(found["curves"][0]["images_per_second"], json!(1000.0));
    assert_eq!(server.get("/api/curves?runs=").await.status, StatusCode::BAD_REQUEST);
    let gone = server.json("/api/curves?runs=none,tiny").await;
    assert_eq!((&gone["problems"][0]["id"], gone["curves"].as_array().unwrap().len()), (&json!("none"), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_errors_of_a_run_without_measurements_are_those_of_its_statistics() {
    let (server, run) = TestServer::own();
    std::fs::remove_file(run.join("metrics.jsonl")).unwrap();
    let detail = server.json("/api/runs/tiny").await;
    let checkpoints = detail["checkpoints"].as_array().unwrap();
    let of = |key: &str| checkpoints.iter().map(|checkpoint| checkpoint[key].clone()).collect::<Vec<_>>();
    assert!(of("test_error").iter().all(serde_json::Value::is_number), "{checkpoints:?}");
    let found = server.json("/api/curves?runs=tiny").await;
    let curves = &found["curves"][0];
    assert_eq!(curves["test"]["steps"], json!(of("step")));
    assert_eq!(curves["test"]["error"], json!(of("test_error")));
    assert_eq!(curves["test"]["loss"], json!(of("test_loss")));
    let least = of("test_error").iter().filter_map(serde_json::Value::as_f64).fold(1.0, f64::min);
    assert_eq!(curves["best"]["error"], json!(least));
    assert_eq!(curves["last"]["error"], *of("test_error").last().unwrap());
    let list = server.json("/api/runs").await;
    assert_eq!(list["runs"][0]["test_error"], *of("test_error").last().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn permuted_filters_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    let options = deepviz_corpus::ShapesOptions { images: 120, test_fraction: 0.25, seed: 5 };
    deepviz_corpus::make_shapes(&images, &options).unwrap();
    for name in ["one", "permuted"] {
        write_run(&folder.path().join(name), &images);
    }
    // The filters of conv1 in another order, and the channels of conv2 to fit.
    let order: [usize; 6] = [3, 0, 5, 1, 4, 2];
    let path = Run::snapshot_path(&folder.path().join("permuted"), Step(10));
    let run = Run::open(&folder.path().join("permuted")).unwrap();
    let mut snapshot = run.snapshot(Step(10)).unwrap();
    for (name, axis) in [("conv1.weight", 0), ("conv1.bias", 0), ("conv2.weight", 1)] {
        let array = snapshot.parameters.get_mut(name).unwrap();
        *array = array.select(Axis(axis), &order);
    }
    snapshot.write(&path).unwrap();
    let server = TestServer::over(&[folder.path().to_owned()], None, None);
    let point = "/api/runs/one/checkpoints/2/compare";
    let found = server.json(&format!("{point}/units?b=permuted&b_checkpoint=2&layer=conv1&images=30")).await;
    let silent = found["silent"][0].as_array().unwrap().len();
    let pairs = found["pairs"].as_array().unwrap();
    assert_eq!(pairs.len() + silent, 6, "{found}");
    assert!(pairs.len() > 3, "{found}");
    for pair in pairs {
        assert_eq!(pair["a"], json!(order[pair["b"].as_u64().unwrap() as usize]), "{found}");
        assert!(pair["correlation"].as_f64().unwrap() > 0.9999);
    }
    let layers = server.json(&format!("{point}/layers?b=permuted&b_checkpoint=2&images=30")).await;
    for index in 0..4 {
        assert!((layers["cka"][index][index].as_f64().unwrap() - 1.0).abs() < 1e-4, "{layers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn units_are_compared_with_their_final_selves() {
    let server = TestServer::shared();
    let found = server.json("/api/runs/tiny/layers/conv1/lifelines?images=24").await;
    assert_eq!((&found["checkpoints"], &found["measured_at"]), (&json!([0, 1, 2, 3]), &json!("relu1")));
    let units = found["units"].as_array().unwrap();
    assert_eq!(units.len(), 6);
    assert_eq!(found["split"], "test");
    let alive: Vec<&Value> = units.iter().filter(|unit| unit["died"].is_null()).collect();
    assert!(!alive.is_empty());
    for unit in alive {
        let path: Vec<f64> = unit["to_last"].as_array().unwrap().iter().map(|r| r.as_f64().unwrap()).collect();
        assert!((path[3] - 1.0).abs() < 1e-4, "{unit}");
        let born = unit["born"].as_u64().unwrap() as usize;
        assert!(path[born..].iter().all(|&r| r >= 0.5), "{unit}");
        assert!(born == 0 || path[born - 1] < 0.5, "{unit}");
        // The route of pairs says the same of two of them.
        let number = unit["unit"].as_u64().unwrap();
        let pairs = server.json("/api/runs/tiny/checkpoints/0/compare/units?b=tiny&layer=conv1&images=24").await;
        let own = pairs["pairs"].as_array().unwrap().iter().find(|pair| pair["a"] == number && pair["b"] == number);
        if let Some(own) = own {
            assert!((own["correlation"].as_f64().unwrap() - path[0]).abs() < 1e-4, "{unit} {own}");
        }
    }
    let one = server.get("/api/runs/tiny/layers/conv1/lifelines?checkpoints=2").await;
    assert_eq!(one.status, StatusCode::BAD_REQUEST);
    assert_eq!(server.get("/api/runs/tiny/layers/none/lifelines").await.status, StatusCode::NOT_FOUND);
}
