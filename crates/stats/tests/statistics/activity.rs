//! Activity, weights and examples over time, checked against the network itself.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use deepviz_corpus::{ImageId, Split};
use deepviz_fixtures::{TinyRun, device};
use deepviz_net::{Model, Step};
use deepviz_stats::{ExampleOrder, Job, Metric, State, Store, Verdict, layers_named, predicted, softmax};
use ndarray::{Array2, Axis, s};

/// Layers may be left out; requested later they are added to what exists, which stays.
#[test]
fn layers_that_were_left_out_are_added_on_request() {
    let fixture = TinyRun::with_snapshots(&[24]);
    let run = fixture.run();
    let compute = |names: &str| {
        let mut job = Job::new(&run, &fixture.corpus, device());
        job.activity_layers = layers_named(&fixture.network, names).unwrap();
        deepviz_stats::compute(&job, &mut (), &AtomicBool::new(false)).unwrap()
    };
    assert_eq!(compute("conv*").computed, 2);
    let store = Store::open(&fixture.path()).unwrap();
    let of = |layer| store.activity(Step(24), Split::Test, layer).unwrap();
    let (conv, logits) = (of("conv1").unwrap(), store.logits(Step(24), Split::Test).unwrap());
    assert!(of("fc10").is_none() && store.is_layer_left_out(Step(24), Split::Test, "fc10").unwrap());
    assert_eq!(compute("fc10, conv1").computed, 2);
    assert!(!store.is_layer_left_out(Step(24), Split::Test, "fc10").unwrap());
    assert_eq!((of("conv1").unwrap(), store.logits(Step(24), Split::Test).unwrap()), (conv, logits));
    let whole = TinyRun::with_snapshots(&[24]);
    whole.compute();
    let expected = Store::open(&whole.path()).unwrap().activity(Step(24), Split::Test, "fc10").unwrap();
    assert_eq!(of("fc10"), expected);
    assert_eq!(compute("fc10").up_to_date, 2);
    let error = layers_named(&fixture.network, "conv1,none").unwrap_err().to_string();
    assert!(error.contains("none") && error.contains("fc10"), "{error}");
}

/// What an earlier version left out is computed again; until then it is said to be missing.
#[test]
fn the_spread_between_images_is_added_to_an_older_database() {
    let fixture = TinyRun::with_snapshots(&[24]);
    fixture.compute();
    let spread = |store: &Store| store.activity(Step(24), Split::Test, "conv1").unwrap().unwrap().image_spread;
    let store = Store::open(&fixture.path()).unwrap();
    let expected = spread(&store);
    assert!(expected.is_some());
    let older = rusqlite::Connection::open(fixture.path().join(deepviz_stats::FILE_NAME)).unwrap();
    older.execute("UPDATE activity SET image_spread = NULL WHERE layer = 'conv1'", []).unwrap();
    assert_eq!(spread(&store), None);
    let run = fixture.run();
    let mut job = Job::new(&run, &fixture.corpus, device());
    job.top = 4;
    assert_eq!(deepviz_stats::compute(&job, &mut (), &AtomicBool::new(false)).unwrap().computed, 2);
    assert_eq!(spread(&store), expected);
    // Lists of images that were longer stay.
    assert_eq!(store.top(Step(24), Split::Test, "conv1", 0).unwrap().unwrap().len(), 16);
}

/// All outputs of a layer over a split, `[images, channels * height * width]`.
fn outputs(fixture: &TinyRun, step: u64, split: Split, layer: usize) -> Array2<f32> {
    let snapshot = fixture.run().snapshot(Step(step)).unwrap();
    let model = Model::from_snapshot(Arc::clone(&fixture.network), &snapshot, &device()).unwrap();
    let images: Vec<_> = fixture.corpus.range(split).map(|id| fixture.corpus.pixels(ImageId(id)).unwrap()).collect();
    model.forward(&images, &[layer]).unwrap().remove(0)
}

fn close(found: f32, expected: f64) -> bool {
    (f64::from(found) - expected).abs() <= 1e-4 * expected.abs().max(1e-2)
}

#[test]
fn the_activity_of_every_filter_is_that_of_the_network() {
    let fixture = TinyRun::with_snapshots(&[24]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    for split in [Split::Test, Split::Train] {
        let range = fixture.corpus.range(split);
        let labels = &fixture.corpus.labels()[range.start as usize..range.end as usize];
        for (index, layer) in fixture.network.layers().iter().enumerate().skip(1) {
            let activity = store.activity(Step(24), split, &layer.name).unwrap().unwrap();
            let all = outputs(&fixture, 24, split, index);
            let area = layer.shape.height * layer.shape.width;
            assert_eq!(activity.filters.len(), layer.shape.channels);
            let classes = activity.classes.unwrap();
            let image_spread = activity.image_spread.unwrap();
            for (filter, found) in activity.filters.iter().enumerate() {
                let mine = all.slice(s![.., filter * area..(filter + 1) * area]);
                let count = mine.len() as f64;
                let mean = mine.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
                let variance = mine.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / count;
                let zeros = mine.iter().filter(|&&x| x == 0.0).count() as f64 / count;
                let active = mine.rows().into_iter().filter(|row| row.iter().any(|&x| x > 0.0)).count();
                let max = mine.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let what = format!("{} {filter}: {found:?} {mean} {variance}", layer.name);
                assert!(close(found.mean, mean) && close(found.spread, variance.sqrt()), "{what}");
                let means =
                    mine.rows().into_iter().map(|row| row.iter().map(|&x| f64::from(x)).sum::<f64>() / area as f64);
                let between = means.map(|of_image| (of_image - mean).powi(2)).sum::<f64>() / mine.nrows() as f64;
                assert!(close(image_spread[filter], between.sqrt()), "{what} {between}");
                assert!(close(found.zeros, zeros), "{what}");
                assert!(close(found.active, active as f64 / mine.nrows() as f64), "{what}");
                assert!((found.max - max).abs() <= 0.0, "{what}");
                let threes: Vec<usize> = (0..labels.len()).filter(|&image| labels[image].0 == 3).collect();
                let of_class = mine.select(Axis(0), &threes);
                assert!(close(classes.mean[[filter, 3]], f64::from(of_class.sum()) / of_class.len() as f64), "{what}");
                let zeros = of_class.iter().filter(|&&x| x == 0.0).count() as f64 / of_class.len() as f64;
                assert!(close(classes.zeros[[filter, 3]], zeros), "{what}");
            }
        }
    }
}

#[test]
fn the_top_images_of_a_filter_are_those_with_the_greatest_outputs() {
    let fixture = TinyRun::with_snapshots(&[24]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    let first = fixture.corpus.range(Split::Test).start;
    for (index, layer) in fixture.network.layers().iter().enumerate().skip(1) {
        let all = outputs(&fixture, 24, Split::Test, index);
        let area = layer.shape.height * layer.shape.width;
        for filter in 0..layer.shape.channels {
            let mine = all.slice(s![.., filter * area..(filter + 1) * area]);
            let greatest = |row: ndarray::ArrayView1<'_, f32>| {
                let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                (max, row.iter().position(|&x| x >= max).unwrap())
            };
            let mut expected: Vec<(u32, f32, usize)> = (first..)
                .zip(mine.rows())
                .map(|(id, row)| {
                    let (max, position) = greatest(row);
                    (id, max, position)
                })
                .collect();
            expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            expected.truncate(16);
            let top = store.top(Step(24), Split::Test, &layer.name, filter).unwrap().unwrap();
            let found: Vec<_> = top
                .iter()
                .map(|top| (top.image.0, top.value, top.y as usize * layer.shape.width + top.x as usize))
                .collect();
            // Minus zero is no less than zero.
            let tuples = |list: &[(u32, f32, usize)]| list.iter().map(|t| (t.0, t.1 + 0.0, t.2)).collect::<Vec<_>>();
            assert_eq!(tuples(&found), tuples(&expected), "{} {filter}", layer.name);
        }
        assert!(store.top(Step(24), Split::Test, &layer.name, layer.shape.channels).unwrap().is_none());
    }
    assert!(store.top(Step(24), Split::Test, "data", 0).unwrap().is_none());
    assert!(store.top(Step(6), Split::Test, "conv1", 0).unwrap().is_none());
}

#[test]
fn weights_are_measured_against_the_checkpoint_before() {
    let fixture = TinyRun::with_snapshots(&[0, 12, 24]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    let by_step = store.weights().unwrap();
    assert_eq!(by_step.iter().map(|m| m.step.0).collect::<Vec<_>>(), [0, 12, 24]);
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let (before, now) = (fixture.parameters(12, 1), fixture.parameters(24, 1));
    for ((numbers, (_, before)), (name, now)) in by_step[2].arrays.iter().zip(before.iter()).zip(now.iter()) {
        assert!(close(numbers.norm, norm(&mut now.iter().copied())), "{name}");
        let moved = norm(&mut now.iter().zip(before).map(|(a, b)| a - b));
        let expected = if moved == 0.0 { 0.0 } else { moved / norm(&mut before.iter().copied()) };
        assert!(close(numbers.change, expected), "{name}: {} {expected}", numbers.change);
        assert!((numbers.max - now.iter().copied().fold(f32::NEG_INFINITY, f32::max)).abs() <= 0.0);
        assert!(numbers.update.abs() <= 0.0, "the fixture's velocities are zero");
    }
    assert!(by_step[0].arrays[0].change.is_nan());
    // Another snapshot in between: what was measured against the one before is no longer shown.
    fixture.write_snapshot(18, 1);
    store.refresh(&fixture.run());
    assert_eq!(store.weights().unwrap().iter().map(|m| m.step.0).collect::<Vec<_>>(), [0, 12]);
}

#[test]
fn example_statistics_follow_every_image() {
    let fixture = TinyRun::with_snapshots(&[0, 12, 24]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    let logits: Vec<_> =
        [0, 12, 24].map(|step| outputs(&fixture, step, Split::Test, fixture.network.logits())).to_vec();
    let range = fixture.corpus.range(Split::Test);
    let stats = store.example_stats(Split::Test).unwrap();
    assert_eq!(stats.steps, [0, 12, 24].map(Step));
    assert_eq!(stats.examples.len(), range.len());
    for (row, example) in stats.examples.iter().enumerate() {
        let label = usize::from(fixture.corpus.label(example.image).unwrap().0);
        let guesses: Vec<usize> = logits.iter().map(|l| predicted(l.row(row))).collect();
        let margins: Vec<f32> = logits
            .iter()
            .map(|l| {
                let p = softmax(l.row(row));
                p[label] - (0..10).filter(|&c| c != label).map(|c| p[c]).fold(0.0, f32::max)
            })
            .collect();
        assert_eq!(example.image.0, range.start + row as u32);
        let right = guesses.iter().filter(|&&guess| guess == label).count();
        let learned = guesses.iter().position(|&guess| guess == label).map(|index| [0, 12, 24][index]);
        assert_eq!((example.right as usize, example.learned.map(|step| step.0)), (right, learned));
        assert_eq!(example.flips as usize, guesses.windows(2).filter(|pair| pair[0] != pair[1]).count());
        assert_eq!(usize::from(example.predicted), guesses[2]);
        assert!((example.mean_margin - margins.iter().sum::<f32>() / 3.0).abs() < 1e-4);
        assert!((example.final_margin - margins[2]).abs() < 1e-4);
    }
    let mut sorted = stats.examples.clone();
    sorted.sort_by(|a, b| a.mean_margin.total_cmp(&b.mean_margin));
    let page = stats.page(ExampleOrder::MeanMargin, |_| true, 20..30);
    assert_eq!(page.items, sorted[20..30].iter().collect::<Vec<_>>());

    // They are stored, and go with their units: here with one whose snapshot is another now.
    let alone = store.example_stats_of_image(Split::Test, sorted[0].image).unwrap().unwrap();
    assert_eq!((&alone.steps, &alone.examples[..]), (&stats.steps, &sorted[..1]));
    fixture.write_snapshot(12, 7);
    store.refresh(&fixture.run());
    assert!(store.example_stats_of_image(Split::Test, sorted[0].image).unwrap().is_none());
    assert_eq!(store.example_stats(Split::Test).unwrap().steps, [0, 24].map(Step));
    fixture.compute();
    let alone = store.example_stats_of_image(Split::Test, sorted[0].image).unwrap().unwrap();
    assert_eq!(alone.steps, [0, 12, 24].map(Step));
    fixture.write_snapshot(12, 1);
    fixture.compute();
    store.refresh(&fixture.run());
    assert_eq!(store.example_stats(Split::Test).unwrap(), stats);
}

#[test]
fn prediction_changes_follow_every_image() {
    let fixture = TinyRun::with_snapshots(&[0, 24]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    let logits: Vec<_> = [0, 24].map(|step| outputs(&fixture, step, Split::Test, fixture.network.logits())).to_vec();
    let range = fixture.corpus.range(Split::Test);
    let changes = store.prediction_changes(Split::Test, Step(0), Step(24)).unwrap().unwrap();
    let moved: usize = changes.iter().map(|cell| cell.images.len()).sum();
    let expected = (0..range.len()).filter(|&row| predicted(logits[0].row(row)) != predicted(logits[1].row(row)));
    assert_eq!(moved, expected.count());
    for cell in &changes {
        for (image, verdict) in &cell.images {
            let label = fixture.corpus.label(*image).unwrap().0;
            let expected = match () {
                () if label == cell.to => Verdict::Learned,
                () if label == cell.from => Verdict::Forgotten,
                () => Verdict::Wrong,
            };
            assert_eq!(*verdict, expected);
        }
    }
    assert!(store.prediction_changes(Split::Test, Step(0), Step(6)).unwrap().is_none());
}

#[test]
fn every_member_of_a_cluster_came_from_one() {
    let fixture = TinyRun::with_snapshots(&[0, 12]);
    fixture.compute();
    let store = Store::open(&fixture.path()).unwrap();
    let lineage = |step| store.cluster_lineage(Step(step), Split::Train, "fc10", Metric::Euclidean).unwrap();
    assert!(lineage(0).is_none());
    let found = lineage(12).unwrap();
    assert_eq!(found.previous_step, Step(0));
    let set = store.clusters(Step(12), Split::Train, "fc10", Metric::Euclidean).unwrap().unwrap();
    for (cluster, size) in set.sizes().into_iter().enumerate() {
        let came = if cluster < found.images.nrows() { found.images.row(cluster).sum() } else { 0 };
        assert_eq!(came, size);
    }
    assert!(store.units().unwrap().iter().all(|unit| unit.state == State::Ready));
}
