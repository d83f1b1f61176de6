//! Batch normalisation while training: gradients through the minibatch's statistics against a plain
//! double-precision computation, threads, sizes of batches, and the buffers kept between stages. The engine cuts a
//! network into stages: each but the first begins with a batch normalisation.

use crate::support::{CLASSES, Case, LEVELS, assert_close, device, devices};
use deepviz_net::{Op, Parameters, Role, Shape, VectorLevel};

/// Networks with every kind of connection between stages: residuals over normalisations, two normalisations of one
/// layer, activation functions in place and not, maxima, state (dropout, response norms), local layers.
const NETS: &[(&str, [usize; 3])] = &[
    ("a conv filters=5 size=3 padding=1\nn batch_norm", [3, 6, 5]),
    ("n batch_norm weight=false\na conv filters=8 size=3", [3, 6, 5]),
    ("a conv filters=9 size=3 padding=1 bias=false\nn batch_norm bias=false epsilon=0.01\nr relu", [2, 6, 7]),
    (
        "a conv filters=8 size=3\np pool pool=\"max\" size=2 stride=2\nn batch_norm weight=false\ng gelu\nb conv filters=9 size=3 padding=1\nm batch_norm\nh silu",
        [3, 9, 8],
    ),
    (
        "a conv filters=6 size=3 padding=1 bias=false\nn batch_norm\nr relu\nb conv filters=6 size=3 padding=1 bias=false\nm batch_norm\nsum add inputs=[\"m\",\"r\"]\ns relu\nc conv filters=10 size=1 stride=2 bias=false\no batch_norm\nd conv filters=10 size=3 stride=2 padding=1 bias=false inputs=[\"s\"]\nq batch_norm\nt add inputs=[\"o\",\"q\"]\nu relu\ng global_average",
        [3, 7, 7],
    ),
    (
        "a conv filters=8 size=3\nn batch_norm\nm batch_norm inputs=[\"a\"]\nc concat inputs=[\"n\",\"m\",\"a\"]\nk cmrnorm size=3 scale=0.1 power=0.75\no batch_norm\nr relu",
        [2, 6, 6],
    ),
    (
        "a conv filters=6 size=3 padding=1\nr relu\nb conv filters=6 size=3 padding=1 inputs=[\"data\"]\nn batch_norm\ns add inputs=[\"n\",\"r\"] coefficients=[1.0,-0.5]\nl local filters=5 size=3\nm batch_norm\nt tanh\nf full outputs=7\no batch_norm",
        [2, 6, 6],
    ),
];

fn case(index: usize, count: usize) -> Case {
    let (layers, [channels, height, width]) = NETS[index];
    Case::new(layers, Shape::new(channels, height, width), count)
}

/// The summed loss with the minibatch's statistics, in double precision: every normalisation in
/// turn gets the statistics of what came before it as its running ones.
fn loss(case: &Case, named: &crate::naive::Named) -> f64 {
    let mut named = named.clone();
    let layers = case.network.layers();
    let forward = |named: &crate::naive::Named| -> Vec<_> {
        (0..case.images.len()).map(|image| crate::naive::forward(&case.network, named, &case.input(image))).collect()
    };
    for layer in layers.iter().filter(|layer| matches!(layer.op, Op::BatchNorm(_))) {
        let passes = forward(&named);
        let area = layer.shape.height * layer.shape.width;
        let (mut means, mut variances) = (Vec::new(), Vec::new());
        for channel in 0..layer.shape.channels {
            let values: Vec<f64> =
                passes.iter().flat_map(|pass| pass[layer.inputs[0]][channel * area..][..area].to_vec()).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            means.push(mean);
            variances.push(values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64);
        }
        named.insert(format!("{}.running_mean", layer.name), means);
        named.insert(format!("{}.running_var", layer.name), variances);
    }
    let passes = forward(&named);
    passes.iter().zip(&case.labels).map(|(pass, label)| -pass[case.network.output()][usize::from(*label)].ln()).sum()
}

#[test]
fn gradients_are_central_differences_of_the_whole_batch() {
    for index in 0..NETS.len() {
        // Less than a chunk of images, and several chunks, which the engine adds up in groups.
        for count in [3, 11] {
            let case = case(index, count);
            let named = case.named();
            for device in devices(1) {
                let (found, _, gradients) = case.gradients(&mut case.engine(&device), 0);
                assert_close([found], &[loss(&case, &named)], 2e-6, &case.layers);
                for spec in case.network.parameters().filter(|spec| spec.is_learnt()) {
                    let array = gradients.get(&spec.name).unwrap();
                    let largest = array.iter().fold(1e-2_f64, |max, v| max.max(f64::from(v.abs())));
                    let places = [array.len() / 2, 0, array.len() - 1];
                    for &at in &places[..if count < 4 { 3 } else { 1 }] {
                        let moved = |by: f64| {
                            let mut named = named.clone();
                            named.get_mut(&spec.name).unwrap()[at] += by;
                            loss(&case, &named)
                        };
                        let numeric = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                        let analytic = f64::from(array.as_slice().unwrap()[at]);
                        let what = format!("{} {} {at} of {count}: {analytic} {numeric}", case.layers, spec.name);
                        assert!((analytic - numeric).abs() < 2e-4 * largest, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn threads_and_earlier_batches_never_change_a_bit() {
    for index in 0..NETS.len() {
        let (large, small) = (case(index, 37), case(index, 5));
        for level in LEVELS {
            let Some(one) = device(1, level) else { continue };
            let expected = large.gradients(&mut large.engine(&one), 5);
            let few = small.gradients(&mut small.engine(&one), 5);
            for threads in [2, 3] {
                let mut engine = large.engine(&device(threads, level).unwrap());
                assert!(large.gradients(&mut engine, 5) == expected, "{threads} threads, {level}, {}", large.layers);
                assert!(small.gradients(&mut engine, 5) == few, "after a larger batch: {}", large.layers);
                assert!(large.gradients(&mut engine, 5) == expected, "after a smaller batch: {}", large.layers);
            }
        }
    }
}

#[test]
fn large_batches_are_split_into_parts_that_hold_every_image() {
    // More than 32 groups: several groups a part, the last one not full. Without dropout or other
    // noise every image given twice has twice the gradient.
    let (once, twice) = (case(3, 150), {
        let mut case = case(3, 300);
        for image in 0..150 {
            case.images[150 + image] = case.images[image].clone();
            case.labels[150 + image] = case.labels[image];
        }
        case
    });
    let device = device(2, VectorLevel::detect()).unwrap();
    let (loss, errors, gradients) = once.gradients(&mut once.engine(&device), 0);
    let (double_loss, double_errors, doubled) = twice.gradients(&mut twice.engine(&device), 0);
    assert_close([double_loss, double_errors], &[2.0 * loss, 2.0 * errors], 1e-6, "loss and errors");
    for spec in once.network.parameters() {
        let (from, to) = (gradients.get(&spec.name).unwrap(), doubled.get(&spec.name).unwrap());
        let factor = if spec.is_learnt() { 2.0 } else { 1.0 };
        let expected: Vec<f64> = from.iter().map(|v| factor * f64::from(*v)).collect();
        // A bias below a normalisation has no effect: its gradient is nothing but rounding.
        if spec.name == "a.bias" || spec.name == "b.bias" {
            assert!(expected.iter().all(|v| v.abs() < 1e-3), "{}: {expected:?}", spec.name);
            continue;
        }
        // The unbiased variance of a doubled batch is a little smaller.
        let tolerance = if spec.role == Role::RunningVariance { 1e-3 } else { 2e-5 };
        assert_close(to.iter().map(|v| f64::from(*v)), &expected, tolerance, &spec.name);
    }
}

#[test]
fn statistics_of_the_batch_stand_in_place_of_running_ones() {
    let case = case(1, 9);
    let device = device(2, VectorLevel::detect()).unwrap();
    let (_, _, found) = case.gradients(&mut case.engine(&device), 0);
    let inputs: Vec<_> = (0..9).map(|image| case.input(image)).collect();
    let area = 30;
    for channel in 0..3 {
        let values: Vec<f64> = inputs.iter().flat_map(|x| x[channel * area..][..area].to_vec()).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let value = |name: &str| f64::from(found.get(name).unwrap().as_slice().unwrap()[channel]);
        assert_close([value("n.running_mean")], &[mean], 1e-6, "mean");
        assert_close([value("n.running_var")], &[variance], 1e-6, "variance");
    }
}

#[test]
fn a_mean_far_from_zero_does_not_drown_the_variance() {
    let layers = "b linear a=1.0 b=3000.0\nn batch_norm\na conv filters=4 size=3";
    let far = Case::new(layers, Shape::new(3, 6, 5), 9);
    let near = Case::new(&layers.replace("3000.0", "0.0"), Shape::new(3, 6, 5), 9);
    let device = device(1, VectorLevel::detect()).unwrap();
    let (loss, _, _) = far.gradients(&mut far.engine(&device), 0);
    let (expected, _, _) = near.gradients(&mut near.engine(&device), 0);
    // 3000 + x itself is rounded to 1.2e-4.
    assert!((loss - expected).abs() < 2e-3, "{loss} {expected}");
}

#[test]
fn a_model_uses_the_running_statistics() {
    let mut case = case(3, 4);
    let device = device(1, VectorLevel::detect()).unwrap();
    let all: Vec<usize> = (0..case.network.layers().len()).collect();
    let first = case.model(&device).forward(&case.image_views(), &all).unwrap();
    case.parameters.get_mut("n.running_mean").unwrap().fill(0.7);
    case.parameters.get_mut("n.running_var").unwrap().fill(4.0);
    let found = case.model(&device).forward(&case.image_views(), &all).unwrap();
    let norm = case.network.index_of("n").unwrap();
    assert!(found[norm] != first[norm]);
    let bias = case.parameters.get("n.bias").unwrap()[[0]];
    let input = found[case.network.layers()[norm].inputs[0]][[2, 5]];
    let expected = (f64::from(input) - 0.7) / (4.0 + 1e-5_f64).sqrt() + f64::from(bias);
    assert_close([f64::from(found[norm][[2, 5]])], &[expected], 1e-6, "normalised");
}

#[test]
fn smoothed_labels_give_the_smoothed_loss_and_its_gradient() {
    let case = Case::new("a conv filters=4 size=3", Shape::new(2, 5, 5), 3);
    let device = device(1, VectorLevel::detect()).unwrap();
    let (loss, _, gradients): (f64, f64, Parameters) = case.smoothed_gradients(&mut case.engine(&device), 0, 0.25);
    let (mut expected, mut bias) = (0.0, vec![0.0; CLASSES]);
    for (image, label) in case.labels.iter().enumerate() {
        let probabilities = &case.naive(image)[case.network.output()];
        for (class, p) in probabilities.iter().enumerate() {
            let target = 0.25 / CLASSES as f64 + if class == usize::from(*label) { 0.75 } else { 0.0 };
            expected -= target * p.ln();
            bias[class] += p - target;
        }
    }
    assert_close([loss], &[expected], 1e-6, "loss");
    let found = gradients.get("logits.bias").unwrap();
    assert_close(found.iter().map(|v| f64::from(*v)), &bias, 1e-6, "gradient with respect to the logits");
}
