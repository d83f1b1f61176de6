//! Every operation on many shapes, forward, backward to the weights and to the input, against the
//! naive implementation; which is itself checked by central differences.

use crate::naive;
use crate::support::{Case, assert_close, devices};
use deepviz_net::ops::ConvGeometry;
use deepviz_net::random::Stream;
use deepviz_net::{Op, Shape};
use std::cell::Cell;
use std::fmt::Write;

/// Layers, the image's channels, height and width.
const CASES: &[(&str, [usize; 3])] = &[
    // Convolution: spare channels and filters, odd sides, strides that fit and that do not.
    ("a conv filters=16 size=3 padding=1", [3, 8, 8]),
    ("a conv filters=5 size=3 padding=1", [3, 7, 9]),
    ("a conv filters=24 size=5 padding=2", [1, 6, 11]),
    ("a conv filters=17 size=1", [9, 4, 5]),
    ("a conv filters=8 size=4 padding=1 stride=2", [2, 9, 8]),
    ("a conv filters=12 size=3 padding=2 stride=3", [4, 10, 7]),
    ("a conv filters=16 size=5 stride=4", [3, 12, 13]),
    ("a conv filters=8 size=3 padding=0 stride=2", [8, 6, 6]),
    ("a conv filters=40 size=2 padding=1", [19, 5, 5]),
    ("a conv filters=6 size=3 padding=1 shared_bias=false", [3, 5, 4]),
    // Wide enough for Winograd's transforms: sides that tiles fill and that they hang over, spare
    // channels and filters, every padding, biases of every position, and one with a rim of its own.
    ("a conv filters=32 size=3 padding=1", [32, 8, 8]),
    ("a conv filters=43 size=3 padding=1", [35, 9, 6]),
    ("a conv filters=33 size=5 padding=2", [40, 7, 9]),
    ("a conv filters=32 size=5 padding=1", [32, 8, 5]),
    ("a conv filters=32 size=5 padding=3 shared_bias=false", [32, 5, 6]),
    (
        "a conv filters=32 size=3 padding=1\nr relu\nb conv filters=48 size=5 padding=2\nc pool pool=\"average\" size=3 stride=2\nd conv filters=32 size=3 padding=1",
        [3, 7, 8],
    ),
    // Groups that do and do not fill vectors, down to one channel a group.
    ("a conv filters=16 size=3 padding=1 groups=2", [16, 5, 6]),
    ("a conv filters=12 size=3 padding=1 groups=3", [6, 5, 6]),
    ("a conv filters=10 size=3 padding=1 stride=2 groups=2", [4, 7, 6]),
    ("a conv filters=5 size=3 padding=1 groups=5", [5, 6, 6]),
    // Convolutions on top of others, so that gradients pass through rims.
    ("a conv filters=9 size=3 padding=1\nb conv filters=7 size=3 padding=2 stride=2", [3, 7, 6]),
    ("a conv filters=8 size=5 padding=2\nr relu\nb conv filters=8 size=5 padding=2", [3, 6, 6]),
    ("a conv filters=8 size=3\nb conv filters=12 size=4 padding=3 groups=4", [2, 7, 7]),
    // Locally and fully connected.
    ("a local filters=16 size=3 padding=1", [3, 5, 5]),
    ("a local filters=5 size=3 padding=1 stride=2", [9, 6, 7]),
    ("a conv filters=6 size=3\nb local filters=10 size=3 padding=2 stride=2 groups=2", [2, 7, 6]),
    ("a full outputs=20", [3, 4, 5]),
    ("a conv filters=5 size=3 padding=1\nb full outputs=33\nc relu\nd full outputs=9", [3, 4, 5]),
    // Pools.
    ("a conv filters=9 size=3 padding=1\nb pool pool=\"max\" size=3 stride=2", [3, 8, 7]),
    ("a conv filters=9 size=3 padding=1\nb pool pool=\"average\" size=3 stride=2", [3, 8, 7]),
    ("a conv filters=8 size=3\nb pool pool=\"max\" size=3 stride=3 start=-1", [3, 9, 8]),
    ("a conv filters=8 size=3\nb pool pool=\"average\" size=4 stride=2 start=-1", [3, 9, 8]),
    ("a pool pool=\"max\" size=2 stride=2 outputs=2", [3, 6, 6]),
    ("a conv filters=9 size=3 padding=1\nb pool pool=\"max\" size=3 stride=2 ties=\"first\"", [3, 8, 7]),
    ("a pool pool=\"max\" size=2 stride=2 ties=\"first\"\nb logistic", [3, 6, 6]),
    ("a pool pool=\"average\" size=2 stride=1", [10, 4, 5]),
    (
        "a conv filters=8 size=3\nb pool pool=\"max\" size=3 stride=2\nr relu\nc conv filters=4 size=3 padding=1",
        [3, 9, 9],
    ),
    // Neurons, in place (after a convolution) and not (after a maximum or on the input).
    ("a conv filters=5 size=3\nb logistic", [2, 6, 5]),
    ("a conv filters=8 size=3\nb tanh a=1.7 b=0.6", [2, 6, 5]),
    ("a conv filters=5 size=3\nb softrelu", [2, 6, 5]),
    ("a conv filters=5 size=3\nb brelu limit=0.4", [2, 6, 5]),
    ("a conv filters=5 size=3\nb abs", [2, 6, 5]),
    ("a conv filters=5 size=3\nb square", [2, 6, 5]),
    ("a conv filters=5 size=3\nb linear a=-1.5 b=0.5", [2, 6, 5]),
    ("a conv filters=5 size=3\nb identity", [2, 6, 5]),
    ("a linear a=1.0 b=0.1\nb sqrt", [3, 4, 4]),
    ("a pool pool=\"max\" size=2 stride=2\nb logistic", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb tanh", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb brelu limit=1.5", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb softrelu", [3, 6, 6]),
    ("a pool pool=\"max\" size=2 stride=2\nb linear a=2.0\nc identity", [3, 6, 6]),
    ("a conv filters=5 size=3\nb leaky_relu slope=0.2", [2, 6, 5]),
    ("a pool pool=\"max\" size=2 stride=2\nb leaky_relu", [3, 6, 6]),
    ("a conv filters=5 size=3\nb gelu", [2, 6, 5]),
    ("a conv filters=8 size=3\nb gelu form=\"tanh\"", [2, 6, 5]),
    ("a conv filters=5 size=3\nb silu\nc conv filters=4 size=3 padding=1", [2, 6, 5]),
    // Without biases.
    (
        "a conv filters=9 size=3 padding=1 bias=false\nb local filters=4 size=3 bias=false\nc full outputs=6 bias=false",
        [3, 7, 6],
    ),
    ("a conv filters=6 size=3 padding=1 shared_bias=false bias=false", [3, 5, 4]),
    // Strides that pass over pixels.
    ("a conv filters=9 size=1 stride=2", [3, 8, 7]),
    (
        "a conv filters=6 size=3 padding=1\nb conv filters=12 size=1 stride=2\nc conv filters=5 size=2 stride=3",
        [3, 9, 9],
    ),
    ("a conv filters=4 size=3\nb local filters=6 size=1 stride=2", [2, 7, 8]),
    // Depthwise: one channel a group, one filter or several.
    ("a conv filters=9 size=3 padding=1\nb conv filters=9 size=3 padding=1 groups=9", [3, 6, 7]),
    ("a conv filters=8 size=3 padding=1\nb conv filters=24 size=3 padding=1 stride=2 groups=8\nc relu", [3, 7, 6]),
    ("a conv filters=16 size=3\nb conv filters=16 size=5 padding=2 groups=16 bias=false", [3, 8, 8]),
    // Means of maps.
    ("a conv filters=9 size=3 padding=1\nb global_average", [2, 6, 5]),
    ("a global_average", [3, 4, 5]),
    ("a conv filters=6 size=3\nb global_average\nr relu", [2, 5, 6]),
    // Normalisations.
    ("a conv filters=9 size=3\nb rnorm size=3 scale=0.5 power=0.75", [2, 8, 7]),
    ("a conv filters=8 size=3\nb rnorm size=4 scale=2.0 power=0.6", [2, 8, 7]),
    ("a conv filters=9 size=3\nb cnorm size=3 scale=0.5 power=0.5", [2, 8, 7]),
    ("a conv filters=8 size=3\nb cnorm size=2 scale=1.5 power=1.0", [2, 6, 7]),
    ("a conv filters=13 size=3\nb cmrnorm size=5 scale=0.8 power=0.75", [2, 5, 6]),
    ("a conv filters=16 size=3\nb cmrnorm size=4 scale=0.8 power=0.9", [2, 5, 6]),
    ("a conv filters=14 size=3\nb cmrnorm size=4 scale=0.8 power=0.75 blocked=true", [2, 5, 6]),
    ("a cmrnorm size=3 scale=1.0 power=0.5\nb conv filters=4 size=3 padding=1", [3, 5, 6]),
    ("a conv filters=9 size=3\nb batch_norm", [2, 6, 5]),
    (
        "a batch_norm weight=false\nb conv filters=8 size=3 bias=false\nc batch_norm bias=false epsilon=0.1\nr relu",
        [3, 6, 5],
    ),
    ("a conv filters=4 size=3\nb batch_norm weight=false bias=false\nc gelu\nd add inputs=[\"a\",\"c\"]", [3, 6, 5]),
    // Graphs.
    (
        "a conv filters=6 size=3 padding=1\nb conv filters=6 size=3 padding=1\nc add inputs=[\"a\",\"b\"] coefficients=[1.0,-0.5]\nr relu",
        [2, 5, 6],
    ),
    (
        "a conv filters=6 size=3 padding=1\nb conv filters=5 size=3 padding=1 inputs=[\"data\"]\nc concat inputs=[\"a\",\"b\",\"a\"]\nd conv filters=7 size=3",
        [2, 5, 6],
    ),
    (
        "a conv filters=6 size=3 padding=1\nr relu\nb conv filters=6 size=3 padding=1\nc add inputs=[\"r\",\"b\"]\nd relu\ne pool pool=\"average\" size=2 stride=2",
        [2, 6, 6],
    ),
    ("a conv filters=6 size=3\nb dropout rate=0.3", [2, 6, 5]),
];

fn cases(count: usize) -> impl Iterator<Item = Case> {
    CASES.iter().map(move |(layers, [channels, height, width])| {
        Case::new(layers, Shape::new(*channels, *height, *width), count)
    })
}

fn noise(length: usize) -> Vec<f64> {
    let stream = Stream::new(11, &[3]);
    (0..length).map(|i| f64::from(stream.normal(i as u64) as f32)).collect()
}

fn check_forward(case: &Case) {
    for device in devices(1) {
        let all: Vec<usize> = (0..case.network.layers().len()).collect();
        let found = case.model(&device).forward(&case.views(), &all).unwrap();
        for image in 0..case.images.len() {
            for (layer, expected) in case.naive(image).iter().enumerate() {
                let row = found[layer].row(image);
                let what = format!("{} layer {layer} image {image}", case.name);
                let tolerance = if is_wide(case) { 1e-5 } else { 3e-6 };
                assert_close(row.iter().map(|v| f64::from(*v)), expected, tolerance, &what);
            }
        }
    }
}

/// Whether a convolution goes through Winograd's transforms, which round a few times more.
fn is_wide(case: &Case) -> bool {
    let wide = |op: &Op| matches!(op, Op::Conv(conv) if conv.input.channels >= 32 && conv.filters >= 32);
    case.network.layers().iter().any(|layer| wide(&layer.op))
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
            let what = format!("{} from {}", case.name, spec.name);
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
        assert_close([found], &[loss], 1e-6, &case.name);
        for (name, array) in gradients.iter() {
            let what = format!("{} {name}", case.name);
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
        let what = format!("{} input {at}", case.name);
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
        assert_close([analytic], &[numeric], 1e-5, &format!("{} {name} {at}", case.name));
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
    // Eleven images: a full group of eight, and one of a chunk or a part of it.
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
        let size = pick(1, 4.min(height).min(width));
        let (stride, padding) = (pick(1, size + 1), pick(0, size - 1));
        let groups = if channels.is_multiple_of(2) { pick(1, 2) } else { 1 };
        let filters = groups * pick(1, 11);
        write!(text, "{name} {kind} filters={filters} size={size} stride={stride} ").unwrap();
        writeln!(text, "padding={padding} groups={groups}\n{name}_tanh tanh").unwrap();
        let windows = ConvGeometry {
            input: Shape::new(channels, height, width),
            filters,
            size,
            stride,
            padding,
            groups,
            shared_bias: true,
        };
        [channels, height, width] = windows.output().unwrap().dims();
    }
    let kind = ["max", "average"][pick(0, 1)];
    let size = pick(1, 3.min(height).min(width));
    writeln!(text, "c pool pool=\"{kind}\" size={size} stride={}", pick(1, size)).unwrap();
    Case::new(&text, image, pick(1, 10))
}

#[test]
fn random_shapes_agree_with_naive() {
    for index in 0..60 {
        let case = random_case(index);
        check_forward(&case);
        check_input_gradients(&case);
        check_weight_gradients(&case);
        // Windows that see only zeros tie, and every tied value receives a maximum's gradient.
        if case.name.contains("average") {
            check_differences(&case);
        }
    }
}
