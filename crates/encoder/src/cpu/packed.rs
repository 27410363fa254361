//! Matrices laid out for the inner loop.

use super::buffer::Buffer;
use super::element::Element;
use super::isa::Isa;
use super::lanes::LANES;

/// A matrix cut into panels of [`Isa::PANEL`] columns, each stored in the order a tile reads it.
///
/// **Shape**: `[panels][depth / GROUP][PANEL][GROUP]`; depth and columns are filled up with zeros.
pub(crate) struct Packed<I: Isa> {
    values: Buffer<I::Element>,
    depth: usize,
    panels: usize,
}

impl<I: Isa> Packed<I> {
    /// Room for a matrix of up to this many values.
    pub(crate) fn room(depth: usize, columns: usize) -> Self {
        let (depth, panels) = (depth.next_multiple_of(I::STEP), columns.div_ceil(I::PANEL));
        Self {
            values: Buffer::new(depth * panels * I::PANEL),
            depth,
            panels,
        }
    }

    /// The matrix whose value in row `k` (along the depth) and column `n` is `value(k, n)`.
    pub(crate) fn of(depth: usize, columns: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        let mut packed = Self::room(depth, columns);
        for n in 0..columns {
            for k in 0..depth {
                let at = place::<I>(packed.depth, k, n);
                packed.values[at] = I::Element::of(value(k, n));
            }
        }
        packed
    }

    /// Another shape in the same room, which grows if it must. What it held is lost.
    pub(crate) fn reshape(&mut self, depth: usize, columns: usize) {
        (self.depth, self.panels) = (depth.next_multiple_of(I::STEP), columns.div_ceil(I::PANEL));
        self.values.reserve(self.depth * self.panels * I::PANEL);
    }

    /// Fills columns with rows of elements: column `n` is `row(n)`, as long as the depth before it was filled up.
    #[inline(always)]
    pub(crate) fn fill_columns<'a>(&mut self, isa: I, columns: usize, row: impl Fn(usize) -> &'a [I::Element]) {
        let step = I::PANEL * I::Element::GROUP;
        for (index, panel) in self.panels_mut().enumerate() {
            for first in (0..I::PANEL.min(columns - index * I::PANEL)).step_by(LANES) {
                for (block, places) in panel.chunks_mut(LANES * step).enumerate() {
                    let part = |column: usize| {
                        let column = index * I::PANEL + first + column;
                        let row = if column < columns { row(column) } else { &[] };
                        row.get(block * LANES * I::Element::GROUP..).unwrap_or_default()
                    };
                    isa.transpose(part, &mut places[first * I::Element::GROUP..], step);
                }
            }
        }
    }

    /// Fills rows along the depth, `rows` of them, each as long as there were columns before they were filled up.
    #[inline(always)]
    pub(crate) fn fill_rows<'a>(&mut self, isa: I, rows: usize, row: impl Fn(usize) -> &'a [I::Element]) {
        let group = I::Element::GROUP;
        for (index, panel) in self.panels_mut().enumerate() {
            for (step, places) in panel.chunks_exact_mut(I::PANEL * group).enumerate() {
                for (lane, places) in places.chunks_exact_mut(LANES * group).enumerate() {
                    let part = |of_group: usize| {
                        let k = step * group + of_group;
                        let row = if k < rows { row(k) } else { &[] };
                        row.get(index * I::PANEL + lane * LANES..).unwrap_or_default()
                    };
                    isa.interleave(part, places);
                }
            }
        }
    }

    /// Rows along the depth, filled up.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Columns, filled up.
    pub(crate) fn columns(&self) -> usize {
        self.panels * I::PANEL
    }

    /// The panels from left to right.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &[I::Element]> {
        self.values.chunks_exact(self.depth * I::PANEL).take(self.panels)
    }

    /// As [`Packed::panels`], to be written.
    pub(crate) fn panels_mut(&mut self) -> impl Iterator<Item = &mut [I::Element]> {
        self.values.chunks_exact_mut(self.depth * I::PANEL).take(self.panels)
    }
}

/// Where row `k` and column `n` lie.
fn place<I: Isa>(depth: usize, k: usize, n: usize) -> usize {
    let group = I::Element::GROUP;
    let row = (n / I::PANEL) * depth + (k / group) * group;
    row * I::PANEL + (n % I::PANEL) * group + k % group
}
