//! A check that a JPEG's picture is complete.
//!
//! Decoders fill what is missing with grey and say nothing, and where the end marker stands says little: pictures
//! without one are whole, and pictures that were cut can carry one. So the coded data are followed to the last block,
//! without computing the picture.

mod bits;
mod frame;
mod scan;

use bits::{Bits, BitsFault};
pub(super) use frame::Fault;
use frame::{Component, DecodingTables, Frame, read_frame, read_tables};
use scan::{Band, Scan, ScanComponent, ScanFault, TableNumbers, follow};

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
            // The markers of a thumbnail in the header lie inside of a segment and are not seen here.
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
                if !follow_data(&scan, frame, &tables, &mut bits)? {
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

/// Follows a scan's data; false where a Huffman table is missing that some decoders have
/// built in: then the decoder judges.
fn follow_data(scan: &Scan, frame: &mut Frame, tables: &DecodingTables, bits: &mut Bits<'_>) -> Result<bool, Fault> {
    match follow(scan, frame, tables, bits) {
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
    // A zero behind 0xff belongs to it (byte stuffing).
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

fn read_scan(segment: &[u8], frame: &Frame) -> Result<Scan, Fault> {
    let broken = || Fault::Broken("a JPEG with a broken header of a scan");
    let (&[count], rest) = segment.split_first_chunk().ok_or_else(broken)?;
    let (named, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(broken)?;
    let [first, last, bits, ..] = rest else { return Err(broken()) };
    let mut components = Vec::new();
    for [id, used] in named.as_chunks::<2>().0 {
        let component_index = frame.components.iter().position(|component| component.id == *id).ok_or_else(broken)?;
        let tables = TableNumbers { dc: usize::from(used >> 4), ac: usize::from(used & 15) };
        components.push(ScanComponent { component_index, tables });
    }
    let whole = Band { first: 0, last: 63 };
    let band = if frame.is_progressive { Band { first: (*first).into(), last: (*last).into() } } else { whole };
    let is_possible = if frame.is_progressive {
        (band == Band { first: 0, last: 0 } && !components.is_empty())
            || (1 <= band.first && band.first <= band.last && components.len() == 1)
    } else {
        !components.is_empty()
    };
    if !is_possible || band.last > 63 {
        return Err(broken());
    }
    let (high, low) = if frame.is_progressive { (bits >> 4, bits & 15) } else { (0, 0) };
    Ok(Scan { components, band, is_refining: high > 0, low_bit: low })
}
