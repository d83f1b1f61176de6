use std::{fs, path::Path};

use super::*;
use crate::{ClassId, Corpus, ImageId, Query, Split};

/// Writes pickles as Python 2's `cPickle.dump(value, file, 2)` does.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    memos: u32,
}

impl Writer {
    fn new() -> Self {
        Self { bytes: vec![0x80, 2], memos: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn memo(&mut self) {
        self.memos += 1;
        if let Ok(key) = u8::try_from(self.memos) {
            self.put(&[b'q', key]);
        } else {
            self.put(b"r");
            self.put(&self.memos.to_le_bytes());
        }
    }

    fn string(&mut self, text: &[u8]) {
        if let Ok(length) = u8::try_from(text.len()) {
            self.put(&[b'U', length]);
        } else {
            self.put(b"T");
            self.put(&(text.len() as u32).to_le_bytes());
        }
        self.put(text);
    }

    fn named(&mut self, text: &str) {
        self.string(text.as_bytes());
        self.memo();
    }

    fn list(&mut self, length: usize, mut item: impl FnMut(&mut Self, usize)) {
        self.put(b"]");
        self.memo();
        // cPickle appends a thousand at a time.
        for start in (0..length).step_by(1_000) {
            self.put(b"(");
            (start..length.min(start + 1_000)).for_each(|index| item(self, index));
            self.put(b"e");
        }
    }

    fn array(&mut self, rows: u16, bytes: &[u8]) {
        self.put(b"cnumpy.core.multiarray\n_reconstruct\n");
        self.memo();
        self.put(b"cnumpy\nndarray\n");
        self.memo();
        self.put(b"K\x00\x85U\x01b\x87R");
        self.memo();
        self.put(b"(K\x01M");
        self.put(&rows.to_le_bytes());
        self.put(b"M\x00\x0c\x86cnumpy\ndtype\n");
        self.memo();
        self.put(b"U\x02u1K\x00K\x01\x87R");
        self.memo();
        self.put(b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89");
        self.string(bytes);
        self.put(b"tb");
    }
}

fn batch(labels: &[u8], first_pixel: u8) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.put(b"}");
    writer.memo();
    writer.put(b"(");
    writer.named("batch_label");
    writer.named("training batch 1 of 5");
    writer.named("labels");
    writer.list(labels.len(), |writer, index| writer.put(&[b'K', labels[index]]));
    writer.named("data");
    let mut pixels = vec![0; labels.len() * SHAPE.len()];
    for (index, image) in pixels.chunks_exact_mut(SHAPE.len()).enumerate() {
        image.fill(first_pixel.wrapping_add(index as u8));
    }
    writer.array(labels.len() as u16, &pixels);
    writer.named("filenames");
    writer.list(labels.len(), |writer, index| writer.named(&format!("quarter_horse_s_{index:06}.png")));
    writer.put(b"u.");
    writer.bytes
}

fn meta(names: &[&str]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.put(b"}");
    writer.memo();
    writer.put(b"(");
    writer.named("num_cases_per_batch");
    writer.put(b"M\x10\x27");
    writer.named("label_names");
    writer.list(names.len(), |writer, index| writer.named(names[index]));
    writer.named("num_vis");
    writer.put(b"M\x00\x0cu.");
    writer.bytes
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn error(path: &Path) -> String {
    Corpus::open(path).unwrap_err().to_string()
}

#[test]
fn batches_give_labels_pixels_and_file_names() {
    let labels: Vec<u8> = (0..1_200).map(|index| (index % 2) as u8).collect();
    let corpus = folder(&[
        ("batches.meta", &meta(&["horse", "ship"])),
        ("data_batch_1", &batch(&labels, 10)),
        ("data_batch_2", &batch(&[1, 1], 20)),
        ("test_batch", &batch(&[0], 30)),
    ]);
    let corpus = Corpus::open(corpus.path()).unwrap();
    assert_eq!(corpus.classes(), ["horse", "ship"]);
    assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..1_202, 1_202..1_203));
    assert_eq!(corpus.label(ImageId(1_199)), Some(ClassId(1)));
    assert_eq!(corpus.pixels(ImageId(1_201)).unwrap()[[2, 31, 31]], 21);
    assert_eq!(corpus.pixels(ImageId(1_202)).unwrap()[[0, 0, 0]], 30);
    assert_eq!(corpus.name_of(ImageId(1_199)).unwrap(), "quarter_horse_s_001199.png");
    let query = Query { text: Some("S_001199".to_owned()), ..Query::default() };
    assert_eq!(corpus.search(&query).ids, [ImageId(1_199)]);
}

#[test]
fn python_and_binary_batches_are_the_same_corpus() {
    let labels = [3, 9, 0];
    let python = folder(&[("data_batch_1", &batch(&labels, 7)), ("test_batch", &batch(&[5], 9))]);
    let records = |labels: &[u8], first: u8| -> Vec<u8> {
        let record = |(index, &label): (usize, &u8)| [vec![label], vec![first + index as u8; SHAPE.len()]].concat();
        labels.iter().enumerate().flat_map(record).collect()
    };
    let binary = folder(&[("data_batch_1.bin", &records(&labels, 7)), ("test_batch.bin", &records(&[5], 9))]);
    let (python, binary) = (Corpus::open(python.path()).unwrap(), Corpus::open(binary.path()).unwrap());
    assert_eq!(python.identity(), binary.identity());
    assert_eq!(python.classes(), binary.classes());
}

#[test]
fn a_batch_cut_anywhere_is_an_error() {
    let whole = batch(&[1, 0], 1);
    for length in (0..whole.len() - 1).rev().step_by(97) {
        let cut = folder(&[("data_batch_1", &whole[..length])]);
        let error = error(cut.path());
        assert!(error.contains("data_batch_1") && error.contains("expected"), "cut to {length}: {error}");
    }
}

#[test]
fn nothing_but_arrays_is_ever_built() {
    let evil = folder(&[("data_batch_1", b"\x80\x02cposix\nsystem\nU\x04true\x85R.")]);
    let error_text = error(evil.path());
    assert!(error_text.contains("posix system") && error_text.contains("numpy"), "{error_text}");
    for (pickle, found) in [
        (&b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."[..], "os system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__ eval"),
        (b"\x80\x02cnumpy\nndarray\n)R.", "a call of ndarray"),
        (b"(i__main__\nX\n.", "an object of a class"),
        (b"\x80\x02c__builtin__\nbytes\n)\x81.", "an object of a class"),
        (b"\x80\x05\x97.", "a buffer outside of the file"),
        (b"\x80\x02U\x01xQ.", "a reference to something outside"),
        (b"\x80\x04\x8f.", "a set"),
        (b"\x80\x06}.", "protocol 6"),
        (b"\x80\x02}\xff.", "0xff"),
    ] {
        let folder = folder(&[("data_batch_1", pickle)]);
        assert!(error(folder.path()).contains(found), "{}", error(folder.path()));
    }
    // A few bytes that copy a string again and again.
    let string = [&b"\x80\x02c__builtin__\nbytearray\nq\x00T\x00\x10\x00\x00"[..], &[7; 4_096], b"\x85q\x01"].concat();
    let bomb = folder(&[("data_batch_1", &[&string[..], &b"h\x00h\x01R".repeat(40), b"."].concat())]);
    assert!(error(bomb.path()).contains("grow beyond the file"), "{}", error(bomb.path()));
    for nonsense in [&b"\x80\x02u."[..], b"\x80\x02(u.", b"\x80\x02}h\x07.", b"\x80\x02.", b"\x80\x02]K\x01s."] {
        let folder = folder(&[("data_batch_1", nonsense)]);
        assert!(error(folder.path()).contains("expected"), "{nonsense:?}");
    }
}

#[test]
fn wrong_contents_are_named() {
    let label = folder(&[("data_batch_1", &batch(&[1, 10], 1))]);
    assert!(error(label.path()).contains("image 1 has label 10, expected 0 to 9"));
    let empty = folder(&[("data_batch_1", b"\x80\x02}.")]);
    assert!(error(empty.path()).contains("\"data\""));
    let mut transposed = batch(&[0], 1);
    let shape = transposed.windows(6).position(|part| part == b"M\x01\x00M\x00\x0c").unwrap();
    transposed.copy_within(shape + 3..shape + 6, shape);
    transposed[shape + 3..shape + 6].copy_from_slice(b"M\x01\x00");
    let transposed = folder(&[("data_batch_1", &transposed)]);
    assert!(error(transposed.path()).contains("[3072, 1]"), "{}", error(transposed.path()));
}

proptest::proptest! {
    #[test]
    fn any_change_of_a_byte_is_read_or_refused(at in 0_usize..6_700, value in proptest::num::u8::ANY) {
        let mut bytes = batch(&[1, 0], 1);
        let length = bytes.len();
        bytes[at % length] = value;
        // Whatever comes of it, it comes back: no panic, no endless loop.
        let _ = deepviz_pickle::parse(&bytes, RULES);
    }
}

/// A string or a tuple that is in the file once can be named a million times.
#[test]
fn what_is_named_often_is_not_copied_as_often() {
    let long = "x".repeat(1_025);
    let names = folder(&[("batches.meta", &meta(&["horse", &long])), ("data_batch_1", &batch(&[0], 1))]);
    assert!(error(names.path()).contains("names of usual length"), "{}", error(names.path()));
    let mut writer = Writer::new();
    writer.put(b"}(");
    writer.named("labels");
    writer.list(1, |writer, _| writer.put(b"K\x00"));
    writer.named("data");
    writer.array(1, &[0; 3_072]);
    writer.named("filenames");
    writer.named("y.png");
    let name = writer.memos as u8;
    writer.put(b"0");
    writer.list(5_000, |writer, _| writer.put(&[b'h', name]));
    writer.put(b"u.");
    let many = folder(&[("data_batch_1", &writer.bytes)]);
    assert!(error(many.path()).contains("5000 values"), "{}", error(many.path()));
    let arguments = [&b"\x80\x02cnumpy\ndtype\n("[..], &b"K\x01".repeat(9), b"tR."].concat();
    let arguments = folder(&[("data_batch_1", &arguments)]);
    assert!(error(arguments.path()).contains("9 arguments"), "{}", error(arguments.path()));
}
