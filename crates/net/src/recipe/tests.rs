mod input;
mod schedule;

use super::*;
use crate::network::Network;
use crate::shape::Shape;

const SMALL: &str = r#"
[data]
mean = "channel"

[[layer]]
name = "conv1"
type = "conv"
filters = 8
size = 3
padding = 1

[[layer]]
name = "fc"
type = "full"
outputs = 10

[[layer]]
name = "probs"
type = "softmax"

[train]
stages = [{ epochs = 2, rate = 0.1 }]
"#;

fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

fn message(text: &str, pairs: &[(&str, &str)]) -> String {
    let built = Recipe::parse(text, "small.toml", &set(pairs))
        .and_then(|recipe| Network::new(&recipe, Shape::new(3, 8, 8), 10));
    built.unwrap_err().to_string()
}

/// The message of the recipe with one piece of text replaced.
fn changed(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    message(&SMALL.replacen(from, to, 1), &[])
}

fn check(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn defaults_are_filled_in_and_written_out() {
    let recipe = Recipe::parse(SMALL, "small.toml", &[]).unwrap();
    assert_eq!(recipe.name, "small");
    assert_eq!(recipe.training().unwrap().batch, 128);
    assert_eq!(recipe.layers[1].inputs, ["conv1"]);
    let text = recipe.to_toml();
    check(&text, &["shared_bias = true", "bias_rate = 0.1", "every = \"1 epoch\""]);
    assert_eq!(Recipe::parse(&text, "other.toml", &[]).unwrap(), recipe);
}

#[test]
fn unknown_keys_name_file_line_layer_and_the_nearest() {
    let text = changed("filters = 8", "fitlers = 8\nfilters = 8");
    check(&text, &["small.toml:8", "layer `conv1`", "unknown key `fitlers`", "did you mean `filters`?"]);
    check(&changed("[train]", "[train]\nbatches = 3"), &["small.toml:22", "[train]", "did you mean `batch`?"]);
    check(&changed("[data]", "[date]\n[data]"), &["small.toml:2", "unknown key `date`", "did you mean `data`?"]);
    check(&changed("rate = 0.1", "rates = 0.1"), &["small.toml:22", "the key `rate`"]);
    check(&changed("rate = 0.1", "rate = 0.1, bias = 1"), &["unknown key `bias`"]);
}

#[test]
fn wrong_values_say_what_was_expected_and_found() {
    check(&changed("filters = 8", "filters = \"8\""), &["small.toml:8", "a whole number", "\"8\""]);
    check(&changed("filters = 8", "filters = -8"), &["`filters`", "-8"]);
    check(&changed("\"channel\"", "\"chanel\""), &["pixel, channel, none", "did you mean `channel`?"]);
    check(&changed("\"conv\"", "\"convolution\""), &["layer `conv1`", "one of conv,", "\"convolution\""]);
    check(&changed("rate = 0.1", "rate = -0.1"), &["a number, 0 or more, for `rate`", "-0.1"]);
    check(&changed("[{ epochs = 2, rate = 0.1 }]", "[]"), &["at least one stage"]);
    check(&changed("[data]", "[data]\nresize = [3]"), &["[height, width]", "a list of 1"]);
    check(&changed("[train]", "[snapshots]\nevery = \"often\"\n[train]"), &["5 per epoch", "\"often\""]);
    check(&changed("[train]", "[train]\nmomentum = 1"), &["below 1 for `momentum`"]);
    check(&changed("[data]", "[data"), &["small.toml:2", "not readable as TOML"]);
}

#[test]
fn graphs_that_do_not_fit_name_the_layer() {
    check(&changed("outputs = 10", "outputs = 9"), &["layer `probs`", "one input a class", "9x1x1"]);
    check(&changed("size = 3", "size = 30"), &["small.toml:5", "layer `conv1`", "no larger than", "3x8x8"]);
    check(&changed("size = 3", "size = 3\nstride = 0"), &["a stride of 1 or more"]);
    check(&changed("size = 3", "size = 3\ngroups = 2"), &["3 channels and 8 filters"]);
    check(&changed("outputs = 10", "outputs = 10\ninputs = [\"conv2\"]"), &["layer `fc`", "data, conv1", "`conv2`"]);
    check(
        &changed("outputs = 10", "outputs = 10\ninputs = [\"data\"]"),
        &["layer `conv1`", "takes it as input", "none"],
    );
    check(&changed("outputs = 10", "outputs = 10\ninputs = [\"data\", \"conv1\"]"), &["one input", "found 2"]);
    check(&changed("name = \"fc\"", "name = \"conv1\""), &["\"conv1\" a second time"]);
    check(&changed("name = \"fc\"", "name = \"7\""), &["not digits alone"]);
    check(&changed("type = \"softmax\"", "type = \"relu\""), &["a softmax as the last layer", "relu"]);
    check(&changed("[data]", "[data]\ncrop = 9"), &["`crop`", "3x8x8", "found 9"]);
    check(&message("[train]\nstages = [{ epochs = 1, rate = 1 }]", &[]), &["[[layer]]", "none"]);
}

#[test]
fn augmentation_and_initialisations_are_read_and_written() {
    let text = SMALL
        .replace(
            "[data]",
            "[data]\npad = 2\npadding = \"reflect\"\nflip = \"alternating\"\ncutout = 3\nbrightness = 0.1\n\
             contrast = 0.2\nviews = \"six\"",
        )
        .replace("padding = 1", "padding = 1\ninit = { type = \"dirac\", rest = \"pytorch\" }\nbias_epochs = 2.5")
        .replace("outputs = 10", "outputs = 10\ninit = \"xavier\"");
    let recipe = Recipe::parse(&text, "small.toml", &[]).unwrap();
    assert_eq!((recipe.data.pad, recipe.data.padding, recipe.data.flip), (2, Padding::Reflect, Flip::Alternating));
    assert_eq!(Recipe::parse(&recipe.to_toml(), "small", &[]).unwrap(), recipe);
    Network::new(&recipe, Shape::new(3, 8, 8), 10).unwrap();
    check(&changed("[data]", "[data]\nflip = \"often\""), &["true, false or \"alternating\" for `flip`", "\"often\""]);
    check(&changed("[data]", "[data]\npad = 8"), &["a `pad` in [data] below the side", "found 8"]);
    check(
        &changed("outputs = 10", "outputs = 10\ninit = \"dirac\""),
        &["layer `fc`", "`dirac` for filters", "`fc.weight`"],
    );
    check(&changed("outputs = 10", "outputs = 10\ninit = \"whitening\""), &["`whitening` for the filters of a `conv`"]);
    let many = changed("filters = 8", "filters = 55\ninit = \"whitening\"");
    check(&many, &["layer `conv1`", "at most 54 of them", "[55, 3, 3, 3]"]);
}

#[test]
fn overrides_reach_every_key() {
    let pairs = set(&[
        ("train.batch", "64"),
        ("layer.conv1.filters", "16"),
        ("train.stages.0.rate", "0.5"),
        ("train.shuffle", "once"),
        ("snapshots.every", "5 per epoch"),
        ("data.crop", "6"),
    ]);
    let recipe = Recipe::parse(SMALL, "small.toml", &pairs).unwrap();
    assert_eq!(recipe.training().unwrap().batch, 64);
    assert!((recipe.training().unwrap().schedule.stages[0].rate.weight - 0.5).abs() < 1e-12);
    assert_eq!(recipe.training().unwrap().shuffle, Shuffle::Once);
    assert_eq!(recipe.snapshots.every, Every::PerEpoch(5));
    let network = Network::new(&recipe, Shape::new(3, 8, 8), 10).unwrap();
    assert_eq!(network.layers()[1].shape, Shape::new(16, 6, 6));
    assert_eq!(network.image(), Shape::new(3, 8, 8));
}

#[test]
fn wrong_overrides_are_named_as_such() {
    let text = message(SMALL, &[("train.batsh", "64")]);
    check(&text, &["--set train.batsh=64", "unknown key `batsh`", "did you mean `batch`?"]);
    check(&message(SMALL, &[("train.batch", "many")]), &["--set train.batch=many", "whole number", "\"many\""]);
    check(&message(SMALL, &[("layer.conv9.filters", "1")]), &["`conv9`, which names nothing"]);
}

#[test]
fn a_graph_with_branches_is_built() {
    let text = r#"
[[layer]]
name = "a"
type = "conv"
filters = 4
size = 3
padding = 1
[[layer]]
name = "b"
type = "conv"
filters = 4
size = 1
inputs = ["data"]
[[layer]]
name = "sum"
type = "add"
inputs = ["a", "b"]
coefficients = [1, -0.5]
[[layer]]
name = "both"
type = "concat"
inputs = ["sum", "a"]
[[layer]]
name = "bounded"
type = "brelu"
limit = 0.1
[[layer]]
name = "fc"
type = "full"
outputs = 10
[[layer]]
name = "probs"
type = "softmax"
[train]
stages = [{ epochs = 1, rate = 1 }]
"#;
    let recipe = Recipe::parse(text, "graph", &[]).unwrap();
    let network = Network::new(&recipe, Shape::new(3, 8, 8), 10).unwrap();
    assert_eq!(network.layers()[4].shape, Shape::new(8, 8, 8));
    assert_eq!(network.layers()[4].inputs, [3, 1]);
    assert_eq!(Recipe::parse(&recipe.to_toml(), "graph", &[]).unwrap(), recipe);
    check(&recipe.to_toml(), &["limit = 0.1\n"]);
    let text = text.replace("coefficients = [1, -0.5]", "coefficients = [1]");
    check(&message(&text, &[]), &["layer `sum`", "2 coefficients"]);
}

#[test]
fn epochs_cut_or_stretch_the_schedule() {
    let text = SMALL.replace("{ epochs = 2, rate = 0.1 }", "{ epochs = 8, rate = 0.1 }, { epochs = 2, rate = 0.01 }");
    let epochs = |total| -> Vec<u64> {
        let recipe = Recipe::parse(&text, "small", &[]).unwrap().with_epochs(total);
        recipe.training().unwrap().schedule.stages.iter().map(|stage| stage.epochs as u64).collect()
    };
    assert_eq!(epochs(10), [8, 2]);
    assert_eq!(epochs(3), [3]);
    assert_eq!(epochs(15), [8, 7]);
    assert_eq!(epochs(0), [0]);
    let recipe = Recipe::parse(&text, "small", &[]).unwrap();
    let rate = |epoch: u64| recipe.training().unwrap().schedule.rates(epoch * 5, 5).weight;
    let rates = [rate(0), rate(7), rate(8), rate(99)].map(|rate| rate.to_string());
    assert_eq!(rates, ["0.1", "0.1", "0.01", "0.01"]);
}

#[test]
fn the_page_on_recipes_names_every_key_type_and_word() {
    let page = include_str!("../../../../docs/recipes.md");
    let has = |word: &str| assert!(page.contains(&format!("`{word}`")), "docs/recipes.md lacks `{word}`");
    let (head, tail) = SMALL.split_at(SMALL.find("[[layer]]").unwrap());
    let tail = &tail[tail.find("[train]").unwrap()..];
    crate::table::section::ASKED.with_borrow_mut(std::collections::BTreeSet::clear);
    let table = "[data]\nresize = { height = 8, width = 8, fit = \"stretch\" }";
    Recipe::parse(&SMALL.replacen("[data]", table, 1), "one", &[]).unwrap();
    let mut types = std::collections::BTreeSet::new();
    for (layers, _) in crate::ops::Op::examples() {
        let text = format!("{head}{}{tail}\n[snapshots]", super::short(&format!("{layers}\nend softmax")));
        let recipe = Recipe::parse(&text, "one", &[]).unwrap_or_else(|error| panic!("{error}: {layers}"));
        types.extend(recipe.layers.iter().map(|layer| layer.op.kind()));
    }
    assert_eq!(types, crate::ops::Op::types().into_iter().collect(), "types in the operations' examples");
    types.into_iter().for_each(has);
    let keys = crate::table::section::ASKED.with_borrow(Clone::clone);
    assert!(keys.len() > 40, "{keys:?}");
    keys.into_iter().for_each(has);
    let words = data::MEANS.map(|(word, _)| word);
    words.into_iter().for_each(has);
    for word in ["centre", "ten", "cuda-convnet", "pytorch", "epoch", "once", "none", "normal", "uniform"] {
        has(word);
    }
    let words = train::OPTIMISERS.map(|(word, _)| word).into_iter().chain(train::CURVES.map(|(word, _)| word));
    words.for_each(has);
    let words = data::STDS.map(|(word, _)| word).into_iter().chain(data::RANGES.map(|(word, _)| word));
    words.chain(data::ORDERS.map(|(word, _)| word)).chain(resize::FITS.map(|(word, _)| word)).for_each(has);
    let words = data::VIEWS.map(|(word, _)| word).into_iter().chain(data::PADDINGS.map(|(word, _)| word));
    words.chain(crate::init::table::INITS).for_each(has);
    has(data::ALTERNATING);
    for word in ["constant", "he", "glorot", "max", "average", "5 per epoch", "100 steps", "1 epoch"] {
        assert!(page.contains(word), "docs/recipes.md lacks {word}");
    }
}
