//! Rules on runs that were made up for them: what they tell, and what they keep to themselves.

use deepviz_corpus::{ClassId, ImageId};
use deepviz_stats::{Example, LabelIssue};

use super::super::counts::Counts;
use super::super::material::{CheckpointMetrics, Examples, LayerChanges, LayerFiring, Material, Phase};
use super::super::sentence::{Picture, Sentence, StoryValue};
use super::RULES;
use crate::runs::health::Health;

const CHECKPOINTS: usize = 21;
const IMAGES: u32 = 1000;

/// Nothing was measured at 21 checkpoints, five of them an epoch.
fn nothing() -> Material {
    let at = |index: usize| CheckpointMetrics {
        step: 10 * index as u64,
        epoch: index as f64 / 5.0,
        ..CheckpointMetrics::default()
    };
    Material {
        classes: ["cat", "dog", "ship"].map(str::to_owned).into(),
        metrics: (0..CHECKPOINTS).map(at).collect(),
        counts: Counts::default(),
        phases: Vec::new(),
        changes: Vec::new(),
        firing: Vec::new(),
        examples: Err("the images are not available".to_owned()),
    }
}

/// Counts of three classes: images of each that are taken for each other one, at every checkpoint.
fn with_counts(wrong: impl Fn(usize) -> [[u32; 3]; 3]) -> Material {
    let read = |position: usize| {
        let mut matrix = ndarray::Array2::from_shape_fn((3, 3), |(a, b)| wrong(position)[a][b]);
        for class in 0..3 {
            matrix[[class, class]] = IMAGES - (matrix.row(class).sum() - matrix[[class, class]]);
        }
        Ok::<_, ()>(Some(matrix))
    };
    Material { counts: Counts::read(&(0..CHECKPOINTS).collect::<Vec<_>>(), read).unwrap(), ..nothing() }
}

fn sentence_of(material: &Material, id: &str) -> Result<Sentence, String> {
    RULES.iter().find(|(name, _)| *name == id).unwrap().1(material)
}

fn number(sentence: &Sentence, name: &str) -> f64 {
    match sentence.values.get(name) {
        Some(StoryValue::Number(number)) => *number,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn without_statistics_every_rule_gives_a_reason() {
    for (id, tell) in RULES {
        let reason = tell(&nothing()).err().unwrap_or_else(|| panic!("{id} tells of nothing"));
        assert!(reason.len() > 10, "{id}: {reason}");
    }
}

#[test]
fn the_first_class_and_the_lowest() {
    // Ships are right from checkpoint 6 on but for one relapse of a single checkpoint, cats never by half.
    let material = with_counts(|c| {
        let ships = if c < 6 {
            900
        } else if c == 12 {
            520
        } else {
            100
        };
        [[0, 600, 0], [if c < 10 { 700 } else { 200 }, 0, 0], [ships, 0, 0]]
    });
    let sentence = sentence_of(&material, "classes").unwrap();
    assert_eq!(sentence.text, "Ship is learned first; cat ends lowest, at 40 %.");
    // The means of five reach one half where three of them are beyond it.
    assert_eq!((sentence.checkpoint, sentence.link.view), (6, "confusion"));
    assert!((number(&sentence, "lowest_recall") - 0.4).abs() < 1e-9);
    assert!(sentence.evidence.contains("at no checkpoint does it stay above half"), "{}", sentence.evidence);
    let Picture::Curves(curves) = &sentence.picture else { panic!("curves") };
    assert_eq!((curves.lines.len(), curves.lines[0].values.len()), (3, CHECKPOINTS));
    // Nothing is first where all are learned from the start, or none ever.
    assert!(sentence_of(&with_counts(|_| [[0, 1, 0]; 3]), "classes").unwrap_err().contains("every class"));
    assert!(
        sentence_of(&with_counts(|_| [[0, 400, 400], [400, 0, 400], [400, 400, 0]]), "classes")
            .unwrap_err()
            .contains("no class")
    );
}

#[test]
fn pairs_that_stay_and_pairs_that_part() {
    let material = with_counts(|c| {
        let parting = 400 - 18 * c as u32;
        [[0, 150, parting], [150, 0, 0], [0, 0, 0]]
    });
    let stays = sentence_of(&material, "pair-stays").unwrap();
    assert_eq!(stays.text, "Cat and dog hardly come apart.");
    assert!(
        stays.evidence.starts_with("15 % of both were mixed up over checkpoints 1 to 5, 15 %"),
        "{}",
        stays.evidence
    );
    assert!(stays.evidence.ends_with("their confusion did not change by more than the spread."), "{}", stays.evidence);
    assert_eq!(stays.link.options["confusion.cell"], "0-1");
    let parts = sentence_of(&material, "pair-parts").unwrap();
    assert_eq!(parts.text, "Cat and ship come apart most.");
    assert!((number(&parts, "before") - 0.173).abs() < 1e-9 && (number(&parts, "after") - 0.038).abs() < 1e-9);
}

#[test]
fn a_pair_that_falls_within_the_spread_does_not_come_apart() {
    let noisy = with_counts(|c| [[0, if c % 2 == 0 { 100 } else { 220 } - c as u32, 0], [0, 0, 0], [0, 0, 0]]);
    assert!(sentence_of(&noisy, "pair-parts").unwrap_err().contains("twice the spread"));
    // It is still the one that is mixed up most; the error is of the same noise.
    assert!(sentence_of(&noisy, "pair-stays").unwrap().text.starts_with("Cat and dog are mixed up most"));
    assert!(sentence_of(&with_counts(|_| [[0, 5, 0]; 3]), "pair-stays").unwrap_err().contains("2.0 %"));
}

fn layer(name: &str, per_epoch: impl Fn(usize) -> f64) -> LayerChanges {
    let checkpoints: Vec<usize> = (1..CHECKPOINTS).collect();
    LayerChanges { layer: name.to_owned(), per_epoch: checkpoints.iter().map(|&c| per_epoch(c)).collect(), checkpoints }
}

#[test]
fn layers_stop_or_do_not() {
    let still = layer("conv2", |c| 0.3 + 0.01 * (c % 3) as f64);
    let mut material = Material { changes: vec![still.clone()], ..nothing() };
    assert_eq!(sentence_of(&material, "layers").unwrap().text, "No layer has stopped changing.");
    material.changes.push(layer("conv1", |c| if c < 14 { 0.5 } else { 0.01 }));
    let sentence = sentence_of(&material, "layers").unwrap();
    assert_eq!(sentence.text, "Conv1 stops changing at epoch 3.0.");
    assert!(sentence.evidence.ends_with("Not yet at the end: conv2."), "{}", sentence.evidence);
    assert_eq!((sentence.link.layer.as_deref(), sentence.checkpoint), (Some("conv1"), 15));
    // One still checkpoint is no stop.
    material.changes = vec![layer("conv1", |c| if c == 14 { 0.01 } else { 0.5 }), still];
    assert_eq!(sentence_of(&material, "layers").unwrap().text, "No layer has stopped changing.");
    material.changes = vec![LayerChanges { per_epoch: vec![0.1; 9], ..layer("conv1", |_| 0.1) }];
    assert!(sentence_of(&material, "layers").unwrap_err().contains("10 checkpoints"));
}

fn with_errors(error: impl Fn(usize) -> f64) -> Material {
    let mut material = with_counts(|_| [[0, 300, 0]; 3]);
    let phase = |first_step: u64, rate: f64| Phase { first_step, epoch: first_step as f64 / 50.0, rate };
    material.phases = vec![phase(0, 0.1), phase(120, 0.01)];
    for (index, at) in material.metrics.iter_mut().enumerate() {
        at.test_error = Some(error(index));
    }
    material
}

#[test]
fn a_drop_of_the_rate_counts_where_the_error_falls_beyond_the_spread() {
    let sentence =
        sentence_of(&with_errors(|c| if c <= 12 { 0.40 + 0.01 * (c % 2) as f64 } else { 0.30 }), "schedule").unwrap();
    assert_eq!(sentence.text, "Cutting the learning rate to a tenth takes 10.4 points off the error.");
    assert_eq!(sentence.checkpoint, 13);
    assert!(sentence.evidence.contains("over checkpoints 8 to 12, before epoch 2.4: 40 %"), "{}", sentence.evidence);
    assert!(
        sentence_of(&with_errors(|c| 0.4 + 0.05 * (c % 2) as f64), "schedule")
            .unwrap_err()
            .contains("more than the spread")
    );
    let mut flat = with_errors(|_| 0.4);
    flat.phases[1].rate = 0.2;
    assert!(sentence_of(&flat, "schedule").unwrap_err().contains("does not drop"));
}

fn with_losses(train: impl Fn(usize) -> f64, test: impl Fn(usize) -> f64) -> Material {
    let mut material = with_counts(|_| [[0, 100, 0]; 3]);
    for (index, at) in material.metrics.iter_mut().enumerate().skip(1) {
        (at.train_loss, at.test_loss) = (Some(train(index)), Some(test(index)));
        (at.train_error, at.test_error) = (Some(train(index) / 4.0), Some(test(index) / 4.0));
    }
    material
}

#[test]
fn overfitting_is_a_test_loss_that_rises_while_the_training_loss_falls() {
    let falling = |c: usize| 2.0 - 0.08 * c as f64;
    let sentence = sentence_of(&with_losses(falling, |c| 1.0 + 0.05 * c.abs_diff(9) as f64), "overfitting").unwrap();
    assert_eq!((sentence.text.as_str(), sentence.checkpoint), ("The network overfits from checkpoint 9 on.", 9));
    let sentence = sentence_of(&with_losses(falling, |c| falling(c) + 0.4), "overfitting").unwrap();
    assert_eq!(sentence.text, "The test error ends 10.0 points above the training error.");
    assert!(sentence_of(&with_losses(falling, falling), "overfitting").unwrap_err().contains("within the spread"));
    // Both rise: the network is getting worse, not learning by heart.
    let rising = |c: usize| 1.0 + 0.05 * c.abs_diff(9) as f64;
    assert!(sentence_of(&with_losses(rising, rising), "overfitting").is_err());
}

fn with_units(is_dead: impl Fn(usize, usize) -> bool) -> Material {
    let checkpoints: Vec<usize> = (0..CHECKPOINTS).collect();
    let row = |c: usize| (0..6).map(|unit| if is_dead(c, unit) { 0.0 } else { 0.005 + 0.1 * unit as f32 }).collect();
    let firing = LayerFiring {
        layer: "fc6".to_owned(),
        is_flat: true,
        shares: checkpoints.iter().map(|&c| row(c)).collect(),
        checkpoints,
    };
    Material { firing: vec![firing], ..nothing() }
}

#[test]
fn dead_units_are_reported_with_their_duration() {
    let sentence = sentence_of(&with_units(|c, unit| unit == 2 && c < 14 || unit == 4 && c == 3), "units").unwrap();
    assert_eq!(sentence.text, "Unit 2 of fc6 is dead for its first 14 checkpoints.");
    assert!(sentence.evidence.starts_with("2 of its 6 units are dead at some checkpoint, none at the end."));
    assert_eq!(sentence.link.options["training.unit"], "2");
    let Picture::Units(units) = &sentence.picture else { panic!("units") };
    assert_eq!((units.units[0].unit, units.units[1].unit), (2, 4));
    assert_eq!(units.units[0].states[13..16], [Health::Dead, Health::Revived, Health::Alive]);
    let gone = sentence_of(&with_units(|c, unit| unit < 2 && c > 7), "units").unwrap();
    assert_eq!(gone.text, "2 of 6 units of fc6 are dead at the end.");
    assert!(sentence_of(&with_units(|c, unit| unit == 2 && c < 2), "units").unwrap_err().contains("3 checkpoints"));
}

fn with_images(forgotten: u32, doubt: f32) -> Material {
    let example = |image: u32| Example {
        image: ImageId(image),
        learned: (image != 12).then_some(deepviz_net::Step(10)),
        forgotten: if image == 11 { forgotten } else { 0 },
        flips: 0,
        right: 5,
        predicted: 1,
        final_margin: 0.0,
        mean_margin: 0.0,
        late_margin: 0.0,
        agreement: 1.0,
    };
    let issue = LabelIssue {
        image: ImageId(12),
        label: ClassId(0),
        predicted: ClassId(2),
        score: 0.7,
        doubt,
        agreement: 1.0,
        confusion: 0.1,
    };
    let history = vec![(0, vec![0.1, 0.2, 0.7]), (1, vec![0.8, 0.1, 0.1])];
    let examples = Examples {
        checkpoints: vec![0, 1],
        items: (10..14).map(example).collect(),
        labels: [1, 1, 0, 1].map(ClassId).into(),
        issues: vec![issue],
        histories: [(11, history.clone()), (12, history)].into(),
    };
    Material { examples: Ok(examples), ..nothing() }
}

#[test]
fn images_that_are_lost_and_labels_in_doubt() {
    let material = with_images(4, 0.8);
    let lost = sentence_of(&material, "forgetting").unwrap();
    assert_eq!(lost.text, "One image labelled dog is learned and lost 4 times.");
    assert!(
        lost.evidence.ends_with(
            "2 of 4 images stay correct from the first time on; 1 are never correct, 1 of them labelled cat."
        ),
        "{}",
        lost.evidence
    );
    let Picture::Image(image) = &lost.picture else { panic!("an image") };
    assert_eq!((image.image, image.predicted.as_slice()), (11, [2, 0].as_slice()));
    let doubt = sentence_of(&material, "labels").unwrap();
    assert_eq!(doubt.text, "1 label is in doubt; the first to look at: ship, labelled cat.");
    assert_eq!((doubt.link.image, doubt.link.options["confusion.panel"].as_str()), (Some(12), "suspects"));
    let little = with_images(2, 0.4);
    assert!(sentence_of(&little, "forgetting").is_err() && sentence_of(&little, "labels").is_err());
}
