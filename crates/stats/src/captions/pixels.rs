//! The properties of one image, from its pixels.

use ndarray::ArrayView3;

use super::property::Property;

/// Images are reduced by a whole number until no side is longer, so that edges mean the same in large and small ones.
const MAX_SIDE_PX: usize = 64;
/// Luma of red, green and blue (ITU-R BT.601).
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];
/// With a smaller mean chroma an image has no hue.
const MIN_CHROMA: f64 = 0.02;
/// With a smaller mean difference from the background an image has no mass.
const MIN_MASS: f64 = 0.01;
/// The border is an eighth of the shorter side wide.
const BORDER: usize = 8;
/// A difference of luma across two pixels that makes an edge.
const EDGE: f64 = 0.1;
/// Hues this close to the border of two sixths of the circle are on it: rounding errors are smaller.
const BORDER_OF_HUES: f64 = 1e-9;
/// Hues are counted in sixths of the circle, from red on.
const HUES: [Property; 6] =
    [Property::Red, Property::Yellow, Property::Green, Property::Cyan, Property::Blue, Property::Magenta];

/// The values of one image, by [`Property::ALL`]; not a number where one is not defined.
pub type Values = [f32; Property::ALL.len()];

/// Red, green, blue (equal in a grey image) and luma, from 0 to 1, row by row.
struct Planes {
    height: usize,
    width: usize,
    colours: [Vec<f64>; 3],
    luma: Vec<f64>,
}

impl Planes {
    /// Means over blocks of whole pixels; what is left at the right and at the bottom is cut.
    fn of(image: ArrayView3<'_, u8>) -> Option<Self> {
        let (channels, height, width) = image.dim();
        if channels == 0 || height == 0 || width == 0 {
            return None;
        }
        let factor = height.max(width).div_ceil(MAX_SIDE_PX);
        // A side that is shorter than a block is one block.
        let [block_height, block_width] = [height, width].map(|side| factor.min(side));
        let (height, width) = (height / block_height, width / block_width);
        let scale = 255.0 * (block_height * block_width) as f64;
        let colour = |channel: usize| {
            let mut plane = vec![0_u64; height * width];
            let source = image.index_axis(ndarray::Axis(0), channel);
            for (y, row) in source.outer_iter().take(height * block_height).enumerate() {
                for (x, &value) in row.iter().take(width * block_width).enumerate() {
                    plane[y / block_height * width + x / block_width] += u64::from(value);
                }
            }
            plane.into_iter().map(|sum| sum as f64 / scale).collect::<Vec<f64>>()
        };
        let colours = if channels < 3 { [colour(0), colour(0), colour(0)] } else { [colour(0), colour(1), colour(2)] };
        let [red, green, blue] = &colours;
        let rest = green.iter().zip(blue);
        let luma = red.iter().zip(rest).map(|(r, (g, b))| LUMA[0] * r + LUMA[1] * g + LUMA[2] * b).collect();
        Some(Self { height, width, colours, luma })
    }

    fn pixels(&self) -> f64 {
        self.luma.len() as f64
    }

    /// Mean luma of the border.
    fn background(&self) -> f64 {
        let border = (self.height.min(self.width) / BORDER).max(1);
        let is_border = |at: usize, side: usize| at < border || at + border >= side;
        let (mut sum, mut count) = (0.0, 0.0);
        for (index, value) in self.luma.iter().enumerate() {
            let (y, x) = (index / self.width, index % self.width);
            if is_border(y, self.height) || is_border(x, self.width) {
                sum += value;
                count += 1.0;
            }
        }
        sum / count
    }

    /// Centre of what differs from the background, across and down, and its distance from there.
    fn mass(&self, background: f64) -> Option<[f64; 3]> {
        let position = |at: usize, side: usize| (at as f64 + 0.5) / side as f64 * 2.0 - 1.0;
        let (mut mass, mut across, mut down, mut squares) = (0.0, 0.0, 0.0, 0.0);
        for (index, value) in self.luma.iter().enumerate() {
            let (v, u) = (position(index / self.width, self.height), position(index % self.width, self.width));
            let own = (value - background).abs();
            mass += own;
            across += own * u;
            down += own * v;
            squares += own * (u * u + v * v);
        }
        if mass < MIN_MASS * self.pixels() {
            return None;
        }
        let (across, down) = (across / mass, down / mass);
        Some([across, down, (squares / mass - across * across - down * down).max(0.0).sqrt()])
    }

    /// Saturation, and where there is colour the share of each hue in it.
    fn colour(&self) -> (f64, Option<[f64; 6]>) {
        let (mut chromas, mut greatest) = (0.0, 0.0);
        let mut hues = [0.0; 6];
        let [red, green, blue] = &self.colours;
        for ((&r, &g), &b) in red.iter().zip(green).zip(blue) {
            let max = r.max(g).max(b);
            let chroma = max - r.min(g).min(b);
            chromas += chroma;
            greatest += max;
            if chroma > 0.0 {
                hues[sixth(r, g, b, chroma)] += chroma;
            }
        }
        let saturation = if greatest > 0.0 { chromas / greatest } else { 0.0 };
        let has_hue = chromas >= MIN_CHROMA * self.pixels();
        (saturation, has_hue.then(|| hues.map(|hue| hue / chromas)))
    }

    /// The mean of something over the upper third less that over the lower third.
    fn top_less_bottom(&self, value: impl Fn(usize) -> f64) -> f64 {
        let third = (self.height / 3).max(1) * self.width;
        let mean = |from: usize| (from..from + third).map(&value).sum::<f64>() / third as f64;
        mean(0) - mean(self.luma.len() - third)
    }

    /// Share of the inner pixels whose Sobel gradient is an edge.
    fn edges(&self) -> Option<f64> {
        if self.height < 3 || self.width < 3 {
            return None;
        }
        let at = |y: usize, x: usize| self.luma[y * self.width + x];
        let mut edges = 0_usize;
        for y in 1..self.height - 1 {
            for x in 1..self.width - 1 {
                let column = |x: usize| at(y - 1, x) + 2.0 * at(y, x) + at(y + 1, x);
                let row = |y: usize| at(y, x - 1) + 2.0 * at(y, x) + at(y, x + 1);
                let (gx, gy) = ((column(x + 1) - column(x - 1)) / 4.0, (row(y + 1) - row(y - 1)) / 4.0);
                edges += usize::from(gx.hypot(gy) > EDGE);
            }
        }
        Some(edges as f64 / ((self.height - 2) * (self.width - 2)) as f64)
    }
}

/// The sixth of the circle of hues, from red on, that a colour lies in.
fn sixth(r: f64, g: f64, b: f64, chroma: f64) -> usize {
    let hue = if r >= g && r >= b {
        (g - b) / chroma
    } else if g >= b {
        2.0 + (b - r) / chroma
    } else {
        4.0 + (r - g) / chroma
    };
    // Red is the sixth around 0. A hue on a border belongs to the next one, whatever rounding says.
    (hue + 0.5 + BORDER_OF_HUES).rem_euclid(6.0) as usize % 6
}

/// The properties of an image, channels x height x width: grey (one channel) or red, green and blue. None where it has
/// no pixels. `docs/statistics.md` has the formulae.
pub fn values(image: ArrayView3<'_, u8>) -> Option<Values> {
    let planes = Planes::of(image)?;
    let mut found = [f32::NAN; Property::ALL.len()];
    let mut set = |property: Property, value: f64| found[property.column()] = value as f32;
    let brightness = planes.luma.iter().sum::<f64>() / planes.pixels();
    let variance = planes.luma.iter().map(|value| (value - brightness).powi(2)).sum::<f64>() / planes.pixels();
    let background = planes.background();
    let (saturation, hues) = planes.colour();
    set(Property::Brightness, brightness);
    set(Property::Background, background);
    set(Property::Contrast, variance.sqrt());
    set(Property::Saturation, saturation);
    for (property, share) in HUES.into_iter().zip(hues.into_iter().flatten()) {
        set(property, share);
    }
    if let Some([across, down, spread]) = planes.mass(background) {
        set(Property::Across, across);
        set(Property::Down, down);
        set(Property::Spread, spread);
    }
    let [red, green, blue] = &planes.colours;
    set(Property::LightTop, planes.top_less_bottom(|index| planes.luma[index]));
    let blueness = |index: usize| blue[index] - f64::midpoint(red[index], green[index]);
    set(Property::BlueTop, planes.top_less_bottom(blueness));
    if let Some(edges) = planes.edges() {
        set(Property::Edges, edges);
    }
    set(Property::Aspect, (image.dim().2 as f64 / image.dim().1 as f64).log2());
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    fn of(image: &Array3<u8>, property: Property) -> f32 {
        values(image.view()).unwrap()[property.column()]
    }

    /// Colours by row and column.
    fn image(height: usize, width: usize, colour: impl Fn(usize, usize) -> [u8; 3]) -> Array3<u8> {
        Array3::from_shape_fn((3, height, width), |(c, y, x)| colour(y, x)[c])
    }

    fn near(found: f32, expected: f64) {
        assert!((f64::from(found) - expected).abs() < 1e-6, "{found}, expected {expected}");
    }

    #[test]
    fn light_on_dark_worked_out_by_hand() {
        // A white square of 4 x 4 at the lower right of 8 x 8, black around it.
        let picture = image(8, 8, |y, x| [if (3..7).contains(&y) && (3..7).contains(&x) { 255 } else { 0 }; 3]);
        near(of(&picture, Property::Brightness), 0.25);
        near(of(&picture, Property::Contrast), (0.25_f64 * 0.75).sqrt());
        near(of(&picture, Property::Background), 0.0);
        near(of(&picture, Property::Saturation), 0.0);
        // Columns 3 to 6 of 8: centres at -1/8, 1/8, 3/8, 5/8.
        near(of(&picture, Property::Across), 0.25);
        near(of(&picture, Property::Down), 0.25);
        near(of(&picture, Property::Spread), (2.0 * (0.140_625 + 0.015_625) / 2.0_f64).sqrt());
        // Rows 0, 1 are black; of rows 6, 7 one has four white ones of eight.
        near(of(&picture, Property::LightTop), -0.25);
        assert!(of(&picture, Property::Red).is_nan());
        near(of(&picture, Property::Aspect), 0.0);
    }

    #[test]
    fn hues_are_shares_of_the_colour() {
        // A quarter pure blue, a quarter orange-red of half the chroma, the rest grey.
        let picture = image(4, 4, |y, x| match (y < 2, x < 2) {
            (true, true) => [0, 0, 200],
            (true, false) => [150, 60, 50],
            _ => [90, 90, 90],
        });
        near(of(&picture, Property::Blue), 2.0 / 3.0);
        near(of(&picture, Property::Red), 1.0 / 3.0);
        near(of(&picture, Property::Green), 0.0);
        near(of(&picture, Property::Saturation), 300.0 / (200.0 + 150.0 + 180.0));
        // Rows 0 against 3: blueness 200 and 50 - 105 there, none here.
        near(of(&picture, Property::BlueTop), (200.0 - 55.0) / 2.0 / 255.0);
        for (colour, property) in [
            ([255, 0, 0], Property::Red),
            ([255, 255, 0], Property::Yellow),
            ([0, 255, 0], Property::Green),
            ([0, 255, 255], Property::Cyan),
            ([0, 0, 255], Property::Blue),
            ([255, 0, 255], Property::Magenta),
            ([255, 0, 20], Property::Red),
        ] {
            near(of(&image(3, 3, |_, _| colour), property), 1.0);
        }
    }

    #[test]
    fn an_edge_is_a_step_of_a_tenth() {
        let step = |height: u8| image(6, 6, move |_, x| [if x < 3 { 100 } else { 100 + height }; 3]);
        // The two columns beside the step, of the four inner ones.
        near(of(&step(40), Property::Edges), 0.5);
        near(of(&step(20), Property::Edges), 0.0);
        assert!(of(&image(2, 6, |_, _| [9; 3]), Property::Edges).is_nan());
    }

    #[test]
    fn large_images_are_reduced_and_odd_ones_are_measured() {
        // Of stripes of one pixel a block of three has one light column or two.
        let stripes = image(100, 150, |_, x| [if x % 2 == 0 { 0 } else { 200 }; 3]);
        near(of(&stripes, Property::Contrast), 200.0 / 255.0 / 6.0);
        near(of(&stripes, Property::Aspect), 1.5_f64.log2());
        let line = image(1, 300, |_, _| [51; 3]);
        near(of(&line, Property::Brightness), 0.2);
        let grey = Array3::from_elem((1, 5, 5), 51_u8);
        near(of(&grey, Property::Brightness), 0.2);
        assert!(of(&grey, Property::Across).is_nan() && of(&grey, Property::Blue).is_nan());
        assert!(values(Array3::zeros((3, 0, 4)).view()).is_none());
    }
}
