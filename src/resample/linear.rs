//! Linear interpolation between the two neighbouring slices.

use ndarray::Zip;

use crate::error::Result;
use crate::resample::pass::Pass;
use crate::volume::Voxel;
use crate::volume::voxels::slice;

/// Interpolates slice by slice.
pub(super) fn interpolate<T: Voxel>(pass: &mut Pass<T>) -> Result<()> {
    let (axis, bounds) = (pass.plan.axis(), pass.bounds);
    for (first, members) in pass.plan.pairs() {
        let (before, after) = (slice(pass.input, axis, first), slice(pass.input, axis, first + 1));
        for (index, fraction) in members {
            if let Some(output) = &mut pass.output {
                Zip::from(&mut output.slice_mut(pass.plan, index))
                    .and(&before)
                    .and(&after)
                    .for_each(|out, &a, &b| {
                        let (a, b) = (a.to_f64(), b.to_f64());
                        *out = bounds.voxel(a + fraction * (b - a));
                    });
                output.complete(index)?;
            }
            pass.counter.advance(1)?;
        }
    }
    Ok(())
}
