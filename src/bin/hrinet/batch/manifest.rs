//! `manifest.csv`: a row for each volume that was made, skipped or failed; the last one counts.
//!
//! Rows are appended whole, and flushed to the disk. What a killed run left of a row is dropped.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use hrinet::error::one_line;
use hrinet::{Error, Result};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Name of the file in OUTPUT_DIR.
pub const NAME: &str = "manifest.csv";

/// What became of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Made,
    Skipped,
    #[default]
    Failed,
}

/// Row of the manifest; the fields are its columns, in this order.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    pub id: String,
    pub input: String,
    pub output: String,
    pub status: Status,
    pub reason: String,
    pub modality: String,
    pub columns: Option<usize>,
    pub rows: Option<usize>,
    pub slices: Option<usize>,
    pub slices_after: Option<usize>,
    pub pixel_spacing_mm: Option<f64>,
    pub slice_distance_mm: Option<f64>,
    pub slice_distance_after_mm: Option<f64>,
    pub read_seconds: Option<f64>,
    pub compute_seconds: Option<f64>,
    pub write_seconds: Option<f64>,
    pub peak_memory_bytes: Option<u64>,
    pub mean_expected_error_hu: Option<f64>,
    #[serde(serialize_with = "joined")]
    pub warnings: Vec<String>,
    pub model: String,
    pub model_sha256: String,
    pub options_sha256: String,
    pub input_fingerprint: String,
    pub hrinet_version: String,
    pub finished_at: String,
}

/// The columns.
pub const COLUMNS: [&str; 25] = [
    "id",
    "input",
    "output",
    "status",
    "reason",
    "modality",
    "columns",
    "rows",
    "slices",
    "slices_after",
    "pixel_spacing_mm",
    "slice_distance_mm",
    "slice_distance_after_mm",
    "read_seconds",
    "compute_seconds",
    "write_seconds",
    "peak_memory_bytes",
    "mean_expected_error_hu",
    "warnings",
    "model",
    "model_sha256",
    "options_sha256",
    "input_fingerprint",
    "hrinet_version",
    "finished_at",
];

fn joined<S: Serializer>(
    warnings: &[String],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&one_line(&warnings.join(" | ")))
}

/// What the last row of a volume says.
struct Last {
    is_settled: bool,
    key: [u8; 16],
    output: Box<str>,
}

/// The rows that count of a manifest, by id.
pub struct Past {
    folder: PathBuf,
    last: HashMap<u64, Last>,
}

/// The manifest of a folder, to append to.
pub struct Manifest {
    path: PathBuf,
    file: File,
}

impl Manifest {
    /// Opens the manifest of a folder, or makes one; returns what it says so far.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Argument`] for a file of other columns.
    pub fn open(folder: &Path) -> Result<(Past, Manifest)> {
        let path = folder.join(NAME);
        let failed = |error| Error::io(&path, error);
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path);
        let mut file = file.map_err(failed)?;
        drop_torn_line(&mut file).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() == 0 {
            let header = format!("{}\n", COLUMNS.join(","));
            file.write_all(header.as_bytes()).and_then(|()| file.sync_data()).map_err(failed)?;
        }
        Ok((Past::of(folder)?, Manifest { path, file }))
    }

    /// Appends a row.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, row: &Row) -> Result<()> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        let failed = |error| Error::io(&self.path, error);
        writer.serialize(row).map_err(|error| failed(std::io::Error::other(error)))?;
        let line = writer.into_inner().map_err(|error| failed(error.into_error()))?;
        // In one piece: a reader sees whole rows.
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(failed)
    }
}

impl Past {
    /// What the manifest of a folder says, where there is one.
    ///
    /// # Errors
    /// As [`Manifest::open`].
    pub fn of(folder: &Path) -> Result<Past> {
        let mut past = Past { folder: folder.to_path_buf(), last: HashMap::new() };
        let path = folder.join(NAME);
        if path.exists() {
            past.load(&path)?;
        }
        Ok(past)
    }

    fn load(&mut self, path: &Path) -> Result<()> {
        let wrong = |reason: String| Error::Argument(format!("{}: {reason}", path.display()));
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(BufReader::new(file));
        let header = reader.byte_headers().map_err(|error| wrong(error.to_string()))?;
        if !header.is_empty() && header.iter().ne(COLUMNS.iter().map(|name| name.as_bytes())) {
            return Err(wrong(
                "not a manifest of this version of hrinet: its columns are others; name another \
                 OUTPUT_DIR"
                    .into(),
            ));
        }
        let mut record = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return Err(wrong(error.to_string())),
            }
            // A torn line is no row.
            let (Some(id), true) = (record.get(0), record.len() == COLUMNS.len()) else { continue };
            let Ok(id) = u64::from_str_radix(id, 16) else { continue };
            let last = Last {
                is_settled: matches!(&record[3], "made" | "skipped"),
                key: key(&record[22], &record[21], &record[20]),
                output: record[2].into(),
            };
            self.last.insert(id, last);
        }
    }

    /// Whether the volume of a row is settled: made or skipped, of the same input, by the same
    /// options and model, and its output still there.
    pub fn is_done(&self, row: &Row) -> bool {
        let last = u64::from_str_radix(&row.id, 16).ok().and_then(|id| self.last.get(&id));
        last.is_some_and(|last| {
            let own = key(&row.input_fingerprint, &row.options_sha256, &row.model_sha256);
            last.is_settled
                && last.key == own
                && (last.output.is_empty() || self.folder.join(&*last.output).exists())
        })
    }

    /// The output of the last row of a volume, where there is one.
    pub fn last_output(&self, id: &str) -> Option<PathBuf> {
        let last = self.last.get(&u64::from_str_radix(id, 16).ok()?)?;
        (!last.output.is_empty()).then(|| self.folder.join(&*last.output))
    }
}

/// What must be the same for a volume not to be done again.
fn key(fingerprint: &str, options: &str, model: &str) -> [u8; 16] {
    let sum = Sha256::digest(format!("{fingerprint} {options} {model}"));
    let mut key = [0; 16];
    key.copy_from_slice(&sum[..16]);
    key
}

/// Cuts off what follows the last line feed.
fn drop_torn_line(file: &mut File) -> std::io::Result<()> {
    const BLOCK: u64 = 4096;
    let length = file.metadata()?.len();
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        let mut block = vec![0; (end - start) as usize];
        file.read_exact(&mut block)?;
        if let Some(at) = block.iter().rposition(|&byte| byte == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length { file.set_len(end) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_the_fields_of_a_row() {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(Row::default()).unwrap();
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        assert_eq!(text.lines().next(), Some(COLUMNS.join(",").as_str()));
    }

    #[test]
    fn torn_line_is_dropped_and_the_last_row_of_a_volume_counts() {
        let folder = tempfile::tempdir().unwrap();
        let row = |status, fingerprint: &str| Row {
            id: "00000000000000ff".into(),
            reason: "with, comma and \"quotes\"".into(),
            status,
            input_fingerprint: fingerprint.into(),
            ..Row::default()
        };
        let (_, mut manifest) = Manifest::open(folder.path()).unwrap();
        manifest.append(&row(Status::Skipped, "a")).unwrap();
        manifest.append(&row(Status::Failed, "b")).unwrap();
        let path = folder.path().join(NAME);
        let whole = std::fs::read(&path).unwrap();
        let is_done = |fingerprint| {
            let (past, _) = Manifest::open(folder.path()).unwrap();
            past.is_done(&row(Status::Made, fingerprint))
        };
        assert!(!is_done("a") && !is_done("b"));
        for torn in ["0", "00000000000000ff,,,made,\"half"] {
            std::fs::write(&path, [&whole[..], torn.as_bytes()].concat()).unwrap();
            Manifest::open(folder.path()).unwrap();
            assert!(std::fs::read(&path).unwrap() == whole, "{torn}");
        }
        Manifest::open(folder.path()).unwrap().1.append(&row(Status::Skipped, "b")).unwrap();
        assert!(is_done("b") && !is_done("a"));
        std::fs::write(&path, "id,other\n1,2\n").unwrap();
        assert!(Manifest::open(folder.path()).is_err());
    }
}
