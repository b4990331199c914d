//! Label maps on other grids than the CT's, as SimpleITK's nearest neighbour resamples them.

use crate::common::volumes::written_by;
use hrinet::io;
use hrinet::labels::grid::on_grid;
use hrinet::volume::{Geometry, Rescale, Volume, Voxels};
use ndarray::Array3;

#[test]
fn labels_are_where_simpleitk_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let names = written_by("labels_grid.py", folder.path(), &[]);
    assert_eq!(names.len(), 9);
    for name in names {
        let read =
            |kind: &str| io::read(&folder.path().join(format!("{name}-{kind}.nrrd"))).unwrap();
        let (ct, labels, expected) = (read("ct"), read("labels"), read("expected"));
        let placed = on_grid(labels, ct.geometry()).unwrap();
        assert_eq!(placed.labels.geometry(), ct.geometry(), "{name}");
        let pairs = placed.labels.voxels().values().zip(expected.voxels().values());
        let differing = pairs.filter(|(a, b)| a != b).count();
        assert_eq!(differing, 0, "{name}");
        let remarks = placed.remarks.join("; ");
        let is_resampled = ["finer", "coarser", "oblique", "oblique-ct"].contains(&&name[..]);
        assert_eq!(
            remarks.contains("the label of the nearest one"),
            is_resampled,
            "{name}: {remarks}"
        );
        assert!(!placed.is_outside, "{name}");
        if ["cropped", "padded", "flipped", "permuted"].contains(&&name[..]) {
            assert_eq!(remarks, "", "{name}: without loss");
        }
        if name == "beyond" {
            assert!(remarks.contains("labelled voxels lie outside of the volume"), "{remarks}");
        }
    }
}

fn grid(size: [usize; 3], origin: [f64; 3], slice_mm: f64) -> Geometry {
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, slice_mm]];
    Geometry::new(size, origin, steps).unwrap()
}

fn labels(geometry: Geometry, label: impl Fn([usize; 3]) -> u8) -> Volume {
    let [i, j, k] = geometry.size();
    let array = Array3::from_shape_fn((k, j, i), |(k, j, i)| label([i, j, k]));
    Volume::new(Voxels::from(array), Rescale::IDENTITY, geometry).unwrap()
}

#[test]
fn losses_are_counted() {
    let ct = grid([4, 4, 3], [0.0; 3], 5.0);
    // Planes at 0, 2.5, 5, ... mm: label 7 is between the slices of the CT, 9 beyond them.
    let fine = labels(grid([4, 4, 7], [0.0; 3], 2.4), |[i, j, k]| match (i, j, k) {
        (0, 0, 1) => 7,
        (1, 1, 0) => 1,
        (2, 2, 6) => 9,
        _ => 0,
    });
    let placed = on_grid(fine, &ct).unwrap();
    let remarks = placed.remarks.join("; ");
    assert!(remarks.contains("1 of 3 labelled voxels lie outside"), "{remarks}");
    assert!(remarks.contains("(labels 9)"), "{remarks}");
    assert!(remarks.contains("are lost (labels 7)"), "{remarks}");
    let far = labels(grid([4, 4, 3], [0.0, 0.0, 900.0], 5.0), |_| 1);
    assert!(on_grid(far, &ct).unwrap().is_outside);
    let empty = labels(grid([4, 4, 3], [0.0, 0.0, 900.0], 5.0), |_| 0);
    assert!(!on_grid(empty, &ct).unwrap().is_outside);
}

#[test]
fn uneven_slices_get_the_labels_of_their_places() {
    let ct = grid([2, 2, 4], [0.0; 3], 5.0);
    let ct = ct.with_slice_positions(vec![0.0, 5.0, 15.0, 20.0]).unwrap();
    let even = labels(grid([2, 2, 5], [0.0; 3], 5.0), |[_, _, k]| k as u8 + 1);
    let placed = on_grid(even, &ct).unwrap();
    let found: Vec<f64> = placed.labels.voxels().values().step_by(4).collect();
    assert_eq!(found, [1.0, 2.0, 4.0, 5.0]);
}
