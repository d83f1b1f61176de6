use std::{fs, path::Path};

use ::image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage, RgbaImage};

use crate::{ClassId, Corpus, Error, ImageId, ImageShape, OpenOptions, Reason, Split};

/// A folder of images that each test fills for itself.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
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

    fn names(&self) -> Vec<String> {
        let corpus = Corpus::open(self.path()).unwrap();
        (0..corpus.len() as u32).map(|id| corpus.name_of(ImageId(id)).unwrap().into_owned()).collect()
    }
}

/// Four columns and three rows of one colour.
fn colour(rgb: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(4, 3, Rgb(rgb))
}

fn grey(value: u8) -> GrayImage {
    GrayImage::from_pixel(4, 3, ::image::Luma([value]))
}

#[test]
fn classes_and_files_are_in_natural_order_train_first() {
    let folder = Folder::new();
    for name in ["test/9/b.png", "train/10/x2.png", "train/10/x10.webp", "train/9/z.png", "train/10/x1.png"] {
        folder.save(name, colour([1, 2, 3]));
    }
    folder.save("test/11/only.png", colour([7, 8, 9]));
    folder.write("train/10/notes.txt", b"not an image, and not meant to be one");
    folder.write("train/.hidden/x.png", b"");
    let corpus = Corpus::open(folder.path()).unwrap();
    assert_eq!(corpus.classes(), ["9", "10", "11"]);
    assert_eq!(folder.names(), ["z.png", "x1.png", "x2.png", "x10.webp", "b.png", "only.png"]);
    assert_eq!(corpus.labels(), [0, 1, 1, 1, 0, 2].map(ClassId));
    assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..4, 4..6));
    assert_eq!(corpus.common_shape().unwrap(), ImageShape { channels: 3, height: 3, width: 4 });
    let last = corpus.pixels(ImageId(5)).unwrap();
    assert_eq!([last[[0, 0, 0]], last[[1, 2, 3]], last[[2, 1, 1]]], [7, 8, 9]);
    assert!(corpus.account().lost() == 0);
}

#[test]
fn pixels_are_where_they_belong() {
    let folder = Folder::new();
    let image = RgbImage::from_fn(4, 3, |x, y| Rgb([x as u8, y as u8, (10 * y + x) as u8]));
    folder.save("train/a/1.png", image);
    let corpus = Corpus::open(folder.path()).unwrap();
    for ((c, y, x), &value) in corpus.pixels(ImageId(0)).unwrap().indexed_iter() {
        assert_eq!(usize::from(value), [x, y, 10 * y + x][c], "channel {c}, row {y}, column {x}");
    }
}

#[test]
fn without_a_test_folder_every_tenth_image_of_a_class_is_for_testing() {
    for root in ["", "train/"] {
        let folder = Folder::new();
        for index in 1..=20 {
            folder.save(&format!("{root}cat/{index}.png"), colour([index, 0, 0]));
        }
        for index in 1..=9 {
            folder.save(&format!("{root}dog/{index}.png"), colour([index, 0, 0]));
        }
        let corpus = Corpus::open(folder.path()).unwrap();
        assert_eq!((corpus.range(Split::Train), corpus.range(Split::Test)), (0..27, 27..29));
        assert_eq!(folder.names()[27..], ["10.png", "20.png"]);
    }
}

#[test]
fn grey_images_stay_grey_alone_and_become_colour_among_colours() {
    let folder = Folder::new();
    folder.save("train/a/1.png", grey(10));
    folder.save("train/a/2.png", grey(20));
    let all_grey = Corpus::open(folder.path()).unwrap();
    assert_eq!(all_grey.common_shape().unwrap().channels, 1);
    assert_eq!(all_grey.pixels(ImageId(1)).unwrap().sum(), 12 * 20);
    folder.save("train/a/3.png", colour([1, 2, 3]));
    folder.save("train/a/4.png", RgbaImage::from_pixel(4, 3, ::image::Rgba([4, 5, 6, 128])));
    let mixed = Corpus::open(folder.path()).unwrap();
    assert_eq!(mixed.common_shape().unwrap().channels, 3);
    let first = |id| mixed.pixels(ImageId(id)).unwrap().slice(ndarray::s![.., 0, 0]).to_vec();
    assert_eq!([first(0), first(1), first(2), first(3)], [[10; 3], [20; 3], [1, 2, 3], [4, 5, 6]]);
}

#[test]
fn images_of_another_size_than_most_are_left_out_or_keep_their_own() {
    let folder = Folder::new();
    for index in 1..=3 {
        folder.save(&format!("train/a/{index}.png"), colour([9, 9, index]));
    }
    folder.save("train/a/4.png", RgbImage::from_pixel(8, 5, Rgb([50, 60, 70])));
    let corpus = Corpus::open(folder.path()).unwrap();
    assert_eq!((corpus.len(), corpus.account().count(Reason::OtherSize)), (3, 1));
    assert!(corpus.account().to_string().contains("train/a/4.png"), "{}", corpus.account());
    let options = OpenOptions { own_sizes: true, ..OpenOptions::default() };
    let own = Corpus::open_with(folder.path(), &options).unwrap();
    assert_eq!((own.len(), own.common_shape()), (4, None));
    assert_eq!(own.sizes(), [([3, 4], 3), ([5, 8], 1)]);
    let last = own.pixels(ImageId(3)).unwrap();
    assert_eq!((last.dim(), last[[2, 4, 7]]), ((3, 5, 8), 70));
    folder.save("train/a/5.png", RgbImage::from_pixel(8, 5, Rgb([50, 60, 70])));
    folder.save("train/a/6.png", RgbImage::from_pixel(7, 5, Rgb([50, 60, 70])));
    let error = Corpus::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("3 of 4 x 3, 2 of 8 x 5, 1 of 7 x 5") && error.contains("data.resize"), "{error}");
}

#[test]
fn broken_images_are_skipped_and_reported() {
    let folder = Folder::new();
    for index in [1, 3, 5] {
        folder.save(&format!("train/a/{index}.png"), colour([index, 0, 0]));
    }
    folder.save("train/b/photo.jpg", colour([90, 90, 90]));
    let jpeg = fs::read(folder.path().join("train/b/photo.jpg")).unwrap();
    folder.write("train/a/0.jpg", &jpeg[..jpeg.len() - 20]);
    folder.write("train/a/2.png", b"no picture at all");
    folder.write("train/a/4.webp", b"");
    folder.write("train/b/old.bmp", b"BM");
    folder.write("train/b/inner/x.png", b"");
    let corpus = Corpus::open(folder.path()).unwrap();
    assert_eq!(folder.names(), ["1.png", "3.png", "5.png", "photo.jpg"]);
    assert_eq!(corpus.pixels(ImageId(2)).unwrap()[[0, 0, 0]], 5);
    assert_eq!(corpus.labels(), [0, 0, 0, 1].map(ClassId));
    let account = corpus.account();
    let counts = [Reason::Damaged, Reason::NotAnImage, Reason::Empty].map(|reason| account.count(reason));
    assert_eq!(counts, [1, 1, 1], "{account:?}");
    assert!(account.to_string().contains("1 damaged images (train/a/0.jpg)"), "{account}");
}

#[test]
fn a_file_is_what_it_holds_and_not_what_it_is_called() {
    let folder = Folder::new();
    let mut png = Vec::new();
    DynamicImage::from(colour([1, 2, 3])).write_to(&mut std::io::Cursor::new(&mut png), ImageFormat::Png).unwrap();
    folder.write("train/a/really_a_png.JPG", &png);
    assert_eq!(Corpus::open(folder.path()).unwrap().pixels(ImageId(0)).unwrap()[[2, 0, 0]], 3);
}

#[test]
fn nothing_readable_is_an_error_that_says_so() {
    let folder = Folder::new();
    folder.write("train/a/1.png", b"x");
    folder.write("train/a/2.png", b"x");
    let error = Corpus::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::AllBroken { count: 2, .. }), "{error:?}");
    let empty = Folder::new();
    fs::create_dir_all(empty.path().join("train/a")).unwrap();
    assert!(matches!(Corpus::open(empty.path()), Err(Error::NoImages { .. })));
}

#[test]
fn one_thread_and_many_read_the_same() {
    let folder = Folder::new();
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
