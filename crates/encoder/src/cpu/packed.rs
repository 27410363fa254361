//! Matrices laid out for the inner loop.

use super::buffer::Buffer;
use super::element::Element;
use super::isa::Isa;

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
    pub(crate) fn fill_columns<'a>(&mut self, columns: usize, row: impl Fn(usize) -> &'a [I::Element]) {
        let group = I::Element::GROUP;
        for (index, panel) in self.panels_mut().enumerate() {
            for column in 0..I::PANEL.min(columns - index * I::PANEL) {
                let row = row(index * I::PANEL + column);
                let mut places = panel
                    .chunks_exact_mut(I::PANEL * group)
                    .map(|step| &mut step[column * group..][..group]);
                let groups = row.chunks_exact(group);
                let rest = groups.remainder();
                // Whole groups have a length the compiler knows: a copy is one instruction.
                groups
                    .zip(places.by_ref())
                    .for_each(|(group, place)| place.copy_from_slice(group));
                for (index, place) in places.enumerate() {
                    place.fill(I::Element::default());
                    if index == 0 {
                        place[..rest.len()].copy_from_slice(rest);
                    }
                }
            }
        }
    }

    /// Fills rows along the depth, `rows` of them, each as long as there were columns before they were filled up.
    #[inline(always)]
    pub(crate) fn fill_rows<'a>(&mut self, rows: usize, row: impl Fn(usize) -> &'a [I::Element]) {
        let (group, depth) = (I::Element::GROUP, self.depth);
        for (index, panel) in self.panels_mut().enumerate() {
            for k in 0..depth {
                let step = &mut panel[k / group * group * I::PANEL..][..group * I::PANEL];
                let values: &[I::Element] = if k < rows { &row(k)[index * I::PANEL..] } else { &[] };
                for (column, place) in step.chunks_exact_mut(group).enumerate() {
                    place[k % group] = values.get(column).copied().unwrap_or_default();
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
