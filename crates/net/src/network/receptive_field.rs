//! Which part of an image a unit of a layer looks at.

use super::Network;
use crate::ops::Op;

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

/// Rows and columns, from the first to the last; may reach past the edges.
#[derive(Clone, Copy)]
struct Field {
    top: isize,
    bottom: isize,
    left: isize,
    right: isize,
}

impl Field {
    /// What windows of this size see, each beginning `stride` after the one before, the first at `start`.
    fn through_windows(self, size: usize, stride: usize, start: isize) -> Self {
        let (size, stride) = (size as isize, stride as isize);
        Self {
            top: self.top * stride + start,
            bottom: self.bottom * stride + start + size - 1,
            left: self.left * stride + start,
            right: self.right * stride + start + size - 1,
        }
    }

    fn union(self, other: Option<Self>) -> Self {
        let Some(other) = other else { return self };
        Self {
            top: self.top.min(other.top),
            bottom: self.bottom.max(other.bottom),
            left: self.left.min(other.left),
            right: self.right.max(other.right),
        }
    }
}

impl Network {
    /// The pixels of an image that the unit at row `y`, column `x` of a layer's output depends on, in the
    /// centre view; none for a layer that there is not.
    pub fn receptive_field(&self, layer: usize, (y, x): (usize, usize)) -> Option<Patch> {
        let layers = self.layers();
        let mut fields = vec![None; layers.len()];
        let (y, x) = (y as isize, x as isize);
        *fields.get_mut(layer)? = Some(Field { top: y, bottom: y, left: x, right: x });
        for index in (1..=layer).rev() {
            let Some(field) = fields[index] else { continue };
            for &input in &layers[index].inputs {
                let below = layers[input].shape;
                let seen = match &layers[index].op {
                    Op::Conv(g) => field.through_windows(g.size, g.stride, -(g.padding as isize)),
                    Op::Local(g) => field.through_windows(g.size, g.stride, -(g.padding as isize)),
                    Op::Pool(g) => field.through_windows(g.size, g.stride, g.start),
                    Op::ResponseNorm(g) => field.through_windows(g.size, 1, -((g.size / 2) as isize)),
                    Op::ContrastNorm(g) => field.through_windows(g.size, 1, -((g.size / 2) as isize)),
                    Op::Full(_) | Op::GlobalAverage(_) => {
                        Field { top: 0, bottom: below.height as isize - 1, left: 0, right: below.width as isize - 1 }
                    }
                    _ => field,
                };
                // What lies past the edge of a layer is padding, and depends on nothing.
                let seen = Field {
                    top: seen.top.max(0),
                    bottom: seen.bottom.min(below.height as isize - 1),
                    left: seen.left.max(0),
                    right: seen.right.min(below.width as isize - 1),
                };
                fields[input] = Some(seen.union(fields[input]));
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
