//! Finding NVIDIA's libraries: in the loader's path, in folders named by the environment, in the
//! toolkit's and in those of a Python environment.

use crate::error::Error;
use libloading::Library as Loaded;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A library looked for on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// What it is for, e.g. "cuBLAS".
    pub name: &'static str,
    /// Where it was found; only its file's name where the loader found it by itself.
    pub path: Option<PathBuf>,
    /// Its version, where it could be asked.
    pub version: Option<String>,
}

/// One library: its name, the files' names by which the loader knows it, newest first.
struct Wanted {
    name: &'static str,
    files: &'static [&'static str],
}

const DRIVER: Wanted = Wanted { name: "driver", files: &["libcuda.so.1"] };
const OTHERS: [Wanted; 4] = [
    Wanted { name: "NVRTC", files: &["libnvrtc.so.13", "libnvrtc.so.12"] },
    // cuBLAS needs it, and finds it by itself only in its own folder.
    Wanted { name: "cuBLASLt", files: &["libcublasLt.so.13", "libcublasLt.so.12"] },
    Wanted { name: "cuBLAS", files: &["libcublas.so.13", "libcublas.so.12"] },
    Wanted { name: "cuDNN", files: &["libcudnn.so.9"] },
];

/// Where a file was found; it stays loaded until the process ends.
fn find(wanted: &Wanted, first: &[PathBuf], last: &[PathBuf]) -> Option<PathBuf> {
    // A driver takes no libraries made for a later version of CUDA than its own.
    let is_old = wanted.name != DRIVER.name && driver_number().is_some_and(|version| version < 13000);
    let files: Vec<_> = wanted.files.iter().filter(|file| !(is_old && file.ends_with(".13"))).collect();
    let inside = |folders: &[PathBuf]| {
        let mut paths = folders.iter().flat_map(|folder| files.iter().map(|file| folder.join(file)));
        paths.find(|path| load(path))
    };
    let by_itself = || files.iter().map(PathBuf::from).find(|file| load(file));
    inside(first).or_else(by_itself).or_else(|| inside(last))
}

/// Loads a library for good, so that every later request by its name gets this one.
fn load(path: &Path) -> bool {
    // SAFETY: NVIDIA's libraries run nothing of consequence when they are loaded.
    match unsafe { Loaded::new(path) } {
        Ok(library) => {
            std::mem::forget(library);
            load_builtins(path);
            true
        }
        Err(_) => false,
    }
}

/// NVRTC opens a part of itself by name when it compiles, and looks in the loader's path only.
fn load_builtins(path: &Path) {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(folder) = path.parent().filter(|_| name(path).starts_with("libnvrtc.so")) {
        inside(folder).iter().filter(|path| name(path).starts_with("libnvrtc-builtins.so")).for_each(|path| {
            load(path);
        });
    }
}

/// Folders of `DEEPVIZ_CUDA_LIBS`, which go before everything.
fn named() -> Vec<PathBuf> {
    std::env::var_os("DEEPVIZ_CUDA_LIBS").map(|value| std::env::split_paths(&value).collect()).unwrap_or_default()
}

/// The toolkit's folders, and those of the active Python environment.
fn usual() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    for toolkit in ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(variable) {
        folders.extend([toolkit.join("lib64"), toolkit.join("lib")]);
    }
    folders.extend(["/usr/local/cuda/lib64", "/opt/cuda/lib64"].map(PathBuf::from));
    for python in ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(variable) {
        for version in inside(&python.join("lib")) {
            for package in inside(&version.join("site-packages/nvidia")) {
                folders.push(package.join("lib"));
            }
        }
    }
    folders
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder);
    let mut found: Vec<_> = entries.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    // The newest first.
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

fn driver() -> Option<&'static PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| find(&DRIVER, &named(), &[])).as_ref()
}

/// Every library but the driver, in the order of [`OTHERS`].
fn others() -> &'static [Option<PathBuf>] {
    static FOUND: OnceLock<Vec<Option<PathBuf>>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let (first, last) = (named(), usual());
        OTHERS.iter().map(|wanted| find(wanted, &first, &last)).collect()
    })
}

fn place_of(name: &str) -> Option<&'static PathBuf> {
    let at = OTHERS.iter().position(|wanted| wanted.name == name)?;
    others()[at].as_ref()
}

/// The driver is loaded, or why it is not.
pub(super) fn need_driver() -> Result<(), String> {
    // SAFETY: only tries to load it.
    if driver().is_some() && unsafe { cudarc::driver::sys::is_culib_present() } {
        return Ok(());
    }
    Err("no NVIDIA driver was found (libcuda.so.1); it comes with the GPU's driver".into())
}

/// cuBLAS is loaded, or what to do about it.
pub(super) fn need_cublas(device: &str) -> Result<(), Error> {
    // SAFETY: only tries to load it.
    if place_of("cuBLAS").is_some() && unsafe { cudarc::cublas::sys::is_culib_present() } {
        return Ok(());
    }
    Err(Error::Device {
        device: device.into(),
        reason: "cuBLAS was not found (libcublas.so.13 or .12); install it, for instance by \
                 `pip install nvidia-cublas-cu12` in the active Python environment, or name its folder in \
                 DEEPVIZ_CUDA_LIBS"
            .into(),
    })
}

/// Version of NVRTC, where it was found.
pub(super) fn nvrtc_version() -> Option<String> {
    place_of("NVRTC")?;
    // SAFETY: only tries to load it.
    if !unsafe { cudarc::nvrtc::sys::is_culib_present() } {
        return None;
    }
    let (mut major, mut minor) = (0, 0);
    // SAFETY: writes two integers.
    let asked = unsafe { cudarc::nvrtc::sys::nvrtcVersion(&raw mut major, &raw mut minor) };
    asked.result().ok()?;
    Some(format!("{major}.{minor}"))
}

/// Version of cuDNN, where it was found.
pub(super) fn cudnn_version() -> Option<String> {
    place_of("cuDNN")?;
    // SAFETY: only tries to load it.
    if !unsafe { cudarc::cudnn::sys::is_culib_present() } {
        return None;
    }
    // SAFETY: asks for a number.
    let version = unsafe { cudarc::cudnn::sys::cudnnGetVersion() };
    // What is declared here is version 9's interface.
    (version / 10_000 == 9).then(|| format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100))
}

/// 13.0 of 13000.
pub(super) fn version_words(version: i32) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

/// What there is on this machine, the driver first.
pub fn libraries() -> Vec<Library> {
    let version = |name: &str| match name {
        "driver" => driver_version(),
        "NVRTC" => nvrtc_version(),
        "cuDNN" => cudnn_version(),
        _ => None,
    };
    let driver = Library { name: DRIVER.name, path: driver().cloned(), version: version(DRIVER.name) };
    let others = OTHERS.iter().zip(others()).map(|(wanted, path)| Library {
        name: wanted.name,
        path: path.clone(),
        version: version(wanted.name),
    });
    std::iter::once(driver).chain(others).collect()
}

fn driver_version() -> Option<String> {
    driver_number().map(|version| format!("CUDA {}", version_words(version)))
}

/// The newest CUDA version that the driver knows, e.g. 13000.
fn driver_number() -> Option<i32> {
    need_driver().ok()?;
    let mut version = 0;
    // SAFETY: writes one integer; may be asked before anything else.
    unsafe { cudarc::driver::sys::cuDriverGetVersion(&raw mut version) }.result().ok()?;
    Some(version)
}
