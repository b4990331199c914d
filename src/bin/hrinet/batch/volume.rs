//! A volume of a run: its id, its files, and what tells whether it has changed.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hrinet::error::hex;
use hrinet::io::plain_file;
use hrinet::{Error, Result, io};
use sha2::{Digest, Sha256};
use std::io::Read;

use super::search::Found;

/// Bytes of a volume file that are part of its fingerprint.
const BEGINNING: u64 = 65_536;

/// Between a SeriesInstanceUID and the number of a volume of the series.
pub const NUMBER: char = '#';

/// What a list says of a volume.
#[derive(Clone, Default)]
pub struct Given {
    pub id: Option<String>,
    /// Below OUTPUT_DIR.
    pub output: Option<PathBuf>,
    pub labels: Option<PathBuf>,
}

impl Given {
    pub fn is_empty(&self) -> bool {
        self.id.is_none() && self.output.is_none() && self.labels.is_none()
    }
}

/// A volume, or a DICOM series that may turn out to hold several.
#[derive(Clone)]
pub struct Volume {
    /// 16 hexadecimal digits.
    pub id: String,
    pub found: Found,
    pub given: Given,
    /// Number of the volume among those of its series, where there are several.
    pub number: Option<usize>,
}

impl Volume {
    /// A volume that was found; `root` is the folder to which the path of its id is relative.
    pub fn new(found: Found, root: Option<&Path>, given: Given) -> Volume {
        let id = given.id.clone().unwrap_or_else(|| match &found.series {
            Some(series) => {
                let part = series.part.as_deref();
                id_of(&[series.uid.as_bytes(), part.unwrap_or_default().as_bytes()].concat())
            }
            None => {
                let path = root.and_then(|root| found.path.strip_prefix(root).ok());
                id_of(path.unwrap_or(&found.path).as_os_str().as_encoded_bytes())
            }
        });
        Volume { id, found, given, number: None }
    }

    /// The volumes of a series that holds several; the first keeps the id.
    pub fn divided(&self, count: usize) -> Vec<Volume> {
        let volume = |number: usize| {
            let given = if number == 1 { self.given.clone() } else { Given::default() };
            Volume { given, ..self.clone() }.numbered(number)
        };
        (1..=count).map(volume).collect()
    }

    /// The volume of a series with this number, which has an id of its own unless one is given.
    pub fn numbered(self, number: usize) -> Volume {
        let id = match number {
            2.. if self.given.id.is_none() => id_of(format!("{} {number}", self.id).as_bytes()),
            _ => self.id,
        };
        Volume { id, number: Some(number), ..self }
    }

    /// SeriesInstanceUID of a DICOM series, with the volume's number where it holds several, as a
    /// list may name it.
    pub fn series(&self) -> Option<String> {
        let uid = self.found.uid()?;
        Some(self.number.map_or(uid.to_string(), |number| format!("{uid}{NUMBER}{number}")))
    }

    /// Name of the file without ending, or of the folder.
    pub fn name(&self) -> String {
        io::folder::stem(&self.found.path)
    }

    /// The segmentation, as given or by a rule, where there is one.
    pub fn labels(&self, rule: Option<&str>) -> Option<PathBuf> {
        let by_rule = || {
            let folder = self.found.path.parent().unwrap_or(Path::new(""));
            let path = folder.join(rule?.replace("{name}", &self.name()));
            path.exists().then_some(path)
        };
        self.given.labels.clone().or_else(by_rule)
    }

    /// Checksum of sizes, times of change and beginnings of all files.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn fingerprint(&self, labels: Option<&Path>) -> Result<String> {
        let mut parts = Vec::new();
        match &self.found.series {
            Some(series) => parts.extend(series.files.iter().map(|file| {
                [&file.digest[..], &file.bytes.to_le_bytes(), &nanoseconds(file.modified)].concat()
            })),
            None => {
                let path = self.found.path.as_path();
                parts.push(of_file(path)?);
                parts.extend(io::data_files(path).iter().filter_map(|data| of_file(data).ok()));
            }
        }
        parts.sort_unstable();
        match labels {
            Some(path) if path.is_file() => parts.push(of_file(path)?),
            _ => {}
        }
        Ok(hex(&Sha256::digest(parts.concat())))
    }
}

/// Identity of one file's content.
fn of_file(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| Error::io(path, source);
    let file = plain_file::open(path)?;
    let data = file.metadata().map_err(failed)?;
    let mut beginning = Vec::new();
    file.take(BEGINNING).read_to_end(&mut beginning).map_err(failed)?;
    let modified = data.modified().map_err(failed)?;
    let sum = Sha256::digest(&beginning);
    Ok([&sum[..], &data.len().to_le_bytes(), &nanoseconds(modified)].concat())
}

fn nanoseconds(time: SystemTime) -> [u8; 16] {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()).to_le_bytes()
}

/// Id of what is named by these bytes.
fn id_of(name: &[u8]) -> String {
    hex(&Sha256::digest(name)[..8])
}
