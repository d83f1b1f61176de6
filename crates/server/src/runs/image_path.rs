//! Where images are in the folder of their corpus.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use deepviz_corpus::{Corpus, ImageId, Split, folder_split};

use crate::runs::corpora::Corpora;
use crate::runs::open_run::OpenRun;

/// Folders at the top of a corpus that are examined; of class folders there may be more, and they are no splits.
const MAX_FOLDERS: usize = 10_000;

/// The paths of a corpus' images, from its folder.
pub(crate) struct ImagePaths {
    folder: PathBuf,
    corpus: Arc<Corpus>,
    /// By split, the names of its folder, as far as there is one.
    folders: [Vec<String>; 2],
}

impl ImagePaths {
    /// Looks at the disk.
    pub(crate) fn of(corpora: &Corpora, run: &OpenRun, corpus: &Arc<Corpus>) -> Self {
        let folder = corpora.of_run(run).path.clone();
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten().take(MAX_FOLDERS);
        let names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
        let folders = [Split::Train, Split::Test].map(|split| {
            let of_split = names.iter().filter(|name| folder_split(name) == Some(split));
            let mut of_split: Vec<String> = of_split.filter_map(|name| name.to_str().map(str::to_owned)).collect();
            // `test` before `val`: where a corpus has both, the former is the test split.
            of_split.sort();
            of_split
        });
        Self { folder, corpus: Arc::clone(corpus), folders }
    }

    /// The path of the file where images are files in folders of their classes, else the name that the corpus gives the
    /// image. Looks at the disk.
    pub(crate) fn path_of(&self, image: ImageId) -> String {
        let corpus = &self.corpus;
        let (Some(name), Some(split), Some(label)) =
            (corpus.name_of(image), corpus.split_of(image), corpus.label(image))
        else {
            return String::new();
        };
        let class = corpus.classes().get(usize::from(label.0)).map_or("", String::as_str);
        let is_plain = |part: &str| Path::new(part).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain(&name) || !is_plain(class) {
            return name.into_owned();
        }
        let of_split = &self.folders[usize::from(split == Split::Test)];
        let with_split = of_split.iter().map(|of_split| format!("{of_split}/{class}/{name}"));
        let mut candidates = with_split.chain([format!("{class}/{name}"), format!("{class}/{split}/{name}")]);
        candidates.find(|path| self.folder.join(path).is_file()).unwrap_or_else(|| name.into_owned())
    }
}
