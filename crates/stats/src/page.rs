//! A page of a long list, without sorting all of it.

use std::cmp::Ordering;
use std::ops::Range;

/// Some places of a list in some order.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// Places of the whole list.
    pub total: usize,
    /// Those of the page, in order.
    pub items: Vec<T>,
}

impl<T> Page<T> {
    /// The places in `indices`, as far as they exist, of the list in the order that `compare` gives, which must
    /// distinguish any two. Linear in the list's length: only the page itself is sorted.
    pub(crate) fn of(mut found: Vec<T>, indices: Range<usize>, compare: impl Fn(&T, &T) -> Ordering) -> Self {
        let total = found.len();
        let end = indices.end.min(total);
        let start = indices.start.min(end);
        if 0 < end && end < total {
            found.select_nth_unstable_by(end - 1, &compare);
        }
        found.truncate(end);
        if 0 < start && start < end {
            found.select_nth_unstable_by(start, &compare);
        }
        let mut items = found.split_off(start);
        items.sort_unstable_by(compare);
        Self { total, items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_page_is_a_part_of_the_sorted_list(
            found in proptest::collection::hash_set(0_u32..500, 0..80), start in 0_usize..100, length in 0_usize..100,
        ) {
            let found: Vec<u32> = found.into_iter().collect();
            let mut sorted = found.clone();
            sorted.sort_unstable();
            let expected: Vec<u32> = sorted.iter().copied().skip(start).take(length).collect();
            let page = Page::of(found, start..start + length, u32::cmp);
            assert_eq!((page.total, page.items), (sorted.len(), expected));
        }
    }

    #[test]
    fn everything_is_a_page_too() {
        assert_eq!(Page::of(vec![3, 1, 2], 0..usize::MAX, i32::cmp).items, [1, 2, 3]);
        assert_eq!(Page::of(vec![3, 1, 2], 7..usize::MAX, i32::cmp), Page { total: 3, items: vec![] });
        let (from, to) = (5, 2);
        assert!(Page::of(vec![3, 1, 2, 4, 5, 6], from..to, i32::cmp).items.is_empty());
    }
}
