//! Checkpoint files of the shipped models, which the program itself holds as well.

use std::path::{Path, PathBuf};

/// Folders of the models from that of the program: installed, and in the checkout.
const FOLDERS: [&str; 2] = ["../share/hrinet/models", "../../models"];

/// The folder with the files of the shipped models; `None` where the program stands alone.
pub fn folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?.canonicalize().ok()?;
    let folders = FOLDERS.iter().map(|folder| program.with_file_name("").join(folder));
    let has_model = |folder: &PathBuf| file_in(folder, hrinet::network::model::DEFAULT).is_file();
    folders.into_iter().find(has_model)?.canonicalize().ok()
}

/// The file of a shipped model, where it is installed.
pub fn file(name: &str) -> Option<PathBuf> {
    Some(file_in(&folder()?, name)).filter(|path| path.is_file())
}

fn file_in(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.safetensors"))
}
