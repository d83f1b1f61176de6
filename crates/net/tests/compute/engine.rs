//! The engine and the model: results do not depend on threads, batches, vector levels or earlier steps, and bad input
//! is refused.

use crate::support::{CLASSES, Case, LEVELS, assert_close, device, devices};
use deepviz_net::{Batch, Parameters, Shape, VectorLevel, View};
use ndarray::{Array3, ArrayView3};

/// One layer of every kind that sums over images or draws random numbers.
const MIXED: &str = "a conv filters=9 size=5 padding=2
    p pool pool=\"max\" size=3 stride=2
    r relu
    n cmrnorm size=3 scale=0.1 power=0.75
    l local filters=6 size=3 padding=1
    s relu
    d dropout rate=0.4
    f full outputs=20
    t tanh";

/// Convolutions that are computed by Winograd's transforms.
const WIDE: &str = "a conv filters=32 size=3 padding=1
    r relu
    b conv filters=36 size=5 padding=2
    p pool pool=\"average\" size=3 stride=2
    c conv filters=32 size=3 padding=1
    f full outputs=20";

fn mixed(count: usize) -> Case {
    Case::new(MIXED, Shape::new(3, 12, 10), count)
}

fn wide(count: usize) -> Case {
    Case::new(WIDE, Shape::new(3, 11, 14), count)
}

#[test]
fn threads_never_change_a_bit() {
    for case in [mixed(37), wide(37)] {
        check_threads(&case);
    }
}

fn check_threads(case: &Case) {
    for level in LEVELS {
        let Some(single_thread) = device(1, level) else { continue };
        let mut engine = case.engine(&single_thread);
        let expected = case.gradients(&mut engine, 5);
        let outputs = [case.network.output(), 1];
        let forward = case.model(&single_thread).forward(&case.image_views(), &outputs).unwrap();
        for threads in [2, 3, 8] {
            let many = device(threads, level).unwrap();
            let found = case.gradients(&mut case.engine(&many), 5);
            assert!(found == expected, "{threads} threads, {level}");
            let found = case.model(&many).forward(&case.image_views(), &outputs).unwrap();
            assert!(found == forward, "{threads} threads, {level}");
        }
    }
}

#[test]
fn a_step_does_not_depend_on_the_step_before() {
    let device = device(2, VectorLevel::detect()).unwrap();
    for (large, small) in [(mixed(37), mixed(5)), (wide(37), wide(5))] {
        let mut engine = large.engine(&device);
        let first = large.gradients(&mut engine, 1);
        let fresh = small.gradients(&mut small.engine(&device), 1);
        assert!(small.gradients(&mut engine, 1) == fresh);
        assert!(large.gradients(&mut engine, 1) == first);
    }
}

#[test]
fn outputs_do_not_depend_on_the_other_images_of_the_batch() {
    for case in [mixed(7), wide(7)] {
        let model = case.model(&device(2, VectorLevel::detect()).unwrap());
        let all: Vec<usize> = (0..case.network.layers().len()).collect();
        let together = model.forward(&case.image_views(), &all).unwrap();
        for (index, image) in case.images.iter().enumerate() {
            let alone = model.forward(&[image.view()], &all).unwrap();
            for (alone, together) in alone.iter().zip(&together) {
                assert!(alone.row(0) == together.row(index));
            }
        }
    }
}

#[test]
fn vector_levels_agree_within_rounding() {
    for case in [mixed(16), wide(16)] {
        check_levels(&case);
    }
}

fn check_levels(case: &Case) {
    let expected = case.gradients(&mut case.engine(&device(1, LEVELS[0]).unwrap()), 9);
    for device in devices(1) {
        let (loss, _, gradients) = case.gradients(&mut case.engine(&device), 9);
        assert_close([loss], &[expected.0], 1e-6, "loss");
        for ((name, found), (_, expected)) in gradients.iter().zip(expected.2.iter()) {
            let expected: Vec<f64> = expected.iter().map(|v| f64::from(*v)).collect();
            assert_close(found.iter().map(|v| f64::from(*v)), &expected, 2e-5, name);
        }
    }
}

#[test]
fn dropout_drops_its_rate_and_depends_on_the_seed() {
    let rate = 0.25;
    // The gradient with respect to the logits' weights is zero where their input was dropped.
    let layers = format!("a linear a=0.0 b=1.0\nb dropout rate={rate}");
    let case = Case::new(&layers, Shape::new(4, 30, 30), 1);
    let mut engine = case.engine(&device(1, VectorLevel::detect()).unwrap());
    let mask = |(_, _, gradients): (f64, f64, Parameters)| -> Vec<bool> {
        let weight = gradients.get("logits.weight").unwrap();
        let row = weight.as_slice().unwrap()[..3600].to_vec();
        row.into_iter().map(|value| value == 0.0).collect()
    };
    let first = mask(case.gradients(&mut engine, 1));
    let share = first.iter().filter(|dropped| **dropped).count() as f64 / 3600.0;
    assert!((share - rate).abs() < 0.03, "{share}");
    assert!(mask(case.gradients(&mut engine, 1)) == first);
    assert!(mask(case.gradients(&mut engine, 2)) != first);
}

#[test]
fn the_gradient_through_dropout_is_the_masked_one() {
    let case = Case::new("a conv filters=5 size=3\nb dropout rate=0.5", Shape::new(2, 6, 6), 1);
    let mut engine = case.engine(&device(1, VectorLevel::detect()).unwrap());
    let (_, _, gradients) = case.gradients(&mut engine, 3);
    let weights = gradients.get("a.weight").unwrap();
    // With a fixed mask the loss is an ordinary function of the weights.
    let step = 1e-2;
    for at in [0, 17, 40, 89] {
        let loss = |by: f32| {
            let mut moved = with_weight_changed(&case, "a.weight", at, by);
            moved.labels.clone_from(&case.labels);
            moved.gradients(&mut engine_of(&moved), 3).0
        };
        let numeric = (loss(step) - loss(-step)) / f64::from(2.0 * step);
        let analytic = f64::from(weights.as_slice().unwrap()[at]);
        assert!((numeric - analytic).abs() < 2e-3 * (1.0 + analytic.abs()), "{numeric} {analytic}");
    }
}

fn engine_of(case: &Case) -> deepviz_net::Engine {
    case.engine(&device(1, VectorLevel::detect()).unwrap())
}

/// The same network with one weight changed by `by`.
fn with_weight_changed(case: &Case, name: &str, at: usize, by: f32) -> Case {
    let mut moved = Case::new(&case.layers, case.network.image(), case.images.len());
    let array = moved.parameters.get_mut(name).unwrap();
    array.as_slice_mut().unwrap()[at] += by;
    moved
}

#[test]
fn ties_count_in_part_and_nan_counts_as_wrong() {
    let mut case = Case::new("a conv filters=4 size=3", Shape::new(2, 5, 5), 3);
    case.parameters.fill(0.0);
    let mut engine = engine_of(&case);
    let (loss, errors, _) = case.gradients(&mut engine, 0);
    let classes = CLASSES as f64;
    assert_close([loss], &[3.0 * classes.ln()], 1e-6, "loss of equal logits");
    assert_close([errors], &[3.0 * (1.0 - 1.0 / classes)], 1e-12, "errors of equal logits");
    case.parameters.get_mut("logits.bias").unwrap().fill(f32::NAN);
    let (loss, errors, _) = case.gradients(&mut engine, 0);
    assert!(loss.is_nan());
    assert_close([errors], &[3.0], 0.0, "errors of NaN");
}

#[test]
fn a_view_crops_and_mirrors_the_image() {
    let text = crate::support::recipe("a conv filters=4 size=3").to_toml();
    let text = text.replace("[data]", "[data]\ncrop = 6");
    let recipe = deepviz_net::Recipe::parse(&text, "crop.toml", &[]).unwrap();
    let image = Shape::new(3, 9, 8);
    let network = std::sync::Arc::new(deepviz_net::Network::new(&recipe, image, CLASSES).unwrap());
    let preprocess = std::sync::Arc::new(network.preprocess(None, None));
    let parameters = Parameters::initial(&network, 3);
    let device = device(1, VectorLevel::detect()).unwrap();
    let model = deepviz_net::Model::new(network.clone(), preprocess, &parameters, &device).unwrap();
    let pixels = Array3::from_shape_fn((3, 9, 8), |(c, y, x)| (c * 80 + y * 9 + x) as u8);
    let crop = View::at(2, 1).mirrored();
    let found = model.forward_views(&[pixels.view()], &[crop], &[0]).unwrap();
    let expected = Array3::from_shape_fn((3, 6, 6), |(c, y, x)| f32::from(pixels[[c, y + 2, 1 + 5 - x]]) * 0.01);
    assert_eq!(found[0].as_slice().unwrap(), expected.as_slice().unwrap());
    let gradient = model.input_gradient(pixels.view(), network.logits(), &[1.0, 0.0, 0.0]).unwrap();
    assert_eq!(gradient.dim(), (3, 9, 8));
    assert!(gradient.iter().all(|value| value.is_finite()));
    assert!(gradient[[0, 0, 0]] == 0.0 && gradient[[0, 4, 4]] != 0.0);
}

/// Models of one [`deepviz_net::CompiledNetwork`] share workspaces; NaN left there by a diverged one must not reach a
/// finite one.
#[test]
fn a_diverged_network_does_not_affect_the_next() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    let recipes = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let device = device(1, VectorLevel::detect()).unwrap();
    for path in recipes {
        let recipe = deepviz_net::Recipe::load(&path, &[]).unwrap();
        let image = Shape::new(3, 32, 32);
        let network = std::sync::Arc::new(deepviz_net::Network::new(&recipe, image, 10).unwrap());
        let snapshot = |parameters| deepviz_net::Snapshot {
            step: deepviz_net::Step(0),
            epoch: 0.0,
            images_seen: 0,
            hash: String::new(),
            parameters,
            mean: None,
            std: None,
            optimizer: Parameters::zeros(&network),
        };
        let finite = snapshot(Parameters::initial(&network, 3));
        let mut diverged = finite.clone();
        for (_, array) in diverged.parameters.iter_mut() {
            array.fill(f32::NAN);
        }
        let pixels = |seed: usize| Array3::from_shape_fn((3, 32, 32), |(c, y, x)| ((c * 7 + y * 5 + x) * seed) as u8);
        let many: Vec<_> = (1..9).map(pixels).collect();
        let many: Vec<_> = many.iter().map(ndarray::ArrayBase::view).collect();
        let wanted: Vec<usize> = (0..network.layers().len()).collect();
        let compiled = deepviz_net::CompiledNetwork::new(network.clone(), &device);
        let nan_outputs = compiled.model(&diverged).unwrap().forward(&many, &wanted).unwrap();
        assert!(nan_outputs[network.logits()].iter().all(|value| value.is_nan()), "{}", path.display());
        let model = compiled.model(&finite).unwrap();
        let fresh = deepviz_net::Model::from_snapshot(network.clone(), &finite, &device).unwrap();
        for count in [1, 3, 8] {
            let found = model.forward(&many[..count], &wanted).unwrap();
            assert_eq!(found, fresh.forward(&many[..count], &wanted).unwrap(), "{} {count}", path.display());
            assert!(found.iter().flatten().all(|value| value.is_finite()), "{} {count}", path.display());
        }
    }
}

#[test]
fn bad_batches_are_refused_with_an_error() {
    let case = mixed(2);
    let mut engine = engine_of(&case);
    let centre = case.network.centre_view();
    let other = Array3::<u8>::zeros((3, 5, 5));
    let (good, wrong) = (case.image_views(), vec![case.images[0].view(), other.view()]);
    let mut attempt = |images: &Vec<ArrayView3<'_, u8>>, labels: &[u16], crops: &[View]| {
        let mut into = Parameters::zeros(&case.network);
        // Reborrowed: all slices of a batch share one lifetime.
        let images: Vec<_> = images.iter().map(ndarray::ArrayBase::view).collect();
        let batch = Batch { images: &images, labels, views: crops, noise: 0, label_smoothing: 0.0 };
        let result = engine.gradients(&case.parameters, &batch, &mut into);
        result.map(|_| ()).map_err(|error| error.to_string())
    };
    let crops = [centre; 2];
    assert!(attempt(&good, &[0, 1], &crops).is_ok());
    assert!(attempt(&good, &[0], &crops).unwrap_err().contains("labels"));
    assert!(attempt(&good, &[0, 1], &crops[..1]).unwrap_err().contains("views"));
    assert!(attempt(&good, &[0, 3], &crops).unwrap_err().contains("0 to 2"));
    assert!(attempt(&Vec::new(), &[], &[]).unwrap_err().contains("at least one"));
    assert!(attempt(&wrong, &[0, 1], &crops).unwrap_err().contains("3x5x5"));
    assert!(attempt(&good, &[0, 1], &crops).is_ok());
}
