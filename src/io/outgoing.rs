//! A volume on its way into a file: header data, and voxels that are there or come part by part.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::Receiver;

use crate::error::{Error, Result};
use crate::io::raw_voxels::ValueWriter;
use crate::io::smallest_type::ExactTypes;
use crate::volume::voxel_type::with_voxel_type;
use crate::volume::voxels::with_voxels;
use crate::volume::{Geometry, Rescale, Volume, Voxel, VoxelType, Voxels};

/// A volume that is written.
pub(crate) struct Outgoing<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) rescale: Rescale,
    /// Type of the voxels as they are stored.
    pub(crate) voxel_type: VoxelType,
    source: Source<'a>,
}

/// Where the voxels come from.
enum Source<'a> {
    Whole(&'a Voxels),
    Parts {
        parts: Receiver<Voxels>,
        /// Type of their Hounsfield units.
        hounsfield_type: VoxelType,
    },
}

impl<'a> Outgoing<'a> {
    /// A volume with all of its voxels.
    pub(crate) fn of(volume: &'a Volume) -> Outgoing<'a> {
        Outgoing {
            geometry: volume.geometry(),
            rescale: volume.rescale(),
            voxel_type: volume.voxels().voxel_type(),
            source: Source::Whole(volume.voxels()),
        }
    }

    /// A volume whose voxels come in parts of whole slices.
    pub(super) fn in_parts(
        (geometry, rescale): (&'a Geometry, Rescale),
        [voxel_type, hounsfield_type]: [VoxelType; 2],
        parts: Receiver<Voxels>,
    ) -> Outgoing<'a> {
        let source = Source::Parts { parts, hounsfield_type };
        Outgoing { geometry, rescale, voxel_type, source }
    }

    /// Type of the voxels in a format without a rescale: that of the volume where its voxels are
    /// Hounsfield units, else the smallest of int16, int32 and float32 that is exact, else float64.
    pub(crate) fn hounsfield_type(&self) -> VoxelType {
        match &self.source {
            Source::Parts { hounsfield_type, .. } => *hounsfield_type,
            Source::Whole(_) if self.rescale == Rescale::IDENTITY => self.voxel_type,
            Source::Whole(voxels) => {
                let hu = voxels.values().map(|stored| self.rescale.to_hu(stored));
                hu.fold(ExactTypes::ALL, ExactTypes::with).smallest()
            }
        }
    }

    /// Writes all voxels as they are stored, i fastest, little endian; `path` is named in errors.
    pub(crate) fn write_stored(
        &self,
        out: &mut dyn Write,
        path: &Path,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<()> {
        let mut writer = ValueWriter::new(out, path, cancelled);
        self.each_part(
            path,
            &mut |part| with_voxels!(part, array => writer.put(array.iter().copied())),
        )?;
        writer.finish()
    }

    /// Writes all voxels in Hounsfield units of their type, i fastest, little endian; `path` is
    /// named in errors.
    pub(crate) fn write_hounsfield(
        &self,
        voxel_type: VoxelType,
        out: &mut dyn Write,
        path: &Path,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<()> {
        if self.rescale == Rescale::IDENTITY {
            return self.write_stored(out, path, cancelled);
        }
        let mut writer = ValueWriter::new(out, path, cancelled);
        self.each_part(path, &mut |part| {
            let hu = part.values().map(|stored| self.rescale.to_hu(stored));
            with_voxel_type!(voxel_type, T => writer.put(hu.map(<T as Voxel>::from_f64)))
        })?;
        writer.finish()
    }

    /// Calls `put` with the voxels, part by part.
    fn each_part(&self, path: &Path, put: &mut dyn FnMut(&Voxels) -> Result<()>) -> Result<()> {
        let parts = match &self.source {
            Source::Whole(voxels) => return put(voxels),
            Source::Parts { parts, .. } => parts,
        };
        let [i, j, slices] = self.geometry.size();
        let mut received = 0;
        for part in parts {
            let [part_slices, rows, columns] = part.shape();
            received += part_slices;
            if [columns, rows, part.voxel_type() as usize] != [i, j, self.voxel_type as usize] {
                return Err(Error::Argument(format!(
                    "{}: a part of {columns} x {rows} voxels of {}; the volume has {i} x {j} of {}",
                    path.display(),
                    part.voxel_type(),
                    self.voxel_type
                )));
            }
            put(&part)?;
        }
        match received == slices {
            true => Ok(()),
            false => Err(Error::Argument(format!(
                "{}: parts with {received} of {slices} slices",
                path.display()
            ))),
        }
    }
}
