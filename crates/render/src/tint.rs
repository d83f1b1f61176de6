//! Sheets whose tiles have a hue each: hue and saturation say something of the whole tile, lightness is the value.
//!
//! Colours come from `OkLCh`, where equal steps of hue, chroma and lightness look equal (Ottosson 2020, "A perceptual
//! color space for image processing").

use std::f32::consts::TAU;

use ndarray::{ArrayView4, Axis};

use crate::encode::Pixels;
use crate::sheet::{Picture, Style};
use crate::{Arrangement, Error, Layout, Normalise, Range};

/// Lightness of the least and of the greatest value.
const LIGHTNESS: [f32; 2] = [0.22, 0.82];
/// Chroma of a full saturation at the greatest value: nearly the largest that sRGB has at every hue.
const CHROMA: f32 = 0.125;
/// First hue of the circle: red.
const FIRST_HUE: f32 = 0.08;

/// The colour of one tile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tint {
    /// Position on the circle of hues, 0 to 1.
    pub hue: f32,
    /// From grey (0) to the full colour (1).
    pub saturation: f32,
}

impl Tint {
    /// Red, green and blue at a lightness of 0 (the least value) to 1 (the greatest).
    pub fn colour(self, lightness: f32) -> [u8; 3] {
        let light = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * lightness.clamp(0.0, 1.0);
        // Dark colours have less room: chroma goes with lightness.
        let chroma = CHROMA * self.saturation.clamp(0.0, 1.0) * light / LIGHTNESS[1];
        let angle = (self.hue + FIRST_HUE) * TAU;
        srgb_from_oklab([light, chroma * angle.cos(), chroma * angle.sin()])
    }
}

/// Draws one sheet of `[filters, 1, h, w]` values, each filter's tile in its own tint. The palette of the style is
/// not used; lightness runs from zero, or the least value where that is less, to the greatest.
pub fn tinted(values: ArrayView4<'_, f32>, tints: &[Tint], style: &Style) -> Result<Picture, Error> {
    let shape: [usize; 4] = values.dim().into();
    if shape[1] != 1 || tints.len() != shape[0] {
        let found = vec![tints.len(), 1, shape[2], shape[3]];
        return Err(Error::Unequal { expected: found, found: shape.to_vec() });
    }
    let layout = Layout::new(shape, Arrangement::Grid, style.scale, style.columns)?;
    let (width, height) = (layout.width_px(), layout.height_px());
    let mut bytes = vec![0; width * height * 4];
    let whole = style.range_of(values.iter());
    for (filter, (maps, tint)) in values.axis_iter(Axis(0)).zip(tints).enumerate() {
        let range = match style.normalise {
            Normalise::Sheet => whole,
            Normalise::Filter => style.range_of(maps.iter()),
            Normalise::Range(range) => range,
        };
        let [low, high] = range.ends(false);
        let low = low.min(0.0);
        let span = high - low;
        let (left, top) = layout.origin_px(filter);
        for ((_, row, column), value) in maps.indexed_iter().filter(|(_, value)| value.is_finite()) {
            let lightness = if span > 0.0 { (value - low) / span } else { 0.0 };
            let [r, g, b] = tint.colour(lightness);
            for y in 0..style.scale {
                let start = (top + row * style.scale + y) * width + left + column * style.scale;
                for pixel in bytes[start * 4..(start + style.scale) * 4].chunks_exact_mut(4) {
                    pixel.copy_from_slice(&[r, g, b, 255]);
                }
            }
        }
    }
    let range: Range = whole.or_zero();
    Ok(Picture { png: Pixels::Rgba(bytes).encode(width, height)?, layout, ranges: vec![range] })
}

fn srgb_from_oklab([light, a, b]: [f32; 3]) -> [u8; 3] {
    let long = (light + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let middle = (light - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let short = (light - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    let linear = [
        4.076_741_7 * long - 3.307_711_6 * middle + 0.230_969_94 * short,
        -1.268_438 * long + 2.609_757_4 * middle - 0.341_319_4 * short,
        -0.004_196_086_4 * long - 0.703_418_6 * middle + 1.707_614_7 * short,
    ];
    linear.map(|value| {
        let value = value.clamp(0.0, 1.0);
        let encoded = if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Palette;
    use crate::encode_tests::decode;
    use ndarray::Array4;

    fn style(scale: usize) -> Style {
        Style {
            arrangement: Arrangement::Grid,
            normalise: Normalise::Sheet,
            palette: Palette::Grey,
            scale,
            columns: None,
            percentile: None,
        }
    }

    #[test]
    fn known_colours_come_out() {
        // From the table of the paper: white and the primaries.
        assert_eq!(srgb_from_oklab([1.0, 0.0, 0.0]), [255; 3]);
        assert_eq!(srgb_from_oklab([0.627_96, 0.224_86, 0.125_85]), [255, 0, 0]);
        assert_eq!(srgb_from_oklab([0.866_44, -0.233_89, 0.179_50]), [0, 255, 0]);
        assert_eq!(srgb_from_oklab([0.452_01, -0.032_46, -0.311_53]), [0, 0, 255]);
    }

    #[test]
    fn without_saturation_it_is_grey_and_hues_are_apart() {
        let grey = Tint { hue: 0.3, saturation: 0.0 }.colour(0.5);
        assert!(grey[0] == grey[1] && grey[1] == grey[2], "{grey:?}");
        let colours: Vec<_> =
            (0..10).map(|class| Tint { hue: class as f32 / 10.0, saturation: 1.0 }.colour(1.0)).collect();
        for (index, one) in colours.iter().enumerate() {
            for other in &colours[..index] {
                let apart: i32 = (0..3).map(|c| (i32::from(one[c]) - i32::from(other[c])).abs()).sum();
                assert!(apart > 30, "{one:?} {other:?}");
            }
        }
        let [r, g, b] = colours[0];
        assert!(r > g && r > b, "the first hue is red: {:?}", colours[0]);
    }

    #[test]
    fn each_tile_has_its_tint_and_each_pixel_its_lightness() {
        let values = Array4::from_shape_vec([2, 1, 1, 2], vec![0.0, 4.0, 2.0, f32::NAN]).unwrap();
        let tints = [Tint { hue: 0.0, saturation: 1.0 }, Tint { hue: 0.5, saturation: 0.5 }];
        let picture = tinted(values.view(), &tints, &style(3)).unwrap();
        let (width, height, rgba) = decode(&picture.png);
        assert_eq!((width, height), (picture.layout.width_px(), picture.layout.height_px()));
        for y in 0..height {
            for x in 0..width {
                let at = (y * width + x) * 4;
                let value =
                    picture.layout.position_at(x, y).map(|p| (p.filter, values[[p.filter, 0, p.row, p.column]]));
                match value {
                    Some((filter, value)) if value.is_finite() => {
                        let [r, g, b] = tints[filter].colour(value / 4.0);
                        assert_eq!(rgba[at..at + 4], [r, g, b, 255], "{x} {y}");
                    }
                    _ => assert_eq!(rgba[at + 3], 0, "{x} {y}"),
                }
            }
        }
        assert!(matches!(tinted(values.view(), &tints[..1], &style(1)), Err(Error::Unequal { .. })));
    }
}
