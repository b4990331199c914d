//! Label maps for tests: stacks of discs, their plans and their resampling.

use hrinet::Result;
use hrinet::labels::LabelMethod;
use hrinet::resample::{ArrayJob, Image, Interpolator, LabelArrays, Plan, Spacing};
use hrinet::volume::{Axis, Geometry, Rescale, Voxel, VoxelsView, VoxelsViewMut};
use ndarray::Array3;
use proptest::prelude::*;

/// Stacks `[k, j, i]` of up to `max` discs of a few labels, whose shapes meet, split and end.
pub fn stacks(size: [usize; 3], max: usize) -> impl Strategy<Value = Array3<u16>> {
    let [slices, rows, columns] = size;
    let disc = (0..slices, 0.0..columns as f64, 0.0..rows as f64, 1.0f64..5.0, 1u16..5);
    proptest::collection::vec(disc, 1..=max).prop_map(move |discs| {
        Array3::from_shape_fn(size, |(k, j, i)| {
            let holds = |(slice, x, y, r, _): &&(usize, f64, f64, f64, u16)| {
                *slice == k && (i as f64 - x).hypot(j as f64 - y) <= *r
            };
            discs.iter().find(holds).map_or(0, |disc| disc.4)
        })
    })
}

/// Plan that divides the slice spacing of 5 mm of a stack `(k, j, i)` by `factor`; pixels of
/// `pixel` mm (column, row).
pub fn plan((k, j, i): (usize, usize, usize), factor: usize, pixel: [f64; 2]) -> Plan {
    let steps = [[pixel[0], 0.0, 0.0], [0.0, pixel[1], 0.0], [0.0, 0.0, 5.0]];
    let geometry = Geometry::new([i, j, k], [0.0; 3], steps).expect("a valid geometry");
    Plan::new(&geometry, Some(Axis::K), &Spacing::Factor(factor)).expect("a plan")
}

/// A voxel type of label maps.
pub trait Label: Voxel {
    fn view(array: &Array3<Self>) -> VoxelsView<'_>;
    fn view_mut(array: &mut Array3<Self>) -> VoxelsViewMut<'_>;
}

macro_rules! label {
    ($($type:ident)*) => {
        $(impl Label for $type {
            fn view(array: &Array3<Self>) -> VoxelsView<'_> {
                array.view().into()
            }
            fn view_mut(array: &mut Array3<Self>) -> VoxelsViewMut<'_> {
                array.view_mut().into()
            }
        })*
    };
}
label!(u8 u16 u32 i16 i32);

/// Resamples a stack of labels, with the CT where the method needs one.
pub fn resample<T: Label>(
    labels: &Array3<T>,
    plan: &Plan,
    method: LabelMethod,
    interpolator: &Interpolator,
    ct: Option<&Array3<f32>>,
) -> Result<Array3<T>> {
    let mut output = Array3::default(plan.output_shape());
    let mut job = ArrayJob::new(plan, interpolator);
    job.image = ct.map(|ct| Image::new(ct.view().into(), Rescale::IDENTITY)).transpose()?;
    let (input, place) = (T::view(labels), T::view_mut(&mut output));
    job.labels.push(LabelArrays { input, output: place, method });
    job.run(&mut |_| Ok(()))?;
    Ok(output)
}
