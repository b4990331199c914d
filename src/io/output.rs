//! Writes volumes to files: as a whole, or part by part as they are made.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::io::format::{Format, PairOutput, WriteFile, WritePair, Writer};
use crate::io::outgoing::Outgoing;
use crate::io::{atomic_write, endings_written, output_files, raw_voxels};
use crate::runtime::threads;
use crate::volume::{Geometry, Rescale, Volume, VoxelType, Voxels};

/// Time between two looks at whether the caller wants to stop, while the last parts are written.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Options of [`write_with`].
#[derive(Clone, Default)]
pub struct WriteOptions<'a> {
    /// Whether an existing file may be overwritten.
    pub overwrite: bool,
    /// Called repeatedly while writing; once it returns true, writing ends with
    /// [`Error::Cancelled`] and no file is left.
    pub cancelled: Option<&'a dyn Fn() -> bool>,
}

/// Header of a volume whose voxels are still to be made.
pub struct PartsHeader<'a> {
    /// Its grid.
    pub geometry: &'a Geometry,
    /// Rescale of all voxels.
    pub rescale: Rescale,
    /// Type of all voxels.
    pub voxel_type: VoxelType,
    /// Values within which all stored voxels lie.
    pub range: (f64, f64),
}

impl PartsHeader<'_> {
    /// Type of the voxels in Hounsfield units, where it is that of all volumes with this header: a
    /// type that is smaller may depend on every voxel.
    fn hounsfield_type(&self) -> Option<VoxelType> {
        let Rescale { slope, intercept } = self.rescale;
        if self.rescale == Rescale::IDENTITY {
            return Some(self.voxel_type);
        }
        let is_whole = self.voxel_type.is_integer() && slope.fract() == 0.0;
        let (low, high) = self.range;
        let ends = [low, high].map(|stored| self.rescale.to_hu(stored));
        let fits = |hu: &f64| f64::from(*hu as i16) == *hu;
        (is_whole && intercept.fract() == 0.0 && ends.iter().all(fits)).then_some(VoxelType::Int16)
    }
}

/// Whether [`write_parts`] can write such a volume to `path`.
pub fn takes_parts(path: &Path, header: &PartsHeader) -> bool {
    types(path, header).is_some()
}

/// Types of the voxels as they are stored and in Hounsfield units.
fn types(path: &Path, header: &PartsHeader) -> Option<[VoxelType; 2]> {
    let format = Format::of(path).filter(|format| format.is_written())?;
    let hounsfield_type = match format.holds_rescale {
        true => header.voxel_type,
        false => header.hounsfield_type()?,
    };
    Some([header.voxel_type, hounsfield_type])
}

/// Writes a volume to a file in one of [`FORMATS`](crate::io::FORMATS).
///
/// # Errors
/// Those of [`check_output`]; [`Error::Unsupported`] for uneven slice spacing, which no format can
/// represent; [`Error::Io`] where the disk is full. In each case no new file is left, and an old
/// one is unchanged.
pub fn write(path: &Path, volume: &Volume, overwrite: bool) -> Result<()> {
    write_with(path, volume, &WriteOptions { overwrite, cancelled: None })
}

/// Like [`write()`], but can be cancelled.
///
/// # Errors
/// Those of [`write()`], and [`Error::Cancelled`].
pub fn write_with(path: &Path, volume: &Volume, options: &WriteOptions) -> Result<()> {
    let cancelled = options.cancelled.unwrap_or(&raw_voxels::never);
    check_grid(path, volume.geometry())?;
    write_file(path, options.overwrite, |out| out.write(path, &Outgoing::of(volume), cancelled))
}

/// Writes a volume to a file, as [`write_with`] does, while `make` makes it: whole slices in order
/// go to the function that `make` gets. They are compressed and written on another thread, to which
/// one part waits at most. The file is complete, under its name, once `make` has succeeded.
///
/// # Errors
/// Those of [`write_with`] and of `make`; [`Error::Unsupported`] where [`takes_parts`] is false;
/// [`Error::Argument`] for parts that are not those of the volume.
pub fn write_parts<R>(
    path: &Path,
    header: &PartsHeader,
    options: &WriteOptions,
    make: impl FnOnce(&mut dyn FnMut(Voxels) -> Result<()>) -> Result<R>,
) -> Result<R> {
    let cancelled = options.cancelled.unwrap_or(&raw_voxels::never);
    check_grid(path, header.geometry)?;
    let types = types(path, header).ok_or_else(|| {
        Error::unsupported(path, "the voxel type depends on all voxels; write .nii")
    })?;
    let mut made = None;
    write_file(path, options.overwrite, |out| {
        let write = |parts: Receiver<Voxels>, stopped: &dyn Fn() -> bool| {
            let volume = Outgoing::in_parts((header.geometry, header.rescale), types, parts);
            out.write(path, &volume, stopped)
        };
        made = Some(beside(write, cancelled, make)?);
        Ok(())
    })?;
    made.ok_or_else(|| Error::Argument(format!("{}: nothing was made", path.display())))
}

/// Makes parts on this thread while another one writes them.
fn beside<R>(
    write: impl FnOnce(Receiver<Voxels>, &dyn Fn() -> bool) -> Result<()> + Send,
    cancelled: &dyn Fn() -> bool,
    make: impl FnOnce(&mut dyn FnMut(Voxels) -> Result<()>) -> Result<R>,
) -> Result<R> {
    let stop = AtomicBool::new(false);
    let (sender, parts) = sync_channel(1);
    thread::scope(|scope| {
        let stopped = || stop.load(Ordering::SeqCst);
        let writing = thread::Builder::new()
            .spawn_scoped(scope, move || write(parts, &stopped))
            .map_err(threads::unavailable)?;
        // A writer that takes no more has failed, which its own error tells.
        let mut is_lost = false;
        let made = make(&mut |part| {
            is_lost = sender.send(part).is_err();
            if is_lost { Err(Error::Cancelled) } else { Ok(()) }
        });
        stop.store(made.is_err() && !is_lost, Ordering::SeqCst);
        drop(sender);
        while !writing.is_finished() {
            if cancelled() {
                stop.store(true, Ordering::SeqCst);
            }
            thread::sleep(LOOK_EVERY);
        }
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (made, written) {
            (Err(error), _) if !is_lost => Err(error),
            (_, Err(error)) => Err(error),
            (made, Ok(())) => made,
        }
    })
}

/// The open file or files of a volume.
enum OpenOutput<'a> {
    Single(WriteFile, &'a mut (dyn Write + Send)),
    Pair {
        write: WritePair,
        header: &'a mut (dyn Write + Send),
        data: &'a mut (dyn Write + Send),
        data_name: &'a str,
    },
}

impl OpenOutput<'_> {
    fn write(self, path: &Path, volume: &Outgoing, cancelled: &dyn Fn() -> bool) -> Result<()> {
        match self {
            OpenOutput::Single(write, out) => write(path, volume, out, cancelled),
            OpenOutput::Pair { write, header, data, data_name } => {
                write(path, volume, PairOutput { header, data, data_name }, cancelled)
            }
        }
    }
}

/// Writes the file or files of a volume whole or not at all.
fn write_file(
    path: &Path,
    overwrite: bool,
    write_to: impl FnOnce(OpenOutput) -> Result<()>,
) -> Result<()> {
    match (writer(path)?, &output_files(path)[..]) {
        (Writer::Pair(_, write), [header, data]) => {
            let data_name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
            atomic_write::write_pair_atomically([header, data], overwrite, |header, data| {
                write_to(OpenOutput::Pair { write, header, data, data_name: &data_name })
            })
        }
        (Writer::Pair(..), _) => Err(no_writer(path)),
        (Writer::Single(write), _) => atomic_write::write_atomically(path, overwrite, |out| {
            write_to(OpenOutput::Single(write, out))
        }),
    }
}

/// Refuses a grid that the format of a file does not hold.
fn check_grid(path: &Path, geometry: &Geometry) -> Result<()> {
    writer(path)?;
    if geometry.uneven_slices().is_some() {
        let reason = "uneven slice spacing cannot be written to a file; resample the volume first";
        return Err(Error::unsupported(path, reason));
    }
    check_shear(path, geometry)
}

/// Checks ahead of long work that [`write()`] will be able to write `path`.
///
/// # Errors
/// [`Error::Unsupported`] for an ending that no format writes; those of [`atomic_write::check`] for
/// a folder that does not exist or is not writable, and for a file that exists and may not be
/// overwritten.
pub fn check_output(path: &Path, overwrite: bool) -> Result<()> {
    writer(path)?;
    output_files(path).iter().try_for_each(|file| atomic_write::check(file, overwrite))
}

/// Whether an output is a folder, in which a DICOM series is written: it exists, or its name ends
/// with a slash.
pub fn is_folder_output(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir()
}

/// Checks that the format of a file holds a grid: some hold no shear (a tilted gantry).
///
/// # Errors
/// [`Error::Unsupported`].
pub fn check_shear(path: &Path, geometry: &Geometry) -> Result<()> {
    match (Format::of(path), geometry.tilt_degrees()) {
        (Some(format), Some(degrees)) if !format.holds_shear => Err(Error::unsupported(
            path,
            format!(
                "{} holds no sheared grid, and the slices are tilted by {degrees:.2} degrees; \
                 write .nrrd or .nii",
                format.family()
            ),
        )),
        _ => Ok(()),
    }
}

fn writer(path: &Path) -> Result<Writer> {
    Format::of(path).and_then(|format| format.write).ok_or_else(|| no_writer(path))
}

fn no_writer(path: &Path) -> Error {
    let reason = format!(
        "unknown ending; volumes are written as {}, or as a DICOM series into a folder whose name \
         ends with /",
        endings_written()
    );
    Error::unsupported(path, reason)
}
