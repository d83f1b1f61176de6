//! Messages on wrong usage and bad input.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;

use fixture::Fixture;

#[test]
fn wrong_usage_exits_with_2() {
    let fixture = Fixture::new();
    for args in [
        &["trian"][..],
        &["train", "shapes-quick"],
        &["train", "shapes-quick", "--corpus", "a", "--out", "b", "--device", "gpu"],
        &["train", "shapes-quick", "--corpus", "a", "--out", "b", "--set", "nothing"],
        &["serve"],
        &["serve", "run", "--addr", "nowhere"],
        &["demo", "--epochs", "0"],
        &["demo", "--images", "5"],
        &["corpus", "make", "shapes", "--out", "shapes", "--images", "19"],
        &["stats", "run", "--clusters", "many"],
    ] {
        let outcome = fixture.run(args);
        assert_eq!(outcome.code, Some(2), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("--help"), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{args:?}");
    }
}

#[test]
fn version_and_help_succeed() {
    let fixture = Fixture::new();
    let version = fixture.run(&["--version"]).expect_good();
    assert_eq!(version.stdout.trim(), format!("deepviz {}", env!("CARGO_PKG_VERSION")));
    let help = fixture.run(&["help"]).expect_good();
    for command in ["demo", "train", "stats", "serve", "render", "inspect", "corpus", "doctor"] {
        assert!(help.stdout.contains(command), "{command}");
    }
}

#[test]
fn an_unknown_recipe_names_the_built_in_ones() {
    let fixture = Fixture::new();
    fixture.run(&["train", "nothing-like-it", "--corpus", "shapes", "--out", "run"]).expect_error(&[
        "nothing-like-it",
        "shapes-quick",
        "cifar10-80sec",
    ]);
}

#[test]
fn an_unknown_recipe_key_is_named_with_its_line() {
    let fixture = Fixture::with_shapes();
    let text = fixture.run(&["inspect", "shapes-quick", "--json"]).expect_good();
    assert!(text.stdout.contains("\"kind\":\"recipe\""));
    let recipe =
        fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/shapes-quick.toml"))
            .unwrap();
    let line = recipe.lines().position(|line| line == "[train]").unwrap() + 2;
    let broken = recipe.replace("[train]\n", "[train]\nmomentun = 0.9\n");
    fs::write(fixture.path("broken.toml"), broken).unwrap();
    fixture.run(&["train", "broken.toml", "--corpus", "shapes", "--out", "run"]).expect_error(&[
        "broken.toml",
        "momentun",
        "momentum",
        &line.to_string(),
    ]);
    assert!(!fixture.path("run").exists(), "a recipe that cannot be read leaves no run behind");
    fixture.train("run", &["--set", "train.bacth=3"]).expect_error(&["bacth", "batch"]);
}

#[test]
fn cuda_is_refused_with_one_sentence_if_missing() {
    if deepviz_net::Device::cuda(0).is_ok() {
        return;
    }
    let fixture = Fixture::with_shapes();
    for device in ["cuda", "cuda:1"] {
        fixture.train("run", &["--device", device]).expect_error(&[
            &format!("device {}", if device == "cuda" { "cuda:0" } else { device }),
            "driver",
            "--device cpu",
        ]);
    }
    assert!(!fixture.path("run").exists());
}

#[test]
fn a_folder_that_is_no_corpus_is_refused() {
    let fixture = Fixture::new();
    fixture.run(&["corpus", "info", "nowhere"]).expect_error(&["nowhere"]);
    fs::create_dir(fixture.path("empty")).unwrap();
    fixture.run(&["corpus", "info", "empty"]).expect_error(&["empty", "expected"]);
    fixture.run(&["train", "shapes-quick", "--corpus", "empty", "--out", "run"]).expect_error(&["empty", "expected"]);
}

#[test]
fn a_broken_image_is_reported_and_the_rest_is_used() {
    let fixture = Fixture::new();
    for (split, count) in [("train", 6), ("test", 2)] {
        for class in ["cat", "dog"] {
            let folder = fixture.path("photos").join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            for index in 0..count {
                let image = image::RgbImage::from_fn(32, 32, |x, y| image::Rgb([x as u8 * 8, y as u8 * 8, index * 30]));
                image.save(folder.join(format!("{index}.png"))).unwrap();
            }
        }
    }
    let broken = fixture.path("photos/train/cat/3.png");
    let bytes = fs::read(&broken).unwrap();
    fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let info = fixture.run(&["corpus", "info", "photos", "--json"]).expect_good();
    let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
    assert_eq!(info["images"], 15);
    let left = &info["account"]["left_out"]["damaged"];
    assert_eq!((&left["count"], &left["first"][0]["path"]), (&1.into(), &"train/cat/3.png".into()));
    let outcome = fixture.run(&[
        "train",
        "shapes-quick",
        "--corpus",
        "photos",
        "--out",
        "run",
        "--epochs",
        "1",
        "--set",
        "train.batch=4",
        "--set",
        "layer.fc10.outputs=2",
    ]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("3.png"), "{}", outcome.stderr);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let fixture = Fixture::with_shapes();
    // Not even root can make a folder under a file.
    fs::write(fixture.path("file"), "").unwrap();
    fixture.train("file/run", &[]).expect_error(&["file/run"]);
    fixture.train("file", &[]).expect_error(&["file"]);
    fixture
        .run(&["corpus", "make", "shapes", "--out", "file/shapes", "--images", "100"])
        .expect_error(&["file/shapes"]);
    fixture.run(&["demo", "--dir", "file", "--addr", "127.0.0.1:0"]).expect_error(&["file"]);
}
