//! `hrinet evaluate`: drop known slices, interpolate them, compare.

mod arguments;
mod fit;
mod sharpness;
mod tables;

use std::path::{Path, PathBuf};

use hrinet::evaluation::{Comparison, averaged, evaluate, resized, whole_averages};
use hrinet::io::folder::{stem, volumes_in};
use hrinet::metrics::sharpness::Sharpness;
use hrinet::render::comparison::Group;
use hrinet::render::{comparison, coronal};
use hrinet::resample::Interpolator;
use hrinet::volume::Volume;
use hrinet::volume::slice_stack::is_label_map;
use hrinet::{Error, Result, io};

pub use self::arguments::Arguments;
use self::arguments::Truth;
use self::sharpness::{Measures, SharpnessLine, TRUE_SLICES};
use self::tables::{
    Line, bin_lines, bin_table, means, position_lines, position_table, table, tissue_lines,
    tissue_table,
};
use crate::files::Files;
use crate::messages::{Verbosity, print};
use crate::progress::Progress;
use crate::site::{self, Choice};
use crate::{interrupt, json};

/// An evaluation in progress.
struct Run<'a> {
    arguments: &'a Arguments,
    /// Names of the models.
    models: Vec<String>,
    /// Of the models, in their order.
    interpolators: Vec<Interpolator>,
    /// Of sharpness, where it is asked for.
    measures: Option<Measures>,
    lines: Vec<Line>,
    sharpness: Vec<SharpnessLine>,
    progress: Progress,
}

/// A volume to evaluate on.
struct Source {
    path: PathBuf,
    /// Whether the path itself is an argument, not a folder around it.
    is_argument: bool,
}

/// Runs `hrinet evaluate`.
///
/// # Errors
/// The first error, for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<()> {
    let models = site::models(arguments.models.as_deref())?;
    check_outputs(arguments, &models)?;
    let sources = sources(&arguments.data)?;
    if let Some(path) = &arguments.fit_sharpness {
        return fit::run(arguments, &sources, path, verbosity);
    }
    let interpolators = load(arguments, &models)?;
    let measures = Measures::load(arguments)?;
    let total = sources.len() * arguments.gap.len() * interpolators.len();
    let progress = Progress::new(verbosity, "evaluations", total as u64);
    let mut run = Run {
        arguments,
        models: models.into_iter().map(|model| model.value).collect(),
        interpolators,
        measures,
        lines: Vec::new(),
        sharpness: Vec::new(),
        progress,
    };
    run.progress.set(0);
    for (index, source) in sources.iter().enumerate() {
        interrupt::check()?;
        run.evaluate(source)?;
        run.progress.set((total * (index + 1) / sources.len()) as u64);
    }
    run.progress.finish();
    if run.lines.is_empty() {
        return Err(Error::Argument("no volume to evaluate on".into()));
    }
    report(arguments, &run)
}

/// Refuses output files that could not be written at the end, or would replace an input.
fn check_outputs(arguments: &Arguments, models: &[Choice<String>]) -> Result<()> {
    let mut files = Files::default()
        .output("--picture", arguments.picture.as_deref())
        .output("--json", arguments.json_file())
        .output("--fit-sharpness", arguments.fit_sharpness.as_deref())
        .input("--sharpness-model", arguments.sharpness_model.as_deref())
        .input("--ma-model", arguments.ma_model.as_deref());
    for path in &arguments.data {
        files = files.data("a volume of --data", path);
    }
    for model in models {
        files = files.input("a model of --models", Some(Path::new(&model.value)));
    }
    files.check()?;
    for path in arguments.json_file().into_iter().chain(arguments.fit_sharpness.as_deref()) {
        io::atomic_write::check(path, true)?;
    }
    if let Some(path) = &arguments.picture {
        coronal::check(path)?;
    }
    Ok(())
}

fn load(arguments: &Arguments, models: &[Choice<String>]) -> Result<Vec<Interpolator>> {
    let options = arguments.interpolator.apply()?;
    let load = |model: &Choice<String>| {
        Interpolator::load(&model.value, &options).map_err(|error| model.in_error(error, None))
    };
    let interpolators = models.iter().map(load).collect::<Result<Vec<_>>>()?;
    for (model, interpolator) in models.iter().zip(&interpolators) {
        check_thin(&model.value, interpolator, arguments)?;
    }
    let names: Vec<&str> = models.iter().map(|model| model.value.as_str()).collect();
    if arguments.expected_error && !interpolators.iter().any(Interpolator::predicts_error) {
        return Err(Error::Argument(format!(
            "--expected-error: none of {} predicts an expected error; `hrinet train --error-head` \
             adds an error head to a model",
            names.join(", ")
        )));
    }
    Ok(interpolators)
}

/// Refuses to compare thin slices with slices as thick as the known ones.
fn check_thin(name: &str, interpolator: &Interpolator, arguments: &Arguments) -> Result<()> {
    match interpolator.is_thin() && arguments.truth != Truth::Thin {
        true => Err(Error::Argument(format!(
            "{name} makes slices thinner than the known ones: measure it on a volume of thin \
             slices by --thickness N --truth thin and --gap N, or choose another model"
        ))),
        false => Ok(()),
    }
}

/// Every volume of the arguments; folders are searched.
fn sources(data: &[PathBuf]) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in data {
        let inside = if path.is_dir() { volumes_in(path)? } else { Vec::new() };
        if inside.is_empty() {
            sources.push(Source { path: path.clone(), is_argument: true });
        }
        sources.extend(inside.into_iter().map(|path| Source { path, is_argument: false }));
    }
    Ok(sources)
}

/// Reads a volume, resized if the arguments say so; `None` for a label map.
fn read(arguments: &Arguments, path: &Path) -> Result<Option<Volume>> {
    let options = interrupt::read_options(None);
    let volume = io::read_with(path, &options)?;
    match arguments.resize {
        Some(side) => resized(&volume, usize::from(side)),
        None => Ok((!is_label_map(&volume)?).then_some(volume)),
    }
}

impl Run<'_> {
    /// Evaluates one volume; skips label maps, and damaged files of a folder.
    fn evaluate(&mut self, source: &Source) -> Result<()> {
        let measured = read(self.arguments, &source.path).and_then(|volume| match volume {
            Some(volume) => self.measure(&volume, &stem(&source.path)),
            None => {
                log::info!("left out: {}: a label map", source.path.display());
                Ok(())
            }
        });
        match measured.map_err(|error| error.in_file(&source.path)) {
            Err(error) if source.is_argument || matches!(error, Error::Cancelled) => Err(error),
            Err(error) => {
                self.progress.say(&format!("left out: {error}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Adds the lines of a volume: one for each gap and model. Draws the first volume.
    fn measure(&mut self, volume: &Volume, name: &str) -> Result<()> {
        let arguments = self.arguments;
        let is_first = self.lines.is_empty();
        let count = volume.geometry().length(volume.geometry().slice_axis());
        let range = arguments.slices.map_or(0..count, |(first, last)| first..last + 1);
        let thickness = arguments.thickness.unwrap_or(1);
        let averages = arguments.thickness.map(|count| averaged(volume, count)).transpose()?;
        let known = averages.as_ref().unwrap_or(volume);
        let truth = if arguments.truth == Truth::Thin { volume } else { known };
        let range = whole_averages(range, count, thickness);
        let measures = self.measures.as_ref();
        for &gap in &arguments.gap {
            let comparison = Comparison {
                known,
                truth,
                gap,
                range: Some(range.clone()),
                expected_error: arguments.expected_error,
                sharpness: measures.map(Measures::all),
            };
            let real = comparison.true_sharpness()?;
            let niqe = measures.map(Measures::niqe);
            let mut add = |model: &str, of_model: &Option<Sharpness>| {
                if let (Some(niqe), Some(real), Some(of_model)) = (niqe, &real, of_model) {
                    let scores = of_model.scores(niqe, real);
                    self.sharpness.push(SharpnessLine::new(name, gap, model, scores));
                }
            };
            add(TRUE_SLICES, &real);
            for (model, interpolator) in self.models.iter().zip(&self.interpolators) {
                let measured = evaluate(&comparison, interpolator, &mut |_| interrupt::check())?;
                add(model, &measured.sharpness);
                self.lines.push(Line::new(name, gap, model, measured));
                self.progress.set(self.lines.len() as u64);
            }
        }
        match &arguments.picture {
            Some(path) if is_first => self.draw(volume, path),
            _ => Ok(()),
        }
    }

    /// Draws the middle group of a volume at the last gap.
    fn draw(&self, volume: &Volume, path: &Path) -> Result<()> {
        let geometry = volume.geometry();
        let count = geometry.length(geometry.slice_axis());
        let (first, last) = self.arguments.slices.unwrap_or((0, count - 1));
        let Some(&gap) = self.arguments.gap.last() else { return Ok(()) };
        let groups = last.min(count - 1).saturating_sub(first) / gap;
        let group = Group { first: first + groups / 2 * gap, gap };
        let names = self.models.iter().map(|name| short_name(name));
        let rows: Vec<_> = names.zip(&self.interpolators).collect();
        let square = self.arguments.square;
        comparison::draw(volume, group, &rows, square, path, &mut |_| interrupt::check())
    }
}

/// A model's name; of a checkpoint file the name without folder and ending.
fn short_name(name: &str) -> &str {
    Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name)
}

/// Writes the report where it is asked for, then prints the tables.
fn report(arguments: &Arguments, run: &Run) -> Result<()> {
    let lines = &run.lines;
    let means = means(lines, &run.models, &arguments.gap);
    let tissues = tissue_lines(lines, &means);
    let positions = position_lines(&means);
    let mut scores = serde_json::json!({
        "volumes": lines, "mean": means, "positions": positions, "tissues": tissues,
    });
    let bins = arguments.expected_error.then(|| bin_lines(&means, &run.models));
    if let Some(bins) = &bins {
        scores["expected_error"] = serde_json::json!(bins);
    }
    let sharpness = sharpness::means(&run.sharpness, &run.models, &arguments.gap);
    if run.measures.is_some() {
        scores["sharpness"] = serde_json::json!({ "volumes": run.sharpness, "mean": sharpness });
    }
    if let Some(path) = &arguments.json {
        let _in_progress = interrupt::in_progress(io::partial_path(path));
        json::write(path, &scores)?;
        if json::is_stdout(path) {
            return Ok(());
        }
    }
    print(table(lines, &means))?;
    if arguments.positions {
        print(position_table(&positions))?;
    }
    if arguments.tissue {
        print(tissue_table(&tissues))?;
    }
    if let Some(bins) = &bins {
        print(bin_table(bins))?;
    }
    let Some(measures) = &run.measures else { return Ok(()) };
    print(sharpness::table(&sharpness, measures))?;
    sharpness::remarks(&run.sharpness, measures).into_iter().try_for_each(print)
}
