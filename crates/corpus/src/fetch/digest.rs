//! Checking a file against the size and the digests of its description.

use std::{fs::File, io::Read, path::Path};

use md5::Md5;
use sha2::{Digest, Sha256};

use super::{FetchEvent, Stage, progress::Report};
use crate::{Error, SourceFile};

/// Checks the size and every known digest of a whole file.
pub(crate) fn verify(file: &SourceFile, path: &Path, observer: &mut dyn FnMut(FetchEvent<'_>)) -> Result<(), Error> {
    let mut reader = File::open(path).map_err(Error::io("open the file", path))?;
    let bytes = reader.metadata().map_err(Error::io("look at the file", path))?.len();
    if let Some(expected) = file.bytes.filter(|&expected| expected != bytes) {
        return Err(Error::NotOfficial {
            found: format!("{bytes} bytes"),
            expected: expected.to_string(),
            path: path.to_owned(),
        });
    }
    let mut report = Report::new(&file.name, Stage::Verify, bytes, observer);
    let mut sha256 = file.sha256.as_ref().map(|_| Sha256::new());
    let mut md5 = file.md5.as_ref().map(|_| Md5::new());
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = reader.read(&mut buffer).map_err(Error::io("read the file", path))?;
        if count == 0 {
            break;
        }
        if let Some(hasher) = &mut sha256 {
            hasher.update(&buffer[..count]);
        }
        if let Some(hasher) = &mut md5 {
            hasher.update(&buffer[..count]);
        }
        report.add(count as u64);
    }
    let found = [
        ("SHA-256", sha256.map(|hasher| format!("{:x}", hasher.finalize())), &file.sha256),
        ("MD5", md5.map(|hasher| format!("{:x}", hasher.finalize())), &file.md5),
    ];
    for (kind, found, expected) in found {
        if let (Some(found), Some(expected)) = (found, expected)
            && found != *expected
        {
            let found = format!("{kind} {found}");
            return Err(Error::NotOfficial { found, expected: expected.clone(), path: path.to_owned() });
        }
    }
    Ok(())
}
