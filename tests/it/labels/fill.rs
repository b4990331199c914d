//! Filling between drawn slices: shapes with a closed form, images that tell, laws on random
//! stacks.

use hrinet::error::Error;
use hrinet::labels::fill::{FillOptions, FilledSegment, fill};
use hrinet::volume::{Axis, Geometry};
use ndarray::{Array3, Axis as ArrayAxis, s};
use proptest::prelude::*;

use crate::common::label_stacks;

const OPTIONS: FillOptions = FillOptions { axis: Axis::K, tapers: false, slices: None };

fn grid((k, j, i): (usize, usize, usize)) -> Geometry {
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
    Geometry::new([i, j, k], [0.0; 3], steps).unwrap()
}

fn filled(
    image: &Array3<f32>,
    labels: &Array3<u16>,
    options: &FillOptions,
) -> (Array3<u16>, Vec<FilledSegment>) {
    let mut output = Array3::zeros(labels.dim());
    let (image, view) = (image.view().into(), labels.view().into());
    let grid = grid(labels.dim());
    let place = output.view_mut().into();
    let report = fill(&image, &view, place, &grid, options, &mut |_| Ok(())).unwrap();
    (output, report)
}

/// Every `gap`-th slice.
fn thinned(labels: &Array3<u16>, gap: usize) -> Array3<u16> {
    let mut thin = labels.clone();
    for (index, mut plane) in thin.outer_iter_mut().enumerate() {
        if index % gap > 0 {
            plane.fill(0);
        }
    }
    thin
}

fn dice(found: &Array3<u16>, truth: &Array3<u16>) -> f64 {
    let pairs = || found.iter().zip(truth);
    let both = pairs().filter(|(a, b)| a == b && **a > 0).count();
    let sum: usize = pairs().map(|(a, b)| usize::from(*a > 0) + usize::from(*b > 0)).sum();
    2.0 * both as f64 / sum as f64
}

/// A disc in each slice: centre (row, column) and radius, by index.
fn discs(count: usize, disc: impl Fn(f64) -> ([f64; 2], f64)) -> Array3<u16> {
    Array3::from_shape_fn((count, 64, 80), |(k, j, i)| {
        let (centre, radius) = disc(k as f64);
        u16::from((j as f64 - centre[0]).hypot(i as f64 - centre[1]) <= radius)
    })
}

/// A pattern that is nowhere the same.
fn texture(row: f64, column: f64) -> f32 {
    let waves = (row / 3.0).sin() * (column / 4.0).cos() + ((2.0 * row - column) / 7.0).sin();
    (50.0 * waves) as f32
}

#[test]
fn closed_forms_are_met_without_an_image_that_tells() {
    let sphere = |k: f64| ([32.0, 40.0], (900.0 - (2.0 * (k - 15.0)).powi(2)).max(0.0).sqrt());
    let cone = |k: f64| ([32.0, 40.0], 5.0 + 0.7 * k);
    let leaning = |k: f64| ([20.0 + 0.5 * k, 20.0 + 0.25 * k], 9.0);
    let shapes: [(&str, Array3<u16>); 3] =
        [("sphere", discs(31, sphere)), ("cone", discs(31, cone)), ("leaning", discs(31, leaning))];
    for (name, truth) in shapes {
        let (found, report) = filled(&Array3::zeros(truth.dim()), &thinned(&truth, 5), &OPTIONS);
        let score = dice(&found, &truth);
        assert!(score > 0.95, "{name}: {score}");
        assert_eq!(report.len(), 1);
        for index in (0..31).step_by(5) {
            let plane = |array: &Array3<u16>| array.index_axis(ArrayAxis(0), index).to_owned();
            assert_eq!(plane(&found), plane(&truth), "{name}: slice {index}");
        }
    }
}

/// Discs six slices apart, which do not overlap: shapes alone would taper and come again.
#[test]
fn disc_is_found_where_the_image_shows_it() {
    let truth = discs(13, |k| ([30.0, 15.0 + 4.0 * k], 6.0));
    let bright = Array3::from_shape_fn(truth.dim(), |at| {
        texture(at.1 as f64, at.2 as f64) + 400.0 * f32::from(truth[at])
    });
    let blank = Array3::zeros(truth.dim());
    let [alone, shown] = [&blank, &bright]
        .map(|image| dice(&filled(image, &thinned(&truth, 6), &OPTIONS).0, &truth));
    assert!(shown > 0.95 && alone < 0.6, "{shown} {alone}");
}

/// Grey values are the same inside and outside of the segment, which moves with the tissue.
#[test]
fn segment_is_carried_by_the_flow_of_the_image() {
    let truth = discs(13, |k| ([30.0, 20.0 + 2.5 * k], 7.0));
    let moving = Array3::from_shape_fn(truth.dim(), |(k, j, i)| {
        texture(j as f64, i as f64 - 2.5 * k as f64)
    });
    let blank = Array3::zeros(truth.dim());
    let [alone, carried] = [&blank, &moving]
        .map(|image| dice(&filled(image, &thinned(&truth, 6), &OPTIONS).0, &truth));
    assert!(carried > 0.9 && alone < 0.85, "{carried} {alone}");
}

#[test]
fn segments_taper_beyond_their_ends_where_asked() {
    let truth = discs(21, |k| ([32.0, 40.0], if (8.0..=14.0).contains(&k) { 10.0 } else { -1.0 }));
    let mut drawn = thinned(&truth, 3);
    drawn.slice_mut(s![0, .., ..]).fill(0);
    drawn.mapv_inplace(|label| label * 3);
    let image = Array3::zeros(truth.dim());
    let slices = |options: &FillOptions| -> Vec<usize> {
        let found = filled(&image, &drawn, options).0;
        let has = |index: &usize| found.index_axis(ArrayAxis(0), *index).iter().any(|&l| l == 3);
        (0..21).filter(has).collect()
    };
    assert_eq!(slices(&OPTIONS), [9, 10, 11, 12]);
    assert_eq!(slices(&FillOptions::default()), [7, 8, 9, 10, 11, 12, 13, 14]);
}

/// A disc on one slice alone, of radius 10 mm, 12 mm from the slices on which another is drawn: its
/// end is as long as their geometric mean, 10.95 mm; slices are 2 mm apart.
#[test]
fn one_slice_alone_tapers_towards_those_of_other_segments() {
    let mut alone = discs(13, |k| ([32.0, 25.0], if k == 6.0 { 10.0 } else { -1.0 }));
    let other = discs(13, |_| ([32.0, 60.0], 8.0));
    let image = Array3::zeros(alone.dim());
    let unchanged = filled(&image, &alone, &FillOptions::default()).0;
    assert_eq!(unchanged, alone);
    alone.zip_mut_with(&thinned(&other, 6), |label, other| *label += 2 * other);
    let found = filled(&image, &alone, &FillOptions::default()).0;
    let areas: Vec<usize> =
        found.outer_iter().map(|plane| plane.iter().filter(|&&label| label == 1).count()).collect();
    assert_eq!((areas[0], areas[12]), (0, 0));
    // Its tip, 0.9 mm beyond the outermost of these slices, is less than a pixel.
    for distance in 1..5 {
        assert_eq!(areas[6 - distance], areas[6 + distance]);
        assert!(areas[6 + distance] > 0 && areas[6 + distance] <= areas[5 + distance]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Several segments, whose slices are drawn at random, in an image of noise.
    #[test]
    fn drawn_voxels_stay_and_only_wanted_slices_are_filled(
        labels in label_stacks::stacks([9, 24, 26], 14),
        noise in proptest::collection::vec(-300.0f32..300.0, 9 * 24 * 26),
        tapers in any::<bool>(),
        start in 0usize..5,
        count in 0usize..5,
    ) {
        let image = Array3::from_shape_vec(labels.dim(), noise).unwrap();
        let options = FillOptions { tapers, ..FillOptions::default() };
        let (found, report) = filled(&image, &labels, &options);
        for (&drawn, &now) in labels.iter().zip(&found) {
            prop_assert!(drawn == 0 || drawn == now);
            prop_assert!(now == 0 || report.iter().any(|segment| segment.label == f64::from(now)));
        }
        let wanted = start..start + count;
        let part = FillOptions { slices: Some(wanted.clone()), ..options };
        let (part, _) = filled(&image, &labels, &part);
        for index in 0..9 {
            let whole = if wanted.contains(&index) { &found } else { &labels };
            let plane = |array: &Array3<u16>| array.index_axis(ArrayAxis(0), index).to_owned();
            prop_assert_eq!(plane(&part), plane(whole));
        }
    }
}

/// Slices across i are filled as those across k of a turned volume.
#[test]
fn any_axis_is_filled_alike() {
    let truth = discs(13, |k| ([30.0, 15.0 + 4.0 * k], 6.0));
    let image = truth.mapv(|label| 100.0 * f32::from(label));
    let drawn = thinned(&truth, 6);
    let expected = filled(&image, &drawn, &OPTIONS).0;
    let turned = |array: &Array3<u16>| array.view().permuted_axes([1, 2, 0]).to_owned();
    let (mut found, labels) = (turned(&drawn), turned(&drawn));
    let image = image.view().permuted_axes([1, 2, 0]).to_owned();
    // The pixel is the same; slices are across i here.
    let steps = [[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let grid = Geometry::new([13, 80, 64], [0.0; 3], steps).unwrap();
    let options = FillOptions { axis: Axis::I, ..OPTIONS };
    let (image, labels) = (image.view().into(), labels.view().into());
    fill(&image, &labels, found.view_mut().into(), &grid, &options, &mut |_| Ok(())).unwrap();
    assert_eq!(found, turned(&expected));
}

#[test]
fn wrong_input_is_refused_and_work_is_cancelled() {
    let labels = thinned(&discs(13, |_| ([30.0, 30.0], 8.0)), 6);
    let image = Array3::<i16>::zeros(labels.dim());
    let small = Array3::<i16>::zeros((3, 4, 5));
    let run = |image: &Array3<i16>, options: &FillOptions, cancels: bool| {
        let mut output = Array3::<u16>::zeros(labels.dim());
        let grid = grid(labels.dim());
        let (image, labels) = (image.view().into(), labels.view().into());
        let mut calls = 0;
        let result = fill(&image, &labels, output.view_mut().into(), &grid, options, &mut |_| {
            calls += 1;
            if cancels && calls > 3 { Err(Error::Cancelled) } else { Ok(()) }
        });
        result.map(drop)
    };
    assert!(run(&image, &OPTIONS, false).is_ok());
    assert!(matches!(run(&image, &OPTIONS, true), Err(Error::Cancelled)));
    let text = run(&small, &OPTIONS, false).unwrap_err().to_string();
    assert!(text.contains("5 x 4 x 3") && text.contains("80 x 64 x 13"), "{text}");
    let options = FillOptions { slices: Some(5..14), ..OPTIONS };
    let text = run(&image, &options, false).unwrap_err().to_string();
    assert!(text.contains("5 to 13") && text.contains("there are 13"), "{text}");
    let (mut output, grid) = (Array3::<u8>::zeros(labels.dim()), grid(labels.dim()));
    let (image, view) = (image.view().into(), labels.view().into());
    let place = output.view_mut().into();
    let result = fill(&image, &view, place, &grid, &OPTIONS, &mut |_| Ok(()));
    assert!(result.unwrap_err().to_string().contains("uint16"));
}
