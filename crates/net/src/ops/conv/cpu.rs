//! Convolution on the CPU: direct, as products over shifted rows.

use super::ConvGeometry;
use crate::cpu::buffer::Buffer;
use crate::cpu::lanes::{LANES, vectorised};
use crate::cpu::layout::{Layout, Maps, Rim};
use crate::cpu::product::{BLOCK, Operands, Product, Row, Run, Start, Walk};
use crate::cpu::window::{Taps, Windows};
use crate::device::VectorLevel;
use crate::shape::Shape;

/// Output pixels over which weight gradients are summed at a time: what of input and gradient
/// that needs stays in the first-level cache.
const STRIP_PIXELS: usize = 64;

/// A convolution's forward pass over one chunk of images.
#[derive(Debug)]
pub(crate) struct ConvForward {
    windows: Windows,
    taps: Taps,
    product: Product,
    shared_bias: bool,
    output: Layout,
}

/// A convolution's filters, packed for [`ConvForward`].
#[derive(Debug, Default, Clone)]
pub(crate) struct ConvWeights {
    pub filters: Buffer,
    pub bias: Buffer,
}

impl ConvGeometry {
    pub(crate) fn windows(&self, output: Shape) -> Windows {
        Windows {
            input: self.input,
            output,
            height: self.size,
            width: self.size,
            stride: self.stride,
            padding: self.padding,
            groups: self.groups,
        }
    }
}

/// Floats of a vector that belong to one group: all where there is only one group, since then the
/// spare channels are written too (with zeros).
pub(crate) fn tail(channels: usize, groups: usize) -> usize {
    match channels % LANES {
        rest if rest > 0 && groups > 1 => rest,
        _ => LANES,
    }
}

impl ConvForward {
    pub fn new(geometry: &ConvGeometry, input: Layout, output: Layout, images: usize) -> Self {
        let windows = geometry.windows(output.shape);
        let taps = windows.taps(&input);
        let mut rows = Vec::new();
        for image in 0..images {
            for y in 0..output.shape.height {
                for x in 0..output.shape.width {
                    let (iy, ix) = windows.origin(y, x);
                    rows.push(Row { a: input.offset(image, iy, ix) as u32, c: output.pixel(image, y, x).start as u32 });
                }
            }
        }
        let runs = taps.stretches().into_iter().map(|(offset, tap)| Run { a: offset as u32, b: (tap * BLOCK) as u32 });
        let product = Product::new(Walk {
            rows,
            runs: runs.collect(),
            length: taps.stretch(),
            a_stride: 1,
            b_stride: BLOCK,
            vectors: windows.filters().div_ceil(LANES),
            b_block: taps.packed_block(),
            c_block: BLOCK,
            tail: tail(windows.filters(), windows.groups),
        });
        Self { windows, taps, product, shared_bias: geometry.shared_bias, output }
    }

    /// Packs weights `[k,c,r,s]` and biases `[k]` or `[k,oh,ow]`.
    pub fn pack(&self, weights: &[f32], bias: &[f32], packed: &mut ConvWeights) {
        let groups = self.windows.groups;
        let length = self.taps.packed_len();
        packed.filters.grow(groups * length);
        let per_group = self.windows.filters() * self.windows.weights();
        for group in 0..groups {
            self.taps.pack(&weights[group * per_group..][..per_group], &mut packed.filters[group * length..][..length]);
        }
        if self.shared_bias {
            packed.bias.grow(self.output.stride + BLOCK);
            packed.bias[..bias.len()].copy_from_slice(bias);
        } else {
            let area = self.output.shape.height * self.output.shape.width;
            packed.bias.grow(area * self.output.stride);
            for (filter, map) in bias.chunks_exact(area).enumerate() {
                for (place, &value) in map.iter().enumerate() {
                    packed.bias[place * self.output.stride + filter] = value;
                }
            }
        }
    }

    /// Convolves the first `images` images.
    pub fn apply(&self, level: VectorLevel, images: usize, weights: &ConvWeights, values: (&[f32], &mut [f32])) {
        let (input, output) = values;
        if !self.shared_bias {
            let width = self.output.shape.width * self.output.stride;
            for image in 0..images {
                for (y, row) in weights.bias.chunks_exact(width).enumerate() {
                    output[self.output.pixels(image, y)].copy_from_slice(row);
                }
            }
        }
        let (channels, filters) = (self.windows.channels(), self.windows.filters());
        let length = self.taps.packed_len();
        let area = self.output.shape.height * self.output.shape.width;
        for group in 0..self.windows.groups {
            let start = if self.shared_bias { Start::Bias(&weights.bias[group * filters..]) } else { Start::Add };
            self.product.apply(
                level,
                Operands {
                    a: &input[group * channels..],
                    b: &weights.filters[group * length..],
                    c: &mut output[group * filters..],
                    start,
                    rows: 0..images * area,
                    runs: 0..self.product.counts().1,
                },
            );
        }
    }
}

/// The zeros around its output's gradient that [`ConvInputGradient`] reads.
pub(crate) fn gradient_rim(geometry: &ConvGeometry, output: Shape) -> Rim {
    let side = |length: usize, outputs: usize| {
        let mut rim = (0, 0);
        for position in 0..length {
            let phase = Phase::of(geometry, position);
            let first = phase.first(geometry, position);
            let last = first + phase.taps as isize - 1;
            rim.0 = rim.0.max((-first).max(0) as usize);
            rim.1 = rim.1.max((last - outputs as isize + 1).max(0) as usize);
        }
        rim
    };
    let (top, bottom) = side(geometry.input.height, output.height);
    let (left, right) = side(geometry.input.width, output.width);
    Rim { top, left, bottom, right }
}

/// Input positions that see the same taps of the filters: with stride `t` there are `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Phase {
    /// First tap; the others follow at distances of the stride.
    offset: usize,
    taps: usize,
}

impl Phase {
    fn new(geometry: &ConvGeometry, offset: usize) -> Self {
        Self { offset, taps: geometry.size.saturating_sub(offset).div_ceil(geometry.stride) }
    }

    fn of(geometry: &ConvGeometry, position: usize) -> Self {
        Self::new(geometry, (position + geometry.padding) % geometry.stride)
    }

    /// First output (in ascending order) that saw the position; it did so with the last tap.
    fn first(self, geometry: &ConvGeometry, position: usize) -> isize {
        let last = (position + geometry.padding - self.offset) / geometry.stride;
        last as isize - self.taps as isize + 1
    }

    /// The filter's row (or column) that output `first + index` used.
    fn tap(self, geometry: &ConvGeometry, index: usize) -> usize {
        self.offset + (self.taps - 1 - index) * geometry.stride
    }
}

/// The gradient by the input: a convolution of the output's gradient with the filters turned
/// round, one for each phase of the stride.
#[derive(Debug)]
pub(crate) struct ConvInputGradient {
    geometry: ConvGeometry,
    windows: Windows,
    phases: Vec<PhaseProduct>,
    /// Filters' floats of a pixel of the gradient that a product runs over.
    depth: usize,
}

#[derive(Debug)]
struct PhaseProduct {
    y: Phase,
    x: Phase,
    product: Product,
    rows_per_image: usize,
    /// Where its filters lie in the packed ones, and floats of one group and one block.
    packed: usize,
    packed_group: usize,
    packed_block: usize,
}

impl ConvInputGradient {
    /// `output` is the layout of the output's gradient, `input` that of the input's.
    pub fn new(geometry: &ConvGeometry, input: Layout, output: Layout, images: usize) -> Self {
        let windows = geometry.windows(output.shape);
        let depth = if windows.groups == 1 { output.stride } else { windows.filters() };
        let mut this = Self { geometry: geometry.clone(), windows, phases: Vec::new(), depth };
        let mut packed = 0;
        for y in 0..geometry.stride {
            for x in 0..geometry.stride {
                let (y, x) = (Phase::new(geometry, y), Phase::new(geometry, x));
                let mut phase = this.phase((y, x), &input, &output, images);
                phase.packed = packed;
                packed += phase.packed_group * windows.groups;
                this.phases.push(phase);
            }
        }
        this
    }

    fn phase(&self, (y, x): (Phase, Phase), input: &Layout, output: &Layout, images: usize) -> PhaseProduct {
        let geometry = &self.geometry;
        let mut rows = Vec::new();
        for image in 0..images {
            for iy in (0..input.shape.height).filter(|&iy| Phase::of(geometry, iy) == y) {
                for ix in (0..input.shape.width).filter(|&ix| Phase::of(geometry, ix) == x) {
                    let (oy, ox) = (y.first(geometry, iy), x.first(geometry, ix));
                    rows.push(Row {
                        a: output.offset(image, oy, ox) as u32,
                        c: input.pixel(image, iy, ix).start as u32,
                    });
                }
            }
        }
        let whole_rows = self.windows.groups == 1;
        let columns = if whole_rows { 1 } else { x.taps };
        let mut runs = Vec::new();
        for ty in 0..y.taps {
            for tx in 0..columns {
                runs.push(Run {
                    a: (ty * output.row() + tx * output.stride) as u32,
                    b: ((ty * x.taps + tx) * self.depth * BLOCK) as u32,
                });
            }
        }
        let channels = self.windows.channels();
        let packed_block = y.taps * x.taps * self.depth * BLOCK;
        PhaseProduct {
            y,
            x,
            rows_per_image: rows.len() / images,
            product: Product::new(Walk {
                rows,
                runs,
                length: if whole_rows { x.taps * self.depth } else { self.depth },
                a_stride: 1,
                b_stride: BLOCK,
                vectors: channels.div_ceil(LANES),
                b_block: packed_block,
                c_block: BLOCK,
                tail: tail(channels, self.windows.groups),
            }),
            packed: 0,
            packed_group: channels.div_ceil(BLOCK) * packed_block,
            packed_block,
        }
    }

    /// Packs weights `[k,c,r,s]`, turned round.
    pub fn pack(&self, weights: &[f32], packed: &mut Buffer) {
        let size = self.geometry.size;
        let (channels, filters) = (self.windows.channels(), self.windows.filters());
        let last = self.phases.last();
        let length = last.map_or(0, |p| p.packed + p.packed_group * self.windows.groups);
        packed.grow(length);
        for phase in &self.phases {
            for (k, filter) in weights.chunks_exact(channels * size * size).enumerate() {
                let (group, k) = (k / filters, k % filters);
                let packed = &mut packed[phase.packed + group * phase.packed_group..];
                for ty in 0..phase.y.taps {
                    for tx in 0..phase.x.taps {
                        let r = phase.y.tap(&self.geometry, ty);
                        let s = phase.x.tap(&self.geometry, tx);
                        let at = ((ty * phase.x.taps + tx) * self.depth + k) * BLOCK;
                        for (c, plane) in filter.chunks_exact(size * size).enumerate() {
                            packed[c / BLOCK * phase.packed_block + at + c % BLOCK] = plane[r * size + s];
                        }
                    }
                }
            }
        }
    }

    /// Writes, or adds to, the input's gradient.
    pub fn apply(&self, level: VectorLevel, images: usize, packed: &[f32], gradients: (&[f32], &mut [f32], Start<'_>)) {
        let (output, input, start) = gradients;
        let (channels, filters) = (self.windows.channels(), self.windows.filters());
        for phase in &self.phases {
            for group in 0..self.windows.groups {
                phase.product.apply(
                    level,
                    Operands {
                        a: &output[group * filters..],
                        b: &packed[phase.packed + group * phase.packed_group..],
                        c: &mut input[group * channels..],
                        start,
                        rows: 0..images * phase.rows_per_image,
                        runs: 0..phase.product.counts().1,
                    },
                );
            }
        }
    }
}

/// The gradients by filters and biases, summed over a chunk's images.
#[derive(Debug)]
pub(crate) struct ConvWeightGradient {
    windows: Windows,
    taps: Taps,
    product: Product,
    strip: usize,
    shared_bias: bool,
    output: Layout,
}

impl ConvWeightGradient {
    /// `output` is the layout of the output's gradient, `input` that of the input's activation.
    pub fn new(geometry: &ConvGeometry, input: Layout, output: Layout, images: usize) -> Self {
        let windows = geometry.windows(output.shape);
        let taps = windows.taps(&input);
        let rows = taps.offsets().into_iter().map(|(offset, tap)| Row { a: offset as u32, c: (tap * BLOCK) as u32 });
        let mut runs = Vec::new();
        for image in 0..images {
            for y in 0..output.shape.height {
                let (iy, ix) = windows.origin(y, 0);
                runs.push(Run { a: input.offset(image, iy, ix) as u32, b: output.pixel(image, y, 0).start as u32 });
            }
        }
        let product = Product::new(Walk {
            rows: rows.collect(),
            runs,
            length: output.shape.width,
            a_stride: geometry.stride * input.stride,
            b_stride: output.stride,
            vectors: windows.filters().div_ceil(LANES),
            b_block: BLOCK,
            c_block: taps.packed_block(),
            tail: LANES,
        });
        Self {
            windows,
            taps,
            product,
            strip: (STRIP_PIXELS / output.shape.width).max(1),
            shared_bias: geometry.shared_bias,
            output,
        }
    }

    /// Floats of the packed sums: filters of every group, then the biases.
    pub fn len(&self) -> usize {
        self.filters_len() + self.bias_len()
    }

    fn filters_len(&self) -> usize {
        self.windows.groups * self.taps.packed_len()
    }

    fn bias_len(&self) -> usize {
        let Shape { height, width, .. } = self.output.shape;
        self.output.stride * if self.shared_bias { 1 } else { height * width }
    }

    /// Adds to the packed sums.
    pub fn apply(&self, level: VectorLevel, images: usize, values: (&[f32], &[f32]), sums: &mut [f32]) {
        let (input, gradient) = values;
        let (filters, bias) = sums.split_at_mut(self.filters_len());
        let runs = images * self.output.shape.height;
        let length = self.taps.packed_len();
        for start in (0..runs).step_by(self.strip) {
            for group in 0..self.windows.groups {
                self.product.apply(
                    level,
                    Operands {
                        a: &input[group * self.windows.channels()..],
                        b: &gradient[group * self.windows.filters()..],
                        c: &mut filters[group * length..][..length],
                        start: Start::Add,
                        rows: 0..self.product.counts().0,
                        runs: start..(start + self.strip).min(runs),
                    },
                );
            }
        }
        let maps = Maps { layout: &self.output, values: gradient };
        if self.shared_bias {
            add_pixels(level, images, maps, bias);
        } else {
            add_maps(level, images, maps, bias);
        }
    }

    /// Turns the packed sums into `[k,c,r,s]` and `[k]` or `[k,oh,ow]`.
    pub fn unpack(&self, sums: &[f32], weights: &mut [f32], bias: &mut [f32]) {
        let (packed, packed_bias) = sums.split_at(self.filters_len());
        let per_group = self.windows.filters() * self.windows.weights();
        let groups = weights.chunks_exact_mut(per_group).zip(packed.chunks_exact(self.taps.packed_len()));
        for (weights, packed) in groups {
            let blocks =
                weights.chunks_mut(BLOCK * self.windows.weights()).zip(packed.chunks_exact(self.taps.packed_block()));
            for (weights, packed) in blocks {
                self.taps.unpack_block(packed, weights);
            }
        }
        let places = packed_bias.len() / self.output.stride;
        for (filter, map) in bias.chunks_exact_mut(places).enumerate() {
            for (place, value) in map.iter_mut().enumerate() {
                *value = packed_bias[place * self.output.stride + filter];
            }
        }
    }
}

vectorised! {
    /// Adds every pixel to `sum`, one float a channel.
    pub(crate) fn add_pixels(images: usize, maps: Maps<'_>, sum: &mut [f32]) {
        for image in 0..images {
            for y in 0..maps.layout.shape.height {
                let row = &maps.values[maps.layout.pixels(image, y)];
                for pixel in row.chunks_exact(maps.layout.stride) {
                    add(sum, pixel);
                }
            }
        }
    }
}

vectorised! {
    /// Adds every image to `sum`, one float a value, without rims.
    pub(crate) fn add_maps(images: usize, maps: Maps<'_>, sum: &mut [f32]) {
        let width = maps.layout.shape.width * maps.layout.stride;
        for image in 0..images {
            for (y, sum) in sum.chunks_exact_mut(width).enumerate() {
                add(sum, &maps.values[maps.layout.pixels(image, y)]);
            }
        }
    }
}

/// `sum += values`, in whole vectors.
#[expect(clippy::inline_always, reason = "must take on the caller's instructions")]
#[inline(always)]
fn add(sum: &mut [f32], values: &[f32]) {
    let sums = sum.as_chunks_mut::<LANES>().0;
    let values = values.as_chunks::<LANES>().0;
    for (sum, value) in sums.iter_mut().zip(values) {
        for lane in 0..LANES {
            sum[lane] += value[lane];
        }
    }
}
