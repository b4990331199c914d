//! Resampling by any network: known slices, range, voxel type, axis, cancelling.

use std::cell::Cell;
use std::rc::Rc;

use hrinet::network::autoencoder::features::AutoencoderFeatures;
use hrinet::network::{EncodedSlice, Features, Neighbours, SliceNetwork};
use hrinet::resample::{Interpolator, Job, Plan, SliceSource, Spacing, resample};
use hrinet::volume::{Axis, Geometry, Rescale, Volume, Voxels};
use hrinet::{Error, Result};
use ndarray::{Array2, Array3};
use proptest::prelude::*;
use tch::Tensor;

/// Linear interpolation as a network, with a residual of its own; counts encoded and decoded
/// slices.
#[derive(Clone)]
struct Blend {
    residual: f64,
    encoded: Rc<Cell<usize>>,
    decoded: Rc<Cell<usize>>,
}

impl Blend {
    fn new(residual: f64) -> Blend {
        Blend { residual, encoded: Rc::default(), decoded: Rc::default() }
    }
}

impl SliceNetwork for Blend {
    fn window_hu(&self) -> [f64; 2] {
        [-1000.0, 1000.0]
    }

    fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice> {
        self.encoded.set(self.encoded.get() + 1);
        let values: Vec<f32> = slice.iter().copied().collect();
        let (rows, columns) = slice.dim();
        Ok(EncodedSlice {
            features: Features::new(AutoencoderFeatures {
                maps: vec![Tensor::from_slice(&values)],
            }),
            lost_detail: None,
            over_range: None,
            size: [rows, columns],
        })
    }

    fn decode(&self, neighbours: &Neighbours, fractions: &[f64]) -> Result<Array3<f32>> {
        let [a, b] = neighbours.pair;
        self.decoded.set(self.decoded.get() + fractions.len());
        let values = |slice: &EncodedSlice| {
            let features = slice.features.maps::<AutoencoderFeatures>().expect("this network's");
            Vec::<f32>::try_from(&features.maps[0]).expect("a flat slice")
        };
        let (a, b) = (values(a), values(b));
        let mut sign = -1.0;
        let mut made = Vec::new();
        for fraction in fractions {
            for (a, b) in a.iter().zip(&b) {
                sign = -sign;
                let blend = (1.0 - fraction) * f64::from(*a) + fraction * f64::from(*b);
                made.push((blend + sign * self.residual) as f32);
            }
        }
        let size = (fractions.len(), 0, 0);
        Ok(Array3::from_shape_vec(plane_of(size, made.len()), made).expect("whole planes"))
    }

    fn decode_batch(&self, _pixels: usize) -> usize {
        3
    }

    fn working_bytes(&self, _pixels: usize) -> u64 {
        0
    }
}

/// Planes of the tests are ROWS x COLUMNS for any slice axis.
const ROWS: usize = 5;
const COLUMNS: usize = 4;

fn plane_of(size: (usize, usize, usize), count: usize) -> (usize, usize, usize) {
    assert_eq!(count, size.0 * ROWS * COLUMNS);
    (size.0, ROWS, COLUMNS)
}

fn geometry(axis: Axis, slices: usize) -> Geometry {
    let mut size = [0; 3];
    let mut spacing = [0.8; 3];
    size[axis as usize] = slices;
    spacing[axis as usize] = 3.0;
    // Of the two other axes, the slower one in memory has the rows.
    let [fast, slow] = axis.others();
    size[fast as usize] = COLUMNS;
    size[slow as usize] = ROWS;
    let steps =
        std::array::from_fn(|a| std::array::from_fn(|row| if a == row { spacing[a] } else { 0.0 }));
    Geometry::new(size, [10.0, -20.0, 30.0], steps).expect("a sound grid")
}

fn volume(axis: Axis, slices: usize, value: impl Fn(usize) -> i16) -> Volume {
    let geometry = geometry(axis, slices);
    let [i, j, k] = geometry.size();
    let array = Array3::from_shape_vec((k, j, i), (0..i * j * k).map(value).collect());
    Volume::new(array.expect("the size").into(), Rescale::IDENTITY, geometry).expect("a volume")
}

fn plane(volume: &Volume, axis: Axis, index: usize) -> Array2<i16> {
    let Voxels::Int16(array) = volume.voxels() else { panic!("the type changed") };
    hrinet::volume::voxels::slice(array, axis, index).to_owned()
}

fn run(volume: &Volume, plan: &Plan, network: &Blend) -> Volume {
    resample(volume, plan, &network.clone().into()).expect("resamples")
}

/// HU from padding to metal, by index.
fn any_hu(index: usize) -> i16 {
    const HU: [i16; 9] = [-3024, -2000, -1010, -1000, -60, 40, 1000, 1600, 3071];
    HU[(index * 7 + index / 11) % HU.len()]
}

#[test]
fn known_slice_is_encoded_once_for_any_number_of_slices() {
    for factor in [2, 4, 7] {
        let input = volume(Axis::K, 6, any_hu);
        let plan = Plan::new(input.geometry(), None, &Spacing::Factor(factor)).unwrap();
        let network = Blend::new(0.0);
        run(&input, &plan, &network);
        assert_eq!(network.encoded.get(), 6);
        assert_eq!(network.decoded.get(), 5 * (factor - 1));
    }
    // Nothing to interpolate: nothing to encode.
    let input = volume(Axis::K, 6, any_hu);
    let plan = Plan::new(input.geometry(), None, &Spacing::Factor(1)).unwrap();
    let network = Blend::new(0.0);
    assert_eq!(run(&input, &plan, &network).voxels(), input.voxels());
    assert_eq!(network.encoded.get(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Known slices bit for bit; interpolated ones within the range of their neighbours, up to the
    /// residual of the network, and within that of the input.
    #[test]
    fn known_slices_are_copied_and_others_stay_in_range(
        axis in prop::sample::select(Axis::ALL.to_vec()),
        slices in 2usize..6,
        spacing in prop_oneof![
            (1usize..6).prop_map(Spacing::Factor),
            (0.4f64..3.0).prop_map(Spacing::Exact),
            Just(Spacing::Isotropic),
        ],
        residual in 0.0f64..0.05,
        seed in 0usize..1000,
    ) {
        let input = volume(axis, slices, |index| any_hu(index + seed));
        let (low, high) = input.voxels().range().unwrap();
        let plan = Plan::new(input.geometry(), Some(axis), &spacing).unwrap();
        let output = run(&input, &plan, &Blend::new(residual));
        let slack = residual * 2000.0 + 1.0;
        for (index, source) in plan.slices().iter().enumerate() {
            let made = plane(&output, axis, index);
            match *source {
                SliceSource::Known(known) => prop_assert_eq!(made, plane(&input, axis, known)),
                SliceSource::Interpolated { first, .. } => {
                    let (a, b) = (plane(&input, axis, first), plane(&input, axis, first + 1));
                    for ((made, a), b) in made.iter().zip(&a).zip(&b) {
                        let (made, a, b) = (f64::from(*made), f64::from(*a), f64::from(*b));
                        prop_assert!(made >= a.min(b) - slack && made <= a.max(b) + slack);
                        prop_assert!(made >= low && made <= high);
                    }
                }
            }
        }
    }
}

#[test]
fn padding_is_kept_between_slices() {
    // Two equal slices of padding beside tissue: what lies between is the same, whatever the
    // network.
    let value = |index: usize| if index.is_multiple_of(2) { -2000 } else { -3024 };
    let input = volume(Axis::K, 2, value);
    let plan = Plan::new(input.geometry(), None, &Spacing::Factor(3)).unwrap();
    let output = run(&input, &plan, &Blend::new(0.04));
    for index in 0..4 {
        assert_eq!(plane(&output, Axis::K, index), plane(&input, Axis::K, 0));
    }
}

#[test]
fn rescale_and_voxel_type_are_kept() {
    // Stored unsigned, HU = 2 * stored - 1024.
    let stored = |index: usize| (400 + 10 * (index / (ROWS * COLUMNS))) as u16;
    let geometry = geometry(Axis::K, 2);
    let array = Array3::from_shape_vec((2, ROWS, COLUMNS), (0..40).map(stored).collect()).unwrap();
    let rescale = Rescale { slope: 2.0, intercept: -1024.0 };
    let input = Volume::new(array.into(), rescale, geometry).unwrap();
    let plan = Plan::new(input.geometry(), None, &Spacing::Factor(2)).unwrap();
    let output = run(&input, &plan, &Blend::new(0.0));
    let Voxels::UInt16(made) = output.voxels() else { panic!("the type changed") };
    assert_eq!(output.rescale(), rescale);
    assert_eq!(made[(1, 2, 2)], 405);
}

#[test]
fn uneven_slices_are_interpolated_at_their_positions() {
    let geometry = geometry(Axis::K, 3).with_slice_positions(vec![0.0, 2.0, 8.0]).unwrap();
    let value = |index: usize| (100 * (index / (ROWS * COLUMNS))) as i16;
    let array = Array3::from_shape_vec((3, ROWS, COLUMNS), (0..60).map(value).collect()).unwrap();
    let input = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
    let plan = Plan::new(input.geometry(), None, &Spacing::Exact(2.0)).unwrap();
    for interpolator in [Interpolator::Linear, Blend::new(0.0).into()] {
        let output = resample(&input, &plan, &interpolator).unwrap();
        let values: Vec<i16> = (0..5).map(|k| plane(&output, Axis::K, k)[(0, 0)]).collect();
        assert_eq!(values, [0, 100, 133, 167, 200]);
    }
}

#[test]
fn non_finite_voxel_is_named_and_cancelling_ends_the_job() {
    let geometry = geometry(Axis::K, 3);
    let mut array = Array3::<f32>::zeros((3, ROWS, COLUMNS));
    array[(1, 0, 2)] = f32::INFINITY;
    let input = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
    let plan = Plan::new(input.geometry(), None, &Spacing::Factor(2)).unwrap();
    let error = resample(&input, &plan, &Interpolator::Linear).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("(2, 0, 1)") && text.contains("inf"), "{text}");

    let input = volume(Axis::K, 6, any_hu);
    let plan = Plan::new(input.geometry(), None, &Spacing::Factor(4)).unwrap();
    let network = Blend::new(0.0);
    for interpolator in [Interpolator::Linear, Interpolator::Cubic, network.clone().into()] {
        let mut calls = 0;
        let result = Job::new(&plan, &interpolator, &input).run(&mut |_| {
            calls += 1;
            if calls > 2 { Err(Error::Cancelled) } else { Ok(()) }
        });
        assert!(matches!(result, Err(Error::Cancelled)));
        assert_eq!(calls, 3);
    }
    assert!(network.encoded.get() < 6);
}
