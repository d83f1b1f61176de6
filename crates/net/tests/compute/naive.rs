//! A second implementation of every operation: double precision, channel-row-column order, the
//! formulas as they are in the operations' documentation, no thought of speed.

mod activation;

use deepviz_net::ops::dense::Flatten;
use deepviz_net::ops::pool::{PoolKind, PoolWindows, Ties};
use deepviz_net::ops::{Conv, Filters, Local, Pool, WindowAxis};
use deepviz_net::{Network, Op, Shape};
use std::collections::BTreeMap;

/// One image's values of a layer, or the values of a parameter.
pub type Values = Vec<f64>;
/// Parameters, or gradients with respect to them, by name.
pub type Named = BTreeMap<String, Values>;

/// The gradients of a backward pass.
pub struct Gradients {
    pub parameters: Named,
    /// By layer; the first is the input's.
    pub layers: Vec<Values>,
}

/// Whether there is a second implementation of an operation; the others are checked against `PyTorch`'s values alone.
pub fn knows(op: &Op) -> bool {
    matches!(
        op,
        Op::Image(_)
            | Op::Conv(_)
            | Op::Local(_)
            | Op::Dense(_)
            | Op::Pool(_)
            | Op::GlobalAvgPool(_)
            | Op::Activation(_)
            | Op::BatchNorm(_)
            | Op::ResponseNorm(_)
            | Op::CrossMapNorm(_)
            | Op::ContrastNorm(_)
            | Op::Dropout(_)
            | Op::Softmax(_)
            | Op::Add(_)
            | Op::Concat(_)
    )
}

/// Activations of every layer. Dropout is applied as when testing.
pub fn forward(network: &Network, parameters: &Named, input: &[f64]) -> Vec<Values> {
    let mut out: Vec<Values> = Vec::new();
    for layer in network.layers() {
        let inputs: Vec<&[f64]> = layer.inputs.iter().map(|&i| out[i].as_slice()).collect();
        let shapes: Vec<Shape> = layer.inputs.iter().map(|&i| network.layers()[i].shape).collect();
        let values = match &layer.op {
            Op::Image(_) => input.to_vec(),
            op => {
                let mut y = vec![0.0; layer.shape.len()];
                if let Some(taps) = Taps::of(op, shapes[0], layer.shape) {
                    let w = &parameters[&format!("{}.weight", layer.name)];
                    taps.each(|out, from, at| y[out] += w[at] * inputs[0][from]);
                    if let Some(b) = parameters.get(&format!("{}.bias", layer.name)) {
                        taps.biases(|out, at| y[out] += b[at]);
                    }
                } else if let Op::BatchNorm(norm) = op {
                    let fixed = Fixed::of(&layer.name, norm.epsilon, parameters, layer.shape);
                    for (at, c, ..) in places(layer.shape) {
                        y[at] = (inputs[0][at] - fixed.mean[c]) * fixed.factor[c] + fixed.shift[c];
                    }
                } else {
                    simple_forward(op, shapes[0], &inputs, &mut y);
                }
                y
            }
        };
        out.push(values);
    }
    out
}

/// Gradients of the dot product of `seed` and the activation of the layer `last`.
pub fn backward(
    network: &Network,
    parameters: &Named,
    activations: &[Values],
    (last, seed): (usize, &[f64]),
) -> Gradients {
    let layers = network.layers();
    let mut gradients: Vec<Values> = layers.iter().map(|l| vec![0.0; l.shape.len()]).collect();
    let mut named: Named = parameters.iter().map(|(name, values)| (name.clone(), vec![0.0; values.len()])).collect();
    gradients[last] = seed.to_vec();
    for index in (1..=last).rev() {
        let layer = &layers[index];
        let dy = std::mem::take(&mut gradients[index]);
        let below = layers[layer.inputs[0]].shape;
        if let Some(taps) = Taps::of(&layer.op, below, layer.shape) {
            let name = |suffix: &str| format!("{}.{suffix}", layer.name);
            let x = &activations[layer.inputs[0]];
            let w = &parameters[&name("weight")];
            let dx = &mut gradients[layer.inputs[0]];
            taps.each(|out, from, at| dx[from] += w[at] * dy[out]);
            if let Some(dw) = named.get_mut(&name("weight")) {
                taps.each(|out, from, at| dw[at] += x[from] * dy[out]);
            }
            if let Some(db) = named.get_mut(&name("bias")) {
                taps.biases(|out, at| db[at] += dy[out]);
            }
        } else if let Op::BatchNorm(norm) = &layer.op {
            let fixed = Fixed::of(&layer.name, norm.epsilon, parameters, layer.shape);
            for (at, c, ..) in places(layer.shape) {
                gradients[layer.inputs[0]][at] += dy[at] * fixed.factor[c];
            }
        } else {
            for slot in 0..layer.inputs.len() {
                let inputs: Vec<&[f64]> = layer.inputs.iter().map(|&i| activations[i].as_slice()).collect();
                let dx = simple_backward((&layer.op, below), slot, &inputs, (&activations[index], &dy));
                for (to, from) in gradients[layer.inputs[slot]].iter_mut().zip(dx) {
                    *to += from;
                }
            }
        }
        gradients[index] = dy;
    }
    Gradients { parameters: named, layers: gradients }
}

/// A batch normalisation as it is when not training: by its running statistics.
struct Fixed {
    mean: Values,
    factor: Values,
    shift: Values,
}

impl Fixed {
    fn of(name: &str, epsilon: f64, parameters: &Named, shape: Shape) -> Self {
        let values = |suffix: &str, default: f64| {
            let found = parameters.get(&format!("{name}.{suffix}"));
            found.cloned().unwrap_or_else(|| vec![default; shape.channels])
        };
        let variances = values("running_var", f64::NAN);
        let factor = variances.iter().zip(values("weight", 1.0)).map(|(v, w)| w / (v + epsilon).sqrt());
        Self { factor: factor.collect(), mean: values("running_mean", f64::NAN), shift: values("bias", 0.0) }
    }
}

/// Convolutions, locally and fully connected layers alike: which output takes which input with which weight.
struct Taps {
    input: Shape,
    output: Shape,
    rows: WindowAxis,
    columns: WindowAxis,
    groups: usize,
    local: bool,
    shared_bias: bool,
    /// A filter's weights lie row, column, channel.
    channels_last: bool,
}

impl Taps {
    fn of(op: &Op, input: Shape, output: Shape) -> Option<Self> {
        let mut dense = Filters::square(output.channels, WindowAxis::new(input.height));
        dense.columns = WindowAxis::new(input.width);
        let (filters, local, shared_bias) = match op {
            Op::Conv(Conv { filters, shared_bias, .. }) => (*filters, false, *shared_bias),
            Op::Local(Local { filters, .. }) => (*filters, true, false),
            Op::Dense(_) => (dense, false, true),
            _ => return None,
        };
        let Filters { rows, columns, groups, .. } = filters;
        let channels_last = matches!(op, Op::Dense(dense) if dense.flatten == Flatten::ChannelsLast);
        Some(Self { input, output, rows, columns, groups, local, shared_bias, channels_last })
    }

    /// Calls `visit` with the indices of output, input and weight of every product.
    fn each(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let (x, y) = (self.input, self.output);
        let (rs, ss) = (self.rows.size, self.columns.size);
        let place = |axis: WindowAxis, output: usize, tap: usize| {
            (output * axis.stride + tap * axis.dilation).wrapping_sub(axis.before)
        };
        let per_group = (x.channels / self.groups, y.channels / self.groups);
        for k in 0..y.channels {
            for i in 0..y.height {
                for j in 0..y.width {
                    for c in 0..per_group.0 {
                        for r in 0..rs {
                            for s in 0..ss {
                                let (iy, ix) = (place(self.rows, i, r), place(self.columns, j, s));
                                if iy >= x.height || ix >= x.width {
                                    continue;
                                }
                                let channel = k / per_group.1 * per_group.0 + c;
                                let position = if self.local { i * y.width + j } else { 0 };
                                let filter = position * y.channels + k;
                                visit(
                                    (k * y.height + i) * y.width + j,
                                    (channel * x.height + iy) * x.width + ix,
                                    if self.channels_last {
                                        ((filter * rs + r) * ss + s) * per_group.0 + c
                                    } else {
                                        ((filter * per_group.0 + c) * rs + r) * ss + s
                                    },
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// Calls `visit` with the indices of every output and its bias.
    fn biases(&self, mut visit: impl FnMut(usize, usize)) {
        let area = self.output.height * self.output.width;
        for out in 0..self.output.len() {
            visit(out, if self.shared_bias { out / area } else { out });
        }
    }
}

/// Pixels of the clipped window of output `(i, j)`, and how many an average divides by.
fn pool_window(pool: &Pool, input: Shape, (i, j): (usize, usize)) -> (Vec<(usize, usize)>, usize) {
    let taps = |axis: WindowAxis, index: usize, from: isize, to: isize| -> Vec<usize> {
        let first = (index * axis.stride) as isize - axis.before as isize;
        let places = (0..axis.size).map(|tap| first + (tap * axis.dilation) as isize);
        places.filter(|place| (from..to).contains(place)).map(|place| place as usize).collect()
    };
    let part = |index: usize, length: usize, outputs: usize| -> Vec<usize> {
        let edge = |index: usize| (index * length) as f64 / outputs as f64;
        (edge(index).floor() as usize..edge(index + 1).ceil() as usize).collect()
    };
    let (height, width) = (input.height as isize, input.width as isize);
    let (rows, columns, divisor) = match pool.windows {
        PoolWindows::Adaptive { outputs } => {
            (part(i, input.height, outputs[0]), part(j, input.width, outputs[1]), None)
        }
        PoolWindows::Sliding { rows, columns, counts_padding, .. } => {
            let padded = |axis: WindowAxis, index: usize, side: isize| {
                taps(axis, index, -(axis.before as isize), side + axis.after as isize).len()
            };
            let divisor = counts_padding.then(|| padded(rows, i, height) * padded(columns, j, width));
            (taps(rows, i, 0, height), taps(columns, j, 0, width), divisor)
        }
    };
    let pixels: Vec<_> = rows.iter().flat_map(|&y| columns.iter().map(move |&x| (y, x))).collect();
    let divisor = divisor.unwrap_or(pixels.len());
    (pixels, divisor)
}

/// Index, channel, row and column of every value.
fn places(shape: Shape) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..shape.len()).map(move |at| {
        let area = shape.height * shape.width;
        (at, at / area, at % area / shape.width, at % shape.width)
    })
}

/// Values that are normalised together with `at`.
fn window(op: &Op, shape: Shape, at: (usize, usize, usize)) -> Vec<usize> {
    let (c, y, x) = at;
    let around = |centre: usize, size: usize, length: usize| {
        let first = centre as isize - (size / 2) as isize;
        (first..first + size as isize).filter(move |p| (0..length as isize).contains(p))
    };
    let index = |c: usize, y: usize, x: usize| (c * shape.height + y) * shape.width + x;
    match op {
        Op::CrossMapNorm(g) if g.blocked => {
            let size = g.window.size;
            let first = c / size * size;
            (first..(first + size).min(shape.channels)).map(|c| index(c, y, x)).collect()
        }
        Op::CrossMapNorm(g) => around(c, g.window.size, shape.channels).map(|c| index(c as usize, y, x)).collect(),
        Op::ResponseNorm(_) | Op::ContrastNorm(_) => {
            let size = match op {
                Op::ResponseNorm(g) => g.window.size,
                Op::ContrastNorm(g) => g.window.size,
                _ => 0,
            };
            around(y, size, shape.height)
                .flat_map(|y| around(x, size, shape.width).map(move |x| index(c, y as usize, x as usize)))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// A normalisation's inner values (what is squared), D, scale and power.
fn normalisation(op: &Op, shape: Shape, x: &[f64]) -> Option<(Values, Values, f64, f64)> {
    let (norm, values) = match op {
        Op::ResponseNorm(g) => (g.window, g.window.size * g.window.size),
        Op::ContrastNorm(g) => (g.window, g.window.size * g.window.size),
        Op::CrossMapNorm(g) => (g.window, g.window.size),
        _ => return None,
    };
    let (scale, power) = (norm.scale as f32 / values as f32, norm.power as f32);
    let windows: Vec<Vec<usize>> = places(shape).map(|(_, c, y, x)| window(op, shape, (c, y, x))).collect();
    let inner: Values = match op {
        Op::ContrastNorm(_) => {
            windows.iter().zip(x).map(|(w, own)| own - w.iter().map(|&i| x[i]).sum::<f64>() / w.len() as f64).collect()
        }
        _ => x.to_vec(),
    };
    let d = windows.iter().map(|w| 1.0 + f64::from(scale) * w.iter().map(|&i| inner[i].powi(2)).sum::<f64>()).collect();
    Some((inner, d, f64::from(scale), f64::from(power)))
}

fn simple_forward(op: &Op, input: Shape, inputs: &[&[f64]], y: &mut [f64]) {
    let x = inputs[0];
    if let Some((_, d, _, power)) = normalisation(op, input, x) {
        for ((y, x), d) in y.iter_mut().zip(x).zip(d) {
            *y = x * d.powf(-power);
        }
        return;
    }
    match op {
        Op::Pool(pool) => {
            let output = op.output(&[input]).unwrap();
            let area = input.height * input.width;
            for (at, c, i, j) in places(output) {
                let (pixels, divisor) = pool_window(pool, input, (i, j));
                let values = pixels.iter().map(|(i, j)| x[c * area + i * input.width + j]);
                y[at] = match pool.kind {
                    PoolKind::Max => values.fold(f64::NEG_INFINITY, f64::max),
                    PoolKind::Average => values.sum::<f64>() / divisor as f64,
                };
            }
        }
        Op::GlobalAvgPool(_) => {
            let area = input.height * input.width;
            for (y, map) in y.iter_mut().zip(x.chunks_exact(area)) {
                *y = map.iter().sum::<f64>() / area as f64;
            }
        }
        Op::Activation(function) => {
            for (y, x) in y.iter_mut().zip(x) {
                *y = activation::value(*function, *x);
            }
        }
        Op::Dropout(dropout) => {
            for (y, x) in y.iter_mut().zip(x) {
                *y = x * f64::from(1.0 - dropout.rate as f32);
            }
        }
        Op::Softmax(_) => {
            let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = x.iter().map(|x| (x - max).exp()).sum();
            for (y, x) in y.iter_mut().zip(x) {
                *y = (x - max).exp() / sum;
            }
        }
        Op::Add(add) => {
            for (input, factor) in inputs.iter().zip(&add.coefficients) {
                for (y, x) in y.iter_mut().zip(*input) {
                    *y += factor * x;
                }
            }
        }
        Op::Concat(_) => y.copy_from_slice(&inputs.concat()),
        other => unreachable!("{other:?}"),
    }
}

/// Adds the gradient of a pool's input.
fn pool_backward(pool: &Pool, (input, output): (Shape, Shape), x: &[f64], (y, dy): (&[f64], &[f64]), dx: &mut [f64]) {
    let area = input.height * input.width;
    for (at, c, i, j) in places(output) {
        let (pixels, divisor) = pool_window(pool, input, (i, j));
        let mut taken = false;
        for (i, j) in &pixels {
            let from = c * area + i * input.width + j;
            dx[from] += match pool.kind {
                PoolKind::Max if x[from] < y[at] || (taken && pool.ties == Ties::First) => 0.0,
                PoolKind::Max => {
                    taken = true;
                    dy[at]
                }
                PoolKind::Average => dy[at] / divisor as f64,
            };
        }
    }
}

/// Gradient with respect to the layer's input number `slot`.
fn simple_backward((op, input): (&Op, Shape), slot: usize, inputs: &[&[f64]], (y, dy): (&[f64], &[f64])) -> Values {
    let x = inputs[slot];
    let mut dx = vec![0.0; x.len()];
    if let Some((inner, d, scale, power)) = normalisation(op, input, x) {
        let shape = input;
        for (at, c, i, j) in places(shape) {
            dx[at] += dy[at] * d[at].powf(-power);
            // d v[at] / d inner[other], for every other value in the window.
            for other in window(op, shape, (c, i, j)) {
                dx[other] -= 2.0 * power * scale * inner[other] * dy[at] * y[at] / d[at];
            }
        }
        return dx;
    }
    match op {
        Op::Pool(pool) => {
            let output = op.output(&[input]).unwrap();
            pool_backward(pool, (input, output), x, (y, dy), &mut dx);
        }
        Op::GlobalAvgPool(_) => {
            let area = input.height * input.width;
            for (dx, dy) in dx.chunks_exact_mut(area).zip(dy) {
                dx.fill(dy / area as f64);
            }
        }
        Op::Activation(function) => {
            for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                *dx = dy * activation::derivative(*function, *x);
            }
        }
        Op::Dropout(dropout) => {
            for (dx, dy) in dx.iter_mut().zip(dy) {
                *dx = dy * f64::from(1.0 - dropout.rate as f32);
            }
        }
        Op::Softmax(_) => {
            let dot: f64 = y.iter().zip(dy).map(|(p, g)| p * g).sum();
            for ((dx, p), g) in dx.iter_mut().zip(y).zip(dy) {
                *dx = p * (g - dot);
            }
        }
        Op::Add(add) => {
            for (dx, dy) in dx.iter_mut().zip(dy) {
                *dx = add.coefficients[slot] * dy;
            }
        }
        Op::Concat(_) => {
            let first: usize = inputs[..slot].iter().map(|input| input.len()).sum();
            dx.copy_from_slice(&dy[first..first + x.len()]);
        }
        other => unreachable!("{other:?}"),
    }
    dx
}
