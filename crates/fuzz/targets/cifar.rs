//! CIFAR-10's binary batches and Python batches, in a folder as they come.
#![no_main]

use deepviz_corpus::Corpus;

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    FOLDER.with(|folder| {
        let (batch, test, meta) = match kind % 2 {
            0 => ("data_batch_1.bin", "test_batch.bin", "batches.meta.txt"),
            _ => ("data_batch_1", "test_batch", "batches.meta"),
        };
        let inside = folder.path().join("corpus");
        let _ = std::fs::remove_dir_all(&inside);
        std::fs::create_dir(&inside).expect("a folder");
        let middle = bytes.len() / 2;
        let parts: &[(&str, &[u8])] = match kind / 2 % 3 {
            0 => &[(batch, bytes)],
            1 => &[(batch, &bytes[..middle]), (test, &bytes[middle..])],
            _ => &[(batch, &bytes[..middle]), (meta, &bytes[middle..])],
        };
        for (name, bytes) in parts {
            std::fs::write(inside.join(name), bytes).expect("a file");
        }
        if let Ok(corpus) = Corpus::open(&inside) {
            assert!(!corpus.labels().is_empty());
        }
    });
});
