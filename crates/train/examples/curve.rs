//! Trains a recipe and prints its curve: `curve RECIPE CORPUS OUT [EPOCHS] [key=value ...]`.

use deepviz_corpus::{Corpus, OpenOptions};
use deepviz_net::{Device, Recipe};
use deepviz_train::{Event, Job, train};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recipe, corpus, out, rest @ ..] = arguments.as_slice() else {
        return Err("usage: curve RECIPE CORPUS OUT [EPOCHS] [key=value ...]".into());
    };
    let sets: Vec<_> = rest
        .iter()
        .filter_map(|text| text.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let mut recipe = Recipe::load(&PathBuf::from(recipe), &sets)?;
    if let Some(epochs) = rest.first().and_then(|text| text.parse().ok()) {
        recipe = recipe.with_epochs(epochs);
    }
    let options = OpenOptions { own_sizes: recipe.data.resize.is_some(), ..OpenOptions::default() };
    let began = Instant::now();
    let corpus = Arc::new(Corpus::open_with(&PathBuf::from(corpus), &options)?);
    println!("{} images opened in {:.1} s", corpus.len(), began.elapsed().as_secs_f64());
    let out = PathBuf::from(out);
    let resume = out.exists();
    let device = Device::cpu(None, None)?;
    let job = Job { recipe, corpus, out, device, seed: None, resume, limit_images: None };
    let began = Instant::now();
    let mut sums = (0.0, 0.0, 0_u32);
    let mut observer = |event: &Event| match event {
        Event::Step(metric) => {
            sums = (sums.0 + metric.loss.unwrap_or(f64::NAN), sums.1 + metric.error.unwrap_or(f64::NAN), sums.2 + 1);
        }
        Event::Test(metric) => {
            let count = f64::from(sums.2.max(1));
            println!(
                "{:7.1} s  epoch {:6.2}  train {:.3} {:5.1} %  test {:.3} {:5.1} %  {:.0} images/s",
                began.elapsed().as_secs_f64(),
                metric.epoch,
                sums.0 / count,
                100.0 * sums.1 / count,
                metric.loss.unwrap_or(f64::NAN),
                100.0 * metric.error.unwrap_or(f64::NAN),
                metric.images_per_s
            );
            sums = (0.0, 0.0, 0);
        }
        _ => {}
    };
    let outcome = train(&job, &mut observer, &AtomicBool::new(false))?;
    println!("{outcome:?} after {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}
