//! Every recipe in models/ is read, built for its images and compared with the published counts.

use deepviz_net::{Network, Recipe, Shape};
use std::path::{Path, PathBuf};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

#[expect(clippy::unwrap_used, reason = "a recipe that cannot be read fails the test")]
fn load(name: &str) -> Recipe {
    Recipe::load(&models().join(name).with_extension("toml"), &[]).unwrap()
}

#[test]
fn every_recipe_builds_reads_back_and_names_its_source() {
    let mut found = 0;
    for file in std::fs::read_dir(models()).unwrap() {
        let path = file.unwrap().path();
        let recipe = Recipe::load(&path, &[]).unwrap();
        Network::new(&recipe, Shape::new(3, 32, 32), 10).unwrap();
        assert_eq!(recipe.name, path.file_stem().unwrap().to_str().unwrap());
        let again = Recipe::parse(&recipe.to_toml(), "again", &[]).unwrap();
        assert_eq!(again, recipe, "{}", path.display());
        let text = std::fs::read_to_string(&path).unwrap();
        for word in ["Published:", "Measured:"] {
            assert!(text.contains(word), "{} does not say {word}", path.display());
        }
        found += 1;
    }
    assert_eq!(found, 8);
}

#[test]
fn parameter_counts_are_those_of_the_recipes_comments() {
    let counts = [
        ("cifar10-80sec", 145_578),
        ("cifar10-19pct", 89_578),
        ("cifar10-18pct", 89_578),
        ("cifar10-13pct", 1_116_490),
        ("cifar10-11pct", 2_112_970),
        ("cifar10-resnet20", 269_722),
        ("cifar10-airbench94", 4_604_440),
    ];
    for (name, count) in counts {
        let network = Network::new(&load(name), Shape::new(3, 32, 32), 10).unwrap();
        assert_eq!(network.parameter_count(), count, "{name}");
        let head = std::fs::read_to_string(models().join(format!("{name}.toml"))).unwrap().replace(',', "");
        assert!(head.contains(&format!(" {count} parameters")), "{name} tells another count");
    }
}

#[test]
fn the_80sec_network_has_the_published_shapes() {
    let recipe = load("cifar10-80sec");
    let network = Network::new(&recipe, Shape::new(3, 32, 32), 10).unwrap();
    let shape = |name: &str| network.layers()[network.index_of(name).unwrap()].shape;
    assert_eq!(shape("conv1"), Shape::new(32, 32, 32));
    assert_eq!(shape("pool1"), Shape::new(32, 16, 16));
    assert_eq!(shape("pool2"), Shape::new(32, 8, 8));
    assert_eq!(shape("pool3"), Shape::new(64, 4, 4));
    assert_eq!(network.layers()[network.logits()].name, "fc10");
    assert_eq!(network.layers()[network.features()].name, "relu4");
    assert_eq!(network.layers()[network.output()].name, "probs");
    let steps = recipe.snapshots.steps(391, recipe.training().unwrap().schedule.total_steps(391)).unwrap();
    assert_eq!(steps.len(), 51);
}

#[test]
fn the_cropped_networks_see_24_pixels() {
    for name in ["cifar10-13pct", "cifar10-11pct"] {
        let network = Network::new(&load(name), Shape::new(3, 32, 32), 10).unwrap();
        assert_eq!(network.input(), Shape::new(3, 24, 24));
        let full = network.layers().iter().rfind(|layer| layer.name == "fc10").unwrap();
        assert_eq!(full.parameters[0].shape, [10, 1152]);
    }
}
