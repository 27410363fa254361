//! Rows of numbers, worked on by all threads: each row by itself, so that their number changes nothing.

use std::f32::consts::{LN_2, LOG2_E};

use candle_core::{CpuStorage, Error, Layout, Result, Tensor};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

/// Numbers a thread works on before it asks for more.
pub const CHUNK: usize = 1 << 14;

/// **Shape**: `[rows, width]` → `[width]`.
pub fn column_sums(values: &Tensor) -> Result<Tensor> {
    let ones = Tensor::ones((1, values.dim(0)?), values.dtype(), values.device())?;
    ones.matmul(values)?.squeeze(0)
}

/// What a tensor holds, in order.
///
/// **Errors**: it does not lie in one piece, or is not f32.
pub fn values<'a>(storage: &'a CpuStorage, at: &Layout) -> Result<&'a [f32]> {
    let (start, end) = at
        .contiguous_offsets()
        .ok_or(Error::RequiresContiguous { op: "fused" })?;
    Ok(&storage.as_slice::<f32>()?[start..end])
}

/// Rows of some width in chunks that threads share.
pub fn in_rows(values: &mut [f32], width: usize) -> rayon::slice::ChunksMut<'_, f32> {
    values.par_chunks_mut(chunk(width))
}

/// Whole rows that are about [`CHUNK`] numbers.
fn chunk(width: usize) -> usize {
    CHUNK.div_ceil(width) * width
}

/// What an act makes of each row.
pub fn by_row(rows: &[f32], width: usize, act: impl Fn(&[f32], &mut [f32]) + Sync) -> CpuStorage {
    let mut made = vec![0.0; rows.len()];
    let chunks = in_rows(&mut made, width).zip(rows.par_chunks(chunk(width)));
    chunks.for_each(|(made, rows)| {
        let pairs = made.chunks_exact_mut(width).zip(rows.chunks_exact(width));
        pairs.for_each(|(made, row)| act(row, made));
    });
    CpuStorage::F32(made)
}

/// What an act makes of each pair of rows.
pub fn by_pair(
    one: &[f32],
    other: &[f32],
    width: usize,
    act: impl Fn(&[f32], &[f32], &mut [f32]) + Sync,
) -> CpuStorage {
    let mut made = vec![0.0; one.len()];
    let pairs = one.par_chunks(chunk(width)).zip(other.par_chunks(chunk(width)));
    in_rows(&mut made, width).zip(pairs).for_each(|(made, (one, other))| {
        let pairs = one.chunks_exact(width).zip(other.chunks_exact(width));
        let rows = made.chunks_exact_mut(width).zip(pairs);
        rows.for_each(|(made, (one, other))| act(one, other, made));
    });
    CpuStorage::F32(made)
}

/// The sum of what a function makes of pairs, in lanes: always the same order, and the compiler adds several at once.
#[inline(always)]
pub fn sum(one: &[f32], other: &[f32], of: impl Fn(f32, f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0; LANES];
    let mut add = |one: &[f32], other: &[f32]| {
        let pairs = one.iter().zip(other);
        lanes
            .iter_mut()
            .zip(pairs)
            .for_each(|(lane, (a, b))| *lane += of(*a, *b));
    };
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest = (ones.remainder(), others.remainder());
    ones.zip(others).for_each(|(one, other)| add(one, other));
    add(rest.0, rest.1);
    lanes.iter().sum()
}

/// `e` to a power of at most 0, in operations that the compiler does several of at once.
///
/// **Source**: Cephes `expf`: a power of two, and a polynomial for what is left.
#[inline(always)]
pub fn exp(power: f32) -> f32 {
    /// Adding and taking away this much rounds to whole numbers.
    const ROUNDS: f32 = 12_582_912.0;
    /// `ln 2` to ten bits, and the rest of it: their products with whole numbers lose nothing.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = LN_2 - LN_2_HIGH;
    /// What is less would leave the range of exponents.
    const LEAST: f32 = -87.0;
    let power = power.max(LEAST);
    let whole = (power * LOG2_E + ROUNDS) - ROUNDS;
    let rest = power - whole * LN_2_HIGH - whole * LN_2_LOW;
    let series = [
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let series = series.iter().fold(0.0, |sum, factor| sum * rest + factor);
    series * f32::from_bits(((whole as i32 + 127) as u32) << 23)
}
