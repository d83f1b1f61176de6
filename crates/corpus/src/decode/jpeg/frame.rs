//! A JPEG's frame header (SOF segment) and Huffman tables (DHT).

use super::bits::Huffman;

/// Why a JPEG is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A part of the picture is missing.
    Cut,
    /// Something that no JPEG has.
    Broken(&'static str),
    /// A kind of JPEG that is not read.
    Unsupported(&'static str),
    TooLarge {
        width: u32,
        height: u32,
    },
}

/// Number of columns and rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// The frame header, and which coefficients the scans so far have coded.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) is_progressive: bool,
    /// Minimum coded units (MCUs) of a scan of several components.
    pub(super) units: Grid,
    pub(super) components: Vec<Component>,
}

/// A component of a picture: brightness, or one of the colours.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Blocks of it in one MCU: its sampling factors, horizontal and vertical.
    pub(super) across: usize,
    pub(super) down: usize,
    /// The blocks in a scan of this component alone.
    pub(super) own_blocks: Grid,
    /// Blocks in a row, with those that pad the last MCU.
    pub(super) columns: usize,
    /// Of each block which coefficients are not zero so far, where scans refine each other.
    pub(super) nonzero: Vec<u64>,
    /// The lowest bit that a scan has coded, by coefficient; `None` before the first such scan.
    pub(super) known: [Option<u8>; 64],
}

/// The tables that the file has defined so far.
#[derive(Debug, Default)]
pub(super) struct DecodingTables {
    pub(super) dc: [Option<Huffman>; 4],
    pub(super) ac: [Option<Huffman>; 4],
    pub(super) restart_interval: usize,
}

pub(super) fn read_frame(marker: u8, segment: &[u8], accepts: &dyn Fn(u32, u32) -> bool) -> Result<Frame, Fault> {
    let [precision, h1, h0, w1, w0, count, rest @ ..] = segment else { return Err(Fault::Cut) };
    if *precision != 8 {
        return Err(Fault::Unsupported("JPEG of 12 bits"));
    }
    let (height, width) = (u16::from_be_bytes([*h1, *h0]), u16::from_be_bytes([*w1, *w0]));
    if !accepts(width.into(), height.into()) {
        return Err(Fault::TooLarge { width: width.into(), height: height.into() });
    }
    let described = rest.as_chunks::<3>().0;
    if usize::from(*count) > described.len() || !(1..=4).contains(count) {
        return Err(Fault::Broken("a JPEG with a wrong number of components"));
    }
    let described = &described[..usize::from(*count)];
    let sampling = |sampling: u8| (usize::from(sampling >> 4), usize::from(sampling & 15));
    if described.iter().any(|[_, factors, _]| !(1..=4).contains(&(factors >> 4)) || !(1..=4).contains(&(factors & 15)))
    {
        return Err(Fault::Broken("a JPEG with a wrong sampling of its components"));
    }
    let max = described.iter().map(|[_, factors, _]| sampling(*factors));
    let max = max.fold((1, 1), |(across, down), (h, v)| (across.max(h), down.max(v)));
    let (width, height) = (usize::from(width), usize::from(height));
    let units = Grid { columns: width.div_ceil(8 * max.0), rows: height.div_ceil(8 * max.1) };
    let is_progressive = marker == 0xc2;
    let components = described.iter().map(|[id, factors, _]| {
        let (across, down) = sampling(*factors);
        let own_blocks =
            Grid { columns: (width * across).div_ceil(8 * max.0), rows: (height * down).div_ceil(8 * max.1) };
        let columns = units.columns * across;
        let blocks = if is_progressive { columns * units.rows * down } else { 0 };
        Component { id: *id, across, down, own_blocks, columns, nonzero: vec![0; blocks], known: [None; 64] }
    });
    Ok(Frame { is_progressive, units, components: components.collect() })
}

pub(super) fn read_tables(mut segment: &[u8], tables: &mut DecodingTables) -> Result<(), Fault> {
    let broken = || Fault::Broken("a JPEG with a broken table of codes");
    while let Some((&[which], rest)) = segment.split_first_chunk() {
        let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(broken)?;
        let symbols: usize = counts.iter().map(|count| usize::from(*count)).sum();
        let (symbols, rest) = rest.split_at_checked(symbols).ok_or_else(broken)?;
        let table = Huffman::new(counts, symbols).ok_or_else(broken)?;
        let kind = if which >> 4 == 0 { &mut tables.dc } else { &mut tables.ac };
        *kind.get_mut(usize::from(which & 15)).ok_or_else(broken)? = Some(table);
        segment = rest;
    }
    Ok(())
}
