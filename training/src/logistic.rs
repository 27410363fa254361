//! Fits how likely something is so: a logistic regression.

use anyhow::{Result, ensure};

use crate::cost::{Cost, dot, minimise};

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

/// Over the bias and then the weights.
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

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::check_gradient;

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
    fn the_gradient_is_that_of_the_cost() {
        let examples = examples();
        let odds = Odds {
            examples: &examples,
            l2: 0.1,
        };
        check_gradient(&odds, &[0.3, -0.2]);
    }

    #[test]
    fn examples_of_one_outcome_are_an_error() {
        let one_sided: Vec<Example> = examples().into_iter().filter(|example| example.yes).collect();
        assert!(fit_probability(&one_sided, 0.1).is_err());
    }
}
