//! Resampling of volumes: options, inputs, plan and interpolator to the wanted outputs.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::labels::LabelMethod;
use crate::network::model;
use crate::resample::array_job::{ArrayJob, LabelArrays, Sink, Work};
use crate::resample::expected_error::mean_expected_error;
use crate::resample::job_memory::JobMemory;
use crate::resample::pass::OnProgress;
use crate::resample::{Image, Interpolator, InterpolatorOptions, Plan, Spacing};
use crate::runtime::memory;
use crate::volume::hounsfield;
use crate::volume::{Axis, Geometry, Rescale, Volume, VoxelType, Voxels, Window};

/// How a job needs less memory.
pub const MEMORY_ADVICE: &str = "choose a larger spacing or a smaller volume";

/// Options of a resampling, the same for every host; the defaults make the slice spacing isotropic
/// with the default model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct JobOptions {
    /// Wished spacing of the output slices.
    pub spacing: Spacing,
    /// Axis along which to interpolate; `None`: the slice axis of the volume.
    pub axis: Option<Axis>,
    /// `linear`, `cubic`, a shipped model by its name, or a checkpoint file.
    pub model: String,
    /// Device, precision and ensemble of a network.
    #[serde(flatten)]
    pub interpolator: InterpolatorOptions,
    /// Method for label maps; `None`: [`LabelMethod::default_for`] the interpolator.
    pub label_method: Option<LabelMethod>,
    /// Whether the expected error of every voxel is an output.
    pub expected_error: bool,
    /// HU that NaN counts as between known slices; `None`: what is between NaN is NaN.
    pub nan_as: Option<f64>,
    /// Grey values that a network sees as its own window, for volumes that are not in HU. `None`:
    /// HU.
    pub window: Option<Window>,
    /// Whether the output of a tilted gantry is sheared like the input.
    pub keep_tilt: bool,
    /// Whether slices are thin ones and none is kept, as [`Interpolator::is_thin`] says of the
    /// model.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub thin: bool,
}

impl Default for JobOptions {
    fn default() -> JobOptions {
        JobOptions {
            spacing: Spacing::Isotropic,
            axis: None,
            model: model::DEFAULT.into(),
            interpolator: InterpolatorOptions::default(),
            label_method: None,
            expected_error: false,
            nan_as: None,
            window: None,
            keep_tilt: false,
            thin: false,
        }
    }
}

impl JobOptions {
    /// Loads the interpolator, checks that it offers the wanted outputs, and sets `thin` as it is.
    ///
    /// # Errors
    /// As [`Interpolator::load`]; [`Error::Argument`] for a model without error head or flow where
    /// they are needed.
    pub fn load_interpolator(&mut self) -> Result<Interpolator> {
        let interpolator = Interpolator::load(&self.model, &self.interpolator)?;
        let in_model = |error: Error| Error::Argument(format!("model {}: {error}", self.model));
        if self.expected_error {
            interpolator.require_error_head().map_err(in_model)?;
        }
        if let Some(method) = self.label_method {
            method.check(&interpolator).map_err(in_model)?;
        }
        self.thin = interpolator.is_thin();
        Ok(interpolator)
    }

    /// Plans the output grid of a volume.
    ///
    /// # Errors
    /// As [`Plan::new`] and [`Plan::thin`].
    pub fn plan(&self, input: &Geometry) -> Result<Plan> {
        let plan = match self.keep_tilt {
            true => Plan::keeping_tilt(input, self.axis, &self.spacing),
            false => Plan::new(input, self.axis, &self.spacing),
        }?;
        if self.thin { plan.thin() } else { Ok(plan) }
    }

    /// Checks, before a volume is read, that it and what is made of it fit into the free memory,
    /// and that the process can stay within `limit` bytes, where one is given; `by_parts`: whether
    /// the output may go to a sink ([`Job::run_to`]). What cannot be planned passes: it is refused
    /// with a better reason later.
    ///
    /// # Errors
    /// [`Error::Memory`]; [`Error::Argument`] for a limit that is too low.
    pub fn check_memory(
        &self,
        interpolator: &Interpolator,
        (input, voxel_type): (&Geometry, VoxelType),
        limit: Option<u64>,
        by_parts: bool,
    ) -> Result<()> {
        let Ok(plan) = self.plan(input) else { return Ok(()) };
        let of_job = JobMemory {
            plan: &plan,
            interpolator,
            image: voxel_type,
            is_filled: false,
            expected_error: self.expected_error,
            part_slices: plan.part_slices(voxel_type).filter(|_| by_parts),
            label_maps: Vec::new(),
            label_method: LabelMethod::default_for(interpolator),
        };
        of_job.check_limit(limit)?;
        let needed = of_job.input_bytes().saturating_add(of_job.output_and_work_bytes());
        memory::check(needed, MEMORY_ADVICE)
    }

    /// Bytes of a volume and of what is made of it, without the work on it and label maps.
    pub fn volume_bytes(&self, plan: &Plan, voxel_type: VoxelType) -> u64 {
        let of_job = JobMemory {
            plan,
            interpolator: &Interpolator::Linear,
            image: voxel_type,
            is_filled: false,
            expected_error: self.expected_error,
            part_slices: None,
            label_maps: Vec::new(),
            label_method: LabelMethod::Nearest,
        };
        of_job.input_bytes().saturating_add(of_job.output_and_work_bytes())
    }

    /// The job for a volume and label maps on its grid.
    pub fn job<'a>(
        &self,
        plan: &'a Plan,
        interpolator: &'a Interpolator,
        volume: &'a Volume,
        label_maps: &'a [Volume],
    ) -> Job<'a> {
        let default_method = LabelMethod::default_for(interpolator);
        Job {
            label_maps,
            label_method: self.label_method.unwrap_or(default_method),
            expected_error: self.expected_error,
            nan_as: self.nan_as,
            window: self.window,
            ..Job::new(plan, interpolator, volume)
        }
    }
}

/// Why the values of a volume look like no Hounsfield units, which networks need, and what to do;
/// `None` where they may be.
pub fn doubt_of_hu(volume: &Volume) -> Option<String> {
    let voxels = volume.voxels().view();
    let doubt = hounsfield::doubt(&voxels, volume.rescale(), volume.quantity());
    doubt.map(|doubt| doubt.to_string())
}

/// A volume to resample, with the label maps on its grid.
pub struct Job<'a> {
    /// Output grid, and the source of each slice.
    pub plan: &'a Plan,
    /// Interpolation between known slices.
    pub interpolator: &'a Interpolator,
    /// The CT.
    pub volume: &'a Volume,
    /// Label maps on the grid of the CT.
    pub label_maps: &'a [Volume],
    /// Method for the label maps.
    pub label_method: LabelMethod,
    /// Whether the expected error of every voxel is an output.
    pub expected_error: bool,
    /// HU that NaN counts as between known slices; `None`: what is between NaN is NaN.
    pub nan_as: Option<f64>,
    /// As in [`JobOptions`].
    pub window: Option<Window>,
    /// Bytes that the process should stay within: less is done at once, to the same voxels. `None`:
    /// the free memory.
    pub memory_limit: Option<u64>,
    /// Slices of a part of the resampled CT, for [`Job::run_to`], such as [`Plan::part_slices`];
    /// `None`: all of them.
    pub part_slices: Option<usize>,
}

/// Outputs of a [`Job`], all on the output grid of its plan.
pub struct Outputs {
    /// The resampled CT.
    pub volume: Volume,
    /// All others.
    pub others: OtherOutputs,
}

/// Outputs of a [`Job`] beside the resampled CT.
pub struct OtherOutputs {
    /// Expected absolute error of every voxel in HU, float32; 0 in known slices.
    pub expected_error: Option<Volume>,
    /// Mean of the expected errors over all interpolated voxels; `None` where there are none.
    pub mean_expected_error_hu: Option<f64>,
    /// The resampled label maps, in the order of the inputs.
    pub label_maps: Vec<Volume>,
    /// Counts and times.
    pub work: Work,
}

impl<'a> Job<'a> {
    /// A job for the volume alone.
    pub fn new(plan: &'a Plan, interpolator: &'a Interpolator, volume: &'a Volume) -> Job<'a> {
        Job {
            plan,
            interpolator,
            volume,
            label_maps: &[],
            label_method: LabelMethod::default_for(interpolator),
            expected_error: false,
            nan_as: None,
            window: None,
            memory_limit: None,
            part_slices: None,
        }
    }

    /// Bytes of memory that the outputs and the work on them take; the inputs are not counted.
    pub fn memory_needed(&self) -> u64 {
        self.memory().output_and_work_bytes()
    }

    /// Bytes of the whole process at its peak, about: libtorch, weights, inputs and outputs, and as
    /// much work at once as threads, free memory and [`Job::memory_limit`] allow.
    pub fn peak_memory(&self) -> u64 {
        self.memory().peak_bytes(self.memory_limit)
    }

    /// Bytes that a network may take.
    ///
    /// # Errors
    /// [`Error::Argument`] for a limit that is too low.
    fn work_limit(&self) -> Result<Option<u64>> {
        let memory = self.memory();
        memory.check_limit(self.memory_limit)?;
        Ok(memory.work_limit(self.memory_limit))
    }

    fn memory(&self) -> JobMemory<'_> {
        let voxel_type = |volume: &Volume| volume.voxels().voxel_type();
        JobMemory {
            plan: self.plan,
            interpolator: self.interpolator,
            image: voxel_type(self.volume),
            is_filled: self.volume.voxels().has_nan(),
            expected_error: self.expected_error,
            part_slices: self.part_slices,
            label_maps: self.label_maps.iter().map(voxel_type).collect(),
            label_method: self.label_method,
        }
    }

    /// The job on the arrays of the volume, without outputs yet.
    pub(super) fn array_job(&self) -> Result<ArrayJob<'a>> {
        let voxels = self.volume.voxels().view();
        let image = Image::with_nan_as(voxels, self.volume.rescale(), self.nan_as)?;
        let mut job = ArrayJob::new(self.plan, self.interpolator);
        job.image = Some(image.with_quantity(self.volume.quantity()));
        job.window = self.window;
        job.work_limit = self.work_limit()?;
        Ok(job)
    }

    /// Refuses what [`Job::run`] refuses before its first slice, and returns the warnings that it
    /// gives. Nothing is interpolated.
    ///
    /// # Errors
    /// Those of [`Job::run`].
    pub fn check(&self) -> Result<Vec<String>> {
        let job = self.array_job()?;
        job.check()?;
        Ok(job.warnings(true))
    }

    /// Resamples the volume and its label maps.
    ///
    /// # Errors
    /// As [`Image::with_nan_as`] and [`ArrayJob::run`].
    pub fn run(&self, on_progress: OnProgress) -> Result<Outputs> {
        let mut output = self.volume.voxels().zeros_like(self.plan.output_shape());
        let others = self.run_with(Some(&mut output), None, on_progress)?;
        let volume = Volume::new(output, self.volume.rescale(), self.plan.output().clone())?;
        Ok(Outputs { volume, others })
    }

    /// As [`Job::run`], but `take` receives the resampled CT part by part, each of
    /// [`Job::part_slices`] slices; no more than four parts are in memory at a time. All others are
    /// in memory whole.
    ///
    /// # Errors
    /// Those of [`Job::run`], of [`ArrayJob::run_to`] and of `take`.
    pub fn run_to(
        &self,
        take: &mut dyn FnMut(Voxels) -> Result<()>,
        on_progress: OnProgress,
    ) -> Result<OtherOutputs> {
        let slices = self.part_slices.unwrap_or(self.plan.slices().len());
        self.run_with(None, Some(Sink { slices, take }), on_progress)
    }

    /// Runs the job on arrays, with this one or a sink for the resampled CT.
    fn run_with(
        &self,
        output: Option<&mut Voxels>,
        sink: Option<Sink>,
        on_progress: OnProgress,
    ) -> Result<OtherOutputs> {
        let grid = self.plan.output();
        let shape = self.plan.output_shape();
        let mut expected_error = self.expected_error.then(|| Array3::<f32>::zeros(shape));
        let mut label_maps: Vec<Voxels> =
            self.label_maps.iter().map(|map| map.voxels().zeros_like(shape)).collect();
        let mut job = self.array_job()?;
        job.expected_error = expected_error.as_mut().map(|errors| errors.view_mut());
        job.labels = (self.label_maps.iter().zip(&mut label_maps))
            .map(|(input, output)| LabelArrays {
                input: input.voxels().view(),
                output: output.view_mut(),
                method: self.label_method,
            })
            .collect();
        job.output = output.map(Voxels::view_mut);
        let work = match sink {
            None => job.run(on_progress)?,
            Some(sink) => job.run_to(sink, on_progress)?,
        };
        let volume = |voxels, rescale| Volume::new(voxels, rescale, grid.clone());
        let labelled = self.label_maps.iter().zip(label_maps);
        let expected_error =
            expected_error.map(|errors| volume(errors.into(), Rescale::IDENTITY)).transpose()?;
        let errors = expected_error.as_ref();
        Ok(OtherOutputs {
            mean_expected_error_hu: errors
                .and_then(|errors| mean_expected_error(errors, self.plan)),
            expected_error,
            label_maps: labelled
                .map(|(input, output)| volume(output, input.rescale()))
                .collect::<Result<_>>()?,
            work,
        })
    }
}

/// Interpolates a volume along the slice axis of a plan.
///
/// # Errors
/// As [`Job::run`].
pub fn resample(volume: &Volume, plan: &Plan, interpolator: &Interpolator) -> Result<Volume> {
    Ok(Job::new(plan, interpolator, volume).run(&mut |_| Ok(()))?.volume)
}
