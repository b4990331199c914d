//! `hrinet batch --dry-run`: what would be made, and how long it would take.

use std::path::PathBuf;

use comfy_table::{Table, presets};
use hrinet::error::{bytes_in_words, count_of};
use hrinet::resample::Interpolator;
use hrinet::{Result, io};
use serde::Serialize;

use super::arguments::Arguments;
use super::cost::{Cost, Voxels};
use super::manifest::{Past, Row};
use super::reader::{Entry, divide, guarded};
use super::settings::{Decision, Settings, rounded};
use super::volume::Volume;
use crate::dry_run::in_words;
use crate::interrupt;
use crate::json;
use crate::messages::{Verbosity, print, print_line};
use crate::progress::Progress;

/// Fate of a volume in a run.
#[derive(Serialize)]
struct Planned {
    id: String,
    input: String,
    /// SeriesInstanceUID, and the volume's number where it holds several.
    series: Option<String>,
    /// Segmentation and output, where a list names them.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<PathBuf>,
    status: &'static str,
    reason: String,
    slices: Option<usize>,
    slices_after: Option<usize>,
    columns: Option<usize>,
    rows: Option<usize>,
    seconds: f64,
    bytes_out: f64,
    #[serde(skip)]
    interpolated: usize,
    /// Whether its header says that it would fail.
    #[serde(skip)]
    fails: bool,
}

#[derive(Serialize)]
struct Report {
    volumes: Vec<Planned>,
    seconds: f64,
    bytes_out: f64,
    cost: Cost,
}

/// Plans all volumes, and prints what would be done. Nothing is written.
///
/// # Errors
/// Those of the cost model and of printing; [`hrinet::Error::Cancelled`].
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    interpolator: &Interpolator,
    volumes: Vec<Volume>,
    verbosity: &Verbosity,
) -> Result<()> {
    let past = Past::of(&settings.output)?;
    let busy = Progress::busy(verbosity, "timing small volumes");
    let cost = Cost::measure(&settings.options, interpolator, &settings.format);
    busy.finish();
    let cost = cost?;
    let mut planned = Vec::new();
    let mut progress = Progress::new(verbosity, "volumes", volumes.len() as u64);
    for (index, volume) in volumes.iter().enumerate() {
        for volume in divide(settings, volume) {
            interrupt::check()?;
            planned.push(plan(settings, &past, &cost, &volume));
        }
        progress.set(index as u64 + 1);
    }
    progress.finish();
    let made = || planned.iter().filter(|volume| volume.status == "would make");
    let report = Report {
        seconds: rounded(made().map(|volume| volume.seconds).sum()),
        bytes_out: made().map(|volume| volume.bytes_out).sum(),
        volumes: planned,
        cost,
    };
    match &arguments.outputs.json {
        Some(path) => json::write(path, &report),
        None => report.print(settings.names),
    }
}

/// Plans a volume by its header.
fn plan(settings: &Settings, past: &Past, cost: &Cost, volume: &Volume) -> Planned {
    let mut entry = Entry::new(settings, volume);
    let decision = guarded(|| decide(settings, past, &mut entry.row, volume));
    let (mut status, mut reason) = ("would make", String::new());
    let (mut fails, mut interpolated) = (false, 0);
    match decision {
        Ok(None) => status = "done",
        Ok(Some(Decision::Skip(why))) => (status, reason) = ("would skip", why),
        Ok(Some(Decision::Make(plan))) => interpolated = plan.interpolated_count(),
        Err(error) => {
            reason = format!("would fail: {}", entry.names.hide(&error.to_string()));
            fails = true;
        }
    }
    let row = entry.row;
    let pixels = row.columns.unwrap_or(0) as f64 * row.rows.unwrap_or(0) as f64;
    let voxels = |slices: Option<usize>| pixels * slices.unwrap_or(0) as f64;
    let voxels = Voxels {
        input: voxels(row.slices),
        interpolated: pixels * interpolated as f64,
        output: voxels(row.slices_after),
    };
    let is_made = status == "would make" && !fails;
    Planned {
        id: row.id,
        input: volume.found.path.display().to_string(),
        series: volume.series(),
        labels: volume.given.labels.clone(),
        output: volume.given.output.clone(),
        status,
        reason,
        slices: row.slices,
        slices_after: row.slices_after,
        columns: row.columns,
        rows: row.rows,
        seconds: if is_made { rounded(cost.seconds(voxels)) } else { 0.0 },
        bytes_out: if is_made { cost.bytes(voxels).round() } else { 0.0 },
        interpolated,
        fails,
    }
}

/// Decision on a volume; `None` where a former run has settled it.
fn decide(
    settings: &Settings,
    past: &Past,
    row: &mut Row,
    volume: &Volume,
) -> Result<Option<Decision>> {
    row.input_fingerprint = volume.fingerprint(settings.labels(volume).as_deref())?;
    let series = volume.found.series.as_ref();
    let is_done = past.is_done(row);
    if !is_done && let Some(reason) = series.and_then(|series| settings.skipped_series(series)) {
        return Ok(Some(Decision::Skip(reason)));
    }
    let grid = match series.map(|series| series.grid()).transpose()?.flatten() {
        Some(grid) if volume.number.is_none() => grid,
        _ => {
            let files = series.map(|series| series.paths());
            let number = volume.number.map(|number| number.to_string());
            let options = io::ReadOptions {
                files: files.as_deref(),
                ..interrupt::read_options(number.as_deref())
            };
            io::read_grid(&volume.found.path, &options)?.0
        }
    };
    let decision = settings.decide(row, &grid)?;
    Ok((!is_done).then_some(decision))
}

impl Report {
    /// Prints a table; with inputs where names are wanted.
    fn print(&self, names: bool) -> Result<()> {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        let mut header = vec!["id", "", "slices", "after", "pixels", "time", "size", "why"];
        header.extend(names.then_some("input"));
        table.set_header(header);
        let number = |value: Option<usize>| value.map_or(String::new(), |value| value.to_string());
        for volume in &self.volumes {
            let pixels = [volume.columns, volume.rows].map(number).join(" x ");
            let is_made = volume.status == "would make" && !volume.fails;
            let of_made = |text: String| if is_made { text } else { String::new() };
            let mut cells = vec![
                volume.id.clone(),
                volume.status.to_string(),
                number(volume.slices),
                number(volume.slices_after),
                if volume.columns.is_some() { pixels } else { String::new() },
                of_made(format!("{:.1} s", volume.seconds)),
                of_made(bytes_in_words(volume.bytes_out as u64)),
                volume.reason.clone(),
            ];
            cells.extend(names.then(|| volume.input.clone()));
            table.add_row(cells);
        }
        print(table.trim_fmt())?;
        let count =
            |status: &str| self.volumes.iter().filter(|volume| volume.status == status).count();
        let failing = self.volumes.iter().filter(|volume| volume.fails).count();
        let slices: usize = self.volumes.iter().map(|volume| volume.interpolated).sum();
        print_line(format_args!(
            "{}: {} to make, {} to skip, {} would fail, {} done; {} to interpolate",
            count_of(self.volumes.len(), "volume"),
            count("would make") - failing,
            count("would skip"),
            failing,
            count("done"),
            count_of(slices, "slice")
        ))?;
        print_line(format_args!(
            "{}, {} on the disk; nothing was written",
            in_words(self.seconds),
            bytes_in_words(self.bytes_out as u64)
        ))
    }
}
