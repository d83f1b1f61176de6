//! The files of the layouts that are read, in a folder as they come: idx, CIFAR-100, MATLAB, parquet, archives, lists.
#![no_main]

use deepviz_corpus::Corpus;

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// The names of two files that the input is divided into.
const LAYOUTS: [[&str; 2]; 10] = [
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"],
    ["train.bin", "fine_label_names.txt"],
    ["train", "meta"],
    ["train_32x32.mat", "corpus.toml"],
    ["imagelabels.mat", "setid.mat"],
    ["train.parquet", "test.parquet"],
    ["train-0.tar", "classes.txt"],
    ["val/val_annotations.txt", "words.txt"],
    ["annotations/trainval.txt", "annotations/test.txt"],
];
/// Archives are opened themselves.
const ARCHIVES: [&str; 3] = ["corpus.tar", "corpus.tar.gz", "corpus.zip"];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    FOLDER.with(|folder| {
        let inside = folder.path().join("corpus");
        let _ = std::fs::remove_dir_all(&inside);
        for name in ["", "val/images", "train", "annotations", "images", "jpg"] {
            if name != "train" || kind % 13 == 8 {
                std::fs::create_dir_all(inside.join(name)).expect("a folder");
            }
        }
        let kind = usize::from(*kind) % 13;
        let opened = match LAYOUTS.get(kind) {
            Some([first, second]) => {
                let (first_bytes, second_bytes) = bytes.split_at(bytes.len() / 2);
                std::fs::write(inside.join(first), first_bytes).expect("a file");
                std::fs::write(inside.join(second), second_bytes).expect("a file");
                std::fs::write(inside.join("wnids.txt"), "n01\nn02\n").expect("a file");
                inside
            }
            None => {
                let path = inside.join(ARCHIVES[kind - LAYOUTS.len()]);
                std::fs::write(&path, bytes).expect("a file");
                path
            }
        };
        if let Ok(corpus) = Corpus::open(&opened) {
            assert!(!corpus.labels().is_empty());
        }
    });
});
