//! Label maps on the plan of their CT.

use std::ffi::c_void;

use crate::capi::call::{Refusal, borrow, call, unknown, wrong};
use crate::capi::interpolate::{HrinetProgressCallback, on_plan, tell};
use crate::capi::model::HrinetModel;
use crate::capi::plan::HrinetPlan;
use crate::capi::status::HrinetStatus;
use crate::capi::volume::{HrinetVolume, with_voxel_type};
use crate::error::Error;
use crate::labels::{LabelMethod, labels_into, labels_with_image_into};
use crate::network::SliceNetwork;

/// How labels between two known slices are chosen: one of the `HRINET_LABELS_*` values.
pub type HrinetLabelMethod = i32;

/// Those of the nearer known slice; of the first where both are equally near.
pub const HRINET_LABELS_NEAREST: HrinetLabelMethod = 0;

/// Outlines in between, by signed distances in mm, label by label: no staircase, and what ends between
/// two slices tapers. 0 is the background.
pub const HRINET_LABELS_SHAPE: HrinetLabelMethod = 1;

/// Brings a label map onto the output grid of the plan of its CT: reads `input`, writes the voxels of
/// `output`, both of the plan's sizes and of one type, which need not be the CT's, with any strides,
/// and not overlapping. Known slices are copied bit for bit.
///
/// Fails with `HRINET_INVALID_ARGUMENT` for another size, two types, a method that is not known;
/// `HRINET_CANCELLED`. The voxels of `output` are then unspecified.
///
/// # Safety
/// As `hrinet_interpolate_volume`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_interpolate_labels(
    plan: *const HrinetPlan,
    input: *const HrinetVolume,
    method: HrinetLabelMethod,
    progress: HrinetProgressCallback,
    user: *mut c_void,
    output: *const HrinetVolume,
) -> HrinetStatus {
    call(|| {
        // SAFETY: handles and structs or NULL, as the caller promises.
        let (plan, input, output) = unsafe { on_plan(plan, input, output)? };
        check_types(input, output)?;
        let method = match method {
            HRINET_LABELS_NEAREST => LabelMethod::Nearest,
            HRINET_LABELS_SHAPE => LabelMethod::Shape,
            other => {
                return Err(unknown("a label method", other));
            }
        };
        // SAFETY: the host's callback, called as its type says.
        let mut tell = |done| unsafe { tell(progress, user, done) };
        with_voxel_type!(input.voxel_type, T => {
            // SAFETY: voxels of this type wherever size and strides lead, as the caller promises.
            let (from, mut to) = unsafe { (input.view::<T>()?, output.view_mut::<T>()?) };
            labels_into(&from, &plan.plan, method, &mut to, &mut tell)?;
        });
        Ok(())
    })
}

/// As `hrinet_interpolate_labels`, along with the tissue: outlines in between follow the motion that
/// `model` finds in `image`, the CT of the plan, where its slices differ, and as with
/// `HRINET_LABELS_SHAPE` where they do not.
///
/// Fails also with `HRINET_INVALID_ARGUMENT` for a model that finds no motion (any but
/// `"hrinet-motion"`), an image of another size and voxels of it that are NaN or infinite;
/// `HRINET_TORCH`.
///
/// # Safety
/// As `hrinet_interpolate_volume`; `image` is read as `input` is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hrinet_interpolate_labels_with_image(
    model: *const HrinetModel,
    plan: *const HrinetPlan,
    image: *const HrinetVolume,
    input: *const HrinetVolume,
    progress: HrinetProgressCallback,
    user: *mut c_void,
    output: *const HrinetVolume,
) -> HrinetStatus {
    call(|| {
        // SAFETY: handles and structs or NULL, as the caller promises.
        let (model, image) = unsafe { (borrow(model, "model")?, borrow(image, "image")?) };
        // SAFETY: as above.
        let (plan, input, output) = unsafe { on_plan(plan, input, output)? };
        check_types(input, output)?;
        image.check("image")?;
        if image.size != plan.known_size {
            let (size, known) = (image.size, plan.known_size);
            return Err(wrong(format!("image has size {size:?}, the plan's input {known:?}")));
        }
        let network = model.network().filter(|network| network.has_flow());
        let network: &dyn SliceNetwork = network.ok_or_else(|| {
            Error::Argument("the model finds no motion between slices; take hrinet-motion".into())
        })?;
        let rescale = image.rescale()?;
        // SAFETY: the host's callback, called as its type says.
        let mut tell = |done| unsafe { tell(progress, user, done) };
        with_voxel_type!(input.voxel_type, T => {
            // SAFETY: voxels of this type wherever size and strides lead, as the caller promises.
            let (from, mut to) = unsafe { (input.view::<T>()?, output.view_mut::<T>()?) };
            with_voxel_type!(image.voxel_type, V => {
                // SAFETY: as above.
                let ct = unsafe { image.view::<V>()? };
                let ct = (&*ct, rescale);
                labels_with_image_into(&from, &ct, &plan.plan, network, &mut to, &mut tell)?;
            });
        });
        Ok(())
    })
}

/// Refuses label maps of two types.
fn check_types(input: &HrinetVolume, output: &HrinetVolume) -> Result<(), Refusal> {
    if input.voxel_type != output.voxel_type {
        let (from, to) = (input.voxel_type, output.voxel_type);
        return Err(wrong(format!("input has voxel_type {from}, output {to}")));
    }
    Ok(())
}
