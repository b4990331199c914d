//! What one iteration of each stage does.

pub mod error_head;
pub mod head;
pub mod step;
