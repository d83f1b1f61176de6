//! Positions of a sheet's tiles, and the value under a pixel.

use crate::Error;

/// Transparent pixels between two tiles, never scaled.
pub const GAP_PX: usize = 1;

/// The largest picture that is drawn.
pub const MAX_PIXELS: usize = 64 << 20;

/// The order of a sheet's tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// One colour tile per filter (its three channels), in a near-square grid.
    Colour,
    /// One tile per filter (a single channel), in a near-square grid.
    Grid,
    /// Filters in rows, channels in columns.
    Matrix,
}

/// Height and width of one tile in values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Rows of values.
    pub height: usize,
    /// Columns of values.
    pub width: usize,
}

/// One value of a sheet: filter and channel are positions within the selection, not names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValuePosition {
    /// Position of the filter.
    pub filter: usize,
    /// Position of the channel; always 0 where a tile shows all channels or there is only one.
    pub channel: usize,
    /// Row within the tile.
    pub row: usize,
    /// Column within the tile.
    pub column: usize,
}

/// The geometry of one sheet. Tiles are numbered row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The order of tiles.
    pub arrangement: Arrangement,
    /// One tile, in values.
    pub tile: Tile,
    /// Tiles side by side.
    pub columns: usize,
    /// Tiles one above the other.
    pub rows: usize,
    /// Tiles in use; the rest of the last row is transparent.
    pub tiles: usize,
    /// Pixels per value, in each direction.
    pub scale: usize,
}

/// Columns of a near-square grid of `tiles`: the smallest number of columns that fills every row,
/// when the grid is then at most twice as wide as high; otherwise the rounded-up square root.
pub fn near_square_columns(tiles: usize) -> usize {
    let root = tiles.isqrt();
    let min = if root * root == tiles { root } else { root + 1 };
    (min.max(1)..=tiles)
        .take_while(|columns| columns * columns <= 2 * tiles)
        .find(|columns| tiles.is_multiple_of(*columns))
        .unwrap_or(min.max(1))
}

impl Layout {
    /// The layout of a selection of `[filters, channels, h, w]` values.
    pub fn new(
        shape: [usize; 4],
        arrangement: Arrangement,
        scale: usize,
        columns: Option<usize>,
    ) -> Result<Self, Error> {
        let [filters, channels, height, width] = shape;
        if shape.contains(&0) {
            return Err(Error::Empty { found: shape.to_vec() });
        }
        if scale == 0 {
            return Err(Error::Scale { found: scale });
        }
        if arrangement == Arrangement::Colour && channels != 3 {
            return Err(Error::NotColour { found: channels });
        }
        let (tiles, columns) = match arrangement {
            Arrangement::Matrix => (filters * channels, channels),
            Arrangement::Colour | Arrangement::Grid => {
                (filters, columns.unwrap_or_else(|| near_square_columns(filters)).clamp(1, filters))
            }
        };
        let layout =
            Self { arrangement, tile: Tile { height, width }, columns, rows: tiles.div_ceil(columns), tiles, scale };
        layout.check_size(1)?;
        Ok(layout)
    }

    /// Refuses a stack of `sheets` of this layout that is too large to look at.
    pub(crate) fn check_size(&self, sheets: usize) -> Result<(), Error> {
        let side = |count: usize, values: usize| count as u128 * (values as u128 * self.scale as u128 + GAP_PX as u128);
        let pixels = side(self.columns, self.tile.width)
            .saturating_mul(side(self.rows, self.tile.height))
            .saturating_mul(sheets as u128);
        if pixels > MAX_PIXELS as u128 {
            return Err(Error::TooLarge { pixels, limit: MAX_PIXELS });
        }
        Ok(())
    }

    /// Distance from one tile's left edge to the next one's.
    pub fn pitch_x_px(&self) -> usize {
        self.tile.width * self.scale + GAP_PX
    }

    /// Distance from one tile's upper edge to the next one's.
    pub fn pitch_y_px(&self) -> usize {
        self.tile.height * self.scale + GAP_PX
    }

    /// Width of the sheet: no gap at its outside.
    pub fn width_px(&self) -> usize {
        self.columns * self.pitch_x_px() - GAP_PX
    }

    /// Height of the sheet: no gap at its outside.
    pub fn height_px(&self) -> usize {
        self.rows * self.pitch_y_px() - GAP_PX
    }

    /// The upper left pixel of a tile.
    pub fn origin_px(&self, tile: usize) -> (usize, usize) {
        (tile % self.columns * self.pitch_x_px(), tile / self.columns * self.pitch_y_px())
    }

    /// The number of the tile that shows this filter and channel.
    pub fn tile_of(&self, filter: usize, channel: usize) -> usize {
        match self.arrangement {
            Arrangement::Matrix => filter * self.columns + channel,
            Arrangement::Colour | Arrangement::Grid => filter,
        }
    }

    /// The upper left pixel of a value.
    pub fn pixel_of(&self, position: ValuePosition) -> (usize, usize) {
        let (x, y) = self.origin_px(self.tile_of(position.filter, position.channel));
        (x + position.column * self.scale, y + position.row * self.scale)
    }

    /// The value under a pixel; `None` on a gap, an unused cell, or outside.
    pub fn position_at(&self, x: usize, y: usize) -> Option<ValuePosition> {
        let (column_tile, row_tile) = (x / self.pitch_x_px(), y / self.pitch_y_px());
        let (column, row) = (x % self.pitch_x_px() / self.scale, y % self.pitch_y_px() / self.scale);
        let tile = row_tile * self.columns + column_tile;
        if column_tile >= self.columns || tile >= self.tiles || column >= self.tile.width || row >= self.tile.height {
            return None;
        }
        let (filter, channel) = match self.arrangement {
            Arrangement::Matrix => (row_tile, column_tile),
            Arrangement::Colour | Arrangement::Grid => (tile, 0),
        };
        Some(ValuePosition { filter, channel, row, column })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grids_are_near_square_and_full_where_possible() {
        let found: Vec<_> =
            [1, 2, 3, 5, 10, 16, 32, 64, 128, 1000].map(|tiles| (tiles, near_square_columns(tiles))).to_vec();
        assert_eq!(found, [(1, 1), (2, 2), (3, 2), (5, 3), (10, 4), (16, 4), (32, 8), (64, 8), (128, 16), (1000, 40)]);
    }

    fn layouts() -> impl Strategy<Value = (Layout, [usize; 4])> {
        (1..12usize, 1..6usize, 1..6usize, 1..6usize, 0..3u8, 1..4usize, proptest::option::of(1..15usize)).prop_map(
            |(k, c, h, w, kind, scale, columns)| {
                let (arrangement, channels) = match kind {
                    0 => (Arrangement::Colour, 3),
                    1 => (Arrangement::Grid, 1),
                    _ => (Arrangement::Matrix, c),
                };
                let shape = [k, channels, h, w];
                (Layout::new(shape, arrangement, scale, columns).unwrap(), shape)
            },
        )
    }

    proptest! {
        /// Every pixel belongs to at most one value, and every value has its scale x scale pixels.
        #[test]
        fn tiles_never_overlap_and_cover_each_value((layout, shape) in layouts()) {
            let mut seen = std::collections::BTreeMap::new();
            for y in 0..layout.height_px() {
                for x in 0..layout.width_px() {
                    if let Some(p) = layout.position_at(x, y) {
                        *seen.entry((p.filter, p.channel, p.row, p.column)).or_insert(0) += 1;
                    }
                }
            }
            let channels = if layout.arrangement == Arrangement::Colour { 1 } else { shape[1] };
            prop_assert_eq!(seen.len(), shape[0] * channels * shape[2] * shape[3]);
            prop_assert!(seen.values().all(|count| *count == layout.scale * layout.scale));
        }

        #[test]
        fn a_position_and_its_pixel_are_inverse((layout, shape) in layouts(), pick in 0..1_000_000usize) {
            let channels = if layout.arrangement == Arrangement::Colour { 1 } else { shape[1] };
            let position = ValuePosition {
                filter: pick % shape[0],
                channel: pick / 7 % channels,
                row: pick / 49 % shape[2],
                column: pick / 343 % shape[3],
            };
            let (x, y) = layout.pixel_of(position);
            prop_assert_eq!(layout.position_at(x, y), Some(position));
            prop_assert_eq!(layout.position_at(x + layout.scale - 1, y + layout.scale - 1), Some(position));
        }

        #[test]
        fn outside_and_gaps_hold_nothing((layout, _) in layouts()) {
            prop_assert_eq!(layout.position_at(layout.width_px(), 0), None);
            prop_assert_eq!(layout.position_at(0, layout.height_px()), None);
            prop_assert_eq!(layout.position_at(layout.tile.width * layout.scale, 0), None);
        }
    }

    #[test]
    fn a_layout_nobody_could_draw_is_refused() {
        assert!(matches!(Layout::new([4096, 4096, 9, 9], Arrangement::Matrix, 1, None), Err(Error::TooLarge { .. })));
        assert!(matches!(Layout::new([1, 1, 1, 1], Arrangement::Grid, usize::MAX, None), Err(Error::TooLarge { .. })));
        assert!(matches!(Layout::new([0, 1, 1, 1], Arrangement::Grid, 1, None), Err(Error::Empty { .. })));
        assert!(matches!(Layout::new([1, 4, 1, 1], Arrangement::Colour, 1, None), Err(Error::NotColour { found: 4 })));
    }
}
