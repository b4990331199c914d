//! D1 and D2 in training, and the images that they see.

use tch::{Kind, Tensor};

use crate::error::Result;
use crate::network::{Critic, Generator, Pair, Parameters, PatchGan, Precision};
use crate::training::data::batch::Batch;
use crate::training::forward::cast;
use crate::training::logging::step_losses::StepLosses;
use crate::training::losses::paper::{eq1_patch_gan, eq2_anchor, eq2_critic, eq7_against_critic};
use crate::training::optim::trainable::Trainable;
use crate::training::settings::{OptimizerKind, Settings};
use crate::training::stages::check_loss;
use crate::training::state_dict::StateDict;

/// Groups of a checkpoint: weights, and states of optimizers.
pub(crate) const CRITIC: &str = "critic";
pub(super) const CRITIC_OPTIMIZER: &str = "critic_optimizer";
pub(super) const PATCH_GAN: &str = "patch_gan";
pub(super) const PATCH_GAN_OPTIMIZER: &str = "patch_gan_optimizer";

/// Random first weights are drawn from the run's seed combined with one of these.
const CRITIC_SEED: u64 = 0x6372_6974_6963;
const PATCH_GAN_SEED: u64 = 0x7061_7463_6867;

/// The weights of a group, random ones where it is missing.
fn given_or_random(given: &StateDict, group: &str, seed: u64, device: tch::Device) -> Parameters {
    let weights = given.group(group);
    match weights.is_empty() {
        true => Parameters::random(seed, device),
        false => Parameters::from_tensors(weights, device),
    }
}

/// D1, where the settings have it.
pub(super) fn trainable_critic(
    settings: &Settings,
    given: &StateDict,
    device: tch::Device,
) -> Result<Option<Trainable<Critic>>> {
    if !settings.has_critic() {
        return Ok(None);
    }
    let parameters = given_or_random(given, CRITIC, settings.seed ^ CRITIC_SEED, device);
    Trainable::new(parameters, OptimizerKind::AdamW, Critic::new).map(Some)
}

/// D2.
pub(super) fn trainable_patch_gan(
    settings: &Settings,
    given: &StateDict,
    device: tch::Device,
) -> Result<Trainable<PatchGan>> {
    let parameters = given_or_random(given, PATCH_GAN, settings.seed ^ PATCH_GAN_SEED, device);
    Trainable::new(parameters, OptimizerKind::AdamW, PatchGan::new)
}

/// Known slices and the generator's images of them, float32.
pub(super) struct Reconstruction {
    /// The endpoints of all groups, `[2 N, 1, H, W]`.
    pub(super) slices: Tensor,
    /// Their reconstructions, `[2 N, 1, H, W]`.
    pub(super) reconstructed: Tensor,
    /// Both endpoints of each group blended at a random alpha, `[N, 1, H, W]`.
    pub(super) blended: Tensor,
}

impl Reconstruction {
    /// Encodes the endpoints once; decodes each alone, and the pairs at their random alphas.
    pub(super) fn new(
        generator: &dyn Generator,
        batch: &Batch,
        precision: Precision,
    ) -> Result<Reconstruction> {
        let slices = batch.endpoints()?;
        let groups = batch.groups()?;
        let features = generator.encode(&cast(&slices, precision)?)?;
        let any_alpha = Tensor::f_cat(&[&batch.random_alpha, &batch.random_alpha], 0)?;
        let itself = Pair::new(&features, &features);
        let reconstructed = generator.decode(itself, &cast(&any_alpha, precision)?)?;
        let reconstructed = reconstructed.f_to_kind(Kind::Float)?;
        let (first, second) = (features.narrow(0, groups)?, features.narrow(groups, groups)?);
        let alpha = cast(&batch.random_alpha, precision)?;
        let blended = generator.decode(Pair::new(&first, &second), &alpha)?;
        let blended = blended.f_to_kind(Kind::Float)?;
        Ok(Reconstruction { slices, reconstructed, blended })
    }
}

/// D1's guesses `[N]` of alpha, float32.
fn guess(critic: &Critic, images: &Tensor, precision: Precision) -> Result<Tensor> {
    Ok(critic.guess(&cast(images, precision)?)?.f_to_kind(Kind::Float)?)
}

/// G's loss against D1 on the blended images, equation 7.
pub(super) fn against_critic(
    critic: &Critic,
    images: &Reconstruction,
    precision: Precision,
    losses: &mut StepLosses,
) -> Result<Tensor> {
    let against = eq7_against_critic(&guess(critic, &images.blended, precision)?)?;
    losses.against_critic = Some(check_loss("the loss against the critic", &against)?);
    Ok(against)
}

/// D1's optimizer step on equation 2; gives the loss.
pub(super) fn critic_step(
    critic: &mut Trainable<Critic>,
    images: &Reconstruction,
    alpha: &Tensor,
    learning_rate: f64,
    settings: &Settings,
) -> Result<f64> {
    let reconstructed = images.reconstructed.f_detach()?;
    let anchor = eq2_anchor(&images.slices, &reconstructed, settings.gamma)?;
    let network = &critic.network;
    let of_blended = guess(network, &images.blended.f_detach()?, settings.precision)?;
    let of_anchor = guess(network, &anchor, settings.precision)?;
    let loss = eq2_critic(&of_blended, alpha, &of_anchor, settings.critic_target)?;
    let value = check_loss("the critic's loss", &loss)?;
    critic.step(&loss, learning_rate, settings)?;
    Ok(value)
}

/// D2's logits of patches, float32.
pub(super) fn logits(patch_gan: &PatchGan, images: &Tensor) -> Result<Tensor> {
    Ok(patch_gan.logits(images)?.f_to_kind(Kind::Float)?)
}

/// D2's optimizer step on equation 1 over real and generated images; gives the loss.
pub(super) fn patch_gan_step(
    patch_gan: &mut Trainable<PatchGan>,
    real: &Tensor,
    generated: &Tensor,
    learning_rate: f64,
    settings: &Settings,
) -> Result<f64> {
    let of_real = logits(&patch_gan.network, real)?;
    let of_generated = logits(&patch_gan.network, &generated.f_detach()?)?;
    let loss = eq1_patch_gan(&of_real, &of_generated, settings.adversarial)?;
    let value = check_loss("the PatchGAN's loss", &loss)?;
    patch_gan.step(&loss, learning_rate, settings)?;
    Ok(value)
}
