//! Lines of comma-separated values (RFC 4180).

use std::borrow::Cow;

/// A line with its end. Text that a spreadsheet would run as a formula has an apostrophe before it.
pub(crate) fn csv_line(fields: &[impl AsRef<str>]) -> String {
    let fields: Vec<_> = fields.iter().map(|field| quoted(field.as_ref())).collect();
    fields.join(",") + "\r\n"
}

fn quoted(field: &str) -> Cow<'_, str> {
    let is_formula =
        field.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
            || field.starts_with(['\t', '\r', '\n']);
    let harmless = if is_formula && field.trim().parse::<f64>().is_err() {
        Cow::Owned(format!("'{field}"))
    } else {
        Cow::Borrowed(field)
    };
    if harmless.contains(['"', ',', '\n', '\r']) {
        return Cow::Owned(format!("\"{}\"", harmless.replace('"', "\"\"")));
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_formulas_are_text() {
        assert_eq!(
            csv_line(&["a", "b,c", "say \"x\"", "two\nlines"]),
            "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\"\r\n"
        );
        for (field, written) in [
            ("=1+1", "'=1+1"),
            ("  @x", "'  @x"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\tx", "'\tx"),
            ("-0.5", "-0.5"),
            ("+1e-3", "+1e-3"),
            ("-x", "'-x"),
            ("=a,b", "\"'=a,b\""),
        ] {
            assert_eq!(csv_line(&[field]), format!("{written}\r\n"));
        }
    }
}
