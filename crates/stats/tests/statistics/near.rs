//! The images nearest to one, against the outputs that the store gives.

use deepviz_corpus::{ImageId, Split};
use deepviz_fixtures::TinyRun;
use deepviz_net::Step;
use deepviz_stats::{NearImage, NearQuery, Store, predicted, softmax};

const SPLITS: [Split; 2] = [Split::Train, Split::Test];

fn query(image: u32, split: Split) -> NearQuery {
    NearQuery { step: Step(12), image: ImageId(image), split, limit: 20 }
}

#[test]
fn near_images_are_those_whose_outputs_are() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    let range = |split| fixture.corpus.range(split);
    for (own, other) in SPLITS.into_iter().flat_map(|own| SPLITS.map(|other| (own, other))) {
        let logits = |split| store.logits(Step(12), split).unwrap().unwrap();
        let (point, outputs) = (logits(own), logits(other));
        for image in range(own).step_by(17) {
            let point = point.row((image - range(own).start) as usize);
            let mut expected: Vec<NearImage> = range(other)
                .zip(outputs.rows())
                .filter(|(id, _)| *id != image)
                .map(|(id, row)| NearImage {
                    image: ImageId(id),
                    predicted: deepviz_corpus::ClassId(predicted(row) as u16),
                    probability: softmax(row)[predicted(row)],
                    distance: row.iter().zip(point).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt() as f32,
                })
                .collect();
            expected.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            let found = store.near(&query(image, other)).unwrap().unwrap();
            assert_eq!(found.len(), 20);
            assert!(found.is_sorted_by(|a, b| (a.distance, a.image) < (b.distance, b.image)), "{found:?}");
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!((found.image, found.predicted), (expected.image, expected.predicted));
                assert_eq!(found.probability.to_bits(), expected.probability.to_bits());
                assert!((found.distance - expected.distance).abs() <= 1e-5 * expected.distance, "{found:?}");
            }
        }
    }
}

#[test]
fn without_outputs_nothing_is_found() {
    let fixture = TinyRun::with_snapshots(&[12, 18]);
    fixture.compute_with(|job| job.splits = vec![Split::Test], &mut ());
    let store = Store::open(&fixture.path()).unwrap();
    assert_eq!(store.near(&query(3, Split::Train)).unwrap(), None, "neither the image's nor the others'");
    assert_eq!(store.near(&query(3, Split::Test)).unwrap(), None, "not the image's");
    assert_eq!(store.near(&query(350, Split::Train)).unwrap(), None, "not the others'");
    assert_eq!(store.near(&NearQuery { step: Step(6), ..query(350, Split::Test) }).unwrap(), None);
    assert_eq!(store.near(&NearQuery { limit: 1000, ..query(350, Split::Test) }).unwrap().unwrap().len(), 99);
}

/// A network that diverged says nothing that is near to anything.
#[test]
fn a_diverged_network_has_no_near_images() {
    let fixture = TinyRun::new();
    let mut parameters = fixture.parameters(12, 1);
    for (_, array) in parameters.iter_mut() {
        array.fill(f32::NAN);
    }
    fixture.write_parameters(12, parameters);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    for split in SPLITS {
        assert!(store.near(&query(350, split)).unwrap().is_none_or(|found| found.is_empty()), "{split}");
    }
}
