//! Networks of every kind on planes of any size, loaded from a checkpoint file.

use hrinet::network::{Checkpoint, Model, Neighbours, SliceNetwork, System};
use hrinet::resample::{Interpolator, resample};
use hrinet::resample::{Plan, Spacing};
use hrinet::training::{Settings, Trainer};
use hrinet::volume::{Axis, Geometry, Rescale, Volume};
use ndarray::{Array2, Array3, s};
use tch::Device;

/// An untrained network of a system, from a file.
fn model(system: System) -> Model {
    // Systems with discriminators have the generator of hrinet-mse.
    let trained_as = match system {
        System::HrinetMotion | System::Ae => system,
        _ => System::HrinetMse,
    };
    let trainer = Trainer::new(Settings::default_for(trained_as), Device::Cpu).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    std::fs::write(&path, trainer.model().unwrap()).unwrap();
    Model::new(Checkpoint::read(&path).unwrap(), Device::Cpu).unwrap()
}

fn ramp(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(r, c)| ((r * 7 + c * 3) % 32) as f32 / 32.0)
}

#[test]
fn planes_of_any_size_are_padded_by_repeating_the_border() {
    for system in [System::HrinetMse, System::HrinetMotion, System::Ae] {
        let model = model(system);
        let side = model.architecture().side_multiple() as usize;
        for (rows, columns) in [(1, 1), (17, 70), (side, side), (side + 1, 2 * side - 1)] {
            let plane = ramp(rows, columns);
            let encoded = model.encode(&plane).unwrap();
            let made =
                model.decode(&Neighbours::of_pair(&encoded, &encoded), &[0.5, 0.25]).unwrap();
            assert_eq!(made.dim(), (2, rows, columns));

            // The same plane, padded here by hand to what the network needs.
            let full = |count: usize| count.div_ceil(side) * side;
            let padded = Array2::from_shape_fn((full(rows), full(columns)), |(r, c)| {
                plane[(r.min(rows - 1), c.min(columns - 1))]
            });
            let encoded = model.encode(&padded).unwrap();
            let by_hand =
                model.decode(&Neighbours::of_pair(&encoded, &encoded), &[0.5, 0.25]).unwrap();
            let cut = by_hand.slice(s![.., ..rows, ..columns]);
            let largest = (&made - &cut).iter().fold(0f32, |all, value| all.max(value.abs()));
            assert!(largest < 1e-6, "{system}: {rows} x {columns} differs by {largest}");
        }
    }
}

#[test]
fn batch_of_fractions_gives_the_slices_of_single_fractions() {
    let model = model(System::HrinetMotion);
    let (first, second) = (ramp(20, 33), ramp(20, 33).mapv(|value| 1.0 - value));
    let (first, second) = (model.encode(&first).unwrap(), model.encode(&second).unwrap());
    let together = model.decode(&Neighbours::of_pair(&first, &second), &[0.25, 0.5, 0.75]).unwrap();
    for (index, fraction) in [0.25, 0.5, 0.75].into_iter().enumerate() {
        let alone = model.decode(&Neighbours::of_pair(&first, &second), &[fraction]).unwrap();
        let difference = &together.slice(s![index, .., ..]) - &alone.slice(s![0, .., ..]);
        let largest = difference.iter().fold(0f32, |all, value| all.max(value.abs()));
        assert!(largest < 1e-5, "fraction {fraction} differs by {largest}");
    }
}

#[test]
fn volume_is_interpolated_along_each_axis() {
    let network = Interpolator::from(model(System::HrinetMotion));
    for axis in Axis::ALL {
        let mut size = [20, 18, 19];
        let mut spacing = [0.9; 3];
        size[axis as usize] = 3;
        spacing[axis as usize] = 4.0;
        let steps = std::array::from_fn(|a| {
            std::array::from_fn(|row| if a == row { spacing[a] } else { 0.0 })
        });
        let geometry = Geometry::new(size, [0.0; 3], steps).unwrap();
        let [i, j, k] = size;
        let array = Array3::from_shape_fn((k, j, i), |(k, j, i)| (i * 31 + j * 17 + k * 5) as i16);
        let input = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
        let plan = Plan::new(input.geometry(), None, &Spacing::Isotropic).unwrap();
        assert_eq!(plan.axis(), axis);
        let resampled = |interpolator| resample(&input, &plan, interpolator).unwrap();
        let (by_network, by_blend) = (resampled(&network), resampled(&Interpolator::Linear));
        let hrinet::volume::Voxels::Int16(by_network) = by_network.voxels() else { panic!() };
        let hrinet::volume::Voxels::Int16(by_blend) = by_blend.voxels() else { panic!() };
        // Untrained, HRINet-Motion is close to the linear blend: a plane taken from the wrong place
        // would be far from it.
        let apart = by_network.iter().zip(by_blend).map(|(a, b)| (a - b).abs()).max().unwrap();
        assert!(apart < 60, "{axis}: {apart} HU");
    }
}

#[test]
fn carried_detail_is_the_blend_of_what_both_slices_lose() {
    let (first, second) = (ramp(64, 64), ramp(64, 64).mapv(|value| 1.0 - value));
    let fractions = [0.0, 0.25, 1.0];
    let decode = |detail_carry| {
        let model = model(System::HrinetMse).with_detail_carry(detail_carry);
        assert_eq!(model.has_detail_carry(), detail_carry);
        let ends = [&first, &second].map(|slice| model.encode(slice).unwrap());
        model.decode(&Neighbours::of_pair(&ends[0], &ends[1]), &fractions).unwrap()
    };
    let (plain, carried) = (decode(false), decode(true));
    let slice = |slices: &Array3<f32>, index| slices.slice(s![index, .., ..]).to_owned();
    let lost_first = &first - &slice(&plain, 0);
    let lost_second = &second - &slice(&plain, 2);
    let blend = slice(&plain, 1) + &(&lost_first * 0.75) + &(&lost_second * 0.25);
    let expected = [first.clone(), blend.mapv(|value| value.clamp(0.0, 1.0)), second.clone()];
    for (index, expected) in expected.iter().enumerate() {
        let difference = (&slice(&carried, index) - expected)
            .iter()
            .fold(0f32, |all, value| all.max(value.abs()));
        assert!(difference < 1e-5, "at {}: {difference}", fractions[index]);
    }
    assert!(lost_first.iter().any(|lost| lost.abs() > 0.1), "the autoencoder loses detail");
    assert!(!model(System::HrinetMotion).has_detail_carry());
}
