//! `hrinet evaluate --fit-sharpness`: fits the parameters of NIQE to real slices.

use std::path::Path;

use hrinet::evaluation::hounsfield;
use hrinet::io::folder::stem;
use hrinet::metrics::niqe::{Niqe, PatchChoice, PatchFeatures};
use hrinet::volume::Volume;
use hrinet::{Error, Result, io};

use super::{Arguments, Source, read};
use crate::messages::Verbosity;
use crate::progress::Progress;
use crate::{interrupt, json};

/// Fits the parameters to the volumes and writes them as JSON. Label maps are left out, and damaged
/// files of a folder with a remark.
///
/// # Errors
/// The first error, for the user.
pub fn run(
    arguments: &Arguments,
    sources: &[Source],
    path: &Path,
    verbosity: &Verbosity,
) -> Result<()> {
    let mut progress = Progress::new(verbosity, "volumes", sources.len() as u64);
    progress.set(0);
    let mut volumes = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        interrupt::check()?;
        let patches = read(arguments, &source.path)
            .and_then(|volume| volume.map(|volume| patches(arguments, &volume)).transpose())
            .map_err(|error| error.in_file(&source.path));
        match patches {
            Err(error) if source.is_argument || matches!(error, Error::Cancelled) => {
                return Err(error);
            }
            Err(error) => progress.say(&format!("left out: {error}")),
            Ok(None) => log::info!("left out: {}: a label map", source.path.display()),
            Ok(Some(patches)) => volumes.push((stem(&source.path), patches)),
        }
        progress.set(index as u64 + 1);
    }
    progress.finish();
    let niqe = Niqe::fit(PatchChoice::CT, &volumes)?;
    let count: usize = volumes.iter().map(|(_, patches)| patches.len()).sum();
    verbosity.say(format!("NIQE: {count} patches of {} volumes", niqe.volumes.len()));
    let _in_progress = interrupt::in_progress(io::partial_path(path));
    json::write(path, &niqe)
}

/// Patches of the slices of a volume.
fn patches(arguments: &Arguments, volume: &Volume) -> Result<Vec<PatchFeatures>> {
    let axis = volume.geometry().slice_axis();
    let count = volume.geometry().length(axis);
    let (first, last) = arguments.slices.unwrap_or((0, count - 1));
    let mut patches = Vec::new();
    for index in first..=last.min(count - 1) {
        interrupt::check()?;
        patches.extend(PatchChoice::CT.features(hounsfield(volume, axis, index).view())?);
    }
    Ok(patches)
}
