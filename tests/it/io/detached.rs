//! Voxels in another file than their header: none but files beside it or below are opened.

use std::path::Path;

use hrinet::io;
use hrinet::volume::Volume;

const NRRD: &str = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nspacings: 1 1 1\n\
    encoding: raw\ndata file: DATA\n";
const META_IMAGE: &str = "ObjectType = Image\nNDims = 3\nDimSize = 2 2 2\n\
    ElementType = MET_UCHAR\nElementDataFile = DATA\n";

/// Reads a header that names `data`.
fn read(folder: &Path, name: &str, header: &str, data: &str) -> hrinet::Result<Volume> {
    let path = folder.join(name);
    std::fs::write(&path, header.replace("DATA", data)).unwrap();
    io::read(&path)
}

#[test]
fn data_files_outside_of_the_folder_are_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(folder.path().join("secret.raw"), [1; 8]).unwrap();
    std::fs::write(own.join("voxels.raw"), [2; 8]).unwrap();
    let absolute = folder.path().join("secret.raw");
    let absolute = absolute.to_str().unwrap();
    for (name, header) in [("a.nhdr", NRRD), ("a.nrrd", NRRD), ("a.mhd", META_IMAGE)] {
        let volume = read(&own, name, header, "voxels.raw").unwrap();
        assert!(volume.voxels().values().all(|value| value == 2.0));
        for data in ["../secret.raw", absolute, "/dev/zero", "sub/../../secret.raw"] {
            let text = read(&own, name, header, data).unwrap_err().to_string();
            assert!(text.contains(name) && text.contains("outside of its own folder"), "{text}");
        }
        let text = read(&own, name, header, "none.raw").unwrap_err().to_string();
        assert!(text.contains("\"none.raw\", which does not exist"), "{text}");
        for data in ["LIST\nvoxels.raw\nvoxels.raw", "LIST", "voxels%02d.raw 1 2 1"] {
            let text = read(&own, name, header, data).unwrap_err().to_string();
            assert!(text.contains("several files"), "{text}");
        }
    }
}

#[test]
fn data_file_that_is_too_short_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("voxels.raw"), [2; 7]).unwrap();
    for (name, header) in [("a.nhdr", NRRD), ("a.mhd", META_IMAGE)] {
        let text = read(folder.path(), name, header, "voxels.raw").unwrap_err().to_string();
        assert!(text.contains("voxels.raw: truncated"), "{text}");
    }
}

#[test]
fn nifti_header_without_its_voxels_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 2.0]];
    let geometry = hrinet::Geometry::new([2, 2, 2], [0.0; 3], steps).unwrap();
    let voxels = ndarray::Array3::<u8>::zeros((2, 2, 2));
    let volume = Volume::new(voxels.into(), hrinet::Rescale::IDENTITY, geometry).unwrap();
    let [header, image] = ["a.hdr", "a.img"].map(|name| folder.path().join(name));
    io::write(&header, &volume, false).unwrap();
    assert!(io::read(&image).is_ok(), "named by its voxels");
    let text = io::write(&header, &volume, false).unwrap_err().to_string();
    assert!(text.contains("already exists"), "{text}");
    let bytes = std::fs::read(&header).unwrap();
    std::fs::write(&header, [&bytes[..344], &[9, 0, 0, 0], &bytes[348..]].concat()).unwrap();
    let text = io::read(&header).unwrap_err().to_string();
    assert!(text.contains("an Analyze 7.5 header"), "{text}");
    std::fs::write(&header, bytes).unwrap();
    std::fs::write(&image, [0; 7]).unwrap();
    let text = io::read(&header).unwrap_err().to_string();
    assert!(text.contains("a.img: truncated"), "{text}");
    std::fs::remove_file(&image).unwrap();
    let text = io::read(&header).unwrap_err().to_string();
    assert!(text.contains("a.hdr") && text.contains("no .img file"), "{text}");
}
