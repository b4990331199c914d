//! The C API: a thin layer over the safe library, and the only unsafe code.
//!
//! It checks, translates and calls; the library below decides. One topic is one file, listed in the
//! order of the header. The conventions of all functions are at the top of `include/hrinet.h`,
//! which `build.rs` generates from these files.
//!
//! # Safety
//! Every function that takes a pointer is unsafe to call from Rust: the pointer must be NULL, where
//! the function's page allows it, or point to what the page says, valid until the call returns.
#![allow(unsafe_code)]

mod exit;
mod floating_point;
mod job_arrays;

// The topics of the header in its order, which `build.rs` reads here; blank lines keep it.

pub mod version;

pub mod status;

pub mod guard;

pub mod log;

pub mod device;

pub mod model;

pub mod volume;

pub mod plan;

pub mod job;

pub mod fill;

pub mod slices;

pub mod trainer_options;

pub mod trainer;
