//! The choice between linear, cubic and network interpolation, by name.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use tch::Device;

use crate::error::{Error, Result};
use crate::network::{Checkpoint, Model, PrecisionChoice, SliceNetwork};
use crate::resample::Plan;
use crate::runtime::{cuda, device};

/// Ratio by which known slices may be farther apart than in training without a warning.
const SPACING_TOLERANCE: f64 = 1.01;

/// Options of an [`Interpolator`]; they concern networks alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct InterpolatorOptions {
    /// Where to compute: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// Precision of the network's passes.
    pub precision: PrecisionChoice,
    /// Interpolate every slice twice, with the pair in either order, and take the mean.
    pub ensemble: bool,
    /// Carry the detail that an autoencoder loses of known slices into interpolated ones.
    pub detail_carry: bool,
}

impl Default for InterpolatorOptions {
    fn default() -> InterpolatorOptions {
        InterpolatorOptions {
            device: "auto".into(),
            precision: PrecisionChoice::default(),
            ensemble: false,
            detail_carry: true,
        }
    }
}

impl InterpolatorOptions {
    /// Options for a device, with the defaults for everything else.
    pub fn on(device: &str) -> InterpolatorOptions {
        InterpolatorOptions { device: device.into(), ..InterpolatorOptions::default() }
    }

    /// Finds the device; loads libtorch's CUDA library first unless the CPU is asked for.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name, [`Error::Device`] for a device that is not there.
    pub fn find_device(&self) -> Result<Device> {
        if self.device != "cpu" {
            cuda::load();
        }
        device::parse(&self.device)
    }
}

/// Interpolates slices between known ones. Immutable.
pub enum Interpolator {
    /// Linear interpolation between the two neighbouring slices.
    Linear,
    /// Cubic B-spline interpolation along the slice axis, through all slices.
    Cubic,
    /// A trained [`Model`], or a network of the caller's own.
    Network(Box<dyn SliceNetwork>),
}

impl<N: SliceNetwork> From<N> for Interpolator {
    fn from(network: N) -> Interpolator {
        Interpolator::Network(Box::new(network))
    }
}

impl Interpolator {
    /// Loads an interpolator: `linear`, `cubic`, a shipped model by its name, or a checkpoint file.
    ///
    /// # Errors
    /// As [`InterpolatorOptions::find_device`], [`Model::load`] and [`Model::with_precision`].
    pub fn load(name: &str, options: &InterpolatorOptions) -> Result<Interpolator> {
        let device = options.find_device()?;
        match name {
            "linear" => Ok(Interpolator::Linear),
            "cubic" => Ok(Interpolator::Cubic),
            _ => Interpolator::of_model(Model::load(name, device)?, options),
        }
    }

    /// Builds the network of a checkpoint.
    ///
    /// # Errors
    /// As [`InterpolatorOptions::find_device`], [`Model::new`] and [`Model::with_precision`].
    pub fn from_checkpoint(
        checkpoint: Checkpoint,
        options: &InterpolatorOptions,
    ) -> Result<Interpolator> {
        let device = options.find_device()?;
        Interpolator::of_model(Model::new(checkpoint, device)?, options)
    }

    fn of_model(model: Model, options: &InterpolatorOptions) -> Result<Interpolator> {
        let precision = options.precision.on(model.device());
        let model = model.with_precision(precision)?;
        if model.precision() != precision && options.precision != PrecisionChoice::Auto {
            return Err(Error::Argument(format!(
                "{} computes in {} alone, not in {precision}: leave the precision out, or choose \
                 auto",
                model.system(),
                model.precision()
            )));
        }
        let model = model.with_detail_carry(options.detail_carry);
        let model = if options.ensemble { model.with_ensemble() } else { model };
        Ok(Interpolator::from(model))
    }

    /// The network; `None` for linear and cubic interpolation.
    pub fn network(&self) -> Option<&dyn SliceNetwork> {
        match self {
            Interpolator::Network(network) => Some(network.as_ref()),
            _ => None,
        }
    }

    /// The trained model; `None` for linear and cubic interpolation and a network of the caller's.
    pub fn model(&self) -> Option<&Model> {
        let network: &dyn std::any::Any = self.network()?;
        network.downcast_ref()
    }

    /// The device that computes.
    pub fn device(&self) -> Device {
        self.model().map_or(Device::Cpu, Model::device)
    }

    /// Whether the network has an error head, so that expected errors can be had.
    pub fn predicts_error(&self) -> bool {
        self.network().is_some_and(SliceNetwork::predicts_error)
    }

    /// Whether the network finds the flow between two slices, which label maps can follow.
    pub fn has_flow(&self) -> bool {
        self.network().is_some_and(SliceNetwork::has_flow)
    }

    /// Whether it makes thin slices from thick ones, so that no known slice is kept.
    pub fn is_thin(&self) -> bool {
        self.network().is_some_and(SliceNetwork::is_thin)
    }

    /// The plan by which it makes the slices of a CT: for a model of thin slices [`Plan::thin`].
    ///
    /// # Errors
    /// Those of [`Plan::thin`].
    pub(crate) fn image_plan<'a>(&self, plan: &'a Plan) -> Result<Cow<'a, Plan>> {
        match self.is_thin() && plan.thin_factor().is_none() {
            true => plan.clone().thin().map(Cow::Owned),
            false => Ok(Cow::Borrowed(plan)),
        }
    }

    /// Checks that expected errors can be had.
    ///
    /// # Errors
    /// [`Error::Argument`] for a network without error head, linear and cubic interpolation.
    pub fn require_error_head(&self) -> Result<()> {
        if self.predicts_error() {
            return Ok(());
        }
        Err(Error::Argument(
            "this model predicts no expected error; use one with an error head, such as \
             hrinet-motion, or train one by `hrinet train --error-head`"
                .into(),
        ))
    }

    /// Bytes of memory that interpolating the slices of a plan takes beside input and output.
    pub fn work_bytes(&self, plan: &Plan) -> u64 {
        if plan.is_copy() {
            return 0;
        }
        let [columns, rows] = plan.axis().others().map(|axis| plan.stack().length(axis));
        let known = plan.known_positions().len();
        match self {
            Interpolator::Linear => (3 * 8 * rows * columns) as u64,
            Interpolator::Cubic => (8 * columns * (plan.slices().len() + known)) as u64,
            Interpolator::Network(network) => network.working_bytes(rows * columns),
        }
    }

    /// A warning for a plan whose known slices are farther apart than those of the training.
    pub fn spacing_warning(&self, plan: &Plan) -> Option<String> {
        let trained = self.network()?.max_slice_spacing_mm()?;
        let positions = plan.known_positions();
        let spacings =
            plan.pairs().into_iter().map(|(first, _)| positions[first + 1] - positions[first]);
        let largest = spacings.map(f64::abs).reduce(f64::max)?;
        (largest > SPACING_TOLERANCE * trained).then(|| {
            format!(
                "the known slices are up to {largest:.1} mm apart, farther than the {trained:.1} \
                 mm that the model was trained for; expect larger errors"
            )
        })
    }
}
