//! What lies above the grey window: dense bone, teeth, metal.
//!
//! A network sees grey values up to 1. What is above is carried past it, and moves with the tissue: it is warped
//! and mixed as the network warps and mixes the slices themselves. Left where it stands, a bone that moved would
//! lose its core and leave two shadows of it. Where both slices are the same above the window it does stay: a wire
//! would be smeared by a tenth of a pixel of motion that is only guessed.

use tch::Tensor;

use crate::error::Result;
use crate::network::nn::warp::warp_both;
use crate::network::roi::Roi;

/// OverRangePair the window by more than this part of its width (100 HU of 2000) in both slices, the network has seen
/// nothing but saturation.
const SATURATED: f64 = 0.05;

/// Root of the mean squared difference of both slices above the window, in grey values, at which half of the motion
/// is trusted (20 HU of a window of 2000).
const NOTICED: f64 = 0.01;

/// Pixels between the places where that mean is taken, over twice as many.
const STEP: i64 = 8;

/// What of slices lies above the window, in grey values `[N, 1, H, W]`: 0 within it.
pub struct OverRange {
    values: Tensor,
    /// All that is not 0 lies here.
    place: Roi,
}

impl OverRange {
    /// Of grey values; `None` where nothing is above 1.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn of(grey: &Tensor) -> Result<Option<OverRange>> {
        let values = grey.f_sub_scalar(1.0)?.f_clamp_min(0.0)?;
        Ok(Roi::of(&values)?.map(|place| OverRange { values, place }))
    }

    /// The same of other slices of the batch, or of one of them several times.
    pub(crate) fn each(&self, change: impl Fn(&Tensor) -> Result<Tensor>) -> Result<OverRange> {
        Ok(OverRange { values: change(&self.values)?, place: self.place })
    }
}

/// What of both slices of a pair lies above the window, within a place of the plane that holds all of it.
pub struct OverRangePair {
    slices: [Tensor; 2],
    place: Roi,
}

impl OverRangePair {
    /// Of the slices of a pair, as it stands; `None` where nothing does.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn of(pair: [Option<&OverRange>; 2]) -> Result<Option<OverRangePair>> {
        Self::within(pair, |place, _| Ok(place))
    }

    /// Of the slices of a pair, moved to planes in between as far as both slices differ around: `motion`
    /// `[N, 4, H, W]` as of [`super::motion::Motion::fields`], sides multiples of 16.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn moved(pair: [Option<&OverRange>; 2], motion: &Tensor) -> Result<Option<OverRangePair>> {
        // Further away nothing comes to lie, and nothing differs in what a pixel is compared by.
        let around = |place: Roi, sides: [i64; 2]| {
            let (least, most) = motion.f_aminmax(None, false)?;
            let reach = most.f_maximum(&least.f_neg()?)?.f_double_value(&[])?.ceil();
            let reach = reach.min(sides[0].max(sides[1]) as f64) as i64;
            Ok(place.extended((reach + 1).max(2 * STEP), STEP, sides))
        };
        let Some(above) = Self::within(pair, around)? else { return Ok(None) };
        let ([first, second], place) = (&above.slices, above.place);
        let squares = first.f_sub(second)?.f_square()?;
        let around = squares.f_avg_pool2d(2 * STEP, STEP, STEP / 2, false, false, None)?;
        let trust = around.f_div(&around.f_add_scalar(NOTICED * NOTICED)?)?;
        let (_, _, rows, columns) = squares.size4()?;
        let trust = trust.f_upsample_bilinear2d([rows, columns], false, None, None)?;
        let (moved_first, moved_second) = warp_both(first, second, &place.cut(motion)?)?;
        let slices = [
            first.f_lerp_tensor(&moved_first, &trust)?,
            second.f_lerp_tensor(&moved_second, &trust)?,
        ];
        Ok(Some(OverRangePair { slices, place }))
    }

    /// Grey values `[N, 1, H, W]` in [0, 1] that a network made, and what lies above them: `share` of the first
    /// slice's, 0 to 1, and the rest of the second's.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn onto(&self, made: &Tensor, share: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.slices;
        let part = self.place.cut(made)?;
        let seen = part.f_where_self(&self.saturated()?.f_logical_not()?, &part.f_ones_like()?)?;
        let share = self.place.cut(&share.f_expand_as(made)?)?;
        self.place.put(&seen.f_add(&second.f_lerp_tensor(first, &share)?)?, made)
    }

    /// What is expected to be off, in grey values: of the network's own part, and half of what is between both
    /// slices above the window. None of that half is learnt: halfway between both a mixture is off by at most as
    /// much if the truth lies between them.
    ///
    /// # Errors
    /// [`crate::Error::Torch`].
    pub fn doubt(&self, expected: &Tensor) -> Result<Tensor> {
        let [first, second] = &self.slices;
        let seen = self.place.cut(expected)?.f_masked_fill(&self.saturated()?, 0.0)?;
        let apart = first.f_sub(second)?.f_abs()?;
        self.place.put(&seen.f_add(&apart.f_mul_scalar(0.5)?)?, expected)
    }

    fn saturated(&self) -> Result<Tensor> {
        let [first, second] = &self.slices;
        Ok(first.f_minimum(second)?.f_gt(SATURATED)?)
    }

    /// What of a pair lies above the window, in a place that is made of the one that holds it and the sides of
    /// the plane.
    fn within(
        [first, second]: [Option<&OverRange>; 2],
        place: impl Fn(Roi, [i64; 2]) -> Result<Roi>,
    ) -> Result<Option<OverRangePair>> {
        let Some(any) = first.or(second) else { return Ok(None) };
        let (_, _, rows, columns) = any.values.size4()?;
        let both = [first, second].into_iter().flatten().map(|slice| slice.place);
        let place = place(both.fold(any.place, Roi::with), [rows, columns])?;
        let of = |slice: Option<&OverRange>| match slice {
            Some(slice) => place.cut(&slice.values),
            None => Ok(place.cut(&any.values)?.f_zeros_like()?),
        };
        Ok(Some(OverRangePair { slices: [of(first)?, of(second)?], place }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn row(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([1, 1, 1, -1])
    }

    fn apart(one: &Tensor, other: &Tensor) -> f64 {
        (one - other).abs().max().double_value(&[])
    }

    #[test]
    fn it_is_mixed_and_where_both_are_far_above_it_stands_alone() {
        let first = OverRange::of(&row(&[0.3, 2.0, 2.0, 1.02, 0.0])).unwrap();
        let second = OverRange::of(&row(&[1.0, 1.2, 1.0, 1.04, 0.0])).unwrap();
        let above = OverRangePair::of([first.as_ref(), second.as_ref()]).unwrap().unwrap();
        assert_eq!(above.place, Roi([[0, 1], [1, 4]]));
        let share = Tensor::from_slice(&[0.25f32]).view([1, 1, 1, 1]);
        let made = above.onto(&row(&[0.9; 5]), &share).unwrap();
        assert!(apart(&made, &row(&[0.9, 1.4, 1.15, 0.935, 0.9])) < 1e-6, "{made}");
        let doubt = above.doubt(&row(&[0.1; 5])).unwrap();
        assert!(apart(&doubt, &row(&[0.1, 0.4, 0.6, 0.11, 0.1])) < 1e-6, "{doubt}");
    }

    #[test]
    fn where_nothing_is_above_nothing_is_done() {
        assert!(OverRange::of(&row(&[0.0, 1.0])).unwrap().is_none());
        assert!(OverRangePair::of([None, None]).unwrap().is_none());
    }

    #[test]
    fn a_place_around_all_of_it_gives_what_the_whole_plane_gives() {
        tch::manual_seed(4);
        let options = (Kind::Float, Device::Cpu);
        // A few spots that share no pixel, one of them at the border.
        let spots = |places: &[[i64; 2]]| {
            let grey = Tensor::zeros([1, 1, 128, 160], options);
            for &[row, column] in places {
                let _ = grey.narrow(2, row, 5).narrow(3, column, 7).uniform_(0.5, 2.5);
            }
            grey
        };
        let grey = [spots(&[[50, 60], [60, 90]]), spots(&[[52, 63], [64, 153]])];
        let motion = Tensor::randn([1, 4, 16, 20], options).upsample_bilinear2d(
            [128, 160],
            false,
            None,
            None,
        ) * 4.0;
        let (made, share) =
            (Tensor::rand([1, 1, 128, 160], options), Tensor::rand([1, 1, 128, 160], options));
        let result = |everywhere: bool| {
            let [first, second] = grey.each_ref().map(|grey| {
                let raised = OverRange::of(grey).unwrap().unwrap();
                let place = if everywhere { Roi([[0, 128], [0, 160]]) } else { raised.place };
                OverRange { place, ..raised }
            });
            let above =
                OverRangePair::moved([Some(&first), Some(&second)], &motion).unwrap().unwrap();
            (above.place, above.onto(&made, &share).unwrap(), above.doubt(&made).unwrap())
        };
        let (place, made_there, doubt_there) = result(false);
        let (_, made_everywhere, doubt_everywhere) = result(true);
        assert!(place.0[0][0] > 0 && place.0[1][0] > 0 && place.0[0][1] < 128, "{place:?}");
        assert!(apart(&made_there, &made_everywhere) < 1e-4);
        assert!(apart(&doubt_there, &doubt_everywhere) < 1e-4);
        assert!(apart(&made_there, &made) > 0.5);
    }
}
