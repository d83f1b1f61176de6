//! Small networks against `PyTorch`'s values (`scripts/reference/ops.py` writes the files).

use crate::naive;
use crate::support::{Case, assert_close, devices};
use deepviz_net::{Op, Shape};
use ndarray::{Array3, Array4, ArrayD, Axis, IxDyn};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use std::path::Path;

struct Reference {
    bytes: Vec<u8>,
    layers: String,
    name: String,
}

fn floats(view: &TensorView<'_>) -> Vec<f32> {
    let chunks = view.data().as_chunks::<4>().0;
    chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn doubles(view: &TensorView<'_>) -> Vec<f64> {
    floats(view).into_iter().map(f64::from).collect()
}

fn references() -> Vec<Reference> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let layers = metadata.metadata().as_ref().unwrap()["layers"].clone();
        out.push(Reference { bytes, layers, name: path.file_stem().unwrap().to_string_lossy().into_owned() });
    }
    assert!(out.len() >= 16, "only {} references", out.len());
    out
}

/// The reference's network with its images, labels and weights.
fn case(reference: &Reference, tensors: &SafeTensors<'_>) -> Case {
    let images = tensors.tensor("images").unwrap();
    let shape = images.shape();
    let pixels: Array4<u8> =
        Array4::from_shape_vec((shape[0], shape[1], shape[2], shape[3]), images.data().to_vec()).unwrap();
    let image = Shape::new(shape[1], shape[2], shape[3]);
    let mut case = Case::new(&reference.layers, image, shape[0]);
    case.images = pixels.axis_iter(Axis(0)).map(|image| image.to_owned()).collect();
    let labels = tensors.tensor("labels").unwrap();
    case.labels = labels.data().iter().map(|label| u16::from(*label)).collect();
    for (name, array) in case.parameters.iter_mut() {
        let tensor = tensors.tensor(&format!("parameter.{name}")).unwrap();
        assert_eq!(tensor.shape(), array.shape(), "{} {name}", reference.name);
        *array = ArrayD::from_shape_vec(IxDyn(tensor.shape()), floats(&tensor)).unwrap();
    }
    case
}

#[test]
fn every_operation_has_pytorchs_values_or_a_second_implementation() {
    let mut checked = std::collections::BTreeSet::new();
    for (layers, [channels, height, width]) in Op::examples() {
        let case = Case::new(layers, Shape::new(channels, height, width), 1);
        let known = case.network.layers().iter().filter(|layer| naive::knows(&layer.op));
        checked.extend(known.map(|layer| layer.op.kind()));
    }
    for reference in references() {
        let tensors = SafeTensors::deserialize(&reference.bytes).unwrap();
        checked.extend(case(&reference, &tensors).network.layers().iter().map(|layer| layer.op.kind()));
    }
    for kind in Op::types() {
        assert!(checked.contains(kind), "no values of `{kind}` in tests/reference");
    }
}

#[test]
fn activations_and_gradients_are_pytorchs() {
    for reference in references() {
        let tensors = SafeTensors::deserialize(&reference.bytes).unwrap();
        let case = case(&reference, &tensors);
        let expected = |name: &str| doubles(&tensors.tensor(name).unwrap());
        for device in devices(2) {
            let what = |name: &str| format!("{} {name} {device:?}", reference.name);
            let all: Vec<usize> = (0..case.network.layers().len()).collect();
            let model = case.model(&device);
            let found = model.forward(&case.image_views(), &all).unwrap();
            for (layer, found) in case.network.layers().iter().zip(&found).skip(1) {
                let expected = expected(&format!("activation.{}", layer.name));
                let found = found.iter().map(|v| f64::from(*v));
                assert_close(found, &expected, 5e-6, &what(&layer.name));
            }
            let (loss, _, gradients) = case.gradients(&mut case.engine(&device), 0);
            assert_close([loss], &expected("loss"), 2e-6, &what("loss"));
            for (name, array) in gradients.iter() {
                let expected = expected(&format!("gradient.{name}"));
                let found = array.iter().map(|v| f64::from(*v));
                assert_close(found, &expected, 2e-5, &what(name));
            }
            if case.network.layers().iter().any(|layer| matches!(layer.op, Op::BatchNorm(_))) {
                // A model's gradient is that of fixed statistics: another one.
                continue;
            }
            let probabilities = &found[case.network.output()];
            let by_input = expected("gradient.input");
            let per_image = by_input.len() / case.images.len();
            for (index, image) in case.images.iter().enumerate() {
                let mut seed = probabilities.row(index).to_vec();
                seed[usize::from(case.labels[index])] -= 1.0;
                let found: Array3<f32> = model.input_gradient(image.view(), case.network.logits(), &seed).unwrap();
                let scale = f64::from(case.preprocess.scale);
                let found = found.iter().map(|v| f64::from(*v) / scale);
                let expected = &by_input[index * per_image..][..per_image];
                assert_close(found, expected, 3e-5, &what("input"));
            }
        }
    }
}
