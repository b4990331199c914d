//! The curves of a run: every loss of every step in a CSV file and in an event file of TensorBoard.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::atomic_write::write_atomically;
use crate::io::plain_file;
use crate::training::logging::step_losses::StepLosses;
use crate::training::logging::tensorboard;
use crate::training::settings::schedule::StageKind;

/// The CSV file in the output folder.
pub const CSV: &str = "losses.csv";

/// The file in the output folder that TensorBoard finds by the middle of its name.
pub const EVENTS: &str = "events.out.tfevents.0.hrinet";

/// Largest CSV file that is read.
const MAX_BYTES: u64 = 1 << 32;

/// The numbers of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Number of the step over all stages, from 1.
    pub step: u64,
    /// Name of the stage: [`StageKind::name`].
    pub stage: String,
    /// Losses, gradient norm, learning rate, held-out PSNR of the generator and of the linear
    /// blend, in the order of [`names`].
    pub values: Vec<Option<f64>>,
}

/// Names of a row's values.
pub fn names() -> impl Iterator<Item = &'static str> {
    StepLosses::NAMES.into_iter().chain(["held_out_psnr", "linear_psnr"])
}

/// The first line of the CSV file.
pub fn header() -> String {
    format!("step,stage,{}\n", names().collect::<Vec<_>>().join(","))
}

impl Row {
    /// Makes the row of a step, and of the validation after it where there was one.
    pub fn new(step: u64, stage: StageKind, losses: &StepLosses, psnr: Option<[f64; 2]>) -> Row {
        let psnr = psnr.map_or([None; 2], |psnr| psnr.map(Some));
        let values = losses.values().into_iter().chain(psnr).collect();
        Row { step, stage: stage.name().into(), values }
    }

    fn to_line(&self) -> String {
        let mut line = format!("{},{}", self.step, self.stage);
        for value in &self.values {
            line.push(',');
            if let Some(value) = value {
                line.push_str(&value.to_string());
            }
        }
        line.push('\n');
        line
    }

    /// The row as an event of TensorBoard.
    fn event(&self) -> Result<Vec<u8>> {
        tensorboard::of_step(self.step, names().zip(self.values.iter().copied()))
    }

    /// Parses a line; `None` for a truncated one.
    fn of_line(line: &str) -> Option<Row> {
        let mut fields = line.split(',');
        let step = fields.next()?.parse().ok()?;
        let stage = fields.next()?.to_string();
        let value = |field: &str| match field {
            "" => Some(None),
            _ => field.parse().ok().map(Some),
        };
        let values = fields.map(value).collect::<Option<Vec<_>>>()?;
        (values.len() == names().count()).then_some(Row { step, stage, values })
    }
}

/// The open CSV and event files.
pub struct Curves {
    csv: Log,
    events: Log,
}

impl Curves {
    /// Opens the files of a folder. Rows up to step `done`, that of the checkpoint, are kept; later
    /// ones are dropped, as their steps will be repeated.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(folder: &Path, done: u64) -> Result<Curves> {
        let path = folder.join(CSV);
        let kept = if done > 0 { read(&path, done)? } else { Vec::new() };
        let mut text = header();
        let mut events = tensorboard::header()?;
        for row in &kept {
            text.push_str(&row.to_line());
            events.extend(row.event()?);
        }
        Ok(Curves {
            csv: Log::begin(path, text.as_bytes())?,
            events: Log::begin(folder.join(EVENTS), &events)?,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Io`], here or when the buffer is flushed.
    pub fn add(&mut self, row: &Row) -> Result<()> {
        self.csv.write(row.to_line().as_bytes())?;
        self.events.write(&row.event()?)
    }

    /// Writes all buffered rows, which precedes every checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn flush(&mut self) -> Result<()> {
        self.csv.flush()?;
        self.events.flush()
    }
}

/// Reads the rows of a CSV file up to a step; none where there is no file.
///
/// # Errors
/// [`Error::Io`].
pub fn read(path: &Path, last: u64) -> Result<Vec<Row>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = plain_file::read_text(path, MAX_BYTES)?;
    let rows = text.lines().skip(1).filter_map(Row::of_line);
    Ok(rows.filter(|row| row.step <= last).collect())
}

struct Log {
    path: PathBuf,
    file: BufWriter<std::fs::File>,
}

impl Log {
    fn begin(path: PathBuf, bytes: &[u8]) -> Result<Log> {
        write_atomically(&path, true, |file| {
            file.write_all(bytes).map_err(|error| Error::io(&path, error))
        })?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = BufWriter::new(file.map_err(|error| Error::io(&path, error))?);
        Ok(Log { path, file })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::io(&self.path, error))
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| Error::io(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_after_the_checkpoint_and_truncated_lines_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let losses = StepLosses { content: Some(0.1 + 0.2), ..StepLosses::default() };
        let row =
            |step| Row::new(step, StageKind::One, &losses, (step == 2).then_some([30.0, 29.5]));
        let mut curves = Curves::open(folder.path(), 0).unwrap();
        for step in 1..=4 {
            curves.add(&row(step)).unwrap();
        }
        curves.flush().unwrap();
        let (csv, events) = (folder.path().join(CSV), folder.path().join(EVENTS));
        let whole = std::fs::read(&csv).unwrap();
        std::fs::write(&csv, &whole[..whole.len() - 20]).unwrap();
        assert_eq!(read(&csv, 9).unwrap(), [row(1), row(2), row(3)]);

        let of_three = Curves::open(folder.path(), 3).map(|_| std::fs::read(&events).unwrap());
        let mut curves = Curves::open(folder.path(), 2).unwrap();
        curves.add(&row(3)).unwrap();
        curves.flush().unwrap();
        assert_eq!(read(&csv, 9).unwrap(), [row(1), row(2), row(3)]);
        assert_eq!(std::fs::read(&events).unwrap().len(), of_three.unwrap().len());
    }
}
