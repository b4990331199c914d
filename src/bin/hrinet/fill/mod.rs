//! `hrinet fill`: read an image and a segmentation of some slices, fill the others, write, report.

mod arguments;
mod report;

use std::time::Instant;

use hrinet::error::{bytes_in_words, count_of};
use hrinet::io::Segmentation;
use hrinet::labels::fill::{self, FilledSegment};
use hrinet::runtime::memory;
use hrinet::volume::Volume;
use hrinet::{Error, Result, io};

pub use self::arguments::Arguments;
use self::report::Report;
use crate::dry_run::{self, PlannedFile, PlannedMemory, PlannedTime};
use crate::messages::{Verbosity, print_line};
use crate::output_file::write_file;
use crate::progress::Progress;
use crate::{interrupt, json, label_maps};

/// Advice where memory does not suffice.
const MEMORY_ADVICE: &str = "crop the image to the segments";

/// Runs `hrinet fill`.
///
/// # Errors
/// The first error, for the user.
pub fn run(arguments: &Arguments, verbosity: &Verbosity) -> Result<()> {
    let start = Instant::now();
    arguments.check_outputs()?;
    let image = read_image(arguments, verbosity)?;
    io::check_shear(&arguments.out, image.geometry())?;
    let read = label_maps::read(&arguments.labels, Some(&arguments.out), &image, verbosity)?;
    let (mut segmentation, remarks) = read;
    let options = arguments.options();
    let planned: Vec<Vec<FilledSegment>> =
        segmentation.layers.iter().map(|map| fill::plan(&map.voxels().view(), &options)).collect();
    if planned.iter().flatten().all(|segment| segment.filled_slices == 0) {
        return Err(Error::Argument(format!(
            "{}: nothing to fill along {}: no segment is drawn on two slices with others between; \
             --axis names another axis",
            arguments.labels.display(),
            options.axis
        )));
    }
    let needed = needed_bytes(&image, &segmentation, &options);
    memory::check(needed, MEMORY_ADVICE)?;
    let mut report = Report::new(arguments, &segmentation, &planned, remarks);
    if arguments.dry_run {
        return show_plan(arguments, &report, needed);
    }
    verbosity.say(format_args!("this takes about {} of memory", bytes_in_words(needed)));
    let filling = Instant::now();
    let filled = fill_layers(&image, &mut segmentation, &options, verbosity)?;
    let seconds = filling.elapsed().as_secs_f64();
    report = report.with_filled(&segmentation, &filled, seconds);
    write_file(&arguments.out, arguments.overwrite, verbosity, |options| {
        io::write_labels(&arguments.out, &segmentation, options)
    })?;
    if let Some(path) = &arguments.json {
        let _partial = interrupt::in_progress(io::partial_path(path));
        report.write(path, start.elapsed())?;
    }
    let slices = filled.iter().flatten().map(|segment| segment.filled_slices).sum();
    verbosity.say(format_args!(
        "wrote {}: {} filled in {seconds:.2} s",
        arguments.out.display(),
        count_of(slices, "slice"),
    ));
    Ok(())
}

fn read_image(arguments: &Arguments, verbosity: &Verbosity) -> Result<Volume> {
    let busy = Progress::busy(verbosity, &format!("reading {}", arguments.image.display()));
    let options = interrupt::read_options(arguments.series.as_deref());
    let image = io::read_with(&arguments.image, &options);
    busy.finish();
    image
}

/// Bytes of the image, the label maps and the work.
fn needed_bytes(image: &Volume, labels: &Segmentation, options: &fill::FillOptions) -> u64 {
    let layers: u64 = labels.layers.iter().map(|layer| layer.voxels().bytes()).sum();
    let work = fill::work_bytes(image.geometry(), options.axis);
    image.voxels().bytes() + 2 * layers + work
}

/// Fills all label maps in place, and says what was filled of the segments of each.
fn fill_layers(
    image: &Volume,
    segmentation: &mut Segmentation,
    options: &fill::FillOptions,
    verbosity: &Verbosity,
) -> Result<Vec<Vec<FilledSegment>>> {
    let (grid, mut filled) = (image.geometry(), Vec::new());
    for layer in &mut segmentation.layers {
        let mut voxels = layer.voxels().zeros_like(layer.voxels().shape());
        let (labels, image) = (layer.voxels().view(), image.voxels().view());
        let mut progress: Option<Progress> = None;
        let report = fill::fill(&image, &labels, voxels.view_mut(), grid, options, &mut |now| {
            let total = now.total as u64;
            let progress =
                progress.get_or_insert_with(|| Progress::new(verbosity, "slices", total));
            progress.set(now.done as u64);
            interrupt::check()
        });
        progress.iter().for_each(Progress::finish);
        filled.push(report?);
        *layer = Volume::new(voxels, layer.rescale(), grid.clone())?;
    }
    Ok(filled)
}

/// Prints what a run would do.
fn show_plan(arguments: &Arguments, report: &Report, needed: u64) -> Result<()> {
    let files = io::output_files(&arguments.out).into_iter();
    let files = files.chain(arguments.json_file().map(|path| path.to_path_buf()));
    let files: Vec<PlannedFile> = files.map(|path| PlannedFile::new(&path)).collect();
    let memory = PlannedMemory::new(needed);
    let time = PlannedTime::unknown("a second or so for most segmentations");
    if let Some(stdout) = arguments.json.as_deref().filter(|path| json::is_stdout(path)) {
        return json::write(stdout, &report.as_plan(memory, time, files));
    }
    for line in report.lines() {
        print_line(line)?;
    }
    dry_run::print(&memory, &time, &files)?;
    print_line("nothing was written")
}
