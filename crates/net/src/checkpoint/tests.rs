use super::{Facts, Stamp};
use std::path::Path;

fn facts(entries: &[(&str, Option<f64>)]) -> Facts {
    Facts {
        entries: entries.iter().map(|(name, _)| (*name).to_owned()).collect(),
        numbers: entries.iter().filter_map(|(name, number)| Some(((*name).to_owned(), (*number)?))).collect(),
        is_last_batch: true,
    }
}

fn of(name: &str, facts: &Facts, is_alone: bool) -> (Option<u64>, Option<f64>) {
    let Stamp { step, epoch } = Stamp::of(Path::new(name), facts, is_alone);
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
}
