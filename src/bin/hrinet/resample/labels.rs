//! A label map that comes along.

use std::path::Path;

use clap::ValueEnum;
use hrinet::labels::{LabelMethod, labels, labels_with_image, work_bytes as label_work_bytes};
use hrinet::network::{Model, SliceNetwork};
use hrinet::resample::Plan;
use hrinet::resample::interpolate::{Progress, work_bytes};
use hrinet::volume::Volume;
use hrinet::{Error, Result};

use crate::method::Chosen;

/// What `--labels-method` names.
#[derive(Clone, Copy, ValueEnum)]
pub enum LabelsMethod {
    Anatomy,
    Shape,
    Nearest,
}

/// What label maps are made by.
#[derive(Clone, Copy)]
pub enum LabelsBy<'a> {
    /// The labels alone.
    Labels(LabelMethod),
    /// Also the motion that a network finds in the image.
    Motion(&'a Model),
}

/// What was named, or where nothing was, the tissue's motion if the model finds one.
pub fn labels_by(method: Option<LabelsMethod>, chosen: &Chosen) -> Result<LabelsBy<'_>> {
    let motion = chosen.model().filter(|model| model.has_flow());
    match (method, motion) {
        (None | Some(LabelsMethod::Anatomy), Some(model)) => Ok(LabelsBy::Motion(model)),
        (None | Some(LabelsMethod::Shape), _) => Ok(LabelsBy::Labels(LabelMethod::Shape)),
        (Some(LabelsMethod::Nearest), _) => Ok(LabelsBy::Labels(LabelMethod::Nearest)),
        (Some(LabelsMethod::Anatomy), None) => Err(Error::Argument(format!(
            "--labels-method anatomy needs a model that finds motion, not {}; take hrinet-motion, or \
             --labels-method shape",
            chosen.name()
        ))),
    }
}

/// The label map on the plan's grid.
pub fn make_labels(
    by: LabelsBy,
    label_map: &Volume,
    (image, plan): (&Volume, &Plan),
    on_progress: &mut dyn FnMut(Progress) -> Result<()>,
) -> Result<Volume> {
    match by {
        LabelsBy::Labels(method) => labels(label_map, plan, method, on_progress),
        LabelsBy::Motion(model) => labels_with_image(label_map, image, plan, model, on_progress),
    }
}

/// Bytes of memory that the new label map takes, and its work beyond that of the image, which is done
/// by then.
pub fn more_for_labels(label_map: &Volume, by: LabelsBy, (plan, chosen): (&Plan, &Chosen)) -> u64 {
    let voxels = plan.output().size().map(|side| side as u64).into_iter();
    let map = voxels.fold(label_map.voxels().voxel_type().bytes() as u64, u64::saturating_mul);
    let network = match by {
        LabelsBy::Labels(_) => None,
        LabelsBy::Motion(model) => Some(model as &dyn SliceNetwork),
    };
    let work = label_work_bytes(plan, network);
    map.saturating_add(work.saturating_sub(work_bytes(plan, &chosen.method())))
}

/// A label map, which must lie on the grid of the volume.
pub fn read_labels(path: &Path, volume: &Volume) -> Result<Volume> {
    let labels = super::read(path, None)?;
    if !labels.geometry().is_close_to(volume.geometry()) {
        return Err(Error::Geometry(format!(
            "{}: a label map of {:?} voxels (i, j, k) that does not lie on the grid of the volume, \
             {:?} voxels; resample it onto that grid first",
            path.display(),
            labels.geometry().size(),
            volume.geometry().size()
        )));
    }
    Ok(labels)
}
