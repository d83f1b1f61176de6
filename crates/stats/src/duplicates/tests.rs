use deepviz_corpus::{Corpus, ShapesOptions, make_shapes};
use ndarray::{Array2, Array3};

use super::canvas::Canvas;
use super::*;

/// A picture that is like no other: sums of waves of its own.
fn picture(seed: u32, side: usize) -> Array3<u8> {
    Array3::from_shape_fn((3, side, side), |(channel, y, x)| {
        let (y, x) = (y as f32 / side as f32, x as f32 / side as f32);
        let wave = |n: u32| {
            let phase = (seed * 37 + n * 11 + channel as u32 * 5) as f32;
            (phase + 9.0 * (x * (phase * 1.3).sin() + y * (phase * 0.7).cos())).sin()
        };
        (127.0 + 60.0 * (wave(1) + wave(2)) * 0.9) as u8
    })
}

#[test]
fn brighter_mirrored_shifted_or_larger_duplicates_are_found() {
    let image = picture(1, 32);
    let canvas = Canvas::of(image.view()).unwrap();
    let alike = |other: &Array3<u8>| canvas.most_similar(&Canvas::of(other.view()).unwrap(), 0.0);
    let same = alike(&image);
    assert!(same.similarity > 0.9999 && same.difference < 1e-3 && same.shift == [0, 0] && !same.mirrored);
    let brighter = alike(&image.mapv(|value| (f32::from(value) * 0.7 + 30.0) as u8));
    assert!(brighter.similarity > 0.999 && brighter.difference > 5.0, "{brighter:?}");
    let mirrored = Array3::from_shape_fn((3, 32, 32), |(c, y, x)| image[[c, y, 31 - x]]);
    let mirrored = alike(&mirrored);
    assert!(mirrored.similarity > 0.9999 && mirrored.mirrored && mirrored.shift == [0, 0], "{mirrored:?}");
    let moved = Array3::from_shape_fn((3, 32, 32), |(c, y, x)| image[[c, (y + 1).min(31), x.saturating_sub(2)]]);
    let moved = alike(&moved);
    assert!(moved.similarity > 0.9999 && moved.shift == [-2, 1] && !moved.mirrored, "{moved:?}");
    let larger = alike(&Array3::from_shape_fn((3, 64, 64), |(c, y, x)| image[[c, y / 2, x / 2]]));
    assert!(larger.similarity > 0.9999 && larger.difference < 1e-3, "{larger:?}");
    let smaller = alike(&Array3::from_shape_fn((3, 16, 16), |(c, y, x)| image[[c, 2 * y, 2 * x]]));
    assert!(smaller.similarity > 0.9, "{smaller:?}");
    let other = alike(&picture(2, 32));
    assert!(other.similarity < 0.9, "{other:?}");
    let flat = alike(&Array3::from_elem((3, 32, 32), 9));
    assert!(flat.similarity < 1e-6, "{flat:?}");
    assert!(Canvas::of(Array3::zeros((3, 0, 4)).view()).is_none());
}

/// Class folders whose test images are training images, changed.
fn corpus_with_copies(folder: &std::path::Path) -> Corpus {
    make_shapes(&folder.join("shapes"), &ShapesOptions { images: 160, test_fraction: 0.25, seed: 3 }).unwrap();
    Corpus::open(&folder.join("shapes")).unwrap()
}

#[test]
fn copies_are_found_among_all_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus_with_copies(folder.path());
    let search = DuplicateSearch::new(&corpus);
    let tests: Vec<ImageId> = corpus.range(Split::Test).map(ImageId).collect();
    let found = search.pairs(&corpus, &tests, None, 0.98);
    assert!(found.is_empty(), "shapes are drawn each for itself: {found:?}");
    // Of a training image its own copy is the nearest.
    for train in corpus.range(Split::Train).step_by(7).map(ImageId) {
        let pairs = search.pairs(&corpus, &[train], None, 0.98);
        assert_eq!(pairs.iter().map(|pair| pair.train).collect::<Vec<_>>(), [train]);
        assert!(pairs[0].similarity > 0.9999 && pairs[0].difference < 1e-3);
    }
}

#[test]
fn outputs_bring_candidates_that_pixels_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus_with_copies(folder.path());
    let search = DuplicateSearch::new(&corpus);
    let test = ImageId(corpus.range(Split::Test).start);
    let by_pixels = search.pairs(&corpus, &[test], None, -1.0);
    // Outputs that say that another image is the same.
    let far = (0..corpus.range(Split::Train).len())
        .find(|&index| !search.nearest_pixels(&corpus, test).contains(&index))
        .unwrap();
    let (train, tests) = (corpus.range(Split::Train).len(), corpus.range(Split::Test).len());
    let mut of_train = Array2::from_elem((train, 2), 9.0);
    of_train.row_mut(far).fill(0.0);
    let of_test = Array2::zeros((tests, 2));
    let outputs = OutputsOfSplits { train: of_train.view(), test: of_test.view() };
    let both = search.pairs(&corpus, &[test], Some(outputs), -1.0);
    assert!(both[0].similarity >= by_pixels[0].similarity, "more candidates are never worse");
    // Of other images than the corpus has they are not used.
    let other = Array2::zeros((tests + 1, 2));
    let outputs = OutputsOfSplits { train: of_train.view(), test: other.view() };
    assert_eq!(search.pairs(&corpus, &[test], Some(outputs), -1.0), by_pixels);
}
