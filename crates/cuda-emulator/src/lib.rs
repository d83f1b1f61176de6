//! A CUDA device emulated on the CPU, for tests on machines without a GPU.
//!
//! The sources beside this file are C++: `driver/` stands in for libcuda, `blas.cpp` for libcublas, `dnn/` for
//! libcudnn, and `device.h` lets the kernels of `net` compile as plain C++. `scripts/build/emulator.sh` compiles them
//! with these kernels into three libraries, which a test finds by `LD_LIBRARY_PATH` in place of NVIDIA's;
//! `scripts/check/cuda.sh` does so and runs the tests of the CUDA backend. No crate links to it.
//!
//! The emulated driver reads these environment variables:
//!
//! | variable | sets | default |
//! |---|---|---|
//! | `DEEPVIZ_EMULATED_MB` | the device's memory in MiB | 2048 |
//! | `DEEPVIZ_EMULATED_DEVICES` | 0: there is no device | 1 |
//! | `DEEPVIZ_EMULATED_TRACE` | 1: every launch is written to stderr | 0 |
//! | `DEEPVIZ_EMULATED_REVERSE` | 1: blocks and threads run from last to first, which shows missing barriers | 0 |

/// The folder of the C++ sources.
pub const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    fn variables(text: &str) -> BTreeSet<String> {
        let rest = text.split("DEEPVIZ_EMULATED_").skip(1);
        let name = |rest: &str| rest.chars().take_while(char::is_ascii_uppercase).collect::<String>();
        rest.map(name).filter(|name| !name.is_empty()).collect()
    }

    #[test]
    fn the_documentation_names_the_variables_that_the_driver_reads() {
        let (rust, cpp): (Vec<_>, Vec<_>) = files(Path::new(super::SOURCES))
            .into_iter()
            .partition(|path| path.extension().is_some_and(|extension| extension == "rs"));
        let read = |paths: &[PathBuf]| paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect::<String>();
        let documented: String =
            read(&rust).lines().filter(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
        assert!(!variables(&documented).is_empty());
        assert_eq!(variables(&documented), variables(&read(&cpp)));
    }
}
