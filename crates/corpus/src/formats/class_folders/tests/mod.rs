mod every_file;
mod layouts;
mod left_out;
mod names;

use std::{fs, path::Path};

use ::image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage, RgbaImage};

use crate::{ClassId, Corpus, Error, ImageId, ImageShape, OpenOptions, Reading, Reason, Split};

/// A folder of images that each test fills for itself.
struct TestFolder(tempfile::TempDir);

impl TestFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a PNG, each of another colour, for every name.
    fn of(names: &[&str]) -> Self {
        let folder = Self::new();
        folder.add(names);
        folder
    }

    fn add(&self, names: &[&str]) {
        for (index, name) in names.iter().enumerate() {
            self.write(name, &png([index as u8, 0, 9]));
        }
    }

    /// `count` PNGs with numbers for names in a folder.
    fn fill(&self, folder: &str, count: usize) {
        for index in 0..count {
            self.write(&format!("{folder}/{index}.png"), &png([index as u8, 1, 2]));
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn save(&self, name: &str, image: impl Into<DynamicImage>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.into().save(path).unwrap();
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn make(&self, folder: &str) {
        fs::create_dir_all(self.path().join(folder)).unwrap();
    }

    fn open(&self) -> Corpus {
        Corpus::open(self.path()).unwrap()
    }

    fn refused(&self) -> String {
        Corpus::open(self.path()).unwrap_err().to_string()
    }

    fn test_from(&self, name: &str) -> Result<Corpus, Error> {
        let reading = Reading { test_from: Some(name.to_owned()), ..Reading::default() };
        Corpus::open_with(self.path(), &OpenOptions { reading, ..OpenOptions::default() })
    }

    fn names(&self) -> Vec<String> {
        names(&self.open())
    }
}

fn names(corpus: &Corpus) -> Vec<String> {
    (0..corpus.len() as u32).map(|id| corpus.name_of(ImageId(id)).unwrap().into_owned()).collect()
}

/// Images for training and for testing.
fn counts(corpus: &Corpus) -> (usize, usize) {
    (corpus.range(Split::Train).len(), corpus.range(Split::Test).len())
}

fn remarks(corpus: &Corpus) -> String {
    corpus.account().remarks().join("; ")
}

/// The first names of what was left out for a reason.
fn left_out(corpus: &Corpus, reason: Reason) -> Vec<&str> {
    let left = corpus.account().left_out().find(|left| left.reason == reason);
    left.map_or_else(Vec::new, |left| left.first.iter().map(|example| example.path.as_str()).collect())
}

/// Four columns and three rows of one colour.
fn colour(rgb: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(4, 3, Rgb(rgb))
}

fn grey(value: u8) -> GrayImage {
    GrayImage::from_pixel(4, 3, ::image::Luma([value]))
}

fn png(rgb: [u8; 3]) -> Vec<u8> {
    encoded(colour(rgb), ImageFormat::Png)
}

fn encoded(image: RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    DynamicImage::from(image).write_to(&mut std::io::Cursor::new(&mut bytes), format).unwrap();
    bytes
}

#[test]
fn classes_and_files_are_in_natural_order_train_first() {
    let folder = TestFolder::new();
    for name in ["test/9/b.png", "train/10/x2.png", "train/10/x10.webp", "train/9/z.png", "train/10/x1.png"] {
        folder.save(name, colour([1, 2, 3]));
    }
    folder.save("test/11/only.png", colour([7, 8, 9]));
    folder.write("train/10/notes.txt", b"not an image, and not meant to be one");
    folder.write("train/.hidden/x.png", b"");
    let corpus = folder.open();
    assert_eq!(corpus.classes(), ["9", "10", "11"]);
    assert_eq!(folder.names(), ["z.png", "x1.png", "x2.png", "x10.webp", "b.png", "only.png"]);
    assert_eq!(corpus.labels(), [0, 1, 1, 1, 0, 2].map(ClassId));
    assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..4, 4..6));
    assert_eq!(corpus.common_shape(), Some(ImageShape { channels: 3, height: 3, width: 4 }));
    let last = corpus.pixels(ImageId(5)).unwrap();
    assert_eq!([last[[0, 0, 0]], last[[1, 2, 3]], last[[2, 1, 1]]], [7, 8, 9]);
    assert_eq!(corpus.account().lost(), 0);
    assert_eq!(left_out(&corpus, Reason::NotAnImage), ["train/10/notes.txt"]);
    assert_eq!(left_out(&corpus, Reason::System), ["train/.hidden"]);
    assert!(remarks(&corpus).contains("11"), "a class without training images: {}", remarks(&corpus));
}

#[test]
fn pixels_are_where_they_belong() {
    let folder = TestFolder::new();
    let image = RgbImage::from_fn(4, 3, |x, y| Rgb([x as u8, y as u8, (10 * y + x) as u8]));
    folder.save("train/a/1.png", image);
    let corpus = folder.open();
    for ((c, y, x), &value) in corpus.pixels(ImageId(0)).unwrap().indexed_iter() {
        assert_eq!(usize::from(value), [x, y, 10 * y + x][c], "channel {c}, row {y}, column {x}");
    }
}

#[test]
fn without_a_test_folder_every_tenth_image_of_a_class_is_for_testing() {
    for root in ["", "train/"] {
        let folder = TestFolder::new();
        for index in 1..=20 {
            folder.save(&format!("{root}cat/{index}.png"), colour([index, 0, 0]));
        }
        for index in 1..=9 {
            folder.save(&format!("{root}dog/{index}.png"), colour([index, 0, 0]));
        }
        // Notes do not count.
        folder.write(&format!("{root}cat/1.txt"), b"a cat");
        let corpus = folder.open();
        assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..27, 27..29));
        assert_eq!(folder.names()[27..], ["10.png", "20.png"]);
        assert!(remarks(&corpus).contains("every tenth"), "{}", remarks(&corpus));
    }
}

#[test]
fn grey_images_stay_grey_alone_and_become_colour_among_colours() {
    let folder = TestFolder::new();
    folder.save("train/a/1.png", grey(10));
    folder.save("train/a/2.png", grey(20));
    let all_grey = folder.open();
    assert_eq!(all_grey.channels(), 1);
    assert_eq!(all_grey.pixels(ImageId(1)).unwrap().sum(), 12 * 20);
    folder.save("train/a/3.png", colour([1, 2, 3]));
    folder.save("train/a/4.png", RgbaImage::from_pixel(4, 3, ::image::Rgba([4, 5, 6, 128])));
    let mixed = folder.open();
    assert_eq!(mixed.channels(), 3);
    let first = |id| mixed.pixels(ImageId(id)).unwrap().slice(ndarray::s![.., 0, 0]).to_vec();
    assert_eq!([first(0), first(1), first(2), first(3)], [[10; 3], [20; 3], [1, 2, 3], [4, 5, 6]]);
}

#[test]
fn a_corpus_without_a_readable_image_is_an_error() {
    let folder = TestFolder::new();
    folder.write("train/a/1.png", b"x");
    folder.write("train/a/2.png", b"x");
    let error = Corpus::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::AllBroken { count: 2, .. }), "{error:?}");
    let empty = TestFolder::new();
    empty.make("train/a");
    assert!(matches!(Corpus::open(empty.path()), Err(Error::NotACorpus { .. })));
}

#[test]
fn one_thread_and_many_read_the_same() {
    let folder = TestFolder::new();
    for index in 0..40 {
        folder.save(&format!("train/a/{index}.jpg"), colour([index, 2 * index, 3 * index]));
    }
    folder.write("train/a/7.png", b"broken");
    let identity = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Corpus::open(folder.path())).unwrap().identity().to_owned()
    };
    assert_eq!(identity(1), identity(5));
}
