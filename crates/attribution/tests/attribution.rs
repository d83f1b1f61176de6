//! Maps, ablation and optimised pictures of a small network.
#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use deepviz_attribution::ablation::{self, LabelledImages};
use deepviz_attribution::picture::{CorpusSpectrum, Inverter, Start, Visualiser};
use deepviz_attribution::{
    Error, Explainer, MapKind, Method, Target, class_map_layer, expanded, expanded_shape, randomisation,
};
use deepviz_net::{Backward, Device, Model, Network, Parameters, Recipe, RectifierRule, Shape};
use ndarray::{Array2, Array3, ArrayView3};

const LAYERS: &str = r#"
[[layer]]
name = "conv1"
type = "conv"
filters = 6
size = 3
padding = 1
[[layer]]
name = "relu1"
type = "relu"
[[layer]]
name = "pool1"
type = "pool"
pool = "max"
size = 2
stride = 2
[[layer]]
name = "conv2"
type = "conv"
filters = 5
size = 3
padding = 1
[[layer]]
name = "relu2"
type = "relu"
[[layer]]
name = "fc"
type = "full"
outputs = 4
[[layer]]
name = "probs"
type = "softmax"
[train]
stages = [{ epochs = 1, rate = 0.1 }]
"#;

/// A network of random weights for images of 16 x 16, its weights and some images.
struct Case {
    network: Arc<Network>,
    parameters: Parameters,
    model: Model,
    images: Vec<Array3<u8>>,
}

fn case() -> Case {
    let recipe = Recipe::parse(LAYERS, "small", &[]).unwrap();
    let network = Arc::new(Network::new(&recipe, Shape::new(3, 16, 16), 4).unwrap());
    let parameters = Parameters::initial(&network, 3);
    let model = model(&network, &parameters);
    let stream = deepviz_net::random::Stream::new(1, &[]);
    let image = |of: u64| {
        let mut index = of << 20;
        Array3::from_shape_simple_fn((3, 16, 16), || {
            index += 1;
            stream.below(index, 256) as u8
        })
    };
    Case { parameters, model, images: (0..12).map(image).collect(), network }
}

fn model(network: &Arc<Network>, parameters: &Parameters) -> Model {
    let mean = Some(Array3::from_elem((3, 16, 16), 120.0));
    let preprocess = Arc::new(network.preprocess(mean, None));
    Model::new(Arc::clone(network), preprocess, parameters, &Device::cpu(Some(1), None).unwrap()).unwrap()
}

impl Case {
    fn views(&self) -> Vec<ArrayView3<'_, u8>> {
        self.images.iter().map(Array3::view).collect()
    }

    fn index(&self, layer: &str) -> usize {
        self.network.index_of(layer).unwrap()
    }
}

#[test]
fn maps_add_up_to_what_they_explain() {
    let case = case();
    let mut explainer = Explainer::new(&case.model).unwrap();
    let target = Target::versus(1, 2);
    let image = case.images[0].view();
    let integrated = explainer.map(image, target, (Method::Integrated, None)).unwrap();
    // From the mean image, whose logits are the bias alone.
    let base = case.model.forward(&[Array3::from_elem((3, 16, 16), 120_u8).view()], &[case.network.logits()]).unwrap();
    let difference = integrated.explained - target.value(&base[0].row(0).to_vec());
    assert!((integrated.values.sum() - difference).abs() < 0.02 * difference.abs(), "{integrated:?}");
    let error = integrated.completeness_error.unwrap();
    assert!(((integrated.values.sum() - difference).abs() / difference.abs() - error).abs() < 1e-3, "{error}");
    // After the last convolution the network is linear: HiResCAM adds up to the value less the bias' share.
    let hires = explainer.map(image, target, (Method::HiResCam, Some(case.index("relu2")))).unwrap();
    let bias = case.parameters.get("fc.bias").map_or(0.0, |bias| bias[[1]] - bias[[2]]);
    assert!((hires.values.sum() - (hires.explained - bias)).abs() < 1e-4, "{hires:?}");
    assert_eq!(hires.kind, MapKind::Signed);
    let layer = explainer.map(image, target, (Method::LayerCam, None)).unwrap();
    assert_eq!(layer.layer, Some(class_map_layer(&case.network, Method::LayerCam).unwrap()));
    assert_eq!(layer.values.dim(), (8, 8));
    assert!(layer.values.iter().all(|value| *value >= 0.0));
}

#[test]
fn maps_with_a_channel_off_are_those_of_a_network_that_does_not_read_it() {
    let mut case = case();
    let off = ablation::edits(&case.network, &[(case.index("conv1"), 1)]);
    let image = case.images[2].view();
    let target = Target::versus(0, 3);
    // A channel of zeros and weights of zero for it have the same effect.
    case.parameters.get_mut("conv2.weight").unwrap().index_axis_mut(ndarray::Axis(1), 1).fill(0.0);
    let unread = model(&case.network, &case.parameters);
    let methods = [Method::LayerCam, Method::HiResCam, Method::Gradient, Method::Integrated, Method::Occlusion];
    for method in methods {
        let whole = Explainer::new(&case.model).unwrap().map(image, target, (method, None)).unwrap();
        let found = Explainer::with_channels_set(&case.model, off.clone()).unwrap();
        let found = { found }.map(image, target, (method, None)).unwrap();
        let expected = Explainer::new(&unread).unwrap().map(image, target, (method, None)).unwrap();
        assert!((found.explained - expected.explained).abs() < 1e-5, "{method}");
        let max = expected.values.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let far = |other: &Array2<f32>| (other - &expected.values).iter().fold(0.0_f32, |far, by| far.max(by.abs()));
        assert!(far(&found.values) <= 1e-4 * max, "{method}: {} of {max}", far(&found.values));
        assert!(far(&whole.values) > 1e-2 * max, "{method}: the channel matters");
    }
    let none = deepviz_net::ChannelEdit { channel: 99, value: 0.0 };
    assert!(Explainer::with_channels_set(&case.model, vec![(case.index("conv1"), none)]).is_err());
    let mut trace = case.model.trace_forward().unwrap();
    trace.fix(&off).unwrap();
    let at = case.network.logits();
    trace.forward(&[], at, &[at]).unwrap();
    assert!(trace.edits(case.index("pool1"), &[at]).is_err());
}

#[test]
fn occlusion_is_the_loss_of_the_covered_image() {
    let case = case();
    let mut explainer = Explainer::new(&case.model).unwrap();
    let target = Target::class(3);
    let map = explainer.map(case.images[1].view(), target, (Method::Occlusion, None)).unwrap();
    assert_eq!(map.values.dim(), (8, 8));
    // Cells of 2 pixels, each covered with one more around it; the mean image is 120 all over.
    for (row, column) in [(0, 0), (3, 5), (7, 7)] {
        let mut covered = case.images[1].clone();
        let side = |cell: usize| (2 * cell).saturating_sub(1)..(2 * cell + 3).min(16);
        covered.slice_mut(ndarray::s![.., side(row), side(column)]).fill(120);
        let logits = case.model.forward(&[covered.view()], &[case.network.logits()]).unwrap();
        let loss = map.explained - logits[0][[0, 3]];
        assert!((map.values[[row, column]] - loss).abs() < 1e-4, "{row} {column}");
    }
}

#[test]
fn gradients_past_rectifiers_are_those_of_their_rules() {
    let case = case();
    let (relu2, conv2, logits) = (case.index("relu2"), case.index("conv2"), case.network.logits());
    let mut trace = case.model.trace().unwrap();
    let input = case.model.input_of(case.images[2].view()).unwrap();
    let outputs = trace.forward(&[input.view()], logits, &[relu2]).unwrap();
    let weights = case.parameters.get("fc.weight").unwrap().as_slice().unwrap();
    let row = &weights[..outputs[0].ncols()];
    let seed = ndarray::arr2(&[[1.0, 0.0, 0.0, 0.0]]);
    for rule in [RectifierRule::Derivative, RectifierRule::Guided, RectifierRule::Deconvnet] {
        let backward = Backward { from: logits, rule, wanted: &[relu2, conv2] };
        let found = trace.backward(seed.view(), backward).unwrap();
        for ((&weight, &output), (&at_relu, &at_conv)) in
            row.iter().zip(outputs[0].row(0)).zip(found[0].row(0).iter().zip(found[1].row(0)))
        {
            let active = if output > 0.0 { 1.0 } else { 0.0 };
            let expected = match rule {
                RectifierRule::Derivative => weight * active,
                RectifierRule::Guided => weight.max(0.0) * active,
                RectifierRule::Deconvnet => weight.max(0.0),
            };
            assert_eq!((at_relu, at_conv), (weight, expected), "{rule:?}");
        }
    }
}

#[test]
fn ablation_counts_what_a_forward_pass_with_the_filter_set_gives() {
    let case = case();
    let views = case.views();
    let labels: Vec<u16> = (0..12).map(|image| image % 4).collect();
    let layers = ablation::layers(&case.network);
    assert_eq!(layers, [case.index("conv1"), case.index("conv2")]);
    let of = LabelledImages { images: &views, labels: &labels };
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let atlas = ablation::atlas(&case.model, of, &layers, (&done, &stop)).unwrap().unwrap();
    assert_eq!(done.into_inner(), 24);
    assert_eq!(atlas.images, [3, 3, 3, 3]);
    let at = case.network.logits();
    let base = case.model.forward(&views, &[at]).unwrap();
    let is_right =
        |logits: ndarray::ArrayView1<'_, f32>, label: u16| has_greatest_logit(&logits.to_vec(), usize::from(label));
    for effects in &atlas.layers {
        for channel in 0..effects.means.len() {
            for (value, results) in [(0.0, &effects.zero), (effects.means[channel], &effects.mean)] {
                let edit = deepviz_net::ChannelEdit { channel, value };
                let edits = [(case.network.nonlinearity_of(effects.layer), edit)];
                let found = case.model.forward_edited(&views, &[at], &edits).unwrap();
                for class in 0..4_u16 {
                    let of_class: Vec<usize> = (0..12).filter(|&image| labels[image] == class).collect();
                    let right = |logits: &ndarray::Array2<f32>, image: usize| is_right(logits.row(image), class);
                    let result = results[[channel, usize::from(class)]];
                    let correct = of_class.iter().filter(|&&image| right(&found[0], image)).count();
                    let lost = of_class.iter().filter(|&&i| right(&base[0], i) && !right(&found[0], i)).count();
                    assert_eq!((result.correct as usize, result.lost as usize), (correct, lost));
                    let mean = of_class.iter().map(|&i| found[0][[i, usize::from(class)]]).sum::<f32>() / 3.0;
                    assert!((result.logit - f64::from(mean)).abs() < 1e-4, "{} {mean}", result.logit);
                }
            }
        }
    }
    stop_gives_nothing(&case, of, &layers);
}

fn has_greatest_logit(logits: &[f32], label: usize) -> bool {
    let greatest = logits.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
    greatest.is_some_and(|(class, _)| class == label)
}

fn stop_gives_nothing(case: &Case, of: LabelledImages<'_>, layers: &[usize]) {
    let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(true));
    assert!(ablation::atlas(&case.model, of, layers, (&done, &stop)).unwrap().is_none());
    let few = LabelledImages { labels: &of.labels[1..], ..of };
    let wrong = ablation::atlas(&case.model, few, layers, (&done, &stop));
    assert!(matches!(wrong, Err(Error::Labels { expected: 12, found: 11 })));
}

#[test]
fn going_on_from_a_layer_is_the_same_as_from_the_image() {
    let case = case();
    let views = case.views();
    let (relu1, pool1, at) = (case.index("relu1"), case.index("pool1"), case.network.logits());
    let outputs = case.model.forward(&views, &[pool1]).unwrap();
    let edits = [(pool1, deepviz_net::ChannelEdit { channel: 1, value: 0.25 })];
    for edits in [&edits[..], &[]] {
        let expected = case.model.forward_edited(&views, &[at], edits).unwrap();
        let found = case.model.forward_from((pool1, outputs[0].view()), &[at], edits).unwrap();
        assert_eq!(found, expected);
    }
    let short = outputs[0].slice(ndarray::s![.., 1..]);
    assert!(case.model.forward_from((pool1, short), &[at], &[]).is_err());
    assert!(case.network.is_cut(relu1));
}

#[test]
fn a_dead_filter_is_missed_by_nobody() {
    let mut case = case();
    // Silent everywhere: no weights, and a bias below zero.
    case.parameters.get_mut("conv1.weight").unwrap().index_axis_mut(ndarray::Axis(0), 2).fill(0.0);
    case.parameters.get_mut("conv1.bias").unwrap()[[2]] = -1.0;
    let model = model(&case.network, &case.parameters);
    let views = case.views();
    let labels: Vec<u16> = (0..12).map(|image| image % 4).collect();
    let layers = [case.index("conv1")];
    let of = LabelledImages { images: &views, labels: &labels };
    let counters = (&AtomicUsize::new(0), &AtomicBool::new(false));
    let atlas = ablation::atlas(&model, of, &layers, counters).unwrap().unwrap();
    for class in 0..4 {
        let zero = atlas.layers[0].zero[[2, class]];
        assert_eq!((zero.correct, zero.lost, zero.logit), (atlas.base[class].correct, 0, atlas.base[class].logit));
    }
}

#[test]
fn shuffled_weights_make_other_maps() {
    let case = case();
    let views = case.views();
    let methods = [Method::HiResCam, Method::Occlusion];
    let make = |parameters: &Parameters| Ok(model(&case.network, parameters));
    let tests = randomisation::test(&case.network, &case.parameters, (&views[..4], &methods), &make).unwrap();
    assert_eq!(tests.len(), 2);
    for test in &tests {
        let layers: Vec<usize> = test.steps.iter().map(|step| step.layer).collect();
        assert_eq!(layers, ["fc", "conv2", "conv1"].map(|name| case.index(name)));
        assert!(test.steps.iter().all(|step| step.correlation.abs() < 0.9), "{test:?}");
    }
}

#[test]
fn a_made_picture_excites_its_filter_more_than_any_image() {
    let case = case();
    let views = case.views();
    let spectrum = CorpusSpectrum::new(&case.model, &views).unwrap();
    let mut visualiser = Visualiser::new(&case.model, &spectrum).unwrap();
    let layer = case.index("conv2");
    let starts = [(0, Start::Noise), (3, Start::Image(views[0])), (1, Start::Noise)];
    let found = visualiser.maximise(layer, &starts).unwrap();
    let outputs = case.model.forward(&views, &[layer]).unwrap();
    for ((filter, _), found) in starts.iter().zip(&found) {
        let mean = |image: usize| outputs[0].row(image).iter().skip(filter * 64).take(64).sum::<f32>() / 64.0;
        let best = (0..12).map(mean).fold(f32::NEG_INFINITY, f32::max);
        assert!(found.activation > best, "filter {filter}: {} and {best}", found.activation);
        assert!(found.picture.iter().all(|value| (0.0..=1.0).contains(value)));
    }
    let next = visualiser.maximise(layer, &[(0, Start::Before(&found[0].coefficients))]).unwrap();
    assert!(next[0].activation >= 0.9 * found[0].activation);
}

#[test]
fn an_early_layer_remembers_the_image() {
    let case = case();
    let views = case.views();
    let spectrum = CorpusSpectrum::new(&case.model, &views).unwrap();
    let mut inverter = Inverter::new(&case.model, &spectrum).unwrap();
    let first = inverter.invert(views[0], case.index("relu1"), None).unwrap();
    assert!(first.distance < 0.2, "{}", first.distance);
    let again = inverter.invert(views[0], case.index("relu1"), Some(&first.coefficients)).unwrap();
    assert!(again.distance <= first.distance * 1.1, "{} {}", again.distance, first.distance);
    // Without two of its filters the layer is the image's outputs at the other four.
    let edits = ablation::edits(&case.network, &[(case.index("conv1"), 0), (case.index("conv1"), 3)]);
    let mut without = Inverter::with_channels_set(&case.model, &spectrum, &edits).unwrap();
    let fewer = without.invert(views[0], case.index("relu1"), None).unwrap();
    assert!(fewer.distance < 0.2 && fewer.picture != first.picture, "{}", fewer.distance);
}

#[test]
fn filters_in_the_image_are_the_sums_of_those_below() {
    let case = case();
    let conv2 = case.index("conv2");
    let linear = Arc::new(case.network.linearised(conv2).unwrap());
    let model = model(&linear, &case.parameters);
    let found = expanded(&model, conv2, &[3, 0]).unwrap();
    // Three rows of pooled pixels, each of two, with a pixel on either side.
    assert_eq!(expanded_shape(&linear, conv2), [3, 8, 8]);
    assert_eq!(found.dim(), (2, 3, 8, 8));
    let weights = |name: &str| case.parameters.get(name).unwrap();
    let (first, second) = (weights("conv1.weight"), weights("conv2.weight"));
    for (position, filter) in [(0, 3), (1, 0)] {
        for ((channel, y, x), value) in found.index_axis(ndarray::Axis(0), position).indexed_iter() {
            let mut expected = 0.0_f64;
            // Pooled pixel (py, px) averages outputs 2p and 2p + 1 of conv1, each of which sees three pixels.
            for (py, px, dy, dx) in ndarray::indices((3, 3, 2, 2)) {
                let at = |p: usize, d: usize, to: usize| (to as isize) - (2 * p + d) as isize;
                let (ky, kx) = (at(py, dy, y), at(px, dx, x));
                if (0..3).contains(&ky) && (0..3).contains(&kx) {
                    for middle in 0..6 {
                        let below = first[[middle, channel, ky as usize, kx as usize]];
                        expected += f64::from(second[[filter, middle, py, px]] * below) / 4.0;
                    }
                }
            }
            assert!((f64::from(*value) - expected).abs() < 1e-5, "{filter} {channel} {y} {x}: {value} {expected}");
        }
    }
    // Of the first layer they are its weights.
    let conv1 = case.index("conv1");
    let found = expanded(&model, conv1, &[4]).unwrap();
    for ((_, channel, y, x), value) in found.indexed_iter() {
        assert!((value - first[[4, channel, y, x]]).abs() < 1e-6);
    }
    assert!(matches!(expanded(&model, conv2, &[5]), Err(Error::NoFilter { last: 4, found: 5 })));
}

#[test]
fn normalisations_with_weights_let_their_input_through() {
    let layers = LAYERS.replacen("name = \"relu1\"\ntype = \"relu\"", "name = \"relu1\"\ntype = \"layer_norm\"", 1);
    let recipe = Recipe::parse(&layers, "small", &[]).unwrap();
    let network = Arc::new(Network::new(&recipe, Shape::new(3, 16, 16), 4).unwrap());
    let parameters = Parameters::initial(&network, 3);
    let (conv1, norm) = (network.index_of("conv1").unwrap(), network.index_of("relu1").unwrap());
    let model = model(&Arc::new(network.linearised(norm).unwrap()), &parameters);
    let [below, above] = [conv1, norm].map(|layer| expanded(&model, layer, &[0, 5]).unwrap());
    assert_eq!(below, above);
}

#[test]
fn methods_that_do_not_apply_are_refused_with_a_reason() {
    let case = case();
    let mut explainer = Explainer::new(&case.model).unwrap();
    let image = case.images[0].view();
    let map = |explainer: &mut Explainer<'_>, target, of| explainer.map(image, target, of);
    let beyond = map(&mut explainer, Target::class(4), (Method::Gradient, None));
    assert!(matches!(beyond, Err(Error::Class { last: 3, found: 4 })));
    let same = map(&mut explainer, Target::versus(1, 1), (Method::Gradient, None));
    assert!(matches!(same, Err(Error::SameClass { class: 1 })));
    let flat = map(&mut explainer, Target::class(1), (Method::LayerCam, Some(case.index("fc"))));
    assert!(matches!(flat, Err(Error::LayerWithoutMaps { .. })));
    assert_eq!("grad-cam".parse::<Method>().unwrap_err().to_string().matches("layercam").count(), 1);
    for method in Method::ALL {
        assert_eq!(method.name().parse::<Method>(), Ok(method));
    }
}
