//! One picture: which shape, how it stands, what it is made of, and how it becomes bytes.

use super::{
    catalogue::{CLASSES, ShapeKind, Subclass},
    outline::Outline,
    random::{Random, cosine, sine},
    surface::{Rgb, Surface, Texture, brightness, hsv, mix},
};

/// The side of every picture.
pub(crate) const SIDE: usize = 32;

/// Share of shapes that wear the colour of their class: colour is a hint, and never proof.
const OWN_COLOUR: f32 = 0.4;
/// Share of images whose background is as dark (or light) as the sub-class likes it.
const OWN_BACKGROUND: f32 = 0.8;
/// The largest change of a value by noise.
const NOISE: f32 = 0.055;

/// All that is drawn.
struct Scene {
    outline: Outline,
    centre: [f32; 2],
    /// In turns.
    angle: f32,
    fill: Surface,
    background: Surface,
    /// A line along the inner edge of the shape.
    rim: Option<Rgb>,
    /// Darkness of the shadow.
    shadow: f32,
    noise: f32,
}

/// Draws one image of a sub-class: red, green and blue planes.
pub(crate) fn picture(seed: u64, image: u64, subclass: &Subclass, pixels: &mut [u8]) {
    let mut random = Random::new(seed, image);
    let scene = Scene::draw(&mut random, subclass);
    let plane = SIDE * SIDE;
    for index in 0..plane {
        let point = [(index % SIDE) as f32 - 15.5, (index / SIDE) as f32 - 15.5];
        let colour = scene.colour(point);
        for (channel, value) in colour.into_iter().enumerate() {
            let noise = scene.noise * (random.unit() - random.unit());
            pixels[channel * plane + index] = ((value + noise).clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        }
    }
}

/// Which pixels of an image of a sub-class lie on its shape, row by row.
pub(crate) fn mask(seed: u64, image: u64, subclass: &Subclass) -> Vec<bool> {
    let scene = Scene::draw(&mut Random::new(seed, image), subclass);
    let point = |index: usize| [(index % SIDE) as f32 - 15.5, (index / SIDE) as f32 - 15.5];
    (0..SIDE * SIDE).map(|index| scene.distance(point(index)) <= 0.0).collect()
}

impl Scene {
    fn draw(random: &mut Random, subclass: &Subclass) -> Self {
        let radius = random.between(7.0, 10.5);
        let margin = 14.0 - radius;
        let centre = [random.between(-margin, margin), random.between(-margin, margin)];
        let (outline, angle) = pose(random, subclass, radius);

        let dark = random.chance(if subclass.likes_dark { OWN_BACKGROUND } else { 1.0 - OWN_BACKGROUND });
        let background = background_colours(random, dark);
        let fill = fill_colours(random, subclass, background);
        let (texture, period) = (Texture::draw(random), random.between(4.5, 10.0));
        let background = Surface::draw(random, background, texture, period);
        let (texture, period) = (Texture::draw(random), random.between(3.5, 7.0));
        let rim = random.chance(0.4).then(|| {
            let to = if dark { [1.0; 3] } else { [0.05; 3] };
            mix(fill[0], to, 0.6)
        });
        Self {
            outline,
            centre,
            angle,
            fill: Surface::draw(random, fill, texture, period),
            background,
            rim,
            shadow: if random.chance(0.6) { 0.45 } else { 0.0 },
            noise: random.between(0.2, 1.0) * NOISE,
        }
    }

    fn distance(&self, [x, y]: [f32; 2]) -> f32 {
        let (x, y) = (x - self.centre[0], y - self.centre[1]);
        let (cos, sin) = (cosine(self.angle), sine(self.angle));
        self.outline.distance([x * cos + y * sin, y * cos - x * sin])
    }

    fn colour(&self, [x, y]: [f32; 2]) -> Rgb {
        let distance = self.distance([x, y]);
        let inside = (0.5 - distance).clamp(0.0, 1.0);
        let mut background = self.background.colour([x, y]);
        // Farther out there is no shadow: it is moved by 2.4 pixels and 1.5 wide.
        if self.shadow > 0.0 && inside < 1.0 && distance < 8.0 {
            let away = self.distance([x - 1.6, y - 1.8]);
            let shade = (0.5 - away / 3.0).clamp(0.0, 1.0);
            background = mix(background, [0.02, 0.02, 0.05], self.shadow * shade);
        }
        if inside <= 0.0 {
            return background;
        }
        let mut fill = self.fill.colour([x, y]);
        if let Some(rim) = self.rim {
            fill = mix(fill, rim, (distance + 1.8).clamp(0.0, 1.0));
        }
        mix(background, fill, inside)
    }
}

/// The outline of a sub-class and its angle, in turns.
fn pose(random: &mut Random, subclass: &Subclass, radius: f32) -> (Outline, f32) {
    let wobble = random.between(-0.04, 0.04);
    let sign = if random.chance(0.5) { 1.0 } else { -1.0 };
    let quarter = f32::from(subclass.quarter) / 4.0;
    match subclass.kind {
        ShapeKind::Disc { scale } => {
            let longer = random.between(1.0, 1.10);
            let radius = radius * scale;
            (Outline::Ellipse([radius * longer, radius / longer]), random.unit())
        }
        ShapeKind::Ellipse => {
            let longer = random.between(1.06, 1.28);
            (Outline::Ellipse([radius * longer, radius / longer]), quarter + 2.0 * wobble)
        }
        ShapeKind::Ring { half } => (Outline::Ring { radius, half: random.between(0.9, 1.1) * half }, 0.0),
        ShapeKind::Square { tilt } => {
            (Outline::square(0.88 * radius), quarter + sign * random.between(tilt[0], tilt[1]) / 360.0)
        }
        ShapeKind::Triangle => (Outline::triangle(radius), quarter + wobble),
        ShapeKind::Star => (Outline::star(radius), 2.0 * quarter + wobble),
        ShapeKind::Cross => {
            (Outline::cross(1.05 * radius, random.between(0.24, 0.36) * radius), quarter / 2.0 + wobble)
        }
        ShapeKind::Crescent => {
            let shift = random.between(0.55, 0.75) * radius;
            (Outline::Crescent { radius: 1.1 * radius, shift }, quarter + wobble)
        }
        ShapeKind::Arrow => (Outline::arrow(radius, random.between(0.28, 0.4) * radius), quarter + wobble),
    }
}

/// Two colours of one hue and about one brightness, or of neighbouring hues.
fn background_colours(random: &mut Random, dark: bool) -> [Rgb; 2] {
    let hue = random.unit();
    let other = hue + random.between(-0.12, 0.12);
    let (saturation, values) = if dark { (0.6, [0.10, 0.42]) } else { (0.38, [0.66, 0.98]) };
    let middle = random.between(values[0] + 0.1, values[1] - 0.1);
    let spread = random.between(0.04, 0.12);
    let saturation = random.between(0.2, 1.0) * saturation;
    [hsv(hue, saturation, middle - spread), hsv(other, saturation, middle + spread)]
}

/// Two colours that stand out from the background by brightness, now and then only by hue.
fn fill_colours(random: &mut Random, subclass: &Subclass, background: [Rgb; 2]) -> [Rgb; 2] {
    let own = CLASSES[subclass.class].hue + random.between(-0.05, 0.05);
    let hue = if random.chance(OWN_COLOUR) { own } else { random.unit() };
    let behind = f32::midpoint(brightness(background[0]), brightness(background[1]));
    let gap = if random.chance(0.2) { 0.10 } else { 0.26 };
    let mut best = ([[0.0; 3]; 2], 0.0);
    // The colours of one hue differ much in brightness (yellow, blue), so look for some that stand out.
    for _ in 0..8 {
        let saturation = random.between(0.45, 0.95);
        let value = random.between(0.25, 1.0);
        let spread = random.between(0.12, 0.32);
        let other = hue + random.between(-0.08, 0.08);
        let colours = [hsv(hue, saturation, value), hsv(other, saturation * 0.8, (value - spread).max(0.08))];
        let apart = (f32::midpoint(brightness(colours[0]), brightness(colours[1])) - behind).abs();
        if apart >= gap {
            return colours;
        }
        if apart >= best.1 {
            best = (colours, apart);
        }
    }
    best.0
}
