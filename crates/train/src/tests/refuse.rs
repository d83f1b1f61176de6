//! Jobs that training refuses, and its messages.

use super::{RECIPE, corpus, job, reference, run};
use crate::Job;
use deepviz_corpus::Corpus;
use deepviz_fixtures::shapes;
use deepviz_net::{Device, Recipe, Run, RunLock, Step, VectorLevel};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn copy_of_reference(folder: &Path) -> PathBuf {
    let out = folder.join("run");
    std::fs::create_dir_all(out.join("snapshots")).unwrap();
    let (_, reference) = reference();
    std::fs::copy(reference.join("run.toml"), out.join("run.toml")).unwrap();
    out
}

fn message(job: &Job) -> String {
    run(job).unwrap_err().to_string()
}

#[test]
fn what_changed_since_is_refused_on_resume() {
    let folder = tempfile::tempdir().unwrap();
    let mut base = job(&copy_of_reference(folder.path()));
    base.resume = true;
    let mut changed = base.clone();
    changed.recipe = Recipe::parse(RECIPE, "s", &[("train.batch".into(), "16".into())]).unwrap();
    changed.recipe.name = "small".into();
    let text = message(&changed);
    assert!(text.contains("`batch = 32`, now it is `batch = 16`"), "{text}");
    changed = base.clone();
    changed.seed = Some(9);
    assert!(message(&changed).contains("seed 1, now it is 9"));
    changed = base.clone();
    changed.limit_images = Some(100);
    assert!(message(&changed).contains("number of images 360, now it is 100"));
    changed = base.clone();
    changed.device = Device::cpu(Some(1), Some(VectorLevel::Portable)).unwrap();
    if VectorLevel::detect() != VectorLevel::Portable {
        let text = message(&changed);
        assert!(text.contains("vector level") && text.contains("portable"), "{text}");
    }
    changed = base.clone();
    changed.corpus = Arc::new(shapes(&folder.path().join("other"), 480, 4));
    assert!(message(&changed).contains("corpus identity"), "{}", message(&changed));
    let path = base.out.join("run.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("format = 1", "format = 3", 1)).unwrap();
    assert!(message(&base).contains("format 3"), "{}", message(&base));
}

/// The corpus of the reference as folders of pictures, whose classes the change renames, adds or removes.
fn as_folders(place: &Path, names: impl Fn(&str) -> Option<String>, more: &[&str]) -> Arc<Corpus> {
    let corpus = corpus();
    for split in [deepviz_corpus::Split::Train, deepviz_corpus::Split::Test] {
        for id in corpus.range(split) {
            let name = &corpus.classes()[usize::from(corpus.labels()[id as usize].0)];
            let Some(name) = names(name) else { continue };
            let folder = place.join(split.as_str()).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let pixels = corpus.pixels(deepviz_corpus::ImageId(id)).unwrap();
            let (height, width) = (pixels.dim().1 as u32, pixels.dim().2 as u32);
            let image = image::RgbImage::from_fn(width, height, |x, y| {
                image::Rgb([0, 1, 2].map(|channel| pixels[[channel, y as usize, x as usize]]))
            });
            image.save(folder.join(format!("{id}.png"))).unwrap();
        }
    }
    for name in more {
        let folder = place.join("train").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        image::RgbImage::new(32, 32).save(folder.join("x.png")).unwrap();
    }
    Arc::new(Corpus::open(place).unwrap())
}

#[test]
fn the_class_that_changed_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut base = job(&folder.path().join("run"));
    base.recipe =
        Recipe::parse(RECIPE, "small", &[("train.stages".into(), "[{ epochs = 1, rate = 0.01 }]".into())]).unwrap();
    base.corpus = as_folders(&folder.path().join("before"), |name| Some(name.to_owned()), &[]);
    run(&base).unwrap();
    base.resume = true;
    let classes = corpus().classes().to_vec();
    let (first, last) = (classes[0].clone(), classes[9].clone());
    let same = |name: &str| Some(name.to_owned());
    let renamed = |name: &str| Some(if name == first { "unicorn".to_owned() } else { name.to_owned() });
    let fewer = |name: &str| (name != last).then(|| name.to_owned());
    for (case, corpus, words) in [
        (
            "added",
            as_folders(&folder.path().join("added"), same, &["extra"]),
            vec!["has the class `extra`", "11 classes"],
        ),
        ("renamed", as_folders(&folder.path().join("renamed"), renamed, &[]), vec!["`unicorn`", &first]),
        ("fewer", as_folders(&folder.path().join("fewer"), fewer, &[]), vec!["lacks the class", &last]),
    ] {
        let mut changed = base.clone();
        changed.corpus = corpus;
        let text = message(&changed);
        for word in words {
            assert!(text.contains(word), "{case}: no {word:?} in {text}");
        }
    }
}

#[test]
fn a_network_for_another_number_of_classes_is_refused_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = job(&folder.path().join("run"));
    wrong.recipe = Recipe::parse(&RECIPE.replace("outputs = 10", "outputs = 9"), "s", &[]).unwrap();
    let text = message(&wrong);
    for word in ["one input a class", "9x1x1", "3x32x32 and 10 classes (disc, ellipse, ring", "shapes"] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn folders_with_content_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let job_in = |out: &Path| job(out);
    let run_folder = copy_of_reference(folder.path());
    let text = message(&job_in(&run_folder));
    assert!(text.contains("already holds a run; give --resume"), "{text}");
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("letter.txt"), "x").unwrap();
    for resume in [false, true] {
        let mut job = job_in(&other);
        job.resume = resume;
        assert!(message(&job).contains("already holds `letter.txt`"));
    }
    assert!(!other.join("train.lock").exists() || other.join("letter.txt").exists());
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let text = message(&job_in(&file.join("run")));
    assert!(text.contains("cannot") && text.contains("file"), "{text}");
}

#[test]
fn a_run_being_trained_is_not_trained_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(&copy_of_reference(folder.path()));
    job.resume = true;
    let _lock = RunLock::acquire(&job.out).unwrap();
    let text = message(&job);
    assert!(text.contains("is being trained by process"), "{text}");
}

#[test]
fn divergence_is_an_error_and_earlier_snapshots_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(&folder.path().join("run"));
    let sets = [("train.stages".to_owned(), "[{ epochs = 2, rate = 1e30 }]".to_owned())];
    job.recipe = Recipe::parse(RECIPE, "small", &sets).unwrap();
    assert!(message(&job).contains("training diverged at step"));
    assert!(Run::open(&job.out).unwrap().snapshot(Step(0)).is_ok());
}

#[test]
fn a_limit_draws_images_of_every_class() {
    let corpus = corpus();
    let sampler = crate::sampler::Sampler::new(&corpus, Some(100), 1, deepviz_net::recipe::Shuffle::None);
    let ids = sampler.epoch(0).ids;
    assert_eq!(ids.len(), 100);
    let mut classes: Vec<_> = ids.iter().map(|id| corpus.labels()[*id as usize]).collect();
    classes.sort_unstable();
    classes.dedup();
    assert_eq!(classes.len(), 10);
}
