//! The volumes of a folder: those to train on, and those held out.

use std::path::Path;

use crate::error::{Error, Result, count_of};
use crate::io;
use crate::training::settings::{Fit, Settings};
use crate::volume::SliceStack;

/// Slice stacks to train on and for validation.
pub struct Dataset {
    /// Training set.
    pub train: Vec<SliceStack>,
    /// Validation set, never trained on.
    pub held_out: Vec<SliceStack>,
}

impl Dataset {
    /// Reads every volume of a folder: NIfTI and NRRD files, and subfolders with one DICOM series
    /// each. One file or folder is one patient. Label maps and volumes that are too small for the
    /// settings' size and gaps are left out with a log line.
    ///
    /// The settings' `hold_out` patients are the validation set; at least one volume is left to
    /// train on. `on_read` is told each name before it is read, and may cancel by an error.
    ///
    /// # Errors
    /// [`Error::Io`] for a folder that cannot be read, [`Error::Argument`] where no volume is left.
    pub fn read(
        folder: &Path,
        settings: &Settings,
        mut on_read: impl FnMut(&str) -> Result<()>,
    ) -> Result<Dataset> {
        let size = settings.size as usize;
        let plane = settings.plane_side() as usize;
        let needed = settings.slices_needed();
        let mut stacks = Vec::new();
        let mut too_small = 0;
        for path in io::folder::volumes_in(folder)? {
            let name = io::folder::stem(&path);
            on_read(&name)?;
            match io::read(&path).and_then(|volume| SliceStack::of_ct(&name, &volume)) {
                Err(error) => log::warn!("left out: {}", error.in_file(&path)),
                Ok(None) => log::info!("left out: {}: a label map", path.display()),
                Ok(Some(stack)) => {
                    let stack = match settings.fit {
                        Fit::Crop => stack,
                        Fit::Resize => stack.resized(plane)?,
                    };
                    let (slices, rows, columns) = stack.slices.dim();
                    if rows < size || columns < size || slices < needed {
                        log::warn!(
                            "left out: {}: {} of {rows} x {columns}, too small for \
                             crops of {size} and groups of {needed} slices",
                            path.display(),
                            count_of(slices, "slice")
                        );
                        too_small += 1;
                    } else {
                        let (count, mm) = (count_of(slices, "slice"), stack.spacing_mm);
                        log::debug!("{name}: {count} of {rows} x {columns}, {mm:.3} mm apart");
                        stacks.push(stack);
                    }
                }
            }
        }
        if stacks.is_empty() && too_small > 0 {
            let all = if too_small == 1 { "it is".into() } else { format!("all {too_small} are") };
            return Err(Error::Argument(format!(
                "{}: no volume to train on: {all} too small for squares of {size} \
                 pixels or groups of {needed} slices; choose a smaller --size or --gap, or --fit \
                 resize",
                folder.display()
            )));
        }
        if stacks.is_empty() {
            return Err(Error::Argument(format!(
                "{}: no volume to train on (NIfTI or NRRD files, or a folder a DICOM series)",
                folder.display()
            )));
        }
        let names: Vec<&str> = stacks.iter().map(|stack| stack.name.as_str()).collect();
        let held_out = settings.hold_out.choose(&names, settings.seed)?;
        let mut dataset = Dataset { train: Vec::new(), held_out: Vec::new() };
        for (stack, held_out) in stacks.into_iter().zip(held_out) {
            let part = if held_out { &mut dataset.held_out } else { &mut dataset.train };
            part.push(stack);
        }
        Ok(dataset)
    }
}
