//! The nearer known slice.

use ndarray::ArrayView2;

/// The slice of two neighbours that lies nearer at `fraction` from the first; the first where both are
/// equally near.
pub fn of<T>([first, second]: [ArrayView2<T>; 2], fraction: f64) -> ArrayView2<T> {
    if fraction > 0.5 { second } else { first }
}
