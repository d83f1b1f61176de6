//! Folders of pictures, and a network small enough to learn them in a moment.

use std::fs;
use std::path::Path;

use super::Lab;

/// For three classes of pictures of any size.
pub const TINY: &str = r#"
[data]
mean = "channel"
scale = 0.01
[[layer]]
name = "conv1"
type = "conv"
filters = 8
size = 5
stride = 2
padding = 2
[[layer]]
name = "relu1"
type = "relu"
[[layer]]
name = "pool1"
type = "pool"
pool = "max"
size = 2
stride = 2
[[layer]]
name = "fc16"
type = "full"
outputs = 16
[[layer]]
name = "relu2"
type = "relu"
[[layer]]
name = "fc3"
type = "full"
outputs = 3
[[layer]]
name = "probs"
type = "softmax"
[train]
batch = 16
stages = [{ epochs = 3, rate = 0.02 }]
[snapshots]
every = "1 epoch"
"#;

/// What the pictures of [`write_images`] are of.
pub const CLASSES: [&str; 3] = ["cat", "dog", "owl"];

/// The pixels of a picture: others for every class and number.
pub fn picture(side: u32, class: usize, number: u32) -> image::RgbImage {
    image::RgbImage::from_fn(side, side, |x, y| {
        let value = (x * (class as u32 + 1) * 7 + y * 3 + number * 11) % 256;
        image::Rgb([value as u8, (value * 5 % 256) as u8, (class * 90 % 256) as u8])
    })
}

/// Writes `count` pictures of a class into a folder.
pub fn fill(folder: &Path, class: usize, count: u32) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        picture(32, class, number).save(folder.join(format!("{number}.png"))).unwrap();
    }
}

/// Folders of three classes, 40 pictures each to learn from and 8 to test.
pub fn write_images(base: &Path) {
    for (class, name) in CLASSES.into_iter().enumerate() {
        fill(&base.join("train").join(name), class, 40);
        fill(&base.join("test").join(name), class, 8);
    }
}

/// A laboratory with `tiny.toml` and the folders of three classes in `base`.
pub fn with_base() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("tiny.toml"), TINY).unwrap();
    write_images(&lab.path("base"));
    lab
}

impl Lab {
    /// Trains `tiny.toml` on a corpus.
    pub fn train_tiny(&self, corpus: &str, out: &str, more: &[&str]) -> super::Outcome {
        let args = ["train", "tiny.toml", "--corpus", corpus, "--out", out, "--device", "cpu"];
        self.run(&[&args[..], more].concat())
    }

    /// What `corpus info --json` says.
    pub fn info(&self, corpus: &str) -> serde_json::Value {
        let outcome = self.run(&["corpus", "info", corpus, "--json"]).expect_good();
        serde_json::from_str(&outcome.stdout).unwrap()
    }
}
