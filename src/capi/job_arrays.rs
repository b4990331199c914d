//! The volumes of a job, checked against its plan, as arrays of the core.

use std::ops::Range;

use crate::capi::guard::{Refusal, borrow, check_size, invalid_argument, require, unknown};
use crate::capi::job::{
    HRINET_LABELS_ANATOMY, HRINET_LABELS_NEAREST, HRINET_LABELS_SHAPE, HrinetJob, HrinetLabelJob,
    HrinetLabelMethod,
};
use crate::capi::plan::HrinetPlan;
use crate::capi::volume::{HRINET_FLOAT32, HrinetVolume};
use crate::labels::LabelMethod;
use crate::resample::{ArrayJob, Image, Interpolator, LabelArrays};

/// The plan and volumes of a job, none of them looked at before its struct was checked.
pub(super) struct Arrays<'a> {
    plan: &'a HrinetPlan,
    input: Option<&'a HrinetVolume>,
    output: Option<&'a HrinetVolume>,
    expected_error: Option<&'a HrinetVolume>,
    labels: Vec<LabelVolumes<'a>>,
}

struct LabelVolumes<'a> {
    input: &'a HrinetVolume,
    output: &'a HrinetVolume,
    method: LabelMethod,
}

impl<'a> Arrays<'a> {
    /// # Safety
    /// Pointers of the job are NULL or what they say, and live as long as `'a`.
    pub(super) unsafe fn of(job: &HrinetJob) -> Result<Arrays<'a>, Refusal> {
        // SAFETY: as the caller promises.
        let (plan, input, output, expected_error) = unsafe {
            (
                borrow(job.plan, "plan")?,
                job.input.as_ref(),
                job.output.as_ref(),
                job.expected_error.as_ref(),
            )
        };
        if job.label_count > 0 {
            require(job.labels.cast_mut(), "labels")?;
        } else if output.is_none() && expected_error.is_none() {
            return Err(invalid_argument(
                "a job without output; set output, expected_error or labels".into(),
            ));
        }
        let mut labels = Vec::new();
        for index in 0..job.label_count {
            // SAFETY: not NULL, and `label_count` structs, as the caller promises.
            let label = unsafe { &*job.labels.add(index) };
            check_size::<HrinetLabelJob>("labels", label.struct_size)?;
            // SAFETY: volumes or NULL, as the struct's page says.
            let (input, output) = unsafe {
                (borrow(label.input, "labels->input")?, borrow(label.output, "labels->output")?)
            };
            labels.push(LabelVolumes { input, output, method: method(label.method)? });
        }
        Ok(Arrays { plan, input, output, expected_error, labels })
    }

    /// A CT alone, without outputs.
    pub(super) fn of_input(plan: &'a HrinetPlan, input: &'a HrinetVolume) -> Arrays<'a> {
        let (output, expected_error, labels) = (None, None, Vec::new());
        Arrays { plan, input: Some(input), output, expected_error, labels }
    }

    /// Whether the CT is used at all.
    fn needs_input(&self) -> bool {
        let anatomy = self.labels.iter().any(|label| label.method == LabelMethod::Anatomy);
        self.output.is_some() || self.expected_error.is_some() || anatomy
    }

    /// Inputs with the names that messages give them.
    fn inputs(&self) -> impl Iterator<Item = (&'static str, &'a HrinetVolume)> {
        let input = self.input.map(|volume| ("input", volume));
        input.into_iter().chain(self.labels.iter().map(|label| ("labels->input", label.input)))
    }

    /// Outputs with the names that messages give them.
    fn outputs(&self) -> impl Iterator<Item = (&'static str, &'a HrinetVolume)> {
        let output = self.output.map(|volume| ("output", volume));
        let expected_error = self.expected_error.map(|volume| ("expected_error", volume));
        let labels = self.labels.iter().map(|label| ("labels->output", label.output));
        output.into_iter().chain(expected_error).chain(labels)
    }

    /// Refuses volumes of another size or voxel type than the plan's, and overlapping memory.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.needs_input() && self.input.is_none() {
            return Err(Refusal::Null("input"));
        }
        let output_size = self.plan.plan.output().size();
        let inputs = self.inputs().map(|(name, volume)| (name, volume, self.plan.known_size));
        let outputs = self.outputs().map(|(name, volume)| (name, volume, output_size));
        for (name, volume, size) in inputs.chain(outputs) {
            volume.check(name)?;
            if volume.size != size {
                let found = volume.size;
                return Err(invalid_argument(format!(
                    "{name} has size {found:?}, the plan expects {size:?}"
                )));
            }
        }
        let plan_type = self.plan.voxel_type;
        let typed = [("input", self.input, plan_type), ("output", self.output, plan_type)];
        let errors = ("expected_error", self.expected_error, HRINET_FLOAT32);
        for (name, volume, expected) in typed.into_iter().chain([errors]) {
            if let Some(volume) = volume {
                check_type(name, volume, expected)?;
            }
        }
        for label in &self.labels {
            check_type("labels->output", label.output, label.input.voxel_type)?;
        }
        self.check_memory()
    }

    /// Refuses an output whose memory overlaps that of an input or of another output.
    fn check_memory(&self) -> Result<(), Refusal> {
        let mut taken = Vec::new();
        for (name, volume) in self.inputs() {
            // Not used, so it may be without voxels.
            if name != "input" || self.needs_input() {
                taken.push((name, volume.memory()?));
            }
        }
        for (name, volume) in self.outputs() {
            let memory = volume.memory()?;
            for (other_name, other) in &taken {
                check_overlap(name, &memory, other_name, other)?;
            }
            taken.push((name, memory));
        }
        Ok(())
    }

    /// The job with the voxels of all volumes as arrays.
    ///
    /// # Safety
    /// The volumes were checked; their voxels live as long as `'a`, outputs for this job alone.
    pub(super) unsafe fn array_job(
        &self,
        interpolator: &'a Interpolator,
    ) -> Result<ArrayJob<'a>, Refusal> {
        let mut job = ArrayJob::new(&self.plan.plan, interpolator);
        if let Some(input) = self.input.filter(|_| self.needs_input()) {
            // SAFETY: as the caller promises.
            job.image = Some(Image::new(unsafe { input.voxels()? }, input.rescale()?)?);
        }
        if let Some(output) = self.output {
            // SAFETY: as the caller promises.
            job.output = Some(unsafe { output.voxels_mut()? });
        }
        if let Some(expected_error) = self.expected_error {
            // SAFETY: as the caller promises, and floats, which `check` made sure of.
            job.expected_error = Some(unsafe { expected_error.view_mut::<f32>()? });
        }
        for label in &self.labels {
            // SAFETY: as the caller promises.
            let (input, output) = unsafe { (label.input.voxels()?, label.output.voxels_mut()?) };
            job.labels.push(LabelArrays { input, output, method: label.method });
        }
        Ok(job)
    }
}

fn method(value: HrinetLabelMethod) -> Result<LabelMethod, Refusal> {
    match value {
        HRINET_LABELS_NEAREST => Ok(LabelMethod::Nearest),
        HRINET_LABELS_SHAPE => Ok(LabelMethod::Shape),
        HRINET_LABELS_ANATOMY => Ok(LabelMethod::Anatomy),
        other => Err(unknown("a label method", other)),
    }
}

/// Refuses an output whose memory overlaps that of another volume.
pub(super) fn check_overlap(
    name: &str,
    memory: &Range<usize>,
    other_name: &str,
    other: &Range<usize>,
) -> Result<(), Refusal> {
    if memory.start < other.end && other.start < memory.end {
        return Err(invalid_argument(format!(
            "{name} overlaps {other_name} in memory; give each volume its own"
        )));
    }
    Ok(())
}

/// Refuses a volume of another voxel type.
pub(super) fn check_type(name: &str, volume: &HrinetVolume, expected: i32) -> Result<(), Refusal> {
    if volume.voxel_type == expected {
        return Ok(());
    }
    let found = volume.voxel_type;
    Err(invalid_argument(format!("{name} has voxel_type {found}; use {expected}")))
}
