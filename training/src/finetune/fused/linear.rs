//! Linear maps with their bias; the gradients are products without a transposed copy.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};
use rayon::iter::ParallelIterator;

use super::rows::{column_sums, in_rows, values};

/// `states · weightᵀ + bias`.
///
/// **Shape**: `[rows, in]`, `[out, in]`, `[out]` → `[rows, out]`.
pub fn linear(states: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    states.apply_op3(weight, bias, Linear)
}

struct Linear;

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        states: &CpuStorage,
        states_at: &Layout,
        weight: &CpuStorage,
        weight_at: &Layout,
        bias: &CpuStorage,
        bias_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let ((rows, width), (out, _)) = (states_at.shape().dims2()?, weight_at.shape().dims2()?);
        let sizes = (1, rows, out, width);
        let product = states.matmul(weight, sizes, states_at, &weight_at.transpose(0, 1)?)?;
        let CpuStorage::F32(mut sums) = product else {
            return Err(Error::UnsupportedDTypeForOp(product.dtype(), "linear"));
        };
        let bias = values(bias, bias_at)?;
        in_rows(&mut sums, out).for_each(|rows| {
            rows.chunks_exact_mut(out)
                .for_each(|row| row.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias));
        });
        Ok((CpuStorage::F32(sums), (rows, out).into()))
    }

    fn bwd(
        &self,
        states: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        slope: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let wanted = |tensor: &Tensor, slope: &dyn Fn() -> Result<Tensor>| tensor.track_op().then(slope).transpose();
        Ok((
            wanted(states, &|| slope.matmul(&weight.detach()))?,
            wanted(weight, &|| slope.t()?.matmul(&states.detach()))?,
            wanted(bias, &|| column_sums(slope))?,
        ))
    }
}
