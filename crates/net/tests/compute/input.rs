//! The input transform on every device: sizes, channels, order and numbers of channels.

use crate::support::{CLASSES, assert_close, devices};
use deepviz_net::{Batch, Engine, Model, Network, Parameters, Recipe, Shape, View};
use ndarray::{Array3, arr1};
use std::sync::Arc;

fn network(data: &str) -> Arc<Network> {
    let text = crate::support::recipe("a conv filters=4 size=3").to_toml();
    let mut recipe = Recipe::parse(&text, "input.toml", &[]).unwrap();
    let other = Recipe::parse(
        &format!(
            "[data]\n{data}\n[[layer]]\nname = \"a\"\ntype = \"softmax\"\n[train]\nstages = [{{ epochs = 1, rate = 1 }}]"
        ),
        "input.toml",
        &[],
    );
    recipe.data = other.unwrap().data;
    Arc::new(Network::new(&recipe, Shape::new(3, 12, 12), CLASSES).unwrap())
}

fn image(seed: usize, (height, width): (usize, usize)) -> Array3<u8> {
    Array3::from_shape_fn((3, height, width), |(c, y, x)| ((seed * 31 + c * 80 + y * y * 9 + x * 23) % 256) as u8)
}

#[test]
fn every_device_sees_the_same_input() {
    let data = "resize = 12\ncrop = 9\nvalues = \"unit\"\norder = \"bgr\"\nscale = 2\nmean = [0.4, 0.5, 0.6]\nstd = [0.2, 0.3, 0.4]";
    let network = network(data);
    let images = [image(1, (17, 29)), image(2, (12, 12)), image(3, (40, 15)), image(4, (5, 5))];
    let shaped = images.each_ref().map(|image| network.transform().image(image.view()).unwrap().into_owned());
    let [views, shaped] = [&images, &shaped].map(|images| images.each_ref().map(Array3::view));
    let coloured = View { brightness: 1.2, contrast: 0.8, ..View::at(1, 0) };
    let places = [network.centre_view(), network.centre_view().mirrored(), coloured, View::at(3, 3)];
    let mean = Array3::from_shape_fn((3, 12, 12), |(c, ..)| [0.4, 0.5, 0.6][c]);
    let preprocess = Arc::new(network.preprocess(Some(mean), Some(arr1(&[0.2, 0.3, 0.4]))));
    let parameters = Parameters::initial(&network, 3);
    let mut expected = Vec::new();
    for (image, place) in views.iter().zip(places) {
        let shaped = network.transform().image(*image).unwrap();
        let mean_pixel = shaped.iter().map(|pixel| f64::from(*pixel)).sum::<f64>() / shaped.len() as f64;
        for (c, y, x) in ndarray::indices((3, 9, 9)) {
            let column = place.x as usize + if place.flipped { 8 - x } else { x };
            let pixel = f64::from(shaped[[2 - c, place.y as usize + y, column]]);
            let contrast = mean_pixel + f64::from(place.contrast) * (pixel - mean_pixel);
            let pixel = f64::from(place.brightness) * contrast / 255.0;
            expected.push((pixel - [0.4, 0.5, 0.6][c]) / [0.2, 0.3, 0.4][c] * 2.0);
        }
    }
    for device in devices(2) {
        let model = Model::new(Arc::clone(&network), Arc::clone(&preprocess), &parameters, &device).unwrap();
        let found = model.forward_views(&views, &places, &[0]).unwrap();
        assert_close(found[0].iter().map(|v| f64::from(*v)), &expected, 1e-5, &format!("input on {device:?}"));
        let mut engine = Engine::new(Arc::clone(&network), Arc::clone(&preprocess), &device).unwrap();
        let losses = [&views[..], &shaped[..]].map(|images| {
            let batch = Batch { images, labels: &[0, 1, 2, 0], views: &places, noise: 3, label_smoothing: 0.0 };
            engine.gradients(&parameters, &batch, &mut Parameters::zeros(&network)).unwrap().loss_sum
        });
        assert_close([losses[0]], &[losses[1]], 1e-9, &format!("loss on {device:?}"));
    }
}

/// The gradient is with respect to the image's own pixels (0 to 255), in the image's channel order.
#[test]
fn the_gradient_by_pixels_is_of_the_images_channels() {
    let network = network("values = \"unit\"\norder = \"bgr\"\nmean = \"none\"\nstd = [0.2, 0.3, 0.4]");
    let preprocess = Arc::new(network.preprocess(None, Some(arr1(&[0.2, 0.3, 0.4]))));
    let parameters = Parameters::initial(&network, 3);
    let image = image(5, (12, 12));
    let device = deepviz_net::Device::cpu(Some(1), None).unwrap();
    let model = Model::new(Arc::clone(&network), preprocess, &parameters, &device).unwrap();
    let layer = network.logits();
    let gradient = model.input_gradient(image.view(), layer, &[1.0, 0.0, 0.0]).unwrap();
    for at in [[0, 6, 6], [1, 5, 7], [2, 6, 4]] {
        let logit = |value: u8| {
            let mut changed = image.clone();
            changed[at] = value;
            f64::from(model.forward(&[changed.view()], &[layer]).unwrap()[0][[0, 0]])
        };
        let pixel = image[at];
        let (low, high) = (pixel.saturating_sub(40), pixel.saturating_add(40));
        let slope = (logit(high) - logit(low)) / f64::from(high - low);
        let found = f64::from(gradient[at]);
        assert!(slope != 0.0 && (slope - found).abs() <= 0.02 * slope.abs().max(1e-6), "{at:?}: {slope} {found}");
    }
}
