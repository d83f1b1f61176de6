//! The outlines of the shapes, as signed distances: negative inside, in pixels.

use super::random::{cosine, sine};

/// A shape around the origin, before it is turned and moved.
#[derive(Debug, Clone)]
pub(crate) enum Outline {
    /// Half its width and half its height.
    Ellipse([f32; 2]),
    /// The radius of the middle of the band, and half the band.
    Ring { radius: f32, half: f32 },
    /// A disc with a bite: the radius of both, and how far the bite is to the right.
    Crescent { radius: f32, shift: f32 },
    /// Corners in order.
    Polygon(Vec<[f32; 2]>),
}

impl Outline {
    /// A square from edge to edge, `2 * half` wide.
    pub(crate) fn square(half: f32) -> Self {
        Self::Polygon(vec![[-half, -half], [half, -half], [half, half], [-half, half]])
    }

    /// An isosceles triangle that points up.
    pub(crate) fn triangle(radius: f32) -> Self {
        Self::Polygon(vec![[0.0, -1.1 * radius], [radius, 0.8 * radius], [-radius, 0.8 * radius]])
    }

    /// A star with five points, one of them up.
    pub(crate) fn star(radius: f32) -> Self {
        let corner = |index: u8| {
            let length = if index.is_multiple_of(2) { 1.2 * radius } else { 0.52 * radius };
            let turns = f32::from(index) / 10.0;
            [length * sine(turns), -length * cosine(turns)]
        };
        Self::Polygon((0..10).map(corner).collect())
    }

    /// Two bars across each other, each `2 * half` thick.
    pub(crate) fn cross(radius: f32, half: f32) -> Self {
        let (a, b) = (half, radius);
        Self::Polygon(vec![
            [-a, -b],
            [a, -b],
            [a, -a],
            [b, -a],
            [b, a],
            [a, a],
            [a, b],
            [-a, b],
            [-a, a],
            [-b, a],
            [-b, -a],
            [-a, -a],
        ])
    }

    /// An arrow that points up.
    pub(crate) fn arrow(radius: f32, half: f32) -> Self {
        let (r, h) = (radius, half);
        Self::Polygon(vec![[0.0, -1.1 * r], [0.95 * r, 0.0], [h, 0.0], [h, r], [-h, r], [-h, 0.0], [-0.95 * r, 0.0]])
    }

    /// Distance of a point from the outline, outside positive; exact but for ellipses, where it is right near the edge.
    pub(crate) fn distance(&self, [x, y]: [f32; 2]) -> f32 {
        match self {
            Self::Ellipse([a, b]) => {
                let near = ((x / a) * (x / a) + (y / b) * (y / b)).sqrt();
                let slope = ((x / (a * a)) * (x / (a * a)) + (y / (b * b)) * (y / (b * b))).sqrt();
                if slope == 0.0 { -a.min(*b) } else { near * (near - 1.0) / slope }
            }
            Self::Ring { radius, half } => ((x * x + y * y).sqrt() - radius).abs() - half,
            Self::Crescent { radius, shift } => {
                let disc = (x * x + y * y).sqrt() - radius;
                let bite = ((x - shift) * (x - shift) + y * y).sqrt() - 0.92 * radius;
                disc.max(-bite)
            }
            Self::Polygon(corners) => polygon(corners, [x, y]),
        }
    }
}

fn polygon(corners: &[[f32; 2]], [x, y]: [f32; 2]) -> f32 {
    let mut nearest = f32::INFINITY;
    let mut inside = false;
    let Some(mut from) = corners.last() else { return nearest };
    for to in corners {
        let (edge_x, edge_y) = (to[0] - from[0], to[1] - from[1]);
        let (point_x, point_y) = (x - from[0], y - from[1]);
        let along = (point_x * edge_x + point_y * edge_y) / (edge_x * edge_x + edge_y * edge_y);
        let along = along.clamp(0.0, 1.0);
        let (off_x, off_y) = (point_x - along * edge_x, point_y - along * edge_y);
        nearest = nearest.min(off_x * off_x + off_y * off_y);
        // A ray to the right crosses the outline an odd number of times from inside.
        if (from[1] > y) != (to[1] > y) && point_x * edge_y.abs() < edge_x * point_y * edge_y.signum() {
            inside = !inside;
        }
        from = to;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_distance(outline: &Outline, point: [f32; 2], expected: f32) {
        let found = outline.distance(point);
        assert!((found - expected).abs() < 1e-3, "{outline:?} at {point:?}: found {found}, expected {expected}");
    }

    #[test]
    fn distances_are_those_of_geometry() {
        let square = Outline::square(5.0);
        assert_distance(&square, [0.0, 0.0], -5.0);
        assert_distance(&square, [4.0, 1.0], -1.0);
        assert_distance(&square, [8.0, 9.0], 5.0);
        let disc = Outline::Ellipse([6.0, 6.0]);
        assert_distance(&disc, [0.0, 0.0], -6.0);
        assert_distance(&disc, [3.0, 4.0], -1.0);
        assert_distance(&disc, [0.0, 9.0], 3.0);
        let ring = Outline::Ring { radius: 6.0, half: 2.0 };
        assert_distance(&ring, [0.0, 0.0], 4.0);
        assert_distance(&ring, [0.0, -6.0], -2.0);
        let crescent = Outline::Crescent { radius: 10.0, shift: 5.0 };
        assert_distance(&crescent, [-9.0, 0.0], -1.0);
        assert!(crescent.distance([5.0, 0.0]) > 0.0);
        let cross = Outline::cross(6.0, 2.0);
        assert_distance(&cross, [5.0, 0.0], -1.0);
        assert_distance(&cross, [5.0, 4.0], 2.0);
    }

    #[test]
    fn every_outline_holds_its_own_body() {
        for (outline, inside) in [
            (Outline::triangle(8.0), [0.0, 0.0]),
            (Outline::star(8.0), [0.0, -7.0]),
            (Outline::arrow(8.0, 3.0), [0.0, 6.0]),
            (Outline::arrow(8.0, 3.0), [4.0, -2.0]),
        ] {
            assert!(outline.distance(inside) < 0.0, "{outline:?}");
            assert!(outline.distance([14.0, 0.0]) > 0.0, "{outline:?}");
            assert!(outline.distance([-14.0, 0.0]) > 0.0, "{outline:?}");
        }
        assert!(Outline::arrow(8.0, 3.0).distance([5.0, 5.0]) > 0.0);
    }
}
