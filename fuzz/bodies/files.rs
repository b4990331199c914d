//! Files of one input: a folder in memory that inputs share.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{MAX_INPUT, scratch};

/// Runs work in a folder that this thread keeps.
pub fn in_folder(work: impl FnOnce(&Path)) {
    thread_local!(static FOLDER: TempDir = TempDir::new_in(scratch()).expect("a folder"));
    FOLDER.with(|folder| work(folder.path()));
}

/// Runs work with a file of these bytes; none where there are too many.
pub fn with_file(name: &str, bytes: &[u8], work: impl FnOnce(&Path)) {
    if bytes.len() <= MAX_INPUT {
        in_folder(|folder| {
            let path = folder.join(name);
            fs::write(&path, bytes).expect("a file");
            work(&path);
        });
    }
}
