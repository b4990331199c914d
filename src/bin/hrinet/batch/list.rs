//! A list of volumes: a path a line, or CSV.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use hrinet::io::plain_file;
use hrinet::{Error, Result};
use serde::Deserialize;

use super::search::{Found, Search};
use super::volume::{Given, NUMBER, Volume};

/// Longest list, bytes.
const MAX_BYTES: u64 = 1 << 30;

/// Row of a list.
#[derive(Deserialize)]
struct Row {
    input: String,
    #[serde(default)]
    series: String,
    #[serde(default)]
    labels: String,
    #[serde(default)]
    output: String,
    #[serde(default)]
    id: String,
}

/// The volumes of a list, in its order; - is standard input. Folders are searched.
///
/// # Errors
/// [`Error::Argument`] for a list that cannot be understood, with its row; those of the search.
pub fn read(
    path: &Path,
    output: &Path,
    on_file: &mut dyn FnMut(usize),
) -> Result<(Vec<Volume>, Vec<Error>)> {
    let rows = rows(path)?;
    let (mut searched, mut unreadable) = (HashMap::<PathBuf, Vec<Found>>::new(), Vec::new());
    let mut volumes = Vec::new();
    for (number, row) in rows.into_iter().enumerate() {
        let wrong = |reason: &str| {
            Error::Argument(format!("{}: row {}: {reason}", path.display(), number + 1))
        };
        let input = PathBuf::from(&row.input);
        let found = match searched.get(&input) {
            Some(found) => found.clone(),
            None => {
                let mut search = Search::default();
                let found = if input.is_dir() {
                    search.folder(&input, output, on_file)?;
                    let (found, problems) = search.finish();
                    unreadable.extend(problems);
                    found
                } else {
                    // What cannot be read fails later, with its reason.
                    Found::at(&input).unwrap_or_default()
                };
                searched.insert(input.clone(), found.clone());
                found
            }
        };
        let (uid, volume) = row.series().map_err(|reason| wrong(&reason))?;
        let wanted = |found: &Found| uid.is_empty() || found.uid() == Some(uid);
        let mut found: Vec<Found> = found.into_iter().filter(wanted).collect();
        if found.is_empty() {
            found.push(Found { path: input, series: None });
        }
        let given = row.given().map_err(|reason| wrong(&reason))?;
        if found.len() > 1 && !given.is_empty() {
            return Err(wrong(
                "its folder holds several volumes, of which id, labels and output name one; name \
                 the volume by its path or by a column series",
            ));
        }
        volumes.extend(found.into_iter().map(|found| {
            let whole = Volume::new(found, None, given.clone());
            match volume {
                Some(number) => whole.numbered(number),
                None => whole,
            }
        }));
    }
    Ok((volumes, unreadable))
}

/// The rows of a list.
fn rows(path: &Path) -> Result<Vec<Row>> {
    let text = match path.as_os_str() == "-" {
        true => {
            let (mut text, stdin) = (String::new(), std::io::stdin());
            let read = stdin.lock().take(MAX_BYTES).read_to_string(&mut text);
            read.map_err(|error| Error::io(Path::new("standard input"), error))?;
            text
        }
        false => plain_file::read_text(path, MAX_BYTES)?,
    };
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let is_csv = first.split(',').any(|name| name.trim().trim_matches('"') == "input");
    if !is_csv {
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        return Ok(lines.map(Row::of_path).collect());
    }
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let rows = reader.deserialize().collect::<std::result::Result<Vec<Row>, csv::Error>>();
    rows.map_err(|error| Error::Argument(format!("{}: {error}", path.display())))
}

impl Row {
    fn of_path(path: &str) -> Row {
        let [series, labels, output, id] = [const { String::new() }; 4];
        Row { input: path.to_string(), series, labels, output, id }
    }

    /// SeriesInstanceUID, and the number of a volume in the series.
    fn series(&self) -> std::result::Result<(&str, Option<usize>), String> {
        match self.series.split_once(NUMBER) {
            None => Ok((&self.series, None)),
            Some((uid, number)) => match number.parse() {
                Ok(number) => Ok((uid, Some(number))),
                Err(_) => Err(format!("series {:?}; give UID or UID{NUMBER}1", self.series)),
            },
        }
    }

    /// What the row says of its volume, checked.
    fn given(&self) -> std::result::Result<Given, String> {
        let is_id = self.id.len() == 16
            && self.id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !self.id.is_empty() && !is_id {
            return Err(format!("id {:?}; give 16 hexadecimal digits in lower case", self.id));
        }
        let leaves = |path: &str| {
            Path::new(path)
                .components()
                .any(|part| !matches!(part, std::path::Component::Normal(_)))
        };
        if leaves(&self.output) {
            return Err(format!("output {:?}; name a path below OUTPUT_DIR", self.output));
        }
        let path = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
        Ok(Given {
            id: (!self.id.is_empty()).then(|| self.id.clone()),
            output: path(&self.output),
            labels: path(&self.labels),
        })
    }
}
