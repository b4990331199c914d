//! `hrinet resample --check`: how good the model is on the user's own CT.

use comfy_table::{Table, presets};
use hrinet::Result;
use hrinet::metrics::tissue::TISSUES;
use hrinet::resample::{Job, JobOptions};
use hrinet::self_check::{SelfCheck, self_check};

use crate::interrupt;
use crate::messages::Verbosity;
use crate::progress::Progress;

/// Checks the model of a job, and tells the user how it did.
///
/// # Errors
/// Those of [`self_check`].
pub fn run(job: &Job, options: &JobOptions, verbosity: &Verbosity) -> Result<SelfCheck> {
    let mut bar = None;
    let checked = self_check(job.volume, &options.model, job.interpolator, &mut |progress| {
        interrupt::check()?;
        let total = progress.total as u64;
        bar.get_or_insert_with(|| Progress::new(verbosity, "parts of the check", total))
            .set(progress.done as u64);
        Ok(())
    })?;
    if let Some(bar) = bar {
        bar.finish();
    }
    verbosity.say(format_args!(
        "every second slice made again, {} in all, with known ones {:.1} mm apart:",
        checked.slices, checked.known_spacing_mm
    ));
    table(&checked).lines().for_each(|line| verbosity.say(line));
    verbosity.say(checked.advice());
    if let Some(warning) = checked.overlap_warning() {
        verbosity.say(format_args!("note: {warning}"));
    }
    Ok(checked)
}

/// A row for each interpolator: scores, and bias and noise by tissue.
fn table(checked: &SelfCheck) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let tissues = TISSUES.map(|tissue| format!("{}: bias HU, noise", tissue.name));
    let scores = ["by", "PSNR dB", "SSIM", "|error| HU"].map(String::from);
    table.set_header(scores.into_iter().chain(tissues));
    for of in &checked.interpolators {
        let tissues = of.tissues.map(|tissue| {
            tissue.map_or("none".into(), |scores| {
                format!("{:+.1}, {:.2}", scores.bias_hu, scores.noise_ratio)
            })
        });
        let scores = [
            of.name.clone(),
            format!("{:.2}", of.scores.psnr),
            format!("{:.4}", of.scores.ssim),
            format!("{:.2}", of.scores.mean_absolute_hu),
        ];
        table.add_row(scores.into_iter().chain(tissues));
    }
    table
}
