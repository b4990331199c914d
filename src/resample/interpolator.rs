//! How slices in between are made, and what a user should know of that way beforehand.

use crate::error::Error;
use crate::network::SliceNetwork;
use crate::resample::Plan;

/// Known slices may lie this much further apart than in training without a word.
const TOLERANCE: f64 = 1.01;

/// How slices in between are made.
pub enum Interpolator<'a> {
    /// The linear blend of the two neighbours.
    Linear,
    /// A cubic spline along the slice axis through all slices.
    Cubic,
    /// A trained network.
    Network(&'a dyn SliceNetwork),
}

/// What to say of a method that expects nothing.
pub(crate) fn without_expected_error() -> Error {
    Error::Argument(
        "this model predicts no expected error; take one with an error head, such as \
         hrinet-motion, or train one by `hrinet train --error-head`"
            .into(),
    )
}

/// What the user should know where known slices lie further apart than the method was trained for.
pub fn beyond_training(plan: &Plan, method: &Interpolator) -> Option<String> {
    let Interpolator::Network(network) = method else { return None };
    let trained = network.max_slice_spacing_mm()?;
    let positions = plan.known_positions();
    let gaps = plan.pairs().into_iter().map(|(first, _)| positions[first + 1] - positions[first]);
    let longest = gaps.map(f64::abs).reduce(f64::max)?;
    (longest > TOLERANCE * trained).then(|| {
        format!(
            "slices lie {longest:.1} mm apart, further than the {trained:.1} mm that the model was \
             trained for; what it makes between them is less certain than usual"
        )
    })
}
