//! The discriminators D1 (the critic of ACAI) and D2 (PatchGAN), which only training needs.

pub mod critic;
pub mod patch_gan;
