//! Colour maps: 255 colours and one transparent entry.
//!
//! The stops of the diverging and sequential maps are the dashboard's design tokens for its dark
//! and light backgrounds. Zero of a diverging map is the background itself, so that weak weights recede.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Range};

/// The mapping from values to colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Palette {
    /// Black to white; zero is the middle grey.
    Grey,
    /// Three channels as red, green and blue; zero is the middle grey.
    Rgb,
    /// Blue to orange through the dark background at zero.
    Diverging,
    /// Blue to orange through the light background at zero.
    DivergingLight,
    /// The dark background at the least value to light blue at the greatest.
    Sequential,
    /// The light background at the least value to dark blue at the greatest.
    SequentialLight,
}

/// Colours in a palette, besides the transparent entry 0.
pub(crate) const LEVELS: usize = 255;

const DIVERGING: [u32; 7] = [0xb3_d4f8, 0x46_88cc, 0x16_2c46, 0x10_1214, 0x3e_240f, 0xd0_7a2b, 0xfd_d9ad];
const DIVERGING_LIGHT: [u32; 7] = [0x0f_3f77, 0x3a_7fc6, 0xbc_d6ef, 0xfb_fbfa, 0xf7_d9b8, 0xdd_8130, 0x80_3a05];
const SEQUENTIAL: [u32; 7] = [0x0e_0f11, 0x16_233a, 0x1f_3c66, 0x2d_5c99, 0x4a_86cf, 0x8a_b6ec, 0xdc_ebfd];
const SEQUENTIAL_LIGHT: [u32; 7] = [0xfc_fcfb, 0xe4_edf8, 0xbd_d5ef, 0x86_b1e0, 0x4a_86c7, 0x23_5d9d, 0x0e_3768];
const GREY: [u32; 2] = [0x00_0000, 0xff_ffff];

impl Palette {
    /// Every palette, in the order of [`Palette::WORDS`].
    pub const ALL: [Self; 6] =
        [Self::Grey, Self::Rgb, Self::Diverging, Self::DivergingLight, Self::Sequential, Self::SequentialLight];

    /// The words that name the palettes.
    pub const WORDS: &'static str = "grey, rgb, diverging, diverging-light, sequential, sequential-light";

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Rgb => "rgb",
            Self::Diverging => "diverging",
            Self::DivergingLight => "diverging-light",
            Self::Sequential => "sequential",
            Self::SequentialLight => "sequential-light",
        }
    }

    /// True when zero is in the middle; a sequential map runs from the least to the greatest value.
    pub fn is_signed(self) -> bool {
        !matches!(self, Self::Sequential | Self::SequentialLight)
    }

    /// Red, green and blue of a level of 0 to 254.
    pub fn colour(self, level: u8) -> [u8; 3] {
        let stops: &[u32] = match self {
            Self::Grey | Self::Rgb => &GREY,
            Self::Diverging => &DIVERGING,
            Self::DivergingLight => &DIVERGING_LIGHT,
            Self::Sequential => &SEQUENTIAL,
            Self::SequentialLight => &SEQUENTIAL_LIGHT,
        };
        let segments = stops.len() - 1;
        let at = f32::from(level) / (LEVELS - 1) as f32 * segments as f32;
        let from = (at as usize).min(segments - 1);
        let part = at - from as f32;
        [16, 8, 0].map(|shift| {
            let byte = |stop: u32| ((stop >> shift) & 0xff) as f32;
            (byte(stops[from]) * (1.0 - part) + byte(stops[from + 1]) * part).round() as u8
        })
    }

    /// The PNG palette: entry 0 is left for transparency, then the 255 levels.
    pub(crate) fn table(self) -> Vec<u8> {
        let colours = (0..LEVELS).flat_map(|level| self.colour(level as u8));
        [0; 3].into_iter().chain(colours).collect()
    }

    /// The scale from values to levels for one range.
    pub(crate) fn scale(self, range: Range) -> Scale {
        let top = (LEVELS - 1) as f32;
        let [offset, end] = range.ends(self.is_signed());
        let span = end - offset;
        let flat = if self.is_signed() { top / 2.0 } else { 0.0 };
        if span > 0.0 && span.is_finite() {
            Scale { offset, factor: top / span, flat: 0.0 }
        } else {
            Scale { offset: 0.0, factor: 0.0, flat }
        }
    }
}

/// An affine map from values to levels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    offset: f32,
    factor: f32,
    /// Where the range has no extent: the level of every value.
    flat: f32,
}

impl Scale {
    /// The level of a value, held within the palette; `None` for what is not finite.
    #[inline]
    pub(crate) fn level(self, value: f32) -> Option<u8> {
        if !value.is_finite() {
            return None;
        }
        // A saturating cast cuts off what follows the point, and brings values beyond a given range to its ends.
        let level = (value - self.offset) * self.factor + self.flat;
        Some(((level + 0.5) as u8).min((LEVELS - 1) as u8))
    }
}

impl fmt::Display for Palette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Palette {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|palette| palette.word() == word).ok_or_else(|| Error::Word {
            what: "palette",
            found: word.to_owned(),
            expected: Self::WORDS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_the_middle_of_a_signed_palette_whatever_the_range() {
        for (minimum, maximum) in [(-1.0, 1.0), (-0.1, 3.0), (-7.0, 2.0), (0.0, 0.0)] {
            let scale = Palette::Diverging.scale(Range::from(minimum..=maximum));
            assert_eq!(scale.level(0.0), Some(127), "{minimum} .. {maximum}");
        }
        assert_eq!(Palette::Diverging.colour(127), [0x10, 0x12, 0x14]);
        assert_eq!(Palette::DivergingLight.colour(127), [0xfb, 0xfb, 0xfa]);
        assert_eq!(Palette::Grey.colour(127), [128; 3]);
    }

    #[test]
    fn the_ends_of_a_palette_are_the_design_tokens() {
        assert_eq!(Palette::Diverging.colour(0), [0xb3, 0xd4, 0xf8]);
        assert_eq!(Palette::Diverging.colour(254), [0xfd, 0xd9, 0xad]);
        assert_eq!(Palette::Sequential.colour(0), [0x0e, 0x0f, 0x11]);
        assert_eq!(Palette::SequentialLight.colour(254), [0x0e, 0x37, 0x68]);
    }

    #[test]
    fn values_beyond_the_range_stay_at_its_ends_and_what_is_not_finite_has_no_colour() {
        let scale = Palette::Sequential.scale(Range::from(-1.0..=1.0));
        let levels = [-2.0, -1.0, 0.0, 1.0, 9.0, f32::MAX].map(|v| scale.level(v));
        assert_eq!(levels, [0, 0, 127, 254, 254, 254].map(Some));
        assert_eq!([f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(|v| scale.level(v)), [None; 3]);
    }

    #[test]
    fn words_and_palettes_are_inverse() {
        for palette in Palette::ALL {
            assert_eq!(palette.word().parse::<Palette>().unwrap(), palette);
            assert!(Palette::WORDS.contains(palette.word()));
        }
        let error = "viridis".parse::<Palette>().unwrap_err().to_string();
        assert!(error.contains("viridis") && error.contains("diverging-light"));
    }
}
