//! Everything a corpus holds besides its pixels, and the file of the cache that keeps it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Account, ClassId, Error, ImageShape, ShapesNotes, name::Names, store::Sizes};

/// Facts on a corpus's images.
#[derive(Debug, Clone)]
pub(crate) struct Contents {
    pub(crate) identity: String,
    /// Number of images, from the first, for training.
    pub(crate) train: u32,
    pub(crate) classes: Vec<String>,
    pub(crate) labels: Vec<ClassId>,
    pub(crate) names: Names,
    pub(crate) sizes: Sizes,
    pub(crate) account: Account,
    pub(crate) layout: String,
    /// The folder below the one that was opened, in which the corpus lies; empty where it is that itself.
    pub(crate) inner: PathBuf,
    pub(crate) notes: Option<ShapesNotes>,
}

/// The first bytes of the file: what it is, and the version of its format.
const MAGIC: &[u8; 24] = b"deepviz corpus source 2\n";

/// The part of the file that is JSON.
#[derive(Serialize, Deserialize)]
struct ContentsHeader {
    fingerprint: String,
    identity: String,
    train: u32,
    images: usize,
    classes: Vec<String>,
    layout: String,
    inner: PathBuf,
    account: Account,
    notes: Option<ShapesNotes>,
    channels: usize,
    /// Height and width, where all images have one.
    size: Option<[usize; 2]>,
    names_bytes: usize,
}

impl Contents {
    /// The file: magic, BLAKE3 hash of the rest, length of the JSON, JSON, labels (`u16`), sizes (two `u32` per image,
    /// where they differ), ends of names (`u64`), names. Numbers are little-endian.
    pub(crate) fn to_bytes(&self, fingerprint: &str) -> Result<Vec<u8>, Error> {
        let common = self.sizes.common();
        let header = ContentsHeader {
            fingerprint: fingerprint.to_owned(),
            identity: self.identity.clone(),
            train: self.train,
            images: self.labels.len(),
            classes: self.classes.clone(),
            layout: self.layout.clone(),
            inner: self.inner.clone(),
            account: self.account.clone(),
            notes: self.notes.clone(),
            channels: self.sizes.channels(),
            size: common.map(|shape| [shape.height, shape.width]),
            names_bytes: self.names.text().len(),
        };
        let json =
            serde_json::to_vec(&header).map_err(|source| Error::Manifest { source, path: Path::new("").into() })?;
        let mut body = (json.len() as u64).to_le_bytes().to_vec();
        body.extend(json);
        body.extend(self.labels.iter().flat_map(|label| label.0.to_le_bytes()));
        if common.is_none() {
            body.extend(self.sizes.iter().flatten().flat_map(u32::to_le_bytes));
        }
        body.extend(self.names.ends().iter().flat_map(|end| (*end as u64).to_le_bytes()));
        body.extend(self.names.text().as_bytes());
        Ok([&MAGIC[..], blake3::hash(&body).as_bytes(), &body].concat())
    }

    /// Reads the file; the fingerprint of the folder it was made from, and the contents.
    ///
    /// # Errors
    /// [`Error::Cache`] where the file is damaged or of another version, [`Error::Io`] where it cannot be read.
    pub(crate) fn read(path: &Path) -> Result<(String, Self), Error> {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        parse(&bytes).ok_or_else(|| Error::Cache {
            found: format!("{} bytes", bytes.len()),
            expected: "a whole description of a corpus".to_owned(),
            path: path.to_owned(),
        })
    }
}

fn parse(bytes: &[u8]) -> Option<(String, Contents)> {
    let (hash, mut rest) = bytes.strip_prefix(MAGIC)?.split_at_checked(32)?;
    if blake3::hash(rest).as_bytes() != hash {
        return None;
    }
    let mut take = |count: usize| {
        let (taken, left) = rest.split_at_checked(count)?;
        rest = left;
        Some(taken)
    };
    let json = u64::from_le_bytes(take(8)?.try_into().ok()?);
    let header: ContentsHeader = serde_json::from_slice(take(usize::try_from(json).ok()?)?).ok()?;
    let images = header.images;
    let labels = take(images.checked_mul(2)?)?.as_chunks().0.iter().map(|&label| ClassId(u16::from_le_bytes(label)));
    let labels = labels.collect();
    let sizes = if let Some([height, width]) = header.size {
        Sizes::One { shape: ImageShape { channels: header.channels, height, width }, count: images }
    } else {
        let sides = take(images.checked_mul(8)?)?.as_chunks::<8>().0.iter().map(|sides| {
            let (height, width) = sides.split_at(4);
            [height, width].map(|side| side.try_into().map_or(0, u32::from_le_bytes))
        });
        Sizes::new(header.channels, sides.collect())
    };
    let ends = take(images.checked_mul(8)?)?.as_chunks().0.iter().map(|&end| u64::from_le_bytes(end) as usize);
    let ends = ends.collect();
    let names = Names::from_parts(String::from_utf8(take(header.names_bytes)?.to_vec()).ok()?, ends)?;
    let contents = Contents {
        identity: header.identity,
        train: header.train,
        classes: header.classes,
        labels,
        names,
        sizes,
        account: header.account,
        layout: header.layout,
        inner: header.inner,
        notes: header.notes,
    };
    Some((header.fingerprint, contents))
}
