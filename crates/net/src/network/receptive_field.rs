//! The part of an image on which a unit of a layer depends.

use super::Network;
use crate::ops::Field;

/// A rectangle of an image's pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patch {
    /// First column.
    pub x: usize,
    /// First row.
    pub y: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Network {
    /// The pixels of an image that the unit at row `y`, column `x` of a layer's output depends on, in the
    /// centre view; none for a layer that there is not.
    pub fn receptive_field(&self, layer: usize, (y, x): (usize, usize)) -> Option<Patch> {
        let layers = self.layers();
        let mut fields: Vec<Option<Field>> = vec![None; layers.len()];
        *fields.get_mut(layer)? = Some(Field::pixel(y, x));
        for index in (1..=layer).rev() {
            let Some(field) = fields[index] else { continue };
            for &input in &layers[index].inputs {
                let below = layers[input].shape;
                let seen = layers[index].op.operation().receptive_field(field, below).within(below);
                fields[input] = Some(fields[input].map_or(seen, |other| seen.union(other)));
            }
        }
        let field = fields[0]?;
        let view = self.centre_view();
        let length = |from: isize, to: isize| (to - from + 1).max(0) as usize;
        Some(Patch {
            x: field.left.max(0) as usize + view.x as usize,
            y: field.top.max(0) as usize + view.y as usize,
            width: length(field.left, field.right),
            height: length(field.top, field.bottom),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::{Model, Parameters, Recipe, Shape};
    use ndarray::Array3;
    use std::sync::Arc;

    const RECIPE: &str = r#"
        [data]
        mean = "none"
        crop = 12
        [[layer]]
        name = "conv1"
        type = "conv"
        filters = 2
        size = 3
        padding = 1
        init = { type = "normal", std = 0.5 }
        [[layer]]
        name = "pool1"
        type = "pool"
        pool = "average"
        size = 3
        stride = 2
        [[layer]]
        name = "conv2"
        type = "conv"
        filters = 2
        size = 3
        init = { type = "normal", std = 0.5 }
        [[layer]]
        name = "fc"
        type = "full"
        outputs = 2
        init = { type = "normal", std = 0.5 }
        [[layer]]
        name = "probs"
        type = "softmax"
        [train]
        batch = 2
        stages = [{ epochs = 1, rate = 0.1 }]
        [snapshots]
        every = "1 epoch"
    "#;

    #[test]
    fn a_unit_depends_on_its_field_and_on_nothing_else() {
        let recipe = Recipe::parse(RECIPE, "field.toml", &[]).unwrap();
        let network = Arc::new(Network::new(&recipe, Shape::new(1, 16, 16), 2).unwrap());
        let preprocess = Arc::new(network.preprocess(None, None));
        let device = Device::cpu(Some(1), None).unwrap();
        let model = Model::new(Arc::clone(&network), preprocess, &Parameters::initial(&network, 3), &device).unwrap();
        let plain = Array3::from_elem((1, 16, 16), 100_u8);
        for (index, layer) in network.layers().iter().enumerate().take(5).skip(1) {
            let shape = layer.shape;
            let outputs = |image: &Array3<u8>| model.forward(&[image.view()], &[index]).unwrap().remove(0);
            let expected = outputs(&plain);
            for (y, x) in [(0, 0), (shape.height / 2, shape.width / 2), (shape.height - 1, shape.width - 1)] {
                let unit = y * shape.width + x;
                let patch = network.receptive_field(index, (y, x)).unwrap();
                for (row, column) in (0..16).flat_map(|row| (0..16).map(move |column| (row, column))) {
                    let mut image = plain.clone();
                    image[[0, row, column]] = 200;
                    let changed = (outputs(&image)[[0, unit]] - expected[[0, unit]]).abs() > 1e-6;
                    let inside = (patch.y..patch.y + patch.height).contains(&row)
                        && (patch.x..patch.x + patch.width).contains(&column);
                    assert_eq!(changed, inside, "{} ({y}, {x}) by pixel ({row}, {column}): {patch:?}", layer.name);
                }
            }
        }
        assert!(network.receptive_field(99, (0, 0)).is_none());
    }
}
