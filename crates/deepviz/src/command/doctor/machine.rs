//! The machine, as far as the system tells.

use std::fs;
use std::thread::available_parallelism;

use deepviz_net::VectorLevel;
use serde::Serialize;

use crate::format;

/// The machine's devices.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub processor: String,
    pub threads: usize,
    pub vector_level: String,
    pub vector_levels: Vec<String>,
    pub memory_bytes: Option<u64>,
    pub memory_free_bytes: Option<u64>,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        let levels = VectorLevel::ALL.into_iter().filter(|level| level.is_available());
        Self {
            processor: value_in("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            threads: available_parallelism().map_or(1, usize::from),
            vector_level: VectorLevel::detect().to_string(),
            vector_levels: levels.map(|level| level.to_string()).collect(),
            memory_bytes: kibibytes_in("/proc/meminfo", "MemTotal"),
            memory_free_bytes: kibibytes_in("/proc/meminfo", "MemAvailable"),
        }
    }

    /// Memory in words.
    pub fn memory(&self) -> String {
        match (self.memory_bytes, self.memory_free_bytes) {
            (Some(all), Some(free)) => format!("{}, {} of it free", format::bytes(all), format::bytes(free)),
            _ => "unknown (this system does not say)".to_owned(),
        }
    }
}

/// The value of the first line `key: value`; systems without the file have no answer.
fn value_in(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let value = |line: &str| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == key).then(|| value.trim().to_owned())
    };
    text.lines().find_map(value)
}

fn kibibytes_in(file: &str, key: &str) -> Option<u64> {
    let number: u64 = value_in(file, key)?.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024)
}
