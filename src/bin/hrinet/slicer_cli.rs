//! The program as a command-line module of 3D Slicer: `--xml` describes it, and the command line
//! that Slicer makes from that is turned into one of `hrinet resample`.
//!
//! Slicer reads progress from standard output, logs what comes on standard error as errors, and
//! cancels by a kill.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use hrinet::{Error, Result};

use crate::resample::SliceCounts;

/// Argument that marks a command line of Slicer: Slicer always gives it, since the module returns
/// results.
const RETURN_FILE: &str = "--returnparameterfile";

/// Arguments of Slicer, described by `slicer_cli.xml`.
#[derive(Parser)]
#[command(name = "hrinet")]
struct SlicerArguments {
    input: PathBuf,
    output: PathBuf,
    #[arg(long, value_enum, default_value_t = Spacing::Isotropic)]
    spacing: Spacing,
    #[arg(long, default_value_t = 2)]
    factor: usize,
    #[arg(long = "spacingMm", default_value_t = 1.0)]
    spacing_mm: f64,
    #[arg(long = "likeVolume")]
    like_volume: Option<PathBuf>,
    #[arg(long, default_value = "auto")]
    axis: String,
    #[arg(long = "keepTilt")]
    keep_tilt: bool,
    #[arg(long, default_value = hrinet::network::model::DEFAULT)]
    model: String,
    /// Empty for HU.
    #[arg(long, allow_hyphen_values = true, default_value = "")]
    window: String,
    #[arg(long, default_value = "auto")]
    device: String,
    #[arg(long, default_value_t = 0)]
    threads: usize,
    #[arg(long = "returnparameterfile")]
    return_file: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Spacing {
    Isotropic,
    Factor,
    Nearest,
    Exact,
    Like,
}

/// The description of the module, for `--xml`.
pub fn description(arguments: &[OsString]) -> Option<String> {
    let asked = arguments.get(1).is_some_and(|argument| argument == "--xml");
    asked.then(|| include_str!("slicer_cli.xml").replace("@VERSION@", env!("CARGO_PKG_VERSION")))
}

/// A run for Slicer.
pub struct Run {
    /// The command line of `hrinet resample`.
    pub arguments: Vec<OsString>,
    /// File for the results.
    return_file: PathBuf,
}

impl Run {
    /// Parses a command line of Slicer; `None` for any other. Ends the program where it is wrong.
    pub fn of(arguments: &[OsString]) -> Option<Run> {
        let asked = arguments.iter().any(|argument| argument == RETURN_FILE);
        asked.then(|| Run::from(SlicerArguments::parse_from(arguments)))
    }

    /// The file for the results.
    pub fn return_file(&self) -> &Path {
        &self.return_file
    }

    /// Returns the numbers of slices to Slicer.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(&self, counts: &SliceCounts) -> Result<()> {
        let SliceCounts { known, interpolated } = counts;
        let text = format!("knownSlices = {known}\ninterpolatedSlices = {interpolated}\n");
        write(&self.return_file, &text)
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text)
        .map_err(|error| Error::Io { path: path.to_path_buf(), source: error })
}

impl From<SlicerArguments> for Run {
    fn from(asked: SlicerArguments) -> Run {
        let mut arguments: Vec<OsString> = ["hrinet", "resample"].map(OsString::from).into();
        arguments.extend([asked.input.into(), asked.output.into(), "--overwrite".into()]);
        let mut option = |name: &str, value: OsString| {
            let mut both = OsString::from(format!("--{name}="));
            both.push(value);
            arguments.push(both);
        };
        match asked.spacing {
            Spacing::Isotropic => {}
            Spacing::Factor => option("factor", asked.factor.to_string().into()),
            Spacing::Nearest => option("spacing", asked.spacing_mm.to_string().into()),
            Spacing::Exact => option("exact-spacing", asked.spacing_mm.to_string().into()),
            // An empty name is refused as a missing file.
            Spacing::Like => option("reference", asked.like_volume.unwrap_or_default().into()),
        }
        option("axis", asked.axis.into());
        option("model", asked.model.into());
        option("device", asked.device.into());
        if asked.threads > 0 {
            option("threads", asked.threads.to_string().into());
        }
        if !asked.window.trim().is_empty() {
            option("window", asked.window.into());
        }
        if asked.keep_tilt {
            arguments.push("--keep-tilt".into());
        }
        Run { arguments, return_file: asked.return_file }
    }
}

/// Prints progress as Slicer reads it; each element must be flushed to be seen.
pub struct Tags {
    name: String,
    total: u64,
}

impl Tags {
    /// Starts a task.
    pub fn start(name: &str, total: u64) -> Tags {
        say(&format!(
            "<filter-start>\n<filter-name>{name}</filter-name>\n\
             <filter-comment>HRINet: {name}</filter-comment>\n</filter-start>"
        ));
        Tags { name: name.to_string(), total }
    }

    /// `done` steps are done.
    pub fn set(&self, done: u64) {
        let share = done as f64 / self.total.max(1) as f64;
        say(&format!("<filter-progress>{share:.4}</filter-progress>"));
    }

    /// Ends the task.
    pub fn finish(&self) {
        say(&format!(
            "<filter-end>\n<filter-name>{}</filter-name>\n<filter-time>0</filter-time>\n\
             </filter-end>",
            self.name
        ));
    }
}

/// Prints a line on standard output.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A closed output is no error.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(arguments: &[&str]) -> Vec<String> {
        let mut all = vec!["hrinet", "--returnparameterfile", "back.txt"];
        all.extend(arguments);
        let all: Vec<OsString> = all.into_iter().map(OsString::from).collect();
        let run = Run::of(&all).expect("Slicer's command line");
        assert_eq!(run.return_file, Path::new("back.txt"));
        run.arguments.into_iter().map(|argument| argument.into_string().unwrap()).collect()
    }

    #[test]
    fn each_spacing_becomes_its_option() {
        for (spacing, option) in [
            ("isotropic", None),
            ("factor", Some("--factor=3")),
            ("nearest", Some("--spacing=0.75")),
            ("exact", Some("--exact-spacing=0.75")),
            ("like", Some("--reference=other.nrrd")),
        ] {
            let found = translated(&[
                "--spacing",
                spacing,
                "--factor",
                "3",
                "--spacingMm",
                "0.75",
                "--likeVolume",
                "other.nrrd",
                "--threads",
                "4",
                "in.nrrd",
                "out.nrrd",
            ]);
            let mut expected = vec!["hrinet", "resample", "in.nrrd", "out.nrrd", "--overwrite"];
            expected.extend(option);
            expected.extend([
                "--axis=auto",
                "--model=hrinet-motion",
                "--device=auto",
                "--threads=4",
            ]);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn tilt_and_window_are_passed_on_where_they_are_set() {
        let files = ["in.nrrd", "out.nrrd"];
        let plain = translated(&files);
        assert_eq!(translated(&[&["--window", ""][..], &files].concat()), plain);
        let set = translated(&[&["--window", "-5,5", "--keepTilt"][..], &files].concat());
        assert_eq!(set, [&plain[..], &["--window=-5,5".into(), "--keep-tilt".into()]].concat());
    }

    #[test]
    fn other_command_lines_are_not_of_slicer() {
        let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(Run::of(&line("hrinet resample in.nrrd out.nrrd")).is_none());
        assert!(description(&line("hrinet resample --xml")).is_none());
        let description = description(&line("hrinet --xml")).expect("the description");
        assert!(description.starts_with("<?xml"));
        assert!(description.contains(concat!(
            "<version>",
            env!("CARGO_PKG_VERSION"),
            "</version>"
        )));
    }
}
