//! The layers whose filters' activity is stored: of deep networks that of every layer would be megabytes a checkpoint.

use std::collections::BTreeSet;

use deepviz_net::Network;

use crate::error::Error;

/// Channels of all layers together up to which all are kept: some 7 MB a checkpoint and split.
const MAX_CHANNELS: usize = 1 << 15;

/// The layers that are chosen where none are named, by index: all but the input, or, of networks with more than 32,768
/// channels in all layers together, the last layer of each module, and layers outside of any module.
pub fn by_default(network: &Network) -> Vec<usize> {
    let all = 1..network.layers().len();
    let channels: usize = network.layers().iter().map(|layer| layer.shape.channels).sum();
    if channels <= MAX_CHANNELS {
        return all.collect();
    }
    let modules: Vec<&str> = network.layers().iter().map(|layer| module_of(&layer.name)).collect();
    let is_end = |layer: &usize| {
        let module = modules[*layer];
        modules.get(layer + 1).is_none_or(|next| module.is_empty() || !is_within(next, module))
    };
    all.filter(is_end).collect()
}

/// The layers that a selection names, by index: names separated by commas, in which `*` stands for anything.
///
/// # Errors
/// [`Error::UnknownLayer`]: a name that no layer has.
pub fn named(network: &Network, selection: &str) -> Result<Vec<usize>, Error> {
    let layers = network.layers().iter().enumerate().skip(1);
    let mut chosen = BTreeSet::new();
    for pattern in selection.split(',').map(str::trim) {
        let found = layers.clone().filter(|(_, layer)| matches(pattern, &layer.name)).map(|(index, _)| index);
        let found: Vec<usize> = found.collect();
        if found.is_empty() {
            let known: Vec<&str> = layers.map(|(_, layer)| layer.name.as_str()).collect();
            return Err(Error::UnknownLayer { layer: pattern.to_owned(), known: known.join(", ") });
        }
        chosen.extend(found);
    }
    Ok(chosen.into_iter().collect())
}

/// The module of a layer: its name up to the last dot.
fn module_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(module, _)| module)
}

fn is_within(module: &str, outer: &str) -> bool {
    module.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a name is what the pattern says, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| matches(rest, &name[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, expected) in [
            ("fc", "fc", true),
            ("fc", "fc2", false),
            ("*", "layer1.0.conv1", true),
            ("layer1.*", "layer1.0.conv1", true),
            ("layer1.*", "layer10.0.conv1", false),
            ("*.conv1", "layer1.0.conv1", true),
            ("layer*.0.*1", "layer3.0.bn1", true),
            ("layer*.0.*1", "layer3.1.bn1", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn modules_end_where_a_name_leaves_them() {
        assert!(is_within("layer1.0.downsample", "layer1.0") && is_within("layer1.0", "layer1.0"));
        assert!(!is_within("layer1.01", "layer1.0") && !is_within("", "layer1"));
        assert_eq!(module_of("layer1.0.conv1"), "layer1.0");
        assert_eq!(module_of("conv1"), "");
    }
}
