//! Snapshot files: damaged ones are errors, good ones are written again as the same.
#![no_main]

use deepviz_net::Snapshot;
use std::cell::RefCell;

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
    static BEFORE: RefCell<u64> = const { RefCell::new(0) };
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        let path = folder.path().join("step-00000001.safetensors");
        std::fs::write(&path, bytes).expect("a file");
        let Ok(snapshot) = Snapshot::read(&path) else { return };
        let other = folder.path().join("step-00000002.safetensors");
        snapshot.clone().sealed().write(&other).expect("what was read can be written");
        let again = Snapshot::read(&other).expect("what is written can be read");
        assert_eq!(again.step, snapshot.step);
        BEFORE.with_borrow_mut(|count| *count += 1);
    });
});
