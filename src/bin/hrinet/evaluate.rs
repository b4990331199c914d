//! `hrinet evaluate`: drop known slices, make them again, compare.

mod figures;

use std::path::PathBuf;

use clap::Args;
use hrinet::evaluation::{Comparison, averaged, evaluate_against, resized, whole_averages};
use hrinet::io::folder::{stem, volumes_in};
use hrinet::render::comparison;
use hrinet::render::comparison::{Group, Square};
use hrinet::render::coronal;
use hrinet::resample::expected_error;
use hrinet::volume::Volume;
use hrinet::volume::slice_stack::is_label_map;
use hrinet::{Error, Result, io};

use self::figures::{Line, bin_lines, bin_table, means, table, tissue_lines, tissue_table};
use crate::interrupt;
use crate::messages::{Progress, Verbosity};
use crate::method::{Chosen, DeviceChoice, Ensemble};
use crate::report::write_json;

/// Measure models: drop the inner slices of every group, make them again, compare.
#[derive(Args)]
pub struct Arguments {
    /// Volumes, or folders of volumes. Masks and label maps are left out.
    #[arg(long, required = true, num_args = 1.., value_name = "FILES|DIR")]
    data: Vec<PathBuf>,
    /// Keep every N-th slice.
    #[arg(long, value_delimiter = ',', default_value = "2,3,6", value_name = "N,N,...")]
    gap: Vec<usize>,
    /// linear, cubic, shipped models or checkpoint files.
    #[arg(long, value_delimiter = ',', value_name = "NAME,FILE,...")]
    #[arg(default_value = "linear,cubic,hrinet-motion")]
    models: Vec<String>,
    /// Only slices FIRST to LAST of each volume, counted from 0.
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_range)]
    slices: Option<(usize, usize)>,
    /// Scale planes to SIDE x SIDE pixels first, as the paper does.
    #[arg(long, value_name = "SIDE", value_parser = clap::value_parser!(u16).range(16..=2048))]
    resize: Option<u16>,
    /// Known slices are averages over N slices, an odd number: a scanner's thick slices.
    #[arg(long, value_name = "N")]
    thickness: Option<usize>,
    /// What new slices are compared with: averages as thick as the known ones, or the single slices.
    #[arg(long, value_enum, default_value = "thick", requires = "thickness")]
    truth: Truth,
    #[command(flatten)]
    device: DeviceChoice,
    #[command(flatten)]
    ensemble: Ensemble,
    /// Print bias and noise in lung, fat, muscle and bone as well.
    #[arg(long)]
    tissue: bool,
    /// Print expected and real errors as well, in ten bins by what was expected; for models that have
    /// learnt an expected error.
    #[arg(long)]
    confidence: bool,
    /// Draw the middle group of the first volume at the last gap: a row a model, then the truth.
    #[arg(long, value_name = "FILE.png")]
    picture: Option<PathBuf>,
    /// Show this square of the plane alone in the picture, enlarged.
    #[arg(long, value_name = "ROW,COLUMN,SIDE", requires = "picture", value_parser = parse_square)]
    square: Option<Square>,
    /// Write all figures as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What slices made between thick ones are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Truth {
    /// Averages as thick as the known slices.
    Thick,
    /// The slices as scanned.
    Thin,
}

/// Runs it.
///
/// # Errors
/// What went wrong, for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<()> {
    if let Some(path) = &arguments.json {
        io::atomic_write::check(path, true)?;
    }
    if let Some(path) = &arguments.picture {
        coronal::check(path)?;
    }
    let models = arguments
        .models
        .iter()
        .map(|name| Chosen::load(name, &arguments.device, &arguments.ensemble))
        .collect::<Result<Vec<_>>>()?;
    if arguments.confidence && models.iter().all(|m| expected_error::check(&m.method()).is_err()) {
        return Err(Error::Argument(format!(
            "--confidence: none of {} has learnt an expected error; `hrinet train --confidence` adds \
             one to a model",
            arguments.models.join(", ")
        )));
    }
    let paths = volumes(&arguments.data)?;
    let total = paths.len() * arguments.gap.len() * models.len();
    let mut progress = Progress::new(verbosity, "evaluations", total as u64);
    let mut lines = Vec::new();
    for (index, (path, asked_for)) in paths.iter().enumerate() {
        interrupt::check()?;
        let measured = read(path).and_then(|volume| {
            let volume = match arguments.resize {
                Some(side) => resized(&volume, usize::from(side))?,
                None => (!is_label_map(&volume)?).then_some(volume),
            };
            let Some(volume) = volume else {
                log::info!("left out: {}: a label map", path.display());
                return Ok(());
            };
            let first = lines.is_empty();
            measure(&volume, &stem(path), &models, arguments, &mut lines, &mut progress)?;
            match &arguments.picture {
                Some(path) if first => draw(&volume, &models, arguments, path),
                _ => Ok(()),
            }
        });
        match measured.map_err(|error| error.in_file(path)) {
            Err(error) if *asked_for || matches!(error, Error::Cancelled) => return Err(error),
            Err(error) => progress.say(&format!("left out: {error}")),
            Ok(()) => {}
        }
        progress.set((total * (index + 1) / paths.len()) as u64);
    }
    progress.finish();
    if lines.is_empty() {
        return Err(Error::Argument("no volume to evaluate on".into()));
    }
    let means = means(&lines, &models, &arguments.gap);
    let tissues = tissue_lines(&lines, &means);
    println!("{}", table(&lines, &means));
    if arguments.tissue {
        println!("{}", tissue_table(&tissues));
    }
    let bins = if arguments.confidence { bin_lines(&means, &models) } else { Vec::new() };
    if arguments.confidence {
        println!("{}", bin_table(&bins));
    }
    if let Some(path) = &arguments.json {
        interrupt::in_progress(io::partial_path(path));
        let mut figures =
            serde_json::json!({ "volumes": lines, "mean": means, "tissues": tissues });
        if arguments.confidence {
            figures["confidence"] = serde_json::json!(bins);
        }
        write_json(path, &figures)?;
    }
    Ok(())
}

/// Every volume, and whether it was asked for by its own name.
fn volumes(data: &[PathBuf]) -> Result<Vec<(PathBuf, bool)>> {
    let mut paths = Vec::new();
    for path in data {
        let inside = if path.is_dir() { volumes_in(path)? } else { Vec::new() };
        if inside.is_empty() {
            paths.push((path.clone(), true));
        }
        paths.extend(inside.into_iter().map(|path| (path, false)));
    }
    Ok(paths)
}

fn read(path: &std::path::Path) -> Result<Volume> {
    let options = io::ReadOptions { series: None, cancelled: Some(&interrupt::raised) };
    io::read_with(path, &options)
}

fn measure(
    volume: &Volume,
    name: &str,
    models: &[Chosen],
    arguments: &Arguments,
    lines: &mut Vec<Line>,
    progress: &mut Progress,
) -> Result<()> {
    let count = volume.geometry().length(volume.geometry().slice_axis());
    let range = arguments.slices.map_or(0..count, |(first, last)| first..last + 1);
    let thickness = arguments.thickness.unwrap_or(1);
    let averages = arguments.thickness.map(|count| averaged(volume, count)).transpose()?;
    let known = averages.as_ref().unwrap_or(volume);
    let truth = if arguments.truth == Truth::Thin { volume } else { known };
    let range = Some(whole_averages(range, count, thickness));
    for &gap in &arguments.gap {
        for model in models {
            let method = model.method();
            let (range, confidence) = (range.clone(), arguments.confidence);
            let comparison = Comparison { known, truth, gap, range, confidence };
            let measured = evaluate_against(comparison, &method, &mut |_| interrupt::check())?;
            lines.push(Line::new(name, gap, model, measured));
            progress.set(lines.len() as u64);
        }
    }
    Ok(())
}

fn draw(
    volume: &Volume,
    models: &[Chosen],
    arguments: &Arguments,
    path: &std::path::Path,
) -> Result<()> {
    let geometry = volume.geometry();
    let count = geometry.length(geometry.slice_axis());
    let (first, last) = arguments.slices.unwrap_or((0, count - 1));
    let Some(&gap) = arguments.gap.last() else { return Ok(()) };
    let groups = last.min(count - 1).saturating_sub(first) / gap;
    let group = Group { first: first + groups / 2 * gap, gap };
    let methods: Vec<_> = models.iter().map(|model| (model.short_name(), model.method())).collect();
    comparison::draw(volume, group, &methods, arguments.square, path, &mut |_| interrupt::check())
}

fn parse_square(text: &str) -> std::result::Result<Square, String> {
    let numbers: Option<Vec<usize>> =
        text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[row, column, side]) => Ok(Square { row, column, side }),
        _ => Err(format!("{text:?} is no square; write its ROW,COLUMN,SIDE in pixels")),
    }
}

fn parse_range(text: &str) -> std::result::Result<(usize, usize), String> {
    let parsed = text.split_once('-').and_then(|(first, last)| {
        Some((first.trim().parse::<usize>().ok()?, last.trim().parse::<usize>().ok()?))
    });
    parsed
        .filter(|(first, last)| first < last)
        .ok_or_else(|| format!("{text:?} is no range of slices; write 100-160"))
}
