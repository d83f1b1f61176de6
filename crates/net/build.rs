//! Puts the CUDA kernels together: one translation unit for NVRTC at run time, as `scripts/build/kernels.py` does for the
//! built-in PTX. The prelude comes first, then every other `.cu` file of `src` in the order of their paths.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=src");
    let root = Path::new("src");
    let prelude = root.join("device/cuda/prelude.cu");
    let mut rest = Vec::new();
    find(root, &mut rest)?;
    rest.retain(|path| *path != prelude);
    rest.sort_by_key(|path| path.to_string_lossy().replace('\\', "/"));
    let mut source = fs::read_to_string(&prelude)?;
    for path in rest {
        source += &fs::read_to_string(path)?;
    }
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("kernels.cu"), source)
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "cu") {
            found.push(path);
        }
    }
    Ok(())
}
