//! `hrinet evaluate`: drop known slices, make them again, compare.

use std::path::PathBuf;

use clap::Args;
use comfy_table::{Table, presets};
use hrinet::evaluate::{
    Comparison, Evaluation, averaged, evaluate_against, resized, whole_averages,
};
use hrinet::expected_error;
use hrinet::figure::{self, Group, Square};
use hrinet::io::folder::{stem, volumes_in};
use hrinet::metrics::calibration::{Bin, Calibration};
use hrinet::metrics::tissue::{TISSUES, TissueScores, TissueSums};
use hrinet::metrics::{Mean, SliceScores};
use hrinet::training::data::is_label_map;
use hrinet::volume::Volume;
use hrinet::{Error, Result, io, picture};
use serde::Serialize;

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

/// One line of the table.
#[derive(Clone, Serialize)]
struct Line {
    volume: String,
    gap: usize,
    model: String,
    slices: usize,
    /// Wall-clock time of a new slice.
    seconds_a_slice: f64,
    #[serde(flatten)]
    scores: SliceScores,
    #[serde(skip)]
    tissues: [TissueSums; 4],
    #[serde(skip)]
    calibration: Option<Calibration>,
}

impl Line {
    fn new(volume: &str, gap: usize, model: &Chosen, measured: Evaluation) -> Line {
        let Evaluation { slices, seconds, scores, tissues, calibration } = measured;
        Line {
            volume: volume.to_string(),
            gap,
            model: model.name().to_string(),
            slices,
            seconds_a_slice: seconds / slices as f64,
            scores,
            tissues,
            calibration,
        }
    }
}

/// One line of the table of tissues, over all volumes.
#[derive(Serialize)]
struct TissueLine {
    tissue: &'static str,
    low_hu: f64,
    high_hu: f64,
    gap: usize,
    model: String,
    #[serde(flatten)]
    scores: TissueScores,
}

/// One line of the table of expected errors, over all volumes.
#[derive(Serialize)]
struct BinLine {
    /// `None`: all gaps together.
    gap: Option<usize>,
    model: String,
    /// From 1, that of the least expected error.
    bin: usize,
    #[serde(flatten)]
    errors: Bin,
}

/// Runs it.
///
/// # Errors
/// What went wrong, for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<()> {
    if let Some(path) = &arguments.json {
        io::replace::check(path, true)?;
    }
    if let Some(path) = &arguments.picture {
        picture::check(path)?;
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
    let tissues = tissue_lines(&means);
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
    figure::draw(volume, group, &methods, arguments.square, path, &mut |_| interrupt::check())
}

/// The mean over volumes of the per-volume means, as Table 2 of the paper has one line a system.
fn means(lines: &[Line], models: &[Chosen], gaps: &[usize]) -> Vec<Line> {
    let mut means = Vec::new();
    for &gap in gaps {
        for model in models {
            let mut mean = Mean::default();
            let mut slices = 0;
            let mut seconds = 0.0;
            let mut tissues = [TissueSums::default(); 4];
            let mut calibration = None;
            for line in lines.iter().filter(|line| line.gap == gap && line.model == model.name()) {
                mean.add(line.scores);
                slices += line.slices;
                seconds += line.seconds_a_slice * line.slices as f64;
                for (sums, of_line) in tissues.iter_mut().zip(&line.tissues) {
                    sums.merge(of_line);
                }
                merge(&mut calibration, &line.calibration);
            }
            if let Some(scores) = mean.scores() {
                let volume = format!("mean of {}", mean.count());
                let measured = Evaluation { slices, seconds, scores, tissues, calibration };
                means.push(Line::new(&volume, gap, model, measured));
            }
        }
    }
    means
}

fn table(lines: &[Line], means: &[Line]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "volume",
        "gap",
        "model",
        "slices",
        "PSNR dB",
        "SSIM",
        "RMSE",
        "bias HU",
        "|error| HU",
        "s/slice",
    ]);
    // The mean of a single volume is the volume.
    let means = means.iter().filter(|_| lines.len() > means.len());
    for line in lines.iter().chain(means) {
        let scores = &line.scores;
        table.add_row([
            line.volume.clone(),
            line.gap.to_string(),
            line.model.clone(),
            line.slices.to_string(),
            format!("{:.2}", scores.psnr),
            format!("{:.4}", scores.ssim),
            format!("{:.3}", scores.rmse),
            format!("{:+.2}", scores.bias_hu),
            format!("{:.2}", scores.mean_absolute_hu),
            format!("{:.3}", line.seconds_a_slice),
        ]);
    }
    table
}

/// Bias and noise of every gap, tissue and model, over the voxels of all volumes; tissues that no
/// volume shows are left out.
fn tissue_lines(means: &[Line]) -> Vec<TissueLine> {
    let mut lines = Vec::new();
    for line in means {
        for (tissue, sums) in TISSUES.iter().zip(&line.tissues) {
            let Some(scores) = sums.scores() else { continue };
            lines.push(TissueLine {
                tissue: tissue.name,
                low_hu: tissue.low_hu,
                high_hu: tissue.high_hu,
                gap: line.gap,
                model: line.model.clone(),
                scores,
            });
        }
    }
    lines
}

/// Adds the voxels of one calibration to another.
fn merge(all: &mut Option<Calibration>, one: &Option<Calibration>) {
    if let Some(one) = one {
        all.get_or_insert_default().merge(one);
    }
}

/// Ten bins of every gap and model that expects errors, over the voxels of all volumes, then those of all
/// gaps together.
fn bin_lines(means: &[Line], models: &[Chosen]) -> Vec<BinLine> {
    let mut lines = Vec::new();
    let mut add = |gap, model: &str, calibration: &Option<Calibration>| {
        let bins = calibration.as_ref().map(Calibration::bins).unwrap_or_default();
        for (index, errors) in bins.into_iter().enumerate() {
            lines.push(BinLine { gap, model: model.to_string(), bin: index + 1, errors });
        }
    };
    for line in means {
        add(Some(line.gap), &line.model, &line.calibration);
    }
    for model in models {
        let of_model: Vec<_> = means.iter().filter(|line| line.model == model.name()).collect();
        let mut all = None;
        of_model.iter().for_each(|line| merge(&mut all, &line.calibration));
        if of_model.len() > 1 {
            add(None, model.name(), &all);
        }
    }
    lines
}

fn bin_table(lines: &[BinLine]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "gap",
        "model",
        "bin",
        "voxels",
        "expected HU",
        "|error| HU",
        "ratio",
    ]);
    for line in lines {
        table.add_row([
            line.gap.map_or("all".to_string(), |gap| gap.to_string()),
            line.model.clone(),
            line.bin.to_string(),
            line.errors.voxels.to_string(),
            format!("{:.2}", line.errors.expected_hu),
            format!("{:.2}", line.errors.real_hu),
            format!("{:.3}", line.errors.ratio()),
        ]);
    }
    table
}

fn tissue_table(lines: &[TissueLine]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "gap",
        "model",
        "tissue",
        "HU",
        "voxels",
        "bias HU",
        "noise",
        "bias shown",
    ]);
    for line in lines {
        table.add_row([
            line.gap.to_string(),
            line.model.clone(),
            line.tissue.to_string(),
            format!("{:.0} to {:.0}", line.low_hu, line.high_hu),
            line.scores.voxels.to_string(),
            format!("{:+.2}", line.scores.bias_hu),
            format!("{:.2}", line.scores.noise_ratio),
            format!("{:+.2}", line.scores.shown_bias_hu),
        ]);
    }
    table
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
