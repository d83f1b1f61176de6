//! Text from files and networks as a terminal may have it: nothing in it steers the terminal.

use std::borrow::Cow;

/// Text from a file (a name of a class, of an image) as it can be printed: what moves the cursor, changes colours, ends
/// the line or turns the direction of writing is escaped.
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
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || turns || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// As [`printable`], with the colours that the log itself sets; in a name they do no harm.
pub fn printable_but_colours(text: &str) -> String {
    let mut line = String::new();
    let mut parts = text.split("\x1b[");
    line.push_str(&printable(parts.next().unwrap_or_default()));
    for part in parts {
        let length = part.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b';').count();
        let (start, rest) = if part[length..].starts_with('m') { part.split_at(length + 1) } else { ("", part) };
        line.push_str(if start.is_empty() { "\\u{1b}[" } else { "\x1b[" });
        line.push_str(start);
        line.push_str(&printable(rest));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_holds_cannot_steer_a_terminal() {
        assert!(matches!(printable("plain, caf\u{e9} \u{1f600} \u{639}"), Cow::Borrowed(_)));
        let name = "a\x1b[2J\x07\nb\r\u{9b}2J\u{202e}txt\u{2028}";
        assert_eq!(printable(name), "a\\u{1b}[2J\\u{7}\\nb\\r\\u{9b}2J\\u{202e}txt\\u{2028}");
        let event = "\x1b[33m WARN\x1b[0m a\x1b[2Jb\x1b]0;title\x07 \x1b[1;2mc\nd";
        let shown = "\x1b[33m WARN\x1b[0m a\\u{1b}[2Jb\\u{1b}]0;title\\u{7} \x1b[1;2mc\\nd";
        assert_eq!(printable_but_colours(event), shown);
    }
}
