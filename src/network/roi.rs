//! Parts of planes.

use tch::Tensor;

use crate::error::Result;

/// A part of a plane: rows and columns from one up to, but not including, another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Roi(pub(crate) [[i64; 2]; 2]);

impl Roi {
    /// The smallest that holds all values `[N, 1, H, W]` above 0; `None` where there are none.
    pub(crate) fn of(values: &Tensor) -> Result<Option<Roi>> {
        let mut sides = [[0, 0]; 2];
        for (side, others) in sides.iter_mut().zip([[0, 1, 3], [0, 1, 2]]) {
            let there = values.f_amax(&others[..], false)?.f_gt(0.0)?.f_nonzero()?;
            if there.numel() == 0 {
                return Ok(None);
            }
            let (first, last) = there.f_aminmax(None, false)?;
            *side = [first.f_int64_value(&[])?, last.f_int64_value(&[])? + 1];
        }
        Ok(Some(Roi(sides)))
    }

    /// The smallest that holds both.
    pub(crate) fn with(self, other: Roi) -> Roi {
        let both = |side: usize| {
            let ([start, end], [other_start, other_end]) = (self.0[side], other.0[side]);
            [start.min(other_start), end.max(other_end)]
        };
        Roi([both(0), both(1)])
    }

    /// Some pixels more in each direction, rounded up to multiples of `step` and cut off where the plane ends.
    pub(crate) fn extended(self, pixels: i64, step: i64, sides: [i64; 2]) -> Roi {
        let extended = |side: usize| {
            let [start, end] = self.0[side];
            let start = (start - pixels).max(0) / step * step;
            [start, ((end + pixels + step - 1) / step * step).min(sides[side])]
        };
        Roi([extended(0), extended(1)])
    }

    /// This part of planes `[N, C, H, W]`; nothing is copied.
    pub(crate) fn cut(self, planes: &Tensor) -> Result<Tensor> {
        let [[top, bottom], [left, right]] = self.0;
        Ok(planes.f_narrow(2, top, bottom - top)?.f_narrow(3, left, right - left)?)
    }

    /// Planes `[N, C, H, W]` with another part here.
    pub(crate) fn put(self, part: &Tensor, planes: &Tensor) -> Result<Tensor> {
        let [[top, bottom], [left, right]] = self.0;
        let rows = planes.f_narrow(2, top, bottom - top)?;
        let rows = rows.f_slice_scatter(part, 3, left, right, 1)?;
        Ok(planes.f_slice_scatter(&rows, 2, top, bottom, 1)?)
    }
}
