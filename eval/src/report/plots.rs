//! The plots of a report as SVG.

use std::ops::Range;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::calibration::Bin;

/// Blue: right, inside, held.
pub const RIGHT: RGBColor = RGBColor(47, 111, 222);
/// Amber: wrong, outside, missing.
pub const WRONG: RGBColor = RGBColor(217, 130, 43);
/// Letters and lines of the axes.
pub const INK: RGBColor = RGBColor(91, 102, 117);
const GRID: RGBColor = RGBColor(232, 236, 242);
const SIZE: (u32, u32) = (500, 340);
const FONT: (&str, i32) = ("sans-serif", 13);

/// A drawing of this size; what goes wrong while drawing is an error of this program.
pub fn draw(size: (u32, u32), paint: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<()>) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        paint(&area)?;
        area.present().map_err(failed)?;
    }
    // The view box alone, so that the page says how wide it is shown.
    Ok(svg.replacen("<svg ", "<svg role=\"img\" ", 1))
}

/// A drawing error in words.
pub fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw a plot: {error}")
}

type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn chart<'a, 'b>(
    area: &'a DrawingArea<SVGBackend<'b>, Shift>,
    x: (Range<f64>, &str),
    y: (Range<f64>, &str),
) -> Result<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(58)
        .build_cartesian_2d(x.0, y.0)
        .map_err(failed)?;
    let text = FONT.into_font().color(&INK);
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK.mix(0.6))
        .x_desc(x.1)
        .y_desc(y.1)
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .label_style(text.clone())
        .axis_desc_style(text)
        .draw()
        .map_err(failed)?;
    Ok(chart)
}

/// A number as short as it can be told from its neighbours on an axis.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the plotting crate asks for a reference"
)]
fn short(value: &f64) -> String {
    let rounded = format!("{value:.2}");
    rounded.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>) -> Result<()> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .margin(8)
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font(FONT.into_font().color(&INK))
        .draw()
        .map_err(failed)
}

fn key(color: RGBColor) -> impl Fn((i32, i32)) -> Rectangle<(i32, i32)> {
    move |(x, y)| Rectangle::new([(x + 4, y - 5), (x + 14, y + 5)], color.filled())
}

/// Accuracy by confidence; a calibrated head is on the diagonal.
pub fn reliability(bins: &[Bin]) -> Result<String> {
    draw(SIZE, |area| {
        let mut chart = chart(area, (0.0..1.0, "confidence"), (0.0..1.0, "share right"))?;
        let width = 1.0 / bins.len() as f64;
        let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(1) as f64;
        let bar = |(at, bin): (usize, &Bin)| {
            let left = at as f64 * width;
            let color = RIGHT.mix(0.25 + 0.75 * (bin.rows as f64 / most).sqrt());
            Rectangle::new(
                [(left + 0.004, 0.0), (left + width - 0.004, bin.accuracy)],
                color.filled(),
            )
        };
        let used = || bins.iter().enumerate().filter(|(_, bin)| bin.rows > 0);
        chart.draw_series(used().map(bar)).map_err(failed)?;
        let diagonal = DashedLineSeries::new([(0.0, 0.0), (1.0, 1.0)], 6, 4, INK.stroke_width(1));
        chart.draw_series(diagonal).map_err(failed)?;
        let dots = used().map(|(_, bin)| Circle::new((bin.confidence, bin.accuracy), 4, WRONG.filled()));
        chart.draw_series(dots).map_err(failed)?;
        Ok(())
    })
}

/// Precision as less and less is left to people; the dashed line is the precision aimed at.
pub fn coverage(what: &str, points: &[(f64, f64)], target: Option<f64>, chosen: Option<(f64, f64)>) -> Result<String> {
    // The first few rows swing between all right and all wrong and would set the scale.
    let steady = points.iter().filter(|(covered, _)| *covered >= 0.02);
    let lowest = steady.map(|(_, precision)| *precision).fold(1.0, f64::min);
    let floor = ((lowest.min(target.unwrap_or(1.0)) - 0.02) * 20.0).floor() / 20.0;
    draw(SIZE, |area| {
        let y = (floor.max(0.0)..1.005, "precision");
        let mut chart = chart(area, (0.0..1.0, what), y)?;
        let line = points.iter().copied().filter(|(_, precision)| *precision >= floor);
        let drawn = LineSeries::new(line, RIGHT.stroke_width(2));
        chart.draw_series(drawn).map_err(failed)?;
        if let Some(target) = target {
            let aim = DashedLineSeries::new([(0.0, target), (1.0, target)], 6, 4, INK.stroke_width(1));
            chart.draw_series(aim).map_err(failed)?;
        }
        let dot = chosen.into_iter().map(|at| Circle::new(at, 6, WRONG.filled()));
        chart.draw_series(dot).map_err(failed)?;
        Ok(())
    })
}

/// One kind of value in a histogram.
pub struct Series<'a> {
    /// What it is.
    pub name: &'a str,
    /// The values.
    pub values: Vec<f64>,
    /// Its color.
    pub color: RGBColor,
}

/// Shares of each kind by value, over one another, in so many bins from the smallest value to the largest.
pub fn histogram(what: &str, series: &[Series<'_>], bins: usize) -> Result<String> {
    let all = || series.iter().flat_map(|series| series.values.iter().copied());
    let (low, high) = (
        all().fold(f64::INFINITY, f64::min),
        all().fold(f64::NEG_INFINITY, f64::max),
    );
    let range = if low < high { low..high } else { -0.5..0.5 };
    histogram_over(what, series, bins, range)
}

/// The same over a range that is given.
pub fn histogram_over(what: &str, series: &[Series<'_>], bins: usize, range: Range<f64>) -> Result<String> {
    let kinds: Vec<Vec<f64>> = series
        .iter()
        .map(|series| shares(&series.values, &range, bins))
        .collect();
    // Room above the bars for the legend.
    let top = kinds.iter().flatten().copied().fold(0.01, f64::max) * 1.35;
    let width = (range.end - range.start) / bins as f64;
    draw(SIZE, |area| {
        let mut chart = chart(area, (range.clone(), what), (0.0..top, "share of its kind"))?;
        for (series, shares) in series.iter().zip(&kinds) {
            let bar = |(at, share): (usize, &f64)| {
                let left = range.start + at as f64 * width;
                Rectangle::new(
                    [(left, 0.0), (left + width * 0.94, *share)],
                    series.color.mix(0.6).filled(),
                )
            };
            let bars = shares.iter().enumerate().filter(|(_, share)| **share > 0.0).map(bar);
            let named = format!("{} ({})", series.name, series.values.len());
            chart
                .draw_series(bars)
                .map_err(failed)?
                .label(named)
                .legend(key(series.color));
        }
        legend(&mut chart)
    })
}

fn shares(values: &[f64], range: &Range<f64>, bins: usize) -> Vec<f64> {
    let mut shares = vec![0.0; bins];
    for value in values {
        let at = ((value - range.start) / (range.end - range.start) * bins as f64) as usize;
        shares[at.min(bins - 1)] += 1.0 / values.len() as f64;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_kind_add_up_to_one_and_the_largest_is_inside() {
        let shares = shares(&[0.0, 0.5, 1.0, 1.0], &(0.0..1.0), 2);
        assert_eq!(shares, [0.25, 0.75]);
    }

    #[test]
    fn plots_are_drawn_of_few_rows_and_of_none() {
        let none = histogram("x", &[], 10).expect("a plot");
        assert!(none.starts_with("<svg"), "{none}");
        let one = Series {
            name: "one",
            values: vec![2.0],
            color: RIGHT,
        };
        assert!(histogram("x", &[one], 10).expect("a plot").contains("one (1)"));
        assert!(
            coverage("share", &[(1.0, 0.5)], Some(0.9), None)
                .expect("a plot")
                .contains("precision")
        );
    }
}
