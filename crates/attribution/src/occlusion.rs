//! Occlusion: what the value loses where a square of the image is covered.

use crate::error::Error;
use crate::target::Target;
use deepviz_net::{Network, Trace};
use ndarray::{Array2, Array3, ArrayView3, s};
use std::ops::Range;

/// Cells a side, at most.
const CELLS: usize = 8;

/// The pixels of a side that are covered for a cell: twice its length, around it.
fn covered(cell: usize, cells: usize, side: usize) -> Range<usize> {
    let (start, end) = (cell * side / cells, (cell + 1) * side / cells);
    let margin = (end - start).div_ceil(2);
    start.saturating_sub(margin)..(end + margin).min(side)
}

/// The losses of the explained value, cell by cell.
pub(crate) fn losses(
    trace: &mut Trace<'_>,
    network: &Network,
    (input, target): (&Array3<f32>, Target),
    explained: f32,
) -> Result<Array2<f32>, Error> {
    let shape = network.input();
    let (rows, columns) = (CELLS.min(shape.height), CELLS.min(shape.width));
    let mut losses = Array2::zeros((rows, columns));
    let positions: Vec<(usize, usize)> =
        (0..rows * columns).map(|position| (position / columns, position % columns)).collect();
    for chunk in positions.chunks(trace.capacity()) {
        let inputs: Vec<Array3<f32>> = chunk
            .iter()
            .map(|&(row, column)| {
                let mut input = input.clone();
                let (y, x) = (covered(row, rows, shape.height), covered(column, columns, shape.width));
                input.slice_mut(s![.., y, x]).fill(0.0);
                input
            })
            .collect();
        let views: Vec<ArrayView3<'_, f32>> = inputs.iter().map(Array3::view).collect();
        let outputs = trace.forward(&views, network.logits(), &[network.logits()])?;
        for (&position, logits) in chunk.iter().zip(outputs[0].rows()) {
            losses[position] = explained - target.value(&logits.to_vec());
        }
    }
    Ok(losses)
}
