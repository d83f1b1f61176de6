//! Selections of checkpoints, layers, filters and channels, as they are in addresses.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (&str, u16)| {
    let (text, count) = input;
    if let Ok(indices) = deepviz_server::fuzzing::select(text, usize::from(count)) {
        assert!(!indices.is_empty() && indices.iter().all(|index| *index < usize::from(count)));
    }
});
