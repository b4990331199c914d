//! `hrinet resample`: a volume in, the same volume with the slices in between out.

mod labels;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use hrinet::error::bytes_in_words;
use hrinet::render::coronal;
use hrinet::resample::expected_error;
use hrinet::resample::expected_error::interpolate_with_error;
use hrinet::resample::interpolate::{interpolate, memory_needed};
use hrinet::resample::{Plan, Spacing};
use hrinet::runtime::memory;
use hrinet::volume::{Axis, Volume};
use hrinet::{Error, Result, io};

use crate::interrupt;
use crate::messages::{Progress, Verbosity};
use crate::method::{Chosen, DeviceChoice, Ensemble};
use crate::report::Report;

use labels::{LabelsMethod, labels_by, make_labels, more_for_labels, read_labels};

/// Make the slices in between: write INPUT with a finer slice spacing to OUTPUT.
#[derive(Args)]
pub struct Arguments {
    /// A NIfTI file (.nii, .nii.gz), an NRRD file (.nrrd), or a folder with a DICOM series.
    input: PathBuf,
    /// The file to write: .nii, .nii.gz or .nrrd.
    output: PathBuf,
    #[command(flatten)]
    grid: Grid,
    /// The axis across which slices are made; auto takes the one with the largest spacing.
    #[arg(long, value_enum, default_value_t = AxisChoice::Auto)]
    axis: AxisChoice,
    /// hrinet-motion, hrinet-motion-small (three times as fast), hrinet-motion-sharp (as noisy as scanned
    /// slices), linear, cubic, or a checkpoint file.
    #[arg(long, default_value = hrinet::network::model::DEFAULT, value_name = "NAME|FILE")]
    model: String,
    #[command(flatten)]
    device: DeviceChoice,
    #[command(flatten)]
    ensemble: Ensemble,
    /// The DICOM series to read where the folder holds several: its UID or the start of it.
    #[arg(long, value_name = "UID")]
    series: Option<String>,
    /// Replace OUTPUT where it exists.
    #[arg(long)]
    overwrite: bool,
    /// Write a report: both grids, every slice known or made, model, time, memory.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Bring a label map on INPUT's grid along: LABELS is read, OUT is written on the grid of OUTPUT.
    #[arg(long, num_args = 2, value_names = ["LABELS", "OUT"])]
    labels: Option<Vec<PathBuf>>,
    /// How labels between two slices are chosen: by outlines that move with the tissue (anatomy; needs
    /// a model that finds motion), by the outlines alone (shape), or as in the nearer slice
    /// [default: anatomy where the model finds motion, else shape].
    #[arg(long, value_enum, requires = "labels")]
    labels_method: Option<LabelsMethod>,
    /// Write how far off every voxel is expected to be, in HU, as a float32 volume on the grid of OUTPUT:
    /// 0 in known slices. For models that have learnt it.
    #[arg(long, value_name = "FILE")]
    confidence: Option<PathBuf>,
    /// Write a PNG of the slices seen from the front, before and after.
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

#[derive(Args)]
#[group(multiple = true)]
struct Grid {
    /// As close to the in-plane spacing as a whole division of the slice spacing comes [default].
    #[arg(long, conflicts_with_all = ["factor", "spacing", "exact_spacing", "reference"])]
    isotropic: bool,
    /// Divide the slice spacing by this whole number.
    #[arg(long, value_name = "N", conflicts_with_all = ["spacing", "exact_spacing", "reference"])]
    factor: Option<usize>,
    /// The whole division of the slice spacing closest to this many mm.
    #[arg(long, value_name = "MM", conflicts_with = "reference")]
    spacing: Option<f64>,
    /// Exactly the spacing of --spacing, or of this option's own value in mm, even where known
    /// slices are then missed.
    #[arg(long, value_name = "MM", num_args = 0..=1, require_equals = true)]
    #[arg(conflicts_with = "reference")]
    exact_spacing: Option<Option<f64>>,
    /// The slices of this volume's grid.
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
}

impl Grid {
    fn spacing(&self) -> Result<Spacing> {
        let exact = match (&self.exact_spacing, self.spacing) {
            (Some(Some(_)), Some(_)) => {
                return Err(Error::Argument(
                    "--spacing and --exact-spacing both give a value; give one".into(),
                ));
            }
            (Some(None), None) => {
                return Err(Error::Argument(
                    "--exact-spacing needs a value in mm, its own or that of --spacing".into(),
                ));
            }
            (Some(Some(own)), None) => Some(*own),
            (Some(None), other) => other,
            (None, _) => None,
        };
        Ok(match (exact, self.spacing, self.factor, &self.reference) {
            (Some(millimetres), ..) => Spacing::Exact(millimetres),
            (_, Some(millimetres), ..) => Spacing::Nearest(millimetres),
            (_, _, Some(factor), _) => Spacing::Factor(factor),
            (.., Some(reference)) => Spacing::Like(io::read(reference)?.geometry().clone()),
            _ => Spacing::Isotropic,
        })
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum AxisChoice {
    Auto,
    I,
    J,
    K,
}

impl AxisChoice {
    fn axis(self) -> Option<Axis> {
        match self {
            AxisChoice::Auto => None,
            AxisChoice::I => Some(Axis::I),
            AxisChoice::J => Some(Axis::J),
            AxisChoice::K => Some(Axis::K),
        }
    }
}

/// Runs it, and gives how many slices were kept and made.
///
/// # Errors
/// What went wrong, for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<[usize; 2]> {
    let start = Instant::now();
    check_outputs(arguments)?;
    let spacing = arguments.grid.spacing()?;
    let chosen = Chosen::load(&arguments.model, &arguments.device, &arguments.ensemble)?;
    if arguments.confidence.is_some() {
        expected_error::check(&chosen.method()).map_err(|error| {
            Error::Argument(format!("--confidence with --model {}: {error}", chosen.name()))
        })?;
    }
    let reading = format!("reading {}", arguments.input.display());
    let busy = Progress::busy(verbosity, &reading);
    let input = read(&arguments.input, arguments.series.as_deref());
    busy.finish();
    let input = input?;
    let in_input = |error: Error| error.in_file(&arguments.input);
    let plan = Plan::new(input.geometry(), arguments.axis.axis(), &spacing).map_err(in_input)?;

    let label_map = arguments.label_files().map(|(path, _)| read_labels(path, &input));
    let label_map = label_map.transpose()?;

    announce(&input, &plan, &chosen, verbosity);
    let by = labels_by(arguments.labels_method, &chosen)?;
    let mut needed = memory_needed(&input, &plan, &chosen.method());
    if let Some(label_map) = &label_map {
        needed = needed.saturating_add(more_for_labels(label_map, by, (&plan, &chosen)));
    }
    if arguments.confidence.is_some() {
        needed = needed.saturating_add(expected_error::bytes(&plan));
    }
    verbosity.say(format_args!("this takes about {} of memory", bytes_in_words(needed)));
    memory::check(needed, "choose a larger spacing or a smaller volume")?;

    let made = plan.made_count();
    let mut progress = Progress::new(verbosity, "slices", made as u64);
    let mut on_progress = |done: hrinet::resample::interpolate::Progress| {
        progress.set(done.done as u64);
        interrupt::check()
    };
    let result = match &arguments.confidence {
        None => interpolate(&input, &plan, &chosen.method(), &mut on_progress)
            .map(|(output, work)| (output, None, work)),
        Some(_) => interpolate_with_error(&input, &plan, &chosen.method(), &mut on_progress)
            .map(|(output, errors, work)| (output, Some(errors), work)),
    };
    progress.finish();
    let (output, errors, work) = result.map_err(in_input)?;

    let writing = format!("writing {}", arguments.output.display());
    let busy = Progress::busy(verbosity, &writing);
    let written = write(&arguments.output, &output, arguments.overwrite);
    busy.finish();
    written?;
    let mut expected = None;
    if let (Some(path), Some(errors)) = (&arguments.confidence, &errors) {
        write(path, errors, arguments.overwrite)?;
        let mean = expected_error::mean_of_new(errors, &plan);
        let of_mean = mean.map_or(String::new(), |mean| format!(": {mean:.1} HU in new slices"));
        verbosity.say(format_args!("wrote {}, expected errors{of_mean}", path.display()));
        expected = Some((path.as_path(), mean));
    }
    if let (Some((_, path)), Some(label_map)) = (arguments.label_files(), &label_map) {
        let start = Instant::now();
        let mut progress = Progress::new(verbosity, "label slices", made as u64);
        let made = make_labels(by, label_map, (&input, &plan), &mut |done| {
            progress.set(done.done as u64);
            interrupt::check()
        });
        progress.finish();
        let made = made?;
        let seconds = start.elapsed().as_secs_f64();
        let busy = Progress::busy(verbosity, &format!("writing {}", path.display()));
        let written = write(path, &made, arguments.overwrite);
        busy.finish();
        written?;
        verbosity.say(format_args!("wrote {}: labels made in {seconds:.2} s", path.display()));
    }
    if let Some(path) = &arguments.picture {
        interrupt::in_progress(io::partial_path(path));
        coronal::coronal_before_after(&input, &output, path)?;
    }
    if let Some(path) = &arguments.json {
        let report = Report::new(
            (&arguments.input, &input),
            (&arguments.output, &output),
            (&plan, &chosen),
            expected,
            start.elapsed(),
        );
        interrupt::in_progress(io::partial_path(path));
        report.write(path)?;
    }
    verbosity.say(format_args!(
        "wrote {}: {} slices, {} kept, {} made in {:.1} s",
        arguments.output.display(),
        plan.slices().len(),
        plan.known_count(),
        made,
        work.time.as_secs_f64()
    ));
    for path in [&arguments.picture, &arguments.json].into_iter().flatten() {
        verbosity.say(format_args!("wrote {}", path.display()));
    }
    Ok([plan.known_count(), made])
}

impl Arguments {
    /// The label map to read, and the file to write.
    fn label_files(&self) -> Option<(&Path, &Path)> {
        match self.labels.as_deref() {
            Some([labels, output]) => Some((labels, output)),
            _ => None,
        }
    }
}

/// Finds what would fail at the end before the work begins.
fn check_outputs(arguments: &Arguments) -> Result<()> {
    if arguments.output.exists() && !arguments.overwrite {
        return Err(Error::Argument(format!(
            "{}: is there already; --overwrite replaces it",
            arguments.output.display()
        )));
    }
    io::check_output(&arguments.output, arguments.overwrite)?;
    let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    };
    if same(&arguments.input, &arguments.output) {
        return Err(Error::Argument(format!(
            "{}: input and output are the same file; name another output",
            arguments.output.display()
        )));
    }
    if let Some((labels, output)) = arguments.label_files() {
        for other in [&arguments.input, &arguments.output, &labels.to_path_buf()] {
            if output == other.as_path() || same(output, other) {
                return Err(Error::Argument(format!(
                    "{}: is INPUT, OUTPUT or LABELS itself; name another file for the new labels",
                    output.display()
                )));
            }
        }
        io::check_output(output, arguments.overwrite)?;
    }
    if let Some(path) = &arguments.confidence {
        let labels = arguments.label_files();
        let others = [arguments.input.as_path(), arguments.output.as_path()];
        let others = others.into_iter().chain(labels.into_iter().flat_map(|(a, b)| [a, b]));
        for other in others {
            if path == other || same(path, other) {
                return Err(Error::Argument(format!(
                    "{}: is another input or output; name another file for the expected errors",
                    path.display()
                )));
            }
        }
        io::check_output(path, arguments.overwrite)?;
    }
    if let Some(path) = &arguments.picture {
        coronal::check(path)?;
    }
    if let Some(path) = &arguments.json {
        io::atomic_write::check(path, true)?;
    }
    Ok(())
}

fn read(path: &Path, series: Option<&str>) -> Result<Volume> {
    let series = series.map(String::from);
    io::read_with(path, &io::ReadOptions { series, cancelled: Some(&interrupt::raised) })
}

fn write(path: &Path, volume: &Volume, overwrite: bool) -> Result<()> {
    interrupt::in_progress(io::partial_path(path));
    let options = io::WriteOptions { overwrite, cancelled: Some(&interrupt::raised) };
    io::write_with(path, volume, &options)
}

fn announce(input: &Volume, plan: &Plan, chosen: &Chosen, verbosity: &Verbosity) {
    let in_words = |geometry: &hrinet::volume::Geometry| {
        let [i, j, k] = geometry.size();
        let [si, sj, sk] = Axis::ALL.map(|axis| geometry.spacing(axis));
        format!("{i} x {j} x {k} voxels of {si:.3} x {sj:.3} x {sk:.3} mm")
    };
    verbosity.say(format_args!("in:  {}", in_words(input.geometry())));
    let size: u64 = plan.output().size().iter().map(|&side| side as u64).product();
    verbosity.say(format_args!(
        "out: {}, {} as {}, by {} on {}",
        in_words(plan.output()),
        bytes_in_words(size * input.voxels().voxel_type().bytes() as u64),
        input.voxels().voxel_type().name(),
        chosen.name(),
        chosen.device_name(),
    ));
    if let Some(remark) = plan.remark() {
        verbosity.say(format_args!("note: {remark}"));
    }
    if chosen.model().is_some() && !plan.is_copy() {
        warn_if_not_hu(input, verbosity);
    }
    if plan.is_copy() {
        verbosity.say(format_args!(
            "note: the slices are {:.3} mm apart already; the volume is copied as it is",
            input.geometry().spacing(plan.axis())
        ));
    }
}

/// Scanners' raw numbers start at 0 where HU start at -1000; a network would take air for water.
fn warn_if_not_hu(input: &Volume, verbosity: &Verbosity) {
    let Ok((low, high)) = input.voxels().range() else { return };
    let (a, b) = (input.rescale().to_hu(low), input.rescale().to_hu(high));
    let (low, high) = (a.min(b), a.max(b));
    if low >= 0.0 && high > 1500.0 {
        verbosity.say(format_args!(
            "note: the values run from {low} to {high}; the network expects Hounsfield units, \
             where air is -1000 and water 0"
        ));
    }
}
