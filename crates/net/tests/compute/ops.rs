//! Every operation on many shapes, forward, backward to the weights and to the input, against the
//! naive implementation; which is itself checked by central differences.

use crate::naive;
use crate::support::{Case, assert_close, devices};
use deepviz_net::ops::{Filters, Rounding, WindowAxis};
use deepviz_net::random::Stream;
use deepviz_net::{Op, Shape};
use std::cell::Cell;
use std::fmt::Write;

fn cases(count: usize) -> impl Iterator<Item = Case> {
    let cases = Op::examples()
        .into_iter()
        .map(move |(layers, [channels, height, width])| Case::new(layers, Shape::new(channels, height, width), count));
    cases.filter(|case| case.network.layers().iter().all(|layer| naive::knows(&layer.op)))
}

fn noise(length: usize) -> Vec<f64> {
    let stream = Stream::new(11, &[3]);
    (0..length).map(|i| f64::from(stream.normal(i as u64) as f32)).collect()
}

fn check_forward(case: &Case) {
    for device in devices(1) {
        let all: Vec<usize> = (0..case.network.layers().len()).collect();
        let found = case.model(&device).forward(&case.image_views(), &all).unwrap();
        for image in 0..case.images.len() {
            for (layer, expected) in case.naive(image).iter().enumerate() {
                let row = found[layer].row(image);
                let what = format!("{} layer {layer} image {image}", case.layers);
                let tolerance = if is_wide(case) { 1e-5 } else { 3e-6 };
                assert_close(row.iter().map(|v| f64::from(*v)), expected, tolerance, &what);
            }
        }
    }
}

/// Whether a convolution goes through Winograd's transforms, which round a few times more.
fn is_wide(case: &Case) -> bool {
    let layers = case.network.layers();
    layers.iter().any(|layer| match &layer.op {
        Op::Conv(conv) => layers[layer.inputs[0]].shape.channels >= 32 && conv.filters.filters >= 32,
        _ => false,
    })
}

fn check_input_gradients(case: &Case) {
    let (named, activations) = (case.named(), case.naive(0));
    for device in devices(1) {
        let model = case.model(&device);
        for (layer, spec) in case.network.layers().iter().enumerate().skip(1) {
            let seed = noise(spec.shape.len());
            let expected = naive::backward(&case.network, &named, &activations, (layer, &seed));
            let floats: Vec<f32> = seed.iter().map(|v| *v as f32).collect();
            let found = model.input_gradient(case.images[0].view(), layer, &floats).unwrap();
            let found = found.iter().map(|v| f64::from(*v) / f64::from(case.preprocess.scale));
            let what = format!("{} from {}", case.layers, spec.name);
            // Where one class has nearly all the probability, its gradient cancels.
            let softmax = matches!(spec.op, Op::Softmax(_));
            let tolerance = if softmax { 1e-4 } else { 1e-5 };
            assert_close(found, &expected.layers[0], tolerance, &what);
        }
    }
}

fn check_weight_gradients(case: &Case) {
    let named = case.named();
    let (mut loss, mut sum) = (0.0, naive::Named::new());
    for image in 0..case.images.len() {
        let activations = case.naive(image);
        let label = usize::from(case.labels[image]);
        let mut seed = activations[case.network.output()].clone();
        loss -= seed[label].ln();
        seed[label] -= 1.0;
        let last = (case.network.logits(), seed.as_slice());
        let gradients = naive::backward(&case.network, &named, &activations, last);
        for (name, values) in gradients.parameters {
            let sum = sum.entry(name).or_insert_with(|| vec![0.0; values.len()]);
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum += value;
            }
        }
    }
    for device in devices(1) {
        let mut engine = case.engine(&device);
        let (found, _, gradients) = case.gradients(&mut engine, 0);
        assert_close([found], &[loss], 1e-6, &case.layers);
        for (name, array) in gradients.iter() {
            let what = format!("{} {name}", case.layers);
            assert_close(array.iter().map(|v| f64::from(*v)), &sum[name], 1e-5, &what);
        }
    }
}

fn check_differences(case: &Case) {
    let (named, input) = (case.named(), case.input(0));
    let last = case.network.logits();
    let seed = noise(case.network.layers()[last].shape.len());
    let value = |named: &naive::Named, input: &[f64]| -> f64 {
        let out = naive::forward(&case.network, named, input);
        out[last].iter().zip(&seed).map(|(y, s)| y * s).sum()
    };
    let activations = naive::forward(&case.network, &named, &input);
    let gradients = naive::backward(&case.network, &named, &activations, (last, &seed));
    let step = 1e-6;
    let places = Stream::new(5, &[4]);
    let pick = |round: u64, length: usize| places.below(round, length as u64) as usize;
    for round in 0..6 {
        let at = pick(round, input.len());
        let moved = |by: f64| {
            let mut input = input.clone();
            input[at] += by;
            value(&named, &input)
        };
        let numeric = (moved(step) - moved(-step)) / (2.0 * step);
        let analytic = gradients.layers[0][at];
        let what = format!("{} input {at}", case.layers);
        assert_close([analytic], &[numeric], 1e-5, &what);
    }
    let is_norm = |name: &str| {
        let layer = name.split_once('.').and_then(|(layer, _)| case.network.index_of(layer));
        layer.is_some_and(|layer| matches!(case.network.layers()[layer].op, Op::BatchNorm(_)))
    };
    for (round, name) in (6..).zip(named.keys().filter(|name| !is_norm(name))) {
        let at = pick(round, named[name].len());
        let moved = |by: f64| {
            let mut named = named.clone();
            named.get_mut(name).unwrap()[at] += by;
            value(&named, &input)
        };
        let numeric = (moved(step) - moved(-step)) / (2.0 * step);
        let analytic = gradients.parameters[name][at];
        assert_close([analytic], &[numeric], 1e-5, &format!("{} {name} {at}", case.layers));
    }
}

/// Dropout has no gradient to compare while training, its mask being random; that of batch
/// normalisation goes through the whole batch (see its own tests).
fn is_certain(case: &Case) -> bool {
    let layers = case.network.layers();
    !layers.iter().any(|layer| matches!(layer.op, Op::Dropout(_) | Op::BatchNorm(_)))
}

/// The contrast norm's gradient takes the local mean as constant: not the true derivative.
fn is_exact(case: &Case) -> bool {
    let layers = case.network.layers();
    !layers.iter().any(|layer| matches!(layer.op, Op::ContrastNorm(_)))
}

#[test]
fn forward_agrees_with_naive() {
    cases(6).for_each(|case| check_forward(&case));
}

#[test]
fn input_gradients_agree_with_naive() {
    cases(1).for_each(|case| check_input_gradients(&case));
}

#[test]
fn weight_gradients_agree_with_naive() {
    // Eleven images: a group of eight, whose gradients the engine adds up first, and one that is not full.
    cases(11).filter(is_certain).for_each(|case| check_weight_gradients(&case));
}

#[test]
fn naive_gradients_are_central_differences() {
    cases(1).filter(is_exact).for_each(|case| check_differences(&case));
}

/// A weighted layer of random size on top of another, and a pool on top of it.
fn random_case(index: u64) -> Case {
    let stream = Stream::new(21, &[index]);
    let drawn = Cell::new(0);
    let pick = |from: usize, to: usize| {
        drawn.set(drawn.get() + 1);
        from + stream.below(drawn.get(), (to - from + 1) as u64) as usize
    };
    let mut text = String::new();
    let (mut channels, mut height, mut width) = (pick(1, 5), pick(4, 9), pick(4, 9));
    let image = Shape::new(channels, height, width);
    for name in ["a", "b"] {
        let kind = if pick(0, 3) == 0 { "local" } else { "conv" };
        let axis = |side: usize| {
            let size = pick(1, 4.min(side));
            // As far apart as the input allows, twice the neighbours' distance at most.
            let dilation = pick(1, if size > 1 { ((side - 1) / (size - 1)).min(2) } else { 2 });
            let windows = WindowAxis { size, dilation, ..WindowAxis::new(size) };
            let max = windows.span() - 1;
            let (before, after) = (pick(0, max), pick(0, max));
            WindowAxis { stride: pick(1, size + 1), before, after, ..windows }
        };
        let (rows, columns) = (axis(height), axis(width));
        let (rounding, word) = [(Rounding::Up, "up"), (Rounding::Down, "down")][pick(0, 1)];
        let groups = if channels.is_multiple_of(2) { pick(1, 2) } else { 1 };
        let filters = groups * pick(1, 11);
        write!(text, "{name} {kind} filters={filters} groups={groups} rounding=\"{word}\" ").unwrap();
        let pair = |of: fn(WindowAxis) -> usize| format!("[{},{}]", of(rows), of(columns));
        write!(text, "size={} stride={} ", pair(|axis| axis.size), pair(|axis| axis.stride)).unwrap();
        let sides = [rows.before, rows.after, columns.before, columns.after].map(|side| side.to_string()).join(",");
        writeln!(text, "dilation={} padding=[{sides}]\n{name}_tanh tanh", pair(|axis| axis.dilation)).unwrap();
        let windows = Filters { filters, rows, columns, rounding, groups };
        [channels, height, width] = windows.output(Shape::new(channels, height, width)).unwrap().dims();
    }
    let kind = ["max", "average"][pick(0, 1)];
    let size = [pick(1, 3.min(height)), pick(1, 3.min(width))];
    let (down, right) = (pick(1, size[0] + 1), pick(1, size[1] + 1));
    let padding = [pick(0, size[0] - 1), pick(0, size[1] - 1)];
    let rounding = ["up", "down"][pick(0, 1)];
    write!(text, "c pool pool=\"{kind}\" size=[{},{}] ", size[0], size[1]).unwrap();
    write!(text, "stride=[{down},{right}] padding=[{},{}] ", padding[0], padding[1]).unwrap();
    writeln!(text, "rounding=\"{rounding}\" count_padding={}", pick(0, 1) == 1).unwrap();
    Case::new(&text, image, pick(1, 10))
}

#[test]
fn random_shapes_agree_with_naive() {
    for index in 0..60 {
        let case = random_case(index);
        check_forward(&case);
        check_input_gradients(&case);
        check_weight_gradients(&case);
        // Not for maxima: in windows of zeros all values tie, and each receives the maximum's gradient.
        if case.layers.contains("average") {
            check_differences(&case);
        }
    }
}
