//! Laws of plans, checked from the input and output grids alone.

use hrinet::resample::{Plan, SliceSource, Spacing};
use hrinet::volume::{Axis, Geometry};

/// Distance to a known slice, as a fraction of the slice spacing, below which an output slice is
/// that slice.
const KNOWN_TOLERANCE: f64 = 1.001e-5;

/// Relative rounding error of doubles.
const ROUNDING: f64 = 1e-11;

/// Steps of these spacings along axes rotated by these angles (about x, then y, then z; radians).
pub fn rotated(spacing: [f64; 3], angles: [f64; 3]) -> [[f64; 3]; 3] {
    let mut steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for (about, angle) in angles.into_iter().enumerate() {
        let (sine, cosine) = angle.sin_cos();
        let (a, b) = ((about + 1) % 3, (about + 2) % 3);
        for step in &mut steps {
            (step[a], step[b]) =
                (cosine * step[a] - sine * step[b], sine * step[a] + cosine * step[b]);
        }
    }
    std::array::from_fn(|axis| steps[axis].map(|component| component * spacing[axis]))
}

/// Panics where the plan breaks one of its laws.
pub fn assert_kept(input: &Geometry, axis: Option<Axis>, spacing: &Spacing, plan: &Plan) {
    let context = format!("{input:?}\n{axis:?} {spacing:?}\n{:?}", plan.output());
    let axis = axis.unwrap_or_else(|| input.slice_axis());
    assert_eq!(plan.axis(), axis, "{context}");
    if input.tilt_degrees().is_some() {
        return tilted_slices_are_straightened(input, axis, plan, &context);
    }
    plane_is_unchanged(input, axis, plan, &context);
    sources_increase(input, axis, plan, &context);
    slices_are_at_the_positions_of_their_sources(input, axis, plan, &context);
    spacing_is_as_requested(input, axis, spacing, plan, &context);
}

/// Size and steps in the plane are unchanged, the output's geometry is valid, and the direction of
/// the slice axis is the input's.
fn plane_is_unchanged(input: &Geometry, axis: Axis, plan: &Plan, context: &str) {
    let output = plan.output();
    for other in axis.others() {
        assert_eq!(output.length(other), input.length(other), "{context}");
        assert_eq!(output.step(other), input.step(other), "{context}");
    }
    let steps = Axis::ALL.map(|axis| output.step(axis));
    let again = Geometry::new(output.size(), output.origin(), steps);
    assert_eq!(again.as_ref().ok(), Some(output), "{context}");
    let cosine = dot(output.direction(axis), input.direction(axis));
    assert!((cosine - 1.0).abs() < 1e-9, "{context}: the direction turned: {cosine}");
}

/// The output of a tilted gantry is right-angled, with the input's pixels and a source per slice;
/// known slices are at their distances along the normal.
fn tilted_slices_are_straightened(input: &Geometry, axis: Axis, plan: &Plan, context: &str) {
    let output = plan.output();
    assert_eq!(output.tilt_degrees(), None, "{context}");
    for other in axis.others() {
        assert_eq!(output.step(other), input.step(other), "{context}");
    }
    assert_eq!(plan.slices().len(), output.length(axis), "{context}");
    let cosine = input.tilt_degrees().unwrap_or_default().to_radians().cos();
    for (along, stacked) in plan.known_positions().iter().zip(input.slice_positions(axis)) {
        let expected = cosine * stacked;
        assert!((along - expected).abs() <= 1e-6 * expected.abs(), "{context}: {along}");
    }
}

/// Each output slice has one source, after that of the slice before, within the input.
fn sources_increase(input: &Geometry, axis: Axis, plan: &Plan, context: &str) {
    let known = input.slice_positions(axis);
    assert_eq!(plan.known_positions(), known, "{context}");
    assert_eq!(plan.slices().len(), plan.output().length(axis), "{context}");
    assert!(!plan.slices().is_empty(), "{context}");
    let mut before = f64::NEG_INFINITY;
    for source in plan.slices() {
        let along = match *source {
            SliceSource::Known(index) => {
                assert!(index < known.len(), "{context}: {source:?}");
                index as f64
            }
            SliceSource::Interpolated { first, fraction } => {
                assert!(fraction > 0.0 && fraction < 1.0, "{context}: {source:?}");
                assert!(first + 1 < known.len(), "{context}: {source:?}");
                first as f64 + fraction
            }
        };
        assert!(along > before, "{context}: {source:?} after {before}");
        before = along;
    }
}

/// Each output slice is at the position of its source: a known slice where it is in the input, an
/// interpolated one at its fraction between two known ones.
fn slices_are_at_the_positions_of_their_sources(
    input: &Geometry,
    axis: Axis,
    plan: &Plan,
    context: &str,
) {
    let known = plan.known_positions();
    let output = plan.output();
    let places = output.slice_positions(axis);
    assert!(places.is_sorted_by(|a, b| a < b), "{context}: positions do not increase");
    let widest = known.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    let rounding = rounding(input, axis);
    let meets = KNOWN_TOLERANCE * widest.max(output.spacing(axis)) + rounding;
    for (place, source) in places.iter().zip(plan.slices()) {
        let (expected, tolerance) = match *source {
            SliceSource::Known(index) => (known[index], meets),
            SliceSource::Interpolated { first, fraction } => {
                (known[first] + fraction * (known[first + 1] - known[first]), rounding)
            }
        };
        let expected = along(input.origin(), input.direction(axis), expected);
        let found = along(output.origin(), output.direction(axis), *place);
        for row in 0..3 {
            let off = (found[row] - expected[row]).abs();
            assert!(off <= tolerance, "{context}: {source:?} is at {found:?}, not {expected:?}");
        }
    }
}

/// Laws of each kind of spacing.
fn spacing_is_as_requested(
    input: &Geometry,
    axis: Axis,
    spacing: &Spacing,
    plan: &Plan,
    context: &str,
) {
    let known = plan.known_positions();
    let (extent, step) = (known[known.len() - 1], plan.output().spacing(axis));
    let even = input.uneven_slices().is_none();
    let is = |wish: f64| (step - wish).abs() <= ROUNDING * wish;
    let in_plane = axis.others().map(|other| input.spacing(other));
    match spacing {
        Spacing::Factor(parts) if even => {
            assert_eq!(plan.slices().len(), (known.len() - 1) * parts + 1, "{context}");
            assert!(is(input.spacing(axis) / *parts as f64), "{context}");
        }
        Spacing::Isotropic if even => {
            closest(input.spacing(axis), step, in_plane[0].min(in_plane[1]), context);
        }
        Spacing::Nearest(wish) if even => closest(input.spacing(axis), step, *wish, context),
        Spacing::Exact(wish) => {
            assert!(is(*wish), "{context}: {step} mm");
            assert_eq!(plan.output().origin(), input.origin(), "{context}");
            // As many as fit.
            let reached = (plan.slices().len() - 1) as f64 * wish;
            let slack = KNOWN_TOLERANCE * wish + ROUNDING * extent;
            assert!(reached <= extent + slack, "{context}: beyond the last slice");
            assert!(reached + wish > extent - slack, "{context}: ends too early");
        }
        Spacing::Like(reference) => on_the_reference(input, axis, reference, plan, context),
        Spacing::Factor(_) | Spacing::Isotropic | Spacing::Nearest(_) => {}
    }
    if even && !matches!(spacing, Spacing::Exact(_) | Spacing::Like(_)) {
        assert_eq!(plan.output().origin(), input.origin(), "{context}");
        assert_eq!(plan.known_count(), known.len(), "{context}: a known slice is lost");
    }
}

/// `step` is the integer fraction of `spacing` that is closest to `wish`.
fn closest(spacing: f64, step: f64, wish: f64, context: &str) {
    let parts = (spacing / step).round();
    assert!((spacing / parts - step).abs() <= ROUNDING * step, "{context}: no integer fraction");
    let off = |parts: f64| (spacing / parts - wish).abs();
    for other in [parts - 1.0, parts + 1.0] {
        let closer = off(other) < off(parts) - ROUNDING * spacing;
        assert!(other < 1.0 || !closer, "{context}: {other} parts are closer than {parts}");
    }
}

/// The output has exactly the slices of the reference that are within the input.
fn on_the_reference(
    input: &Geometry,
    axis: Axis,
    reference: &Geometry,
    plan: &Plan,
    context: &str,
) {
    let normal = input.direction(axis);
    let cosines = Axis::ALL.map(|axis| dot(reference.direction(axis), normal));
    let parallel = Axis::ALL.into_iter().find(|&axis| cosines[axis as usize].abs() > 0.999);
    let parallel = parallel.expect("an axis of the reference is parallel");
    let step = reference.step(parallel);
    let from_input = |point: [f64; 3]| dot(minus(point, input.origin()), normal);
    let first = from_input(reference.origin());
    let each = dot(step, normal);
    let last = plan.known_positions()[plan.known_positions().len() - 1];
    // A reference rotated by up to 0.26 degrees counts as parallel.
    let turned = 1.1e-5 * (first.abs() + last + each.abs() * reference.length(parallel) as f64);
    let tolerance = turned + rounding(input, axis) + rounding(reference, parallel);
    let places = plan.output().slice_positions(axis);
    let begin = from_input(plan.output().origin());
    for place in places.iter().map(|place| begin + place) {
        let index = ((place - first) / each).round();
        let inside = index >= 0.0 && index < reference.length(parallel) as f64;
        // Slices closer than the tolerance cannot be told apart.
        if tolerance < each.abs() / 4.0 {
            assert!(inside, "{context}: slice {index} of the reference");
        }
        let off = (first + index * each - place).abs();
        assert!(off <= tolerance, "{context}: {off} mm beside the reference's slice {index}");
    }
    let inside = |slack: f64| {
        let place = |index: usize| first + index as f64 * each;
        let within = |place: &f64| (-slack..=last + slack).contains(place);
        (0..reference.length(parallel)).map(place).filter(within).count()
    };
    let slack = tolerance + KNOWN_TOLERANCE * each.abs();
    let possible = inside(-slack)..=inside(slack);
    assert!(possible.contains(&places.len()), "{context}: {} of {possible:?}", places.len());
}

/// Rounding error of positions along the axis, mm.
fn rounding(geometry: &Geometry, axis: Axis) -> f64 {
    let positions = geometry.slice_positions(axis);
    let far = geometry.origin().into_iter().map(f64::abs).fold(0.0, f64::max);
    ROUNDING * (far + positions[positions.len() - 1] + geometry.spacing(axis))
}

fn along(origin: [f64; 3], direction: [f64; 3], place: f64) -> [f64; 3] {
    std::array::from_fn(|row| origin[row] + direction[row] * place)
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|row| a[row] * b[row]).sum()
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|row| a[row] - b[row])
}
