//! What costs candle most in a BERT, each in one pass over memory and with its gradient: maps, norms, GELU, softmax.
//!
//! candle differentiates a norm or a GELU as a dozen operations, each of which writes a tensor on one thread; on the
//! processor that takes longer than the products. Elsewhere its own operations serve.

mod attention;
mod gelu;
mod linear;
mod norm;
mod rows;

pub use attention::attention;
pub use gelu::gelu;
pub use linear::linear;
pub use norm::norm;
pub use rows::{CHUNK, values};

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use candle_core::{D, DType, Device, Result, Tensor, Var};
    use candle_nn::ops::softmax;

    /// A tensor of values between about -3 and 3.
    fn waves(shape: &[usize], salt: f64) -> Var {
        let count: usize = shape.iter().product();
        let wave = |at: usize| ((at as f64 * 0.7 + salt).sin() * 3.0) as f32;
        let values: Vec<f32> = (0..count).map(wave).collect();
        Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
    }

    /// The same values, and the same slopes of every input, as candle's own operations give.
    fn check(inputs: &[&Var], fused: impl Fn() -> Result<Tensor>, plain: impl Fn() -> Result<Tensor>) {
        let (fused, plain) = (fused().unwrap(), plain().unwrap());
        close(&fused, &plain);
        let shape = fused.dims().to_vec();
        let weights = waves(&shape, 0.3).as_detached_tensor();
        let slopes = |made: &Tensor| (made * &weights).unwrap().sum_all().unwrap().backward().unwrap();
        let (fused, plain) = (slopes(&fused), slopes(&plain));
        for input in inputs {
            close(fused.get(input).unwrap(), plain.get(input).unwrap());
        }
    }

    fn close(one: &Tensor, other: &Tensor) {
        let difference = (one - other)
            .unwrap()
            .abs()
            .unwrap()
            .flatten_all()
            .unwrap()
            .max(0)
            .unwrap();
        let difference: f32 = difference.to_dtype(DType::F32).unwrap().to_scalar().unwrap();
        assert!(difference < 2e-5, "{difference}");
    }

    #[test]
    fn linear_is_a_product_and_a_sum() {
        let (states, weight, bias) = (waves(&[7, 5], 0.0), waves(&[3, 5], 1.0), waves(&[3], 2.0));
        let fused = || linear(&states, &weight, &bias);
        check(&[&states, &weight, &bias], fused, || {
            states.matmul(&weight.t()?)?.broadcast_add(&bias)
        });
    }

    #[test]
    fn norm_is_a_dozen_operations() {
        let (states, weight, bias) = (waves(&[6, 37], 0.0), waves(&[37], 1.0), waves(&[37], 2.0));
        let fused = || norm(&states, &weight, &bias, 1e-12);
        check(&[&states, &weight, &bias], fused, || {
            let centred = states.broadcast_sub(&states.mean_keepdim(D::Minus1)?)?;
            let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + 1e-12)?.sqrt()?;
            let scaled = centred.broadcast_div(&deviation)?;
            scaled.broadcast_mul(&weight)?.broadcast_add(&bias)
        });
    }

    #[test]
    fn gelu_is_that_of_the_error_function() {
        let states = waves(&[50, 40], 0.0);
        check(&[&states], || gelu(&states), || states.gelu_erf());
    }

    #[test]
    fn attention_gives_padding_nothing() {
        let scores = waves(&[2, 3, 5, 5], 0.0);
        let mask: Vec<f32> = [3, 5]
            .iter()
            .flat_map(|&length| (0..5).map(move |key| if key < length { 0.0 } else { -1e4 }))
            .collect();
        let mask = Tensor::from_vec(mask, (2, 1, 1, 5), &Device::Cpu).unwrap();
        let fused = || attention(&scores, &Arc::from([3, 5]), 0.5);
        check(&[&scores], fused, || {
            softmax(&(scores.as_tensor() * 0.5)?.broadcast_add(&mask)?, D::Minus1)
        });
    }
}
