//! Fits how search weighs its scores.
//!
//! Ranking is a linear model under the softmax over the candidates of each question, its weights never negative (more
//! likeness is never worse).
//! **Source**: Cao and others, Learning to Rank: From Pairwise Approach to Listwise Approach (ListNet), 2007, top one.

use anyhow::{Result, ensure};

use crate::cost::{Cost, dot, minimise};

/// The candidates of one question.
#[derive(Debug, Clone)]
pub struct Question {
    /// One row of features each.
    pub candidates: Vec<Vec<f64>>,
    /// Which of them should be found.
    pub relevant: Vec<bool>,
    /// How much it counts.
    pub weight: f64,
}

/// Weights that put what is relevant first, none negative. **Shape** `[features]`.
///
/// **Errors**: no question with a relevant candidate.
pub fn fit_ranking(questions: &[Question], l2: f64) -> Result<Vec<f64>> {
    let usable: Vec<&Question> = questions.iter().filter(|q| q.relevant.contains(&true)).collect();
    ensure!(!usable.is_empty(), "no question has a relevant candidate to learn from");
    let features = usable[0].candidates[0].len();
    let roots = minimise(&Ranking { questions: usable, l2 }, vec![0.7; features]);
    Ok(roots.iter().map(|root| root * root).collect())
}

/// Over the roots of the weights, so that these cannot be negative.
struct Ranking<'a> {
    questions: Vec<&'a Question>,
    l2: f64,
}

impl Ranking<'_> {
    fn total(&self) -> f64 {
        self.questions.iter().map(|question| question.weight).sum()
    }
}

impl Cost for Ranking<'_> {
    fn cost(&self, roots: &[f64]) -> f64 {
        let weights = squares(roots);
        let losses = self.questions.iter().map(|question| {
            let (all, right) = shares(question, &weights);
            -question.weight * (right / all).max(f64::MIN_POSITIVE).ln()
        });
        losses.sum::<f64>() / self.total() + self.l2 * squared_norm(&weights)
    }

    fn gradient(&self, roots: &[f64]) -> Vec<f64> {
        let weights = squares(roots);
        let mut gradient = vec![0.0; weights.len()];
        for question in &self.questions {
            add_gradient(&mut gradient, question, &weights);
        }
        let slopes = gradient.iter().zip(&weights);
        let slopes = slopes.map(|(g, w)| g / self.total() + 2.0 * self.l2 * w);
        slopes.zip(roots).map(|(slope, root)| slope * 2.0 * root).collect()
    }
}

/// Softmax masses of all candidates and of the relevant ones, on one scale.
fn shares(question: &Question, weights: &[f64]) -> (f64, f64) {
    let masses = masses(question, weights);
    let right = masses.iter().zip(&question.relevant).filter(|(_, yes)| **yes);
    (masses.iter().sum(), right.map(|(mass, _)| mass).sum())
}

fn masses(question: &Question, weights: &[f64]) -> Vec<f64> {
    let scores: Vec<f64> = question.candidates.iter().map(|row| dot(row, weights)).collect();
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter().map(|score| (score - best).exp()).collect()
}

fn add_gradient(gradient: &mut [f64], question: &Question, weights: &[f64]) {
    let masses = masses(question, weights);
    let (all, right) = shares(question, weights);
    for ((row, mass), yes) in question.candidates.iter().zip(masses).zip(&question.relevant) {
        let wanted = if *yes { mass / right.max(f64::MIN_POSITIVE) } else { 0.0 };
        let push = question.weight * (mass / all - wanted);
        gradient.iter_mut().zip(row).for_each(|(g, x)| *g += push * x);
    }
}

fn squares(roots: &[f64]) -> Vec<f64> {
    roots.iter().map(|root| root * root).collect()
}

fn squared_norm(weights: &[f64]) -> f64 {
    weights.iter().map(|w| w * w).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::check_gradient;

    /// Questions whose relevant candidate is best by the first feature; the second is noise.
    fn questions() -> Vec<Question> {
        let noise = |i: usize, j: usize| ((i * 7 + j * 13) as f64 * 12.9898).sin();
        (0..40)
            .map(|i| Question {
                candidates: (0..5)
                    .map(|j| vec![f64::from(u8::from(j == i % 5)) + 0.5 * noise(i, j), noise(j, i)])
                    .collect(),
                relevant: (0..5).map(|j| j == i % 5).collect(),
                weight: 1.0,
            })
            .collect()
    }

    #[test]
    fn what_tells_weighs_more_than_noise_and_nothing_weighs_less_than_nothing() {
        let weights = fit_ranking(&questions(), 1e-3).expect("fits");
        assert!(weights[0] > 5.0 * weights[1], "{weights:?}");
        assert!(weights.iter().all(|weight| *weight >= 0.0));
    }

    #[test]
    fn the_gradient_is_that_of_the_cost() {
        let all = questions();
        let ranking = Ranking {
            questions: all.iter().collect(),
            l2: 0.1,
        };
        check_gradient(&ranking, &[0.8, 0.4]);
    }

    #[test]
    fn nothing_to_learn_from_is_an_error() {
        assert!(fit_ranking(&[], 0.1).is_err());
    }
}
