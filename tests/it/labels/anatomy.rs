//! Label maps that move with the tissue: by a network with known flow, and by the shipped one.

use crate::common::label_stacks;
use std::cell::RefCell;
use std::rc::Rc;

use hrinet::Result;
use hrinet::labels::LabelMethod;
use hrinet::network::autoencoder::features::AutoencoderFeatures;
use hrinet::network::{EncodedSlice, Features, Neighbours, SliceNetwork};
use hrinet::resample::{Interpolator, InterpolatorOptions, Plan};
use ndarray::{Array2, Array3, Array4, s};
use proptest::prelude::*;

/// A network whose flow from the first slice to the second is this many pixels (columns, rows).
struct Shift([f32; 2]);

impl SliceNetwork for Shift {
    fn window_hu(&self) -> [f64; 2] {
        [-1000.0, 1000.0]
    }
    fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice> {
        let (rows, columns) = slice.dim();
        Ok(EncodedSlice {
            features: Features::new(AutoencoderFeatures { maps: Vec::new() }),
            lost_detail: None,
            over_range: None,
            size: [rows, columns],
        })
    }
    fn decode(&self, _: &Neighbours, _: &[f64]) -> Result<Array3<f32>> {
        unreachable!("labels need no grey values")
    }
    fn has_flow(&self) -> bool {
        true
    }
    fn flow(
        &self,
        first: &EncodedSlice,
        _: &EncodedSlice,
        fractions: &[f64],
    ) -> Result<Option<Array4<f32>>> {
        let [rows, columns] = first.size;
        let Shift([right, down]) = self;
        Ok(Some(Array4::from_shape_fn((fractions.len(), 4, rows, columns), |(n, channel, ..)| {
            let (first, second) = (-fractions[n] as f32, (1.0 - fractions[n]) as f32);
            [first * right, first * down, second * right, second * down][channel]
        })))
    }
    fn decode_batch(&self, _: usize) -> usize {
        2
    }
    fn working_bytes(&self, _: usize) -> u64 {
        0
    }
}

fn plan(labels: &Array3<u16>, factor: usize) -> Plan {
    label_stacks::plan(labels.dim(), factor, [1.0, 1.0])
}

fn anatomy(
    labels: &Array3<u16>,
    ct: &Array3<f32>,
    factor: usize,
    interpolator: &Interpolator,
) -> Result<Array3<u16>> {
    let plan = plan(labels, factor);
    label_stacks::resample(labels, &plan, LabelMethod::Anatomy, interpolator, Some(ct))
}

fn shape(labels: &Array3<u16>, factor: usize) -> Array3<u16> {
    let plan = plan(labels, factor);
    let linear = Interpolator::Linear;
    label_stacks::resample(labels, &plan, LabelMethod::Shape, &linear, None).expect("resampled")
}

/// A network that finds the same shift everywhere.
fn shifting(pixels: [f32; 2]) -> Interpolator {
    Shift(pixels).into()
}

/// A CT whose neighbouring slices differ by the whole window everywhere.
fn unlike(labels: &Array3<u16>) -> Array3<f32> {
    Array3::from_shape_fn(labels.dim(), |(k, ..)| if k % 2 == 0 { -1000.0 } else { 1000.0 })
}

/// An oblique vessel: its cross-sections do not overlap, so that shapes alone lose it.
#[test]
fn vessel_moves_across() {
    let disc = |k: usize, j: usize, i: usize| {
        let x = [12.0, 36.0][k];
        u16::from((i as f64 - x).hypot(j as f64 - 10.0) <= 4.0)
    };
    let labels = Array3::from_shape_fn((2, 21, 50), |(k, j, i)| disc(k, j, i));
    let made = anatomy(&labels, &unlike(&labels), 4, &shifting([24.0, 0.0])).unwrap();
    for (slice, x) in [(1, 18.0), (2, 24.0), (3, 30.0)] {
        let plane = made.slice(s![slice, .., ..]);
        let pixels: Vec<f64> =
            plane.indexed_iter().filter(|&(_, &l)| l == 1).map(|((_, i), _)| i as f64).collect();
        let centre = pixels.iter().sum::<f64>() / pixels.len() as f64;
        assert!((centre - x).abs() < 0.2, "slice {slice}: {centre}, {x}");
        // A little of each motion is not trusted: area to a fifth.
        let area = pixels.len() as f64 / labels.iter().filter(|&&l| l == 1).count() as f64 * 2.0;
        assert!((area - 1.0).abs() < 0.2, "slice {slice}: {area}");
    }
    assert!(shape(&labels, 4).slice(s![2, .., ..]).iter().filter(|&&l| l == 1).count() < 52);
}

#[test]
fn model_without_flow_is_rejected() {
    struct Still;
    impl SliceNetwork for Still {
        fn window_hu(&self) -> [f64; 2] {
            [-1000.0, 1000.0]
        }
        fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice> {
            Shift([0.0; 2]).encode(slice)
        }
        fn decode(&self, _: &Neighbours, _: &[f64]) -> Result<Array3<f32>> {
            unreachable!("refused before")
        }
        fn decode_batch(&self, _: usize) -> usize {
            1
        }
        fn working_bytes(&self, _: usize) -> u64 {
            0
        }
    }
    let labels = Array3::from_elem((2, 8, 8), 1u16);
    let error = anatomy(&labels, &unlike(&labels), 2, &Still.into()).unwrap_err().to_string();
    assert!(error.contains("finds flow") && error.contains("shape"), "{error}");
    let mut ct = unlike(&labels);
    ct[(1, 2, 3)] = f32::INFINITY;
    let error = anatomy(&labels, &ct, 2, &shifting([0.0; 2])).unwrap_err().to_string();
    assert!(error.contains("(3, 2, 1)"), "{error}");
}

/// Like `Shift`, and records the sizes of the planes whose flow it found.
struct Watched {
    motion: Shift,
    asked: Rc<RefCell<Vec<[usize; 2]>>>,
}

impl SliceNetwork for Watched {
    fn window_hu(&self) -> [f64; 2] {
        self.motion.window_hu()
    }
    fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice> {
        self.motion.encode(slice)
    }
    fn decode(&self, _: &Neighbours, _: &[f64]) -> Result<Array3<f32>> {
        unreachable!("labels need no grey values")
    }
    fn has_flow(&self) -> bool {
        true
    }
    fn flow(
        &self,
        first: &EncodedSlice,
        second: &EncodedSlice,
        fractions: &[f64],
    ) -> Result<Option<Array4<f32>>> {
        self.asked.borrow_mut().push(first.size);
        self.motion.flow(first, second, fractions)
    }
    fn decode_batch(&self, pixels: usize) -> usize {
        self.motion.decode_batch(pixels)
    }
    fn working_bytes(&self, pixels: usize) -> u64 {
        self.motion.working_bytes(pixels)
    }
}

/// A small structure in a large plane, which ends in the third slice of four: the network finds the
/// flow once for each pair with the structure in both slices, around it alone, and the result is
/// that of a small plane.
#[test]
fn network_is_given_the_region_around_the_labels() {
    let within = |size: usize, corner: usize| {
        Array3::from_shape_fn((4, size, size), |(k, j, i)| {
            let (j, i) = (j as f64 - corner as f64, i as f64 - corner as f64);
            u16::from(k < 3 && (i - 30.0 - 6.0 * k as f64).hypot(j - 40.0) <= 5.0)
        })
    };
    let made = |size: usize, corner: usize| {
        let labels = within(size, corner);
        let asked = Rc::default();
        let network = Watched { motion: Shift([6.0, 0.0]), asked: Rc::clone(&asked) };
        let made = anatomy(&labels, &unlike(&labels), 5, &network.into()).unwrap();
        let made = made.slice(s![.., corner..corner + 80, corner..corner + 80]).to_owned();
        (made, asked.take())
    };
    let (large, asked) = made(300, 160);
    let (small, _) = made(80, 0);
    assert_eq!(large, small);
    // Rows 195 to 205, columns 185 to 201 and 191 to 207; 16 more, at multiples of 16.
    assert_eq!(asked, [[48, 64], [48, 64]]);
}

/// Up to seven discs in three slices of 16 x 16 pixels.
fn stacks() -> impl Strategy<Value = Array3<u16>> {
    label_stacks::stacks([3, 16, 16], 7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Between equal slices any flow is ignored: outlines move by their shapes alone.
    #[test]
    fn slices_without_difference_give_the_shape_method(
        stack in stacks(), factor in 2usize..5, right in -9.0f32..9.0, down in -9.0f32..9.0,
    ) {
        let made = anatomy(&stack, &Array3::zeros(stack.dim()), factor, &shifting([right, down]));
        prop_assert_eq!(made.unwrap(), shape(&stack, factor));
    }

    #[test]
    fn known_slices_stay_and_no_label_is_new_or_preferred(
        stack in stacks(), factor in 2usize..5, right in -9.0f32..9.0, down in -9.0f32..9.0,
    ) {
        let (ct, network) = (unlike(&stack), shifting([right, down]));
        let made = anatomy(&stack, &ct, factor, &network).unwrap();
        prop_assert_eq!(made.slice(s![..;factor, .., ..]), stack.view());
        for (slice, plane) in made.outer_iter().enumerate() {
            let known = stack.slice(s![slice / factor..=slice.div_ceil(factor), .., ..]);
            let is_known = |label: u16| known.iter().any(|&other| other == label);
            prop_assert!(plane.iter().all(|&label| label == 0 || is_known(label)));
        }
        let renamed = |label: u16| [0, 30_000, 7, 1, 512][usize::from(label)];
        let other = anatomy(&stack.mapv(renamed), &ct, factor, &network).unwrap();
        prop_assert_eq!(made.mapv(renamed), other);
    }

    /// One label, and flow in halves of pixels: every sum is exact, so that mirroring is exact too.
    #[test]
    fn mirrored_motion_mirrors_the_slices(
        stack in stacks(), right in -9i8..9, down in -9i8..9,
    ) {
        let stack = stack.mapv(|label| u16::from(label > 0));
        let ct = unlike(&stack);
        let [right, down] = [right, down].map(|half| f32::from(half) * 0.5 + 0.25);
        let made = anatomy(&stack, &ct, 2, &shifting([right, down])).unwrap();
        let other = stack.slice(s![.., .., ..;-1]).to_owned();
        let other = anatomy(&other, &ct, 2, &shifting([-right, down])).unwrap();
        prop_assert_eq!(made.slice(s![.., .., ..;-1]), other);
        let other = stack.slice(s![..;-1, .., ..]).to_owned();
        let other = anatomy(&other, &ct, 2, &shifting([-right, -down])).unwrap();
        prop_assert_eq!(made.slice(s![..;-1, .., ..]), other);
    }
}

/// The shipped network on a square that moves: nearer to the truth than shapes alone, the same in
/// both directions, and without change for a still square.
#[test]
fn shipped_network_moves_labels_with_the_tissue() {
    let square = |left: usize| {
        Array2::from_shape_fn((64, 96), |(j, i)| {
            u16::from((22..42).contains(&j) && (left..left + 8).contains(&i))
        })
    };
    let stack = |lefts: [usize; 2]| {
        ndarray::stack(ndarray::Axis(0), &[square(lefts[0]).view(), square(lefts[1]).view()])
            .expect("planes of one size")
    };
    let options = InterpolatorOptions::on("cpu");
    let network = Interpolator::load("hrinet-motion", &options).unwrap();
    let hu = |labels: &Array3<u16>| labels.mapv(|label| if label > 0 { 400.0 } else { -50.0 });
    let labels = stack([40, 50]);
    let made = anatomy(&labels, &hu(&labels), 2, &network).unwrap();
    let wrong = |made: &Array3<u16>| {
        made.slice(s![1, .., ..]).iter().zip(&square(45)).filter(|(a, b)| a != b).count()
    };
    assert!(
        wrong(&made) < wrong(&shape(&labels, 2)),
        "{} {}",
        wrong(&made),
        wrong(&shape(&labels, 2))
    );

    let reversed = labels.slice(s![..;-1, .., ..]).to_owned();
    let other = anatomy(&reversed, &hu(&reversed), 2, &network).unwrap();
    assert_eq!(made.slice(s![..;-1, .., ..]), other);
    let still = stack([40, 40]);
    let made = anatomy(&still, &hu(&still), 3, &network).unwrap();
    assert!(made.outer_iter().all(|plane| plane == square(40)));
}
