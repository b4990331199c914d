//! Grid and voxel type, read without the voxels.

use crate::common::phantom::{moving_discs, write};
use crate::common::volumes::written_by;
use hrinet::io::{FORMATS, ReadOptions, read, read_grid};
use hrinet::volume::VoxelType;
use serde_json::json;

#[test]
fn grid_is_that_of_the_volume_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReadOptions::default();
    for format in FORMATS.iter().filter(|format| format.is_written()) {
        for ending in format.endings {
            // Some formats have a second file, whose name the next one may have.
            let own = tempfile::tempdir().unwrap();
            let path = own.path().join(format!("volume-in{ending}"));
            write(&path, &moving_discs(16, 4, 0));
            let (grid, voxel_type) = read_grid(&path, &options).unwrap();
            assert_eq!(&grid, read(&path).unwrap().geometry(), "{ending}");
            assert_eq!(voxel_type, VoxelType::Int16, "{ending}");
        }
    }
    let series = folder.path().join("ct");
    let case = json!({"positions": [[0, 0, 0], [0, 0, 5], [0, 0, 10]]});
    written_by("io_stack_make.py", &series, &[&case.to_string()]);
    let (grid, _) = read_grid(&series, &options).unwrap();
    assert_eq!(&grid, read(&series).unwrap().geometry());
    let missing = folder.path().join("none.nii");
    let errors = [read_grid(&missing, &options).err(), read(&missing).err()];
    let texts = errors.map(|error| error.unwrap().to_string());
    assert_eq!(texts[0], texts[1]);
}
