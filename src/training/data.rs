//! Volumes as stacks of slices in HU, and the patients held out.

use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayView2, Axis as ArrayAxis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::io;
use crate::volume::voxels::with_voxels;
use crate::volume::{Volume, Voxel, Window};

/// A volume that spans less than this many HU is a label map, not a CT.
const LEAST_RANGE_HU: f64 = 100.0;

/// The slices of one volume, across its slice axis.
#[derive(Debug)]
pub struct Stack {
    /// The file's name without folder and ending.
    pub name: String,
    /// HU clipped to the window, `[slices, rows, columns]`.
    pub slices: Array3<i16>,
}

impl Stack {
    /// Takes a volume apart along its slice axis.
    ///
    /// # Errors
    /// [`Error::Argument`] for a label map, and for voxels that are no numbers.
    pub fn new(name: String, volume: &Volume) -> Result<Stack> {
        if is_label_map(volume)? {
            return Err(Error::Argument("a label map, no CT".into()));
        }
        let rescale = volume.rescale();
        let window = Window::CT;
        let axis = volume.geometry().slice_axis().array_axis();
        let slices = with_voxels!(volume.voxels(), array => {
            let hu = |&stored: &_| {
                rescale.to_hu(Voxel::to_f64(stored)).clamp(window.low, window.high).round() as i16
            };
            let mut view = array.view();
            // The slice axis first, the two others in their order.
            for step in (0..axis).rev() {
                view.swap_axes(step, step + 1);
            }
            view.map(hu)
        });
        Ok(Stack { name, slices: slices.as_standard_layout().into_owned() })
    }

    /// One slice in HU.
    pub fn slice(&self, index: usize) -> ArrayView2<'_, i16> {
        self.slices.index_axis(ArrayAxis(0), index)
    }
}

/// Stacks to train on, and stacks held out.
pub struct Dataset {
    /// To fit the weights.
    pub train: Vec<Stack>,
    /// Never trained on.
    pub held_out: Vec<Stack>,
}

impl Dataset {
    /// Reads every volume of a folder: NIfTI and NRRD files, and subfolders with one DICOM series
    /// each. One file or folder is one patient. Label maps and volumes that are too small for
    /// `size` and `gap` are left out with a log line.
    ///
    /// `hold_out` patients, chosen by the seed, are kept for validation; at least one is left to
    /// train on.
    ///
    /// # Errors
    /// [`Error::Io`] for a folder that cannot be read, [`Error::Argument`] where nothing is left.
    pub fn read(
        folder: &Path,
        (size, gap): (usize, usize),
        hold_out: usize,
        seed: u64,
        mut on_read: impl FnMut(&str) -> Result<()>,
    ) -> Result<Dataset> {
        let mut stacks = Vec::new();
        for path in volumes_in(folder)? {
            let name = stem(&path);
            on_read(&name)?;
            let stack = io::read(&path).and_then(|volume| Stack::new(name, &volume));
            match stack {
                Err(error) => log::warn!("left out: {}", error.in_file(&path)),
                Ok(stack) => {
                    let (slices, rows, columns) = stack.slices.dim();
                    if rows < size || columns < size || slices <= gap {
                        log::warn!(
                            "left out: {}: {slices} slices of {rows} x {columns}, too small for \
                             crops of {size} and gaps of {gap}",
                            path.display()
                        );
                    } else {
                        stacks.push(stack);
                    }
                }
            }
        }
        if stacks.is_empty() {
            return Err(Error::Argument(format!(
                "{}: no volume to train on (NIfTI or NRRD files, or a folder a DICOM series)",
                folder.display()
            )));
        }
        let mut order: Vec<usize> = (0..stacks.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let chosen = &order[..hold_out.min(stacks.len() - 1)];
        let mut dataset = Dataset { train: Vec::new(), held_out: Vec::new() };
        for (index, stack) in stacks.into_iter().enumerate() {
            let part =
                if chosen.contains(&index) { &mut dataset.held_out } else { &mut dataset.train };
            part.push(stack);
        }
        Ok(dataset)
    }
}

/// Whether a volume is a label map, by the range of its values.
///
/// # Errors
/// [`Error::Argument`] for voxels that are no numbers.
pub fn is_label_map(volume: &Volume) -> Result<bool> {
    let (low, high) = volume.voxels().range()?;
    Ok((high - low) * volume.rescale().slope.abs() < LEAST_RANGE_HU)
}

/// The volumes in a folder by name: image files, and subfolders. A file is itself.
///
/// # Errors
/// [`Error::Io`].
pub fn volumes_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
    let mut paths = Vec::new();
    for entry in listed {
        let path = entry.map_err(|error| Error::io(folder, error))?.path();
        if path.is_dir() || io::is_volume_file(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A volume's name: that of its file, without folder and ending.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let known = [".nii.gz", ".nii", ".nrrd"];
    known.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Geometry, Rescale};

    #[test]
    fn a_stack_runs_along_the_slice_axis_in_hu() {
        // Size (i, j, k) = (2, 3, 4), thick along i.
        let steps = [[4.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let geometry = Geometry::new([2, 3, 4], [0.0; 3], steps).unwrap();
        let array = Array3::from_shape_fn((4, 3, 2), |(k, j, i)| (100 * i + 10 * j + k) as u16);
        let rescale = Rescale { slope: 2.0, intercept: -100.0 };
        let volume = Volume::new(array.into(), rescale, geometry).unwrap();
        let stack = Stack::new("a".into(), &volume).unwrap();
        // [slices along i, rows along k, columns along j].
        assert_eq!(stack.slices.dim(), (2, 4, 3));
        assert_eq!(stack.slices[(1, 3, 2)], 2 * 123 - 100);
    }

    #[test]
    fn a_label_map_is_no_ct() {
        let steps = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 4.0]];
        let geometry = Geometry::new([2, 2, 2], [0.0; 3], steps).unwrap();
        let array = Array3::from_shape_fn((2, 2, 2), |(k, _, _)| k as u8);
        let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
        assert!(Stack::new("a".into(), &volume).unwrap_err().to_string().contains("label map"));
    }
}
