//! Checkpoints of cuda-convnet: damaged ones are errors, and what is read fits the network that was read with it.
#![no_main]

use deepviz_net::checkpoint::cuda_convnet::{CudaConvnet, Images, data_mean};
use deepviz_net::{Network, Shape};

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let images = Images { shape: Shape::new(3, 8, 8), classes: 3 };
    FOLDER.with(|folder| {
        let path = folder.path().join("1.1");
        std::fs::write(&path, bytes).expect("a file");
        let _ = data_mean(&path, images.shape);
        let Ok(checkpoint) = CudaConvnet::open(&path, images) else { return };
        Network::new(&checkpoint.recipe, images.shape, images.classes).expect("the network of the recipe");
    });
});
