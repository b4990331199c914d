//! Values above the grey window: dense bone, teeth, metal.
//!
//! A network sees grey values up to 1. What exceeds them bypasses it and moves with the tissue: it
//! is warped and blended as the network warps and blends the slices themselves. Unwarped, a bone
//! that moves would lose its core and leave two shadows of it. Where both slices agree above the
//! window, values stay unwarped: flow that is only guessed would smear a wire by a tenth of a
//! pixel.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::warp::warp_pair;
use crate::network::roi::Roi;

/// Excess over the window, as a part of its width (100 HU of 2000), from which on in both slices
/// the network has seen less and less but saturation; from twice this on saturation alone.
const SATURATED: f64 = 0.05;

/// Root mean squared difference of both slices' excess, in grey values, at which half of the flow
/// is trusted (20 HU of 2000).
const HALF_TRUST: f64 = 0.01;

/// Pixels between the centres of the windows of that mean, each twice as wide.
const STEP: i64 = 8;

/// Excess of slices over the grey window, in grey values `[N, 1, H, W]`; 0 within the window.
pub struct OverRange {
    values: Tensor,
    /// Bounding rectangle of the values above 0.
    roi: Roi,
}

impl OverRange {
    /// Excess of grey values over 1; `None` where there is none.
    pub fn of(grey: &Tensor) -> Result<Option<OverRange>> {
        let values = grey.f_sub_scalar(1.0)?.f_clamp_min(0.0)?;
        Ok(Roi::of(&values)?.map(|roi| OverRange { values, roi }))
    }

    /// The same excess for another thread, as a view.
    pub(crate) fn share(&self) -> OverRange {
        OverRange { values: self.values.shallow_clone(), roi: self.roi }
    }

    /// The excess of one slice as a batch of `count` equal ones, as a view.
    pub(crate) fn repeat(&self, count: i64) -> Result<OverRange> {
        let values = self.values.f_expand([count, -1, -1, -1], false)?;
        Ok(OverRange { values, roi: self.roi })
    }
}

/// Excess of both slices of a pair over the grey window, within a region that holds all of it.
pub struct OverRangePair {
    slices: [Tensor; 2],
    roi: Roi,
}

impl OverRangePair {
    /// Excess of the slices of a pair, unwarped; `None` where neither has any.
    pub fn of(pair: [Option<&OverRange>; 2]) -> Result<Option<OverRangePair>> {
        Self::within(pair, |roi, _| Ok(roi))
    }

    /// Excess of the slices of a pair, warped along `flow` `[N, 4, H, W]`, of sides that are
    /// multiples of 16, as far as both slices differ; `None` where neither has any.
    pub fn warped(pair: [Option<&OverRange>; 2], flow: &Tensor) -> Result<Option<OverRangePair>> {
        // Beyond the longest flow no value arrives, and no difference enters the mean.
        let reached = |roi: Roi, sides: [i64; 2]| {
            let (min, max) = flow.f_aminmax(None, false)?;
            let reach = max.f_maximum(&min.f_neg()?)?.f_double_value(&[])?.ceil();
            let reach = reach.min(sides[0].max(sides[1]) as f64) as i64;
            Ok(roi.dilated((reach + 1).max(2 * STEP), STEP, sides))
        };
        let Some(unwarped) = Self::within(pair, reached)? else { return Ok(None) };
        let ([first, second], roi) = (&unwarped.slices, unwarped.roi);
        let squares = first.f_sub(second)?.f_square()?;
        let mean = squares.f_avg_pool2d(2 * STEP, STEP, STEP / 2, false, false, None)?;
        let trust = mean.f_div(&mean.f_add_scalar(HALF_TRUST * HALF_TRUST)?)?;
        let (_, _, rows, columns) = squares.size4()?;
        let trust = trust.f_upsample_bilinear2d([rows, columns], false, None, None)?;
        let (warped_first, warped_second) = warp_pair(first, second, &roi.crop(flow)?)?;
        let slices = [
            first.f_lerp_tensor(&warped_first, &trust)?,
            second.f_lerp_tensor(&warped_second, &trust)?,
        ];
        Ok(Some(OverRangePair { slices, roi }))
    }

    /// Adds the excess to decoded grey values `[N, 1, H, W]` in [0, 1]: the first slice's by its
    /// share, 0 to 1, and the second's by the rest.
    pub fn add_to(&self, slices: &Tensor, first_share: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.slices;
        let decoded = self.roi.crop(slices)?;
        let decoded = decoded.f_lerp_tensor(&decoded.f_ones_like()?, &self.saturation()?)?;
        let share = self.roi.crop(&first_share.f_expand_as(slices)?)?;
        self.roi.paste(&decoded.f_add(&second.f_lerp_tensor(first, &share)?)?, slices)
    }

    /// Adds half of the difference of both slices' excess to the errors that a network expects, in
    /// grey values. The half is not learnt: midway between both values, a blend is off by at most
    /// as much if the real value is between them.
    pub fn expected_error(&self, errors: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.slices;
        let seen = self.saturation()?.f_neg()?.f_add_scalar(1.0)?;
        let of_network = self.roi.crop(errors)?.f_mul(&seen)?;
        let difference = first.f_sub(second)?.f_abs()?;
        self.roi.paste(&of_network.f_add(&difference.f_mul_scalar(0.5)?)?, errors)
    }

    /// How far both slices are saturated, 0 to 1. A threshold would leave single pixels that differ
    /// from their neighbours by hundreds of HU.
    fn saturation(&self) -> Result<Tensor> {
        let [first, second] = &self.slices;
        let beyond = first.f_minimum(second)?.f_sub_scalar(SATURATED)?;
        Ok(beyond.f_div_scalar(SATURATED)?.f_clamp(0.0, 1.0)?)
    }

    /// Excess of a pair within the region that `extend` returns for the bounding rectangle of both
    /// and the sides of the plane.
    fn within(
        [first, second]: [Option<&OverRange>; 2],
        extend: impl Fn(Roi, [i64; 2]) -> Result<Roi>,
    ) -> Result<Option<OverRangePair>> {
        let Some(any) = first.or(second) else { return Ok(None) };
        let (_, _, rows, columns) = any.values.size4()?;
        let both = [first, second].into_iter().flatten().map(|slice| slice.roi);
        let roi = extend(both.fold(any.roi, Roi::union), [rows, columns])?;
        let values = |slice: Option<&OverRange>| match slice {
            Some(slice) => roi.crop(&slice.values),
            None => Ok(roi.crop(&any.values)?.f_zeros_like()?),
        };
        Ok(Some(OverRangePair { slices: [values(first)?, values(second)?], roi }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn row(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([1, 1, 1, -1])
    }

    fn max_difference(one: &Tensor, other: &Tensor) -> f64 {
        (one - other).abs().max().double_value(&[])
    }

    #[test]
    fn excess_is_blended_and_replaces_saturated_values() {
        let first = OverRange::of(&row(&[0.3, 2.0, 2.0, 1.02, 0.0])).unwrap();
        let second = OverRange::of(&row(&[1.0, 1.2, 1.0, 1.04, 0.0])).unwrap();
        let over_range = OverRangePair::of([first.as_ref(), second.as_ref()]).unwrap().unwrap();
        assert_eq!(over_range.roi, Roi([[0, 1], [1, 4]]));
        let share = Tensor::from_slice(&[0.25f32]).view([1, 1, 1, 1]);
        let sum = over_range.add_to(&row(&[0.9; 5]), &share).unwrap();
        assert!(max_difference(&sum, &row(&[0.9, 1.4, 1.15, 0.935, 0.9])) < 1e-6, "{sum}");
        let error = over_range.expected_error(&row(&[0.1; 5])).unwrap();
        assert!(max_difference(&error, &row(&[0.1, 0.4, 0.6, 0.11, 0.1])) < 1e-6, "{error}");
    }

    #[test]
    fn result_is_continuous_in_the_excess() {
        let count = 400;
        let excess: Vec<f32> = (0..count).map(|index| 1.0 + index as f32 / 1000.0).collect();
        let both = OverRange::of(&row(&excess)).unwrap();
        let over_range = OverRangePair::of([both.as_ref(), both.as_ref()]).unwrap().unwrap();
        let share = Tensor::from_slice(&[0.5f32]).view([1, 1, 1, 1]);
        let sum = over_range.add_to(&row(&vec![0.8; count]), &share).unwrap();
        let error = over_range.expected_error(&row(&vec![0.1; count])).unwrap();
        for values in [sum, error] {
            let steps = values.diff(1, -1, None::<Tensor>, None::<Tensor>).abs().max();
            // 0.2 within 50 steps, and the excess itself.
            assert!(steps.double_value(&[]) < 0.0051, "{steps}");
        }
    }

    #[test]
    fn slices_within_the_window_have_no_over_range() {
        assert!(OverRange::of(&row(&[0.0, 1.0])).unwrap().is_none());
        assert!(OverRangePair::of([None, None]).unwrap().is_none());
    }

    #[test]
    fn bounding_rectangle_gives_the_result_of_the_whole_plane() {
        tch::manual_seed(4);
        let options = (Kind::Float, Device::Cpu);
        // A few spots without common pixels, one of them at the border.
        let spots = |corners: &[[i64; 2]]| {
            let grey = Tensor::zeros([1, 1, 128, 160], options);
            for &[row, column] in corners {
                let _ = grey.narrow(2, row, 5).narrow(3, column, 7).uniform_(0.5, 2.5);
            }
            grey
        };
        let grey = [spots(&[[50, 60], [60, 90]]), spots(&[[52, 63], [64, 153]])];
        let flow = Tensor::randn([1, 4, 16, 20], options).upsample_bilinear2d(
            [128, 160],
            false,
            None,
            None,
        ) * 4.0;
        let (slices, share) =
            (Tensor::rand([1, 1, 128, 160], options), Tensor::rand([1, 1, 128, 160], options));
        let result = |whole_plane: bool| {
            let [first, second] = grey.each_ref().map(|grey| {
                let over_range = OverRange::of(grey).unwrap().unwrap();
                let roi = if whole_plane { Roi([[0, 128], [0, 160]]) } else { over_range.roi };
                OverRange { roi, ..over_range }
            });
            let over_range =
                OverRangePair::warped([Some(&first), Some(&second)], &flow).unwrap().unwrap();
            (
                over_range.roi,
                over_range.add_to(&slices, &share).unwrap(),
                over_range.expected_error(&slices).unwrap(),
            )
        };
        let (roi, sum, error) = result(false);
        let (_, whole_sum, whole_error) = result(true);
        assert!(roi.0[0][0] > 0 && roi.0[1][0] > 0 && roi.0[0][1] < 128, "{roi:?}");
        assert!(max_difference(&sum, &whole_sum) < 1e-4);
        assert!(max_difference(&error, &whole_error) < 1e-4);
        assert!(max_difference(&sum, &slices) > 0.5);
    }
}
