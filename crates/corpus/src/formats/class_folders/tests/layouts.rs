//! Splits and classes among folders.

use super::*;

/// A folder with two classes of three images under a split's path.
fn with(splits: &[&str]) -> TestFolder {
    let folder = TestFolder::new();
    for split in splits {
        folder.fill(&format!("{split}/cat"), 3);
        folder.fill(&format!("{split}/dog"), 3);
    }
    folder
}

#[test]
fn splits_have_many_names() {
    for [train, test] in [
        ["train", "test"],
        ["Train", "Test"],
        ["TRAINING", "TESTING"],
        ["training_set", "test_set"],
        ["seg_train", "seg_test"],
        ["seg_train/seg_train", "seg_test/seg_test"],
        ["train/images", "test/images"],
        ["data/set/train", "data/set/test"],
        ["train", "val"],
        ["train", "valid"],
        ["train", "Validation"],
        ["train", "dev"],
        ["train", "eval"],
        ["train2017", "val2017"],
        ["TRAIN", "VALID"],
        ["TrainImages", "TestImages"],
        ["trainingset", "validationset"],
        ["train_dir", "test_dir"],
    ] {
        let corpus = with(&[train, test]).open();
        assert_eq!(counts(&corpus), (6, 6), "{train}, {test}");
        assert_eq!(corpus.classes(), ["cat", "dog"], "{train}, {test}");
        assert_eq!(corpus.account().lost(), 0, "{train}, {test}: {}", corpus.account());
    }
}

#[test]
fn of_three_labelled_splits_validation_is_left_out_and_can_be_chosen() {
    let folder = with(&["train", "val", "test"]);
    folder.write("val/cat/more.png", &png([7, 7, 7]));
    let corpus = folder.open();
    assert_eq!(counts(&corpus), (6, 6));
    assert_eq!(corpus.account().count(Reason::OtherSplit), 7);
    assert!(remarks(&corpus).contains("test/ is the test split; val/ is labelled too"), "{}", remarks(&corpus));
    for name in ["val", "VAL", "val/"] {
        let corpus = folder.test_from(name).unwrap();
        assert_eq!(counts(&corpus), (6, 7));
        assert_eq!(corpus.account().count(Reason::OtherSplit), 6);
    }
    let error = folder.test_from("dev").unwrap_err().to_string();
    assert!(error.contains("\"dev\"") && error.contains("test or val"), "{error}");
    assert!(folder.test_from("train").is_err());
}

#[test]
fn a_flat_test_folder_is_no_split_and_is_reported() {
    let folder = TestFolder::new();
    folder.fill("train/cat", 20);
    folder.fill("train/dog", 20);
    folder.fill("test", 10);
    let corpus = folder.open();
    assert_eq!(counts(&corpus), (36, 4));
    assert_eq!(corpus.account().count(Reason::Unlabelled), 10);
    assert!(remarks(&corpus).contains("test/ holds images without class folders"), "{}", remarks(&corpus));
    folder.fill("val/cat", 5);
    folder.fill("val/dog", 5);
    let corpus = folder.open();
    assert_eq!(counts(&corpus), (40, 10));
    assert_eq!(corpus.account().count(Reason::Unlabelled), 10);
    assert!(remarks(&corpus).contains("val/ is the test split"), "{}", remarks(&corpus));
    // As YOLO's folders are: images and labels without classes.
    let folder = TestFolder::of(&["train/images/1.png", "valid/images/1.png"]);
    folder.write("train/labels/1.txt", b"0 0.5 0.5 1 1");
    assert!(folder.refused().contains("no class folders"), "{}", folder.refused());
}

#[test]
fn classes_may_hold_their_images_one_folder_deeper() {
    let folder = TestFolder::of(&["train/cat/images/1.png", "train/cat/images/2.png", "train/dog/images/1.png"]);
    folder.write("train/cat/cat_boxes.txt", b"1 2 3 4");
    folder.add(&["test/cat/1.png", "test/dog/a/b/1.png"]);
    let corpus = folder.open();
    assert_eq!((corpus.classes(), counts(&corpus)), (&["cat".to_owned(), "dog".to_owned()][..], (3, 2)));
    // The same parts in every class.
    let parts = TestFolder::of(&["cat/left/1.png", "cat/right/1.png", "dog/left/1.png", "dog/right/2.png"]);
    assert_eq!(parts.open().classes(), ["cat", "dog"]);
    assert_eq!(parts.names(), ["1.png", "1.png", "1.png", "2.png"]);
    // Classes of classes.
    let groups = TestFolder::of(&["train/pets/cat/1.png", "train/pets/dog/1.png", "train/cars/bus/1.png"]);
    let error = groups.refused();
    assert!(error.contains("pets holds cat/, dog/") && error.contains("understood are"), "{error}");
}

#[test]
fn splits_may_lie_in_the_classes() {
    let folder = TestFolder::new();
    for class in ["cat", "dog"] {
        folder.fill(&format!("{class}/train"), 4);
        folder.fill(&format!("{class}/test"), 2);
        folder.fill(&format!("{class}/val"), 1);
    }
    let corpus = folder.open();
    assert_eq!((corpus.classes(), counts(&corpus)), (&["cat".to_owned(), "dog".to_owned()][..], (8, 4)));
    assert_eq!(corpus.account().count(Reason::OtherSplit), 2);
    assert_eq!(counts(&folder.test_from("val").unwrap()), (8, 2));
    assert!(folder.test_from("dev").is_err());
}

#[test]
fn what_can_be_understood_in_two_ways_is_refused_by_name() {
    let refused = |folder: &TestFolder, words: &[&str]| {
        let error = folder.refused();
        for word in words.iter().chain(&["cannot tell splits and classes apart", "<split>/<class>/*"]) {
            assert!(error.contains(word), "{word}: {error}");
        }
    };
    refused(&with(&["train", "Training"]), &["Training/, train/", "the training split"]);
    refused(&with(&["train", "valid", "dev"]), &["dev/, valid/", "the test split"]);
    refused(&TestFolder::of(&["train/1.png", "test/2.png"]), &["test/, train/", "no class folders"]);
    let both = with(&["train"]);
    both.fill("bus", 2);
    both.fill("car", 2);
    refused(&both, &["train/", "bus/, car/"]);
    // Two halves of a test split, and the way out.
    let halves = with(&["Training", "PublicTest", "PrivateTest"]);
    refused(&halves, &["PrivateTest/, PublicTest/", "the test split"]);
    assert_eq!(counts(&halves.test_from("PublicTest").unwrap()), (6, 6));
    // The plainer name goes first, the other is reported.
    let plainer = with(&["train", "train_extra", "test"]).open();
    assert_eq!((counts(&plainer), plainer.account().lost()), ((6, 6), 6));
}

#[test]
fn a_class_may_be_called_like_a_split() {
    let folder = TestFolder::of(&["bus/1.png", "train/1.png", "car/1.png"]);
    assert_eq!(folder.open().classes(), ["bus", "car", "train"]);
    let folder = TestFolder::of(&["valid/1.png", "invalid/1.png"]);
    assert_eq!(folder.open().classes(), ["invalid", "valid"]);
    let folder = TestFolder::of(&["crash_test/1.png", "street/1.png", "field/2.png"]);
    assert_eq!(folder.open().classes().len(), 3);
    let folder = TestFolder::of(&["cat/1.png", "dog/1.png", "test/1.png"]);
    let corpus = folder.open();
    assert_eq!((corpus.classes().len(), corpus.account().count(Reason::Unlabelled)), (2, 1));
    let folder = TestFolder::of(&["train/train/1.png", "train/bus/1.png", "test/bus/1.png"]);
    assert_eq!(folder.open().classes(), ["bus", "train"]);
}

#[test]
fn notes_beside_a_wrapping_folder_do_not_hide_it() {
    let folder = with(&["archive/train", "archive/test"]);
    folder.write("README.md", b"read me");
    folder.write("docs/index.html", b"<html>");
    let corpus = folder.open();
    assert_eq!(counts(&corpus), (6, 6));
    assert_eq!(left_out(&corpus, Reason::NotAnImage), ["README.md", "docs/index.html"]);
}
