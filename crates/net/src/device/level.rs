//! Levels of vector instructions.

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// Which vector instructions the CPU code uses. Results of one level are the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VectorLevel {
    /// What every machine has; no fused multiply-add.
    Portable,
    /// AVX2 and FMA (x86-64 since 2013).
    Avx2,
    /// AVX-512 F and VL (server processors since 2017, AMD's since Zen 4).
    Avx512,
}

impl VectorLevel {
    /// Every level, lowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The best this machine has.
    pub fn detect() -> Self {
        let best = Self::ALL.into_iter().rev().find(|level| level.is_available());
        best.unwrap_or(Self::Portable)
    }

    /// Whether this machine has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available() && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// The name, as run folders and the command line write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for VectorLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for VectorLevel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|level| level.name() == text);
        found.ok_or_else(|| Error::Device {
            device: format!("cpu with vector level `{text}`"),
            reason: format!("there is no such level; the levels are {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}
