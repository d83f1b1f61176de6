//! Files that promise more than they may: refused by what they promise, before anything is allocated or written by it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use deepviz_corpus::{Corpus, Error, Limits, OpenOptions, Reason};
use flate2::{Compression, write::GzEncoder};
use image::{GrayImage, RgbImage};

use crate::samples::sample;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}

/// Opens with limits, in memory and into a cache: the error, which is the same for both. Nothing is left in the cache.
fn refused(path: &Path, limits: Limits) -> Error {
    let cache = tempfile::tempdir().unwrap();
    let [in_memory, in_cache] = [None, Some(cache.path().to_owned())].map(|cache| {
        let options = OpenOptions { limits, cache, own_sizes: true, ..OpenOptions::default() };
        Corpus::open_with(path, &options).unwrap_err()
    });
    assert_eq!(in_memory.to_string(), in_cache.to_string());
    let written = fs::read_dir(cache.path().join("corpora")).into_iter().flatten();
    assert_eq!(written.filter(|entry| entry.as_ref().unwrap().file_name() != "sources").count(), 0);
    in_memory
}

fn bytes(decoded_bytes: u64) -> Limits {
    Limits { decoded_bytes, ..Limits::default() }
}

fn images(images: usize) -> Limits {
    Limits { images, ..Limits::default() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn pixels_are_counted_by_their_heads() {
    let place = Place::new();
    for number in 0..6 {
        let path = place.file(&format!("{}/{number}.png", number % 2));
        RgbImage::new(400, 300).save(path).unwrap();
    }
    // Six pictures of 360,000 bytes.
    Corpus::open_with(place.folder.path(), &OpenOptions { limits: bytes(2_160_000), ..OpenOptions::default() })
        .unwrap();
    let error = refused(place.folder.path(), bytes(2_159_999));
    assert!(matches!(error, Error::TooLarge { found: 2_160_000, max: 2_159_999, .. }), "{error}");
    let error = refused(place.folder.path(), images(5));
    assert!(matches!(error, Error::TooMany { what: "images", max: 5, .. }), "{error}");
}

#[test]
fn the_cache_is_bounded_too() {
    let (place, cache) = (Place::new(), tempfile::tempdir().unwrap());
    RgbImage::new(40, 30).save(place.file("a/1.png")).unwrap();
    RgbImage::new(40, 30).save(place.file("b/1.png")).unwrap();
    let open = |limits| {
        let cache = Some(cache.path().to_owned());
        Corpus::open_with(place.folder.path(), &OpenOptions { limits, cache, ..OpenOptions::default() })
    };
    assert_eq!(open(Limits::default()).unwrap().decoded_bytes(), 7_200);
    assert!(matches!(open(bytes(7_199)).unwrap_err(), Error::TooLarge { .. }));
    assert!(open(bytes(7_200)).unwrap().is_mapped());
}

/// One picture in colour makes all others three times as large.
#[test]
fn grey_pictures_that_become_colour_are_counted_as_such() {
    let place = Place::new();
    for number in 0..9 {
        GrayImage::new(100, 100).save(place.file(&format!("a/{number}.png"))).unwrap();
    }
    RgbImage::new(1, 1).save(place.file("b/1.png")).unwrap();
    let error = refused(place.folder.path(), bytes(200_000));
    assert!(matches!(error, Error::TooLarge { found: 270_003, .. }), "{error}");
}

#[test]
fn archives_are_unpacked_up_to_their_limit() {
    let place = Place::new();
    let mut tar = tar::Builder::new(Vec::new());
    for number in 0..20 {
        let mut header = tar::Header::new_gnu();
        header.set_size(100_000);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("a/{number}.png"), &vec![0; 100_000][..]).unwrap();
    }
    let path = place.file("bomb.tar.gz");
    let packed = gzip(&tar.into_inner().unwrap());
    assert!(packed.len() < 30_000, "{}", packed.len());
    fs::write(&path, &packed).unwrap();
    let error = refused(&path, bytes(1_000_000));
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let error = refused(&path, images(9));
    assert!(matches!(error, Error::TooMany { what: "files in the archive", found: 19, max: 18, .. }), "{error}");
}

#[test]
fn a_name_without_end_is_not_read() {
    let place = Place::new();
    let mut tar = Vec::new();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.as_mut_bytes()[..13].copy_from_slice(b"././@LongLink");
    header.set_size(3 << 20);
    header.set_cksum();
    tar.extend(header.as_bytes());
    tar.resize(tar.len() + (3 << 20), b'a');
    tar.extend([0; 1024]);
    let path = place.file("long.tar");
    fs::write(&path, tar).unwrap();
    let error = Corpus::open(&path).unwrap_err().to_string();
    assert!(error.contains("headers are too long"), "{error}");
}

#[test]
fn labels_are_counted_before_they_are_unpacked() {
    let place = Place::new();
    // A million labels in a kilobyte, and as many images of one pixel.
    let head = |kind: u8, sides: &[u32]| {
        let sides = sides.iter().flat_map(|side| side.to_be_bytes());
        [0, 0, 8, kind].into_iter().chain(sides).collect::<Vec<u8>>()
    };
    let zeros = vec![0; 1_000_000];
    let labels = gzip(&[head(1, &[1_000_000]), zeros.clone()].concat());
    fs::write(place.file("train-labels-idx1-ubyte.gz"), labels).unwrap();
    let images_of_one = gzip(&[head(3, &[1_000_000, 1, 1]), zeros].concat());
    fs::write(place.file("train-images-idx3-ubyte.gz"), images_of_one).unwrap();
    let error = refused(place.folder.path(), images(999_999));
    assert!(matches!(error, Error::TooMany { found: 1_000_000, .. }), "{error}");
    // A picture of more pixels than any has.
    let large = head(3, &[1, 16_384, 16_384]);
    fs::write(place.file("train-images-idx3-ubyte.gz"), gzip(&[large, vec![0; 300_000_000]].concat())).unwrap();
    fs::write(place.file("train-labels-idx1-ubyte.gz"), gzip(&[head(1, &[1]), vec![0]].concat())).unwrap();
    let error = Corpus::open(place.folder.path()).unwrap_err().to_string();
    assert!(error.contains("16384 x 16384") && error.contains("100 megapixels"), "{error}");
}

#[test]
fn rows_of_parquet_files_are_counted_and_their_metadata_bounded() {
    for name in ["parquet", "parquet_words"] {
        let table = sample(name);
        let error = refused(&table.path, images(1));
        assert!(matches!(error, Error::TooMany { max: 1, .. }), "{error}");
        let file = walk(&table.path).into_iter().find(|path| path.extension().is_some_and(|end| end == "parquet"));
        let file = file.unwrap();
        let mut bytes = fs::read(&file).unwrap();
        let length = bytes.len();
        bytes[length - 8..length - 4].copy_from_slice(&u32::MAX.to_le_bytes());
        fs::write(&file, bytes).unwrap();
        let error = table.error();
        assert!(error.contains("metadata of 4294967295 bytes"), "{error}");
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Opening a pipe that has no writer blocks for ever.
#[test]
#[cfg(unix)]
fn pipes_are_left_out_whatever_they_are_called() {
    let place = Place::new();
    GrayImage::new(4, 4).save(place.file("train/a/1.png")).unwrap();
    let pipes = [
        "data_batch_1.bin",
        "data_batch_1",
        "test_batch",
        "train",
        "train_X.bin",
        "train_y.bin",
        "train_32x32.mat",
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "0000.parquet",
        "train-000000.tar",
        "corpus.json",
        "corpus.toml",
        "wnids.txt",
        "train/a/2.png",
        "train/a/unknown",
    ];
    let free = pipes.iter().filter(|name| !place.file(name).exists());
    let made: Vec<_> = free.map(|name| std::process::Command::new("mkfifo").arg(place.file(name)).status()).collect();
    assert!(made.len() == pipes.len() - 1 && made.iter().all(|made| made.as_ref().unwrap().success()));
    let corpus = Corpus::open(place.folder.path()).unwrap();
    // corpus.toml is deepViz's own, whatever it is.
    let left_out = corpus.account().count(Reason::Unreadable);
    assert_eq!((corpus.len(), left_out), (1, made.len() - 1), "{}", corpus.account());
}

#[test]
fn descriptions_and_lists_are_short() {
    let place = Place::new();
    RgbImage::new(4, 4).save(place.file("train/a/1.png")).unwrap();
    fs::File::create(place.file("corpus.toml")).unwrap().set_len(20 << 20).unwrap();
    let error = Corpus::open(place.folder.path()).unwrap_err().to_string();
    assert!(error.contains("more than 16 MiB") && error.contains("corpus.toml"), "{error}");
}
