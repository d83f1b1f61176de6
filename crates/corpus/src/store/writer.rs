//! Writing decoded images, whose number, channels and common size are known only at the end.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
};

/// One image as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelRecord {
    /// Channels that it was written with.
    pub(crate) channels: u8,
    /// Height and width.
    pub(crate) size: [u32; 2],
}

impl PixelRecord {
    /// Pixels.
    pub(crate) fn plane(self) -> usize {
        self.size[0] as usize * self.size[1] as usize
    }

    /// Bytes that it was written with.
    pub(crate) fn len(self) -> usize {
        usize::from(self.channels) * self.plane()
    }
}

/// Images that are being written, one after the other.
#[derive(Debug)]
pub(crate) enum PixelWriter {
    File(BufWriter<File>),
    Memory(Vec<u8>),
}

impl PixelWriter {
    pub(crate) fn to_file(file: File) -> Self {
        Self::File(BufWriter::with_capacity(1 << 20, file))
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all(bytes),
            Self::Memory(memory) => {
                memory.try_reserve(bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
                memory.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Reads everything from the first byte on, image by image, into `write`: those that the selection keeps, with as
    /// many channels as it wants. Grey becomes colour by repetition.
    fn replay(
        self,
        records: &[PixelRecord],
        selection: &Selection<'_>,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut reader: Box<dyn Read> = match self {
            Self::Memory(memory) => Box::new(io::Cursor::new(memory)),
            Self::File(file) => {
                let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.seek(SeekFrom::Start(0))?;
                Box::new(io::BufReader::with_capacity(1 << 20, file))
            }
        };
        let mut image = Vec::new();
        for (record, keep) in records.iter().zip(selection.keep) {
            image.resize(record.len(), 0);
            reader.read_exact(&mut image)?;
            if !keep {
                continue;
            }
            write(&image)?;
            for _ in usize::from(record.channels)..selection.channels {
                write(&image[..record.plane()])?;
            }
        }
        Ok(())
    }

    /// The images that are kept, appended to another writer.
    pub(crate) fn append_to(
        self,
        other: &mut Self,
        records: &[PixelRecord],
        selection: &Selection<'_>,
    ) -> io::Result<()> {
        self.replay(records, selection, |bytes| other.append(bytes))
    }

    /// Ends writing a file and makes sure that it is on disk; the memory otherwise.
    pub(crate) fn finish(self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::File(file) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.sync_all()?;
                Ok(None)
            }
            Self::Memory(mut memory) => {
                memory.shrink_to_fit();
                Ok(Some(memory))
            }
        }
    }
}

/// The images of a writer to keep, and their number of channels.
pub(crate) struct Selection<'a> {
    pub(crate) keep: &'a [bool],
    pub(crate) channels: usize,
}
