//! Interpolation by a network: known slices are encoded once, slices between them decoded.
//!
//! The features of at most two known slices are alive at a time; of four, for a network with
//! context slices.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ndarray::{Array2, Array3, ArrayView2, Zip};

use crate::error::{Error, Result};
use crate::network::{EncodedSlice, Neighbours, SliceNetwork};
use crate::resample::pass::Pass;
use crate::volume::voxels::{slice, slice_mut};
use crate::volume::{Voxel, Window};

/// Interpolates pair by pair. Interpolated voxels are rounded to the voxel type and kept within the
/// range of the input.
pub(super) fn interpolate<T: Voxel>(pass: &mut Pass<T>, network: &dyn SliceNetwork) -> Result<()> {
    let axis = pass.plan.axis();
    let [low, high] = network.window_hu();
    let window = Window { low, high };
    // Slices whose features the next pair may need.
    let mut encoded = BTreeMap::new();
    for (first, members) in pass.plan.pairs() {
        let (before, after) = (slice(pass.input, axis, first), slice(pass.input, axis, first + 1));
        let context = if network.has_context() { pass.plan.context(first) } else { [None; 2] };
        encoded.retain(|&index, _| index >= context[0].unwrap_or(first));
        for index in [context[0], Some(first), Some(first + 1), context[1]].into_iter().flatten() {
            if let Entry::Vacant(entry) = encoded.entry(index) {
                entry.insert(pass.encode(slice(pass.input, axis, index), window, network)?);
            }
        }
        let neighbours = Neighbours::new(
            [&encoded[&first], &encoded[&(first + 1)]],
            context.map(|index| index.and_then(|index| encoded.get(&index))),
        );
        for members in members.chunks(network.decode_batch(before.len())) {
            let fractions: Vec<f64> = members.iter().map(|&(_, fraction)| fraction).collect();
            let decoded = match pass.expected_error {
                None => network.decode(&neighbours, &fractions)?,
                Some(_) => {
                    let both = network.decode_with_error(&neighbours, &fractions)?;
                    let [decoded, errors] = both.ok_or_else(|| {
                        Error::Argument("this network predicts no expected error".into())
                    })?;
                    pass.write_errors(window, members, [&before, &after], &errors);
                    decoded
                }
            };
            pass.write_slices(window, members, [&before, &after], &decoded);
            pass.counter.advance(members.len())?;
        }
    }
    Ok(())
}

impl<T: Voxel> Pass<'_, '_, T> {
    fn encode(
        &mut self,
        plane: ArrayView2<T>,
        window: Window,
        network: &dyn SliceNetwork,
    ) -> Result<EncodedSlice> {
        self.encoded += 1;
        let grey: Array2<f32> =
            plane.map(|&stored| window.to_grey(self.rescale.to_hu(stored.to_f64())) as f32);
        network.encode(&grey)
    }

    /// Writes decoded slices `[members, rows, columns]` in the type and range of the volume.
    fn write_slices(
        &mut self,
        window: Window,
        members: &[(usize, f64)],
        [before, after]: [&ArrayView2<T>; 2],
        decoded: &Array3<f32>,
    ) {
        let Some(output) = &mut self.output else { return };
        let (rescale, bounds) = (self.rescale, self.bounds);
        let hu = |stored: T| rescale.to_hu(stored.to_f64());
        for (&(index, fraction), grey) in members.iter().zip(decoded.outer_iter()) {
            let plane = &mut slice_mut(output, self.plan.axis(), index);
            Zip::from(plane).and(before).and(after).and(&grey).for_each(|out, &a, &b, &grey| {
                let hu = window.restore(f64::from(grey), hu(a), hu(b), fraction);
                *out = bounds.voxel(rescale.from_hu(hu));
            });
        }
    }

    /// Writes expected errors `[members, rows, columns]`.
    fn write_errors(
        &mut self,
        window: Window,
        members: &[(usize, f64)],
        [before, after]: [&ArrayView2<T>; 2],
        errors: &Array3<f32>,
    ) {
        let Some(output) = &mut self.expected_error else { return };
        let hu = |stored: T| self.rescale.to_hu(stored.to_f64());
        for (&(index, _), grey) in members.iter().zip(errors.outer_iter()) {
            let plane = &mut slice_mut(output, self.plan.axis(), index);
            Zip::from(plane).and(before).and(after).and(&grey).for_each(|error, &a, &b, &grey| {
                *error = window.expected_error(f64::from(grey), hu(a), hu(b)) as f32;
            });
        }
    }
}
