//! The C API: a thin skin over the safe library, and the only unsafe code.
//!
//! It validates, translates and calls; everything is decided below. One topic is one file:
//! [`version`], [`status`] and [`call`] (errors and panics stop here), `exit`, [`log`], [`device`] and
//! [`cuda`], [`model`], [`volume`] (a host's voxels), [`plan`], [`interpolate`], [`labels`], [`trainer_options`],
//! [`trainer`]. The conventions that hold for every function stand at the top of `include/hrinet.h`,
//! which is generated from these files.
//!
//! # Safety
//! Every function that takes a pointer is unsafe to call from Rust: the pointer must be NULL, where
//! the function's page allows it, or point to what the page says, valid until the call returns.
#![allow(unsafe_code)]

pub mod call;
pub mod device;
mod exit;
pub mod interpolate;
pub mod labels;
pub mod log;
pub mod model;
pub mod plan;
pub mod status;
pub mod trainer;
pub mod trainer_options;
pub mod version;
pub mod volume;
