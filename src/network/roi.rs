//! Rectangular regions of interest.

use tch::Tensor;

use crate::error::Result;

/// A rectangle of a plane: start and end, exclusive, of its rows and of its columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Roi(pub(crate) [[i64; 2]; 2]);

impl Roi {
    /// The bounding rectangle of all values `[N, 1, H, W]` above 0; `None` where there are none.
    pub(crate) fn of(values: &Tensor) -> Result<Option<Roi>> {
        let mut sides = [[0, 0]; 2];
        for (side, others) in sides.iter_mut().zip([[0, 1, 3], [0, 1, 2]]) {
            let occupied = values.f_amax(&others[..], false)?.f_gt(0.0)?.f_nonzero()?;
            if occupied.numel() == 0 {
                return Ok(None);
            }
            let (first, last) = occupied.f_aminmax(None, false)?;
            *side = [first.f_int64_value(&[])?, last.f_int64_value(&[])? + 1];
        }
        Ok(Some(Roi(sides)))
    }

    /// The bounding rectangle of both.
    pub(crate) fn union(self, other: Roi) -> Roi {
        let both = |side: usize| {
            let ([start, end], [other_start, other_end]) = (self.0[side], other.0[side]);
            [start.min(other_start), end.max(other_end)]
        };
        Roi([both(0), both(1)])
    }

    /// Adds a margin in pixels, rounds outwards to multiples of `step` and crops to planes of these
    /// sides (rows, columns).
    pub(crate) fn dilated(self, margin: i64, step: i64, sides: [i64; 2]) -> Roi {
        let dilated = |side: usize| {
            let [start, end] = self.0[side];
            let start = (start - margin).max(0) / step * step;
            [start, ((end + margin + step - 1) / step * step).min(sides[side])]
        };
        Roi([dilated(0), dilated(1)])
    }

    /// This region of planes `[N, C, H, W]`, as a view.
    pub(crate) fn crop(self, planes: &Tensor) -> Result<Tensor> {
        let [[top, bottom], [left, right]] = self.0;
        Ok(planes.f_narrow(2, top, bottom - top)?.f_narrow(3, left, right - left)?)
    }

    /// A copy of planes `[N, C, H, W]` with this region replaced.
    pub(crate) fn paste(self, region: &Tensor, planes: &Tensor) -> Result<Tensor> {
        let [[top, bottom], [left, right]] = self.0;
        let rows = planes.f_narrow(2, top, bottom - top)?;
        let rows = rows.f_slice_scatter(region, 3, left, right, 1)?;
        Ok(planes.f_slice_scatter(&rows, 2, top, bottom, 1)?)
    }
}
