//! The kernels: compiled for the device by NVRTC where that is found, else the built-in PTX, which
//! the driver compiles.

use super::{Cuda, libraries};
use crate::error::Error;
use cudarc::driver::{CudaContext, CudaFunction, CudaModule};
use cudarc::nvrtc::{CompileOptions, Ptx, compile_ptx_with_opts};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Compiled by `scripts/build/kernels.py` for compute capability 8.0 and newer; its first line names
/// the sources it was made from.
const PTX: &str = include_str!("kernels.ptx");

/// Every source, one after the other: build.rs puts them together.
const SOURCE: &str = include_str!(concat!(env!("OUT_DIR"), "/kernels.cu"));

/// The loaded module and its functions so far requested.
pub(super) struct Kernels {
    module: Arc<CudaModule>,
    functions: Mutex<BTreeMap<&'static str, CudaFunction>>,
}

impl Kernels {
    /// Loads them, and says where they came from.
    pub fn load(context: &Arc<CudaContext>, device: &str, (major, minor): (i32, i32)) -> Result<(Self, String), Error> {
        let architecture = format!("sm_{major}{minor}");
        if let Some((ptx, source)) = compiled(&architecture)
            && let Ok(module) = context.load_module(ptx)
        {
            return Ok((Self::of(module), source));
        }
        let module = context.load_module(Ptx::from_src(PTX)).map_err(|error| Error::Device {
            device: device.to_owned(),
            reason: format!("its driver refuses the built-in kernels ({error:?}); install a newer driver"),
        })?;
        Ok((Self::of(module), "built-in PTX".into()))
    }

    fn of(module: Arc<CudaModule>) -> Self {
        Self { module, functions: Mutex::default() }
    }

    /// The kernel of that name.
    pub fn get(&self, on: &Cuda, name: &'static str) -> Result<CudaFunction, Error> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = functions.get(name) {
            return Ok(function.clone());
        }
        let function = self.module.load_function(name).map_err(on.failed("find a kernel"))?;
        functions.insert(name, function.clone());
        Ok(function)
    }
}

/// What NVRTC makes for the architecture, kept on disk from run to run.
fn compiled(architecture: &str) -> Option<(Ptx, String)> {
    if std::env::var_os("DEEPVIZ_CUDA_KERNELS").is_some_and(|value| value == "built-in") {
        return None;
    }
    let version = libraries::nvrtc_version()?;
    let name = format!("kernels-{}-{architecture}-{version}.ptx", &blake3::hash(SOURCE.as_bytes()).to_hex()[..16]);
    let cached = cache_folder().map(|folder| folder.join(name));
    let text = cached.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
    // What was cut short is compiled again.
    if let Some(text) = text.filter(|text| text.contains(".version") && !text.contains('\0')) {
        return Some((Ptx::from_src(text), format!("NVRTC {version} for {architecture}, kept")));
    }
    let virtual_architecture = architecture.replace("sm_", "compute_");
    let options = CompileOptions {
        options: vec![format!("--gpu-architecture={virtual_architecture}"), "--std=c++17".into()],
        ..CompileOptions::default()
    };
    let ptx = match compile_ptx_with_opts(SOURCE, options) {
        Ok(ptx) => ptx,
        Err(error) => {
            tracing::warn!(?error, "NVRTC cannot compile the kernels; the built-in ones are used");
            return None;
        }
    };
    if let Some(path) = cached {
        // A cache: without it the next start takes a second longer.
        write(&path, &ptx.to_src()).ok();
    }
    Some((ptx, format!("NVRTC {version} for {architecture}")))
}

fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn cache_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(caches.join("deepviz"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_built_in_kernels_are_those_of_the_sources() {
        let digest = Sha256::digest(SOURCE.as_bytes());
        let expected = digest.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let first = PTX.lines().next().unwrap_or_default();
        assert_eq!(
            first,
            format!("// source: {expected}"),
            "run scripts/build/kernels.py --arch compute_80 --write crates/net/src/device/cuda/kernels.ptx"
        );
    }
}
