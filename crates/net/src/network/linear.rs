//! Networks that are linear up to a layer, or are made so.

use super::{Layer, Network};
use crate::error::Error;
use crate::ops::{Activation, Linear, Op, Pool, pool::PoolKind};

impl Network {
    /// The last layer up to which all layers are affine, and on whose output alone all later ones depend
    /// ([`Network::is_cut`]); 0, the input, at least. Gradients with respect to its outputs may be summed over images
    /// before they are propagated to the input.
    pub fn linear_prefix(&self) -> usize {
        let is_linear = |index: &usize| self.layers[*index].op.operation().linear() == Linear::Itself;
        let last = (1..self.layers.len()).take_while(is_linear).last().unwrap_or(0);
        (0..=last).rev().find(|&layer| self.is_cut(layer)).unwrap_or(0)
    }

    /// A copy of the network that is linear up to a layer: nonlinearities and normalisations by an image's own values
    /// are the identity, maxima of windows are averages. Layers keep their places, names and arrays, so that its
    /// weights are this network's. What a unit then computes is one filter over the image.
    ///
    /// # Errors
    /// [`Error::Network`]: the layer depends on one that is nothing like linear: a product of two layers, a softmax, or
    /// one that another program computes.
    pub fn linearised(&self, layer: usize) -> Result<Self, Error> {
        let mut layers = self.layers.clone();
        let mut is_needed = vec![false; layers.len()];
        if let Some(asked) = is_needed.get_mut(layer) {
            *asked = true;
        }
        for index in (0..layers.len()).rev().filter(|&index| index <= layer) {
            if !is_needed[index] {
                continue;
            }
            layers[index].op = linear_op(&layers[index])?;
            for &input in &self.layers[index].inputs {
                is_needed[input] = true;
            }
        }
        Ok(Self { layers, image: self.image, features: self.features, input: self.input.clone() })
    }
}

fn linear_op(layer: &Layer) -> Result<Op, Error> {
    match (layer.op.operation().linear(), &layer.op) {
        (Linear::Itself, op) => Ok(op.clone()),
        (Linear::Input, _) => Ok(Op::Activation(Activation::Identity)),
        (Linear::Average, Op::Pool(pool)) => Ok(Op::Pool(Pool { kind: PoolKind::Average, ..*pool })),
        (Linear::Average | Linear::Unknown, op) => Err(Error::Network {
            layer: Some(layer.name.clone()),
            expected: "layers below that are sums of their inputs, or nearly".into(),
            found: format!("`{}`", op.kind()),
            hint: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shape;
    use crate::recipe::{Recipe, short};

    fn network(layers: &str) -> Network {
        let text = format!("{}\n[train]\nstages = [{{ epochs = 1, rate = 1 }}]", short(layers));
        Network::new(&Recipe::parse(&text, "n", &[]).unwrap(), Shape::new(3, 8, 8), 3).unwrap()
    }

    #[test]
    fn what_is_not_linear_lets_its_input_through() {
        let network = network(
            "a conv filters=4 size=3\nr relu\np pool size=2 stride=2 pool=\"max\"\nn batch_norm\nb conv filters=4 size=2\n\
             m multiply inputs=[\"b\",\"b\"]\nfc full outputs=3\nend softmax",
        );
        let at = |name: &str| network.index_of(name).unwrap();
        let linear = network.linearised(at("b")).unwrap();
        let kinds: Vec<&str> = linear.layers().iter().map(|layer| layer.op.kind()).collect();
        assert_eq!(&kinds[1..6], ["conv", "identity", "pool", "batch_norm", "conv"]);
        assert!(matches!(linear.layers()[at("p")].op, Op::Pool(Pool { kind: PoolKind::Average, .. })));
        // Layers above stay as they are.
        assert_eq!(linear.layers()[at("m")], network.layers()[at("m")]);
        assert!(linear.parameters().eq(network.parameters()));
        // A rectifier follows the first layer.
        assert_eq!(network.linear_prefix(), at("a"));
        let refused = network.linearised(at("fc")).unwrap_err().to_string();
        assert!(refused.contains("layer `m`") && refused.contains("multiply"), "{refused}");
    }
}
