//! The bits of a JPEG's entropy-coded data, and its Huffman codes.

/// Codes up to this length are looked up at once.
const LOOKUP_BITS: u32 = 9;

/// Why a scan cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BitsFault {
    /// The data end, or a marker comes, before everything is there.
    Missing,
    /// Bits that are no code, or a coefficient that does not exist.
    NoCode,
}

/// Reads bits from the first byte behind a scan's header up to the next marker.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position, buffer: 0, count: 0 }
    }

    /// Takes bytes until the buffer is full or a marker or the end is reached.
    fn fill(&mut self) {
        while self.count <= 56 {
            let Some(&byte) = self.bytes.get(self.position) else { return };
            if byte == 0xff {
                match self.bytes.get(self.position + 1) {
                    Some(0) => self.position += 1,
                    // A fill byte before a marker.
                    Some(0xff) => {
                        self.position += 1;
                        continue;
                    }
                    _ => return,
                }
            }
            self.position += 1;
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// The next bits, as a number.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, BitsFault> {
        if count == 0 {
            return Ok(0);
        }
        if self.count < count {
            self.fill();
            if self.count < count {
                return Err(BitsFault::Missing);
            }
        }
        self.count -= count;
        Ok((self.buffer >> self.count) as u32 & ((1 << count) - 1))
    }

    /// The next symbol of a table.
    pub(super) fn symbol(&mut self, table: &Huffman) -> Result<u8, BitsFault> {
        if self.count < 16 {
            self.fill();
        }
        // What is missing counts as zeros; whether a code needs them shows by its length.
        let ahead = if self.count >= 16 {
            (self.buffer >> (self.count - 16)) as u32 & 0xffff
        } else {
            ((self.buffer << (16 - self.count)) as u32) & 0xffff
        };
        let (length, symbol) =
            table.find(ahead).ok_or(if self.count < 16 { BitsFault::Missing } else { BitsFault::NoCode })?;
        if length > self.count {
            return Err(BitsFault::Missing);
        }
        self.count -= length;
        Ok(symbol)
    }

    /// Goes on behind the restart marker that must follow, with that number (0 to 7).
    pub(super) fn restart(&mut self, number: u8) -> Result<(), BitsFault> {
        self.end();
        let marker = self.bytes.get(self.position + 1).copied();
        if marker != Some(0xd0 + number) {
            return Err(BitsFault::Missing);
        }
        self.position += 2;
        Ok(())
    }

    /// End of the bytes that were needed.
    pub(super) fn used(&self) -> usize {
        // Stuffed zeros are not in the buffer, so this may be a few bytes too many.
        self.position - (self.count / 8) as usize
    }

    /// Drops the rest of the data; where the next marker or the end is.
    pub(super) fn end(&mut self) -> usize {
        (self.buffer, self.count) = (0, 0);
        loop {
            match self.bytes.get(self.position..) {
                Some([0xff, 0 | 0xff, ..]) => self.position += 1,
                None | Some([] | [0xff] | [0xff, ..]) => return self.position,
                Some(_) => self.position += 1,
            }
        }
    }
}

/// A Huffman table (DHT segment).
#[derive(Debug, Clone)]
pub(super) struct Huffman {
    /// Length and symbol by the first bits; length 0 where the code is longer.
    lookup: Vec<(u8, u8)>,
    /// By length: one more than the largest code, shifted left to 16 bits; and what is added to a code for its index
    /// in `symbols`.
    limits: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// From the counts of codes of each length and their symbols; nothing where there are more codes than bits allow.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut lookup = vec![(0, 0); 1 << LOOKUP_BITS];
        let mut limits = [(0, 0); 17];
        let (mut code, mut symbol_index) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(counts) {
            let first = code;
            for &symbol in symbols.get(symbol_index..symbol_index + usize::from(count))? {
                if length <= LOOKUP_BITS {
                    let start = (code << (LOOKUP_BITS - length)) as usize;
                    lookup.get_mut(start..start + (1 << (LOOKUP_BITS - length)))?.fill((length as u8, symbol));
                }
                code += 1;
            }
            if code > 1 << length {
                return None;
            }
            limits[length as usize] = (code << (16 - length), symbol_index as i32 - first as i32);
            symbol_index += usize::from(count);
            code <<= 1;
        }
        Some(Self { lookup, limits, symbols: symbols.to_vec() })
    }

    /// The length and the symbol of the code that 16 bits begin with.
    fn find(&self, ahead: u32) -> Option<(u32, u8)> {
        let (length, symbol) = self.lookup[(ahead >> (16 - LOOKUP_BITS)) as usize];
        if length > 0 {
            return Some((u32::from(length), symbol));
        }
        let length = (LOOKUP_BITS + 1..=16).find(|length| ahead < self.limits[*length as usize].0)?;
        let symbol_index = (ahead >> (16 - length)) as i32 + self.limits[length as usize].1;
        Some((length, *self.symbols.get(usize::try_from(symbol_index).ok()?)?))
    }
}
