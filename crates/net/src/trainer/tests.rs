//! Training on the CPU, step by step; the tests of GPUs are those of whole runs.

use super::*;
use crate::network::Network;
use crate::ops::{Dense, Learning, Softmax};
use crate::optimiser::Rates;
use crate::parameters::Parameters;
use crate::recipe::Recipe;
use crate::{Init, Shape};
use ndarray::Array3;
use std::sync::Arc;

const RECIPE: &str = r#"
    [data]
    mean = "none"
    [[layer]]
    name = "fc"
    type = "full"
    outputs = 3
    [[layer]]
    name = "probs"
    type = "softmax"
    [train]
    optimiser = "adamw"
    stages = [{ epochs = 1, rate = 0.1 }]
"#;

fn images() -> Vec<Array3<u8>> {
    (0..4).map(|id| Array3::from_shape_fn((1, 2, 2), |(_, y, x)| (40 * id + 9 * y + 3 * x) as u8)).collect()
}

fn views_of(images: &[Array3<u8>]) -> Vec<ArrayView3<'_, u8>> {
    images.iter().map(Array3::view).collect()
}

fn initial(train: &TrainingSpec) -> InitialState {
    let network = Network::builder(Shape::new(1, 2, 2))
        .layer("fc", Dense::new(3, Learning::from_init(Init::He)), &["data"])
        .layer("probs", Softmax, &["fc"])
        .build()
        .unwrap();
    let state = TrainingState {
        parameters: Parameters::initial(&network, 1),
        optimiser: Parameters::optimiser_state(&network, train.optimiser.kind),
    };
    let mut preprocess = network.preprocess(Some(Array3::zeros((1, 2, 2))), None);
    // Small enough that no class is certain.
    preprocess.scale = 0.01;
    InitialState { network: Arc::new(network), preprocess: Arc::new(preprocess), state }
}

fn train() -> TrainingSpec {
    Recipe::parse(RECIPE, "small.toml", &[]).unwrap().train.unwrap()
}

fn trainer(initial: InitialState, images: &[Array3<u8>]) -> Trainer {
    let device = Device::cpu(Some(1), None).unwrap();
    Trainer::new(&device, &train(), initial, &views_of(images)).unwrap()
}

fn step<'a>(images: &'a [ArrayView3<'a, u8>], views: &'a [View]) -> TrainingStep<'a> {
    let rates = Rates { weight: 0.1, bias: 0.1 };
    TrainingStep { ids: &[3, 1], images, labels: &[0, 2], views, noise: 1, rates, epoch: 0.0, number: 1 }
}

#[test]
fn results_come_once_and_in_order_and_copies_are_of_that_moment() {
    let pixels = images();
    let initial = initial(&train());
    let start = initial.state.clone();
    let mut trainer = trainer(initial, &pixels);
    assert_eq!(trainer.poll(), None);
    let batch = [pixels[3].view(), pixels[1].view()];
    let views = [View::at(0, 0); 2];
    trainer.step(&step(&batch, &views)).unwrap();
    let StateCopy::Ready(after_one) = trainer.copy_out().unwrap() else { panic!("not at hand") };
    trainer.step(&TrainingStep { number: 2, ..step(&batch, &views) }).unwrap();
    trainer.finish().unwrap();
    let (first, second) = (trainer.poll().unwrap(), trainer.poll().unwrap());
    assert!(second.loss_sum < first.loss_sum, "{first:?} {second:?}");
    assert_eq!(trainer.poll(), None);
    let StateCopy::Ready(after_two) = trainer.copy_out().unwrap() else { panic!("not at hand") };
    assert_ne!(start.parameters, after_one.parameters);
    assert_ne!(after_one.parameters, after_two.parameters);
    assert_ne!(after_one.optimiser, after_two.optimiser);
    let names = |parameters: &Parameters| parameters.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&after_two.optimiser), names(&start.optimiser));
}

#[test]
fn probabilities_are_those_of_the_present_weights() {
    let pixels = images();
    let initial = initial(&train());
    let (network, preprocess) = (Arc::clone(&initial.network), Arc::clone(&initial.preprocess));
    let mut trainer = trainer(initial, &pixels);
    let batch = [pixels[3].view(), pixels[1].view()];
    let views = [View::at(0, 0); 2];
    let before = trainer.evaluator().unwrap().probabilities(&batch, &views).unwrap();
    assert_eq!(before.dim(), (2, 3));
    trainer.step(&step(&batch, &views)).unwrap();
    let after = trainer.evaluator().unwrap().probabilities(&batch, &views).unwrap();
    assert_ne!(after, before);
    let state = trainer.copy_out().unwrap().wait().unwrap();
    let device = Device::cpu(Some(1), None).unwrap();
    let output = [network.output()];
    let model = Model::new(network, preprocess, &state.parameters, &device).unwrap();
    assert_eq!(after, model.forward_views(&batch, &views, &output).unwrap()[0]);
}

#[test]
fn a_loss_that_is_not_finite_leaves_the_weights() {
    let pixels = images();
    let mut initial = initial(&train());
    initial.state.parameters.get_mut("fc.bias").unwrap()[[1]] = f32::NAN;
    let mut trainer = trainer(initial.clone(), &pixels);
    let batch = [pixels[3].view(), pixels[1].view()];
    trainer.step(&step(&batch, &[View::at(0, 0); 2])).unwrap();
    assert!(!trainer.poll().unwrap().loss_sum.is_finite());
    let StateCopy::Ready(after) = trainer.copy_out().unwrap() else { panic!("not at hand") };
    assert_eq!(after.optimiser, initial.state.optimiser);
    assert_eq!(after.parameters.get("fc.weight"), initial.state.parameters.get("fc.weight"));
}

#[test]
fn a_minibatch_that_does_not_fit_is_refused() {
    let pixels = images();
    let mut trainer = trainer(initial(&train()), &pixels);
    let batch = [pixels[3].view(), pixels[1].view()];
    let views = [View::at(0, 0); 2];
    let good = step(&batch, &views);
    let mut message = |step: TrainingStep<'_>| trainer.step(&step).unwrap_err().to_string();
    let unknown = message(TrainingStep { ids: &[3, 4], ..good });
    assert!(unknown.contains("a number below 4") && unknown.contains("found 4"), "{unknown}");
    assert!(message(TrainingStep { images: &batch[..1], ..good }).contains("images of a step"));
    assert!(message(TrainingStep { labels: &[0], ..good }).contains("labels of a step"));
    assert!(message(TrainingStep { views: &views[..1], ..good }).contains("views of a step"));
    assert_eq!(trainer.poll(), None);
}

#[test]
fn a_state_of_another_network_is_refused() {
    let device = Device::cpu(Some(1), None).unwrap();
    let mut initial = initial(&train());
    initial.state.optimiser = Parameters::default();
    let error = Trainer::new(&device, &train(), initial, &[]).unwrap_err().to_string();
    assert!(error.contains("fc.weight.exp_avg"), "{error}");
}
