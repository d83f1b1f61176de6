//! The selections of the query language: `3`, `1,4,9`, `2-7`, `10-40:5`, `last`, `*`.

use std::fmt;
use std::str::FromStr;

use crate::http::problem::ApiError;

/// Examples of selections, for messages.
pub(crate) const FORMS: &str = "3, 1,4,9, 2-7, 10-40:5, 10-last, last, * or *:5";

/// A point or a set on one axis, not yet bound to how much there is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection(Vec<SelectionPart>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SelectionPart {
    Point(AxisIndex),
    Range { from: AxisIndex, to: AxisIndex, step: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AxisIndex {
    Index(usize),
    Last,
}

/// The axis a selection is bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis<'a> {
    /// One thing on the axis, for messages: "checkpoint".
    pub(crate) what: &'a str,
    /// The owner of the axis, for messages: "run demo", "layer conv1".
    pub(crate) of: &'a str,
    /// The number of things on it.
    pub(crate) count: usize,
}

impl Selection {
    /// True where one thing is named, rather than a set that happens to hold one.
    pub(crate) fn is_point(&self) -> bool {
        matches!(self.0.as_slice(), [SelectionPart::Point(_)])
    }

    /// The indices it names on an axis, in the order named, each once.
    pub(crate) fn bind(&self, axis: Axis<'_>) -> Result<Vec<usize>, ApiError> {
        let mut seen = vec![false; axis.count];
        let mut indices = Vec::new();
        let mut take = |index: usize| {
            if !std::mem::replace(&mut seen[index], true) {
                indices.push(index);
            }
        };
        for part in &self.0 {
            match *part {
                SelectionPart::Point(index) => take(axis.resolve(index)?),
                SelectionPart::Range { from, to, step } => {
                    let (from, to) = (axis.resolve(from)?, axis.resolve(to)?);
                    if from > to {
                        return Err(ApiError::bad(format!("the {} range {from}-{to} runs backwards", axis.what))
                            .hint(format!("write {to}-{from}")));
                    }
                    (from..=to).step_by(step).for_each(&mut take);
                }
            }
        }
        Ok(indices)
    }
}

impl Axis<'_> {
    fn resolve(&self, index: AxisIndex) -> Result<usize, ApiError> {
        let end = self
            .count
            .checked_sub(1)
            .ok_or_else(|| ApiError::missing(self.what, format!("{} has no {}s yet", self.of, self.what)))?;
        match index {
            AxisIndex::Last => Ok(end),
            AxisIndex::Index(index) if index <= end => Ok(index),
            AxisIndex::Index(index) => {
                Err(ApiError::missing(self.what, format!("no {} {index}; {} has 0 to {end}", self.what, self.of)))
            }
        }
    }
}

impl FromStr for Selection {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        text.split(',')
            .map(|part| parse_part(part.trim()).ok_or_else(|| malformed(text, part)))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn malformed(text: &str, part: &str) -> ApiError {
    let found = if part.trim().is_empty() { "an empty part".to_owned() } else { format!("`{part}`") };
    ApiError::bad(format!("cannot read the selection `{text}`: found {found}"))
        .hint(format!("a selection looks like {FORMS}"))
}

fn parse_part(part: &str) -> Option<SelectionPart> {
    let (range, step) = match part.split_once(':') {
        Some((range, step)) => (range, number(step).filter(|step| *step > 0)?),
        None => (part, 1),
    };
    if range == "*" {
        return Some(SelectionPart::Range { from: AxisIndex::Index(0), to: AxisIndex::Last, step });
    }
    match range.split_once('-') {
        Some((from, to)) => Some(SelectionPart::Range { from: parse_index(from)?, to: parse_index(to)?, step }),
        None if step == 1 && !part.contains(':') => parse_index(range).map(SelectionPart::Point),
        None => None,
    }
}

fn parse_index(text: &str) -> Option<AxisIndex> {
    if text == "last" {
        return Some(AxisIndex::Last);
    }
    number(text).map(AxisIndex::Index)
}

/// Digits only: no sign, no space, nothing a URL could hide.
fn number(text: &str) -> Option<usize> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for AxisIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "{index}"),
            Self::Last => f.write_str("last"),
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match part {
                SelectionPart::Point(index) => write!(f, "{index}")?,
                SelectionPart::Range { from, to, step: 1 } => write!(f, "{from}-{to}")?,
                SelectionPart::Range { from, to, step } => write!(f, "{from}-{to}:{step}")?,
            }
        }
        Ok(())
    }
}

/// Indices as the shortest text of the language: runs as ranges.
pub(crate) fn text_from_indices(indices: &[usize]) -> String {
    let mut text = String::new();
    let mut rest = indices;
    while let Some(&first) = rest.first() {
        let run = rest.iter().zip(first..).take_while(|(found, next)| *found == next).count();
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&first.to_string());
        if run > 1 {
            text.push('-');
            text.push_str(&rest[run - 1].to_string());
        }
        rest = &rest[run..];
    }
    text
}

/// At most `limit` of the values: the first, the last and those evenly between them.
pub(crate) fn evenly_with_ends(all: &[usize], limit: usize) -> Vec<usize> {
    if all.len() <= limit || limit < 2 {
        return all.iter().copied().take(limit).collect();
    }
    (0..limit).map(|index| all[index * (all.len() - 1) / (limit - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bind(text: &str, count: usize) -> Result<Vec<usize>, ApiError> {
        text.parse::<Selection>()?.bind(Axis { what: "checkpoint", of: "run demo", count })
    }

    #[test]
    fn every_form_of_the_language() {
        for (text, expected) in [
            ("3", vec![3]),
            ("1,4,9", vec![1, 4, 9]),
            ("2-5", vec![2, 3, 4, 5]),
            ("1-9:3", vec![1, 4, 7]),
            ("last", vec![9]),
            ("7-last", vec![7, 8, 9]),
            ("*", (0..10).collect()),
            ("*:4", vec![0, 4, 8]),
            ("0-1,last,1", vec![0, 1, 9]),
        ] {
            assert_eq!(bind(text, 10).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, status, words) in [
            ("", 400, "empty part"),
            ("1,,2", 400, "empty part"),
            ("-1", 400, "`-1`"),
            ("+1", 400, "`+1`"),
            ("a", 400, "`a`"),
            ("1:2", 400, "`1:2`"),
            ("1-5:0", 400, "`1-5:0`"),
            ("5-2", 400, "backwards"),
            ("99999999999999999999", 400, "99999999999999999999"),
            ("10", 404, "run demo has 0 to 9"),
            ("3-10", 404, "no checkpoint 10"),
        ] {
            let error = bind(text, 10).unwrap_err();
            assert_eq!(error.status().as_u16(), status, "{text}");
            assert!(error.to_string().contains(words), "{text}: {error}");
        }
        assert_eq!(bind("last", 0).unwrap_err().status().as_u16(), 404);
    }

    proptest! {
        /// Text is never a panic, and what it binds to exists, each once.
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9,:*a-z -]{0,12}", count in 0..40usize) {
            if let Ok(indices) = bind(&text, count) {
                prop_assert!(indices.iter().all(|index| *index < count));
                let mut unique = indices.clone();
                unique.sort_unstable();
                unique.dedup();
                prop_assert_eq!(unique.len(), indices.len());
            }
        }

        #[test]
        fn a_selection_and_its_text_are_inverse(indices in proptest::collection::vec(0..60usize, 1..20)) {
            let mut unique = Vec::new();
            for index in indices {
                if !unique.contains(&index) {
                    unique.push(index);
                }
            }
            prop_assert_eq!(bind(&text_from_indices(&unique), 60).unwrap(), unique);
        }

        #[test]
        fn a_selection_prints_as_itself(from in 0..9usize, to in 9..20usize, step in 1..5usize) {
            for text in [format!("{from}"), format!("{from}-{to}:{step}"), format!("{from}-{to},last")] {
                let read: Selection = text.parse().unwrap();
                prop_assert_eq!(&read.to_string().parse::<Selection>().unwrap(), &read);
            }
        }
    }

    #[test]
    fn first_and_last_are_among_the_chosen() {
        let all: Vec<usize> = (10..110).collect();
        let chosen = evenly_with_ends(&all, 4);
        assert_eq!(chosen, [10, 43, 76, 109]);
        assert_eq!(evenly_with_ends(&all[..3], 4), [10, 11, 12]);
        assert!(evenly_with_ends(&[], 4).is_empty());
    }
}
