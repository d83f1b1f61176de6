//! Small networks in which every operation occurs, on images of sizes drawn at random, beside the built-in
//! recipes.

use anyhow::Context as _;
use deepviz_net::random::Stream;
use deepviz_net::recipe::short;
use deepviz_net::{Op, Recipe, Shape};

/// Number of draws of each case, and the bound (exclusive) on the pixels by which a side grows: the same draws at every
/// call, so that a mismatch can be reproduced.
const ROUNDS: u64 = 3;
const MAX_GROWTH_PX: u64 = 6;

/// No bias stands before a batch normalisation: its gradient would be rounding and nothing else.
///
/// Channels, height and width of the images, then layers in short: `name type key=value ...`, one a line.
const CASES: &[([usize; 3], &str)] = &[
    (
        [3, 11, 9],
        "a conv filters=9 size=3 padding=1\nb pool pool=\"max\" size=3 stride=2\nc conv filters=7 size=2 stride=2\nd tanh a=1.7 b=0.6",
    ),
    (
        [2, 9, 10],
        "a conv filters=8 size=4 padding=1 stride=2 shared_bias=false\nb pool pool=\"average\" size=2 stride=1 start=-1\nc logistic",
    ),
    (
        [6, 7, 8],
        "a conv filters=12 size=3 padding=1 groups=3 bias=false\nb batch_norm\nc silu\nd conv filters=12 size=3 padding=1 groups=12 bias=false\ne add inputs=[\"c\",\"d\"] coefficients=[1.0,-0.5]\nf batch_norm weight=false\ng gelu form=\"tanh\"",
    ),
    (
        [3, 8, 7],
        "a conv filters=10 size=3\nb rnorm size=3 scale=0.5 power=0.75\nc local filters=5 size=3 padding=1 stride=2\nd softrelu",
    ),
    (
        [3, 8, 7],
        "a conv filters=13 size=3\nb cmrnorm size=5 scale=0.8 power=0.75\nc brelu limit=0.4\nd cnorm size=3 scale=0.5 power=0.5",
    ),
    (
        [1, 9, 9],
        "a conv filters=6 size=5 padding=2\nb conv filters=5 size=3 padding=1 inputs=[\"data\"]\nc concat inputs=[\"a\",\"b\",\"a\"]\nd cmrnorm size=4 scale=0.8 power=0.9 blocked=true\ne leaky_relu slope=0.2\nf global_average",
    ),
    (
        [3, 8, 8],
        "a conv filters=8 size=1\nb pool pool=\"max\" size=2 stride=2 ties=\"first\"\nc square\nd linear a=0.5 b=0.1\ne sqrt\nf dropout rate=0.3\ng full outputs=20\nh abs\ni identity",
    ),
    (
        [3, 12, 12],
        "a conv filters=40 size=3 padding=1\nb relu\nc conv filters=48 size=3 padding=1\nd gelu\ne full outputs=33",
    ),
];

/// The networks' recipes and the shapes of their images.
pub fn all() -> anyhow::Result<Vec<(String, Recipe, Shape)>> {
    let cases = [CASES.to_vec(), missing()].concat();
    let cases = &cases;
    let rounds = (0..ROUNDS).flat_map(|round| cases.iter().enumerate().map(move |case| (round, case)));
    rounds
        .map(|(round, (index, ([channels, height, width], layers)))| {
            let name = format!("case {}.{}", index + 1, round + 1);
            let drawn = Stream::new(1, &[round, index as u64]);
            let (height, width) =
                (height + drawn.below(0, MAX_GROWTH_PX) as usize, width + drawn.below(1, MAX_GROWTH_PX) as usize);
            let text = toml_of(layers);
            let recipe = Recipe::parse(&text, &name, &[]).context("cannot read a recipe of the doctor's")?;
            Ok((name, recipe, Shape::new(*channels, height, width)))
        })
        .collect()
}

/// The types of layers in short.
fn types(layers: &str) -> impl Iterator<Item = &str> {
    layers.lines().filter_map(|line| line.split_whitespace().nth(1))
}

/// The operations' own examples of types that occur nowhere else.
fn missing() -> Vec<([usize; 3], &'static str)> {
    let occurs = |kind: &str| CASES.iter().any(|(_, layers)| types(layers).any(|known| known == kind));
    let examples = Op::examples().into_iter().filter(|(layers, _)| !types(layers).all(occurs));
    examples.map(|(layers, image)| (image, layers)).collect()
}

/// A recipe of these layers, a fully connected one and the softmax.
fn toml_of(layers: &str) -> String {
    let head = "[data]\nmean = \"pixel\"\nscale = 0.01\n";
    let layers = short(&format!("{layers}\nlogits full outputs=10\nprobs softmax"));
    format!("{head}{layers}[train]\nbatch = 8\nstages = [{{ epochs = 1, rate = 0.1 }}]\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepviz_net::Network;

    #[test]
    fn every_operation_occurs() {
        let mut kinds = std::collections::BTreeSet::new();
        for (name, recipe, image) in all().unwrap() {
            let network = Network::new(&recipe, image, 10).unwrap_or_else(|error| panic!("{name}: {error}"));
            kinds.extend(network.layers().iter().map(|layer| layer.op.kind()));
        }
        let types: std::collections::BTreeSet<_> = Op::types().into_iter().collect();
        assert!(kinds.is_superset(&types), "{:?}", types.difference(&kinds));
    }
}
