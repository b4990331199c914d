//! Slices that lean: those of a tilted gantry.

use crate::error::{Error, Result};
use crate::volume::vector::{cross, dot};
use crate::volume::{Axis, Geometry};

/// Cosine of the angle between two axes above which a grid counts as sheared (0.06 degrees off;
/// files round their direction cosines to six digits, the smallest gantry tilt is 0.5 degrees).
const SHEAR_TOLERANCE: f64 = 1e-3;

/// Largest tilt that is read, degrees: gantries tilt by up to 30.
const MAX_TILT_DEGREES: f64 = 35.0;

impl Geometry {
    /// Refuses a grid in which no plane is right-angled, or whose slices lean further than those of
    /// any gantry.
    pub(super) fn check_shear(&self) -> Result<()> {
        let Some(skewed) = self.skewed_axes() else { return Ok(()) };
        let axis = self.slice_axis();
        let tilt = self.tilt_degrees().unwrap_or(0.0);
        if self.is_right_angled_across(axis) && tilt <= MAX_TILT_DEGREES {
            return Ok(());
        }
        let (first, second) = skewed;
        let angle = self.cosine(first, second).clamp(-1.0, 1.0).acos();
        Err(Error::Geometry(format!(
            "the axes {first} and {second} meet at {:.2} degrees instead of 90: a sheared grid, \
             but not that of a tilted gantry; resample the volume to an orthogonal grid first",
            angle.to_degrees()
        )))
    }

    /// Cosine of the angle between two axes.
    fn cosine(&self, a: Axis, b: Axis) -> f64 {
        dot(self.direction(a), self.direction(b))
    }

    /// The first two axes that are not at a right angle.
    pub(super) fn skewed_axes(&self) -> Option<(Axis, Axis)> {
        let pairs = [(Axis::I, Axis::J), (Axis::J, Axis::K), (Axis::K, Axis::I)];
        pairs.into_iter().find(|&(a, b)| self.cosine(a, b).abs() > SHEAR_TOLERANCE)
    }

    /// Whether the plane across an axis has a right angle: only such planes are slices.
    pub(crate) fn is_right_angled_across(&self, axis: Axis) -> bool {
        let [a, b] = axis.others();
        self.cosine(a, b).abs() <= SHEAR_TOLERANCE
    }

    /// Angle between the slice axis and the normal of the slices, degrees, where it is no right
    /// angle: the slices of a tilted gantry.
    pub fn tilt_degrees(&self) -> Option<f64> {
        let axis = self.slice_axis();
        let lean = self.lean(axis);
        self.skewed_axes().map(|_| dot(lean, lean).sqrt().atan().to_degrees())
    }

    /// Unit normal of the slices across an axis, towards the next slice.
    fn normal(&self, axis: Axis) -> [f64; 3] {
        let [a, b] = axis.others().map(|other| self.direction(other));
        let normal = cross(a, b);
        let length = dot(normal, normal).sqrt();
        let signed = if dot(normal, self.step(axis)) < 0.0 { -length } else { length };
        normal.map(|component| component / signed)
    }

    /// How far slices lie beside each other in their plane, mm per mm along their normal.
    pub(crate) fn lean(&self, axis: Axis) -> [f64; 3] {
        let (step, normal) = (self.step(axis), self.normal(axis));
        let along = dot(step, normal);
        std::array::from_fn(|row| step[row] / along - normal[row])
    }

    /// The grid without the lean of its slices: the step along `axis` and slice positions are those
    /// along the normal.
    pub(crate) fn upright(&self, axis: Axis) -> Geometry {
        let mut upright = self.clone();
        let normal = self.normal(axis);
        let along = dot(self.step(axis), normal);
        upright.steps[axis as usize] = normal.map(|component| component * along);
        if let (Some(positions), Axis::K) = (&mut upright.uneven_slices, axis) {
            let shorter = along / self.spacing(axis);
            positions.iter_mut().for_each(|position| *position *= shorter);
        }
        upright
    }

    /// Lets the slices of an upright grid, which begin `start` mm after the first known one, lean
    /// like those of `input`.
    ///
    /// # Errors
    /// As [`Geometry::new`].
    pub(crate) fn leaning_as(&self, input: &Geometry, axis: Axis, start: f64) -> Result<Geometry> {
        let (lean, spacing) = (input.lean(axis), self.spacing(axis));
        let mut leaning = self.clone();
        leaning.origin = std::array::from_fn(|row| self.origin[row] + lean[row] * start);
        let step = &mut leaning.steps[axis as usize];
        *step = std::array::from_fn(|row| step[row] + lean[row] * spacing);
        leaning.check_shear().map(|()| leaning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_may_lean_like_those_of_a_gantry() {
        let tilted = [[0.7, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 1.0, 5.0]];
        let tilted = Geometry::new([8, 6, 4], [1.0, 2.0, 3.0], tilted).unwrap();
        assert_eq!(tilted.slice_axis(), Axis::K);
        assert!((tilted.tilt_degrees().unwrap() - 0.2f64.atan().to_degrees()).abs() < 1e-9);
        let upright = tilted.upright(Axis::K);
        assert_eq!((upright.step(Axis::K), upright.tilt_degrees()), ([0.0, 0.0, 5.0], None));
        let again = upright.leaning_as(&tilted, Axis::K, 0.0).unwrap();
        assert!(again.is_close_to(&tilted));
    }
}
