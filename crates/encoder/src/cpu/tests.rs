//! Every instruction set this machine has, against plain loops.

use super::element::{Bf16, Element};
use super::isa::{Amx, Avx2, Avx512, Avx512Vnni, AvxVnni, Isa, Panel, Rows, Tile};
use super::packed::Packed;

/// What makes integers of [`numbers`] for those elements that are integers.
const fn scale<E: Element>() -> f32 {
    if E::IS_INTEGER { 128.0 } else { 1.0 }
}

/// Seeded numbers between -1 and 1 that are elements of every kind already, so that all kernels multiply the same ones.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 24) as f32 - 128.0) / 128.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Sums of products in f64.
fn product(rows: &[f32], stride: usize, depth: usize, row: usize, column: impl Fn(usize) -> f32) -> f64 {
    let factors = (0..depth).map(|k| f64::from(rows[row * stride + k]) * f64::from(column(k)));
    factors.sum()
}

/// Calls `check` for every instruction set that is here.
pub(super) fn on_all(check: impl Checks) {
    fn run<I: Isa>(check: &impl Checks) {
        match I::detect() {
            Some(isa) => check.check(isa),
            None => eprintln!("skipped: this machine has no {}", name::<I>()),
        }
    }
    run::<Amx>(&check);
    run::<Avx512Vnni>(&check);
    run::<Avx512>(&check);
    run::<AvxVnni>(&check);
    run::<Avx2>(&check);
}

pub(super) trait Checks {
    fn check<I: Isa>(&self, isa: I);
}

struct TilesEqualPlainLoops;

impl Checks for TilesEqualPlainLoops {
    fn check<I: Isa>(&self, isa: I) {
        for depth in [1, 2, 31, 32, 33, 384] {
            for count in 1..=I::ROWS {
                tile_equals_plain_loops(isa, count, depth);
            }
        }
    }
}

fn tile_equals_plain_loops<I: Isa>(isa: I, count: usize, depth: usize) {
    let columns = numbers(depth * I::PANEL, 3);
    let column = |n: usize| move |k: usize| k * I::PANEL + n;
    let packed = Packed::<I>::of(depth, I::PANEL, |k, n| columns[column(n)(k)] * scale::<I::Element>());
    let stride = packed.depth() + 32;
    let rows = numbers(I::ROWS * stride, 5);
    let scale = scale::<I::Element>();
    let elements: Vec<I::Element> = rows.iter().map(|&value| I::Element::of(value * scale)).collect();
    let (before, out_stride) = (7.0, I::PANEL + 3);
    let mut sums = vec![before; I::ROWS * out_stride];
    let of = Rows {
        values: &elements,
        stride,
        count,
    };
    let out = Tile {
        values: &mut sums,
        stride: out_stride,
    };
    let panel = Panel::only(packed.panels().next().unwrap());
    let mut done = Vec::new();
    isa.vectorize(|| isa.tile(of, panel, packed.depth(), out, |part| done.extend(part.share(I::ROWS))));
    assert!(
        done.into_iter().eq(0..I::ROWS),
        "{}: not everything is done meanwhile, and once",
        name::<I>()
    );
    for row in 0..count {
        for n in 0..I::PANEL {
            let exact = product(&rows, stride, depth, row, |k| columns[column(n)(k)]);
            let found = f64::from(sums[row * out_stride + n] / (scale * scale));
            assert!(
                (found - exact).abs() < 1e-4,
                "{}: {count} × {depth}: {found} {exact}",
                name::<I>()
            );
        }
        assert_eq!(
            sums[row * out_stride + I::PANEL],
            before,
            "{}: wrote beside the tile",
            name::<I>()
        );
    }
}

#[test]
fn tiles_equal_plain_loops() {
    on_all(TilesEqualPlainLoops);
}

struct RowsFillAsValuesDo;

impl Checks for RowsFillAsValuesDo {
    fn check<I: Isa>(&self, isa: I) {
        for (rows, columns) in [(1, 1), (15, 32), (33, 8), (2, 70)] {
            let values = numbers(rows * columns, 11);
            let element = |value: f32| I::Element::of(value * scale::<I::Element>());
            let elements: Vec<I::Element> = values.iter().copied().map(element).collect();
            let row = |n: usize| &elements[n * columns..][..columns];
            let mut packed = Packed::<I>::room(rows, columns);
            isa.vectorize(|| packed.fill_rows(isa, rows, row));
            let expected = Packed::<I>::of(rows, columns, |k, n| values[k * columns + n] * scale::<I::Element>());
            assert!(
                same(&packed, &expected, columns),
                "{}: {rows} rows of {columns}",
                name::<I>()
            );
            packed.reshape(columns, rows);
            isa.vectorize(|| packed.fill_columns(isa, rows, row));
            let expected = Packed::<I>::of(columns, rows, |k, n| values[n * columns + k] * scale::<I::Element>());
            assert!(
                same(&packed, &expected, rows),
                "{}: {rows} columns of {columns}",
                name::<I>()
            );
        }
    }
}

/// Whether the columns that are meant agree, the depth they are filled up with included.
fn same<I: Isa>(one: &Packed<I>, other: &Packed<I>, columns: usize) -> bool {
    let group = I::Element::GROUP;
    let width = I::PANEL * group;
    one.panels()
        .zip(other.panels())
        .enumerate()
        .all(|(index, (one, other))| {
            let meant = (columns - index * I::PANEL).min(I::PANEL) * group;
            let steps = one.chunks_exact(width).zip(other.chunks_exact(width));
            steps.into_iter().all(|(one, other)| one[..meant] == other[..meant])
        })
}

#[test]
fn rows_fill_a_packed_matrix_as_its_values_do() {
    on_all(RowsFillAsValuesDo);
}

#[test]
fn numbers_of_these_tests_are_bf16() {
    let is_exact = |&value: &f32| Bf16::of(value).value() == value;
    assert!(numbers(1000, 1).iter().all(is_exact));
}

pub(super) fn name<I: Isa>() -> &'static str {
    I::KERNEL.name()
}
