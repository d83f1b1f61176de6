//! The real CIFAR-10, in any layout, where `DEEPVIZ_CIFAR10` names its folder.

use std::{env, path::PathBuf};

use deepviz_corpus::{ClassId, Corpus, ImageId, ImageShape, Query, Split};

#[test]
fn the_real_images_are_what_is_known_of_them() {
    let Some(path) = env::var_os("DEEPVIZ_CIFAR10").map(PathBuf::from) else { return };
    let corpus = Corpus::open(&path).unwrap();
    // The archives hold a page of notes beside the batches.
    assert_eq!(corpus.account().lost(), 0, "{:?}", corpus.account());
    assert_eq!(corpus.common_shape().unwrap(), ImageShape { channels: 3, height: 32, width: 32 });
    let classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
    assert_eq!(corpus.classes(), classes);
    assert_eq!(corpus.range(Split::Train), 0..50_000);
    for split in Split::ALL {
        let count = corpus.range(split).len() / 10;
        for class in 0..10 {
            let query = Query { class: Some(ClassId(class)), split: Some(split), ..Query::default() };
            assert_eq!(corpus.search(&query).total, count, "{split} images of class {class}");
        }
    }
    // The known mean of the training images, red, green and blue.
    let mean = corpus.mean(0..50_000).unwrap();
    for (plane, expected) in mean.outer_iter().zip([125.3, 123.0, 113.9]) {
        let found = plane.mean().unwrap();
        assert!((found - expected).abs() < 0.5, "found {found}, expected {expected}");
    }
    if path.join("data_batch_1").exists() || path.join("data_batch_1.bin").exists() {
        assert_eq!(corpus.labels()[..10], [6, 9, 9, 4, 1, 1, 2, 7, 8, 3].map(ClassId));
        let first: Vec<u8> = corpus.pixels(ImageId(0)).unwrap().iter().copied().take(3).collect();
        assert_eq!(first, [59, 43, 50]);
    }
}
