//! Limits of a corpus's size. Files may come from any source, and a few kilobytes can declare more pixels than a
//! machine can hold: what they declare is compared with these bounds before anything is decoded, allocated or written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::Error;

/// Bounds for a corpus, besides those of the machine: the free space of the cache folder, the memory that is available
/// where there is none, and half of the address space that the process may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of decoded images, and of what is unpacked on the way to them.
    pub decoded_bytes: u64,
    /// Images.
    pub images: usize,
}

impl Default for Limits {
    /// No other bound on bytes than the machine's; 16,777,216 images, more than any known corpus of photographs has.
    fn default() -> Self {
        Self { decoded_bytes: u64::MAX, images: 1 << 24 }
    }
}

impl Limits {
    /// Checks that `found` images, samples or labels do not exceed the limit.
    ///
    /// # Errors
    /// [`Error::TooMany`] where they do.
    pub(crate) fn check_images(self, found: usize, path: &Path) -> Result<(), Error> {
        if found > self.images {
            return Err(Error::TooMany { what: "images", found, max: self.images, path: path.to_owned() });
        }
        Ok(())
    }
}

/// Free bytes of a disk that are left to others.
const DISK_RESERVE_BYTES: u64 = 256 << 20;
/// Assumed where the system does not say how much memory is available.
const USUAL_MEMORY_BYTES: u64 = 4 << 30;

/// Where decoded images, or an unpacked archive, are kept.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// In a file of this folder, which is then mapped into memory.
    Disk(PathBuf),
    /// In a file of this folder that is read piece by piece.
    Temporary(PathBuf),
    Memory,
}

impl Target {
    /// Bytes free on the disk.
    fn free_bytes(&self) -> u64 {
        match self {
            Self::Disk(folder) | Self::Temporary(folder) => free_bytes(folder).saturating_sub(DISK_RESERVE_BYTES),
            Self::Memory => u64::MAX,
        }
    }

    /// Bytes that fit in all, measured before the first.
    fn max_bytes(&self) -> u64 {
        let addresses = || address_space_bytes().map_or(u64::MAX, |bytes| bytes / 2);
        match self {
            Self::Disk(_) => addresses(),
            Self::Temporary(_) => u64::MAX,
            Self::Memory => (memory_bytes() / 2).min(addresses()),
        }
    }

    /// The scarce resource where no more fits, and a remedy, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Disk(_) => {
                "what the cache folder and the address space have room for; --cache-dir names another folder"
            }
            Self::Temporary(_) => "what the temporary folder has room for; TMPDIR names another",
            Self::Memory => "what fits into memory; with a cache folder (--cache-dir) they are mapped from a file",
        }
    }
}

/// Free bytes of the file system that a folder lies in, for this user.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> u64 {
    // Where the system does not say, writing tells.
    rustix::fs::statvfs(folder).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free_bytes(_: &Path) -> u64 {
    u64::MAX
}

/// Memory that is available: of the machine, and of the container where there is one.
pub(crate) fn memory_bytes() -> u64 {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    });
    let container = number("/sys/fs/cgroup/memory.max")
        .map(|max| max.saturating_sub(number("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    machine.into_iter().chain(container).min().unwrap_or(USUAL_MEMORY_BYTES)
}

/// The address space that this process may have, where it is bounded (`ulimit -v`).
fn address_space_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// True when memory of that size can be had. What decoders allocate themselves ends the process where it cannot.
pub(crate) fn can_allocate(bytes: u64) -> bool {
    let Ok(bytes) = usize::try_from(bytes) else { return false };
    let mut probe: Vec<u8> = Vec::new();
    let reserved = probe.try_reserve_exact(bytes).is_ok();
    // Used, or the compiler removes the allocation.
    std::hint::black_box(&mut probe);
    reserved
}

/// Counts what a corpus takes while it is read.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: Limits,
    target: Target,
    /// Bytes that fit in all.
    max_bytes: u64,
    decoded_bytes: u64,
    images: usize,
    name_bytes: usize,
    /// The corpus, for messages.
    path: PathBuf,
}

impl Meter {
    /// Names of all images together: those of known corpora have less than a tenth.
    const MAX_NAME_BYTES: usize = 1 << 30;

    pub(crate) fn new(limits: Limits, target: Target, path: &Path) -> Self {
        let max_bytes = target.max_bytes();
        Self { limits, target, max_bytes, decoded_bytes: 0, images: 0, name_bytes: 0, path: path.to_owned() }
    }

    /// Takes note of an image that is to be decoded, with the bytes of its names.
    ///
    /// # Errors
    /// [`Error::TooMany`] where there are more than there may be.
    pub(crate) fn image(&mut self, name_bytes: usize) -> Result<(), Error> {
        self.images += 1;
        self.limits.check_images(self.images, &self.path)?;
        self.name_bytes += name_bytes;
        if self.name_bytes > Self::MAX_NAME_BYTES {
            let (found, max) = (self.name_bytes, Self::MAX_NAME_BYTES);
            return Err(Error::TooMany { what: "bytes of file names", found, max, path: self.path.clone() });
        }
        Ok(())
    }

    /// Checks that `bytes` more bytes may be decoded and stored.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where they may not.
    pub(crate) fn ask(&self, bytes: u64) -> Result<(), Error> {
        let fits = self.max_bytes.min(self.decoded_bytes.saturating_add(self.target.free_bytes()));
        self.compare(self.decoded_bytes.saturating_add(bytes), fits)
    }

    /// Checks that `bytes` may be written besides the stored ones: a copy of them in their final form.
    ///
    /// # Errors
    /// [`Error::TooLarge`] where they may not.
    pub(crate) fn ask_for_copy(&self, bytes: u64) -> Result<(), Error> {
        self.compare(bytes, self.max_bytes.min(self.target.free_bytes()))
    }

    fn compare(&self, found: u64, fits: u64) -> Result<(), Error> {
        let allowed = self.limits.decoded_bytes;
        let (max, what) = if allowed < fits { (allowed, "what is allowed here") } else { (fits, self.target.what()) };
        if found > max {
            return Err(Error::TooLarge { found, max, what, path: self.path.clone() });
        }
        Ok(())
    }

    /// Takes note of bytes that are kept.
    pub(crate) fn keep(&mut self, bytes: u64) {
        self.decoded_bytes = self.decoded_bytes.saturating_add(bytes);
    }

    /// Bytes that were kept.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.decoded_bytes
    }

    /// The error for a failed allocation of `bytes` bytes.
    pub(crate) fn out_of_memory(&self, bytes: u64) -> Error {
        let what = "what fits into memory";
        Error::TooLarge {
            found: bytes,
            max: memory_bytes().min(bytes.saturating_sub(1)),
            what,
            path: self.path.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_images_count_and_too_many_are_refused_in_advance() {
        let limits = Limits { decoded_bytes: 1_000, images: 2 };
        let mut meter = Meter::new(limits, Target::Memory, Path::new("x"));
        meter.ask(1_000).unwrap();
        meter.keep(600);
        meter.ask(400).unwrap();
        let error = meter.ask(401).unwrap_err();
        assert!(matches!(error, Error::TooLarge { found: 1_001, max: 1_000, .. }), "{error}");
        meter.image(10).unwrap();
        meter.image(10).unwrap();
        assert!(matches!(meter.image(10).unwrap_err(), Error::TooMany { found: 3, max: 2, .. }));
        let mut meter = Meter::new(Limits::default(), Target::Memory, Path::new("x"));
        assert!(meter.image(Meter::MAX_NAME_BYTES + 1).unwrap_err().to_string().contains("file names"));
    }

    #[test]
    fn memory_that_no_machine_has_cannot_be_had() {
        assert!(can_allocate(1 << 20) && !can_allocate(u64::MAX) && !can_allocate(1 << 62));
        let folder = tempfile::tempdir().unwrap();
        for target in [Target::Memory, Target::Disk(folder.path().to_owned())] {
            let mut meter = Meter::new(Limits::default(), target, Path::new("x"));
            meter.keep(5);
            let error = meter.ask(u64::MAX / 2).unwrap_err().to_string();
            assert!(error.contains("--cache-dir"), "{error}");
        }
    }
}
