use std::fs;

use super::*;
use crate::{Page, Query};

/// Binary batches with the given labels; image `i` of each batch is filled with `10 * i`.
fn batches(batches: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, labels) in batches {
        let record = |(index, &label): (usize, &u8)| [vec![label], vec![(10 * index) as u8; 3_072]].concat();
        let bytes: Vec<u8> = labels.iter().enumerate().flat_map(record).collect();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn search(corpus: &Corpus, text: &str) -> Vec<u32> {
    let query = Query { text: Some(text.to_owned()), ..Query::default() };
    let page = corpus.search(&query);
    assert_eq!(page.total, page.ids.len());
    page.ids.into_iter().map(|id| id.0).collect()
}

#[test]
fn batches_are_in_the_order_of_their_numbers_and_test_comes_last() {
    let training: Vec<(String, Vec<u8>)> =
        (1..=10).map(|number| (format!("data_batch_{number}.bin"), vec![number % 10])).collect();
    let mut all: Vec<(&str, &[u8])> =
        training.iter().map(|(name, labels)| (name.as_str(), labels.as_slice())).collect();
    all.push(("test_batch.bin", &[3, 3]));
    let folder = batches(&all);
    let corpus = Corpus::open(folder.path()).unwrap();
    assert_eq!(corpus.labels(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 3, 3].map(ClassId));
    assert_eq!(corpus.classes()[3], "cat");
    assert_eq!(corpus.name_of(ImageId(9)).unwrap(), "data_batch_10_00000");
    assert_eq!(corpus.split_of(ImageId(9)), Some(Split::Train));
    assert_eq!(corpus.split_of(ImageId(10)), Some(Split::Test));
    assert_eq!(corpus.split_of(ImageId(12)), None);
    assert!(corpus.label(ImageId(12)).is_none() && corpus.name_of(ImageId(12)).is_none());
    assert!(corpus.pixels(ImageId(12)).is_none());
    assert_eq!(corpus.common_shape().unwrap().len(), 3_072);
    assert_eq!(corpus.name(), folder.path().file_name().unwrap().to_str().unwrap());
    assert!(corpus.notes().is_none());
}

#[test]
fn a_batch_that_is_missing_cut_or_mislabelled_is_an_error() {
    let error = |folder: &tempfile::TempDir| Corpus::open(folder.path()).unwrap_err().to_string();
    let gap = batches(&[("data_batch_1.bin", &[1]), ("data_batch_3.bin", &[1])]);
    assert!(error(&gap).contains("found data_batch_3.bin, expected data_batch_2.bin"), "{}", error(&gap));
    let cut = batches(&[("data_batch_1.bin", &[1, 2])]);
    let path = cut.path().join("data_batch_1.bin");
    fs::write(&path, &fs::read(&path).unwrap()[..6_145]).unwrap();
    assert!(error(&cut).contains("found 6145 bytes") && error(&cut).contains("data_batch_1.bin"), "{}", error(&cut));
    let label = batches(&[("data_batch_1.bin", &[1, 10])]);
    assert!(error(&label).contains("image 1 has label 10, expected 0 to 9"), "{}", error(&label));
    fs::write(label.path().join("batches.meta.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n\n").unwrap();
    assert_eq!(Corpus::open(label.path()).unwrap().classes().len(), 11);
}

#[test]
fn what_is_no_corpus_is_refused_with_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| Corpus::open(path).unwrap_err().to_string();
    assert!(error(folder.path()).contains("an empty folder"));
    assert!(error(&folder.path().join("no")).contains("nothing exists"));
    let archive = folder.path().join("cifar-10-binary.tar.gz");
    fs::write(&archive, b"x").unwrap();
    assert!(error(&archive).contains("a file that is no archive"));
    fs::create_dir(folder.path().join("notes")).unwrap();
    assert!(error(folder.path()).contains("a folder with cifar-10-binary.tar.gz, notes"));
}

#[test]
fn the_folder_around_the_official_one_is_as_good() {
    let folder = batches(&[]);
    let inner = folder.path().join("cifar-10-batches-bin");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("test_batch.bin"), vec![0; 3_073]).unwrap();
    let corpus = Corpus::open(folder.path()).unwrap();
    assert_eq!((corpus.name(), corpus.path()), ("cifar-10-batches-bin", inner.as_path()));
    assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..0, 0..1));
}

#[test]
fn the_identity_depends_on_pixels_labels_and_split_and_on_nothing_else() {
    let identity = |all: &[(&str, &[u8])]| Corpus::open(batches(all).path()).unwrap().identity().to_owned();
    let one = identity(&[("data_batch_1.bin", &[1, 2]), ("test_batch.bin", &[3])]);
    assert_eq!(one.len(), 64);
    assert_eq!(one, identity(&[("data_batch_1.bin", &[1, 2]), ("test_batch.bin", &[3])]));
    assert_ne!(one, identity(&[("data_batch_1.bin", &[1, 3]), ("test_batch.bin", &[3])]));
    let split = identity(&[("data_batch_1.bin", &[1, 2, 3])]);
    let order = identity(&[("data_batch_1.bin", &[1]), ("test_batch.bin", &[2, 3])]);
    assert_ne!(split, order);
    let changed = batches(&[("data_batch_1.bin", &[1, 2]), ("test_batch.bin", &[3])]);
    let path = changed.path().join("test_batch.bin");
    let mut bytes = fs::read(&path).unwrap();
    bytes[3_072] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_ne!(one, Corpus::open(changed.path()).unwrap().identity());
}

#[test]
fn the_mean_is_that_of_the_images_asked_for() {
    let labels = vec![0_u8; 25];
    let folder = batches(&[("data_batch_1.bin", &labels), ("test_batch.bin", &[1])]);
    let corpus = Corpus::open(folder.path()).unwrap();
    let is_all = |ids, expected: f32| corpus.mean(ids).unwrap().iter().all(|value| (value - expected).abs() < 1e-5);
    assert!(is_all(1..4, 20.0));
    assert!(is_all(20..1_000, 1_100.0 / 6.0), "five images, and the black one of the other split");
    assert!(is_all(7..7, 0.0) && is_all(90..99, 0.0));
    let sum = |index: usize| -> f64 {
        (0..26).map(|id| f64::from(corpus.pixels(ImageId(id)).unwrap().as_slice().unwrap()[index])).sum()
    };
    let mean = corpus.mean(0..26).unwrap();
    assert!(mean.iter().enumerate().all(|(index, &value)| (f64::from(value) - sum(index) / 26.0).abs() < 1e-4));
}

#[test]
fn images_are_found_by_class_name_and_id() {
    let labels: Vec<u8> = (0..120).map(|index| index % 10).collect();
    let folder = batches(&[("data_batch_1.bin", &labels), ("test_batch.bin", &[0, 1, 2])]);
    let corpus = Corpus::open(folder.path()).unwrap();
    assert_eq!(search(&corpus, "SHIP"), (0..12).map(|ten| 10 * ten + 8).collect::<Vec<_>>());
    assert_eq!(search(&corpus, "auto test"), [121]);
    assert_eq!(search(&corpus, "#12"), [12]);
    assert_eq!(search(&corpus, "#500"), [] as [u32; 0]);
    assert_eq!(search(&corpus, "112"), [112], "the name and the id are of the same image");
    let twelve = search(&corpus, "12");
    assert_eq!(twelve, [12, 112], "data_batch_1_00012 and data_batch_1_00112, the id first");
    assert_eq!(search(&corpus, "2 test"), [122]);
    assert_eq!(search(&corpus, "tractor"), [] as [u32; 0]);
    assert_eq!(search(&corpus, "_00002"), [2, 122]);
}

#[test]
fn pages_follow_each_other_and_filters_hold() {
    let labels: Vec<u8> = (0..100).map(|index| index % 10).collect();
    let folder = batches(&[("data_batch_1.bin", &labels), ("test_batch.bin", &labels)]);
    let corpus = Corpus::open(folder.path()).unwrap();
    let mut query = Query { class: Some(ClassId(3)), split: Some(Split::Test), limit: 4, ..Query::default() };
    let mut found = Vec::new();
    loop {
        let page = corpus.search(&query);
        assert_eq!(page.total, 10);
        found.extend(page.ids.iter().map(|id| id.0));
        let Some(next) = page.next else { break };
        query.cursor = next;
    }
    assert_eq!(found, (0..10).map(|ten| 100 + 10 * ten + 3).collect::<Vec<_>>());
    query.cursor = usize::MAX;
    assert_eq!(corpus.search(&query), Page { total: 10, ids: Vec::new(), next: None });
    let foreign = Query { text: Some("#103".to_owned()), split: Some(Split::Train), ..Query::default() };
    assert_eq!(corpus.search(&foreign).total, 0, "an id asked for obeys the filters too");
}

#[test]
fn the_first_image_of_a_class_identifies_it() {
    let before = batches(&[("data_batch_1.bin", &[1, 0, 1]), ("test_batch.bin", &[5])]);
    let after = batches(&[("data_batch_1.bin", &[0, 1, 1]), ("test_batch.bin", &[5])]);
    let (before, after) =
        (Corpus::open(before.path()).unwrap().first_images(), Corpus::open(after.path()).unwrap().first_images());
    assert_eq!((&before[0], &before[1], &before[5]), (&after[1], &after[0], &after[5]));
    assert_eq!((before.len(), before[0].len(), before[9].as_str()), (10, 16, ""));
    // The third image of the training batch is the first of none; the test batch begins as the other does.
    assert!(before[0] != before[1] && before[5] == before[1]);
}
