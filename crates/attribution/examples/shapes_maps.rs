//! How much of each method's map lies on the shape, and whether ablating the filter that a class depends on most harms
//! other classes less, on a run over the generated corpus `shapes`, whose shapes are known to the pixel.
//!
//! ```sh
//! cargo run --release -p deepviz-attribution --example shapes_maps -- RUN CORPUS
//! ```
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for measurements")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use deepviz_attribution::ablation::{self, LabelledImages};
use deepviz_attribution::{Explainer, Map, Method, Target};
use deepviz_corpus::{Corpus, ImageId, Split};
use deepviz_net::{Device, Model, Run};

/// Test images at most.
const IMAGES: usize = 400;

fn main() {
    let mut paths = std::env::args().skip(1);
    let (run, corpus) = (Run::open(Path::new(&paths.next().unwrap())).unwrap(), paths.next().unwrap());
    let corpus = Corpus::open(Path::new(&corpus)).unwrap();
    let step = run.checkpoints().last().unwrap().step;
    let model = Model::from_snapshot(
        std::sync::Arc::clone(run.network()),
        &run.snapshot(step).unwrap(),
        &Device::cpu(None, None).unwrap(),
    );
    let model = model.unwrap();
    let notes = corpus.notes().unwrap();
    let ids: Vec<ImageId> = corpus.range(Split::Test).take(IMAGES).map(ImageId).collect();
    let mut explainer = Explainer::new(&model).unwrap();
    for method in Method::ALL {
        let (mut mostly, mut count, mut shares, mut areas) = (0, 0, 0.0, 0.0);
        for &id in &ids {
            let (image, label) = (corpus.pixels(id).unwrap(), usize::from(corpus.label(id).unwrap().0));
            let is_wrong_label = notes.wrong_labels.contains_key(&id);
            if is_wrong_label || explainer.predicted(image).unwrap() != label {
                continue;
            }
            let mask = notes.mask(id).unwrap();
            let map = explainer.map(image, Target::class(label), (method, None)).unwrap();
            let share = share_on(&map, &mask);
            shares += share;
            areas += mask.iter().filter(|inside| **inside).count() as f64 / mask.len() as f64;
            mostly += usize::from(share > 0.5);
            count += 1;
        }
        let (of, count) = (count, f64::from(u32::try_from(count).unwrap()));
        println!(
            "{method:12} more than half on the shape in {:.0} % of {of} images; mean share {:.2}; the shape covers {:.2}",
            100.0 * mostly as f64 / count,
            shares / count,
            areas / count
        );
    }
    ablate(&model, &corpus, &ids);
}

/// The share of the map's positive values that lies on the shape, each cell spread evenly over its pixels.
fn share_on(map: &Map, mask: &[bool]) -> f64 {
    let (rows, columns) = map.values.dim();
    let (mut inside, mut all) = (0.0, 0.0);
    for y in 0..map.area.height {
        for x in 0..map.area.width {
            let value = f64::from(map.values[[y * rows / map.area.height, x * columns / map.area.width]].max(0.0));
            all += value;
            inside += if mask[(y + map.area.top) * 32 + x + map.area.left] { value } else { 0.0 };
        }
    }
    if all > 0.0 { inside / all } else { 0.0 }
}

/// For every class the filter whose ablation costs it most, in standard errors, and what that costs the others.
fn ablate(model: &Model, corpus: &Corpus, ids: &[ImageId]) {
    let images: Vec<_> = ids.iter().map(|id| corpus.pixels(*id).unwrap()).collect();
    let labels: Vec<u16> = ids.iter().map(|id| corpus.label(*id).unwrap().0).collect();
    let of = LabelledImages { images: &images, labels: &labels };
    let layers = ablation::layers(model.network());
    let counters = (&AtomicUsize::new(0), &AtomicBool::new(false));
    let atlas = ablation::atlas(model, of, &layers, counters).unwrap().unwrap();
    for class in 0..corpus.classes().len() {
        let effect = |layer: &ablation::LayerEffects, filter: usize, class: usize| {
            let result = layer.zero[[filter, class]];
            let (lost, gained) = (f64::from(result.lost), f64::from(result.gained(&atlas.base[class])));
            ((lost - gained) / (lost + gained).max(1.0).sqrt(), (lost - gained) / f64::from(atlas.images[class]))
        };
        let all = atlas.layers.iter().flat_map(|layer| (0..layer.means.len()).map(move |filter| (layer, filter)));
        let best = all.max_by(|a, b| effect(a.0, a.1, class).0.total_cmp(&effect(b.0, b.1, class).0));
        let (layer, filter) = best.unwrap();
        let others = (0..corpus.classes().len()).filter(|other| *other != class);
        let worst = others.map(|other| effect(layer, filter, other).1).fold(f64::NEG_INFINITY, f64::max);
        let (errors, share) = effect(layer, filter, class);
        println!(
            "{:10} loses {:.0} % ({errors:.1} standard errors) without {} {filter}; of the others at most {:.0} %",
            corpus.classes()[class],
            100.0 * share,
            model.network().layers()[layer.layer].name,
            100.0 * worst
        );
    }
}
