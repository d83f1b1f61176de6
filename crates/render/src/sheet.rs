//! Sheets of filters or maps, and strips of many sheets.

use ndarray::{ArrayView2, ArrayView4, Axis, s};

use crate::encode::Pixels;
use crate::palette::Scale;
use crate::{Arrangement, Error, Layout, Normalise, Palette, Range};

/// The style of a sheet.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The order of tiles.
    pub arrangement: Arrangement,
    /// The values that colours are scaled over.
    pub normalise: Normalise,
    /// The colours; `Rgb` goes with [`Arrangement::Colour`] only.
    pub palette: Palette,
    /// Pixels per value.
    pub scale: usize,
    /// Columns of a grid; near-square where `None`.
    pub columns: Option<usize>,
    /// Bounds of the scales, as in [`Range::within`]; as in [`Range::of`] where `None`.
    pub percentile: Option<f32>,
}

impl Style {
    /// The range of some values, as far as this style's scales reach.
    pub fn range_of<'a>(&self, values: impl IntoIterator<Item = &'a f32>) -> Range {
        match self.percentile {
            Some(percentile) => Range::within(values, percentile),
            None => Range::of(values),
        }
    }
}

/// A finished picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The PNG file.
    pub png: Vec<u8>,
    /// Geometry of the sheet, or of each sheet of a strip.
    pub layout: Layout,
    /// The true range of values of each sheet drawn.
    pub ranges: Vec<Range>,
}

/// Draws one sheet of `[filters, channels, h, w]` values.
pub fn sheet(values: ArrayView4<'_, f32>, style: &Style) -> Result<Picture, Error> {
    strip(&[values], style)
}

/// Draws many sheets of one shape, one below the other without a gap: sheet `i` begins at
/// row `i * layout.height_px()`.
pub fn strip(sheets: &[ArrayView4<'_, f32>], style: &Style) -> Result<Picture, Error> {
    let first = sheets.first().ok_or(Error::Empty { found: vec![0] })?;
    let shape: [usize; 4] = first.dim().into();
    let arrangement = if style.palette == Palette::Rgb { Arrangement::Colour } else { style.arrangement };
    if arrangement == Arrangement::Colour && style.palette != Palette::Rgb {
        return Err(Error::NotColour { found: shape[1] });
    }
    let layout = Layout::new(shape, arrangement, style.scale, style.columns)?;
    layout.check_size(sheets.len())?;
    let (width, height) = (layout.width_px(), layout.height_px());
    let mut pixels = Pixels::transparent(style.palette, width, height * sheets.len());
    let mut ranges = Vec::with_capacity(sheets.len());
    for (index, values) in sheets.iter().enumerate() {
        if values.shape() != first.shape() {
            return Err(Error::Unequal { expected: shape.to_vec(), found: values.shape().to_vec() });
        }
        let range = style.range_of(values.iter());
        draw(&mut pixels, *values, &Pen { layout, style, range, top_px: index * height });
        ranges.push(range.or_zero());
    }
    Ok(Picture { png: pixels.encode(width, height * sheets.len())?, layout, ranges })
}

/// How and where one sheet is drawn.
struct Pen<'a> {
    layout: Layout,
    style: &'a Style,
    range: Range,
    /// First row of the sheet within its strip.
    top_px: usize,
}

fn draw(pixels: &mut Pixels, values: ArrayView4<'_, f32>, pen: &Pen<'_>) {
    for (filter, maps) in values.axis_iter(Axis(0)).enumerate() {
        let scale = pen.style.palette.scale(match pen.style.normalise {
            Normalise::Sheet => pen.range,
            Normalise::Filter => pen.style.range_of(maps.iter()),
            Normalise::Range(range) => range,
        });
        match pixels {
            Pixels::Rgba(bytes) => {
                for colour in 0..3 {
                    let map = maps.slice(s![colour, .., ..]);
                    put_colour(bytes, map, &Spot::new(pen, filter, 0), scale, colour);
                }
            }
            Pixels::Indexed { bytes, .. } => {
                for (channel, map) in maps.axis_iter(Axis(0)).enumerate() {
                    put_levels(bytes, map, &Spot::new(pen, filter, channel), scale);
                }
            }
        }
    }
}

/// Position of a tile on the whole picture.
struct Spot {
    x: usize,
    y: usize,
    stride: usize,
    scale: usize,
}

impl Spot {
    fn new(pen: &Pen<'_>, filter: usize, channel: usize) -> Self {
        let (x, y) = pen.layout.origin_px(pen.layout.tile_of(filter, channel));
        Self { x, y: y + pen.top_px, stride: pen.layout.width_px(), scale: pen.layout.scale }
    }

    /// First pixel of a row of a tile.
    fn row(&self, row: usize) -> usize {
        (self.y + row * self.scale) * self.stride + self.x
    }

    /// Repeats the first line of a row of values, so that they are as high as wide; `depth` bytes a pixel.
    fn repeat(&self, bytes: &mut [u8], start: usize, width: usize, depth: usize) {
        let line = start * depth..(start + width * self.scale) * depth;
        for below in 1..self.scale {
            bytes.copy_within(line.clone(), (start + below * self.stride) * depth);
        }
    }
}

fn put_levels(bytes: &mut [u8], map: ArrayView2<'_, f32>, spot: &Spot, scale: Scale) {
    for (row, values) in map.rows().into_iter().enumerate() {
        let start = spot.row(row);
        let line = &mut bytes[start..start + values.len() * spot.scale];
        for (pixels, value) in line.chunks_exact_mut(spot.scale).zip(values) {
            pixels.fill(scale.level(*value).map_or(0, |level| level + 1));
        }
        spot.repeat(bytes, start, values.len(), 1);
    }
}

/// Colours come one after the other; a pixel is opaque as soon as it has one.
fn put_colour(bytes: &mut [u8], map: ArrayView2<'_, f32>, spot: &Spot, scale: Scale, colour: usize) {
    for (row, values) in map.rows().into_iter().enumerate() {
        let start = spot.row(row);
        let line = &mut bytes[start * 4..(start + values.len() * spot.scale) * 4];
        for (pixels, value) in line.chunks_exact_mut(spot.scale * 4).zip(values) {
            let Some(level) = scale.level(*value) else {
                continue;
            };
            let byte = Palette::Rgb.colour(level)[0];
            for pixel in pixels.chunks_exact_mut(4) {
                pixel[colour] = byte;
                pixel[3] = 255;
            }
        }
        spot.repeat(bytes, start, values.len(), 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode_tests::decode;
    use ndarray::Array4;

    fn ramp(shape: [usize; 4]) -> Array4<f32> {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|i| i as f32 - count as f32 / 2.0).collect::<Vec<_>>();
        Array4::from_shape_vec(shape, values).unwrap()
    }

    fn style(arrangement: Arrangement, palette: Palette) -> Style {
        Style { arrangement, normalise: Normalise::Sheet, palette, scale: 1, columns: None, percentile: None }
    }

    /// Each pixel of each value has the colour that its level asks for, and all others are transparent.
    #[test]
    fn every_pixel_is_the_value_its_place_names() {
        let values = ramp([5, 4, 3, 2]);
        for (palette, scale) in [(Palette::Diverging, 1), (Palette::Sequential, 3)] {
            let mut style = style(Arrangement::Matrix, palette);
            style.scale = scale;
            let picture = sheet(values.view(), &style).unwrap();
            let (width, height, rgba) = decode(&picture.png);
            assert_eq!((width, height), (picture.layout.width_px(), picture.layout.height_px()));
            let colours = palette.scale(Range::of(values.iter()));
            for y in 0..height {
                for x in 0..width {
                    let at = (y * width + x) * 4;
                    let found = &rgba[at..at + 4];
                    match picture.layout.position_at(x, y) {
                        None => assert_eq!(found[3], 0, "{x} {y}"),
                        Some(p) => {
                            let value = values[[p.filter, p.channel, p.row, p.column]];
                            let [r, g, b] = palette.colour(colours.level(value).unwrap());
                            assert_eq!(found, [r, g, b, 255], "{x} {y}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn colour_tiles_hold_three_channels_around_grey() {
        let mut values = Array4::zeros([2, 3, 1, 1]);
        values[[0, 0, 0, 0]] = 2.0;
        values[[1, 2, 0, 0]] = -2.0;
        let picture = sheet(values.view(), &style(Arrangement::Colour, Palette::Rgb)).unwrap();
        let (width, _, rgba) = decode(&picture.png);
        assert_eq!(width, 3);
        assert_eq!(rgba, [255, 128, 128, 255, 0, 0, 0, 0, 128, 128, 0, 255].to_vec());
    }

    #[test]
    fn one_range_over_a_strip_makes_growth_visible() {
        let (small, large) = (Array4::from_elem([1, 1, 1, 1], 1.0), Array4::from_elem([1, 1, 1, 1], 2.0));
        let mut style = style(Arrangement::Grid, Palette::Grey);
        let each = strip(&[small.view(), large.view()], &style).unwrap();
        assert_eq!(decode(&each.png).2[..3], decode(&each.png).2[4..7]);
        style.normalise = Normalise::Range(Range::from(0.0..=2.0));
        let common = strip(&[small.view(), large.view()], &style).unwrap();
        assert_eq!(decode(&common.png).2[..3], [192; 3]);
        assert_eq!(decode(&common.png).2[4..7], [255; 3]);
        assert_eq!(common.ranges.len(), 2);
    }

    #[test]
    fn per_filter_scaling_gives_each_filter_the_whole_palette() {
        let values = Array4::from_shape_vec([2, 1, 1, 1], vec![0.001, -5.0]).unwrap();
        let mut style = style(Arrangement::Grid, Palette::Grey);
        style.normalise = Normalise::Filter;
        let (_, _, rgba) = decode(&sheet(values.view(), &style).unwrap().png);
        assert_eq!((rgba[0], rgba[8]), (255, 0));
    }

    #[test]
    fn a_value_that_is_not_a_number_is_a_hole() {
        let values = Array4::from_shape_vec([1, 1, 1, 2], vec![f32::NAN, 1.0]).unwrap();
        let (_, _, rgba) = decode(&sheet(values.view(), &style(Arrangement::Grid, Palette::Grey)).unwrap().png);
        assert_eq!((rgba[3], rgba[7]), (0, 255));
    }

    #[test]
    fn sheets_of_one_strip_have_one_shape() {
        let (a, b) = (ramp([1, 1, 2, 2]), ramp([2, 1, 2, 2]));
        let result = strip(&[a.view(), b.view()], &style(Arrangement::Grid, Palette::Grey));
        assert!(matches!(result, Err(Error::Unequal { .. })));
        let four = ramp([1, 4, 1, 1]);
        let result = sheet(four.view(), &style(Arrangement::Matrix, Palette::Rgb));
        assert!(matches!(result, Err(Error::NotColour { found: 4 })));
    }
}
