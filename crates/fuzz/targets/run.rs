//! `run.toml`, which holds the network of a run: what can be read is written and read again as the same, and its network
//! is worked out.
#![no_main]

use deepviz_net::{Network, RunInfo};

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        std::fs::write(folder.path().join("run.toml"), bytes).expect("a file");
        let Ok(info) = RunInfo::read(folder.path()) else { return };
        info.write(folder.path()).expect("what was read can be written");
        let again = RunInfo::read(folder.path()).expect("what is written can be read");
        assert_eq!(info.recipe, again.recipe);
        let _ = Network::new(&info.recipe, info.image, info.classes.len());
    });
});
