//! `deepviz import`: checkpoints that `PyTorch` wrote, into a run that has their network.
//!
//! The files are made by `scripts/reference/checkpoints.py`: weights of step 2 of the recorded run, averaged ones of step 4.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod fixture;

use std::fs;
use std::path::{Path, PathBuf};

use deepviz_net::{Parameters, Run, Step};
use fixture::{Fixture, Outcome};

struct Import {
    fixture: Fixture,
    run: PathBuf,
}

impl Import {
    /// The recorded run with its snapshots or without, and a folder `ckpts` beside it.
    fn new(with_snapshots: bool) -> Self {
        let fixture = Fixture::new();
        let run = deepviz_fixtures::recorded_run(&fixture.path(""));
        if !with_snapshots {
            fs::remove_dir_all(run.join("snapshots")).unwrap();
        }
        fs::create_dir(fixture.path("ckpts")).unwrap();
        Self { fixture, run }
    }

    /// Copies a checkpoint, a file or a folder, under another name.
    fn copy(&self, name: &str, to: &str) -> String {
        let from = deepviz_fixtures::checkpoint(name);
        let target = self.fixture.path("ckpts").join(to);
        if from.is_dir() {
            fs::create_dir(&target).unwrap();
            for file in fs::read_dir(from).unwrap().flatten() {
                fs::copy(file.path(), target.join(file.file_name())).unwrap();
            }
        } else {
            fs::copy(from, &target).unwrap();
        }
        format!("ckpts/{to}")
    }

    fn import(&self, args: &[&str]) -> Outcome {
        self.fixture.run(&[&["import", "--run", "recorded", "--json"], args].concat())
    }

    fn steps(&self) -> Vec<u64> {
        Run::open(&self.run).unwrap().checkpoints().iter().map(|entry| entry.step.0).collect()
    }

    fn weights(&self, step: u64) -> Parameters {
        Run::open(&self.run).unwrap().weights(Step(step)).unwrap().parameters
    }
}

/// The weights that the Python package recorded.
fn recorded(step: u64) -> Parameters {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/src/recorded");
    Run::open(&run).unwrap().weights(Step(step)).unwrap().parameters
}

#[test]
fn weights_are_read_from_every_container_and_key_scheme() {
    for (file, step, epoch) in [
        ("plain_2.pt", 2, 0.0),
        ("legacy_2.pt", 2, 0.0),
        ("protocol4_2.pt", 2, 0.0),
        ("module_2.pt", 2, 0.0),
        ("channels_last_2.pt", 2, 0.0),
        ("double_2.pt", 2, 0.0),
        ("compiled_2.pt", 2, 0.0),
        ("torchvision.pth", 4, 4.0),
        ("timm.pth.tar", 5, 5.0),
        ("epoch=1-step=8.ckpt", 8, 2.0),
        ("checkpoint-500", 500, 2.5),
    ] {
        let import = Import::new(false);
        import.import(&[&import.copy(file, file)]).expect_good();
        assert_eq!(import.steps(), [step], "{file}");
        assert!(import.weights(step) == recorded(2), "{file}");
        let found = Run::open(&import.run).unwrap().checkpoints()[0].epoch;
        assert!((found - epoch).abs() < 1e-9, "{file}: {found}");
    }
}

#[test]
fn nothing_in_a_pickle_is_executed() {
    let marker = Path::new("/tmp/deepviz-pickle-was-executed");
    let _ = fs::remove_file(marker);
    let import = Import::new(false);
    import.import(&[&import.copy("executes_2.pt", "a_2.pt")]).expect_good();
    assert!(import.weights(2) == recorded(2));
    assert!(!marker.exists());
}

#[test]
fn averaged_weights_and_one_of_two_networks_are_chosen_by_options() {
    for (file, args) in [
        ("torchvision.pth", ["--weights", "ema"]),
        ("timm.pth.tar", ["--weights", "ema"]),
        ("pair_2.pt", ["--key", "teacher"]),
    ] {
        let import = Import::new(false);
        let file = import.copy(file, file);
        import.import(&[&[&*file], &args[..]].concat()).expect_good();
        assert!(import.weights(import.steps()[0]) == recorded(4), "{file}");
    }
    let import = Import::new(false);
    let file = import.copy("pair_2.pt", "pair_2.pt");
    import.import(&[&file]).expect_error(&["2 times", "`student` and `teacher`", "--key"]);
    let plain = import.copy("plain_2.pt", "plain_2.pt");
    import.import(&[&plain, "--weights", "ema"]).expect_error(&["plain weights only", "--weights model"]);
}

#[test]
fn half_precision_stays_half() {
    let import = Import::new(false);
    import.import(&[&import.copy("bfloat16_2.pt", "b_2.pt")]).expect_good();
    let bytes = fs::read(import.run.join("snapshots/000002.safetensors")).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("\"BF16\""));
    for ((name, is), (_, was)) in import.weights(2).iter().zip(recorded(2).iter()) {
        // bfloat16 keeps eight bits of the mantissa.
        assert!(is.iter().zip(was).all(|(is, was)| (is - was).abs() <= was.abs() / 256.0), "{name}");
    }
}

#[test]
fn all_checkpoints_of_a_folder_are_added_to_the_run() {
    let import = Import::new(true);
    let before = import.steps();
    for step in [12, 14] {
        import.copy("plain_2.pt", &format!("model_{step}.pt"));
    }
    import.copy("timm.pth.tar", "model_2.pt");
    fs::write(import.fixture.path("ckpts/optimizer.pt"), b"no weights").unwrap();
    let outcome = import.import(&["ckpts"]);
    // timm says an epoch and the others a step: the run knows how long an epoch is, so all have a place.
    let events = outcome.expect_good().events();
    let last = events.last().unwrap();
    assert_eq!(last["imported"].as_u64().unwrap() + last["left_out"].as_u64().unwrap(), 3);
    assert!(import.steps().len() > before.len());
    assert!(import.weights(12) == recorded(2));
    // A second time nothing is new, until it is requested.
    let again = import.import(&["ckpts"]).expect_good();
    assert_eq!(again.events().last().unwrap()["imported"], 0);
    assert!(!again.stderr.contains("other weights"), "{}", again.stderr);
    let replaced = import.import(&["ckpts", "--replace"]).expect_good().events();
    assert_eq!(replaced.last().unwrap()["imported"], 3);
}

#[test]
fn unsuitable_checkpoints_are_refused_and_nothing_is_written() {
    let import = Import::new(false);
    let good = import.copy("plain_2.pt", "plain_2.pt");
    let other = import.copy("other_2.pt", "other_3.pt");
    import.import(&[&good, &other]).expect_error(&["`head.weight`", "[3, 32]", "[3, 64]", "other_3.pt"]);
    assert_eq!(import.steps(), [0; 0]);
    let whole = fs::read(import.fixture.path(&good)).unwrap();
    fs::write(import.fixture.path("ckpts/cut_4.pt"), &whole[..whole.len() / 2]).unwrap();
    import.import(&["ckpts/cut_4.pt"]).expect_error(&["no file of torch.save, or is damaged", "cut_4.pt"]);
    fs::write(import.fixture.path("ckpts/text.pt"), "hello").unwrap();
    import.import(&["ckpts/text.pt"]).expect_error(&["no file of torch.save"]);
    fs::create_dir(import.fixture.path("empty")).unwrap();
    import.import(&["empty"]).expect_error(&["holds no checkpoints", "empty"]);
    import.import(&["ckpts/none.pt"]).expect_error(&["none.pt", "No such file"]);
    import.import(&["recorded/run.toml"]).expect_error(&["ends in none of .pt"]);
    let unnamed = import.copy("plain_2.pt", "other-name.pt");
    import.import(&[&good, &unnamed]).expect_error(&["other-name.pt", "says its step"]);
    let [bfloat16, plain] = [import.copy("bfloat16_2.pt", "clash_30.pt"), import.copy("plain_2.pt", "clash-30.pt")];
    import.import(&[&bfloat16, &plain]).expect_error(&["both of step 30", "different weights"]);
}

#[test]
fn copies_of_one_step_are_imported_once() {
    let import = Import::new(false);
    let [one, other] = [import.copy("plain_2.pt", "last_9.pt"), import.copy("legacy_2.pt", "best_9.pt")];
    let outcome = import.import(&[&one, &other]);
    assert!(outcome.stderr.contains("best_9.pt is left out: it holds the same weights as"), "{}", outcome.stderr);
    assert_eq!(outcome.events().last().unwrap()["imported"], 1);
    assert_eq!(import.steps(), [9]);
}

/// What a second call sees after a first one that found epochs to be counted from 0.
#[test]
fn checkpoints_of_steps_that_the_run_has_with_other_weights_are_reported() {
    let import = Import::new(false);
    // The name says the epoch, and the content nothing.
    let first = import.copy("plain_2.pt", "epoch_3.pt");
    import.import(&[&first]).expect_good();
    assert_eq!(import.steps(), [3]);
    fs::remove_file(import.fixture.path(&first)).unwrap();
    let [other, next] = [import.copy("bfloat16_2.pt", "epoch_3.pt"), import.copy("plain_2.pt", "epoch_4.pt")];
    let found = import.import(&[&other, &next]);
    found.expect_error(&["epoch_3.pt holds other weights than", "step 3", "--epochs-from-0", "--replace"]);
    assert_eq!(import.steps(), [3]);
    import.import(&[&other, &next, "--epochs-from-0"]).expect_good();
    assert_eq!(import.steps(), [3, 4, 5]);
    // One that says its step is left out with a note: nothing else is in doubt.
    let known = import.copy("bfloat16_2.pt", "model_5.pt");
    let found = import.import(&[&known]);
    assert!(found.stderr.contains("holds other weights than the run's snapshot of step 5 and is left out"));
    assert_eq!((found.code, found.events().last().unwrap()["left_out"].as_u64()), (Some(0), Some(1)));
}

#[test]
fn importing_into_a_run_that_deepviz_trains_is_refused() {
    let fixture = Fixture::with_run();
    let file = deepviz_fixtures::checkpoint("plain_2.pt");
    let args = ["import", file.to_str().unwrap(), "--run", "run"];
    fixture.run(&args).expect_error(&["deepViz trains this run itself"]);
}

#[test]
fn new_checkpoints_of_a_followed_folder_are_imported() {
    let import = Import::new(false);
    let mut command = import.fixture.command(&["import", "ckpts", "--run", "recorded", "--follow"]);
    let mut child = command.spawn().unwrap();
    for step in [3, 4] {
        import.copy("plain_2.pt", &format!("model_{step}.pt"));
        let began = std::time::Instant::now();
        while !import.steps().contains(&step) {
            assert!(began.elapsed().as_secs() < 120, "step {step} was not imported");
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    assert!(Run::open(&import.run).unwrap().is_live());
    // One that is half there is reported; the others do not wait for it.
    let whole = fs::read(deepviz_fixtures::checkpoint("plain_2.pt")).unwrap();
    fs::write(import.fixture.path("ckpts/model_5.pt"), &whole[..whole.len() / 2]).unwrap();
    import.copy("plain_2.pt", "model_6.pt");
    while !import.steps().contains(&6) {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    fixture::signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("model_5.pt is left out") && stderr.contains("or is damaged"), "{stderr}");
    assert_eq!(import.steps(), [3, 4, 6]);
    assert!(import.weights(4) == recorded(2));
}
