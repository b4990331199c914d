//! Behaviour against something independent, by subject, in one program: it links libtorch once.
//! Tests that need a process of their own are programs of their own beside this folder.

mod capi;
mod cli;
mod common;
mod fuzz;
mod io;
mod labels;
mod metrics;
mod network;
mod resample;
mod training;
