//! The confusion matrix, readable with four labels and with a hundred and fifty.

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::html::{escape, table};
use super::plots::{INK, RIGHT, WRONG, draw, failed};
use crate::agreement::Indexed;

/// With more labels than this their names would be too small to read: every tenth is named, the table below names the
/// worst.
const NAMED_LABELS: usize = 90;
const NAMED_EVERY: usize = 10;
/// With more labels than this there is no room for numbers in the cells.
const NUMBERED_LABELS: usize = 16;
/// Rows of the table of mix-ups.
const PAIRS: usize = 20;

/// Rows by right label (down) and said label (across), shaded by the share of the right label's rows.
pub fn matrix(rows: &Indexed) -> Result<String> {
    let n = rows.labels.len();
    let layout = Layout::new(&rows.labels);
    let confusion = rows.confusion();
    draw(layout.size(n), |area| {
        for (truth, cells) in confusion.iter().enumerate() {
            let total = cells.iter().sum::<usize>().max(1) as f64;
            for (said, &count) in cells.iter().enumerate() {
                let at = layout.corner(truth, said);
                paint(area, &layout, at, truth == said, count as f64 / total).map_err(failed)?;
                if n <= NUMBERED_LABELS && count > 0 {
                    number(area, &layout, at, count, count as f64 / total).map_err(failed)?;
                }
            }
        }
        if layout.every > 1 {
            frame(area, &layout, n).map_err(failed)?;
        }
        rows.labels
            .iter()
            .enumerate()
            .step_by(layout.every)
            .try_for_each(|(at, label)| name(area, &layout, at, label))
            .map_err(failed)
    })
}

/// Sizes in pixels.
struct Layout {
    cell: i32,
    font: i32,
    margin: i32,
    /// One label of so many is named.
    every: usize,
}

type Area<'a, 'b> = &'a DrawingArea<SVGBackend<'b>, plotters::coord::Shift>;
type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

impl Layout {
    fn new(labels: &[String]) -> Self {
        let n = labels.len() as i32;
        let cell = (760 / n.max(1)).clamp(6, 64);
        let every = if labels.len() <= NAMED_LABELS { 1 } else { NAMED_EVERY };
        let font = (cell * every as i32 - 1).clamp(8, 14);
        let longest = labels
            .iter()
            .map(|label| shown(label).chars().count())
            .max()
            .unwrap_or(0) as i32;
        let margin = longest * font * 6 / 10 + 14;
        Layout {
            cell,
            font,
            margin,
            every,
        }
    }

    fn size(&self, n: usize) -> (u32, u32) {
        let side = (self.margin + self.cell * n as i32 + 2) as u32;
        (side, side)
    }

    fn corner(&self, row: usize, column: usize) -> (i32, i32) {
        (
            self.margin + self.cell * column as i32,
            self.margin + self.cell * row as i32,
        )
    }
}

fn paint(area: Area<'_, '_>, layout: &Layout, (x, y): (i32, i32), right: bool, share: f64) -> Drawn {
    let color = if right { RIGHT } else { WRONG };
    // A mix-up of a few rows in a hundred must be seen, so its shade rises faster.
    let strength = if right { share } else { share.sqrt() };
    let shade = if share > 0.0 {
        color.mix(0.12 + 0.88 * strength)
    } else {
        RGBColor(240, 243, 247).mix(1.0)
    };
    if share == 0.0 && layout.cell < 10 && !right {
        return Ok(());
    }
    let gap = i32::from(layout.cell >= 10);
    let cell = Rectangle::new([(x, y), (x + layout.cell - gap, y + layout.cell - gap)], shade.filled());
    Ok(area.draw(&cell).map_err(|error| error.to_string())?)
}

/// A border around the cells and a thin line at every named label.
fn frame(area: Area<'_, '_>, layout: &Layout, n: usize) -> Drawn {
    let (start, end) = (layout.corner(0, 0), layout.corner(n, n));
    let line = INK.mix(0.15).stroke_width(1);
    for at in (0..n).step_by(layout.every) {
        let (x, y) = layout.corner(at, at);
        for path in [vec![(x, start.1), (x, end.1)], vec![(start.0, y), (end.0, y)]] {
            area.draw(&PathElement::new(path, line))
                .map_err(|error| error.to_string())?;
        }
    }
    let border = Rectangle::new([start, end], INK.mix(0.5).stroke_width(1));
    Ok(area.draw(&border).map_err(|error| error.to_string())?)
}

fn number(area: Area<'_, '_>, layout: &Layout, (x, y): (i32, i32), count: usize, share: f64) -> Drawn {
    let color = if share > 0.45 { WHITE } else { RGBColor(28, 36, 48) };
    let style = ("sans-serif", layout.font.min(13))
        .into_font()
        .color(&color)
        .pos(Pos::new(HPos::Center, VPos::Center));
    let middle = (x + layout.cell / 2, y + layout.cell / 2);
    Ok(area
        .draw(&Text::new(count.to_string(), middle, style))
        .map_err(|error| error.to_string())?)
}

fn name(area: Area<'_, '_>, layout: &Layout, at: usize, label: &str) -> Drawn {
    let font = ("sans-serif", layout.font).into_font();
    let (across, down) = layout.corner(at, at);
    let (middle, edge) = (layout.cell / 2, layout.margin - 6);
    let beside = font.clone().color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
    area.draw(&Text::new(shown(label), (edge, down + middle), beside))
        .map_err(|error| error.to_string())?;
    let above = font
        .transform(FontTransform::Rotate270)
        .color(&INK)
        .pos(Pos::new(HPos::Left, VPos::Center));
    Ok(area
        .draw(&Text::new(shown(label), (across + middle, edge), above))
        .map_err(|error| error.to_string())?)
}

fn shown(label: &str) -> String {
    const LONGEST: usize = 32;
    if label.chars().count() <= LONGEST {
        label.to_owned()
    } else {
        label.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}

/// The labels most often taken for another, as a table.
pub fn mix_ups(rows: &Indexed) -> String {
    let mut pairs: Vec<(usize, usize, usize)> = Vec::new();
    for (truth, cells) in rows.confusion().iter().enumerate() {
        let wrong = cells
            .iter()
            .enumerate()
            .filter(|(said, count)| *said != truth && **count > 0);
        pairs.extend(wrong.map(|(said, count)| (*count, truth, said)));
    }
    pairs.sort_by_key(|&(count, truth, said)| (std::cmp::Reverse(count), truth, said));
    let row = |&(count, truth, said): &(usize, usize, usize)| {
        vec![
            escape(&rows.labels[truth]),
            escape(&rows.labels[said]),
            count.to_string(),
        ]
    };
    let shown: Vec<Vec<String>> = pairs.iter().take(PAIRS).map(row).collect();
    if shown.is_empty() {
        "<p>No label was taken for another.</p>".to_owned()
    } else {
        table(&["right label", "said", "rows"], &shown)
    }
}
