//! The parts of a training step, layer by layer, on one thread, of the two nets that
//! docs/benchmarks.md speaks of: convolution forward and its two gradients, pools, activation functions, full
//! layers. `cargo bench -p deepviz-net --bench ops -- 80sec/conv2` runs those of one layer.

use criterion::{Criterion, Throughput};
use deepviz_net::profile::Profile;
use deepviz_net::{Device, Network, Parameters, Recipe, Shape};
use ndarray::{Array4, ArrayView3, Axis};
use std::sync::Arc;
use std::time::Duration;

const NETS: [(&str, &str); 2] =
    [("80sec", include_str!("../../../models/cifar10-80sec.toml")), ("deep", include_str!("deep.toml"))];

fn parts(criterion: &mut Criterion, name: &str, recipe: &str) -> Result<(), deepviz_net::Error> {
    let recipe = Recipe::parse(recipe, name, &[])?;
    let network = Arc::new(Network::new(&recipe, Shape::new(3, 32, 32), 10)?);
    let pixels =
        Array4::from_shape_fn((8, 3, 32, 32), |(i, c, y, x)| ((i * 7919 + c * 104 + y * 1299 + x) % 251) as u8);
    let images: Vec<ArrayView3<'_, u8>> = pixels.axis_iter(Axis(0)).collect();
    let parameters = Parameters::initial(&network, 1);
    let preprocess = Arc::new(network.preprocess(None, None));
    let device = Device::cpu(Some(1), None)?;
    let mut profile = Profile::new(network, preprocess, &parameters, &images, &device)?;
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(20);
    for part in profile.parts() {
        let images = profile.images() as f64;
        let operations = profile.operations(part) * images;
        // Throughput in operations where there are any, else in images.
        group.throughput(Throughput::Elements(if operations > 0.0 { operations } else { images } as u64));
        group.bench_function(format!("{} {}", profile.name(part), part.phase), |bencher| {
            bencher.iter(|| profile.run(part));
        });
    }
    group.finish();
    Ok(())
}

fn main() -> Result<(), deepviz_net::Error> {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, recipe) in NETS {
        parts(&mut criterion, name, recipe)?;
    }
    criterion.final_summary();
    Ok(())
}
