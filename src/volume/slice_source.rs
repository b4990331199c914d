//! Where a slice of a resampled volume comes from.

/// Source of an output slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SliceSource {
    /// Copied bit for bit from this slice of the input.
    Known(usize),
    /// Interpolated between input slice `first` and the next one.
    Interpolated {
        /// The input slice before.
        first: usize,
        /// Position between the two slices: 0 at `first`, 1 at the next one; in (0, 1), with 0 and
        /// 1 where thin slices take the place of known ones.
        fraction: f64,
    },
}
