//! Recipes by file or by name: those in models/ are built into the binary, so that it runs anywhere.

use std::path::Path;

use anyhow::{Context as _, bail};
use deepviz_net::Recipe;

/// Name and text of every recipe in models/.
pub const BUILT_IN: [(&str, &str); 8] = [
    ("shapes-quick", include_str!("../../../models/shapes-quick.toml")),
    ("cifar10-80sec", include_str!("../../../models/cifar10-80sec.toml")),
    ("cifar10-19pct", include_str!("../../../models/cifar10-19pct.toml")),
    ("cifar10-18pct", include_str!("../../../models/cifar10-18pct.toml")),
    ("cifar10-13pct", include_str!("../../../models/cifar10-13pct.toml")),
    ("cifar10-11pct", include_str!("../../../models/cifar10-11pct.toml")),
    ("cifar10-resnet20", include_str!("../../../models/cifar10-resnet20.toml")),
    ("cifar10-airbench94", include_str!("../../../models/cifar10-airbench94.toml")),
];

/// The recipe at a path, or the built-in one of that name, with overrides laid over it.
pub fn load(path_or_name: &str, overrides: &[(String, String)]) -> anyhow::Result<Recipe> {
    let path = Path::new(path_or_name);
    if path.is_file() {
        return Recipe::load(path, overrides).context("cannot read the recipe");
    }
    // `models/cifar10-80sec.toml` means the built-in one where there is no such file.
    let stem = path.file_stem().unwrap_or_default();
    match BUILT_IN.iter().find(|(name, _)| *name == stem) {
        Some((name, text)) => Recipe::parse(text, &format!("{name}.toml"), overrides)
            .with_context(|| format!("cannot read the built-in recipe {name}")),
        None => bail!("no recipe: {path_or_name} is neither a file nor one of {}", names()),
    }
}

/// True when a built-in recipe goes by this name.
pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|(known, _)| *known == name)
}

/// The names of the built-in recipes.
pub fn names() -> String {
    BUILT_IN.map(|(name, _)| name).join(", ")
}

/// The description of a built-in recipe: the comment at its head.
pub fn head(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim())
}
