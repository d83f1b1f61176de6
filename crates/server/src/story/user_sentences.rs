//! Sentences that users add: a JSON file beside the run folder, never in it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::problem::ApiError;
use crate::http::reply::tag;

/// The format of the file.
const FORMAT: u32 = 1;
/// Larger files are refused.
const MAX_BYTES: u64 = 1 << 20;
const MAX_SENTENCES: usize = 100;
const MAX_TEXT_CHARS: usize = 300;
const MAX_NOTE_CHARS: usize = 2_000;
const MAX_ADDRESS_CHARS: usize = 4_000;

/// A sentence of the story that a user wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OwnSentence)]
pub(crate) struct UserSentence {
    /// 1 to 300 characters.
    pub(crate) text: String,
    /// An explanation shown with it, up to 2,000 characters.
    #[serde(default)]
    #[schema(required)]
    pub(crate) note: String,
    /// The view it leads to: the dashboard's address behind `#`, without the run (`view=filters&checkpoint=3`).
    #[serde(default)]
    #[schema(required)]
    pub(crate) address: String,
}

/// The content of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserStoryFile {
    format: u32,
    /// Name of the run; for people who read the file, not used.
    #[serde(default)]
    run: String,
    sentences: Vec<UserSentence>,
}

/// The sentences of a file, and the revision of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UserStory {
    /// A hash of the file's content; `None` if there is no file.
    pub(crate) revision: Option<String>,
    pub(crate) sentences: Vec<UserSentence>,
}

/// The path of a run's file: `RUN.story.json` beside the folder `RUN`.
///
/// # Errors
/// 422 where the folder has no name or nothing beside it.
pub(crate) fn path_of(run: &Path) -> Result<PathBuf, ApiError> {
    let run = run.canonicalize().unwrap_or_else(|_| run.to_owned());
    let (Some(name), Some(_)) = (run.file_name(), run.parent()) else {
        return Err(ApiError::unusable("the run folder is the root of the file system: nothing lies beside it"));
    };
    let mut name = name.to_owned();
    name.push(".story.json");
    Ok(run.with_file_name(name))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads the sentences; none where there is no file.
///
/// # Errors
/// 422 where the file cannot be parsed, with the line of the fault.
pub(crate) fn read(path: &Path) -> Result<UserStory, ApiError> {
    let unusable = |what: String| {
        ApiError::unusable(format!("{}: {what}", name_of(path)))
            .hint("mend or remove the file beside the run folder; the run itself is not affected")
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(UserStory::default()),
        Err(error) => return Err(unusable(format!("cannot be read: {error}"))),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unusable(format!("has more than the {MAX_BYTES} bytes that are read")));
    }
    let found: UserStoryFile = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    if found.format != FORMAT {
        return Err(unusable(format!("is of format {}; this version reads format {FORMAT}", found.format)));
    }
    check(&found.sentences).map_err(unusable)?;
    Ok(UserStory { revision: Some(tag(&[&bytes])), sentences: found.sentences })
}

/// Replaces the sentences of the revision that a client has read. Without sentences the file is removed.
///
/// # Errors
/// 400 for sentences that are too many, too long or empty, 409 where the file has changed since that revision,
/// 403 where the folder cannot be written, 507 where the disk is full.
pub(crate) fn write(path: &Path, run: &str, revised: UserStory) -> Result<UserStory, ApiError> {
    check(&revised.sentences).map_err(ApiError::bad)?;
    if read(path)?.revision != revised.revision {
        return Err(ApiError::exists("the sentences were changed by someone else since they were read")
            .hint("read them again, then repeat the change"));
    }
    let unwritable = |error: io::Error| match error.kind() {
        io::ErrorKind::StorageFull => ApiError::full(),
        _ => ApiError::forbidden(format!("{} cannot be written beside the run folder: {error}", name_of(path)))
            .hint("give the server write access to the folder that holds the run, or serve a copy of the run"),
    };
    if revised.sentences.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(error)),
            _ => Ok(UserStory::default()),
        };
    }
    let file = UserStoryFile { format: FORMAT, run: run.to_owned(), sentences: revised.sentences };
    let mut bytes = serde_json::to_vec_pretty(&file).map_err(|error| ApiError::internal(error.to_string()))?;
    bytes.push(b'\n');
    replace(path, &bytes).map_err(unwritable)?;
    Ok(UserStory { revision: Some(tag(&[&bytes])), sentences: file.sentences })
}

/// Deletes the sentences of a deleted run; otherwise a later run of the same name would show them.
pub(crate) fn delete(run: &Path) {
    let removed = path_of(run).map(fs::remove_file);
    if let Ok(Err(error)) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!("cannot remove the sentences beside {}: {error}", run.display());
    }
}

/// Writes a temporary file beside it, syncs it and renames it, so that readers see the old or the new content.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    // Temporary files are private; what they become is not.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path).map_err(|error| error.error)?;
    // The rename itself lasts only once the folder is synced; not every system can open one.
    if let Ok(folder) = fs::File::open(folder) {
        folder.sync_all().ok();
    }
    Ok(())
}

fn check(sentences: &[UserSentence]) -> Result<(), String> {
    if sentences.len() > MAX_SENTENCES {
        return Err(format!("there are {} sentences; at most {MAX_SENTENCES} are kept", sentences.len()));
    }
    for (number, UserSentence { text, note, address }) in (1..).zip(sentences) {
        let long =
            [("text", text, MAX_TEXT_CHARS), ("note", note, MAX_NOTE_CHARS), ("address", address, MAX_ADDRESS_CHARS)];
        for (what, value, max) in long {
            let length = value.chars().count();
            if length > max {
                return Err(format!("the {what} of sentence {number} has {length} characters; at most {max} are kept"));
            }
        }
        if text.trim().is_empty() {
            return Err(format!("sentence {number} has no text"));
        }
        if address.contains("://") || address.starts_with('#') {
            return Err(format!(
                "the address of sentence {number} is `{address}`; expected what follows `#` in the dashboard's address, \
                 such as `view=filters&checkpoint=3`"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(text: &str) -> UserSentence {
        UserSentence { text: text.to_owned(), note: "why".to_owned(), address: "view=filters".to_owned() }
    }

    #[test]
    fn sentences_are_stored_beside_the_run_and_replaced_by_revision() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        fs::create_dir(&run).unwrap();
        let path = path_of(&run).unwrap();
        assert_eq!(path, folder.path().canonicalize().unwrap().join("run.story.json"));
        assert_eq!(read(&path).unwrap(), UserStory::default());
        let first = write(&path, "run", UserStory { revision: None, sentences: vec![sentence("a")] }).unwrap();
        assert_eq!(read(&path).unwrap(), first);
        // A client that has not read the current revision cannot overwrite it.
        let late = write(&path, "run", UserStory { revision: None, sentences: vec![sentence("b")] }).unwrap_err();
        assert_eq!(late.status().as_u16(), 409);
        let revised = UserStory { revision: first.revision, sentences: vec![sentence("b"), sentence("c")] };
        let second = write(&path, "run", revised).unwrap();
        assert_eq!(read(&path).unwrap().sentences.len(), 2);
        assert_eq!(fs::read_dir(&run).unwrap().count(), 0, "the run itself is not touched");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
        write(&path, "run", UserStory { sentences: vec![], ..second }).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn invalid_files_and_sentences_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.story.json");
        for (text, expected) in [
            ("{", "EOF"),
            (r#"{"format":2,"sentences":[]}"#, "format 2"),
            (r#"{"format":1,"sentences":[{"text":" "}]}"#, "sentence 1 has no text"),
            (r#"{"format":1,"sentences":[{"text":"a","adress":""}]}"#, "adress"),
            (r#"{"format":1,"sentences":[{"text":"a","address":"https://a"}]}"#, "expected what follows"),
        ] {
            fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            assert_eq!(error.status().as_u16(), 422, "{text}");
            assert!(error.to_string().contains(expected) && error.to_string().contains("run.story.json"), "{error}");
        }
        fs::write(&path, vec![b' '; (MAX_BYTES + 1) as usize]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("more than"));
        fs::remove_file(&path).unwrap();
        let long = UserStory { revision: None, sentences: vec![sentence(&"a".repeat(301))] };
        assert_eq!(write(&path, "run", long).unwrap_err().status().as_u16(), 400);
        let many = UserStory { revision: None, sentences: vec![sentence("a"); 101] };
        assert_eq!(write(&path, "run", many).unwrap_err().status().as_u16(), 400);
        let nowhere = folder.path().join("gone/run.story.json");
        let error = write(&nowhere, "run", UserStory { revision: None, sentences: vec![sentence("a")] }).unwrap_err();
        assert_eq!(error.status().as_u16(), 403);
        assert!(error.to_string().contains("cannot be written beside the run folder"), "{error}");
    }
}
