//! What a model makes of the known slices around new ones: in either order, with what lies beyond the pair and
//! above the window.

use ndarray::{Array3, Array4, Axis};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::network::features::{ContextSlices, Features, Pair};
use crate::network::model::Model;
use crate::network::motion::error_head::ErrorHead;
use crate::network::over_range::OverRangePair;
use crate::network::slice_network::{Neighbours, SliceNetwork};

/// What a generator makes of two batches of encoded slices at alphas `[N]`.
pub(crate) type OfPair<'a> = &'a dyn Fn(Pair, &Tensor) -> Result<Tensor>;

impl Model {
    /// The slices between two, `[alphas, rows, columns]`, and what a confidence expects of them where one is given; as
    /// they are or from both orders. What lies above the window in the two moves along with the tissue.
    pub(crate) fn decoded(
        &self,
        neighbours: &Neighbours,
        alphas: &[f64],
        confidence: Option<&ErrorHead>,
    ) -> Result<(Array3<f32>, Option<Array3<f32>>)> {
        let make: OfPair = &|pair, alphas| {
            let has_above = pair.above().iter().any(Option::is_some);
            let evidence = match has_above || confidence.is_some() {
                true => self.generator.decode_with_outputs(pair, alphas)?,
                false => None,
            };
            let made = match &evidence {
                Some(evidence) => evidence.made.f_clamp(0.0, 1.0)?,
                None => self.generator.decode(pair, alphas)?.f_clamp(0.0, 1.0)?,
            };
            let mut planes = vec![made];
            if let Some((confidence, evidence)) = confidence.zip(evidence.as_ref()) {
                planes.push(confidence.forward(evidence)?);
            }
            let (above, share) = match evidence {
                Some(evidence) => {
                    (OverRangePair::moved(pair.above(), &evidence.motion)?, evidence.mask)
                }
                None => (
                    OverRangePair::of(pair.above())?,
                    alphas.f_view([-1, 1, 1, 1])?.f_to_kind(Kind::Float)?,
                ),
            };
            if let Some(above) = above {
                planes[0] = above.onto(&planes[0], &share)?;
                if let Some(expected) = planes.get_mut(1) {
                    *expected = above.doubt(expected)?;
                }
            }
            Ok(Tensor::f_cat(&planes, 1)?)
        };
        let as_it_is: fn(&Tensor) -> Result<Tensor> = |made| Ok(made.shallow_clone());
        let values =
            self.of_pair(neighbours, alphas, make, self.both_orders.then_some(as_it_is))?;
        let [rows, columns] = neighbours.pair[0].size;
        let planes = 1 + usize::from(confidence.is_some());
        let all = Array4::from_shape_vec((alphas.len(), planes, rows, columns), values)
            .map_err(|error| Error::Torch(error.to_string()))?;
        let plane = |index| all.index_axis(Axis(1), index).to_owned();
        Ok((plane(0), confidence.map(|_| plane(1))))
    }

    /// What `make` makes of a pair at `alphas`, without padding, in order of memory. With `turn`, the
    /// mean of that and of what it makes of the pair in the other order, turned round.
    pub(crate) fn of_pair(
        &self,
        neighbours: &Neighbours,
        alphas: &[f64],
        make: OfPair,
        turn: Option<fn(&Tensor) -> Result<Tensor>>,
    ) -> Result<Vec<f32>> {
        let [rows, columns] = neighbours.pair[0].size;
        let alphas: Vec<f32> = alphas.iter().map(|&alpha| alpha as f32).collect();
        let alphas = Tensor::f_from_slice(&alphas)?.f_to_device(self.device)?;
        let alphas = alphas.f_to_kind(self.precision.kind())?;
        let planes = tch::no_grad(|| -> Result<Tensor> {
            let made = self.in_order(neighbours, false, &alphas, make)?;
            let Some(turn) = turn else { return Ok(made) };
            let alphas = alphas.f_neg()?.f_add_scalar(1.0)?;
            let other = self.in_order(neighbours, true, &alphas, make)?;
            Ok(made.f_add(&turn(&other)?)?.f_mul_scalar(0.5)?)
        })?;
        let cut = planes.f_narrow(2, 0, rows as i64)?.f_narrow(3, 0, columns as i64)?;
        let cut = cut.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
        let mut values = vec![0f32; cut.numel()];
        cut.f_copy_data(&mut values, cut.numel())?;
        Ok(values)
    }

    /// What `make` makes of a pair as it is or `reversed`. What it finds of the pair as a whole is kept with the
    /// neighbours, for the next alphas.
    fn in_order(
        &self,
        neighbours: &Neighbours,
        reversed: bool,
        alphas: &Tensor,
        make: OfPair,
    ) -> Result<Tensor> {
        let batch = |count: i64| -> Result<([Features; 2], Option<ContextSlices>)> {
            let [first, second] = neighbours.pair;
            let mut slices = [first.features.repeat(count)?, second.features.repeat(count)?];
            let mut around = self.around(neighbours, count)?;
            if reversed {
                slices.reverse();
                around = around.map(ContextSlices::reversed);
            }
            Ok((slices, around))
        };
        let found = &neighbours.found[usize::from(reversed)];
        if found.get().is_none() {
            let (slices, around) = batch(1)?;
            let pair =
                Pair { slices: slices.each_ref(), around: around.as_ref(), midpoint_flow: None };
            let _ = found.set(self.generator.midpoint_flow(pair)?);
        }
        let midpoint_flow = found.get().and_then(Option::as_ref);
        let (slices, around) = batch(alphas.size1()?)?;
        make(Pair { slices: slices.each_ref(), around: around.as_ref(), midpoint_flow }, alphas)
    }

    /// The slices beyond a pair, `count` times; `None` where there are none, or none are seen.
    fn around(&self, neighbours: &Neighbours, count: i64) -> Result<Option<ContextSlices>> {
        if !self.has_context() || neighbours.beyond.iter().all(Option::is_none) {
            return Ok(None);
        }
        let slices = |end: usize| {
            neighbours.beyond[end].unwrap_or(neighbours.pair[end]).features.repeat(count)
        };
        let there = |end: usize| -> Result<Tensor> {
            let flag = if neighbours.beyond[end].is_some() { 1.0 } else { 0.0 };
            let options = (self.precision.kind(), self.device);
            Ok(Tensor::f_full([count, 1, 1, 1], flag, options)?)
        };
        Ok(Some(ContextSlices { slices: [slices(0)?, slices(1)?], there: [there(0)?, there(1)?] }))
    }
}
