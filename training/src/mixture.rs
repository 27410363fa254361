//! How loudly the linear scores and the neighbours' votes should speak: two numbers, from rows no fit had seen.
//!
//! The log-loss is convex in both, so Newton's method finds its bottom in a few steps.
//! **Source**: stacking, Wolpert, Stacked Generalization, 1992; damped Newton steps, Boyd and Vandenberghe, Convex
//! Optimization, 9.5; over linear scores alone this is the temperature of Guo et al., 2017, 4.2.

use classifier::assess::energy;
use ndarray::Array2;

use crate::examples::in_halves;

/// Newton steps at most.
const STEPS: usize = 30;
/// Halvings of a step that overshoots, at most.
const HALVINGS: usize = 12;
/// It stops when the loss falls by less than this.
const TOLERANCE: f64 = 1e-9;
/// Sharpness stays in here: rows that are all right would make it endless.
const SHARPNESS: (f64, f64) = (0.05, 20.0);
/// Keeps the curvature invertible where there are no votes.
const RIDGE: f64 = 1e-9;

/// Factors of the two kinds of scores before the softmax.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// Of the linear scores: one over the temperature.
    pub sharpness: f64,
    /// Of the logarithm of the votes.
    pub vote: f64,
    /// Mean log-loss they leave.
    pub log_loss: f64,
}

impl Mixture {
    /// The factors with the least log-loss on these rows.
    ///
    /// **Shape**: `linear` and `votes` `[rows of the data set, labels]`; `rows` positions in it.
    #[must_use]
    pub fn fit(linear: &Array2<f32>, votes: Option<&Array2<f32>>, targets: &[usize], rows: &[usize]) -> Self {
        let slopes = |at: [f64; 2]| Slopes::sum(linear, votes, targets, rows, at);
        let mut at = [1.0, if votes.is_some() { 0.3 } else { 0.0 }];
        let mut here = slopes(at);
        for _ in 0..STEPS {
            let Some((next, there)) = descend(at, &here, &slopes) else {
                break;
            };
            let gained = here.loss - there.loss;
            (at, here) = (next, there);
            if gained < TOLERANCE {
                break;
            }
        }
        Self {
            sharpness: at[0],
            vote: at[1],
            log_loss: here.loss,
        }
    }

    /// What scores are divided by once the votes have been added.
    #[must_use]
    pub fn temperature(&self) -> f32 {
        (1.0 / self.sharpness) as f32
    }
}

/// The longest halving of the Newton step that lowers the loss.
fn descend(at: [f64; 2], here: &Slopes, slopes: &dyn Fn([f64; 2]) -> Slopes) -> Option<([f64; 2], Slopes)> {
    let step = here.newton_step();
    (0..HALVINGS).find_map(|halving| {
        let length = 0.5_f64.powi(halving as i32);
        let next = [
            (at[0] - length * step[0]).clamp(SHARPNESS.0, SHARPNESS.1),
            (at[1] - length * step[1]).max(0.0),
        ];
        let there = slopes(next);
        (there.loss < here.loss).then_some((next, there))
    })
}

/// Loss, gradient and curvature at a point.
#[derive(Debug, Clone, Copy, Default)]
struct Slopes {
    loss: f64,
    gradient: [f64; 2],
    /// Second derivatives: sharpness twice, mixed, vote twice.
    curvature: [f64; 3],
}

impl Slopes {
    fn sum(linear: &Array2<f32>, votes: Option<&Array2<f32>>, targets: &[usize], rows: &[usize], at: [f64; 2]) -> Self {
        let of_row = |&row: &usize| {
            let scores = |label: usize| {
                let vote = votes.map_or(0.0, |votes| votes[[row, label]]);
                [linear[[row, label]], vote]
            };
            Self::of_row(&scores, linear.ncols(), targets[row], at)
        };
        let count = rows.len().max(1) as f64;
        let mut sum = Self::default();
        in_halves(rows, of_row).iter().for_each(|row| sum.add(row));
        sum.loss /= count;
        sum.gradient = sum.gradient.map(|value| value / count);
        sum.curvature = sum.curvature.map(|value| value / count);
        sum
    }

    fn of_row(scores: &dyn Fn(usize) -> [f32; 2], labels: usize, target: usize, at: [f64; 2]) -> Self {
        let mixed = |label: usize| {
            let [linear, vote] = scores(label);
            (at[0] as f32) * linear + (at[1] as f32) * vote
        };
        let logits: Vec<f32> = (0..labels).map(mixed).collect();
        let log_sum = energy(&logits);
        let (mut mean, mut square) = ([0.0; 2], [0.0; 3]);
        for (label, logit) in logits.iter().enumerate() {
            let probability = f64::from((logit - log_sum).exp());
            let [a, b] = scores(label).map(f64::from);
            mean[0] += probability * a;
            mean[1] += probability * b;
            square[0] += probability * a * a;
            square[1] += probability * a * b;
            square[2] += probability * b * b;
        }
        let truth = scores(target).map(f64::from);
        Self {
            loss: f64::from(log_sum - logits[target]),
            gradient: [mean[0] - truth[0], mean[1] - truth[1]],
            curvature: [
                square[0] - mean[0] * mean[0],
                square[1] - mean[0] * mean[1],
                square[2] - mean[1] * mean[1],
            ],
        }
    }

    fn add(&mut self, other: &Self) {
        self.loss += other.loss;
        self.gradient.iter_mut().zip(other.gradient).for_each(|(a, b)| *a += b);
        self.curvature
            .iter_mut()
            .zip(other.curvature)
            .for_each(|(a, b)| *a += b);
    }

    fn newton_step(&self) -> [f64; 2] {
        let [aa, ab, bb] = self.curvature;
        let (aa, bb) = (aa + RIDGE, bb + RIDGE);
        let determinant = (aa * bb - ab * ab).max(RIDGE * RIDGE);
        let [a, b] = self.gradient;
        [(bb * a - ab * b) / determinant, (aa * b - ab * a) / determinant]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use classifier::assess::probabilities;

    #[test]
    fn overconfident_scores_are_cooled() {
        // Right three times in four, whatever it says.
        let linear = Array2::from_shape_fn((400, 2), |(_, column)| if column == 0 { 8.0 } else { 0.0 });
        let targets: Vec<usize> = (0..400).map(|row| usize::from(row % 4 == 0)).collect();
        let rows: Vec<usize> = (0..400).collect();
        let mixture = Mixture::fit(&linear, None, &targets, &rows);
        let confidence = probabilities(&[8.0, 0.0], mixture.temperature())[0];
        assert!((confidence - 0.75).abs() < 1e-3, "{confidence}");
        assert_eq!(mixture.vote, 0.0);
    }

    #[test]
    fn votes_that_know_are_heard_and_votes_that_do_not_are_not() {
        let targets: Vec<usize> = (0..300).map(|row| row % 3).collect();
        let rows: Vec<usize> = (0..300).collect();
        let noise = Array2::from_shape_fn((300, 3), |(row, column)| ((row * 3 + column) as f32 * 78.233).sin());
        let knows = Array2::from_shape_fn((300, 3), |(row, column)| {
            if targets[row] == column && row % 10 > 0 {
                0.0
            } else {
                -2.0
            }
        });
        let heard = Mixture::fit(&noise, Some(&knows), &targets, &rows);
        assert!(heard.vote > 0.5 && heard.sharpness < 0.3, "{heard:?}");
        let against = knows.mapv(|value| -value);
        assert!(Mixture::fit(&noise, Some(&against), &targets, &rows).vote < 1e-6);
    }
}
