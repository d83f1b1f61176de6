//! Captions and slices of tables that are written down here.

use super::*;
use deepviz_corpus::ImageId;
use ndarray::Array2;

/// Images whose background is dark in the first half, with names and classes as they are given.
fn table(images: usize, words: Vec<Word>, class_of: impl Fn(usize) -> u16) -> ImageTable {
    let jitter = |row: usize| (row * 7 % 10) as f32 / 100.0;
    let properties = Array2::from_shape_fn((images, Property::ALL.len()), |(row, column)| {
        let half = if row < images / 2 { 0.2 } else { 0.6 };
        match Property::ALL[column] {
            Property::Background | Property::Brightness => half + jitter(row),
            // Says nothing: the same in both halves.
            Property::Contrast => jitter(row),
            Property::Across if row % 2 == 0 => jitter(row),
            Property::Edges => 0.5,
            _ => f32::NAN,
        }
    });
    let mut correlations = Array2::zeros((Property::ALL.len(), Property::ALL.len()));
    correlations[[Property::Brightness.column(), Property::Background.column()]] = 1.0;
    let means = properties
        .columns()
        .into_iter()
        .map(|column| {
            let known: Vec<f64> =
                column.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value)).collect();
            known.iter().sum::<f64>() / known.len().max(1) as f64
        })
        .collect();
    ImageTable {
        images: (0..images as u32).map(ImageId).collect(),
        properties,
        means,
        correlations,
        words,
        classes: (0..images).map(class_of).collect(),
        class_count: 2,
    }
}

fn word(text: &str, images: impl Iterator<Item = u32>) -> Word {
    Word { text: text.to_owned(), images: images.collect() }
}

#[test]
fn what_sets_a_cluster_apart_is_found_and_nothing_else() {
    let words = vec![word("large", 0..30), word("even", (0..100).step_by(2))];
    let table = table(100, words, |row| u16::from(row >= 90));
    // Cluster 0: the dark half.
    let clusters: Vec<u16> = (0..100).map(|row| u16::from(row >= 50)).collect();
    let found = captions(&table, &clusters, 0..2, Against::Rest);
    assert_eq!((found[0].images, found[0].class), ([50, 50], None));
    let subjects: Vec<_> = found[0].captions.iter().map(|one| (one.subject, one.repeats)).collect();
    assert_eq!(
        subjects,
        [
            (Subject::Property(Property::Brightness), None),
            (Subject::Property(Property::Background), Some(0)),
            (Subject::Word(0), None),
            // All of it, and 40 of the 50 others.
            (Subject::Class(0), None),
        ]
    );
    let [dark, _, large, _] = &found[0].captions[..] else { unreachable!() };
    assert!((dark.inside - 0.245).abs() < 1e-6 && (dark.outside - 0.645).abs() < 1e-6, "{dark:?}");
    assert!(dark.effect.size < -10.0 && dark.effect.interval[1] < 0.0, "{dark:?}");
    assert_eq!((large.inside, large.outside, large.images), (0.6, 0.0, [50, 50]));
    // The other half is the mirror image, and of the class that it has more of.
    let other: Vec<_> = found[1].captions.iter().map(|one| one.subject).collect();
    assert!(other.contains(&Subject::Class(1)) && !other.contains(&Subject::Class(0)), "{other:?}");
    assert!((found[1].captions[0].effect.size + dark.effect.size).abs() < 1e-9);
}

#[test]
fn within_a_class_only_its_images_are_compared() {
    // Class 1 is in the light half only, and all of the light half that is not in the cluster is class 1.
    let table = table(80, vec![word("word", 0..20)], |row| u16::from(row >= 60));
    let clusters: Vec<u16> = (0..80).map(|row| u16::from(row >= 40)).collect();
    let found = captions(&table, &clusters, 0..2, Against::Class);
    // Cluster 0 is of class 0: 40 images against the 20 light ones of that class.
    assert_eq!((found[0].class, found[0].images), (Some(0), [40, 20]));
    assert_eq!(found[0].captions[0].images, [40, 20]);
    assert!(found[0].captions.iter().all(|one| !matches!(one.subject, Subject::Class(_))));
    // Cluster 1 holds 20 of either class; the first of equals counts.
    assert_eq!((found[1].class, found[1].images), (Some(0), [20, 40]));
}

#[test]
fn few_images_have_no_captions() {
    let table = table(100, Vec::new(), |_| 0);
    let clusters: Vec<u16> = (0..100).map(|row| u16::from(row >= 4)).collect();
    let found = captions(&table, &clusters, 0..3, Against::Rest);
    assert_eq!((found[0].images, found[0].captions.len()), ([4, 96], 0));
    assert_eq!((found[2].images, found[2].captions.len()), ([0, 100], 0));
}

#[test]
fn sets_that_overlap_are_correlated() {
    assert!((phi(&[0, 1, 2], &[0, 1, 2], 10) - 1.0).abs() < 1e-9);
    assert!((phi(&[0, 1, 2], &[3, 4, 5, 6, 7, 8, 9], 10) + 1.0).abs() < 1e-9);
    // 2 of 4 in both, of 8: independent.
    assert!(phi(&[0, 1, 2, 3], &[2, 3, 4, 5], 8).abs() < 1e-9);
    assert!(phi(&[], &[1], 8).abs() < 1e-9);
}

#[test]
fn a_slice_has_the_errors_of_its_images() {
    let table = table(100, vec![word("large", 0..30)], |row| u16::from(row % 2 == 1));
    // Wrong: the first 20 of the dark half, the first 5 of the light one.
    let is_wrong: Vec<bool> = (0..100).map(|row| row < 20 || (50..55).contains(&row)).collect();
    let dark = slice(&table, &Condition::Property(Property::Background, Side::Below, 0.45), &is_wrong);
    assert_eq!((dark.rows[0].len(), dark.rows[1].len(), dark.rows[1][0], dark.undefined), (50, 50, 50, 0));
    assert_eq!(dark.errors, [Share { count: 20, of: 50 }, Share { count: 5, of: 50 }]);
    let Difference { value, interval } = dark.difference.unwrap();
    assert!((value - 0.3).abs() < 1e-12 && interval[0] > 0.0 && interval[1] > 0.3);
    // Both classes have it alike: 10 of 25 against 3 of 25, and 10 of 25 against 2 of 25.
    let Difference { value, interval } = dark.within_classes.unwrap();
    assert!((value - 0.3).abs() < 1e-12 && interval[0] > 0.1 && interval[1] < 0.5, "{interval:?}");
    let light = slice(&table, &Condition::Property(Property::Background, Side::Above, 0.45), &is_wrong);
    assert!((light.difference.unwrap().value + 0.3).abs() < 1e-12);
    let named = slice(&table, &Condition::Word("large".to_owned(), Side::Above), &is_wrong);
    assert_eq!(named.errors[0], Share { count: 20, of: 30 });
    // Defined for every second image only.
    let across = slice(&table, &Condition::Property(Property::Across, Side::Above, -1.0), &is_wrong);
    assert_eq!((across.rows[0].len(), across.undefined, across.difference), (50, 50, None));
    let unnamed = slice(&table, &Condition::Word("large".to_owned(), Side::Below), &is_wrong);
    assert_eq!(unnamed.errors[0], Share { count: 5, of: 70 });
    let unknown = slice(&table, &Condition::Word("small".to_owned(), Side::Above), &is_wrong);
    assert_eq!((unknown.rows[0].len(), unknown.undefined), (0, 100));
}

#[test]
fn a_slice_of_a_hard_class_has_no_difference_within_classes() {
    // Class 1 is wrong in every second case wherever it is; the slice holds most of it.
    let mut table = table(80, vec![word("hard", (0..30).chain(40..50))], |row| u16::from(row < 40));
    let is_wrong: Vec<bool> = (0..80).map(|row| row < 40 && row % 2 == 0).collect();
    let found = slice(&table, &Condition::Word("hard".to_owned(), Side::Above), &is_wrong);
    let difference = found.difference.unwrap();
    assert!(difference.value > 0.2 && difference.interval[0] > 0.0, "{found:?}");
    let Difference { value, interval } = found.within_classes.unwrap();
    assert!(value.abs() < 1e-12 && interval[0] < 0.0 && interval[1] > 0.0);
    // No class on both sides: nothing to compare.
    table.words = vec![word("hard", 0..40)];
    let found = slice(&table, &Condition::Class(1, Side::Above), &is_wrong);
    assert_eq!((found.difference.map(|found| found.value), found.within_classes), (Some(0.5), None));
}

#[test]
fn the_difference_within_classes_is_that_of_mantel_and_haenszel() {
    let of = |count: usize, of: usize| Share { count, of };
    // Weights 10 * 20 / 30 and 30 * 10 / 40; differences 0.4 and 0.1.
    let found = within_classes(&[[of(6, 10), of(4, 20)], [of(6, 30), of(1, 10)], [of(3, 9), of(0, 0)]]).unwrap();
    let (first, second) = (20.0 / 3.0, 7.5);
    assert!((found.value - (first * 0.4 + second * 0.1) / (first + second)).abs() < 1e-12);
    let part = |a: f64, n1: f64, c: f64, n0: f64| {
        let n = n1 + n0;
        (a * (n1 - a) * n0.powi(3) + c * (n0 - c) * n1.powi(3)) / (n1 * n0 * n * n)
    };
    let variance = (part(6.0, 10.0, 4.0, 20.0) + part(6.0, 30.0, 1.0, 10.0)) / (first + second).powi(2);
    assert!((found.interval[1] - found.value - TWO_SIDED_95 * variance.sqrt()).abs() < 1e-12);
}
