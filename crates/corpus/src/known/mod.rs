//! The known corpora: what each is, where its files are, how they are checked. One TOML file each in `corpus/`, built
//! into the binary; a description of the user's own has the same keys.

mod check;
mod description;
mod record;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::LazyLock};

use crate::{
    Error,
    formats::{read_short, to_text},
};
pub use description::{ContentFile, Description, KnownLayout, SourceFile, Splits, Unpack};
pub(crate) use record::{Fetched, RECORD, Record};

/// File name and text of every description in `corpus/`, in the order in which they are listed.
const FILES: [(&str, &str); 17] = [
    ("cifar10.toml", include_str!("../../../../corpus/cifar10.toml")),
    ("cifar10-python.toml", include_str!("../../../../corpus/cifar10-python.toml")),
    ("cifar100.toml", include_str!("../../../../corpus/cifar100.toml")),
    ("cifar100-python.toml", include_str!("../../../../corpus/cifar100-python.toml")),
    ("mnist.toml", include_str!("../../../../corpus/mnist.toml")),
    ("fashion-mnist.toml", include_str!("../../../../corpus/fashion-mnist.toml")),
    ("kmnist.toml", include_str!("../../../../corpus/kmnist.toml")),
    ("svhn.toml", include_str!("../../../../corpus/svhn.toml")),
    ("stl10.toml", include_str!("../../../../corpus/stl10.toml")),
    ("imagenette-160.toml", include_str!("../../../../corpus/imagenette-160.toml")),
    ("imagenette-320.toml", include_str!("../../../../corpus/imagenette-320.toml")),
    ("tiny-imagenet.toml", include_str!("../../../../corpus/tiny-imagenet.toml")),
    ("gtsrb.toml", include_str!("../../../../corpus/gtsrb.toml")),
    ("eurosat.toml", include_str!("../../../../corpus/eurosat.toml")),
    ("oxford-iiit-pet.toml", include_str!("../../../../corpus/oxford-iiit-pet.toml")),
    ("flowers102.toml", include_str!("../../../../corpus/flowers102.toml")),
    ("food101.toml", include_str!("../../../../corpus/food101.toml")),
];

/// The descriptions that parse; a test holds that all do.
static KNOWN: LazyLock<Vec<Description>> =
    LazyLock::new(|| FILES.iter().filter_map(|(name, text)| Description::parse(text, Path::new(name)).ok()).collect());

impl Description {
    /// The corpora whose descriptions are built in.
    pub fn known() -> &'static [Self] {
        &KNOWN
    }

    /// A built-in description by its name.
    pub fn named(name: &str) -> Result<&'static Self, Error> {
        KNOWN.iter().find(|known| known.name == name).ok_or_else(|| Error::UnknownCorpus {
            found: name.to_owned(),
            expected: KNOWN.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }

    /// Reads a description from a file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = read_short(path).map_err(Error::io("read the description", path))?;
        let text = to_text(&text);
        Self::parse(&text, path)
    }

    /// The description that the name of a source speaks of: this one, or one of its alternatives
    /// (`cifar-10-python.tar.gz` in place of `cifar-10-binary.tar.gz`).
    pub(crate) fn of_source(&self, source: Option<&str>) -> &Self {
        let Some(name) = source.map(last_part) else { return self };
        let alternatives = self.alternatives.iter().filter_map(|alternative| Self::named(alternative).ok());
        let named = |description: &&Self| matches!(description.files.as_slice(), [file] if file.name == name);
        if named(&self) { self } else { alternatives.into_iter().find(named).unwrap_or(self) }
    }
}

/// The last part of an address or a path.
pub(crate) fn last_part(address: &str) -> &str {
    let path = address.split(['?', '#']).next().unwrap_or(address);
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
