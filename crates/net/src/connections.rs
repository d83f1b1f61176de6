//! Which units feed a unit, and which it feeds, by the weights between them.

use crate::error::Error;
use crate::network::{Layer, Network};
use crate::ops::Role;
use crate::parameters::Parameters;
use crate::shape::Shape;
use std::borrow::Cow;

/// A channel of a layer that computes it from several: of a convolution, a sum of branches, the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Index of the layer.
    pub layer: usize,
    /// The channel.
    pub channel: usize,
}

/// A connection with another unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connection {
    /// The other unit.
    pub unit: Unit,
    /// The Euclidean norm of the kernel between the two with the sign of its sum, times what batch normalisations, scales and dropout on the way
    /// multiply by. None where the connection has no weight, as in a product of two layers.
    pub weight: Option<f32>,
    /// The channel of the kernel between the two, which counts within a group; none without a kernel.
    pub kernel_channel: Option<usize>,
}

/// A unit's connections.
#[derive(Clone, Debug, PartialEq)]
pub struct Connections {
    /// The unit that the channel requested belongs to.
    pub unit: Unit,
    /// The units that it is computed from, in the order of their channels.
    pub inputs: Vec<Connection>,
    /// The units that are computed from it, layer by layer.
    pub outputs: Vec<Connection>,
}

impl Network {
    /// The connections of a channel of a layer: through layers that leave channels apart (rectifiers, pools,
    /// normalisations, concatenations) to the next units on either side.
    ///
    /// # Errors
    /// [`Error::Tensor`]: the parameters are not this network's.
    pub fn connections(&self, parameters: &Parameters, layer: usize, channel: usize) -> Result<Connections, Error> {
        let walk = Walk { network: self, parameters };
        let (unit, _) = walk.origin(layer, channel)?;
        Ok(Connections { unit, inputs: walk.inputs(unit)?, outputs: walk.outputs(unit)? })
    }

    /// The nonlinearity that a layer's outputs go through before anything mixes them, else the layer itself: where its
    /// units are measured.
    pub fn nonlinearity_of(&self, layer: usize) -> usize {
        let layers = self.layers();
        let mut at = layer;
        loop {
            let mut readers = (at + 1..layers.len()).filter(|&index| layers[index].inputs.contains(&at));
            let (Some(next), None) = (readers.next(), readers.next()) else { return layer };
            let operation = layers[next].op.operation();
            if operation.is_nonlinearity() {
                return next;
            }
            let shapes: Vec<Shape> = layers[next].inputs.iter().map(|&input| layers[input].shape).collect();
            let channels = layers[next].shape.channels;
            let is_same = |channel: usize| operation.source_channel(&shapes, channel) == Some((0, channel));
            if channels != layers[at].shape.channels || !(0..channels).all(is_same) {
                return layer;
            }
            at = next;
        }
    }

    /// The rectifier that makes a layer's negative outputs zero, itself or behind it as in [`Network::nonlinearity_of`]:
    /// a unit that is always zero there is dead. None where negative values get on.
    pub fn rectifier_of(&self, layer: usize) -> Option<usize> {
        let is_rectifier = |index: &usize| self.layers()[*index].op.operation().is_rectifier();
        [layer, self.nonlinearity_of(layer)].into_iter().find(is_rectifier)
    }
}

/// The network with its weights.
struct Walk<'a> {
    network: &'a Network,
    parameters: &'a Parameters,
}

/// The weights of a layer, by filter and channel.
struct Kernels<'a> {
    values: Cow<'a, [f32]>,
    /// Channels that a filter sees.
    channels: usize,
    /// Weights of a filter for a channel.
    area: usize,
    /// Output channels; there are as many filters at every position of a locally connected layer.
    outputs: usize,
    groups: usize,
}

impl Kernels<'_> {
    /// The group of output channels that see an input channel, and the channel's place in it.
    fn seen_by(&self, input: usize) -> (std::ops::Range<usize>, usize) {
        let per_group = self.outputs / self.groups;
        let group = input / self.channels;
        (group * per_group..(group + 1) * per_group, input % self.channels)
    }

    /// The first of the input's channels that an output channel sees.
    fn first_seen(&self, output: usize) -> usize {
        output / (self.outputs / self.groups) * self.channels
    }

    /// Norm with the sign of the sum, over all positions.
    fn weight(&self, output: usize, channel: usize) -> f32 {
        let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
        let filters = self.values.chunks_exact(self.channels * self.area).skip(output).step_by(self.outputs);
        for filter in filters {
            for &value in &filter[channel * self.area..(channel + 1) * self.area] {
                sum += f64::from(value);
                squares += f64::from(value) * f64::from(value);
            }
        }
        squares.sqrt().copysign(sum) as f32
    }
}

impl Walk<'_> {
    fn layer(&self, index: usize) -> &Layer {
        &self.network.layers()[index]
    }

    fn input_shapes(&self, layer: &Layer) -> Vec<Shape> {
        layer.inputs.iter().map(|&input| self.layer(input).shape).collect()
    }

    /// The unit that a channel is made of alone, and what it is multiplied by on the way.
    fn origin(&self, layer: usize, channel: usize) -> Result<(Unit, f32), Error> {
        let (mut unit, mut gain) = (Unit { layer, channel }, 1.0);
        loop {
            let layer = self.layer(unit.layer);
            let source = layer.op.operation().source_channel(&self.input_shapes(layer), unit.channel);
            let Some((input, channel)) = source else { return Ok((unit, gain)) };
            gain *= self.gain(layer, unit.channel)?;
            unit = Unit { layer: layer.inputs[input], channel };
        }
    }

    fn gain(&self, layer: &Layer, channel: usize) -> Result<f32, Error> {
        let mut values = Vec::with_capacity(layer.parameters.len());
        for spec in &layer.parameters {
            values.push((spec.role, self.parameters.values(&spec.name)?.get(channel).copied()));
        }
        let value = |role: Role| values.iter().find(|(known, _)| *known == role).and_then(|(_, value)| *value);
        Ok(layer.op.operation().channel_gain(&value))
    }

    /// The weights between the channels of a layer's input and its own; none where it has none that are known to be that.
    fn kernels(&self, layer: &Layer) -> Result<Option<Kernels<'_>>, Error> {
        let (Some([_, channels, height, width]), false) = (layer.kernel_dims, layer.op.operation().is_opaque()) else {
            return Ok(None);
        };
        let (Some(spec), Some(&input)) = (layer.parameter(Role::Weight), layer.inputs.first()) else {
            return Ok(None);
        };
        let values = layer.kernel_values(self.parameters.values(&spec.name)?);
        let groups = (self.layer(input).shape.channels / channels.max(1)).max(1);
        Ok(Some(Kernels { values, channels, area: height * width, outputs: layer.shape.channels, groups }))
    }

    fn inputs(&self, unit: Unit) -> Result<Vec<Connection>, Error> {
        let layer = self.layer(unit.layer);
        let mut found = Vec::new();
        if let Some(kernels) = self.kernels(layer)? {
            let first = kernels.first_seen(unit.channel);
            for channel in 0..kernels.channels {
                let (from, gain) = self.origin(layer.inputs[0], first + channel)?;
                let weight = Some(kernels.weight(unit.channel, channel) * gain);
                found.push(Connection { unit: from, weight, kernel_channel: Some(channel) });
            }
        } else if !layer.op.operation().is_opaque() {
            for (position, &input) in layer.inputs.iter().enumerate() {
                let (from, gain) = self.origin(input, unit.channel)?;
                let weight = layer.op.operation().input_factor(position).map(|coefficient| coefficient * gain);
                found.push(Connection { unit: from, weight, kernel_channel: None });
            }
        }
        Ok(found)
    }

    fn outputs(&self, unit: Unit) -> Result<Vec<Connection>, Error> {
        let mut found = Vec::new();
        // The channels that are made of the unit alone, with what it was multiplied by.
        let mut carried = vec![(unit, 1.0_f32)];
        for index in unit.layer + 1..self.network.layers().len() {
            let layer = self.layer(index);
            let shapes = self.input_shapes(layer);
            for (position, &input) in layer.inputs.iter().enumerate() {
                let here: Vec<_> = carried.iter().filter(|(unit, _)| unit.layer == input).copied().collect();
                for (from, gain) in here {
                    let is_source = |out: &usize| {
                        layer.op.operation().source_channel(&shapes, *out) == Some((position, from.channel))
                    };
                    let own = (0..layer.shape.channels).find(is_source);
                    if let Some(channel) = own {
                        carried.push((Unit { layer: index, channel }, gain * self.gain(layer, channel)?));
                    } else if layer.op.operation().source_channel(&shapes, 0).is_none() {
                        self.fed_by(index, (position, from.channel), gain, &mut found)?;
                    }
                }
            }
        }
        Ok(found)
    }

    /// The units of a layer that see a channel of one of its inputs.
    fn fed_by(
        &self,
        index: usize,
        (position, channel): (usize, usize),
        gain: f32,
        found: &mut Vec<Connection>,
    ) -> Result<(), Error> {
        let layer = self.layer(index);
        if let Some(kernels) = self.kernels(layer)? {
            let (outputs, own) = kernels.seen_by(channel);
            found.extend(outputs.map(|output| Connection {
                unit: Unit { layer: index, channel: output },
                weight: Some(kernels.weight(output, own) * gain),
                kernel_channel: Some(own),
            }));
        } else if !layer.op.operation().is_opaque() {
            let weight = layer.op.operation().input_factor(position).map(|coefficient| coefficient * gain);
            found.push(Connection { unit: Unit { layer: index, channel }, weight, kernel_channel: None });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Recipe, short};

    /// The layers in short, with the weights set by hand.
    fn network(layers: &str, channels: usize) -> (Network, Parameters) {
        let text = format!("{}\n[train]\nstages = [{{ epochs = 1, rate = 1 }}]", short(layers));
        let network = Network::new(&Recipe::parse(&text, "n", &[]).unwrap(), Shape::new(channels, 4, 4), 3).unwrap();
        let parameters = Parameters::zeros(&network);
        (network, parameters)
    }

    fn set(parameters: &mut Parameters, name: &str, values: &[f32]) {
        let array = parameters.get_mut(name).unwrap();
        array.iter_mut().zip(values).for_each(|(to, value)| *to = *value);
    }

    fn named(network: &Network, found: &[Connection]) -> Vec<(String, usize, f32)> {
        let name = |c: &Connection| {
            (network.layers()[c.unit.layer].name.clone(), c.unit.channel, c.weight.unwrap_or(f32::NAN))
        };
        found.iter().map(name).collect()
    }

    #[test]
    fn the_rectifier_of_a_layer_is_behind_what_leaves_channels_apart() {
        let layers = "a conv filters=2 size=1\np pool size=2 stride=2 pool=\"max\"\nr relu\n\
                      b conv filters=2 size=1\nn batch_norm\nc clip low=0 high=6\n\
                      d conv filters=2 size=1\ns add inputs=[\"d\",\"c\"]\nq relu\n\
                      e conv filters=2 size=1\nw clip low=-1\nfc full outputs=3\nend softmax";
        let (network, _) = network(layers, 2);
        let found = |name: &str| {
            let layer = network.layers().iter().position(|layer| layer.name == name).unwrap();
            network.rectifier_of(layer).map(|index| network.layers()[index].name.as_str())
        };
        let expected =
            [("a", Some("r")), ("r", Some("r")), ("b", Some("c")), ("d", None), ("s", Some("q")), ("e", None)];
        for (layer, rectifier) in expected {
            assert_eq!(found(layer), rectifier, "{layer}");
        }
        assert_eq!(found("fc"), None);
    }

    #[test]
    fn weights_are_norms_with_a_sign_through_what_leaves_channels_apart() {
        let layers = "a conv filters=2 size=1\nn batch_norm epsilon=0.75\nr relu\np pool size=2 stride=2 pool=\"max\"\n\
                      b conv filters=2 size=2\nfc full outputs=3\nend softmax";
        let (network, mut parameters) = network(layers, 2);
        set(&mut parameters, "a.weight", &[1.0, -2.0, 3.0, 4.0]);
        set(&mut parameters, "n.weight", &[-3.0, 1.0]);
        // The square root of 0.25 and epsilon is 1; that of 3.25 is 2.
        set(&mut parameters, "n.running_var", &[0.25, 3.25]);
        set(&mut parameters, "b.weight", &[&[3.0, 4.0][..], &[0.0; 12], &[-6.0, 8.0]].concat());
        set(&mut parameters, "fc.weight", &[1.0, 0.0, -2.0, 0.0, 0.5, 0.0]);
        let relu = network.index_of("r").unwrap();
        let of = network.connections(&parameters, relu, 0).unwrap();
        assert_eq!(of.unit, Unit { layer: 1, channel: 0 });
        let data = network.layers()[0].name.clone();
        assert_eq!(named(&network, &of.inputs), [(data.clone(), 0, 1.0), (data, 1, -2.0)]);
        // The first channel of b's first filter has a norm of 5, and a is multiplied by -3 before.
        assert_eq!(named(&network, &of.outputs), [("b".into(), 0, -15.0), ("b".into(), 1, 0.0)]);
        let of = network.connections(&parameters, network.index_of("b").unwrap(), 1).unwrap();
        assert_eq!(named(&network, &of.inputs), [("a".into(), 0, 0.0), ("a".into(), 1, 5.0)]);
        assert_eq!(
            named(&network, &of.outputs).iter().map(|(_, k, w)| (*k, *w)).collect::<Vec<_>>(),
            [(0, 0.0), (1, 0.0), (2, 0.0)]
        );
    }

    #[test]
    fn branches_groups_and_products_are_followed() {
        let layers = "a conv filters=4 size=1\nb conv filters=4 size=1 groups=2\nc concat inputs=[\"b\",\"a\"]\n\
                      s slice first=3 channels=4\nd add coefficients=[1,-2] inputs=[\"s\",\"a\"]\n\
                      m multiply inputs=[\"d\",\"a\"]\nfc full outputs=3\nend softmax";
        let (network, mut parameters) = network(layers, 1);
        set(&mut parameters, "b.weight", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let at = |name: &str| network.index_of(name).unwrap();
        let of = network.connections(&parameters, at("b"), 3).unwrap();
        assert_eq!(named(&network, &of.inputs), [("a".into(), 2, 7.0), ("a".into(), 3, 8.0)]);
        // Channel 3 of b is the first that the slice takes.
        assert_eq!(named(&network, &of.outputs), [("d".into(), 0, 1.0)]);
        let of = network.connections(&parameters, at("d"), 1).unwrap();
        assert_eq!(named(&network, &of.inputs), [("a".into(), 0, 1.0), ("a".into(), 1, -2.0)]);
        let outputs = named(&network, &of.outputs);
        assert_eq!(outputs.iter().map(|(layer, k, _)| (layer.as_str(), *k)).collect::<Vec<_>>(), [("m", 1)]);
        assert!(outputs[0].2.is_nan(), "a product has no weight");
    }
}
