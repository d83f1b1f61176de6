//! Arrays as numpy's files.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use ndarray::{ArrayView, Dimension};

/// numpy's file format, version 1.0: a magic, the length of a header, the header, the values in C order.
pub fn save<T: Copy, D: Dimension>(
    path: &Path,
    kind: &str,
    values: &ArrayView<'_, T, D>,
    write: impl Fn(T, &mut Vec<u8>),
) -> Result<()> {
    let sides: Vec<String> = values.shape().iter().map(usize::to_string).collect();
    let shape = sides.join(",") + ",";
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(b"\x93NUMPY\x01\x00")?;
    file.write_all(&(header.len() as u16).to_le_bytes())?;
    file.write_all(header.as_bytes())?;
    let mut bytes = Vec::new();
    for &value in values {
        write(value, &mut bytes);
        if bytes.len() > 1 << 16 {
            file.write_all(&bytes)?;
            bytes.clear();
        }
    }
    file.write_all(&bytes)?;
    file.flush()
}
