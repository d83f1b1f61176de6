//! One scan of a JPEG, followed bit by bit to its end without computing the picture.

use super::{
    bits::{Bits, BitsFault, Huffman},
    frame::{Component, DecodingTables, Frame},
};

/// A scan's header.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    pub(super) components: Vec<ScanComponent>,
    pub(super) band: Band,
    /// True when it adds a bit to coefficients of an earlier scan (successive approximation).
    pub(super) is_refining: bool,
    /// The lowest bit that it codes.
    pub(super) low_bit: u8,
}

/// A component in a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanComponent {
    /// Its index among the frame's components.
    pub(super) component_index: usize,
    pub(super) tables: TableNumbers,
}

/// The numbers of a component's tables, for its first coefficient and for the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableNumbers {
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// The coefficients that a scan codes (spectral selection).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Band {
    pub(super) first: u32,
    pub(super) last: u32,
}

/// The position of an MCU (of a block, where the scan has one component).
#[derive(Debug, Clone, Copy)]
struct UnitPlace {
    row: usize,
    column: usize,
}

/// Why a scan's data cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanFault {
    Bits(BitsFault),
    /// A Huffman table that the file does not define: some decoders have a default one.
    NoTable,
}

impl From<BitsFault> for ScanFault {
    fn from(fault: BitsFault) -> Self {
        Self::Bits(fault)
    }
}

impl Frame {
    /// Records which bits a scan has coded.
    pub(super) fn learn(&mut self, scan: &Scan) {
        for component in &scan.components {
            let known = &mut self.components[component.component_index].known;
            known[scan.band.first as usize..=scan.band.last as usize].fill(Some(scan.low_bit));
        }
    }
}

/// Follows a scan whose data begin where `bits` stands.
pub(super) fn follow(
    scan: &Scan,
    frame: &mut Frame,
    tables: &DecodingTables,
    bits: &mut Bits<'_>,
) -> Result<(), ScanFault> {
    let mut walk = ScanWalk { scan, tables, bits, is_progressive: frame.is_progressive, end_of_band_run: 0 };
    let grid = match scan.components.as_slice() {
        [only] => frame.components[only.component_index].own_blocks,
        _ => frame.units,
    };
    for unit in 0..grid.columns * grid.rows {
        if tables.restart_interval > 0 && unit > 0 && unit % tables.restart_interval == 0 {
            walk.bits.restart(((unit / tables.restart_interval - 1) % 8) as u8)?;
            walk.end_of_band_run = 0;
        }
        walk.unit(frame, UnitPlace { row: unit / grid.columns, column: unit % grid.columns })?;
    }
    Ok(())
}

struct ScanWalk<'a, 'b> {
    scan: &'a Scan,
    tables: &'a DecodingTables,
    bits: &'a mut Bits<'b>,
    is_progressive: bool,
    /// Blocks that follow without a coefficient of the band.
    end_of_band_run: u32,
}

impl ScanWalk<'_, '_> {
    /// The blocks that are coded together: one of a single component, else some of each.
    fn unit(&mut self, frame: &mut Frame, UnitPlace { row, column }: UnitPlace) -> Result<(), ScanFault> {
        let scan = self.scan;
        if let [ScanComponent { component_index, tables }] = scan.components.as_slice() {
            let component = &mut frame.components[*component_index];
            let block = row * component.columns + column;
            return self.block(component, block, *tables);
        }
        for ScanComponent { component_index, tables } in &scan.components {
            let component = &mut frame.components[*component_index];
            for block in 0..component.across * component.down {
                let row = row * component.down + block / component.across;
                let column = column * component.across + block % component.across;
                self.block(component, row * component.columns + column, *tables)?;
            }
        }
        Ok(())
    }

    fn block(&mut self, component: &mut Component, index: usize, numbers: TableNumbers) -> Result<(), ScanFault> {
        let tables = self.tables;
        if self.scan.band.first == 0 {
            if self.scan.is_refining {
                self.bits.take(1)?;
            } else {
                let size = self.bits.symbol(table(&tables.dc, numbers.dc)?)?;
                self.bits.take(u32::from(size.min(16)))?;
            }
            return if self.is_progressive { Ok(()) } else { self.sequential(table(&tables.ac, numbers.ac)?) };
        }
        let table = table(&tables.ac, numbers.ac)?;
        let mut unknown = 0;
        let nonzero = component.nonzero.get_mut(index).unwrap_or(&mut unknown);
        if self.scan.is_refining { self.refining(table, nonzero) } else { self.first(table, nonzero) }
    }

    /// The coefficients behind the first one, in one go.
    fn sequential(&mut self, table: &Huffman) -> Result<(), ScanFault> {
        let mut next = 1;
        while next < 64 {
            let (run, size) = run_and_size(self.bits.symbol(table)?);
            match (run, size) {
                (15, 0) => next += 16,
                (_, 0) => break,
                _ => {
                    next += run + 1;
                    self.bits.take(size)?;
                }
            }
        }
        if next > 64 { Err(BitsFault::NoCode.into()) } else { Ok(()) }
    }

    /// A band of coefficients for the first time.
    fn first(&mut self, table: &Huffman, nonzero: &mut u64) -> Result<(), ScanFault> {
        if self.end_of_band_run > 0 {
            self.end_of_band_run -= 1;
            return Ok(());
        }
        let Band { first: mut next, last } = self.scan.band;
        while next <= last {
            let (run, size) = run_and_size(self.bits.symbol(table)?);
            match (run, size) {
                (15, 0) => next += 16,
                (_, 0) => {
                    self.end_of_band_run = (1 << run) - 1 + self.bits.take(run)?;
                    break;
                }
                _ => {
                    next += run;
                    if next > 63 {
                        return Err(BitsFault::NoCode.into());
                    }
                    self.bits.take(size)?;
                    *nonzero |= 1 << next;
                    next += 1;
                }
            }
        }
        Ok(())
    }

    /// One more bit of a band: each coefficient that is not zero has one here, new ones come between them.
    fn refining(&mut self, table: &Huffman, nonzero: &mut u64) -> Result<(), ScanFault> {
        let Band { first: mut next, last } = self.scan.band;
        let before = *nonzero;
        while self.end_of_band_run == 0 && next <= last {
            let (mut run, size) = run_and_size(self.bits.symbol(table)?);
            if size == 0 && run < 15 {
                self.end_of_band_run = (1 << run) + self.bits.take(run)?;
                break;
            }
            if size > 0 {
                self.bits.take(1)?;
            }
            while next <= last {
                if before >> next & 1 == 1 {
                    self.bits.take(1)?;
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                next += 1;
            }
            if size > 0 && next <= last {
                *nonzero |= 1 << next;
            }
            next += 1;
        }
        if self.end_of_band_run > 0 {
            let rest = (next..=last).filter(|bit| before >> bit & 1 == 1).count();
            for _ in 0..rest {
                self.bits.take(1)?;
            }
            self.end_of_band_run -= 1;
        }
        Ok(())
    }
}

fn run_and_size(symbol: u8) -> (u32, u32) {
    (u32::from(symbol >> 4), u32::from(symbol & 15))
}

fn table(tables: &[Option<Huffman>; 4], number: usize) -> Result<&Huffman, ScanFault> {
    tables.get(number).and_then(Option::as_ref).ok_or(ScanFault::NoTable)
}
