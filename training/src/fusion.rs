//! Fits two small linear models: how search weighs its scores, and how likely something is so.
//!
//! Ranking is a linear model under the softmax over the candidates of each question, its weights never negative (more
//! likeness is never worse). A probability is a logistic regression.
//! **Source**: Cao and others, Learning to Rank: From Pairwise Approach to Listwise Approach (ListNet), 2007, top one.

use anyhow::{Result, ensure};

use crate::lbfgs::{self, Limits};

/// These are small problems: they are followed to the bottom.
const LIMITS: Limits = Limits {
    steps: 200,
    gradient: 1e-8,
    fall: 1e-9,
};

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

/// One thing that is so or not.
#[derive(Debug, Clone)]
pub struct Example {
    /// What is known of it.
    pub features: Vec<f64>,
    /// Whether it is so.
    pub yes: bool,
    /// How much it counts.
    pub weight: f64,
}

/// A logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// Log-odds where every feature is 0.
    pub bias: f64,
    /// One a feature.
    pub weights: Vec<f64>,
}

impl Logistic {
    /// The probability, 0 to 1.
    pub fn probability(&self, features: &[f64]) -> f64 {
        sigmoid(self.bias + dot(&self.weights, features))
    }
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

/// A probability that is right as often as it says.
///
/// **Errors**: examples of one outcome only.
pub fn fit_probability(examples: &[Example], l2: f64) -> Result<Logistic> {
    let has = |outcome: bool| examples.iter().any(|example| example.yes == outcome);
    ensure!(has(true) && has(false), "a probability needs examples of both outcomes");
    let start = vec![0.0; examples[0].features.len() + 1];
    let fitted = minimise(&Odds { examples, l2 }, start);
    Ok(Logistic {
        bias: fitted[0],
        weights: fitted[1..].to_vec(),
    })
}

/// What is made as small as it can be.
trait Cost {
    fn cost(&self, at: &[f64]) -> f64;
    fn gradient(&self, at: &[f64]) -> Vec<f64>;
}

fn minimise(problem: &impl Cost, start: Vec<f64>) -> Vec<f64> {
    lbfgs::minimise(start, LIMITS, |at, gradient| {
        gradient.copy_from_slice(&problem.gradient(at));
        problem.cost(at)
    })
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

struct Odds<'a> {
    examples: &'a [Example],
    l2: f64,
}

impl Odds<'_> {
    fn total(&self) -> f64 {
        self.examples.iter().map(|example| example.weight).sum()
    }
}

impl Cost for Odds<'_> {
    fn cost(&self, p: &[f64]) -> f64 {
        let (bias, weights) = (p[0], &p[1..]);
        let losses = self.examples.iter().map(|example| {
            let odds = bias + dot(weights, &example.features);
            // ln(1 + e^-x) without overflow
            let margin = if example.yes { odds } else { -odds };
            example.weight * ((-margin.abs()).exp().ln_1p() + (-margin).max(0.0))
        });
        let penalty = weights.iter().map(|w| w * w).sum::<f64>();
        losses.sum::<f64>() / self.total() + self.l2 * penalty
    }

    fn gradient(&self, p: &[f64]) -> Vec<f64> {
        let (bias, weights) = (p[0], &p[1..]);
        let total = self.total();
        let mut gradient = vec![0.0; p.len()];
        for example in self.examples {
            let said = sigmoid(bias + dot(weights, &example.features));
            let push = example.weight / total * (said - f64::from(u8::from(example.yes)));
            gradient[0] += push;
            let slopes = gradient.iter_mut().skip(1).zip(&example.features);
            slopes.for_each(|(g, x)| *g += push * x);
        }
        let penalised = gradient.iter_mut().skip(1).zip(weights);
        penalised.for_each(|(g, w)| *g += 2.0 * self.l2 * w);
        gradient
    }
}

fn squares(roots: &[f64]) -> Vec<f64> {
    roots.iter().map(|root| root * root).collect()
}

fn squared_norm(weights: &[f64]) -> f64 {
    weights.iter().map(|w| w * w).sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn gradients_are_those_of_the_costs() {
        let all = questions();
        let ranking = Ranking {
            questions: all.iter().collect(),
            l2: 0.1,
        };
        check_gradient(&ranking, &[0.8, 0.4]);
        let examples = examples();
        check_gradient(
            &Odds {
                examples: &examples,
                l2: 0.1,
            },
            &[0.3, -0.2],
        );
    }

    fn check_gradient(problem: &impl Cost, at: &[f64]) {
        let gradient = problem.gradient(at);
        for i in 0..at.len() {
            let [low, high] = [-1e-5, 1e-5].map(|step| {
                let mut near = at.to_vec();
                near[i] += step;
                problem.cost(&near)
            });
            assert!((gradient[i] - (high - low) / 2e-5).abs() < 1e-6, "{i}: {gradient:?}");
        }
    }

    /// Yes three times in four above zero, once in four below.
    fn examples() -> Vec<Example> {
        (0..400)
            .map(|i| {
                let above = i % 2 == 0;
                Example {
                    features: vec![if above { 1.0 } else { -1.0 }],
                    yes: (i / 2 % 4 != 0) == above,
                    weight: 1.0,
                }
            })
            .collect()
    }

    #[test]
    fn a_probability_is_right_as_often_as_it_says() {
        let fitted = fit_probability(&examples(), 0.0).expect("fits");
        assert!((fitted.probability(&[1.0]) - 0.75).abs() < 1e-3, "{fitted:?}");
        assert!((fitted.probability(&[-1.0]) - 0.25).abs() < 1e-3, "{fitted:?}");
    }

    #[test]
    fn nothing_to_learn_from_is_an_error() {
        assert!(fit_ranking(&[], 0.1).is_err());
        let one_sided: Vec<Example> = examples().into_iter().filter(|example| example.yes).collect();
        assert!(fit_probability(&one_sided, 0.1).is_err());
    }
}
