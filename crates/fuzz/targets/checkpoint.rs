//! Checkpoints of other programs: damaged ones are errors, and a network's weights are found or refused with a reason.
//! The first byte says which kind of file the rest is.
#![no_main]

use deepviz_net::checkpoint::{Averaging, Checkpoint, Choice};
use deepviz_net::{Network, Run};
use std::path::Path;
use std::sync::{Arc, LazyLock};

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// The network of the checkpoints that the fuzzer begins with.
static NETWORK: LazyLock<Arc<Network>> = LazyLock::new(|| {
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/src/recorded");
    Arc::clone(Run::open(Path::new(recorded)).expect("the recorded run").network())
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    FOLDER.with(|folder| {
        let name = if kind % 2 == 0 { "model_1.pt" } else { "model_1.safetensors" };
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        let Ok(checkpoint) = Checkpoint::open(&path) else { return };
        let _ = checkpoint.stamp(kind % 4 < 2);
        for averaging in [Averaging::Plain, Averaging::Ema] {
            let choice = Choice { key: None, averaging };
            if let Ok(weights) = checkpoint.weights(&NETWORK, &choice) {
                let _ = weights.read(&checkpoint);
            }
        }
    });
});
