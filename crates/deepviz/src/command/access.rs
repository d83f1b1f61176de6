//! The token of a server: where it comes from, and whether it is a good one.

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cli::AccessArgs;
use crate::console::note;

/// Characters that are percent-encoded everywhere in a URL: all but those that RFC 3986 calls unreserved.
pub const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// A token of fewer characters can be guessed: as hexadecimal digits these are 64 bits.
const GOOD_CHARS: usize = 16;
/// A file with a token has no more bytes.
const MAX_FILE_BYTES: u64 = 4096;

/// Who may look.
#[derive(Debug)]
pub struct Access {
    token: Option<String>,
}

impl Access {
    /// The token that was given; one is made up where an address leaves the machine without one. A token that can be
    /// guessed, or that others can read, is warned of.
    pub fn new(addr: SocketAddr, args: &AccessArgs) -> anyhow::Result<Self> {
        let given = match (&args.token_file, &args.token) {
            (Some(_), Some(_)) => bail!("two tokens are given; expected --token-file, DEEPVIZ_TOKEN or --token alone"),
            (Some(path), None) => Some(token_in(path)?),
            (None, token) => token.clone(),
        };
        if let Some(warning) = given.as_deref().and_then(warning_of) {
            note(&warning);
        }
        let is_open = given.is_none() && !addr.ip().is_loopback();
        let made_up = is_open.then(|| format!("{:032x}", rand::random::<u128>()));
        Ok(Self { token: given.or(made_up) })
    }

    /// The secret of clients, if any.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The address to type into a browser on this machine.
    pub fn url(&self, address: SocketAddr) -> String {
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let local = SocketAddr::new(ip, address.port());
        match &self.token {
            Some(token) => format!("http://{local}/?token={}", utf8_percent_encode(token, &UNRESERVED)),
            None => format!("http://{local}"),
        }
    }
}

/// The one line of a file, without the space around it.
fn token_in(path: &Path) -> anyhow::Result<String> {
    let reading = || format!("cannot read the token of {}", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let mut text = String::new();
    file.by_ref().take(MAX_FILE_BYTES).read_to_string(&mut text).with_context(reading)?;
    let token = text.trim();
    if token.is_empty() {
        bail!("cannot read the token of {}: the file is empty, expected the token alone", path.display());
    }
    if is_readable_by_others(&file) {
        note(&format!("warning: other users can read {0} with the token; `chmod 600 {0}` mends it", path.display()));
    }
    Ok(token.to_owned())
}

#[cfg(unix)]
fn is_readable_by_others(file: &File) -> bool {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    // A pipe cannot be read by other users.
    file.metadata().is_ok_and(|about| !about.file_type().is_fifo() && about.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_file: &File) -> bool {
    false
}

fn warning_of(token: &str) -> Option<String> {
    let chars = token.chars().count();
    (chars < GOOD_CHARS).then(|| {
        format!(
            "warning: the token is easy to guess: it has {chars} characters, expected {GOOD_CHARS} or more at random; \
             `openssl rand -hex 16` makes a good one"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn given(token: &str) -> AccessArgs {
        AccessArgs { token: Some(token.to_owned()), ..AccessArgs::default() }
    }

    #[test]
    fn loopback_needs_no_token() {
        let access = Access::new(addr("127.0.0.1:7878"), &AccessArgs::default()).unwrap();
        assert_eq!(access.url(addr("127.0.0.1:7878")), "http://127.0.0.1:7878");
        assert_eq!(access.url(addr("[::1]:80")), "http://[::1]:80");
    }

    #[test]
    fn other_addresses_get_a_token_of_their_own() {
        let made_up = || Access::new(addr("0.0.0.0:1"), &AccessArgs::default()).unwrap().token.unwrap();
        let (one, two) = (made_up(), made_up());
        assert_ne!(one, two);
        assert_eq!(one.len(), 32);
        assert_eq!(warning_of(&one), None);
        let given = Access::new(addr("0.0.0.0:1"), &given("sesame")).unwrap();
        assert_eq!(given.url(addr("0.0.0.0:99")), "http://127.0.0.1:99/?token=sesame");
    }

    #[test]
    fn a_token_is_printed_as_an_address_can_hold_it() {
        let access = Access::new(addr("0.0.0.0:1"), &given("a+b#c&d%e=f?g/h\"~.-_")).unwrap();
        let expected = "http://127.0.0.1:9/?token=a%2Bb%23c%26d%25e%3Df%3Fg%2Fh%22~.-_";
        assert_eq!(access.url(addr("0.0.0.0:9")), expected);
    }

    #[test]
    fn short_tokens_are_warned_of() {
        for (token, is_good) in [("1", false), ("open-sesame", false), ("0123456789abcde", false)] {
            assert_eq!(warning_of(token).is_none(), is_good, "{token}");
        }
        assert_eq!(warning_of("0123456789abcdef"), None);
    }
}
