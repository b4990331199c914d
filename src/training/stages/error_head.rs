//! The error head of an HRINet-Motion whose generator is frozen.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::network::{ErrorHead, Generator, Parameters, Precision, Record};
use crate::training::data::batch::Batch;
use crate::training::forward::decode_between;
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::paper::laplace;
use crate::training::optim::trainable::Trainable;
use crate::training::settings::{OptimizerKind, Settings};
use crate::training::stages::{GENERATOR, Stage, StageStart, check_loss};
use crate::training::state_dict::StateDict;
use crate::training::validation::{Batches, Validation};
use crate::volume::Window;

/// Groups of a checkpoint: weights of the error head and the state of its optimizer.
pub(crate) const ERROR_HEAD: &str = "confidence";
const ERROR_HEAD_OPTIMIZER: &str = "confidence_optimizer";

/// Random first weights are drawn from the run's seed combined with this.
const SEED: u64 = 0x636f_6e66_6964;

/// The error head, and the frozen generator that it belongs to.
pub(crate) struct ErrorHeadStage {
    settings: Settings,
    generator: Box<dyn Generator>,
    generator_weights: Vec<(String, Tensor)>,
    generator_record: Record,
    head: Trainable<ErrorHead>,
}

/// Absolute errors of interpolated slices in HU, `[N * inner, 1, H, W]`.
struct Errors {
    /// As they are.
    actual: Tensor,
    /// As the head predicts them; gradients flow to the head alone.
    expected: Tensor,
}

impl ErrorHeadStage {
    pub(super) fn new(start: StageStart) -> Result<ErrorHeadStage> {
        let StageStart { settings, architecture, device, mut generator, given, .. } = start;
        let weights = given.group(ERROR_HEAD);
        let head = match weights.is_empty() {
            true => Parameters::random(settings.seed ^ SEED, device),
            false => Parameters::from_tensors(weights, device),
        };
        let build = |parameters: &mut Parameters| architecture.build_error_head(parameters);
        Ok(ErrorHeadStage {
            settings: settings.clone(),
            generator: architecture.build(&mut generator)?,
            generator_weights: generator.finish()?,
            generator_record: start.generator_record,
            head: Trainable::new(head, OptimizerKind::AdamW, build)?,
        })
    }

    fn errors_hu(&self, batch: &Batch) -> Result<Errors> {
        let generator = self.generator();
        let outputs = tch::no_grad(|| {
            decode_between(generator, batch, self.settings.precision, |pair, alpha| {
                generator.decode_with_outputs(pair, None, alpha)
            })
        })?;
        let outputs = outputs
            .ok_or_else(|| Error::Argument("an error head for a generator without one".into()))?;
        let interpolated = outputs.slices.f_clamp(0.0, 1.0)?;
        let actual = interpolated.f_sub(&batch.truth)?.f_abs()?;
        let expected = self.head.network.forward(&outputs)?;
        let width = Window::CT.width();
        Ok(Errors { actual: actual.f_mul_scalar(width)?, expected: expected.f_mul_scalar(width)? })
    }
}

impl Stage for ErrorHeadStage {
    fn step(&mut self, batch: &Batch, learning_rate: f64) -> Result<StepLosses> {
        let errors = self.errors_hu(batch)?;
        let loss = laplace(&errors.actual, &errors.expected)?;
        let value = check_loss("the loss", &loss)?;
        let gradient_norm = self.head.step(&loss, learning_rate, &self.settings)?;
        let losses = StepLosses { learning_rate, gradient_norm, ..StepLosses::default() };
        Ok(StepLosses { step_two: Some(value), ..losses })
    }

    fn generator(&self) -> &dyn Generator {
        self.generator.as_ref()
    }

    fn weights(&self) -> StateDict {
        let mut weights = StateDict::default();
        for (name, tensor) in &self.generator_weights {
            weights.insert(GENERATOR, name, tensor);
        }
        self.head.save_weights(ERROR_HEAD, &mut weights);
        weights
    }

    fn save_optimizers(&self, state: &mut StateDict) {
        self.head.save_optimizer(ERROR_HEAD_OPTIMIZER, state);
    }

    fn load_optimizers(&mut self, state: &StateDict, iterations: u64) -> Result<()> {
        self.head.load_optimizer(ERROR_HEAD_OPTIMIZER, state, iterations)
    }

    fn validate(&self, batches: Batches, _: Precision) -> Result<Validation> {
        let mut sums = [0.0; 2];
        let mut count = 0;
        for batch in batches {
            let errors = tch::no_grad(|| self.errors_hu(&batch?))?;
            for (sum, values) in sums.iter_mut().zip([&errors.expected, &errors.actual]) {
                *sum += values.f_sum(Kind::Double)?.f_double_value(&[])?;
            }
            count += errors.actual.numel();
        }
        let [expected, actual] = sums.map(|sum| sum / count.max(1) as f64);
        Ok(Validation::ErrorHead { expected, actual })
    }

    /// The generator's own record, that of this run beside it.
    fn record(&self, run: Record) -> Record {
        Record { error_head: Some(Box::new(run)), ..self.generator_record.clone() }
    }
}
