//! The content of the pictures: ten classes, and the poses that are their sub-classes.

/// A class of the corpus.
pub(crate) struct ShapeClass {
    pub(crate) name: &'static str,
    /// The hue it often has, in turns. The two of a confusable pair share theirs.
    pub(crate) hue: f32,
}

/// The classes, by their number.
pub(crate) const CLASSES: [ShapeClass; 10] = [
    ShapeClass { name: "disc", hue: 0.10 },
    ShapeClass { name: "ellipse", hue: 0.10 },
    ShapeClass { name: "ring", hue: 0.78 },
    ShapeClass { name: "square", hue: 0.60 },
    ShapeClass { name: "diamond", hue: 0.60 },
    ShapeClass { name: "triangle", hue: 0.35 },
    ShapeClass { name: "star", hue: 0.15 },
    ShapeClass { name: "cross", hue: 0.98 },
    ShapeClass { name: "crescent", hue: 0.50 },
    ShapeClass { name: "arrow", hue: 0.90 },
];

/// The classes whose pictures overlap: some discs are as long as some ellipses, some squares as turned as some
/// diamonds, so that no network can distinguish them all.
pub(crate) const CONFUSABLE: [(u16, u16); 2] = [(0, 1), (3, 4)];

/// One pose of a class.
#[derive(Clone, Copy)]
pub(crate) struct Subclass {
    pub(crate) name: &'static str,
    pub(crate) class: usize,
    pub(crate) kind: ShapeKind,
    /// Quarter turns, clockwise.
    pub(crate) quarter: u8,
    /// Seen more often on dark backgrounds than on light ones, as planes are in the sky or on an airfield.
    pub(crate) likes_dark: bool,
}

/// The shape to draw, and what differs between its poses.
#[derive(Clone, Copy)]
pub(crate) enum ShapeKind {
    Disc {
        scale: f32,
    },
    Ellipse,
    /// Half the thickness of the ring, in pixels.
    Ring {
        half: f32,
    },
    /// Smallest and largest angle of rotation in degrees, in either direction.
    Square {
        tilt: [f32; 2],
    },
    Triangle,
    Star,
    Cross,
    Crescent,
    Arrow,
}

const fn sub(name: &'static str, class: usize, kind: ShapeKind, quarter: u8) -> Subclass {
    Subclass { name, class, kind, quarter, likes_dark: !quarter.is_multiple_of(2) }
}

const fn dark(subclass: Subclass) -> Subclass {
    Subclass { likes_dark: true, ..subclass }
}

/// The sub-classes, those of one class together.
pub(crate) const SUBCLASSES: [Subclass; 26] = [
    sub("disc_large", 0, ShapeKind::Disc { scale: 1.0 }, 0),
    dark(sub("disc_small", 0, ShapeKind::Disc { scale: 0.7 }, 0)),
    sub("ellipse_wide", 1, ShapeKind::Ellipse, 0),
    sub("ellipse_tall", 1, ShapeKind::Ellipse, 1),
    sub("ring_thick", 2, ShapeKind::Ring { half: 2.6 }, 0),
    dark(sub("ring_thin", 2, ShapeKind::Ring { half: 1.4 }, 0)),
    sub("square_flat", 3, ShapeKind::Square { tilt: [0.0, 8.0] }, 0),
    dark(sub("square_tilted", 3, ShapeKind::Square { tilt: [8.0, 27.0] }, 0)),
    sub("diamond_upright", 4, ShapeKind::Square { tilt: [37.0, 45.0] }, 0),
    dark(sub("diamond_tilted", 4, ShapeKind::Square { tilt: [18.0, 37.0] }, 0)),
    sub("triangle_up", 5, ShapeKind::Triangle, 0),
    sub("triangle_right", 5, ShapeKind::Triangle, 1),
    sub("triangle_down", 5, ShapeKind::Triangle, 2),
    sub("triangle_left", 5, ShapeKind::Triangle, 3),
    sub("star_up", 6, ShapeKind::Star, 0),
    sub("star_down", 6, ShapeKind::Star, 1),
    sub("cross_plus", 7, ShapeKind::Cross, 0),
    sub("cross_saltire", 7, ShapeKind::Cross, 1),
    sub("crescent_left", 8, ShapeKind::Crescent, 0),
    sub("crescent_up", 8, ShapeKind::Crescent, 1),
    sub("crescent_right", 8, ShapeKind::Crescent, 2),
    sub("crescent_down", 8, ShapeKind::Crescent, 3),
    sub("arrow_up", 9, ShapeKind::Arrow, 0),
    sub("arrow_right", 9, ShapeKind::Arrow, 1),
    sub("arrow_down", 9, ShapeKind::Arrow, 2),
    sub("arrow_left", 9, ShapeKind::Arrow, 3),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_subclasses_together_and_named_after_it() {
        let order: Vec<usize> = SUBCLASSES.iter().map(|subclass| subclass.class).collect();
        assert!(order.is_sorted());
        for (index, class) in CLASSES.iter().enumerate() {
            let of_class: Vec<_> = SUBCLASSES.iter().filter(|subclass| subclass.class == index).collect();
            assert!(of_class.len() >= 2, "{}", class.name);
            assert!(of_class.iter().all(|subclass| subclass.name.starts_with(class.name)), "{}", class.name);
        }
    }

    #[test]
    fn confusable_classes_share_their_hue() {
        for (a, b) in CONFUSABLE {
            assert!((CLASSES[usize::from(a)].hue - CLASSES[usize::from(b)].hue).abs() < f32::EPSILON);
        }
    }
}
