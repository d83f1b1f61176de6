//! The axis of layers: names, lists of names, ranges between two names, steps, all.

use deepviz_net::{Layer, Network};

use crate::http::problem::ApiError;

/// Examples of selections of layers, for messages.
const FORMS: &str = "conv1, conv1,conv2, conv1-conv3, conv1-last, conv1-last:2, last, * or *:2";

/// The layers that a selection names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LayerSelection {
    /// Indices in the network's order, each once, as they were named.
    pub(crate) indices: Vec<usize>,
    /// True where one layer is named, rather than a set that happens to hold one.
    pub(crate) is_point: bool,
}

/// The layers a selection names. A layer that is named must have what is requested; a range, a step, `*` and `last`
/// are over those that have it.
pub(crate) fn select_layers(
    network: &Network,
    text: &str,
    has: impl Fn(&Layer) -> bool,
) -> Result<LayerSelection, ApiError> {
    let layers = network.layers();
    let having: Vec<usize> = (0..layers.len()).filter(|&index| has(&layers[index])).collect();
    let mut choice = LayerSelection { indices: Vec::new(), is_point: !text.contains(',') };
    for part in text.split(',').map(str::trim) {
        if let Some(index) = network.index_of(part) {
            if !having.contains(&index) {
                return Err(without_weights(network, index, &having));
            }
            choice.take(index);
            continue;
        }
        let candidates = LayerCandidates { network, having: &having };
        for index in candidates.read(part)? {
            choice.take(index);
        }
        choice.is_point &= part == "last";
    }
    Ok(choice)
}

/// The layer of that name.
pub(crate) fn layer_index(network: &Network, name: &str) -> Result<usize, ApiError> {
    network.index_of(name).ok_or_else(|| unknown(network, name))
}

impl LayerSelection {
    fn take(&mut self, index: usize) {
        if !self.indices.contains(&index) {
            self.indices.push(index);
        }
    }
}

/// The layers that ranges are over.
struct LayerCandidates<'a> {
    network: &'a Network,
    having: &'a [usize],
}

impl LayerCandidates<'_> {
    /// `*`, `last`, or a range; with a step or without.
    fn read(&self, part: &str) -> Result<Vec<usize>, ApiError> {
        if part == "last" {
            return Ok(self.having.last().copied().into_iter().collect());
        }
        let (range, step) = match part.rsplit_once(':') {
            Some((range, step)) => {
                let digits = step.bytes().all(|byte| byte.is_ascii_digit());
                let step = step.parse().ok().filter(|step| digits && *step > 0);
                (range, step.ok_or_else(|| unknown(self.network, part))?)
            }
            None => (part, 1),
        };
        let (from, to) = match range {
            "*" => (0, usize::MAX),
            _ => self.ends(range).ok_or_else(|| unknown(self.network, part))?,
        };
        if from > to {
            return Err(ApiError::bad(format!("the layer range {range} runs backwards"))
                .hint("name the layer nearer to the input first"));
        }
        Ok(self.having.iter().copied().filter(|index| (from..=to).contains(index)).step_by(step).collect())
    }

    /// The ends of `from-to`. Names may hold hyphens themselves: the first cut between two layers counts.
    fn ends(&self, range: &str) -> Option<(usize, usize)> {
        range.match_indices('-').find_map(|(at, _)| {
            let from = self.network.index_of(&range[..at])?;
            let to = &range[at + 1..];
            let to = if to == "last" { usize::MAX } else { self.network.index_of(to)? };
            Some((from, to))
        })
    }
}

fn unknown(network: &Network, name: &str) -> ApiError {
    let known: Vec<_> = network.layers().iter().map(|layer| layer.name.as_str()).collect();
    ApiError::not_found(format!("no layer `{name}`"))
        .hint(format!("layers here: {}; a selection of layers looks like {FORMS}", known.join(", ")))
}

fn without_weights(network: &Network, index: usize, having: &[usize]) -> ApiError {
    let layer = &network.layers()[index];
    let with: Vec<_> = having.iter().map(|&index| network.layers()[index].name.as_str()).collect();
    ApiError::bad(format!("layer {} ({}) has no weights", layer.name, layer.op.kind())).hint(format!(
        "layers with weights: {}; add /apply/{{image}} for what a layer makes of an image",
        with.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deepviz_net::{Recipe, Shape};
    use proptest::prelude::*;

    /// data, conv-a, relu, conv, conv-b, fc, probs
    fn network() -> Network {
        let mut text = String::new();
        for (name, rest) in [
            ("conv-a", "type = \"conv\"\nfilters = 2\nsize = 3"),
            ("relu", "type = \"relu\""),
            ("conv", "type = \"conv\"\nfilters = 2\nsize = 3"),
            ("conv-b", "type = \"conv\"\nfilters = 2\nsize = 3"),
            ("fc", "type = \"full\"\noutputs = 2"),
            ("probs", "type = \"softmax\""),
        ] {
            text.extend(["[[layer]]\nname = \"", name, "\"\n", rest, "\n"]);
        }
        text.push_str("[train]\nbatch = 2\nstages = [{ epochs = 1, rate = 0.1 }]\n");
        Network::new(&Recipe::parse(&text, "test", &[]).unwrap(), Shape::new(1, 9, 9), 2).unwrap()
    }

    fn names(text: &str) -> Result<(Vec<String>, bool), ApiError> {
        let network = network();
        let choice = select_layers(&network, text, |layer| !layer.parameters.is_empty())?;
        Ok((choice.indices.iter().map(|&i| network.layers()[i].name.clone()).collect(), choice.is_point))
    }

    #[test]
    fn every_form_of_the_axis() {
        for (text, expected, is_point) in [
            ("conv", "conv", true),
            ("last", "fc", true),
            ("fc,conv", "fc,conv", false),
            ("conv-a-conv-b", "conv-a,conv,conv-b", false),
            ("conv-conv", "conv", false),
            ("relu-last", "conv,conv-b,fc", false),
            ("conv-a-last:2", "conv-a,conv-b", false),
            ("*", "conv-a,conv,conv-b,fc", false),
            ("*:3", "conv-a,fc", false),
            ("fc,*", "fc,conv-a,conv,conv-b", false),
        ] {
            let (found, point) = names(text).unwrap();
            assert_eq!((found.join(",").as_str(), point), (expected, is_point), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, status, words) in [
            ("", 404, "no layer ``"),
            ("conv,", 404, "no layer ``"),
            ("con", 404, "no layer `con`"),
            ("conv-x", 404, "no layer `conv-x`"),
            ("*:0", 404, "*:0"),
            ("*:+1", 404, "*:+1"),
            ("fc-conv", 400, "backwards"),
            ("relu", 400, "has no weights"),
        ] {
            let error = names(text).unwrap_err();
            assert_eq!(error.status().as_u16(), status, "{text}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([a-z0-9*:,-]|conv|conv-a|fc|last){0,8}") {
            if let Ok((found, _)) = names(&text) {
                let unique: std::collections::BTreeSet<_> = found.iter().collect();
                prop_assert_eq!(unique.len(), found.len());
            }
        }
    }
}
