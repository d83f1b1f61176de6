//! Recipes: what can be read is written out and read again as the same, and its network is worked out.
#![no_main]

use deepviz_net::{Network, Recipe, Shape};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let Ok(recipe) = Recipe::parse(text, "fuzz", &[]) else { return };
    let again = Recipe::parse(&recipe.to_toml(), "again", &[]).expect("what is written can be read");
    assert_eq!(recipe, again);
    let _ = Network::new(&recipe, Shape::new(3, 32, 32), 10);
});
