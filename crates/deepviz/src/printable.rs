//! Untrusted text (names in corpora, runs and checkpoints, answers of servers), escaped so that it cannot control the
//! terminal.

use std::borrow::Cow;

/// Text from a file (a name of a class, of an image) with all characters escaped that move the cursor, change colours, end
/// the line or change the direction of writing.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let escaped = text
        .chars()
        .map(|letter| if is_unprintable(letter) { letter.escape_default().to_string() } else { letter.to_string() });
    Cow::Owned(escaped.collect())
}

fn is_unprintable(letter: char) -> bool {
    let is_bidi_control = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || is_bidi_control || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Like [`printable`], but leaves ANSI colour codes, which the log itself writes. Colour codes in a name are harmless.
pub fn printable_keeping_colours(text: &str) -> String {
    let mut line = String::new();
    let mut parts = text.split("\x1b[");
    line.push_str(&printable(parts.next().unwrap_or_default()));
    for part in parts {
        let length = part.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        let (colour_code, rest) = if part[length..].starts_with('m') { part.split_at(length + 1) } else { ("", part) };
        line.push_str(if colour_code.is_empty() { "\\u{1b}[" } else { "\x1b[" });
        line.push_str(colour_code);
        line.push_str(&printable(rest));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_control_the_terminal() {
        assert!(matches!(printable("plain, caf\u{e9} \u{1f600} \u{639}"), Cow::Borrowed(_)));
        let name = "a\x1b[2J\x07\nb\r\u{9b}2J\u{202e}txt\u{2028}";
        assert_eq!(printable(name), "a\\u{1b}[2J\\u{7}\\nb\\r\\u{9b}2J\\u{202e}txt\\u{2028}");
        let event = "\x1b[33m WARN\x1b[0m a\x1b[2Jb\x1b]0;title\x07 \x1b[1;2mc\nd";
        let shown = "\x1b[33m WARN\x1b[0m a\\u{1b}[2Jb\\u{1b}]0;title\\u{7} \x1b[1;2mc\\nd";
        assert_eq!(printable_keeping_colours(event), shown);
    }
}
