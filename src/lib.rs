//! Makes the slices in between: CT slice interpolation with HRINet.
#![deny(missing_docs)]

pub mod error;
pub mod io;
pub mod metrics;
pub mod picture;
pub mod volume;

pub use error::{Error, Result};
