use super::optimiser::has_updates;
use super::{Facts, Stamp};
use pytorch_reader::PickleValue;
use std::path::Path;

fn facts(entries: &[(&str, Option<f64>)]) -> Facts {
    Facts {
        entries: entries.iter().map(|(name, _)| (*name).to_owned()).collect(),
        numbers: entries.iter().filter_map(|(name, number)| Some(((*name).to_owned(), (*number)?))).collect(),
        is_last_batch: true,
        has_updates: false,
    }
}

fn of(name: &str, facts: &Facts, is_alone: bool) -> (Option<u64>, Option<f64>) {
    let Stamp { step, epoch, .. } = Stamp::of(Path::new(name), facts, is_alone);
    (step, epoch)
}

/// The cases of the Python package's tests.
#[test]
fn names_say_steps_and_epochs() {
    let nothing = Facts::default();
    for (name, expected) in [
        ("model_12.pt", (Some(12), None)),
        ("model_ep12.pth", (None, Some(12.0))),
        ("epoch=3-step=400.ckpt", (Some(400), Some(3.0))),
        ("Epoch_007.pt", (None, Some(7.0))),
        ("global_step1000.pt", (Some(1000), None)),
        ("checkpoint-12.pth.tar", (Some(12), None)),
        ("iter_500.pt", (Some(500), None)),
        ("resnet18_acc0.93_5.pt", (Some(5), None)),
        ("model12.pt", (Some(12), None)),
        ("last.pt", (None, None)),
        ("prestep.pt", (None, None)),
    ] {
        assert_eq!(of(name, &nothing, false), expected, "{name}");
    }
    assert_eq!(of("resnet18.pt", &nothing, true), (None, None));
    assert_eq!(of("model_12.pt", &nothing, true), (Some(12), None));
}

#[test]
fn the_content_goes_before_the_name() {
    let both = facts(&[("global_step", Some(40.0)), ("epoch", Some(2.0))]);
    assert_eq!(of("model_7.pt", &both, false), (Some(40), Some(2.0)));
    // A bare number beside an epoch may be that epoch.
    assert_eq!(of("model_7.pt", &facts(&[("epoch", Some(6.0))]), false), (None, Some(6.0)));
    assert_eq!(of("model_7.pt", &facts(&[("epoch", Some(-1.0)), ("step", Some(0.5))]), false), (Some(7), None));
}

/// Some programs write the number of the epoch that has ended, from 0.
#[test]
fn epochs_are_counted_as_each_program_counts_them() {
    let of = |entries: &[(&str, Option<f64>)]| of("last", &facts(entries), false).1;
    assert_eq!(of(&[("epoch", Some(4.0)), ("arch", None), ("version", Some(2.0))]), Some(5.0));
    assert_eq!(of(&[("epoch", Some(4.0)), ("arch", None), ("version", Some(1.0))]), Some(4.0));
    let torchvision = [("model", None), ("optimizer", None), ("lr_scheduler", None), ("args", None)];
    assert_eq!(of(&[&torchvision[..], &[("epoch", Some(4.0))]].concat()), Some(5.0));
    let lightning = [("pytorch-lightning_version", None), ("epoch", Some(4.0))];
    assert_eq!(of(&lightning), Some(5.0));
    let within = Facts { is_last_batch: false, ..facts(&lightning) };
    assert_eq!(Stamp::of(Path::new("last"), &within, false).epoch, Some(4.0));
    assert!(Stamp::of(Path::new("last"), &within, false).is_count);
}

#[test]
fn an_optimiser_says_that_weights_of_epoch_0_are_trained() {
    let of = |entries: &[(&str, Option<f64>)], has_updates: bool| {
        Stamp::of(Path::new("last"), &Facts { has_updates, ..facts(entries) }, false)
    };
    let epoch = [("epoch", Some(0.0))];
    assert_eq!(of(&epoch, true), Stamp { step: None, epoch: Some(0.0), has_updates: true, is_count: false });
    assert_eq!(of(&epoch, false), Stamp { step: None, epoch: Some(0.0), has_updates: false, is_count: false });
    // A step may be of the middle of epoch 0.
    let both = [("epoch", Some(0.0)), ("step", Some(7.0))];
    assert_eq!(of(&both, true), Stamp { step: Some(7), epoch: Some(0.0), has_updates: false, is_count: false });
}

/// Adam has kept a state after its update; Adagrad has one from the start, with a step of 0.
#[test]
fn states_of_optimisers_are_told_from_those_of_untrained_ones() {
    let state = |step: Option<f64>| {
        let values = step.map(|step| ("step".to_owned(), PickleValue::Float(step)));
        PickleValue::Dict(values.into_iter().chain([("sum".to_owned(), PickleValue::Int(0))]).collect())
    };
    let optimiser = |states: Vec<PickleValue>| {
        let states = states.into_iter().enumerate().map(|(index, state)| (index.to_string(), state));
        PickleValue::Dict([("state".to_owned(), PickleValue::Dict(states.collect()))].into())
    };
    let found = |key: &str, value: PickleValue| {
        has_updates(&[(key.to_owned(), value)].into(), &std::collections::HashMap::new())
    };
    assert!(found("optimizer", optimiser(vec![state(Some(3.0))])));
    assert!(found("optim", optimiser(vec![state(None)])));
    assert!(!found("optimizer", optimiser(vec![state(Some(0.0))])));
    assert!(!found("optimizer", optimiser(vec![])));
    assert!(!found("model", optimiser(vec![state(None)])));
    let list = PickleValue::List(vec![optimiser(vec![]), optimiser(vec![state(Some(1.0))])]);
    assert!(found("optimizer_states", list));
}
