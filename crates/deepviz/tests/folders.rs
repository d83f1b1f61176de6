//! Folders of pictures as users have them: runs among the classes, pictures of many sizes, files that are cut short or
//! carry an EXIF orientation, classes that change. Everything that is left out is reported.
#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use fixture::Fixture;
use fixture::images::{CLASSES, fill, picture, with_base};
use serde_json::{Value, json};

#[test]
fn a_run_folder_inside_its_corpus_is_not_read_as_a_class() {
    let fixture = with_base();
    let before = fixture.info("base")["identity"].clone();
    let inside =
        |args: &[&str]| fixture::finish(fixture.command(args).current_dir(fixture.path("base")), &args.join(" "));
    for out in ["run1", "train/run2", "runs/run3"] {
        let train = ["train", "../tiny.toml", "--corpus", ".", "--out", out, "--device", "cpu"];
        inside(&train).expect_good();
        inside(&["stats", out, "--clusters", "4"]).expect_good();
        inside(&[&train[..], &["--resume"]].concat()).expect_good();
        let again = inside(&["stats", out, "--clusters", "4", "--json"]).expect_good();
        assert_eq!(again.events().last().unwrap()["computed"], 0, "{out}");
        assert!(
            fixture.snapshots(&format!("base/{out}")) == fixture.snapshots("base/run1"),
            "{out} came out otherwise"
        );
    }
    // Statistics computed into a file of their own, and a cache.
    inside(&["stats", "unit", "run1", "--checkpoint", "0", "--clusters", "4", "--out", "part"]).expect_good();
    inside(&["corpus", "info", ".", "--cache-dir", "cache"]).expect_good();
    let after = fixture.info("base");
    assert_eq!((&after["identity"], &after["classes"].as_array().unwrap().len()), (&before, &3));
    assert_eq!(after["account"]["left_out"]["own_folder"]["count"], 4, "{after}");
    // With one level of classes too.
    let train = ["train", "../../tiny.toml", "--corpus", ".", "--out", "run4", "--device", "cpu"];
    for more in [&[][..], &["--resume"]] {
        let args = [&train[..], more].concat();
        let outcome = fixture::finish(fixture.command(&args).current_dir(fixture.path("base/train")), "train");
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    }
    assert_eq!(fixture.info("base/train")["classes"].as_array().unwrap().len(), 3);
}

#[test]
fn every_command_reports_images_that_are_left_out() {
    let fixture = with_base();
    // The test images lie flat, as those of a contest do.
    for (class, name) in CLASSES.into_iter().enumerate() {
        fs::remove_dir_all(fixture.path("base/test").join(name)).unwrap();
        picture(32, class, 90).save(fixture.path(&format!("base/test/{name}.png"))).unwrap();
    }
    let trained = fixture.train_tiny("base", "divided", &[]);
    assert_eq!(trained.code, Some(0));
    for words in ["left out 3 images without a label", "test/ holds images without class folders", "every tenth"] {
        assert!(trained.stderr.contains(words), "{words}: {}", trained.stderr);
    }
    assert!(trained.stdout.contains("on 108 images"), "{}", trained.stdout);
    let info = fixture.info("base");
    assert_eq!((&info["test"], &info["account"]["left_out"]["unlabelled"]["count"]), (&json!(12), &json!(3)));
    // Validation with labels is what is tested on.
    for (class, name) in CLASSES.into_iter().enumerate() {
        fill(&fixture.path("base/valid").join(name), class, 5);
    }
    let trained = fixture.train_tiny("base", "validated", &[]);
    assert!(trained.stderr.contains("valid/ is the test split"), "{}", trained.stderr);
    assert!(trained.stderr.contains("left out 3 images"), "{}", trained.stderr);
    assert!(trained.stdout.contains("on 120 images"), "{}", trained.stdout);
    let computed = fixture.run(&["stats", "validated", "--clusters", "4"]);
    assert_eq!(computed.code, Some(0), "{}", computed.stderr);
    assert!(computed.stderr.contains("left out 3 images"), "{}", computed.stderr);
    let strict = fixture.run(&["corpus", "info", "base", "--strict"]);
    strict.expect_error(&["3 images without a label", "--strict"]);
}

#[test]
fn sizes_are_reported_and_a_deviating_image_is_left_out() {
    let fixture = with_base();
    picture(200, 0, 0).save(fixture.path("base/train/cat/preview.png")).unwrap();
    let trained = fixture.train_tiny("base", "run", &[]);
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    let words = "left out 1 images of another size than most (train/cat/preview.png)";
    assert!(trained.stderr.contains(words), "{}", trained.stderr);
    // Half of them have another size: what there is can be seen all the same.
    for class in CLASSES {
        for number in (0..40).step_by(2) {
            picture(20, 0, number).save(fixture.path(&format!("base/train/{class}/{number}.png"))).unwrap();
        }
        for number in 0..4 {
            picture(20, 0, number).save(fixture.path(&format!("base/test/{class}/{number}.png"))).unwrap();
        }
    }
    let info = fixture.info("base");
    assert_eq!((&info["images"], &info["classes"].as_array().unwrap().len()), (&json!(145), &3));
    let sizes: Vec<&Value> = info["sizes"].as_array().unwrap().iter().map(|size| &size["images"]).collect();
    assert_eq!(sizes, [&json!(72), &json!(72), &json!(1)]);
    let refused = fixture.train_tiny("base", "other", &[]);
    refused.expect_error(&["72 of 20 x 20", "72 of 32 x 32", "data.resize"]);
    let resized = fixture.train_tiny("base", "other", &["--set", "data.resize=[24, 24]"]);
    assert_eq!(resized.code, Some(0), "{}", resized.stderr);
}

/// The first 100 bytes of a PNG of 60,000 x 60,000 pixels.
fn huge_png() -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    image::RgbImage::new(1, 1).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let mut png = png.into_inner();
    png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    png.resize(100, 0);
    png
}

#[test]
#[cfg(target_os = "linux")]
fn a_huge_size_in_a_header_allocates_no_memory() {
    let fixture = with_base();
    fs::write(fixture.path("base/train/cat/!.png"), huge_png()).unwrap();
    let script = format!("ulimit -v 2000000; exec '{}' corpus info base --json", env!("CARGO_BIN_EXE_deepviz"));
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &script]).current_dir(fixture.path("")).env("DEEPVIZ_CACHE_DIR", fixture.path(".cache"));
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let outcome = fixture::finish(&mut command, "corpus info").expect_good();
    let info: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let left = &info["account"]["left_out"]["too_large"];
    assert_eq!((&info["images"], &left["first"][0]["path"]), (&json!(144), &json!("train/cat/!.png")), "{info}");
}

/// A JPEG with an EXIF orientation.
fn noted_jpeg(class: usize, number: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture(32, class, number).write_to(&mut file, image::ImageFormat::Jpeg).unwrap();
    let whole = file.into_inner();
    let exif = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    [&whole[..2], exif, &whole[2..]].concat()
}

/// POSTs a file; returns status and body.
fn post(address: &str, path: &str, file: &[u8]) -> (u16, Value) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let mut response = config.new_agent().post(format!("{address}{path}")).send(file).unwrap();
    let body = response.body_mut().read_to_vec().unwrap();
    (response.status().as_u16(), serde_json::from_slice(&body).unwrap())
}

/// In the corpus, sent to the server or named on the command line, a file is decoded to the same picture, or refused.
#[test]
fn a_file_is_decoded_the_same_from_every_source() {
    let fixture = with_base();
    for (class, name) in CLASSES.into_iter().enumerate() {
        for number in 0..4 {
            let path = fixture.path(&format!("noted/{name}/{number}.jpg"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, noted_jpeg(class, number)).unwrap();
        }
    }
    let file = noted_jpeg(0, 0);
    let cut = &file[..file.len() * 2 / 3];
    fs::write(fixture.path("noted/cat/cut.jpg"), cut).unwrap();
    let draw = |run: &str, how: [&str; 2], out: &str| {
        let args = ["render", run, "--checkpoint", "last", "--layer", "conv1", "--out", out];
        fixture.run(&[&args[..], &how].concat())
    };
    let mut answers = Vec::new();
    for orientation in ["stored", "turned"] {
        let trained = fixture.train_tiny("noted", orientation, &["--orientation", orientation]);
        assert_eq!(trained.code, Some(0), "{}", trained.stderr);
        for words in ["12 images carry a camera's note", "left out 1 damaged images"] {
            assert!(trained.stderr.contains(words), "{words}: {}", trained.stderr);
        }
        draw(orientation, ["--apply", "0"], "corpus.png").expect_good();
        draw(orientation, ["--image", "noted/cat/0.jpg"], "file.png").expect_good();
        let (drawn, expected) =
            (fs::read(fixture.path("file.png")).unwrap(), fs::read(fixture.path("corpus.png")).unwrap());
        assert!(drawn == expected, "{orientation}: the picture is another one");
        draw(orientation, ["--image", "noted/cat/cut.jpg"], "cut.png").expect_error(&["cut.jpg", "cut short"]);
        let server = fixture.serve(&[orientation]);
        let predict = format!("/api/runs/{orientation}/checkpoints/last/predict");
        let known = server.json(&format!("{predict}/0"));
        let (status, sent) = post(&server.address, &predict, &file);
        assert_eq!((status, &sent["logits"]), (200, &known["logits"]), "{orientation}");
        let (status, refused) = post(&server.address, &predict, cut);
        assert_eq!(status, 415, "{refused}");
        assert!(refused["detail"].as_str().unwrap().contains("cut short"), "{refused}");
        answers.push(expected);
    }
    assert!(answers[0] != answers[1], "the two rules differ");
}

/// Expects these words in the error of every command on a run whose corpus has changed.
fn expect_named(fixture: &Fixture, words: &[&str]) {
    fixture.run(&["stats", "run", "--clusters", "4", "--force"]).expect_error(words);
    fixture.train_tiny("base", "run", &["--resume"]).expect_error(words);
    let server = fixture.serve(&["run"]);
    let problem = server.problem("/api/runs/run/checkpoints/0/predict/0", 409);
    for word in words {
        assert!(problem["detail"].as_str().unwrap().contains(word), "{word}: {problem}");
    }
}

#[test]
fn classes_that_changed_after_training_are_named() {
    let fixture = with_base();
    fixture.train_tiny("base", "run", &[]).expect_good();
    // An empty folder is no class, whatever lies in it besides pictures.
    fs::create_dir(fixture.path("base/train/emu")).unwrap();
    fixture.train_tiny("base", "run", &["--resume"]).expect_good();
    fs::write(fixture.path("base/train/emu/notes.txt"), "later").unwrap();
    let computed = fixture.run(&["stats", "run", "--clusters", "4"]);
    assert_eq!(computed.code, Some(0), "{}", computed.stderr);
    let train = fixture.path("base/train");
    let rename = |from: &str, to: &str| fs::rename(train.join(from), train.join(to)).unwrap();
    rename("cat", "x");
    rename("dog", "cat");
    rename("x", "dog");
    expect_named(&fixture, &["classes are swapped", "`cat` holds what `dog` held", "`dog` holds what `cat` held"]);
    rename("cat", "x");
    rename("dog", "cat");
    rename("x", "dog");
    fixture.train_tiny("base", "run", &["--resume"]);
    fill(&train.join("emu"), 1, 3);
    expect_named(&fixture, &["has the class `emu`", "4 classes, expected 3"]);
    fs::remove_dir_all(train.join("emu")).unwrap();
    rename("cat", "lynx");
    fs::rename(fixture.path("base/test/cat"), fixture.path("base/test/lynx")).unwrap();
    expect_named(&fixture, &["has the class `lynx`", "lacks the class `cat`"]);
}

fn encoded(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    bytes.concat()
}

#[test]
fn unusual_names_of_classes_and_files_work() {
    let fixture = with_base();
    let names = ["\u{1f989} #1 50% why?", "\u{642}\u{637}\u{629}", "it's \"so\" &+;=,"];
    for split in ["train", "test"] {
        for (class, name) in CLASSES.into_iter().zip(names) {
            let folder = fixture.path("base").join(split);
            fs::rename(folder.join(class), folder.join(name)).unwrap();
            fs::rename(folder.join(name).join("7.png"), folder.join(name).join("100% #7? \u{1f98a}'\".png")).unwrap();
        }
    }
    fixture.train_tiny("base", "run", &[]).expect_good();
    fixture.run(&["stats", "run", "--clusters", "4"]).expect_good();
    let server = fixture.serve(&["run"]);
    let run = server.json("/api/runs/run");
    let id = run["corpus"]["id"].as_str().unwrap();
    for name in names {
        let class = run["classes"].as_array().unwrap().iter().position(|class| class == name).unwrap();
        let (by_name, by_number) = (encoded(name), format!("%23{class}"));
        let images = |class: &str| server.json(&format!("/api/corpora/{id}/images?class={class}&limit=100"));
        assert_eq!(images(&by_name)["total"], 48, "{name}");
        assert_eq!(images(&by_name), images(&by_number), "{name}");
        let cell = |class: &str| server.json(&format!("/api/runs/run/checkpoints/last/confusion/{class}/0/images"));
        assert_eq!(cell(&by_name), cell(&by_number), "{name}");
        let maps = |class: &str| {
            server.get(&format!("/api/runs/run/checkpoints/0/layers/conv1/filters/*/channels/*/apply/class:{class}"))
        };
        assert!(maps(&by_name).0 == 200 && maps(&by_name) == maps(&by_number), "{name}");
        let found =
            server.json(&format!("/api/corpora/{id}/images?class={by_name}&q={}", encoded("100% #7? \u{1f98a}")));
        assert_eq!(found["total"], 2, "{name}: {found}");
    }
}

#[test]
fn a_corpus_of_a_thousand_classes_works() {
    let fixture = Fixture::new();
    fs::write(fixture.path("tiny.toml"), fixture::images::TINY.replace("outputs = 3", "outputs = 1000")).unwrap();
    for class in 0..1_000 {
        for (split, numbers) in [("train", 0..2), ("test", 2..3)] {
            let folder = fixture.path(&format!("base/{split}/class {class}"));
            fs::create_dir_all(&folder).unwrap();
            for number in numbers {
                picture(8, class, number).save(folder.join(format!("{number}.png"))).unwrap();
            }
        }
    }
    fixture.train_tiny("base", "run", &["--epochs", "1", "--set", "train.batch=100"]).expect_good();
    fixture.run(&["stats", "run", "--clusters", "5", "--split", "test"]).expect_good();
    let info = fixture.info("base");
    assert_eq!((&info["images"], &info["classes"][999]["name"]), (&json!(3_000), &json!("class 999")));
    let server = fixture.serve(&["run"]);
    let confusion = server.json("/api/runs/run/checkpoints/last/confusion");
    let counts = confusion["counts"].as_array().unwrap();
    assert_eq!((counts.len(), &confusion["images"]), (1_000, &json!(1_000)));
    let prediction = server.json("/api/runs/run/checkpoints/last/predict/2999");
    assert_eq!(
        (prediction["probabilities"].as_array().unwrap().len(), &prediction["true_class"]),
        (1_000, &json!(999))
    );
    let history = server.json("/api/runs/run/images/2999/history");
    assert_eq!(history["probabilities"][1].as_array().unwrap().len(), 1_000);
    for class in ["class%20999", "999", "%23999", "CLASS%20999"] {
        let id = server.json("/api/runs/run")["corpus"]["id"].as_str().unwrap().to_owned();
        assert_eq!(server.json(&format!("/api/corpora/{id}/images?class={class}"))["total"], 3, "{class}");
    }
}

/// Writes pictures of one colour, all the same: 4 training and 2 test images of each class.
fn write_equal(base: &Path) {
    for class in CLASSES {
        for (split, count) in [("train", 4), ("test", 2)] {
            let folder = base.join(split).join(class);
            fs::create_dir_all(&folder).unwrap();
            for number in 0..count {
                let pixels = image::RgbImage::from_pixel(32, 32, image::Rgb([90, 7, 7]));
                pixels.save(folder.join(format!("{number}.png"))).unwrap();
            }
        }
    }
}

#[test]
fn equal_images_and_fewer_images_than_clusters_work() {
    let fixture = with_base();
    write_equal(&fixture.path("equal"));
    fixture.train_tiny("equal", "run", &[]).expect_good();
    fixture.run(&["stats", "run", "--clusters", "64"]).expect_good();
    let server = fixture.serve(&["run"]);
    for (split, images) in [("train", 12), ("test", 6)] {
        let set = server.json(&format!("/api/runs/run/checkpoints/last/clusters?split={split}"));
        let sizes = set["clusters"].as_array().unwrap().iter().map(|cluster| cluster["size"].as_u64().unwrap());
        assert_eq!((sizes.sum::<u64>(), &set["images"]), (images, &json!(images)), "{split}: {set}");
        assert!(set["inertia"].as_f64().unwrap() < 1e-6, "{split}: {set}");
        let confusion = server.json(&format!("/api/runs/run/checkpoints/last/confusion?split={split}"));
        assert_eq!(confusion["images"], images, "{split}");
    }
    let near = server.json("/api/runs/run/checkpoints/last/images/0/near");
    assert!(near["items"].as_array().is_some_and(|items| !items.is_empty()), "{near}");
}

/// With a byte order mark and CRLF line ends.
#[test]
fn a_recipe_with_byte_order_mark_and_crlf_is_the_same_recipe() {
    let fixture = with_base();
    fixture.train_tiny("base", "plain", &[]).expect_good();
    let marked = format!("\u{feff}{}", fixture::images::TINY.replace('\n', "\r\n"));
    fs::write(fixture.path("tiny.toml"), marked).unwrap();
    fixture.train_tiny("base", "marked", &[]).expect_good();
    assert!(fixture.snapshots("marked") == fixture.snapshots("plain"));
    fixture.train_tiny("base", "plain", &["--resume"]).expect_good();
    // Faults are where they were.
    let line = fixture::images::TINY.lines().position(|line| line == "[train]").unwrap() + 2;
    fs::write(
        fixture.path("tiny.toml"),
        format!("\u{feff}{}", fixture::images::TINY.replace("batch", "bacth")).replace('\n', "\r\n"),
    )
    .unwrap();
    fixture.train_tiny("base", "other", &[]).expect_error(&["bacth", "batch", &format!("tiny.toml:{line}")]);
}
