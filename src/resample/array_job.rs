//! Resampling of arrays that a host owns, in place and with strides.

use std::time::{Duration, Instant};

use ndarray::{Array3, ArrayRef3, ArrayViewMut3};

use crate::error::{Error, Result, count_of};
use crate::labels::{LabelMethod, LabelPass};
use crate::resample::image::Image;
use crate::resample::output_slices::OutputSlices;
use crate::resample::pass::{Bounds, Counter, OnProgress, Pass};
use crate::resample::slabs::Slabs;
use crate::resample::{Interpolator, Plan};
use crate::volume::hounsfield;
use crate::volume::views::{with_view, with_views};
use crate::volume::{VoxelType, Voxels, VoxelsView, VoxelsViewMut, Window};

/// A label map and the array for its resampled voxels, both `[k, j, i]` and of one voxel type.
pub struct LabelArrays<'a> {
    /// Labels on the grid of the CT.
    pub input: VoxelsView<'a>,
    /// Labels on the output grid of the plan.
    pub output: VoxelsViewMut<'a>,
    /// Method between known slices.
    pub method: LabelMethod,
}

/// Receives a resampled CT part by part, each after the one before along the slice axis.
pub struct Sink<'a> {
    /// Slices of a part; the last one may have fewer.
    pub slices: usize,
    /// Takes a part; an error ends the job and is returned from it.
    pub take: &'a mut dyn FnMut(Voxels) -> Result<()>,
}

/// Inputs and wanted outputs of a plan as arrays `[k, j, i]`, which may have strides.
///
/// Known slices are copied bit for bit, unless those of a tilted gantry are moved in their plane
/// ([`Plan::straightening`]), or the model makes thin slices ([`Interpolator::is_thin`]). After an
/// error the content of all outputs is unspecified.
pub struct ArrayJob<'a> {
    /// Output grid, and the source of each slice.
    pub plan: &'a Plan,
    /// Interpolation between known slices.
    pub interpolator: &'a Interpolator,
    /// The CT; not needed for label maps alone, unless their method is [`LabelMethod::Anatomy`].
    pub image: Option<Image<'a>>,
    /// Grey values that a network sees as its own window, for volumes that are not in HU. `None`:
    /// HU.
    pub window: Option<Window>,
    /// The resampled CT, of the voxel type of the image.
    pub output: Option<VoxelsViewMut<'a>>,
    /// Expected absolute error of every voxel in HU (with a window in its grey values); 0 in known
    /// slices.
    pub expected_error: Option<ArrayViewMut3<'a, f32>>,
    /// Label maps to resample.
    pub labels: Vec<LabelArrays<'a>>,
    /// Bytes that a network may take, libtorch and weights included; `None`: those that are free.
    pub work_limit: Option<u64>,
}

/// Work that a job took.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Known slices that a network encoded for the image.
    pub encoded: usize,
    /// Slices of the image that were interpolated.
    pub interpolated: usize,
    /// Slices of all label maps that were interpolated.
    pub label_slices: usize,
    /// Wall-clock time of the image slices, without that of a sink.
    pub time: Duration,
    /// Wall-clock time of the label slices.
    pub label_time: Duration,
    /// Reasons to rely less on the interpolated slices, which were logged too.
    pub warnings: Vec<String>,
}

impl<'a> ArrayJob<'a> {
    /// A job without input and output yet.
    pub fn new(plan: &'a Plan, interpolator: &'a Interpolator) -> ArrayJob<'a> {
        ArrayJob {
            plan,
            interpolator,
            image: None,
            window: None,
            output: None,
            expected_error: None,
            labels: Vec::new(),
            work_limit: None,
        }
    }

    /// Resamples all outputs.
    ///
    /// `on_progress` is called from this thread after every few slices; its error, for example
    /// [`Error::Cancelled`], ends the job and is returned.
    ///
    /// # Errors
    /// [`Error::Argument`] for arrays of different voxel types, outputs whose inputs are missing
    /// and outputs that the interpolator does not offer; [`Error::Geometry`] for arrays that do not
    /// fit the plan; [`Error::Torch`].
    pub fn run(self, on_progress: OnProgress) -> Result<Work> {
        self.run_with(None, on_progress)
    }

    /// As [`ArrayJob::run`], but the resampled CT goes to a sink in place of an output array: no
    /// more than a few of its parts are in memory at a time. Its voxels are the same.
    ///
    /// # Errors
    /// As [`ArrayJob::run`], and those of the sink; [`Error::Argument`] for slices that are moved
    /// in their plane ([`Plan::straightening`]).
    pub fn run_to(mut self, sink: Sink, on_progress: OnProgress) -> Result<Work> {
        require_image(self.image.is_some(), "an output")?;
        if self.plan.straightening().is_some() {
            return Err(Error::Argument(
                "slices of a tilted gantry are moved in their plane all together, not part by part"
                    .into(),
            ));
        }
        self.output = None;
        self.run_with(Some(sink), on_progress)
    }

    fn run_with(self, sink: Option<Sink>, on_progress: OnProgress) -> Result<Work> {
        self.check()?;
        let warnings = self.warnings(sink.is_some() || self.wants_image());
        for warning in &warnings {
            log::warn!("{warning}");
        }
        Ok(Work { warnings, ..self.run_checked(sink, on_progress)? })
    }

    /// Whether an output array is of the image.
    fn wants_image(&self) -> bool {
        self.output.is_some() || self.expected_error.is_some()
    }

    /// Resamples all outputs of a job that was checked, without warnings.
    pub(super) fn run_checked(
        mut self,
        sink: Option<Sink>,
        on_progress: OnProgress,
    ) -> Result<Work> {
        let wants_image = sink.is_some() || self.wants_image();
        let image_plan = self.interpolator.image_plan(self.plan)?.into_owned();
        let label_plan = self.plan.with_known();
        let of_image = if wants_image { image_plan.interpolated_count() } else { 0 };
        let of_labels = self.labels.len() * label_plan.interpolated_count();
        let mut counter = Counter::new(of_image + of_labels, on_progress);
        let mut work = Work::default();
        if let (Some(window), Some(network)) = (self.window, self.interpolator.network()) {
            let [low, high] = network.window_hu();
            let own = Window { low, high };
            self.image = self.image.map(|image| image.mapped(window, own));
        }
        if wants_image {
            let start = Instant::now();
            let mut waited = Duration::ZERO;
            let (slices, take) = sink.map(|sink| (sink.slices, sink.take)).unzip();
            let mut timed = take.map(|take| {
                |part| {
                    let start = Instant::now();
                    let taken = take(part);
                    waited += start.elapsed();
                    taken
                }
            });
            let sink = slices.zip(timed.as_mut()).map(|(slices, take)| Sink { slices, take });
            let plans = (&image_plan, &label_plan);
            work.encoded = self.interpolate_image(plans, sink, &mut counter)?;
            work.interpolated = image_plan.interpolated_count();
            work.time = start.elapsed().saturating_sub(waited);
            log::debug!(
                "{} interpolated, {} encoded, in {:.3} s",
                count_of(work.interpolated, "slice"),
                work.encoded,
                work.time.as_secs_f64()
            );
        }
        let start = Instant::now();
        for labels in std::mem::take(&mut self.labels) {
            log::info!("resampling a label map by {:?}", labels.method);
            self.interpolate_labels(&label_plan, labels, &mut counter)?;
            work.label_slices += label_plan.interpolated_count();
        }
        work.label_time = start.elapsed();
        Ok(work)
    }

    /// Reasons to rely less on what a network will interpolate.
    pub(crate) fn warnings(&self, wants_image: bool) -> Vec<String> {
        let network = self.interpolator.network().filter(|_| !self.plan.is_copy());
        let (Some(_), Some(image), true) = (network, &self.image, wants_image) else {
            return Vec::new();
        };
        let doubt = match self.window {
            Some(_) => None,
            None => hounsfield::doubt(&image.voxels, image.rescale, image.quantity),
        };
        let doubt = doubt.map(|doubt| doubt.to_string());
        self.interpolator.spacing_warning(self.plan).into_iter().chain(doubt).collect()
    }

    pub(crate) fn check(&self) -> Result<()> {
        if let Some(window) = self.window {
            window.check()?;
        }
        let input = self.plan.input_shape();
        let output = self.plan.output_shape();
        let has_image = self.image.is_some();
        if let Some(image) = &self.image {
            check_shape("input", image.voxels.shape(), input)?;
            self.interpolator.image_plan(self.plan)?;
        }
        if let Some(array) = &self.output {
            require_image(has_image, "an output")?;
            check_shape("output", array.shape(), output)?;
        }
        if let Some(array) = &self.expected_error {
            require_image(has_image, "expected errors")?;
            check_shape("expected_error", array.dim().into(), output)?;
            self.interpolator.require_error_head()?;
        }
        for labels in &self.labels {
            check_shape("label input", labels.input.shape(), input)?;
            check_shape("label output", labels.output.shape(), output)?;
            if labels.method == LabelMethod::Anatomy {
                require_image(has_image, "labels by anatomy")?;
                labels.method.check(self.interpolator)?;
            }
        }
        Ok(())
    }

    /// Interpolates the image and its expected errors by a plan, and returns how many slices were
    /// encoded. By the plan with known slices NaN is put back.
    fn interpolate_image(
        &mut self,
        (plan, with_known): (&Plan, &Plan),
        sink: Option<Sink>,
        counter: &mut Counter,
    ) -> Result<usize> {
        let Some(image) = &self.image else { return Ok(0) };
        let straightening = plan.straightening();
        let stack_shape = plan.stack_shape();
        let all = || 0..plan.slices().len();
        let mut errors = ErrorOutput::new(self.expected_error.take(), plan);
        let expected_error = errors.slices();
        macro_rules! run {
            ($input:expr, $output:expr) => {{
                let mut pass = Pass {
                    plan,
                    input: $input,
                    rescale: image.rescale,
                    bounds: Bounds::of($input),
                    output: $output,
                    slabs: Slabs::of(plan),
                    expected_error,
                    work_limit: self.work_limit,
                    encoded: 0,
                    counter,
                };
                pass.run(self.interpolator)?;
                if let Some(errors) = &mut pass.expected_error {
                    let values_per_hu = (1.0 / image.hu_per_value) as f32;
                    errors.mapv_inplace(|error| error * values_per_hu);
                }
                Ok(pass.encoded)
            }};
        }
        let numbers = image.numbers();
        let encoded = match (&mut self.output, sink) {
            (_, Some(Sink { slices, take })) => with_view!(&numbers, input => {
                let take = &mut |range, mut part: Array3<_>| {
                    image.restore_nan(with_known, range, &mut part.view_mut().into());
                    take(part.into())
                };
                run!(input, Some(OutputSlices::parts(plan, input, slices, take)))
            }),
            (None, None) => with_view!(&numbers, input => run!(input, None)),
            (Some(output), None) => {
                let types = [numbers.voxel_type(), output.voxel_type()];
                with_views!(&numbers, &mut *output, (input, output) => match straightening {
                    None => run!(input, Some(OutputSlices::Array(output))),
                    Some(straightening) => {
                        let mut stack = Array3::default(stack_shape);
                        let encoded = run!(input, Some(OutputSlices::Array(&mut stack)));
                        image.restore_nan(with_known, all(), &mut stack.view_mut().into());
                        straightening.image(&stack, output, image.padding());
                        encoded
                    }
                }, _ => Err(other_type("output", types)))
            }
        }?;
        if let (None, Some(output)) = (straightening, &mut self.output) {
            image.restore_nan(with_known, all(), output);
        }
        errors.finish(plan);
        Ok(encoded)
    }

    fn interpolate_labels(
        &self,
        plan: &Plan,
        labels: LabelArrays,
        counter: &mut Counter,
    ) -> Result<()> {
        let LabelArrays { input, mut output, method } = labels;
        let types = [input.voxel_type(), output.voxel_type()];
        let image = self.image.as_ref();
        let network = self.interpolator.network();
        let pass = LabelPass { plan, method, image, network };
        with_views!(&input, &mut output, (input, output) => match plan.straightening() {
            None => pass.run(input, output, counter),
            Some(straightening) => {
                let mut stack = Array3::default(plan.stack_shape());
                pass.run(input, &mut stack, counter)?;
                straightening.labels(&stack, output);
                Ok(())
            }
        }, _ => Err(other_type("label output", types)))
    }
}

/// The array for expected errors, and those of slices that are moved in their plane afterwards.
struct ErrorOutput<'a> {
    output: Option<ArrayViewMut3<'a, f32>>,
    stack: Option<Array3<f32>>,
}

impl ErrorOutput<'_> {
    fn new<'a>(output: Option<ArrayViewMut3<'a, f32>>, plan: &Plan) -> ErrorOutput<'a> {
        let is_moved = output.is_some() && plan.straightening().is_some();
        ErrorOutput { output, stack: is_moved.then(|| Array3::zeros(plan.stack_shape())) }
    }

    /// The array that takes expected errors slice by slice.
    fn slices(&mut self) -> Option<&mut ArrayRef3<f32>> {
        match &mut self.stack {
            Some(stack) => Some(stack),
            None => self.output.as_deref_mut(),
        }
    }

    /// Moves slices to their place, where they are moved.
    fn finish(self, plan: &Plan) {
        if let (Some(straightening), Some(stack), Some(mut output)) =
            (plan.straightening(), self.stack, self.output)
        {
            straightening.image(&stack, &mut output, 0.0);
        }
    }
}

fn require_image(is_there: bool, output: &str) -> Result<()> {
    match is_there {
        true => Ok(()),
        false => Err(Error::Argument(format!("{output} without an input image; give the CT"))),
    }
}

fn check_shape(name: &str, shape: [usize; 3], expected: [usize; 3]) -> Result<()> {
    match shape == expected {
        true => Ok(()),
        false => Err(Error::Geometry(format!(
            "{name} of shape {shape:?} (k, j, i); the plan has {expected:?}"
        ))),
    }
}

fn other_type(name: &str, [input, output]: [VoxelType; 2]) -> Error {
    Error::Argument(format!("{name} of voxel type {output}, its input of {input}; use one type"))
}
