//! An approximation of the nearest orthogonal matrix, on the CPU.

use super::{COEFFICIENTS, MatrixShape, STEPS};
use crate::device::Cpu;
use crate::device::cpu::buffer::Buffer;
use crate::device::cpu::gemm::{BLOCK, Gemm, GemmOperands, GemmTable, InitialSum, RowOffset, Segment};
use crate::device::cpu::lanes::LANES;
use rayon::prelude::*;

/// Added to the norm by which the matrix is divided first.
const EPSILON: f64 = 1e-7;

/// Replaces matrices by ones with the same singular vectors and singular values near 1, keeping its
/// buffers from call to call. Bit for bit the same for any number of threads.
pub(crate) struct Orthogonaliser {
    cpu: Cpu,
    plans: Vec<IterationPlan>,
    buffers: IterationBuffers,
}

impl std::fmt::Debug for Orthogonaliser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Orthogonaliser({:?})", self.cpu)
    }
}

/// What the iteration reads and writes, large enough for every matrix so far.
#[derive(Default)]
struct IterationBuffers {
    x: Buffer,
    transposed: Buffer,
    square: Buffer,
    fourth: Buffer,
    out: Buffer,
}

/// The products over matrices of one shape.
struct IterationPlan {
    /// Sides rounded up to whole blocks, `rows` being the shorter one.
    padded: MatrixShape,
    /// `X X'`
    gram: Gemm,
    /// `A A`
    square: Gemm,
    /// `B X`
    whole: Gemm,
}

impl Orthogonaliser {
    /// With that processor's threads and vector instructions.
    pub fn new(cpu: &Cpu) -> Self {
        Self { cpu: cpu.clone(), plans: Vec::new(), buffers: IterationBuffers::default() }
    }

    /// The matrix (rows one after the other) after [`STEPS`] steps of the iteration, which begins with
    /// the matrix over its Frobenius norm. A matrix of zeros stays one.
    pub fn apply(&mut self, matrix: impl IntoIterator<Item = f32>, shape: MatrixShape) -> impl Iterator<Item = f32> {
        self.apply_steps(matrix, shape, STEPS)
    }

    fn apply_steps(
        &mut self,
        matrix: impl IntoIterator<Item = f32>,
        shape: MatrixShape,
        steps: usize,
    ) -> impl Iterator<Item = f32> {
        let (is_tall, columns) = (shape.is_tall(), shape.columns);
        let padded =
            MatrixShape { rows: shape.short().next_multiple_of(BLOCK), columns: shape.long().next_multiple_of(BLOCK) };
        let at = self.plan(padded);
        let Self { cpu, plans, buffers } = self;
        let plan = &plans[at];
        let width = padded.columns;
        // The products are of the shorter side.
        let padded_index = move |at: usize| {
            let (row, column) = (at / columns, at % columns);
            if is_tall { column * width + row } else { row * width + column }
        };
        let x = &mut buffers.x[..padded.len()];
        x.fill(0.0);
        let mut squares = 0.0;
        for (index, value) in matrix.into_iter().take(shape.len()).enumerate() {
            x[padded_index(index)] = value;
            squares += f64::from(value).powi(2);
        }
        let factor = (1.0 / (squares.sqrt() + EPSILON)) as f32;
        for value in x {
            *value *= factor;
        }
        cpu.install(|| {
            for _ in 0..steps {
                iterate(cpu, plan, buffers);
            }
        });
        let x = &buffers.x;
        (0..shape.len()).map(move |index| x[padded_index(index)])
    }

    /// The index of the plan for such sides.
    fn plan(&mut self, padded: MatrixShape) -> usize {
        let MatrixShape { rows, columns } = padded;
        let found = self.plans.iter().position(|plan| plan.padded == padded);
        found.unwrap_or_else(|| {
            for buffer in [&mut self.buffers.x, &mut self.buffers.transposed, &mut self.buffers.out] {
                buffer.grow(rows * columns);
            }
            self.buffers.square.grow(rows * rows);
            self.buffers.fourth.grow(rows * rows);
            self.plans.push(IterationPlan {
                padded,
                gram: product(columns, rows),
                square: product(rows, rows),
                whole: product(rows, columns),
            });
            self.plans.len() - 1
        })
    }
}

/// A step of the iteration, from `x` to `x`.
fn iterate(cpu: &Cpu, plan: &IterationPlan, buffers: &mut IterationBuffers) {
    let MatrixShape { rows, columns } = plan.padded;
    let [a, b, c] = COEFFICIENTS;
    let IterationBuffers { x, transposed, square, fourth, out } = buffers;
    for (row, values) in x[..rows * columns].chunks_exact(columns).enumerate() {
        for (column, value) in values.iter().enumerate() {
            transposed[column * rows + row] = *value;
        }
    }
    let gram = ProductFactors { a: x, b: transposed, columns: rows };
    multiply(cpu, &plan.gram, gram, &mut square[..rows * rows], InitialSum::Zero);
    let squared = ProductFactors { a: square, b: square, columns: rows };
    multiply(cpu, &plan.square, squared, &mut fourth[..rows * rows], InitialSum::Zero);
    for (square, fourth) in square[..rows * rows].iter_mut().zip(fourth.iter()) {
        *square = b * *square + c * fourth;
    }
    for (out, x) in out[..rows * columns].iter_mut().zip(x.iter()) {
        *out = a * x;
    }
    let moved = ProductFactors { a: square, b: x, columns };
    multiply(cpu, &plan.whole, moved, &mut out[..rows * columns], InitialSum::Add);
    std::mem::swap(x, out);
}

/// [`BLOCK`] rows of a product of matrices, the sum of each over `inner` values; all sides are whole blocks.
fn product(inner: usize, columns: usize) -> Gemm {
    Gemm::new(GemmTable {
        rows: (0..BLOCK).map(|row| RowOffset { a: (row * inner) as u32, c: (row * columns) as u32 }).collect(),
        segments: (0..inner).step_by(BLOCK).map(|at| Segment { a: at as u32, b: (at * columns) as u32 }).collect(),
        length: BLOCK,
        a_stride: 1,
        b_stride: columns,
        vectors: columns / LANES,
        b_block: BLOCK,
        c_block: BLOCK,
        tail: LANES,
    })
}

/// The factors of a product; `columns` are those of `b` and of the product.
#[derive(Clone, Copy)]
struct ProductFactors<'a> {
    a: &'a [f32],
    b: &'a [f32],
    columns: usize,
}

fn multiply(cpu: &Cpu, product: &Gemm, factors: ProductFactors<'_>, c: &mut [f32], start: InitialSum<'_>) {
    let ProductFactors { a, b, columns } = factors;
    let (rows, segments) = product.counts();
    let inner = segments * BLOCK;
    c.par_chunks_mut(rows * columns).zip(a.par_chunks(rows * inner)).for_each(|(c, a)| {
        product.apply(cpu.level(), GemmOperands { a, b, c, start, rows: 0..rows, segments: 0..segments });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Device, VectorLevel};
    use crate::random::Stream;
    use ndarray::{Array2, ArrayView2};

    fn cpu(threads: usize, level: VectorLevel) -> Cpu {
        match Device::cpu(Some(threads), Some(level)).unwrap() {
            Device::Cpu(cpu) => cpu,
            other => panic!("{other:?}"),
        }
    }

    fn drawn(rows: usize, columns: usize) -> Vec<f32> {
        let stream = Stream::new(5, &[rows as u64, columns as u64]);
        (0..rows * columns).map(|at| stream.normal(at as u64) as f32).collect()
    }

    fn shape(rows: usize, columns: usize) -> MatrixShape {
        MatrixShape { rows, columns }
    }

    fn by_hand(values: &[f32], rows: usize, steps: usize) -> Array2<f64> {
        let columns = values.len() / rows;
        let [a, b, c] = COEFFICIENTS.map(f64::from);
        let mut x = Array2::from_shape_fn((rows, columns), |(r, k)| f64::from(values[r * columns + k]));
        let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        x /= norm;
        for _ in 0..steps {
            let gram = x.dot(&x.t());
            x = &x * a + (&gram * b + gram.dot(&gram) * c).dot(&x);
        }
        x
    }

    #[test]
    fn it_is_the_iteration_for_every_shape_level_and_number_of_threads() {
        // Wide, square, tall; sides that are whole blocks and not.
        for (rows, columns) in [(1, 5), (7, 40), (16, 16), (33, 33), (70, 9), (48, 200)] {
            let start = drawn(rows, columns);
            let expected = by_hand(&start, rows, 3);
            for level in VectorLevel::ALL.into_iter().filter(|level| level.is_available()) {
                let mut first: Option<Vec<f32>> = None;
                for threads in [1, 3] {
                    let mut orthogonal = Orthogonaliser::new(&cpu(threads, level));
                    let found: Vec<f32> = orthogonal.apply(start.iter().copied(), shape(rows, columns)).collect();
                    for (found, expected) in found.iter().zip(&expected) {
                        assert!((f64::from(*found) - expected).abs() < 1e-5, "{rows}x{columns} {level}");
                    }
                    assert_eq!(first.get_or_insert_with(|| found.clone()), &found, "{rows}x{columns} {level}");
                }
            }
        }
    }

    #[test]
    fn singular_values_come_near_one() {
        let (rows, columns) = (24, 60);
        let mut orthogonal = Orthogonaliser::new(&cpu(1, VectorLevel::detect()));
        let values: Vec<f32> = orthogonal.apply_steps(drawn(rows, columns), shape(rows, columns), 5).collect();
        let x = ArrayView2::from_shape((rows, columns), &values).unwrap();
        let gram = x.dot(&x.t());
        // The singular values' squares add up to the trace; all within 0.5 to 1.5 of magnitude.
        for row in 0..rows {
            assert!((0.3..1.7).contains(&gram[[row, row]]), "{}", gram[[row, row]]);
            assert!((0..rows).all(|other| other == row || gram[[row, other]].abs() < 0.4));
        }
    }

    #[test]
    fn zeros_stay_and_buffers_are_used_again() {
        let mut orthogonal = Orthogonaliser::new(&cpu(1, VectorLevel::detect()));
        assert_eq!(orthogonal.apply_steps(drawn(20, 50), shape(20, 50), 2).count(), 1000);
        assert!(orthogonal.apply_steps([0.0; 12], shape(3, 4), 4).all(|v| v.to_bits() == 0));
        let start = drawn(3, 4);
        let expected = by_hand(&start, 3, 2);
        let found: Vec<f32> = orthogonal.apply_steps(start, shape(3, 4), 2).collect();
        assert!(found.iter().zip(&expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-5));
    }
}
