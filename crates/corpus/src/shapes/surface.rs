//! Colours and textures: what shapes are filled with, and what lies behind them.

use super::random::{Random, at, cosine, sine, unit};

/// Red, green and blue, each from 0 to 1.
pub(crate) type Rgb = [f32; 3];

/// A texture over the plane, between two colours.
#[derive(Debug, Clone)]
pub(crate) struct Surface {
    pub(crate) colours: [Rgb; 2],
    pub(crate) texture: Texture,
    /// The unit vector across the stripes.
    direction: [f32; 2],
    period: f32,
    shift: [f32; 2],
    key: u64,
}

/// The distribution of the two colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Texture {
    /// A linear gradient from one to the other, across the picture.
    Fade,
    Stripes,
    Checks,
    Dots,
    /// Value noise of two octaves.
    Clouds,
}

impl Texture {
    const ALL: [Self; 5] = [Self::Fade, Self::Stripes, Self::Checks, Self::Dots, Self::Clouds];

    pub(crate) fn draw(random: &mut Random) -> Self {
        Self::ALL[random.below(Self::ALL.len())]
    }
}

impl Surface {
    /// A texture with a random direction, whose marks repeat every `period` pixels.
    pub(crate) fn draw(random: &mut Random, colours: [Rgb; 2], texture: Texture, period: f32) -> Self {
        let turns = random.unit();
        Self {
            colours,
            texture,
            direction: [cosine(turns), sine(turns)],
            period,
            shift: [random.between(0.0, period), random.between(0.0, period)],
            key: random.next(),
        }
    }

    /// The colour at a point, whose origin is the middle of the picture.
    pub(crate) fn colour(&self, [x, y]: [f32; 2]) -> Rgb {
        mix(self.colours[0], self.colours[1], self.amount([x, y]))
    }

    /// The share of the second colour at a point.
    fn amount(&self, [x, y]: [f32; 2]) -> f32 {
        let [cos, sin] = self.direction;
        let (u, v) = (x * cos + y * sin, y * cos - x * sin);
        let (u, v) = ((u + self.shift[0]) / self.period, (v + self.shift[1]) / self.period);
        match self.texture {
            Texture::Fade => 0.5 + (x * cos + y * sin) / 30.0,
            Texture::Stripes => self.edge(sine(u)),
            Texture::Checks => self.edge(1.6 * sine(u) * sine(v)),
            Texture::Dots => {
                let (du, dv) = (u - u.floor() - 0.5, v - v.floor() - 0.5);
                ((0.32 - (du * du + dv * dv).sqrt()) * self.period + 0.5).clamp(0.0, 1.0)
            }
            Texture::Clouds => {
                let broad = self.clouds(u * 0.8, v * 0.8, 0);
                let fine = self.clouds(u * 1.9, v * 1.9, 1);
                (1.5 * (0.68 * broad + 0.32 * fine) - 0.25).clamp(0.0, 1.0)
            }
        }
        .clamp(0.0, 1.0)
    }

    /// A wave made steep: an edge that is anti-aliased over about a pixel.
    fn edge(&self, wave: f32) -> f32 {
        (0.5 + 0.5 * wave * self.period / 3.0).clamp(0.0, 1.0)
    }

    /// Value noise: random values on a lattice, smoothly interpolated.
    fn clouds(&self, u: f32, v: f32, octave: u64) -> f32 {
        let (left, top) = (u.floor(), v.floor());
        let (du, dv) = (smooth(u - left), smooth(v - top));
        let value = |x: f32, y: f32| {
            let cell = u64::from(x as i32 as u32) << 32 | u64::from(y as i32 as u32);
            unit(at(self.key.wrapping_add(octave), cell))
        };
        let upper = value(left, top) * (1.0 - du) + value(left + 1.0, top) * du;
        let lower = value(left, top + 1.0) * (1.0 - du) + value(left + 1.0, top + 1.0) * du;
        upper * (1.0 - dv) + lower * dv
    }
}

fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

pub(crate) fn mix(from: Rgb, to: Rgb, amount: f32) -> Rgb {
    [0, 1, 2].map(|channel| from[channel] + (to[channel] - from[channel]) * amount)
}

/// A colour from hue (in turns), saturation and value.
pub(crate) fn hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    [5.0, 3.0, 1.0].map(|offset: f32| {
        let sector = offset + (hue - hue.floor()) * 6.0;
        let sector = if sector >= 6.0 { sector - 6.0 } else { sector };
        let fall = sector.min(4.0 - sector).clamp(0.0, 1.0);
        value - value * saturation * fall
    })
}

/// Luma of a colour (Rec. 601 weights on the encoded values).
pub(crate) fn brightness([red, green, blue]: Rgb) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_where_they_belong() {
        for (hue, expected) in [
            (0.0, [1.0, 0.0, 0.0]),
            (1.0 / 6.0, [1.0, 1.0, 0.0]),
            (1.0 / 3.0, [0.0, 1.0, 0.0]),
            (2.0 / 3.0, [0.0, 0.0, 1.0]),
            (-1.0 / 6.0, [1.0, 0.0, 1.0]),
        ] {
            let near = hsv(hue, 1.0, 1.0).iter().zip(&expected).all(|(a, b): (&f32, &f32)| (a - b).abs() < 1e-5);
            assert!(near, "{hue}: {:?}", hsv(hue, 1.0, 1.0));
        }
        assert!(hsv(0.3, 0.0, 0.5).iter().all(|value| (value - 0.5).abs() < 1e-6));
    }

    #[test]
    fn every_texture_shows_both_colours_and_nothing_beyond() {
        for texture in Texture::ALL {
            let mut random = Random::new(3, 1);
            let surface = Surface::draw(&mut random, [[0.0; 3], [1.0; 3]], texture, 6.0);
            let points = (0..32 * 32_u16).map(|i| [f32::from(i % 32) - 15.5, f32::from(i / 32) - 15.5]);
            let values: Vec<f32> = points.map(|point| surface.colour(point)[0]).collect();
            assert!(values.iter().all(|value| (0.0..=1.0).contains(value)), "{texture:?}");
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            assert!((0.15..0.85).contains(&mean), "{texture:?}: {mean}");
            assert!(values.iter().any(|&value| value < 0.3), "{texture:?}");
            assert!(values.iter().any(|&value| value > 0.7), "{texture:?}");
        }
    }
}
