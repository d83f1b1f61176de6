//! A check that a JPEG's picture is complete.
//!
//! Decoders fill what is missing with grey and say nothing, and where the end marker stands says little: pictures
//! without one are whole, and pictures that were cut can carry one. So the coded data are followed to the last block,
//! without computing the picture.

mod bits;
mod scan;

use bits::{Bits, BitsFault, Huffman};
use scan::{Scan, ScanFault, follow};

/// So many zeros at the end of a file without an end marker were never written: the file system has set them in place
/// of what is missing.
const UNWRITTEN_ZEROS: usize = 16;

/// A picture that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole {
    /// End of its data.
    pub(super) end: usize,
    pub(super) has_end_marker: bool,
}

/// Why a JPEG is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
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

#[derive(Debug, Default)]
struct Frame {
    is_progressive: bool,
    /// Columns and rows of what is coded together in a scan of several components.
    units: (usize, usize),
    components: Vec<Component>,
}

#[derive(Debug)]
struct Component {
    id: u8,
    /// Blocks of it in one unit.
    across: usize,
    down: usize,
    /// Columns and rows of blocks in a scan of this component alone.
    own_blocks: (usize, usize),
    /// Blocks in a row, those that fill up the last unit among them.
    columns: usize,
    /// Of each block which coefficients are not zero so far, where scans refine each other.
    nonzero: Vec<u64>,
    /// The lowest bit that is known, by coefficient.
    known: [Option<u8>; 64],
}

#[derive(Debug, Default)]
struct DecodingTables {
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    restart_interval: usize,
}

/// Follows a JPEG to its end. `accepts` decides on width and height before anything is allocated.
pub(super) fn inspect(bytes: &[u8], accepts: &dyn Fn(u32, u32) -> bool) -> Result<Whole, Fault> {
    let mut frame: Option<Frame> = None;
    let mut tables = DecodingTables::default();
    let mut position = 2;
    let mut end = 0;
    loop {
        let Some((marker, start)) = next_marker(bytes, position) else {
            return finish(frame.as_ref(), bytes, end);
        };
        if marker == 0xd9 {
            // The markers of a small picture in the header lie inside of a segment and are not seen here.
            let is_there = |component: &Component| component.known[0].is_some();
            return match &frame {
                Some(frame) if frame.components.iter().all(is_there) => Ok(Whole { end: start, has_end_marker: true }),
                _ => Err(Fault::Cut),
            };
        }
        if matches!(marker, 0x01 | 0xd0..=0xd8) {
            position = start;
            continue;
        }
        let Some(segment) = segment(bytes, start) else {
            return finish(frame.as_ref(), bytes, end);
        };
        position = start + 2 + segment.len();
        match marker {
            0xc0..=0xc2 if frame.is_none() => frame = Some(read_frame(marker, segment, accepts)?),
            0xc3 | 0xc5..=0xc7 | 0xcd..=0xcf => return Err(Fault::Unsupported("lossless or hierarchical JPEG")),
            0xc9..=0xcb => return Err(Fault::Unsupported("arithmetic-coded JPEG")),
            0xc4 => read_tables(segment, &mut tables)?,
            0xdd => tables.restart_interval = segment.first_chunk().map_or(0, |n| usize::from(u16::from_be_bytes(*n))),
            0xda => {
                let frame = frame.as_mut().ok_or(Fault::Broken("a JPEG whose picture begins without its size"))?;
                let scan = read_scan(segment, frame)?;
                let mut bits = Bits::new(bytes, position);
                if !follow_data(&scan, (frame, &tables), &mut bits)? {
                    return Ok(Whole { end: bytes.len(), has_end_marker: true });
                }
                end = bits.used().min(bytes.len());
                position = bits.end();
                frame.learn(&scan);
            }
            _ => {}
        }
    }
}

/// Follows a scan's data; false where a table is missing that decoders know by heart: then the decoder judges.
fn follow_data(scan: &Scan, of: (&mut Frame, &DecodingTables), bits: &mut Bits<'_>) -> Result<bool, Fault> {
    match follow(scan, of, bits) {
        Ok(()) => Ok(true),
        Err(ScanFault::NoTable) => Ok(false),
        Err(ScanFault::Bits(BitsFault::Missing)) => Err(Fault::Cut),
        Err(ScanFault::Bits(BitsFault::NoCode)) => Err(Fault::Broken("the JPEG is damaged: its data are no codes")),
    }
}

/// A file that ends without an end marker: every bit of every coefficient must be there.
fn finish(frame: Option<&Frame>, bytes: &[u8], end: usize) -> Result<Whole, Fault> {
    let is_known = |component: &Component| component.known.iter().all(|low| *low == Some(0));
    let is_whole = frame.is_some_and(|frame| frame.components.iter().all(is_known));
    let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    let mut written = bytes.len() - zeros;
    // A zero behind 0xff belongs to it.
    written += usize::from(bytes[..written].last() == Some(&0xff));
    let takes_unwritten = zeros >= UNWRITTEN_ZEROS && end > written;
    if is_whole && !takes_unwritten { Ok(Whole { end, has_end_marker: false }) } else { Err(Fault::Cut) }
}

/// The next marker from a place on, and where it ends. Bytes between segments are passed over, as decoders do.
fn next_marker(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    let mut position = from;
    loop {
        match bytes.get(position..)? {
            [0xff, 0xff, ..] => position += 1,
            [0xff, marker, ..] if *marker != 0 => return Some((*marker, position + 2)),
            [_, _, ..] => position += 1,
            _ => return None,
        }
    }
}

fn segment(bytes: &[u8], start: usize) -> Option<&[u8]> {
    let length = u16::from_be_bytes(bytes.get(start..start + 2)?.try_into().ok()?);
    bytes.get(start + 2..start + usize::from(length.max(2)))
}

fn read_frame(marker: u8, segment: &[u8], accepts: &dyn Fn(u32, u32) -> bool) -> Result<Frame, Fault> {
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
    let most = described.iter().map(|[_, factors, _]| sampling(*factors));
    let most = most.fold((1, 1), |(across, down), (h, v)| (across.max(h), down.max(v)));
    let (width, height) = (usize::from(width), usize::from(height));
    let units = (width.div_ceil(8 * most.0), height.div_ceil(8 * most.1));
    let is_progressive = marker == 0xc2;
    let components = described.iter().map(|[id, factors, _]| {
        let (across, down) = sampling(*factors);
        let own_blocks = ((width * across).div_ceil(8 * most.0), (height * down).div_ceil(8 * most.1));
        let columns = units.0 * across;
        let blocks = if is_progressive { columns * units.1 * down } else { 0 };
        Component { id: *id, across, down, own_blocks, columns, nonzero: vec![0; blocks], known: [None; 64] }
    });
    Ok(Frame { is_progressive, units, components: components.collect() })
}

fn read_tables(mut segment: &[u8], tables: &mut DecodingTables) -> Result<(), Fault> {
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

fn read_scan(segment: &[u8], frame: &Frame) -> Result<Scan, Fault> {
    let broken = || Fault::Broken("a JPEG with a broken header of a scan");
    let (&[count], rest) = segment.split_first_chunk().ok_or_else(broken)?;
    let (named, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(broken)?;
    let [first, last, bits, ..] = rest else { return Err(broken()) };
    let mut components = Vec::new();
    for [id, used] in named.as_chunks::<2>().0 {
        let place = frame.components.iter().position(|component| component.id == *id).ok_or_else(broken)?;
        components.push((place, usize::from(used >> 4), usize::from(used & 15)));
    }
    let band = if frame.is_progressive { (u32::from(*first), u32::from(*last)) } else { (0, 63) };
    let is_possible = if frame.is_progressive {
        (band == (0, 0) && !components.is_empty()) || (1 <= band.0 && band.0 <= band.1 && components.len() == 1)
    } else {
        !components.is_empty()
    };
    if !is_possible || band.1 > 63 {
        return Err(broken());
    }
    let (high, low) = if frame.is_progressive { (bits >> 4, bits & 15) } else { (0, 0) };
    Ok(Scan { components, band, is_refining: high > 0, low_bit: low })
}

impl Frame {
    /// Notes what a scan has brought.
    fn learn(&mut self, scan: &Scan) {
        for (component, ..) in &scan.components {
            let known = &mut self.components[*component].known;
            known[scan.band.0 as usize..=scan.band.1 as usize].fill(Some(scan.low_bit));
        }
    }
}
