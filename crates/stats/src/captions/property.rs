//! What is measured of an image's pixels.

/// A property of an image: a number that its pixels give, or none where it is not defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Property {
    /// Mean luma.
    Brightness,
    /// Mean luma of the border.
    Background,
    /// Standard deviation of the luma.
    Contrast,
    /// Saturation of the pixels, weighted by their value.
    Saturation,
    /// Share of the colour within 30 degrees of red.
    Red,
    /// Of yellow, which is brown or olive where it is dark.
    Yellow,
    /// Of green.
    Green,
    /// Of cyan.
    Cyan,
    /// Of blue.
    Blue,
    /// Of magenta.
    Magenta,
    /// Centre of mass from left (-1) to right (1); mass is what differs from the background.
    Across,
    /// Centre of mass from top (-1) to bottom (1).
    Down,
    /// Distance of the mass from its centre, root mean square.
    Spread,
    /// Mean luma of the upper third less that of the lower third.
    LightTop,
    /// Mean blueness of the upper third less that of the lower third.
    BlueTop,
    /// Share of pixels on an edge.
    Edges,
    /// Binary logarithm of width by height.
    Aspect,
}

impl Property {
    /// All of them, in the order of the columns of a table.
    pub const ALL: [Self; 17] = [
        Self::Brightness,
        Self::Background,
        Self::Contrast,
        Self::Saturation,
        Self::Red,
        Self::Yellow,
        Self::Green,
        Self::Cyan,
        Self::Blue,
        Self::Magenta,
        Self::Across,
        Self::Down,
        Self::Spread,
        Self::LightTop,
        Self::BlueTop,
        Self::Edges,
        Self::Aspect,
    ];

    /// Its name in requests and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brightness => "brightness",
            Self::Background => "background",
            Self::Contrast => "contrast",
            Self::Saturation => "saturation",
            Self::Red => "red",
            Self::Yellow => "yellow",
            Self::Green => "green",
            Self::Cyan => "cyan",
            Self::Blue => "blue",
            Self::Magenta => "magenta",
            Self::Across => "across",
            Self::Down => "down",
            Self::Spread => "spread",
            Self::LightTop => "light_top",
            Self::BlueTop => "blue_top",
            Self::Edges => "edges",
            Self::Aspect => "aspect",
        }
    }

    /// The property of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|property| property.name() == name)
    }

    /// The number that is measured, in words.
    pub fn measure(self) -> &'static str {
        match self {
            Self::Brightness => "brightness",
            Self::Background => "brightness of the background",
            Self::Contrast => "contrast",
            Self::Saturation => "saturation",
            Self::Red => "red, share of the colour",
            Self::Yellow => "yellow and brown, share of the colour",
            Self::Green => "green, share of the colour",
            Self::Cyan => "cyan, share of the colour",
            Self::Blue => "blue, share of the colour",
            Self::Magenta => "magenta, share of the colour",
            Self::Across => "centre of mass, left to right",
            Self::Down => "centre of mass, top to bottom",
            Self::Spread => "spread of the mass",
            Self::LightTop => "brightness, top less bottom",
            Self::BlueTop => "blueness, top less bottom",
            Self::Edges => "edge density",
            Self::Aspect => "width by height, log2",
        }
    }

    /// What images with smaller values are called, and those with greater ones.
    pub fn words(self) -> [&'static str; 2] {
        match self {
            Self::Brightness => ["dark", "light"],
            Self::Background => ["dark background", "light background"],
            Self::Contrast => ["low contrast", "high contrast"],
            Self::Saturation => ["pale", "saturated"],
            Self::Red => ["little red", "red"],
            Self::Yellow => ["little yellow or brown", "yellow or brown"],
            Self::Green => ["little green", "green"],
            Self::Cyan => ["little cyan", "cyan"],
            Self::Blue => ["little blue", "blue"],
            Self::Magenta => ["little magenta", "magenta"],
            Self::Across => ["mass to the left", "mass to the right"],
            Self::Down => ["mass high", "mass low"],
            Self::Spread => ["gathered mass", "spread mass"],
            Self::LightTop => ["darker at the top", "lighter at the top"],
            Self::BlueTop => ["less blue at the top", "blue at the top"],
            Self::Edges => ["few edges", "many edges"],
            Self::Aspect => ["tall", "wide"],
        }
    }

    pub(super) fn column(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_in_order_and_names_are_found() {
        for (index, property) in Property::ALL.into_iter().enumerate() {
            assert_eq!((property.column(), Property::named(property.name())), (index, Some(property)));
        }
        assert_eq!(Property::named("weight"), None);
    }
}
