//! Pixels to PNG bytes.

use png::{BitDepth, ColorType, Compression, Encoder};

use crate::{Error, Palette};

/// Pixels that wait for encoding, row by row.
pub(crate) enum Pixels {
    /// One byte a pixel: 0 is transparent, the rest are levels plus one.
    Indexed {
        /// The colours.
        palette: Palette,
        /// One byte a pixel.
        bytes: Vec<u8>,
    },
    /// Four bytes a pixel.
    Rgba(Vec<u8>),
}

impl Pixels {
    /// A picture that is transparent everywhere.
    pub(crate) fn transparent(palette: Palette, width: usize, height: usize) -> Self {
        if palette == Palette::Rgb {
            Self::Rgba(vec![0; width * height * 4])
        } else {
            Self::Indexed { palette, bytes: vec![0; width * height] }
        }
    }

    /// The finished file.
    pub(crate) fn encode(&self, width: usize, height: usize) -> Result<Vec<u8>, Error> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, width as u32, height as u32);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::Fast);
        let bytes = match self {
            Self::Indexed { palette, bytes } => {
                encoder.set_color(ColorType::Indexed);
                encoder.set_palette(palette.table());
                encoder.set_trns(vec![0]);
                // Neighbouring indices are not neighbouring numbers of a photograph: no prediction.
                encoder.set_filter(png::Filter::NoFilter);
                bytes
            }
            Self::Rgba(bytes) => {
                encoder.set_color(ColorType::Rgba);
                bytes
            }
        };
        let mut writer = encoder.write_header()?;
        writer.write_image_data(bytes)?;
        writer.finish()?;
        Ok(file)
    }
}
