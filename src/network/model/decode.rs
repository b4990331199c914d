//! Decoding between the known slices of a model: in either order, with context slices and with
//! values above the window.

use ndarray::{Array3, Array4, Axis};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::network::features::{ContextSlices, Features, Pair};
use crate::network::model::Model;
use crate::network::motion::error_head::ErrorHead;
use crate::network::motion::flow::MidpointFlow;
use crate::network::over_range::{OverRange, OverRangePair};
use crate::network::slice_network::{Neighbours, SliceNetwork};

/// Known slices around planes that are decoded together.
struct Batch<'a> {
    slices: [Features; 2],
    context: Option<ContextSlices>,
    over_range: [Option<OverRange>; 2],
    lost_detail: [Option<Tensor>; 2],
    midpoint: Option<&'a MidpointFlow>,
}

impl Batch<'_> {
    fn pair(&self) -> Pair<'_> {
        Pair { slices: self.slices.each_ref(), context: self.context.as_ref() }
    }

    /// Adds the blend of the detail that both slices lost to slices `[N, 1, H, W]` at `alpha`.
    fn carry_detail(&self, slices: Tensor, alpha: &Tensor) -> Result<Tensor> {
        let [Some(first), Some(second)] = &self.lost_detail else { return Ok(slices) };
        let alpha = alpha.f_view([-1, 1, 1, 1])?;
        Ok(slices.f_add(&second.f_add(&first.f_sub(second)?.f_mul(&alpha)?)?)?)
    }
}

/// Computes planes `[N, C, H, W]` between the slices of a batch at alphas `[N]`.
type PlaneFunction<'a> = &'a dyn Fn(&Batch, &Tensor) -> Result<Tensor>;

/// Turns planes of a pair in the opposite order into planes of the pair.
type Reversal = fn(&Tensor) -> Result<Tensor>;

impl Model {
    /// Decodes slices `[fractions, rows, columns]`, and predicts their errors with `error_head`.
    /// Values above the window move along with the tissue.
    pub(super) fn decode_slices(
        &self,
        neighbours: &Neighbours,
        fractions: &[f64],
        error_head: Option<&ErrorHead>,
    ) -> Result<(Array3<f32>, Option<Array3<f32>>)> {
        let decode: PlaneFunction = &|batch, alpha| self.decode_batch_at(batch, alpha, error_head);
        let unchanged: Reversal = |slices| Ok(slices.shallow_clone());
        let planes =
            self.planes(neighbours, fractions, decode, self.ensemble.then_some(unchanged))?;
        let plane = |channel| planes.index_axis(Axis(1), channel).to_owned();
        Ok((plane(0), error_head.map(|_| plane(1))))
    }

    /// Flow fields `[fractions, 4, rows, columns]`, the mean of both orders.
    pub(super) fn mean_flow(
        &self,
        neighbours: &Neighbours,
        fractions: &[f64],
    ) -> Result<Array4<f32>> {
        let flow: PlaneFunction = &|batch, alpha| {
            let flow = self.generator.flow(batch.pair(), batch.midpoint, alpha)?;
            flow.ok_or_else(|| Error::Argument(format!("{} finds no flow", self.system())))
        };
        // In the opposite order the second slice's columns and rows come first.
        let swapped: Reversal = |flow| Ok(flow.f_roll([2], [1])?);
        self.planes(neighbours, fractions, flow, Some(swapped))
    }

    /// Detail `[1, 1, H, W]` that a slice loses on its way through encoder and decoder.
    pub(super) fn lost_detail(&self, slice: &Tensor, features: &Features) -> Result<Tensor> {
        let pair = Pair { slices: [features, features], context: None };
        let reconstruction = self.generator.decode(pair, &self.alpha(&[0.0])?)?;
        Ok(slice.f_sub(&reconstruction)?)
    }

    /// Slices `[N, 1, H, W]`, with `error_head` the predicted errors as a second channel.
    fn decode_batch_at(
        &self,
        batch: &Batch,
        alpha: &Tensor,
        error_head: Option<&ErrorHead>,
    ) -> Result<Tensor> {
        let over_range = batch.over_range.each_ref().map(Option::as_ref);
        let outputs = self.generator.decode_with_outputs(batch.pair(), batch.midpoint, alpha)?;
        let (slices, over_range, first_share) = match &outputs {
            Some(outputs) => (
                outputs.slices.shallow_clone(),
                OverRangePair::warped(over_range, &outputs.flow)?,
                outputs.blend_mask.shallow_clone(),
            ),
            None => (
                batch.carry_detail(self.generator.decode(batch.pair(), alpha)?, alpha)?,
                OverRangePair::of(over_range)?,
                alpha.f_view([-1, 1, 1, 1])?,
            ),
        };
        let mut planes = vec![slices.f_clamp(0.0, 1.0)?];
        if let Some((error_head, outputs)) = error_head.zip(outputs.as_ref()) {
            planes.push(error_head.forward(outputs)?);
        }
        if let Some(over_range) = over_range {
            planes[0] = over_range.add_to(&planes[0], &first_share)?;
            if let Some(errors) = planes.get_mut(1) {
                *errors = over_range.expected_error(errors)?;
            }
        }
        Ok(Tensor::f_cat(&planes, 1)?)
    }

    /// Planes `[fractions, C, rows, columns]` without padding; with `reversal` the mean of those of
    /// the pair in both orders.
    fn planes(
        &self,
        neighbours: &Neighbours,
        fractions: &[f64],
        compute: PlaneFunction,
        reversal: Option<Reversal>,
    ) -> Result<Array4<f32>> {
        let [rows, columns] = neighbours.pair[0].size;
        let alpha = self.alpha(fractions)?;
        let planes = tch::no_grad(|| -> Result<Tensor> {
            let planes = self.in_order(neighbours, false, &alpha, compute)?;
            let Some(reversal) = reversal else { return Ok(planes) };
            let alpha = alpha.f_neg()?.f_add_scalar(1.0)?;
            let reversed = reversal(&self.in_order(neighbours, true, &alpha, compute)?)?;
            Ok(planes.f_add(&reversed)?.f_mul_scalar(0.5)?)
        })?;
        let channels = planes.size4()?.1 as usize;
        let cropped = planes.f_narrow(2, 0, rows as i64)?.f_narrow(3, 0, columns as i64)?;
        let cropped = cropped.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
        let mut values = vec![0f32; cropped.numel()];
        cropped.f_copy_data(&mut values, cropped.numel())?;
        Array4::from_shape_vec((fractions.len(), channels, rows, columns), values)
            .map_err(|error| Error::Torch(error.to_string()))
    }

    /// The paper's alpha `[N]`, counted from the second slice, of fractions from the first.
    fn alpha(&self, fractions: &[f64]) -> Result<Tensor> {
        let alpha: Vec<f32> = fractions.iter().map(|fraction| (1.0 - fraction) as f32).collect();
        Ok(Tensor::f_from_slice(&alpha)?.f_to_device(self.device)?)
    }

    /// Planes of the pair as it is or `reversed`. Its midpoint flow is found once and kept.
    fn in_order(
        &self,
        neighbours: &Neighbours,
        reversed: bool,
        alpha: &Tensor,
        compute: PlaneFunction,
    ) -> Result<Tensor> {
        let midpoint = neighbours.midpoint_flow[usize::from(reversed)].get_or_try_init(|| {
            let batch = self.batch(neighbours, 1, reversed, None)?;
            self.generator.midpoint_flow(batch.pair())
        })?;
        let count = alpha.size1()?;
        compute(&self.batch(neighbours, count, reversed, midpoint.as_ref())?, alpha)
    }

    /// The neighbours `count` times, as they are or `reversed`.
    fn batch<'a>(
        &self,
        neighbours: &Neighbours,
        count: i64,
        reversed: bool,
        midpoint: Option<&'a MidpointFlow>,
    ) -> Result<Batch<'a>> {
        let [first, second] = neighbours.pair;
        let over_range = |slice: &Option<OverRange>| {
            slice.as_ref().map(|over_range| over_range.repeat(count)).transpose()
        };
        let mut batch = Batch {
            slices: [first.features.repeat(count)?, second.features.repeat(count)?],
            context: self.context(neighbours, count)?,
            over_range: [over_range(&first.over_range)?, over_range(&second.over_range)?],
            lost_detail: neighbours
                .pair
                .map(|slice| slice.lost_detail.as_ref().map(Tensor::shallow_clone)),
            midpoint,
        };
        if reversed {
            batch.slices.reverse();
            batch.over_range.reverse();
            batch.lost_detail.reverse();
            batch.context = batch.context.map(ContextSlices::reversed);
        }
        Ok(batch)
    }

    /// Context slices `count` times; `None` where there are none or the generator uses none.
    fn context(&self, neighbours: &Neighbours, count: i64) -> Result<Option<ContextSlices>> {
        if !self.has_context() || neighbours.context.iter().all(Option::is_none) {
            return Ok(None);
        }
        let slice = |end: usize| {
            neighbours.context[end].unwrap_or(neighbours.pair[end]).features.repeat(count)
        };
        let present = |end: usize| -> Result<Tensor> {
            let flag = if neighbours.context[end].is_some() { 1.0 } else { 0.0 };
            let options = (Kind::Float, self.device);
            Ok(Tensor::f_full([count, 1, 1, 1], flag, options)?)
        };
        Ok(Some(ContextSlices {
            slices: [slice(0)?, slice(1)?],
            present: [present(0)?, present(1)?],
        }))
    }
}
