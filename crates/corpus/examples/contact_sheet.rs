//! Draws images of a corpus into one PNG, to look at: a row of 24 for each class (or each sub-class).
//!
//! `cargo run --release -p deepviz-corpus --example contact_sheet -- CORPUS OUT.png [pixels per pixel]`

use std::{env, error::Error, path::Path, time::Instant};

use deepviz_corpus::{Corpus, ImageId};

const COLUMNS: usize = 24;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [corpus, out, rest @ ..] = arguments.as_slice() else {
        return Err("expected CORPUS OUT.png [pixels per pixel]".into());
    };
    let scale: usize = rest.first().map_or(Ok(2), |text| text.parse())?;
    let start = Instant::now();
    let corpus = Corpus::open(Path::new(corpus))?;
    let shape = corpus.common_shape().ok_or("the images have different sizes")?;
    let count = corpus.len();
    println!("{count} images of {shape} in {:.2} s, {}", start.elapsed().as_secs_f64(), corpus.identity());

    let group = |id: ImageId| match corpus.notes() {
        Some(notes) => usize::from(notes.image_subclasses[id.index()]),
        None => corpus.labels()[id.index()].index(),
    };
    let ids = || (0..count as u32).map(ImageId);
    let rows = ids().map(group).max().unwrap_or_default() + 1;
    let (tile_height, tile_width) = ((shape.height + 1) * scale, (shape.width + 1) * scale);
    let mut sheet = image::RgbImage::new((COLUMNS * tile_width) as u32, (rows * tile_height) as u32);
    for row in 0..rows {
        for (column, id) in ids().filter(|&id| group(id) == row).take(COLUMNS).enumerate() {
            let Some(pixels) = corpus.pixels(id) else { continue };
            for y in 0..shape.height * scale {
                for x in 0..shape.width * scale {
                    let value = |channel: usize| pixels[[channel.min(shape.channels - 1), y / scale, x / scale]];
                    let at = ((column * tile_width + x) as u32, (row * tile_height + y) as u32);
                    sheet.put_pixel(at.0, at.1, image::Rgb([value(0), value(1), value(2)]));
                }
            }
        }
    }
    sheet.save(out)?;
    Ok(())
}
