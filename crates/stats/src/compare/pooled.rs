//! The activations of layers over images, averaged to a coarse grid.

use deepviz_net::{LayerOutput, Model, Network, Shape};
use ndarray::{Array2, ArrayView3, Axis};

use crate::error::Error;

/// Features of an image that a layer is described by at most, unless it has more channels.
const MAX_FEATURES: usize = 256;
/// The finest grid.
const FINEST: usize = 8;
/// Values of a layer's units over all images at most: 16 MiB.
const MAX_VALUES: usize = 1 << 22;

/// A layer with weights, and the one at whose output its units are measured: behind its nonlinearity, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredLayer {
    /// Index of the layer with weights.
    pub layer: usize,
    /// Index of the layer at whose output it is measured.
    pub measured_at: usize,
}

/// The layers with weights of their own, at most `max`, spread evenly with the last among them; and how many more
/// there are.
pub fn measured_layers(network: &Network, max: usize) -> (Vec<MeasuredLayer>, usize) {
    let layers = network.layers();
    let weighted: Vec<usize> = (1..layers.len()).filter(|&index| layers[index].kernel_dims.is_some()).collect();
    let count = weighted.len().min(max);
    let chosen = (1..=count).map(|position| weighted[position * weighted.len() / count - 1]);
    let chosen = chosen.map(|layer| MeasuredLayer { layer, measured_at: network.nonlinearity_of(layer) });
    (chosen.collect(), weighted.len() - count)
}

/// At which layer, and to how many rows and columns its maps are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pooling {
    /// Index of the layer.
    pub layer: usize,
    /// Rows and columns.
    pub grid: [usize; 2],
}

impl Pooling {
    /// Positions of the grid.
    pub const fn positions(&self) -> usize {
        self.grid[0] * self.grid[1]
    }
}

/// The grid by which a whole layer is described: the finest of 8, 4, 2 and 1 rows and columns with at most 256 features
/// over all channels.
pub fn layer_grid(shape: Shape) -> [usize; 2] {
    let grid = |rows: usize| [shape.height.min(rows), shape.width.min(rows)];
    let fits = |&rows: &usize| shape.channels * grid(rows)[0] * grid(rows)[1] <= MAX_FEATURES;
    grid([FINEST, 4, 2].into_iter().find(fits).unwrap_or(1))
}

/// The grid on which the units of two layers are compared over `images` images: the coarser of the two layers' own,
/// at most 8 rows and columns, and coarser still where that would be too many values.
pub fn unit_grid(first: Shape, second: Shape, images: usize) -> [usize; 2] {
    let channels = first.channels.max(second.channels).max(1);
    let grid = |rows: usize| [first.height.min(second.height).min(rows), first.width.min(second.width).min(rows)];
    let fits = |&rows: &usize| channels * images * grid(rows)[0] * grid(rows)[1] <= MAX_VALUES;
    grid([FINEST, 4, 2].into_iter().find(fits).unwrap_or(1))
}

/// The maps of a few images at several layers.
#[derive(Default)]
struct Chunk(Vec<Vec<f32>>);

/// The activations of some images at each of the layers, averaged over the cells of its grid: `[images * positions,
/// channels]`, the positions of an image from top to bottom and left to right. Cells overlap where the grid does not divide
/// the map, as those of `torch.nn.AdaptiveAvgPool2d`.
///
/// # Errors
/// Images that do not fit the network; a network that cannot be computed.
pub fn pooled(model: &Model, images: &[ArrayView3<'_, u8>], of: &[Pooling]) -> Result<Vec<Array2<f32>>, Error> {
    // Two threads also where the model has one.
    let (first, second) = images.split_at(images.len() / 2);
    let (first, second) = rayon::join(|| pooled_half(model, first, of), || pooled_half(model, second, of));
    let both = first?.into_iter().zip(second?).map(|(mut first, second)| {
        // Both have a column a channel.
        first.append(Axis(0), second.view()).map(|()| first)
    });
    both.zip(of).map(|(both, pooling)| both.map_err(|_| wrong_shape(model, pooling))).collect()
}

fn wrong_shape(model: &Model, pooling: &Pooling) -> Error {
    Error::Layer { layer: model.network().layers()[pooling.layer].name.clone() }
}

fn pooled_half(model: &Model, images: &[ArrayView3<'_, u8>], of: &[Pooling]) -> Result<Vec<Array2<f32>>, Error> {
    let last = of.iter().map(|pooling| pooling.layer).max().unwrap_or(0);
    let watch = |chunk: &mut Chunk, layer: usize, output: LayerOutput<'_>| {
        chunk.0.resize(of.len(), Vec::new());
        for (values, pooling) in chunk.0.iter_mut().zip(of).filter(|(_, pooling)| pooling.layer == layer) {
            for image in 0..output.images() {
                pool_image(&output, image, pooling.grid, values);
            }
        }
    };
    let (_, chunks) = model.forward_watched_until::<Chunk>(images, (&[], last), watch)?;
    let layers = model.network().layers();
    let whole = of.iter().enumerate().map(|(position, pooling)| {
        let parts = chunks.iter().filter_map(|chunk| chunk.0.get(position));
        let values: Vec<f32> = parts.flatten().copied().collect();
        let channels = layers[pooling.layer].shape.channels;
        let shape = (images.len() * pooling.positions(), channels);
        Array2::from_shape_vec(shape, values).map_err(|_| wrong_shape(model, pooling))
    });
    whole.collect()
}

fn pool_image(output: &LayerOutput<'_>, image: usize, [grid_rows, grid_columns]: [usize; 2], values: &mut Vec<f32>) {
    let (shape, stride) = (output.shape(), output.stride());
    let window = |cell: usize, cells: usize, size: usize| cell * size / cells..((cell + 1) * size).div_ceil(cells);
    let rows: Vec<&[f32]> = output.rows(image).collect();
    for row in 0..grid_rows {
        let tall = window(row, grid_rows, shape.height);
        for column in 0..grid_columns {
            let wide = window(column, grid_columns, shape.width);
            let start = values.len();
            values.resize(start + shape.channels, 0.0);
            let sums = &mut values[start..];
            for pixels in &rows[tall.clone()] {
                for x in wide.clone() {
                    let pixel = &pixels[x * stride..x * stride + shape.channels];
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += value;
                    }
                }
            }
            let area = (tall.len() * wide.len()) as f32;
            for sum in sums {
                *sum /= area;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(channels: usize, height: usize, width: usize) -> Shape {
        Shape { channels, height, width }
    }

    #[test]
    fn grids_are_as_fine_as_the_limit_allows() {
        assert_eq!(layer_grid(shape(3, 32, 32)), [8, 8]);
        assert_eq!(layer_grid(shape(16, 32, 32)), [4, 4]);
        assert_eq!(layer_grid(shape(64, 8, 8)), [2, 2]);
        assert_eq!(layer_grid(shape(512, 8, 8)), [1, 1]);
        assert_eq!(layer_grid(shape(10, 1, 1)), [1, 1]);
        assert_eq!(layer_grid(shape(16, 3, 32)), [3, 4]);
        assert_eq!(unit_grid(shape(32, 32, 32), shape(64, 16, 4), 1000), [8, 4]);
        assert_eq!(unit_grid(shape(32, 7, 7), shape(64, 16, 16), 1000), [7, 7]);
        // 512 channels over a thousand images leave room for 8 positions.
        assert_eq!(unit_grid(shape(512, 7, 7), shape(64, 8, 8), 1000), [2, 2]);
        assert_eq!(unit_grid(shape(10, 1, 1), shape(64, 8, 8), 1000), [1, 1]);
    }
}
