//! Structures between known slices: a phantom of known shapes in soft tissue.
//!
//! A body of 40 HU in air, 128 x 128 pixels of 1 mm, slices 1 mm apart of which every fourth is
//! kept. The shipped models interpolate the others, which are compared with the shapes themselves.
//! `cargo test --release --test it phantom_structures -- --nocapture` prints the figures of the
//! documentation.

use hrinet::resample::{Interpolator, InterpolatorOptions, Plan, Spacing, resample};
use hrinet::volume::{Geometry, Rescale, Volume};
use ndarray::{Array3, ArrayView2, s};

const SIDE: usize = 128;
const GAP: usize = 4;
const SLICES: usize = 41;
const TISSUE: f64 = 40.0;

/// Fraction of a voxel within a shape whose surface is `distance` mm away, positive inside.
fn share(distance: f64) -> f64 {
    (distance + 0.5).clamp(0.0, 1.0)
}

/// The body and one shape in it of `hu`; `inside` is the distance to its surface from (x, y, z) in
/// mm from the middle of the phantom.
fn phantom(hu: f64, inside: impl Fn(f64, f64, f64) -> f64) -> Array3<f32> {
    let middle = [(SLICES - 1) as f64 / 2.0, (SIDE - 1) as f64 / 2.0, (SIDE - 1) as f64 / 2.0];
    Array3::from_shape_fn((SLICES, SIDE, SIDE), |(k, j, i)| {
        let [z, y, x] = [k as f64 - middle[0], j as f64 - middle[1], i as f64 - middle[2]];
        let body = -1000.0 + (TISSUE + 1000.0) * share(55.0 - x.hypot(y));
        (body + (hu - TISSUE) * share(inside(x, y, z))) as f32
    })
}

/// Every fourth slice of a phantom, with the others interpolated.
fn resampled(truth: &Array3<f32>, interpolator: &Interpolator) -> Array3<f32> {
    let known = truth.slice(s![..;GAP, .., ..]).to_owned();
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, GAP as f64]];
    let size = [SIDE, SIDE, known.dim().0];
    let geometry = Geometry::new(size, [0.0; 3], steps).unwrap();
    let volume = Volume::new(known.into(), Rescale::IDENTITY, geometry).unwrap();
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(GAP)).unwrap();
    let output = resample(&volume, &plan, interpolator).unwrap();
    let hrinet::volume::Voxels::Float32(voxels) = output.voxels() else { panic!("another type") };
    voxels.clone()
}

/// The models for measuring and for reading.
fn shipped() -> [(&'static str, Interpolator); 2] {
    let options = InterpolatorOptions::on("cpu");
    ["hrinet-motion", "hrinet-motion-sharp"]
        .map(|name| (name, Interpolator::load(name, &options).unwrap()))
}

fn interpolated_slices() -> impl Iterator<Item = usize> {
    (0..SLICES).filter(|index| index % GAP != 0)
}

/// Area in mm2 that is nearer to `hu` than to soft tissue, without the rim of the body.
fn area(slice: ArrayView2<f32>, hu: f64) -> f64 {
    let half = (hu + TISSUE) / 2.0;
    let counted = slice
        .indexed_iter()
        .filter(|&((j, i), &value)| within(j, i) && (f64::from(value) - half) * (hu - half) > 0.0);
    counted.count() as f64
}

/// Whether a pixel is within 40 mm of the middle.
fn within(j: usize, i: usize) -> bool {
    let middle = (SIDE - 1) as f64 / 2.0;
    (j as f64 - middle).hypot(i as f64 - middle) < 40.0
}

/// Largest difference from soft tissue in a slice, in HU, without the rim of the body.
fn largest_difference(slice: ArrayView2<f32>) -> f64 {
    let inner = slice.indexed_iter().filter(|&((j, i), _)| within(j, i));
    inner.map(|(_, &value)| (f64::from(value) - TISSUE).abs()).fold(0.0, f64::max)
}

/// A sphere of 24 mm: its outline in interpolated slices is the circle of its geometry, where
/// linear interpolation shows the circle of one neighbour or the other.
#[test]
fn sphere_keeps_its_shape() {
    let radius = 12.0;
    let truth = phantom(200.0, |x, y, z| radius - (x * x + y * y + z * z).sqrt());
    let error = |interpolator: &Interpolator| {
        let made = resampled(&truth, interpolator);
        let mut sum = 0.0;
        let mut count = 0.0;
        for index in interpolated_slices() {
            let z = index as f64 - (SLICES - 1) as f64 / 2.0;
            let circle = std::f64::consts::PI * (radius * radius - z * z).max(0.0);
            // Within a slice of its poles a sphere is more edge than area.
            if circle > 150.0 {
                sum += (area(made.slice(s![index, .., ..]), 200.0) - circle).abs() / circle;
                count += 1.0;
            }
        }
        sum / count
    };
    let linear = error(&Interpolator::Linear);
    for (name, model) in shipped() {
        let network = error(&model);
        println!(
            "{name}: sphere: area off by {:.1} % (linear {:.1} %)",
            100.0 * network,
            100.0 * linear
        );
        assert!(network < 0.10, "{name}: {network}");
        assert!(network < linear, "{name}: {network} {linear}");
    }
}

/// A rod of 3 mm, leaning 58 degrees, moves 6.4 mm from known slice to known slice. Interpolated
/// slices have one rod in its place; linear interpolation shows two faint ones.
#[test]
fn slanted_rod_stays_one_rod() {
    let radius = 1.5;
    // Distance from the axis x = 1.6 z.
    let lean = 1.6;
    let truth = phantom(240.0, |x, y, z| {
        radius - ((x - lean * z).powi(2) / (1.0 + lean * lean) + y * y).sqrt()
    });
    let measure = |interpolator: &Interpolator| {
        let made = resampled(&truth, interpolator);
        let (mut place, mut height) = (0f64, f64::INFINITY);
        for index in interpolated_slices() {
            let slice = made.slice(s![index, .., ..]);
            let x = lean * (index as f64 - (SLICES - 1) as f64 / 2.0);
            let mut weighted = [0.0; 2];
            let mut weight = 0.0;
            for ((j, i), &value) in slice.indexed_iter().filter(|&((j, i), _)| within(j, i)) {
                // What is nearer to the rod than to soft tissue.
                let above = if f64::from(value) > 140.0 { f64::from(value) - TISSUE } else { 0.0 };
                let middle = (SIDE - 1) as f64 / 2.0;
                weighted[0] += above * (i as f64 - middle);
                weighted[1] += above * (j as f64 - middle);
                weight += above;
            }
            if weight > 0.0 {
                place = place.max((weighted[0] / weight - x).hypot(weighted[1] / weight));
            }
            // The rod's own middle.
            let column = (x + (SIDE - 1) as f64 / 2.0).round() as usize;
            let row = SIDE / 2;
            height = height.min((f64::from(slice[(row, column)]) - TISSUE) / 200.0);
        }
        (place, height)
    };
    let linear = measure(&Interpolator::Linear);
    for (name, model) in shipped() {
        let network = measure(&model);
        println!(
            "{name}: rod: centre off by at most {:.2} mm, {:.0} % of its contrast at least \
             (linear {:.2} mm, {:.0} %)",
            network.0,
            100.0 * network.1,
            linear.0,
            100.0 * linear.1
        );
        assert!(network.0 < 1.0, "{name}: {network:?}");
        assert!(network.1 > 0.4 && network.1 > linear.1, "{name}: {network:?} {linear:?}");
    }
}

/// A screw of 5 mm and 3000 HU, leaning 45 degrees, moves 4 mm from known slice to known slice.
/// The
/// part above the window of the network moves along: metal is in its place, and none beside it.
#[test]
fn slanted_screw_keeps_its_metal_without_shadow() {
    let (radius, metal) = (2.5, 3000.0);
    let distance = |x: f64, y: f64, z: f64| radius - ((x - z).powi(2) / 2.0 + y * y).sqrt();
    let truth = phantom(metal, distance);
    // Mean absolute errors in HU, within the screw and 1 mm or more from it; and the most that is
    // shown there.
    let measure = |interpolator: &Interpolator| {
        let made = resampled(&truth, interpolator);
        let (mut inside, mut beside, mut shadow) = ((0.0, 0), (0.0, 0), f64::NEG_INFINITY);
        for index in interpolated_slices() {
            let z = index as f64 - (SLICES - 1) as f64 / 2.0;
            let slice = made.slice(s![index, .., ..]);
            for ((j, i), &value) in slice.indexed_iter().filter(|&((j, i), _)| within(j, i)) {
                let [x, y] = [i, j].map(|at| at as f64 - (SIDE - 1) as f64 / 2.0);
                let far = distance(x, y, z);
                let error = (f64::from(value) - f64::from(truth[(index, j, i)])).abs();
                if far > 0.5 {
                    inside = (inside.0 + error, inside.1 + 1);
                } else if (-4.0..-1.0).contains(&far) {
                    beside = (beside.0 + error, beside.1 + 1);
                    shadow = shadow.max(f64::from(value));
                }
            }
        }
        let mean = |(sum, count): (f64, usize)| sum / count as f64;
        (mean(inside), mean(beside), shadow)
    };
    let linear = measure(&Interpolator::Linear);
    for (name, model) in shipped() {
        let network = measure(&model);
        println!(
            "{name}: screw of 3000 HU: off by {:.0} HU in it, {:.0} beside it, where {:.0} HU is \
             the maximum (linear {:.0}, {:.0}, {:.0})",
            network.0, network.1, network.2, linear.0, linear.1, linear.2
        );
        assert!(network.0 < 0.5 * linear.0, "{name}: {network:?} {linear:?}");
        assert!(network.1 < 0.5 * linear.1, "{name}: {network:?} {linear:?}");
    }
}

/// A wire of one pixel straight through all slices keeps its density in interpolated ones.
#[test]
fn straight_wire_keeps_its_metal() {
    let mut truth = phantom(TISSUE, |_, _, _| f64::NEG_INFINITY);
    truth.slice_mut(s![.., 60, 70]).fill(3000.0);
    for (name, model) in shipped() {
        let made = resampled(&truth, &model);
        for index in interpolated_slices() {
            let metal = made[(index, 60, 70)];
            assert!((metal - 3000.0).abs() < 0.01, "{name}: {metal} HU in slice {index}");
        }
    }
}

/// A plate of 1 mm between two known slices touches neither: it is lost, without an artefact.
#[test]
fn plate_between_known_slices_is_lost_without_artefact() {
    let truth = phantom(300.0, |x, y, z| {
        // In the slice after the middle one, which is kept: the middle of a gap.
        if (z - 2.0).abs() < 0.5 { 20.0 - x.hypot(y) } else { -1.0 }
    });
    let middle = SLICES / 2;
    assert!(largest_difference(truth.slice(s![middle + 2, .., ..])) > 250.0, "there is a plate");
    for (name, model) in shipped() {
        let made = resampled(&truth, &model);
        let largest = interpolated_slices()
            .map(|index| largest_difference(made.slice(s![index, .., ..])))
            .fold(0.0, f64::max);
        println!(
            "{name}: plate between slices: interpolated slices differ from soft tissue by \
             {largest:.1} HU at most"
        );
        assert!(largest < 10.0, "{name}: {largest}");
    }
}

/// A nodule of 4 mm that one known slice alone shows fades towards its neighbours, and is gone
/// beyond them.
#[test]
fn nodule_in_one_slice_fades_with_distance() {
    let truth = phantom(240.0, |x, y, z| 2.0 - (x * x + y * y + z * z).sqrt());
    let middle = SLICES / 2;
    for (name, model) in shipped() {
        let made = resampled(&truth, &model);
        let contrast =
            |index: usize| largest_difference(made.slice(s![index, .., ..])) / (240.0 - TISSUE);
        let seen: Vec<f64> = (0..=GAP).map(|distance| contrast(middle + distance)).collect();
        let words: Vec<String> =
            seen.iter().map(|share| format!("{:.0} %", 100.0 * share)).collect();
        println!(
            "{name}: nodule in one slice: {} of its contrast 0 to 4 mm away",
            words.join(", ")
        );
        assert!((seen[0] - 1.0).abs() < 0.01, "{name}: known slices are kept: {seen:?}");
        assert!(seen[1] > seen[3], "{name}: {seen:?}");
        assert!(seen[3] < 0.6, "{name}: {seen:?}");
        for index in (middle + GAP..SLICES).chain(0..=middle - GAP) {
            assert!(contrast(index) < 0.05, "{name}: slice {index}: {}", contrast(index));
        }
    }
}
