//! idx, CIFAR-100 and pickles.

use std::fs;

use deepviz_corpus::{Corpus, LabelLevel, OpenOptions, Reading, Reason};

use crate::samples::sample;

#[test]
fn idx_files_are_read_compressed_or_not_by_any_of_their_names() {
    for (name, layout) in [("mnist", "idx"), ("fashion", "idx"), ("emnist_letters", "idx"), ("qmnist", "idx")] {
        assert!(sample(name).check().layout().starts_with(layout), "{name}");
    }
    let remarks = sample("qmnist").open().account().remarks().join("\n");
    assert!(remarks.contains("every tenth"), "{remarks}");
    let both = sample("mnist");
    fs::write(both.file("train-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 5, 1, 1, 1, 1, 1]).unwrap();
    let corpus = both.open();
    assert_eq!(corpus.labels()[0].0, 1, "the file without .gz is read");
    assert_eq!(corpus.account().count(Reason::NotAnImage), 1, "{:?}", corpus.account());
}

#[test]
fn broken_idx_files_are_reported() {
    for file in ["train-images.idx3-ubyte", "train-labels.idx1-ubyte"] {
        let whole = fs::read(sample("fashion").file(file)).unwrap().len();
        for length in 0..whole {
            let cut = sample("fashion");
            cut.change(file, |bytes| bytes.truncate(length));
            assert!(cut.error().contains(file) && cut.error().contains("expected"), "{length}: {}", cut.error());
        }
    }
    let packed = "train-images-idx3-ubyte.gz";
    for back in [1, 8, 20, 40] {
        let cut = sample("mnist");
        cut.change(packed, |bytes| bytes.truncate(bytes.len() - back));
        assert!(cut.error().contains(packed), "{back}: {}", cut.error());
    }
    let magic = sample("fashion");
    magic.change("t10k-images.idx3-ubyte", |bytes| bytes[2] = 0x0d);
    assert!(magic.error().contains("[00, 00, 0d, 03]"), "{}", magic.error());
    // Counts that lie allocate nothing.
    let count = sample("fashion");
    count.change("train-images.idx3-ubyte", |bytes| bytes[4..8].fill(0xff));
    assert!(count.error().contains("bytes"), "{}", count.error());
    let zeros = sample("fashion");
    zeros.change("train-images.idx3-ubyte", |bytes| bytes[8..12].fill(0));
    assert!(zeros.error().contains("expected"), "{}", zeros.error());
    let label = sample("fashion");
    label.change("train-labels.idx1-ubyte", |bytes| *bytes.last_mut().unwrap() = 3);
    assert!(label.error().contains("image 2 has label 3, expected 0 to 2"), "{}", label.error());
    fs::remove_file(label.file("corpus.toml")).unwrap();
    label.change("train-labels.idx1-ubyte", |bytes| *bytes.last_mut().unwrap() = 200);
    assert!(label.error().contains("image 2 has label 200, expected 0 to 9"), "{}", label.error());
    let lonely = sample("fashion");
    fs::remove_file(lonely.file("t10k-labels.idx1-ubyte")).unwrap();
    assert!(lonely.error().contains("expected t10k-labels.idx1-ubyte"), "{}", lonely.error());
    let several = sample("fashion");
    fs::copy(several.file("train-images.idx3-ubyte"), several.file("emnist-digits-train-images-idx3-ubyte")).unwrap();
    assert!(several.error().contains("emnist-digits"), "{}", several.error());
    let letters = sample("emnist_letters");
    letters.change("emnist-letters-test-labels-idx1-ubyte", |bytes| *bytes.last_mut().unwrap() = 0);
    assert!(letters.error().contains("label 0 of image 1, expected 1 to 3"), "{}", letters.error());
}

#[test]
fn cifar_100_is_read_at_both_levels() {
    let coarse = Reading { labels: LabelLevel::Coarse, ..Reading::default() };
    let coarse = OpenOptions { reading: coarse, ..OpenOptions::default() };
    for name in ["cifar100", "cifar100_python"] {
        let sample = sample(name);
        sample.check();
        let corpus = Corpus::open_with(&sample.path, &coarse).unwrap();
        assert_eq!(corpus.classes(), ["fruit", "others"]);
        assert_eq!(corpus.labels().iter().map(|label| label.0).collect::<Vec<_>>(), [1, 0, 1, 0, 1], "{name}");
    }
    let binary = sample("cifar100");
    let python = sample("cifar100_python");
    assert_eq!(binary.open().identity(), python.open().identity());
    // Without lists the length of the records tells, and classes are numbers.
    for list in ["fine_label_names.txt", "coarse_label_names.txt"] {
        fs::remove_file(binary.file(list)).unwrap();
    }
    assert_eq!(binary.open().classes().len(), 100);
    binary.change("train.bin", |bytes| bytes[1] = 100);
    assert!(binary.error().contains("image 0 has label 100, expected 0 to 99"), "{}", binary.error());
    let cut = sample("cifar100");
    cut.change("test.bin", |bytes| bytes.truncate(3_075));
    assert!(cut.error().contains("found 3075 bytes") && cut.error().contains("3074"), "{}", cut.error());
}

#[test]
fn batches_saved_in_every_pickle_protocol_are_read() {
    for protocol in 0..=5 {
        sample(&format!("cifar10_protocol{protocol}")).check();
    }
}

#[test]
fn class_names_with_a_byte_order_mark_are_clean() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data_batch_1.bin"), [vec![1], vec![0; 3_072]].concat()).unwrap();
    fs::write(folder.path().join("batches.meta.txt"), "\u{feff}airplane\r\nship\r\n\r\n").unwrap();
    assert_eq!(Corpus::open(folder.path()).unwrap().classes(), ["airplane", "ship"]);
}

#[test]
fn the_description_chooses_a_layout_and_a_remark_names_the_rest() {
    let both = sample("fashion");
    for file in ["train.bin", "test.bin", "fine_label_names.txt"] {
        fs::copy(sample("cifar100").file(file), both.file(file)).unwrap();
    }
    let corpus = both.open();
    assert!(corpus.layout().starts_with("idx"));
    let remarks = corpus.account().remarks().join("\n");
    assert!(remarks.contains("left out: CIFAR-100 binary"), "{remarks}");
    fs::write(both.file("corpus.toml"), "layout = \"cifar100-binary\"\n").unwrap();
    let corpus = both.open();
    assert_eq!(corpus.layout(), "CIFAR-100 binary");
    assert!(corpus.account().remarks().join("\n").contains("left out: idx"), "{:?}", corpus.account());
    fs::write(both.file("corpus.toml"), "layout = \"cifar1000\"\n").unwrap();
    assert!(both.error().contains("cifar1000") && both.error().contains("corpus.toml"), "{}", both.error());
}
