//! Sent archives: nothing gets out of the folder, nothing grows beyond its limits.
#![no_main]

use std::path::Path;

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

const MAX_BYTES: u64 = 1 << 16;
const MAX_ENTRIES: usize = 64;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        let inside = folder.path().join("inside");
        let _ = std::fs::remove_dir_all(&inside);
        std::fs::create_dir(&inside).expect("a folder");
        let unpacked = deepviz_server::fuzzing::unpack(bytes, &inside, MAX_BYTES, MAX_ENTRIES);
        if let Ok((files, written)) = unpacked {
            assert!(files <= MAX_ENTRIES && written <= MAX_BYTES);
        }
        let (files, size) = measure(&inside);
        assert!(files <= 8 * MAX_ENTRIES && size <= MAX_BYTES, "{files} files of {size} bytes");
        let others = std::fs::read_dir(folder.path()).expect("the folder").count();
        assert_eq!(others, 1, "something got out");
    });
});

/// Entries and bytes in a folder; no links.
fn measure(folder: &Path) -> (usize, u64) {
    let (mut count, mut size) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let kind = entry.file_type().expect("a kind");
        assert!(!kind.is_symlink(), "{:?}", entry.path());
        count += 1;
        if kind.is_dir() {
            let (inner, bytes) = measure(&entry.path());
            (count, size) = (count + inner, size + bytes);
        } else {
            size += entry.metadata().expect("its size").len();
        }
    }
    (count, size)
}
