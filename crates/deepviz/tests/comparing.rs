//! `deepviz compare`: two runs, two checkpoints of one run, and inputs that it refuses.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use fixture::Fixture;
use serde_json::{Value, json};

/// Two runs with different seeds over the same images, the first with statistics.
fn fixture_with_two() -> Fixture {
    let fixture = Fixture::with_shapes();
    fixture.train("one", &["--seed", "1"]).expect_good();
    fixture.train("two", &["--seed", "2"]).expect_good();
    fixture.run(&["stats", "one", "--clusters", "3"]).expect_good();
    fixture
}

#[test]
fn errors_and_layer_similarities_of_two_runs_are_printed() {
    let fixture = fixture_with_two();
    // The second run has no statistics yet.
    fixture.run(&["compare", "one", "two"]).expect_error(&["two", "deepviz stats"]);
    fixture.run(&["compare", "one", "nowhere"]).expect_error(&["cannot open the run nowhere"]);
    fixture.run(&["stats", "two", "--clusters", "3"]).expect_good();
    let found = fixture.run(&["compare", "one", "two", "--json", "--layers", "--images", "16"]).expect_good();
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let errors = &found["errors"];
    let count = |key: &str| errors[key].as_u64().unwrap();
    assert_eq!(count("both") + count("only_a") + count("only_b") + count("neither"), count("images"));
    assert_eq!((&found["a"], &errors["b"]["run"]), (&json!("one"), &json!("two")));
    let wrong = (count("only_b") + count("neither")) as f64 / count("images") as f64;
    assert!((errors["error"][0].as_f64().unwrap() - wrong).abs() < 1e-12);
    let layers = found["layers"]["layers"]["a"].as_array().unwrap().len();
    assert_eq!((found["units"].as_array().unwrap().len(), &found["layers"]["images"]), (layers, &json!(16)));
    // As text: both runs, McNemar's test, and a row for each layer.
    let text = fixture.run(&["compare", "one", "two", "--layers", "--images", "16"]).expect_good().stdout;
    for part in ["A  one", "B  two", "McNemar", "right  both", "matched", "conv1", "fc10"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_run_is_compared_with_itself() {
    let fixture = Fixture::with_shapes();
    fixture.train("one", &[]).expect_good();
    fixture.run(&["stats", "one", "--clusters", "3"]).expect_good();
    let found = fixture.run(&["compare", "one", "./one", "--json"]).expect_good();
    let found: Value = serde_json::from_str(&found.stdout).unwrap();
    let errors = &found["errors"];
    assert_eq!((&errors["only_a"], &errors["only_b"], &errors["p"]), (&json!(0), &json!(0), &json!(1.0)));
    assert_eq!(errors["cells"], json!([]));
    let first = fixture.run(&["compare", "one", "one", "--b-checkpoint", "0"]).expect_good().stdout;
    assert!(first.contains("B  one  checkpoint 0"), "{first}");
    fixture.run(&["compare", "one", "one", "--b-checkpoint", "99"]).expect_error(&["99"]);
}
