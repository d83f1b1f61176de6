//! Names of uploads: they become names of folders, on any system, beside other files.

use crate::http::problem::ApiError;
use crate::runs::upload_record::CORPORA;

/// Bytes of a name.
const MAX_BYTES: usize = 64;

/// Names that mean something to deepViz in folders of runs and corpora.
const OURS: [&str; 7] =
    [CORPORA, "sources", "snapshots", "run.toml", "corpus.toml", "metrics.jsonl", deepviz_stats::FILE_NAME];

/// Names, with any ending, that are devices on Windows; `COM` and `LPT` with a digit too.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The name, where it may be one.
///
/// # Errors
/// 400 with the rule.
pub(super) fn checked(name: &str) -> Result<&str, ApiError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let refuse = |why: &str| {
        Err(ApiError::bad(format!("`{}` is no name for an upload: {why}", name.escape_debug()))
            .hint("letters, digits, -, _ and .; a letter or digit at the start, 64 at most"))
    };
    if !(1..=MAX_BYTES).contains(&name.len()) || !name.bytes().all(is_plain) {
        return refuse("it is empty, too long, or has other characters");
    }
    if !name.as_bytes()[0].is_ascii_alphanumeric() || name.ends_with('.') {
        return refuse("it begins or ends with a character that it may not");
    }
    // Some file systems take `RUN.TOML` and `run.toml` for one.
    let lower = name.to_ascii_lowercase();
    if OURS.iter().any(|ours| lower == *ours) || lower.starts_with(deepviz_stats::FILE_NAME) {
        return refuse("deepviz uses that name itself");
    }
    let stem = lower.split('.').next().unwrap_or_default();
    let is_port = |kind: &str| stem.strip_prefix(kind).is_some_and(|rest| rest.len() == 1 && rest != "0");
    if DEVICES.contains(&stem) || is_port("com") || is_port("lpt") {
        return refuse("it is a device on Windows");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_do_harm_are_refused() {
        for name in [
            "",
            ".",
            "..",
            ".hidden",
            "-rf",
            "--help",
            "_x",
            "a/b",
            "a\\b",
            "a b",
            "a:b",
            "x;id",
            "é",
            "a\n",
            "end.",
            "run.toml",
            "RUN.TOML",
            "corpora",
            "Corpora",
            "stats.sqlite",
            "stats.sqlite-wal",
            "metrics.jsonl",
            "snapshots",
            "NUL",
            "nul.txt",
            "COM1",
            "com9.tar",
            "lpt3",
            "aux",
        ] {
            assert_eq!(checked(name).unwrap_err().status().as_u16(), 400, "{name:?}");
        }
        assert!(checked(&"a".repeat(65)).is_err());
        for name in ["a", "my-run_2.1", "2013", "com10", "computer", "console", "run.toml.bak", &"a".repeat(64)] {
            assert_eq!(checked(name).unwrap(), name);
        }
    }
}
