//! Pickles, read as corpora and as checkpoints read them: there is a value or a fault, in bounded time and memory.
#![no_main]

use deepviz_pickle::{Objects, Rules, Value, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for objects in [Objects::Refused, Objects::Recorded] {
        let Ok(pickle) = parse(bytes, Rules { what: "anything", objects }) else { continue };
        let Value::Dict(items) = pickle.root() else { panic!("the root is no dictionary") };
        for (_, id) in items {
            if let Value::Array(array) = pickle.get(*id) {
                let sides: usize = array.shape.iter().product();
                if let Some(floats) = array.floats() {
                    assert_eq!(floats.len(), sides);
                }
                let _ = array.numbers();
            }
            let _ = pickle.entry(pickle.get(*id), "value");
        }
    }
});
