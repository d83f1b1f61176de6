//! Archives made by hand, good and evil.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A file to be packed.
pub(super) struct Packed {
    pub(super) path: &'static str,
    pub(super) kind: tar::EntryType,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn file(path: &'static str, bytes: Vec<u8>) -> Packed {
    Packed { path, kind: tar::EntryType::Regular, bytes }
}

pub(super) fn of_kind(path: &'static str, kind: tar::EntryType) -> Packed {
    Packed { path, kind, bytes: Vec::new() }
}

/// Noise, so that archives are not tiny.
pub(super) fn noise(seed: u32, bytes: usize) -> Vec<u8> {
    let mut state = seed + 1;
    (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

pub(super) fn tar(files: &[Packed]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for packed in files {
        let mut header = tar::Header::new_gnu();
        // Written into the header by hand: the builder refuses the paths that an attacker would choose.
        header.as_old_mut().name[..packed.path.len()].copy_from_slice(packed.path.as_bytes());
        header.set_entry_type(packed.kind);
        header.set_size(packed.bytes.len() as u64);
        header.set_mode(0o644);
        if packed.kind.is_symlink() || packed.kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, packed.bytes.as_slice()).unwrap();
    }
    tar.into_inner().unwrap()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(super) fn tgz(files: &[Packed]) -> Vec<u8> {
    gzip(&tar(files))
}

pub(super) fn zip(files: &[Packed]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for packed in files {
        if packed.kind.is_symlink() {
            zip.add_symlink(packed.path, "/etc/passwd", options).unwrap();
        } else if packed.kind.is_dir() {
            zip.add_directory(packed.path, options).unwrap();
        } else {
            zip.start_file(packed.path, options).unwrap();
            zip.write_all(&packed.bytes).unwrap();
        }
    }
    zip.finish().unwrap().into_inner()
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

pub(super) fn md5(bytes: &[u8]) -> String {
    format!("{:x}", md5::Md5::digest(bytes))
}
