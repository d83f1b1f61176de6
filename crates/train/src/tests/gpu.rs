//! The same runs on a GPU: all that holds for the CPU's runs, and their numbers up to rounding.
//! Skipped, loudly, where there is none.

use super::{corpus, job, metrics, run, run_to, snapshots, timeless};
use crate::tests::modern;
use crate::{Job, Outcome};
use deepviz_net::{Device, MetricKind, Run, Step};
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;

fn gpu() -> Option<Device> {
    static FOUND: OnceLock<Option<Device>> = OnceLock::new();
    let find = || {
        let found = Device::cuda(0);
        if let Err(error) = &found {
            assert!(std::env::var_os("DEEPVIZ_REQUIRE_GPU").is_none_or(|value| value != "1"), "{error}");
            let mut stderr = std::io::stderr();
            writeln!(stderr, "SKIPPED without a GPU: {error}").unwrap();
        }
        found.ok()
    };
    FOUND.get_or_init(find).clone()
}

/// Losses step by step and the last weights, on the CPU and on the GPU.
fn compare(on_cpu: &Job, on_gpu: &Job, allowed: f64) {
    run(on_cpu).unwrap();
    run(on_gpu).unwrap();
    let (expected, found) = (metrics(&on_cpu.out), metrics(&on_gpu.out));
    assert_eq!(expected.len(), found.len());
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!((expected.step, expected.kind, expected.images_seen), (found.step, found.kind, found.images_seen));
        let (a, b) = (expected.loss.unwrap(), found.loss.unwrap());
        assert!((a - b).abs() <= allowed * a, "{expected:?} {found:?}");
    }
    let (expected, found) = (Run::open(&on_cpu.out).unwrap(), Run::open(&on_gpu.out).unwrap());
    let steps = |run: &Run| run.checkpoints().iter().map(|entry| entry.step).collect::<Vec<_>>();
    assert_eq!(steps(&expected), steps(&found));
    let last = Step(expected.info().training().unwrap().total_steps);
    let (expected, found) = (expected.snapshot(last).unwrap(), found.snapshot(last).unwrap());
    let pairs = [(&expected.parameters, &found.parameters), (&expected.optimizer, &found.optimizer)];
    for (expected, found) in pairs {
        assert_eq!(expected.len(), found.len());
        for ((name, expected), (other, found)) in expected.iter().zip(found.iter()) {
            assert_eq!(name, other);
            let largest = expected.iter().fold(1e-6_f32, |max, value| max.max(value.abs()));
            let apart = expected.iter().zip(found).map(|(a, b)| (a - b).abs());
            let max = apart.fold(0.0_f32, |max, own| if own.is_nan() { f32::INFINITY } else { max.max(own) });
            assert!(f64::from(max / largest) <= 20.0 * allowed, "{name}: {max} of {largest}");
        }
    }
}

#[test]
fn a_run_is_the_cpus_up_to_rounding() {
    let Some(device) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let on_gpu = Job { device, ..job(&folder.path().join("gpu")) };
    compare(&job(&folder.path().join("cpu")), &on_gpu, 1e-4);
}

#[test]
fn every_optimiser_moves_the_weights_as_on_the_cpu() {
    let Some(device) = gpu() else { return };
    for (name, _) in modern::OPTIMISERS {
        let folder = tempfile::tempdir().unwrap();
        let set = [("train.optimiser", name), ("train.stages", "[{ epochs = 0.5, rate = 0.002, end_rate = 0.001 }]")];
        let on_cpu = modern::modern(&folder.path().join("cpu"), &set);
        let on_gpu = Job { device: device.clone(), ..modern::modern(&folder.path().join("gpu"), &set) };
        compare(&on_cpu, &on_gpu, 1e-3);
    }
}

#[test]
fn interruptions_leave_no_trace() {
    let Some(device) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let on_gpu = |name: &str| Job { device: device.clone(), ..job(&folder.path().join(name)) };
    let (whole, mut parts) = (on_gpu("whole"), on_gpu("parts"));
    run(&whole).unwrap();
    // The step in flight when the requested one became known is done too.
    assert_eq!(run_to(&parts, 5), Outcome::Stopped { step: Step(6) });
    parts.resume = true;
    assert_eq!(run_to(&parts, 13), Outcome::Stopped { step: Step(14) });
    assert_eq!(run(&parts).unwrap(), Outcome::Finished { step: Step(24) });
    let (expected, found) = (snapshots(&whole.out), snapshots(&parts.out));
    for (file, bytes) in &expected {
        assert!(found[file] == *bytes, "{file}");
    }
    assert_eq!(timeless(&metrics(&parts.out)), timeless(&metrics(&whole.out)));
}

#[test]
fn a_run_of_another_device_is_not_resumed() {
    let Some(device) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(&folder.path().join("run"));
    run_to(&job, 2);
    (job.device, job.resume) = (device, true);
    let error = run(&job).unwrap_err().to_string();
    assert!(error.contains("cuda sm_") && error.contains("device"), "{error}");
}

#[test]
fn views_are_measured_on_the_device_too() {
    let Some(device) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let set = [("train.stages", "[{ epochs = 0.25, rate = 0.002 }]")];
    let job = Job { device, ..modern::modern(&folder.path().join("run"), &set) };
    run(&job).unwrap();
    let lines = metrics(&job.out);
    assert_eq!(lines.iter().filter(|line| line.kind == MetricKind::Views).count(), 1);
    assert!(Path::new(&job.out).join("run.toml").exists() && corpus().labels().len() == 480);
}

#[test]
fn the_error_for_too_little_memory_names_the_batch_that_fits() {
    let Some(device) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut job = Job { device, ..job(&folder.path().join("run")) };
    let wide = super::RECIPE
        .replace("filters = 8\nsize = 5\nstride = 2", "filters = 90000\nsize = 1\nstride = 1")
        .replace("size = 3\nstride = 2", "size = 28\nstride = 28")
        .replace("batch = 32", "batch = 9000");
    job.recipe = deepviz_net::Recipe::parse(&wide, "wide.toml", &[]).unwrap();
    let error = run(&job).unwrap_err().to_string();
    // Activations and gradients of 360 images of 90,000 maps of 784 pixels: more than any device has.
    assert!(error.contains("MB of its memory are wanted") && error.contains("a batch of"), "{error}");
}
