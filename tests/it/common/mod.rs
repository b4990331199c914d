//! Helpers of several subjects: volumes, phantoms, the program, Python.

pub mod abi;
pub mod label_stacks;
pub mod patterns;
pub mod phantom;
pub mod program;
pub mod python;
pub mod volumes;
