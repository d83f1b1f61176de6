//! Statistics of a small run, checked against the network itself.

use std::collections::BTreeMap;

use deepviz_corpus::{ClassId, ImageId, Split};
use deepviz_fixtures::{TinyRun, device};
use deepviz_net::{Model, Step};
use deepviz_stats::{CellQuery, Error, Event, Job, Metric, Observer, State, Store, compute, predicted, softmax};
use ndarray::{Array2, ArrayView1};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const SPLITS: [Split; 2] = [Split::Train, Split::Test];

fn logits_by_hand(fixture: &TinyRun, step: u64, split: Split) -> Array2<f32> {
    let snapshot = fixture.run().snapshot(Step(step)).unwrap();
    let model = Model::from_snapshot(Arc::clone(&fixture.network), &snapshot, &device()).unwrap();
    let images: Vec<_> = fixture.corpus.range(split).map(|id| fixture.corpus.pixels(ImageId(id)).unwrap()).collect();
    model.forward(&images, &[fixture.network.logits()]).unwrap().remove(0)
}

/// Probabilities within 1e-4, and the same class.
fn assert_same_prediction(found: ArrayView1<'_, f32>, expected: ArrayView1<'_, f32>) {
    assert_eq!(predicted(found), predicted(expected));
    for (p, q) in softmax(found).into_iter().zip(softmax(expected)) {
        assert!((p - q).abs() <= 1e-4, "{p} {q}");
    }
}

fn assert_close(found: &Array2<f32>, expected: &Array2<f32>) {
    assert_eq!(found.dim(), expected.dim());
    for (found, expected) in found.rows().into_iter().zip(expected.rows()) {
        assert_same_prediction(found, expected);
    }
}

#[test]
fn outputs_confusion_and_histories_are_those_of_the_network() {
    let fixture = TinyRun::with_snapshots(&[0, 12, 24]);
    let summary = fixture.compute();
    assert_eq!((summary.computed, summary.failed, summary.stopped), (6, 0, false));
    assert_eq!(summary.images, 3 * 400);
    let store = Store::open(&fixture.path()).unwrap();
    for split in SPLITS {
        let range = fixture.corpus.range(split);
        for step in [0, 12, 24] {
            let expected = logits_by_hand(&fixture, step, split);
            assert_close(&store.logits(Step(step), split).unwrap().unwrap(), &expected);
            let confusion = store.confusion(Step(step), split).unwrap().unwrap();
            let mut counts = Array2::<u32>::zeros((10, 10));
            for (id, row) in range.clone().zip(expected.rows()) {
                let label = fixture.corpus.label(ImageId(id)).unwrap();
                counts[[usize::from(label.0), predicted(row)]] += 1;
                let history = store.history(ImageId(id)).unwrap();
                assert_eq!(history.len(), 3);
                let (_, logits) = history.iter().find(|(at, _)| at.0 == step).unwrap();
                assert_same_prediction(ArrayView1::from(logits), row);
            }
            assert_eq!(confusion.counts, counts);
        }
        let steps: Vec<u64> = store.confusions(split).unwrap().iter().map(|(step, _)| step.0).collect();
        assert_eq!(steps, [0, 12, 24]);
    }
    assert!(store.history(ImageId(400)).unwrap().is_empty(), "no such image");
    assert!(store.logits(Step(6), Split::Test).unwrap().is_none(), "no such checkpoint");
}

#[test]
fn the_pages_of_every_cell_together_are_its_images_in_order_of_confidence() {
    let fixture = TinyRun::with_snapshots(&[24]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    for split in SPLITS {
        let logits = logits_by_hand(&fixture, 24, split);
        let mut cells: BTreeMap<(u16, u16), Vec<(f32, u32)>> = BTreeMap::new();
        for (id, row) in fixture.corpus.range(split).zip(logits.rows()) {
            let (label, guess) = (fixture.corpus.label(ImageId(id)).unwrap().0, predicted(row));
            cells.entry((label, guess as u16)).or_default().push((softmax(row)[guess], id));
        }
        for (truth, guess) in (0..10).flat_map(|t| (0..10).map(move |p| (t, p))) {
            let mut expected = cells.remove(&(truth, guess)).unwrap_or_default();
            expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let mut found = Vec::new();
            for offset in (0..).step_by(7) {
                let (true_class, predicted) = (ClassId(truth), ClassId(guess));
                let query = CellQuery { step: Step(24), split, true_class, predicted, offset, limit: 7 };
                let page = store.cell(&query).unwrap().unwrap();
                assert_eq!(page.total, expected.len());
                if page.items.is_empty() {
                    break;
                }
                found.extend(page.items.into_iter().map(|(id, probability)| (probability, id.0)));
            }
            let ids = |cell: &[(f32, u32)]| cell.iter().map(|(_, id)| *id).collect::<Vec<_>>();
            assert_eq!(ids(&found), ids(&expected), "cell ({truth}, {guess})");
            assert!(found.iter().zip(&expected).all(|(a, b)| (a.0 - b.0).abs() < 1e-5));
        }
    }
}

#[test]
fn clusters_count_every_image_once_and_continue_the_ones_before() {
    let fixture = TinyRun::with_snapshots(&[0, 12, 18]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    let labels = fixture.corpus.labels();
    for (layer, metric, dimensions) in [("relu2", Metric::Cosine, 16), ("fc10", Metric::Euclidean, 10)] {
        for split in SPLITS {
            let range = fixture.corpus.range(split);
            for step in [0, 12, 18] {
                let set = store.clusters(Step(step), split, layer, metric).unwrap().unwrap();
                assert_eq!(set.centres.dim(), (8, dimensions));
                let assignments = store.cluster_assignments(Step(step), split, layer, metric).unwrap().unwrap();
                let mut mix = Array2::<u32>::zeros((8, 10));
                for (id, &cluster) in range.clone().zip(&assignments) {
                    mix[[usize::from(cluster), usize::from(labels[id as usize].0)]] += 1;
                }
                assert_eq!(set.mix, mix);
                for ((cluster, nearest), size) in (0..).zip(&set.nearest).zip(set.sizes()) {
                    assert_eq!(nearest.len(), 5.min(size as usize));
                    assert!(nearest.is_sorted_by(|a, b| a.distance <= b.distance));
                    assert!(nearest.iter().all(|n| assignments[(n.image.0 - range.start) as usize] == cluster));
                }
                assert_eq!(set.info.previous_step, [None, Some(Step(0)), Some(Step(12))][step as usize / 8]);
            }
            let history = store.cluster_history(split, layer, metric).unwrap();
            assert_eq!(history.len(), 3);
            assert!(history.iter().all(|checkpoint| checkpoint.sizes.iter().sum::<u32>() as usize == range.len()));
        }
    }
    let sets = store.cluster_sets(Step(0), Split::Test).unwrap();
    let names: Vec<_> = sets.iter().map(|s| (s.layer.as_str(), s.metric)).collect();
    assert_eq!(names, [("fc10", Metric::Euclidean), ("relu2", Metric::Cosine)]);
}

/// Sets the stop flag when the given number of units has been finished and another has begun.
struct StopsDuring<'a> {
    finished: usize,
    stop: &'a AtomicBool,
}

impl Observer for StopsDuring<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::UnitFinished { .. } => self.finished -= 1,
            Event::Progress { .. } if self.finished == 0 => self.stop.store(true, std::sync::atomic::Ordering::Relaxed),
            _ => {}
        }
    }
}

#[test]
fn an_interrupted_computation_resumes_to_the_same_numbers() {
    let whole = TinyRun::with_snapshots(&[0, 12, 24]);
    whole.compute();
    let fixture = TinyRun::with_snapshots(&[0, 12, 24]);
    let run = fixture.run();
    let mut job = Job::new(&run, &fixture.corpus, device());
    (job.clusters, job.nearest) = (8, 5);
    let stop = AtomicBool::new(false);
    let summary = compute(&job, &mut StopsDuring { finished: 3, stop: &stop }, &stop).unwrap();
    assert_eq!((summary.computed, summary.stopped), (3, true));
    let summary = fixture.compute();
    assert_eq!((summary.computed, summary.up_to_date, summary.stopped), (3, 3, false));
    assert_eq!(fixture.compute().computed, 0);

    let (a, b) = (Store::open(&whole.path()).unwrap(), Store::open(&fixture.path()).unwrap());
    for (step, split) in [0, 12, 24].into_iter().flat_map(|step| SPLITS.map(|split| (Step(step), split))) {
        assert_eq!(a.logits(step, split).unwrap(), b.logits(step, split).unwrap());
        for (layer, metric) in [("relu2", Metric::Cosine), ("fc10", Metric::Euclidean)] {
            let (of_a, of_b) = (a.clusters(step, split, layer, metric), b.clusters(step, split, layer, metric));
            assert_eq!(of_a.unwrap(), of_b.unwrap());
        }
    }
}

#[test]
fn numbers_of_another_snapshot_are_hidden_and_computed_again() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    fixture.compute();
    let open_before = Store::open(&fixture.path()).unwrap();
    fixture.write_snapshot(12, 2);
    let store = Store::open_read_only(&fixture.path()).unwrap().unwrap();
    open_before.refresh(&fixture.run());
    for store in [&store, &open_before] {
        assert!(store.confusion(Step(12), Split::Test).unwrap().is_none());
        assert!(store.logits(Step(12), Split::Train).unwrap().is_none());
        assert!(store.clusters(Step(12), Split::Test, "fc10", Metric::Euclidean).unwrap().is_none());
        assert_eq!(store.history(ImageId(3)).unwrap().len(), 1);
        assert_eq!(store.confusions(Split::Test).unwrap().len(), 1);
        assert_eq!(store.cluster_history(Split::Test, "fc10", Metric::Euclidean).unwrap().len(), 1);
        let states: Vec<_> = store.units().unwrap().iter().map(|u| (u.step.0, u.state)).collect();
        assert_eq!(states, [(0, State::Ready), (0, State::Ready), (12, State::Stale), (12, State::Stale)]);
    }
    let summary = fixture.compute();
    assert_eq!((summary.computed, summary.up_to_date), (2, 2));
    let store = Store::open(&fixture.path()).unwrap();
    assert_close(&store.logits(Step(12), Split::Test).unwrap().unwrap(), &logits_by_hand(&fixture, 12, Split::Test));
    assert_eq!(store.units().unwrap().len(), 4);
}

#[test]
fn a_broken_snapshot_is_recorded_and_the_others_are_computed() {
    let fixture = TinyRun::with_snapshots(&[0, 12, 24]);
    deepviz_fixtures::truncate(&fixture.snapshot_path(12));
    let summary = fixture.compute();
    assert_eq!((summary.computed, summary.failed), (4, 2));
    let store = Store::open(&fixture.path()).unwrap();
    let failed: Vec<_> = store.units().unwrap().into_iter().filter(|u| u.state == State::Failed).collect();
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|unit| unit.step == Step(12) && !unit.error.as_ref().unwrap().is_empty()));
    assert!(store.confusion(Step(12), Split::Test).unwrap().is_none());
    fixture.write_snapshot(12, 1);
    assert_eq!(fixture.compute().computed, 2);
    assert!(store.units().unwrap().iter().all(|unit| unit.state == State::Ready && unit.error.is_none()));
}

#[test]
fn a_diverged_snapshot_is_recorded_with_its_reason() {
    let fixture = TinyRun::with_snapshots(&[0]);
    let mut diverged = fixture.parameters(12, 1);
    diverged.get_mut("fc10.weight").unwrap().fill(f32::NAN);
    fixture.write_parameters(12, diverged);
    let mut untrained = fixture.parameters(24, 1);
    untrained.fill(0.0);
    fixture.write_parameters(24, untrained);
    let summary = fixture.compute();
    assert_eq!((summary.computed, summary.failed), (4, 2));
    let store = Store::open(&fixture.path()).unwrap();
    let units = store.units().unwrap();
    let problem = units.iter().find(|unit| unit.step == Step(12)).unwrap().error.clone().unwrap();
    assert!(problem.contains("fc10") && problem.contains("diverged"), "{problem}");
    // All outputs equal: one class is predicted for all, one cluster holds all, and what follows continues from there.
    let confusion = store.confusion(Step(24), Split::Test).unwrap().unwrap();
    assert_eq!(confusion.counts.column(0).sum(), 100);
    for (layer, metric) in [("relu2", Metric::Cosine), ("fc10", Metric::Euclidean)] {
        let set = store.clusters(Step(24), Split::Test, layer, metric).unwrap().unwrap();
        assert!(set.inertia.abs() < 1e-9);
        assert!(set.sizes().contains(&100));
    }
}

#[test]
fn further_cluster_sets_are_added_to_what_is_there() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    fixture.compute();
    let more = |job: &mut Job<'_>| {
        job.cluster_layers.push(("fc10".into(), Metric::Cosine));
        job.cluster_layers.push(("fc10".into(), Metric::Standardised));
    };
    assert_eq!(fixture.compute_with(more, &mut ()).computed, 4);
    assert_eq!(fixture.compute_with(more, &mut ()).computed, 0);
    let store = Store::open(&fixture.path()).unwrap();
    assert_eq!(store.cluster_sets(Step(12), Split::Train).unwrap().len(), 4);
    // Of standardised columns the mean is 0: the centres weighed by their members, which at the first
    // checkpoint are the images nearest to them.
    let set = store.clusters(Step(0), Split::Train, "fc10", Metric::Standardised).unwrap().unwrap();
    for column in set.centres.columns() {
        let members: f32 = column.iter().zip(set.sizes()).map(|(centre, size)| centre * size as f32).sum();
        assert!(members.abs() < 1e-2, "{members}");
    }
    let spread: f64 = set.inertia
        + set
            .centres
            .rows()
            .into_iter()
            .zip(set.sizes())
            .map(|(centre, size)| f64::from(size) * centre.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>())
            .sum::<f64>();
    // All of the spread is within clusters or between them: one a column and image.
    let all = (fixture.corpus.range(Split::Train).len() * 10) as f64;
    assert!((spread / all - 1.0).abs() < 1e-3, "{spread} of {all}");
    assert!(store.confusion(Step(12), Split::Train).unwrap().is_some());
    fixture.compute_with(|job| job.clusters = 5, &mut ());
    let set = store.clusters(Step(12), Split::Train, "fc10", Metric::Euclidean).unwrap().unwrap();
    assert_eq!((set.info.clusters, set.nearest.len()), (5, 5));
    assert_eq!(fixture.compute_with(|job| job.force = true, &mut ()).computed, 4);
}

#[test]
fn a_job_that_cannot_be_is_refused_with_what_was_expected() {
    let fixture = TinyRun::with_snapshots(&[0]);
    let run = fixture.run();
    let stop = AtomicBool::new(false);
    let mut job = Job::new(&run, &fixture.corpus, device());
    job.cluster_layers = vec![("fc11".into(), Metric::Cosine)];
    let error = compute(&job, &mut (), &stop).unwrap_err();
    assert!(matches!(error, Error::UnknownLayer { .. }) && error.to_string().contains("fc10"), "{error}");
    let mut job = Job::new(&run, &fixture.corpus, device());
    job.clusters = 0;
    assert!(matches!(compute(&job, &mut (), &stop), Err(Error::BadJob { found: 0, .. })));
    let other = tempfile::tempdir().unwrap();
    let corpus = deepviz_fixtures::shapes(&other.path().join("o"), 40, 8);
    let error = compute(&Job::new(&run, &corpus, device()), &mut (), &stop).unwrap_err();
    assert!(matches!(error, Error::OtherCorpus { what: "identity", .. }), "{error}");
}
