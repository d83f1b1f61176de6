//! Where the arithmetic runs.

pub(crate) mod cpu;
pub(crate) mod cuda;
mod level;
mod precision;
pub(crate) mod windows;
pub(crate) mod worker;

pub use level::VectorLevel;
pub use precision::Precision;
pub use worker::Worker;

use self::cuda::Cuda;
use crate::error::Error;
use std::fmt;
use std::sync::Arc;

/// The processor's cores and vector units. Copies share their threads.
#[derive(Clone)]
pub struct Cpu {
    level: VectorLevel,
    threads: usize,
    pool: Arc<rayon::ThreadPool>,
}

impl Cpu {
    /// All cores and the best vector instructions, by default: see [`Device::cpu`].
    ///
    /// # Errors
    /// A level that this machine lacks, no threads, or threads that cannot be started.
    pub fn new(threads: Option<usize>, level: Option<VectorLevel>) -> Result<Self, Error> {
        let level = level.unwrap_or_else(VectorLevel::detect);
        let device = || format!("cpu with vector level {level}");
        if !level.is_available() {
            return Err(Error::Device {
                device: device(),
                reason: format!("this processor lacks the instructions; it can do {}", VectorLevel::detect()),
            });
        }
        let threads = match threads {
            Some(0) => {
                return Err(Error::Device {
                    device: device(),
                    reason: "it needs at least one thread, and 0 were asked for".into(),
                });
            }
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        // One thread needs a pool too: without one, rayon's own takes as many threads as there are cores.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("net-{index}"));
        let pool = Arc::new(pool.build().map_err(|error| Error::Device {
            device: device(),
            reason: format!("{threads} threads cannot be started: {error}"),
        })?);
        Ok(Self { level, threads, pool })
    }

    /// Threads that share the work.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// Vector instructions in use.
    pub const fn level(&self) -> VectorLevel {
        self.level
    }

    /// Runs `work` so that rayon's iterators inside use this device's threads.
    pub(crate) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Whether there is more than one thread to share the work.
    pub(crate) const fn is_parallel(&self) -> bool {
        self.threads > 1
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cpu({} threads, {})", self.threads, self.level)
    }
}

/// Where the arithmetic runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Device {
    /// The processor.
    Cpu(Cpu),
    /// An NVIDIA GPU.
    Cuda(Cuda),
    /// A Python process, for networks that it recorded and that deepViz cannot compute. It only applies them.
    Worker(Worker),
}

impl Device {
    /// The processor: all its cores and its best vector instructions, by default.
    ///
    /// The number of threads never changes a result; the vector level changes its rounding.
    pub fn cpu(threads: Option<usize>, level: Option<VectorLevel>) -> Result<Self, Error> {
        Cpu::new(threads, level).map(Self::Cpu)
    }

    /// The GPU of that number.
    pub fn cuda(ordinal: usize) -> Result<Self, Error> {
        Cuda::open(ordinal).map(Self::Cuda)
    }

    /// What runs report, e.g. "cpu, 2 threads, avx2".
    pub fn describe(&self) -> String {
        match self {
            Self::Cpu(Cpu { threads: 1, level, .. }) => format!("cpu, 1 thread, {level}"),
            Self::Cpu(cpu) => format!("cpu, {} threads, {}", cpu.threads, cpu.level),
            Self::Cuda(cuda) => format!("cuda:{}, {}", cuda.device_info().ordinal, cuda.device_info().name),
            Self::Worker(_) => "a Python process".to_owned(),
        }
    }

    /// The vector level of what the processor computes: with a GPU, of the little that
    /// is left to it.
    pub fn vector_level(&self) -> VectorLevel {
        match self {
            Self::Cpu(cpu) => cpu.level,
            Self::Cuda(_) | Self::Worker(_) => VectorLevel::detect(),
        }
    }

    /// What results to the last bit depend on, recorded in a run: the vector level, or the graphics
    /// processor's kind.
    pub fn arithmetic(&self) -> String {
        match self {
            Self::Cpu(cpu) => cpu.level.to_string(),
            Self::Cuda(cuda) => {
                let (major, minor) = cuda.device_info().capability;
                format!("cuda sm_{major}{minor}")
            }
            Self::Worker(_) => "python".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_names_and_read_them_back() {
        for level in VectorLevel::ALL {
            assert_eq!(level.name().parse::<VectorLevel>().unwrap(), level);
        }
        let error = "sse9".parse::<VectorLevel>().unwrap_err().to_string();
        assert!(error.contains("sse9") && error.contains("portable"));
    }

    #[test]
    fn a_device_needs_a_thread() {
        assert!(Device::cpu(Some(0), None).is_err());
        assert!(Device::cpu(Some(3), None).is_ok());
    }

    #[test]
    fn a_device_uses_only_its_own_threads() {
        for threads in [1, 3] {
            let Device::Cpu(cpu) = Device::cpu(Some(threads), None).unwrap() else {
                panic!("not the processor");
            };
            assert_eq!(cpu.install(rayon::current_num_threads), threads);
        }
        let one = Device::cpu(Some(1), Some(VectorLevel::Portable)).unwrap();
        assert_eq!(one.describe(), "cpu, 1 thread, portable");
    }
}
