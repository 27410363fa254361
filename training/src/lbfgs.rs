//! Limited-memory BFGS: the way down a smooth function of very many parameters.
//!
//! Ours, because a head has half a million parameters and argmin's makes a vector anew for every step of the recursion:
//! with it a fit took a third more of the processor.
//! **Source**: Nocedal and Wright, Numerical Optimization, second edition, algorithms 7.4 and 7.5; the line search is that of
//! Lewis and Overton, Nonsmooth optimization via quasi-Newton methods, 2013, algorithm 2.6.

use std::collections::VecDeque;
use std::mem;

/// Steps that the curvature is learnt from.
const MEMORY: usize = 7;
/// Lengths of a step that are tried, at most.
const TRIALS: usize = 20;
/// Share of the fall that the slope promises which a step must bring.
const LEAST_FALL: f64 = 1e-4;
/// Share of the slope that may be left behind a step.
const SLOPE_LEFT: f64 = 0.9;
/// Numbers that are summed side by side.
const LANES: usize = 16;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// After so many steps.
    pub steps: usize,
    /// When the gradient is shorter than this.
    pub gradient: f64,
    /// When a step brings less than this.
    pub fall: f64,
}

/// A place, and what the function is there.
#[derive(Debug, Clone, Default)]
struct Point {
    at: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// A step that was taken and what it did to the gradient: single precision is enough for a guess at the curvature.
struct Step {
    moved: Vec<f32>,
    turned: Vec<f32>,
    /// Of the two.
    product: f64,
}

/// The lowest place found from `start` on. `evaluate` gives the value at a place and writes its gradient.
pub fn minimise(start: Vec<f64>, limits: Limits, mut evaluate: impl FnMut(&[f64], &mut [f64]) -> f64) -> Vec<f64> {
    let mut here = Point {
        gradient: vec![0.0; start.len()],
        at: start,
        value: 0.0,
    };
    here.value = evaluate(&here.at, &mut here.gradient);
    let mut next = here.clone();
    let mut steps: VecDeque<Step> = VecDeque::with_capacity(MEMORY);
    for _ in 0..limits.steps {
        if here.gradient.iter().map(|slope| slope * slope).sum::<f64>().sqrt() < limits.gradient {
            break;
        }
        let direction = downhill(&here, &steps);
        if !go_down(&here, &direction, &mut next, &mut evaluate) {
            break;
        }
        let fall = here.value - next.value;
        let forgotten = (steps.len() == MEMORY).then(|| steps.pop_front()).flatten();
        let step = Step::between(&here, &next, forgotten);
        if step.product > 0.0 {
            steps.push_back(step);
        }
        mem::swap(&mut here, &mut next);
        if fall < limits.fall {
            break;
        }
    }
    here.at
}

/// Where to go: against the gradient, as the steps so far have bent it.
fn downhill(here: &Point, steps: &VecDeque<Step>) -> Vec<f32> {
    let mut direction: Vec<f32> = here.gradient.iter().map(|&slope| -slope as f32).collect();
    let mut shares = Vec::with_capacity(steps.len());
    for step in steps.iter().rev() {
        let share = dot(&step.moved, &direction) / step.product;
        add(&mut direction, -share as f32, &step.turned);
        shares.push(share);
    }
    if let Some(last) = steps.back() {
        let scale = (last.product / dot(&last.turned, &last.turned)) as f32;
        direction.iter_mut().for_each(|x| *x *= scale);
    }
    for (step, share) in steps.iter().zip(shares.into_iter().rev()) {
        let other = dot(&step.turned, &direction) / step.product;
        add(&mut direction, (share - other) as f32, &step.moved);
    }
    direction
}

/// Looks for a step in the direction that brings enough; says whether there is one, `next` being behind it.
fn go_down(
    here: &Point,
    direction: &[f32],
    next: &mut Point,
    evaluate: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
) -> bool {
    let slope_at = |gradient: &[f64]| {
        let products = gradient
            .iter()
            .zip(direction)
            .map(|(slope, &way)| slope * f64::from(way));
        products.sum::<f64>()
    };
    let slope = slope_at(&here.gradient);
    if slope.is_nan() || slope >= 0.0 {
        return false;
    }
    let (mut too_short, mut too_long, mut length) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..TRIALS {
        for ((to, from), &way) in next.at.iter_mut().zip(&here.at).zip(direction) {
            *to = from + length * f64::from(way);
        }
        next.value = evaluate(&next.at, &mut next.gradient);
        // Not a number is no fall.
        let falls = next.value <= here.value + LEAST_FALL * length * slope;
        if !falls {
            too_long = length;
        } else if slope_at(&next.gradient) < SLOPE_LEFT * slope {
            too_short = length;
        } else {
            return true;
        }
        length = if too_long.is_finite() {
            f64::midpoint(too_short, too_long)
        } else {
            2.0 * too_short
        };
    }
    false
}

impl Step {
    /// In the buffers of one that is forgotten, if there is one.
    fn between(from: &Point, to: &Point, forgotten: Option<Step>) -> Self {
        let (mut moved, mut turned) = forgotten.map_or_else(Default::default, |step| (step.moved, step.turned));
        difference(&mut moved, &from.at, &to.at);
        difference(&mut turned, &from.gradient, &to.gradient);
        Self {
            product: dot(&moved, &turned),
            moved,
            turned,
        }
    }
}

fn difference(into: &mut Vec<f32>, from: &[f64], to: &[f64]) {
    into.clear();
    into.extend(to.iter().zip(from).map(|(to, from)| (to - from) as f32));
}

fn add(to: &mut [f32], times: f32, what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let product = |(a, b): (&f32, &f32)| f64::from(*a) * f64::from(*b);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += product((&a[lane], &b[lane]));
        }
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(product).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        steps: 200,
        gradient: 1e-8,
        fall: 0.0,
    };

    #[test]
    fn the_bottom_of_a_bent_valley_is_found() {
        // Rosenbrock's, in twenty dimensions.
        let found = minimise(vec![-1.2; 20], LIMITS, |x, gradient| {
            gradient.fill(0.0);
            let mut value = 0.0;
            for i in 0..x.len() - 1 {
                let (rise, run) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
                value += 100.0 * rise * rise + run * run;
                gradient[i] += -400.0 * x[i] * rise - 2.0 * run;
                gradient[i + 1] += 200.0 * rise;
            }
            value
        });
        assert!(found.iter().all(|x| (x - 1.0).abs() < 1e-4), "{found:?}");
    }

    #[test]
    fn a_place_where_the_function_has_no_value_is_kept_away_from() {
        let found = minimise(vec![4.0], LIMITS, |x, gradient| {
            gradient[0] = 1.0 - 1.0 / x[0];
            x[0] - x[0].ln()
        });
        assert!((found[0] - 1.0).abs() < 1e-5, "{found:?}");
    }

    #[test]
    fn nothing_moves_where_it_is_flat() {
        assert_eq!(minimise(vec![3.0, 4.0], LIMITS, |_, _| 7.0), [3.0, 4.0]);
    }
}
