//! Thin slices from thick ones: every slice is made, averages over slabs are the known slices.

use hrinet::labels::LabelMethod;
use hrinet::network::autoencoder::features::AutoencoderFeatures;
use hrinet::network::features::Features;
use hrinet::network::{EncodedSlice, Neighbours, SliceNetwork};
use hrinet::resample::{Interpolator, Job, JobOptions, Plan, Progress, SliceSource, Spacing};
use hrinet::self_check::self_check;
use hrinet::volume::{Geometry, Rescale, Volume, Voxels};
use hrinet::{Error, Result};
use ndarray::{Array2, Array3, Axis, concatenate};
use tch::Tensor;

const ROWS: usize = 3;
const COLUMNS: usize = 4;

/// The linear blend and a value of its own: 20 HU at a first slice, 40 HU at a second one.
struct Offset {
    is_thin: bool,
}

impl SliceNetwork for Offset {
    fn window_hu(&self) -> [f64; 2] {
        [-1000.0, 1000.0]
    }

    fn is_thin(&self) -> bool {
        self.is_thin
    }

    fn encode(&self, slice: &Array2<f32>) -> Result<EncodedSlice> {
        let values: Vec<f32> = slice.iter().copied().collect();
        let maps = AutoencoderFeatures { maps: vec![Tensor::from_slice(&values)] };
        let (features, size) = (Features::new(maps), [ROWS, COLUMNS]);
        Ok(EncodedSlice { features, lost_detail: None, over_range: None, size })
    }

    fn decode(&self, neighbours: &Neighbours, fractions: &[f64]) -> Result<Array3<f32>> {
        let values = neighbours.pair.map(|slice| {
            let features = slice.features.maps::<AutoencoderFeatures>().expect("this network's");
            Vec::<f32>::try_from(&features.maps[0]).expect("a flat slice")
        });
        let grey = |fraction: f64, at: usize| {
            let [first, second] = [0, 1].map(|end| f64::from(values[end][at]));
            (first + fraction * (second - first) + 0.01 * (1.0 + fraction)) as f32
        };
        Ok(Array3::from_shape_fn((fractions.len(), ROWS, COLUMNS), |(slice, row, column)| {
            grey(fractions[slice], row * COLUMNS + column)
        }))
    }

    fn decode_batch(&self, _pixels: usize) -> usize {
        2
    }

    fn working_bytes(&self, _pixels: usize) -> u64 {
        0
    }
}

fn thin() -> Interpolator {
    Interpolator::from(Offset { is_thin: true })
}

/// HU of a voxel of a known slice: any, within -100 to 199.
fn known_hu(slice: usize, row: usize, column: usize) -> f32 {
    ((slice * 173 + row * 71 + column * 37) % 300) as f32 - 100.0
}

/// Float slices 5 mm apart.
fn thick(slices: usize) -> Volume {
    let array = Array3::from_shape_fn((slices, ROWS, COLUMNS), |(k, j, i)| match (k, j, i) {
        // Wide bounds, which no output reaches.
        (0, 0, 0) => -900.0,
        (0, 0, 1) => 900.0,
        _ => known_hu(k, j, i),
    });
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 5.0]];
    let geometry = Geometry::new([COLUMNS, ROWS, slices], [0.0; 3], steps).expect("right angles");
    Volume::new(array.into(), Rescale::IDENTITY, geometry).expect("a volume")
}

fn floats(voxels: &Voxels) -> Array3<f32> {
    match voxels {
        Voxels::Float32(array) => array.clone(),
        _ => panic!("another type"),
    }
}

fn plan(volume: &Volume, factor: usize) -> Plan {
    Plan::new(volume.geometry(), None, &Spacing::Factor(factor)).expect("a plan")
}

/// Averages of the output over whole slabs, by their geometry: slices on a border are half in it.
#[test]
fn averages_over_slabs_are_the_known_slices() {
    let volume = thick(6);
    for factor in 2..8 {
        let plan = plan(&volume, factor);
        let interpolator = thin();
        let job = Job::new(&plan, &interpolator, &volume);
        let mut last = None;
        let outputs = job.run(&mut |progress| {
            last = Some(progress);
            Ok(())
        });
        let outputs = outputs.expect("runs");
        let count = 5 * factor + 1;
        assert_eq!(outputs.others.work.interpolated, count, "known places are made, too");
        assert_eq!(last, Some(Progress { done: count, total: count }));
        let found = floats(outputs.volume.voxels());
        for slab in 1..5 {
            for ((row, column), _) in Array2::<f32>::zeros((ROWS, COLUMNS)).indexed_iter() {
                let overlap = |slice: usize| {
                    // Of [slice - 1/2, slice + 1/2] with the slab, in output slices.
                    let far = (slice as f64 - (slab * factor) as f64).abs() - factor as f64 / 2.0;
                    (0.5 - far).clamp(0.0, 1.0)
                };
                let sum: f64 =
                    (0..count).map(|k| overlap(k) * f64::from(found[(k, row, column)])).sum();
                let average = sum / factor as f64;
                let expected = f64::from(known_hu(slab, row, column));
                assert!((average - expected).abs() < 1e-3, "{factor}: {average}, {expected}");
            }
        }
    }
}

/// With a factor of 3 the network's own values are 20 HU, 26.7 HU and 33.3 HU above the blend. In
/// the half slabs at both ends they stay; in a whole one what its average lacks is added to all.
#[test]
fn slices_within_a_slab_move_together() {
    let volume = thick(4);
    let plan = plan(&volume, 3);
    let found =
        floats(Job::new(&plan, &thin(), &volume).run(&mut |_| Ok(())).unwrap().volume.voxels());
    let at = |slice: usize| f64::from(found[(slice, 1, 2)]);
    let hu = |slice: usize| f64::from(known_hu(slice, 1, 2));
    let blend = |first: usize, fraction: f64| {
        hu(first) + fraction * (hu(first + 1) - hu(first)) + 20.0 * (1.0 + fraction)
    };
    assert!((at(0) - blend(0, 0.0)).abs() < 1e-3 && (at(1) - blend(0, 1.0 / 3.0)).abs() < 1e-3);
    assert!((at(9) - blend(2, 1.0)).abs() < 1e-3 && (at(8) - blend(2, 2.0 / 3.0)).abs() < 1e-3);
    let raw = [blend(0, 2.0 / 3.0), blend(1, 0.0), blend(1, 1.0 / 3.0)];
    let missing = hu(1) - raw.iter().sum::<f64>() / 3.0;
    for (slice, raw) in (2..5).zip(raw) {
        assert!((at(slice) - raw - missing).abs() < 1e-3, "slice {slice}");
    }
}

#[test]
fn plan_of_thin_slices_has_no_known_ones() {
    let volume = thick(3);
    let thin = plan(&volume, 4).thin().expect("a whole factor");
    assert_eq!(
        (thin.thin_factor(), thin.known_count(), thin.interpolated_count()),
        (Some(4), 0, 9)
    );
    assert_eq!(thin.slices()[0], SliceSource::Interpolated { first: 0, fraction: 0.0 });
    assert_eq!(thin.slices()[8], SliceSource::Interpolated { first: 1, fraction: 1.0 });
    assert!(thin.remark().expect("a remark").contains("no known slice is kept"));
    assert_eq!(thin.output(), plan(&volume, 4).output());
    // Nothing to divide: a copy.
    let copy = plan(&volume, 1).thin().expect("a copy");
    assert_eq!((copy.thin_factor(), copy.known_count()), (None, 3));
    let options = JobOptions { spacing: Spacing::Factor(4), thin: true, ..JobOptions::default() };
    assert_eq!(options.plan(volume.geometry()).unwrap().slices(), thin.slices());
}

#[test]
fn grids_that_do_not_divide_slabs_are_rejected() {
    let volume = thick(4);
    let uneven = volume.geometry().clone().with_slice_positions(vec![0.0, 5.0, 10.0, 17.0]);
    let uneven = uneven.expect("increasing");
    for (geometry, spacing) in
        [(volume.geometry(), Spacing::Exact(0.7)), (&uneven, Spacing::Factor(2))]
    {
        let plan = Plan::new(geometry, None, &spacing).expect("a plan");
        let volume = Volume::new(volume.voxels().clone(), Rescale::IDENTITY, geometry.clone());
        let volume = volume.expect("a volume");
        let error = Job::new(&plan, &thin(), &volume).check().expect_err("it is refused");
        assert!(error.to_string().contains("choose a factor"), "{error}");
        let error = plan.thin().expect_err("it is refused");
        assert!(matches!(error, Error::Argument(_)), "{error}");
    }
}

#[test]
fn parts_are_those_of_the_whole() {
    let volume = thick(7);
    for factor in [2, 5] {
        let plan = plan(&volume, factor);
        let interpolator = thin();
        let job = Job::new(&plan, &interpolator, &volume);
        let whole = floats(job.run(&mut |_| Ok(())).expect("runs").volume.voxels());
        for part_slices in [1, 3, 4, 100] {
            let job =
                Job { part_slices: Some(part_slices), ..Job::new(&plan, &interpolator, &volume) };
            let mut parts = Vec::new();
            let mut take = |part: Voxels| {
                parts.push(floats(&part));
                Ok(())
            };
            job.run_to(&mut take, &mut |_| Ok(())).expect("runs");
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            assert!(concatenate(Axis(0), &views).unwrap() == whole, "{factor}, {part_slices}");
        }
    }
}

/// Labels are drawn on thick slices: there they stay.
#[test]
fn label_maps_keep_the_slices_that_were_drawn() {
    let volume = thick(4);
    let drawn = Array3::from_shape_fn((4, ROWS, COLUMNS), |(k, j, i)| (k + j + i) as u8 % 3);
    let map = Volume::new(drawn.clone().into(), Rescale::IDENTITY, volume.geometry().clone());
    let maps = [map.expect("a label map")];
    let plan = plan(&volume, 3).thin().expect("a whole factor");
    for label_method in [LabelMethod::Nearest, LabelMethod::Shape] {
        let interpolator = thin();
        let job =
            Job { label_maps: &maps, label_method, ..Job::new(&plan, &interpolator, &volume) };
        let outputs = job.run(&mut |_| Ok(())).expect("runs");
        assert_eq!(outputs.others.work.label_slices, 6);
        let Voxels::UInt8(labels) = outputs.others.label_maps[0].voxels() else {
            panic!("another type")
        };
        for k in 0..4 {
            assert_eq!(labels.index_axis(Axis(0), 3 * k), drawn.index_axis(Axis(0), k));
        }
    }
}

#[test]
fn other_networks_keep_known_slices() {
    let volume = thick(4);
    let plan = plan(&volume, 3);
    let interpolator = Interpolator::from(Offset { is_thin: false });
    let outputs = Job::new(&plan, &interpolator, &volume).run(&mut |_| Ok(())).expect("runs");
    assert_eq!(outputs.others.work.interpolated, 6);
    let (known, found) = (floats(volume.voxels()), floats(outputs.volume.voxels()));
    for k in 0..4 {
        assert_eq!(found.index_axis(Axis(0), 3 * k), known.index_axis(Axis(0), k));
    }
}

#[test]
fn job_is_cancelled_and_the_self_check_is_refused() {
    let volume = thick(5);
    let plan = plan(&volume, 4);
    let interpolator = thin();
    let cancelled = Job::new(&plan, &interpolator, &volume).run(&mut |progress| {
        if progress.done > 6 { Err(Error::Cancelled) } else { Ok(()) }
    });
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    let error = self_check(&volume, "mine", &interpolator, &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("mine makes slices thinner"), "{error}");
}
