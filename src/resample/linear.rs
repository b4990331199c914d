//! Linear interpolation between the two neighbouring slices.

use ndarray::Zip;

use crate::error::Result;
use crate::resample::pass::Pass;
use crate::volume::Voxel;
use crate::volume::voxels::{slice, slice_mut};

/// Interpolates slice by slice.
pub(super) fn interpolate<T: Voxel>(pass: &mut Pass<T>) -> Result<()> {
    let (axis, bounds) = (pass.plan.axis(), pass.bounds);
    for (first, members) in pass.plan.pairs() {
        let (before, after) = (slice(pass.input, axis, first), slice(pass.input, axis, first + 1));
        for (index, fraction) in members {
            if let Some(output) = &mut pass.output {
                Zip::from(&mut slice_mut(output, axis, index)).and(&before).and(&after).for_each(
                    |out, &a, &b| {
                        let (a, b) = (a.to_f64(), b.to_f64());
                        *out = bounds.voxel(a + fraction * (b - a));
                    },
                );
            }
            pass.counter.advance(1)?;
        }
    }
    Ok(())
}
