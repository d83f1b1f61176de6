//! The cache: what is kept, what is noticed, and what happens where nothing can be written.

use std::{
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use ::image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage};

use crate::{Corpus, ImageId, OpenOptions, Reason, ShapesOptions, make_shapes};

struct Setting {
    images: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Setting {
    fn new() -> Self {
        let setting = Self { images: tempfile::tempdir().unwrap(), cache: tempfile::tempdir().unwrap() };
        for index in 0..12_u8 {
            setting.save(&format!("train/{}/{index}.png", index % 2), colour(4 + u32::from(index % 3), index));
            setting.save(&format!("test/{}/{index}.png", index % 2), colour(4, 100 + index));
        }
        setting
    }

    fn save(&self, name: &str, image: impl Into<DynamicImage>) {
        let path = self.images.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.into().save(path).unwrap();
    }

    fn options(&self) -> OpenOptions {
        OpenOptions { own_sizes: true, cache: Some(self.cache.path().to_owned()), ..OpenOptions::default() }
    }

    fn open(&self) -> Corpus {
        Corpus::open_with(self.images.path(), &self.options()).unwrap()
    }

    /// Opens and tells how many images were decoded for it.
    fn open_counted(&self) -> (Corpus, usize) {
        let mut decoded = 0;
        let corpus = Corpus::open_observed(self.images.path(), &self.options(), &mut |at| decoded = at.done).unwrap();
        (corpus, decoded)
    }

    /// The files of pixels in the cache.
    fn stored(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache.path().join("corpora")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "sources");
        names.sort();
        names
    }
}

fn colour(width: u32, value: u8) -> RgbImage {
    RgbImage::from_pixel(width, 3, Rgb([value, value / 2, 7]))
}

/// Everything that two openings must agree in.
fn assert_same(a: &Corpus, b: &Corpus) {
    assert_eq!((a.identity(), a.labels(), a.classes()), (b.identity(), b.labels(), b.classes()));
    assert_eq!((a.name(), a.path(), a.layout()), (b.name(), b.path(), b.layout()));
    assert_eq!((a.account(), a.notes(), a.sizes()), (b.account(), b.notes(), b.sizes()));
    for id in (0..a.len() as u32).map(ImageId) {
        assert_eq!((a.pixels(id), a.name_of(id), a.split_of(id)), (b.pixels(id), b.name_of(id), b.split_of(id)));
    }
}

#[test]
fn a_second_opening_decodes_nothing_and_gives_the_same() {
    let setting = Setting::new();
    fs::write(setting.images.path().join("train/0/broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    let (first, decoded) = setting.open_counted();
    assert!(decoded >= 24 && first.is_mapped() && first.account().count(Reason::Damaged) == 1);
    let (second, decoded) = setting.open_counted();
    assert_eq!(decoded, 0);
    assert_same(&first, &second);
    let memory = OpenOptions { cache: None, ..setting.options() };
    let memory = Corpus::open_with(setting.images.path(), &memory).unwrap();
    assert!(!memory.is_mapped());
    assert_same(&first, &memory);
    assert_eq!(setting.stored(), [first.identity()]);
}

#[test]
fn changed_files_are_decoded_again_and_unused_entries_removed() {
    let setting = Setting::new();
    let before = setting.open();
    setting.save("train/1/1.png", colour(4, 99));
    // Two changes within a clock's tick differ by nothing else.
    let file = fs::File::options().write(true).open(setting.images.path().join("train/1/1.png")).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
    let after = setting.open();
    assert_ne!(before.identity(), after.identity());
    let changed = (0..12).map(ImageId).find(|&id| after.name_of(id).unwrap() == "1.png").unwrap();
    assert_eq!(after.pixels(changed).unwrap()[[0, 0, 0]], 99);
    assert_eq!(setting.stored(), [after.identity()]);
    // The one opened before still has its pixels, although their file is gone.
    assert!((0..24).all(|id| before.pixels(ImageId(id)).is_some_and(|image| image[[2, 0, 0]] == 7)));
    fs::remove_file(setting.images.path().join("train/1/1.png")).unwrap();
    assert_eq!(setting.open().len(), 23);
}

#[test]
fn a_damaged_cache_is_made_again() {
    let setting = Setting::new();
    let first = setting.open();
    let pixels = setting.cache.path().join("corpora").join(first.identity());
    let sources = setting.cache.path().join("corpora/sources");
    let source = fs::read_dir(&sources).unwrap().next().unwrap().unwrap().path();
    // Not in place: the file is mapped.
    let cut = fs::read(&pixels).unwrap();
    fs::remove_file(&pixels).unwrap();
    fs::write(&pixels, &cut[..cut.len() - 1]).unwrap();
    assert_same(&first, &setting.open());
    let good = fs::read(&source).unwrap();
    for damage in [0, 30, 60, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[damage] ^= 1;
        fs::write(&source, &bad).unwrap();
        assert_same(&first, &setting.open());
        fs::write(&source, &good[..damage]).unwrap();
        assert_same(&first, &setting.open());
    }
    fs::remove_dir_all(setting.cache.path().join("corpora")).unwrap();
    assert_same(&first, &setting.open());
}

#[test]
fn without_a_cache_folder_images_are_held_in_memory_with_a_remark() {
    let setting = Setting::new();
    // A file where the folder should be: no user can write there, not even root.
    let blocked = setting.cache.path().join("file");
    fs::write(&blocked, b"").unwrap();
    let options = OpenOptions { cache: Some(blocked), ..setting.options() };
    let corpus = Corpus::open_with(setting.images.path(), &options).unwrap();
    assert!(!corpus.is_mapped());
    let remarks = corpus.account().remarks();
    assert!(remarks.len() == 1 && remarks[0].contains("held in memory") && remarks[0].contains("--cache-dir"));
    let expected = setting.open();
    assert_eq!((expected.identity(), expected.labels()), (corpus.identity(), corpus.labels()));
}

#[test]
fn grey_images_among_colours_become_colour_and_alone_stay_grey() {
    for cache in [true, false] {
        let setting = Setting::new();
        let options = OpenOptions { cache: setting.options().cache.filter(|_| cache), ..setting.options() };
        setting.save("train/0/00.png", GrayImage::from_pixel(9, 2, Luma([33])));
        let mixed = Corpus::open_with(setting.images.path(), &options).unwrap();
        assert_eq!((mixed.channels(), mixed.is_mapped()), (3, cache));
        // The natural order has `0.png` before `00.png`.
        let image = mixed.pixels(ImageId(1)).unwrap();
        assert!(image.dim() == (3, 2, 9) && image.iter().all(|&value| value == 33));
        assert_eq!(mixed.pixels(ImageId(0)).unwrap()[[2, 0, 0]], 7);
        for split in ["train", "test"] {
            fs::remove_dir_all(setting.images.path().join(split)).unwrap();
        }
        setting.save("train/0/a.png", GrayImage::from_pixel(9, 2, Luma([33])));
        setting.save("test/0/b.png", GrayImage::from_pixel(5, 2, Luma([44])));
        let grey = Corpus::open_with(setting.images.path(), &options).unwrap();
        assert_eq!((grey.channels(), grey.pixels(ImageId(1)).unwrap().dim()), (1, (1, 2, 5)));
    }
}

#[test]
fn two_openings_at_once_agree() {
    let setting = Setting::new();
    let corpora: Vec<Corpus> = std::thread::scope(|scope| {
        let openings: Vec<_> = (0..4).map(|_| scope.spawn(|| setting.open())).collect();
        openings.into_iter().map(|opening| opening.join().unwrap()).collect()
    });
    corpora.iter().skip(1).for_each(|corpus| assert_same(&corpora[0], corpus));
    assert_eq!(setting.stored(), [corpora[0].identity()]);
}

#[test]
fn small_corpora_of_raw_pixels_are_not_stored_twice() {
    let setting = Setting::new();
    let shapes = setting.images.path().join("shapes");
    make_shapes(&shapes, &ShapesOptions { images: 40, ..ShapesOptions::default() }).unwrap();
    let corpus = Corpus::open_with(&shapes, &setting.options()).unwrap();
    assert!(!corpus.is_mapped() && setting.stored().is_empty());
    assert_eq!(corpus.path(), Path::new(&shapes));
}

#[test]
fn strict_refuses_what_was_left_out() {
    let setting = Setting::new();
    let options = OpenOptions { strict: true, ..setting.options() };
    Corpus::open_with(setting.images.path(), &options).unwrap();
    fs::write(setting.images.path().join("train/0/broken.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    // Once by reading, once from the cache.
    for _ in 0..2 {
        let error = Corpus::open_with(setting.images.path(), &options).unwrap_err().to_string();
        assert!(error.contains("train/0/broken.png") && error.contains("--strict"), "{error}");
    }
}
