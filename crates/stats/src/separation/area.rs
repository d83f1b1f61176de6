//! The area under the receiver operating characteristic of one number.

/// How well a number separates two classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// 0.5 (not at all) to 1 (wholly).
    pub value: f64,
    /// The first class has the greater values.
    pub is_greater_for_first: bool,
}

/// The probability that the number is greater for an image of one class than for one of the other, ties counted half: the
/// statistic of Mann and Whitney. None where a class has no images, or a number is none.
pub fn area_under_curve(values: impl Iterator<Item = f32>, is_first: &[bool]) -> Option<Area> {
    let signed = signed_area(values, is_first)?;
    Some(Area { value: signed.max(1.0 - signed), is_greater_for_first: signed >= 0.5 })
}

/// The same for the first class alone: below 0.5 where its values are the smaller ones.
pub(super) fn signed_area(values: impl Iterator<Item = f32>, is_first: &[bool]) -> Option<f64> {
    // Zeros of either sign are ties.
    let mut ranked: Vec<(f32, bool)> = values.map(|value| value + 0.0).zip(is_first.iter().copied()).collect();
    if ranked.iter().any(|(value, _)| value.is_nan()) {
        return None;
    }
    ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let firsts = is_first.iter().filter(|is_first| **is_first).count();
    let seconds = ranked.len() - firsts;
    if firsts == 0 || seconds == 0 {
        return None;
    }
    let mut ranks = 0.0;
    let mut below = 0;
    for ties in ranked.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        // Ranks count from 1; ties share the mean of theirs.
        let rank = below as f64 + f64::midpoint(ties.len() as f64, 1.0);
        ranks += rank * ties.iter().filter(|(_, is_first)| *is_first).count() as f64;
        below += ties.len();
    }
    let (firsts, seconds) = (firsts as f64, seconds as f64);
    Some((ranks - firsts * (firsts + 1.0) / 2.0) / (firsts * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(values: &[f32], is_first: &[bool]) -> Option<f64> {
        signed_area(values.iter().copied(), is_first)
    }

    #[test]
    fn areas_by_hand() {
        // Of 2 x 2 pairs three are in order.
        assert_eq!(signed(&[0.4, 0.8, 0.1, 0.6], &[true, true, false, false]), Some(0.75));
        assert_eq!(signed(&[1.0, 1.0, 1.0], &[true, false, true]), Some(0.5));
        // One pair in order, one tied.
        assert_eq!(signed(&[2.0, 1.0, 2.0], &[true, false, false]), Some(0.75));
        assert_eq!(signed(&[0.0, -0.0], &[true, false]), Some(0.5));
        assert_eq!(signed(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(signed(&[1.0, f32::NAN], &[true, false]), None);
    }
}
