//! A class by its name or by its number: one rule for every place where a person or a program names one.

use crate::{ClassId, Error};

/// Names that an error lists at most.
const MAX_LISTED: usize = 12;

/// Finds the class that a text means, by the first of these that fits:
///
/// 1. the name, letter for letter;
/// 2. the name in another case, where only one class is called so;
/// 3. the number, from 0: `3`, or `#3` where a class is called `3`.
///
/// # Errors
///
/// [`Error::AmbiguousClass`] where several classes are meant alike, [`Error::UnknownClass`] where none is.
///
/// ```
/// use deepviz_corpus::{ClassId, find_class};
///
/// let classes = ["A", "B", "a", "7"].map(str::to_owned);
/// assert_eq!(find_class(&classes, "a").unwrap(), ClassId(2));
/// assert_eq!(find_class(&classes, "b").unwrap(), ClassId(1));
/// assert_eq!(find_class(&classes, "2").unwrap(), ClassId(2));
/// assert_eq!(find_class(&classes, "7").unwrap(), ClassId(3));
/// ```
pub fn find_class(classes: &[String], text: &str) -> Result<ClassId, Error> {
    if let Some(class) = only(classes, text, |name| name == text)? {
        return Ok(class);
    }
    let lower = text.to_lowercase();
    if let Some(class) = only(classes, text, |name| name.to_lowercase() == lower)? {
        return Ok(class);
    }
    let digits = text.strip_prefix('#').unwrap_or(text);
    // `parse` alone would take `+3`.
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u16>().ok()).flatten();
    let number = number.filter(|number| usize::from(*number) < classes.len());
    number.map(ClassId).ok_or_else(|| Error::UnknownClass { text: text.to_owned(), known: known(classes) })
}

/// A text that means this class: its number, unless a class is called that.
pub fn class_text(classes: &[String], class: ClassId) -> String {
    [class.to_string(), format!("#{class}")]
        .into_iter()
        .chain(classes.get(class.index()).cloned())
        .find(|text| find_class(classes, text).is_ok_and(|found| found == class))
        .unwrap_or_else(|| class.to_string())
}

/// The class whose name is wanted; an error where there are several.
fn only(classes: &[String], text: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Option<ClassId>, Error> {
    let found: Vec<usize> = (0..classes.len()).filter(|&index| is_wanted(&classes[index])).collect();
    match found[..] {
        [] => Ok(None),
        [index] => Ok(Some(ClassId(index as u16))),
        _ => {
            let listed = found.iter().take(MAX_LISTED).map(|&index| format!("`{}` (#{index})", classes[index]));
            let listed = listed.collect::<Vec<_>>().join(", ");
            let more = found.len().checked_sub(MAX_LISTED).filter(|more| *more > 0);
            let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
            Err(Error::AmbiguousClass { text: text.to_owned(), found: format!("{listed}{more}") })
        }
    }
}

fn known(classes: &[String]) -> String {
    let Some(last) = classes.len().checked_sub(1) else { return "none".to_owned() };
    let names: Vec<_> = classes.iter().take(MAX_LISTED).map(String::as_str).collect();
    let more = if classes.len() > MAX_LISTED { ", ..." } else { "" };
    format!("{}{more} (0 to {last})", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn found(classes: &[String], text: &str) -> Option<u16> {
        find_class(classes, text).ok().map(|class| class.0)
    }

    #[test]
    fn the_exact_name_comes_before_another_case() {
        let classes = names(&["A", "B", "a", "b"]);
        for (text, expected) in [("A", 0), ("B", 1), ("a", 2), ("b", 3), ("2", 2), ("#0", 0)] {
            assert_eq!(found(&classes, text), Some(expected), "{text}");
        }
    }

    #[test]
    fn another_case_will_do_where_it_names_one_class() {
        let classes = names(&["Cat", "DOG", "Dog", "Äpfel"]);
        assert_eq!(found(&classes, "cat"), Some(0));
        assert_eq!(found(&classes, "äPFEL"), Some(3));
        let error = find_class(&classes, "dog").unwrap_err().to_string();
        assert!(error.contains("`DOG` (#1), `Dog` (#2)"), "{error}");
    }

    #[test]
    fn a_class_whose_name_is_a_number_is_meant_by_its_name() {
        // In the order of their names, as folders are.
        let classes = names(&["0", "1", "10", "2"]);
        for (text, expected) in [("10", 2), ("2", 3), ("#2", 2), ("3", 3), ("#3", 3)] {
            assert_eq!(found(&classes, text), Some(expected), "{text}");
        }
    }

    #[test]
    fn an_unknown_class_is_refused_with_the_known_ones() {
        let classes = names(&["cat", "dog"]);
        for text in ["", "#", "2", "#2", "-1", "+1", "1.0", "70000", "mouse", " cat"] {
            let error = find_class(&classes, text).unwrap_err().to_string();
            assert!(error.contains("cat, dog (0 to 1)"), "{text}: {error}");
        }
        let twice = names(&["cat", "cat"]);
        assert!(matches!(find_class(&twice, "cat"), Err(Error::AmbiguousClass { .. })));
        assert_eq!(found(&twice, "1"), Some(1));
        assert!(find_class(&[], "0").is_err());
    }

    proptest! {
        #[test]
        fn the_text_of_a_class_means_that_class(classes in proptest::collection::hash_set("[#0-4aAbB]{1,2}", 1..12)) {
            let classes: Vec<String> = classes.into_iter().collect();
            for class in (0..classes.len() as u16).map(ClassId) {
                prop_assert_eq!(find_class(&classes, &class_text(&classes, class)).unwrap(), class);
                prop_assert_eq!(find_class(&classes, &classes[class.index()]).unwrap(), class);
            }
        }
    }
}
