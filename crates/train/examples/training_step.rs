//! Does one training step and writes its input, gradients and weights to a file, for
//! `scripts/check/training_step.py`: `training_step RECIPE CORPUS OUT.safetensors [IMAGES FIRST]`: over a whole
//! minibatch, or over IMAGES images from FIRST on. Without augmentation (the recipe's crop is the centre one) and
//! without dropout.

use deepviz_corpus::{Corpus, ImageId, OpenOptions, Split};
use deepviz_net::random::Stream;
use deepviz_net::{
    Batch, Device, Engine, Init, InitialState, Network, Op, Parameters, Recipe, Run, Step, Trainer, TrainingState,
    TrainingStep,
};
use deepviz_train::{Event, Job, train};
use ndarray::{Array4, Axis};
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize_to_file};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn without_dropout(mut recipe: Recipe) -> Recipe {
    for layer in &mut recipe.layers {
        if let Op::Dropout(dropout) = &mut layer.op {
            dropout.rate = 0.0;
        }
    }
    recipe
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (recipe, corpus, out, chosen) = match arguments.as_slice() {
        [recipe, corpus, out] => (recipe, corpus, out, None),
        [recipe, corpus, out, images, first] => (recipe, corpus, out, Some((images.parse()?, first.parse()?))),
        _ => return Err("usage: training_step RECIPE CORPUS OUT.safetensors [IMAGES FIRST]".into()),
    };
    let recipe = without_dropout(Recipe::load(Path::new(recipe), &[])?);
    let options = OpenOptions { own_sizes: recipe.data.resize.is_some(), ..OpenOptions::default() };
    let corpus = Arc::new(Corpus::open_with(Path::new(corpus), &options)?);
    let device = Device::cpu(None, None)?;
    let folder = tempfile::tempdir()?;
    let run = untrained_run(folder.path().join("run"), &recipe, &corpus, &device)?;
    let mut start = run.snapshot(Step(0))?;
    let network = Arc::clone(run.network());
    perturb_identities(&mut start.parameters, &network);
    let preprocess = Arc::new(network.preprocess(start.mean.clone(), start.std.clone()));

    let ids = corpus.range(Split::Train);
    let (images, first): (usize, usize) = chosen.unwrap_or((recipe.training()?.batch, 0));
    let stride = (ids.len() / recipe.training()?.batch).max(1);
    let ids: Vec<u32> = ids.skip(first).step_by(stride).take(images).collect();
    let images: Vec<_> = ids.iter().filter_map(|id| corpus.pixels(ImageId(*id))).collect();
    let labels: Vec<u16> = ids.iter().map(|id| corpus.labels()[*id as usize].0).collect();
    let views = vec![network.centre_view(); images.len()];
    let [channels, height, width] = network.input().dims();
    let mut inputs = Array4::<f32>::zeros((images.len(), channels, height, width));
    for ((image, view), input) in images.iter().zip(&views).zip(inputs.axis_iter_mut(Axis(0))) {
        preprocess.write(*image, *view, input)?;
    }
    let mut engine = Engine::new(Arc::clone(&network), Arc::clone(&preprocess), &device)?;
    let mut gradients = Parameters::zeros(&network);
    let label_smoothing = recipe.training()?.label_smoothing as f32;
    let batch = Batch { images: &images, labels: &labels, views: &views, noise: 1, label_smoothing };
    let result = engine.gradients(&start.parameters, &batch, &mut gradients)?;
    let steps_per_epoch = run.info().training()?.steps_per_epoch;
    // Half of the first stage done: its rate is not 0 even where it starts from that.
    let step = recipe.training()?.schedule.first_steps(steps_per_epoch).get(1).copied().unwrap_or(0) / 2;
    let rates = recipe.training()?.schedule.rates(step, steps_per_epoch);
    let state = TrainingState { parameters: start.parameters.clone(), optimiser: start.optimizer.clone() };
    let initial = InitialState { network: Arc::clone(&network), preprocess, state };
    let mut trainer = Trainer::new(&device, recipe.training()?, initial, &images)?;
    let ids: Vec<u32> = (0..images.len() as u32).collect();
    let Batch { images, labels, views, noise, .. } = batch;
    trainer.step(&TrainingStep { ids: &ids, images, labels, views, noise, rates, epoch: 0.0, number: 1 })?;
    let after = trainer.copy_out()?.wait()?;

    let mut tensors: Vec<Tensor> = Vec::new();
    for (kind, parameters) in [("before", &start.parameters), ("gradient", &gradients), ("after", &after.parameters)] {
        for (name, array) in parameters.iter() {
            tensors.push((format!("{kind}.{name}"), array.shape().to_vec(), array.iter().copied().collect()));
        }
    }
    tensors.push(("input".into(), inputs.shape().to_vec(), inputs.iter().copied().collect()));
    tensors.push(("labels".into(), vec![labels.len()], labels.iter().map(|label| f32::from(*label)).collect()));
    let metadata = HashMap::from([
        ("recipe".to_owned(), recipe.to_toml()),
        ("loss_sum".to_owned(), result.loss_sum.to_string()),
        ("rate".to_owned(), rates.weight.to_string()),
        ("bias_rate".to_owned(), rates.bias.to_string()),
        ("device".to_owned(), device.describe()),
    ]);
    write(&PathBuf::from(out), &tensors, metadata)
}

/// A run that is stopped at once: its snapshot holds the weights as training starts from them.
fn untrained_run(
    out: PathBuf,
    recipe: &Recipe,
    corpus: &Arc<Corpus>,
    device: &Device,
) -> Result<Run, Box<dyn std::error::Error>> {
    let job = Job {
        recipe: recipe.clone(),
        corpus: Arc::clone(corpus),
        out,
        device: device.clone(),
        seed: None,
        resume: false,
        limit_images: None,
    };
    train(&job, &mut |_: &Event| {}, &AtomicBool::new(true))?;
    Ok(Run::open(&job.out)?)
}

/// Adds noise to filters that are initialised as the identity: where they pass a gelu's output on, whole windows of
/// the pooling layer after them hold values that single precision rounds to the same 0, and which of them is the
/// maximum is then undetermined.
fn perturb_identities(parameters: &mut Parameters, network: &Network) {
    for (index, spec) in network.parameters().enumerate().filter(|(_, spec)| matches!(spec.init, Init::Dirac { .. })) {
        let noise = Stream::new(1, &[index as u64]);
        if let Some(values) = parameters.get_mut(&spec.name) {
            for (value, at) in values.iter_mut().zip(0..) {
                *value += (0.05 * noise.normal(at)) as f32;
            }
        }
    }
}

/// Name, shape and values.
type Tensor = (String, Vec<usize>, Vec<f32>);

fn write(path: &Path, tensors: &[Tensor], metadata: HashMap<String, String>) -> Result<(), Box<dyn std::error::Error>> {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| Ok((name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    Ok(serialize_to_file(views, Some(metadata), path)?)
}
