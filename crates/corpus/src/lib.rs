//! Labelled images: reading them, their splits, names, mean and search, and the generated `shapes` corpus.
//!
//! A corpus is a folder; [`Corpus::open`] recognises it by what is in it:
//!
//! | layout | recognised by | names |
//! |---|---|---|
//! | CIFAR-10 binary batches | `data_batch_1.bin` or `test_batch.bin` | batch and place in it |
//! | CIFAR-10 Python batches | `data_batch_1` or `test_batch` | the file names of the photographs |
//! | made by deepViz (`shapes`) | `corpus.json` | sub-class and count |
//! | CIFAR-100, idx (MNIST), SVHN, STL-10 | their files' names | split and place, or file names |
//! | Tiny `ImageNet`, GTSRB, Pets, Flowers102, Food-101 | their lists | file names |
//! | parquet tables, `WebDataset` shards, archives of class folders | the files' contents | file names |
//! | class folders | `train/<class>/*`, `test/<class>/*`, or `<class>/*` | file names |
//!
//! Every image has an id (train first, then test, stable between loads), a class, a split and a name.
//! Pixels are bytes, channels x height x width, each image at its own size; they are decoded once and mapped from the
//! cache folder from then on. Nothing here knows about networks.
//! `docs/corpora.md` is the page for users.

mod account;
mod class_name;
mod contents;
mod corpus;
mod decode;
mod detect;
mod error;
mod fetch;
mod file_name;
mod formats;
mod identity;
mod image;
mod known;
mod limits;
mod name;
mod reader;
mod reading;
mod search;
mod shapes;
mod sink;
mod store;
mod tree;

pub use account::{Account, Example, LeftOut, Reason};
pub use class_name::{class_text, find_class};
pub use corpus::Corpus;
pub use decode::{Decoded, Orientation, Undecodable, decode, decode_within};
pub use detect::is_corpus;
pub use error::Error;
pub use fetch::{FetchEvent, FetchOptions, Progress, Stage, fetch_corpus};
pub use formats::class_folders::folder_split;
pub use image::{ClassId, ImageId, ImageShape, Split};
pub use known::{ContentFile, Description, KnownLayout, SourceFile, Splits, Unpack};
pub use limits::Limits;
pub use reading::{LabelLevel, OpenOptions, Reading};
pub use search::{Page, Query};
pub use shapes::{ShapesNotes, ShapesOptions, make_shapes};
pub use sink::OpenProgress;
