//! `hrinet batch`: many CTs in one run.

mod dicom;
mod outputs;
mod resume;

use std::collections::HashMap;
use std::path::Path;
use std::process::Output;

use sha2::{Digest, Sha256};

use crate::common::program::command;

/// Row of a manifest: values by column.
pub type Row = HashMap<String, String>;

/// Runs `hrinet batch`, linearly, with these arguments; returns exit status and what it said.
pub fn batch(folder: &Path, line: &str) -> (i32, String) {
    let all = format!("batch {line} --model linear --threads 1");
    let arguments: Vec<&str> = all.split(' ').collect();
    said(&command(folder, &arguments).output().expect("the program starts"))
}

/// Exit status and standard error.
pub fn said(output: &Output) -> (i32, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("a status"), said)
}

/// All rows of the manifest of a folder.
pub fn rows(folder: &Path) -> Vec<Row> {
    let Ok(mut reader) = csv::Reader::from_path(folder.join("manifest.csv")) else {
        return Vec::new();
    };
    reader.deserialize().map(|row| row.expect("a row of all columns")).collect()
}

/// Id of a file by its path in INPUT_DIR: the beginning of its SHA-256.
pub fn id_of(path: &str) -> String {
    Sha256::digest(path)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last row of each volume, by id.
pub fn last_rows(folder: &Path) -> HashMap<String, Row> {
    rows(folder).into_iter().map(|row| (row["id"].clone(), row)).collect()
}

/// Numbers of made, skipped and failed volumes by the last row of each.
pub fn counts(folder: &Path) -> [usize; 3] {
    let last = last_rows(folder);
    ["made", "skipped", "failed"]
        .map(|status| last.values().filter(|row| row["status"] == status).count())
}
