//! Resamples a volume: `cargo run --release --example resample -- INPUT OUTPUT [MODEL]`.
//!
//! INPUT is a volume file or a folder with a DICOM series, OUTPUT a volume file, MODEL a shipped
//! model, `linear`, `cubic` or a checkpoint file (default: `hrinet-motion`).

use std::path::Path;

use hrinet::{Error, Job, JobOptions, Result, io};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Err(error) = resample(&arguments) {
        eprintln!("resample: {error}");
        std::process::exit(1);
    }
}

fn resample(arguments: &[String]) -> Result<()> {
    let [input, output, model @ ..] = arguments else {
        return Err(Error::Argument("usage: resample INPUT OUTPUT [MODEL]".into()));
    };
    let (input, output) = (Path::new(input), Path::new(output));
    io::check_output(output, false)?; // fails now rather than after the work

    let mut options = JobOptions::default();
    if let Some(model) = model.first() {
        options.model = model.clone();
    }
    let volume = io::read(input)?;
    let plan = options.plan(volume.geometry())?;
    let interpolator = options.load_interpolator()?;

    let mut job = Job::new(&plan, &interpolator, &volume);
    job.expected_error = interpolator.predicts_error();
    let outputs = job.run(&mut |progress| {
        eprint!("\r{} of {} slices", progress.done, progress.total);
        Ok(()) // an error, such as Error::Cancelled, ends the job
    })?;
    eprintln!();
    io::write(output, &outputs.volume, false)?;

    println!("{} known, {} interpolated slices", plan.known_count(), plan.interpolated_count());
    if let Some(error) = outputs.others.mean_expected_error_hu {
        println!("expected error of interpolated slices: {error:.1} HU on average");
    }
    Ok(())
}
