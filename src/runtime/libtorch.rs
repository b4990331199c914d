//! The libtorch in use: its version, and the file that the process has loaded.

use std::path::{Path, PathBuf};

/// Version of the libtorch that this library was built with, which is the one that it loads.
pub const VERSION: &str = env!("HRINET_LIBTORCH_VERSION");

/// Names of its library for the CPU: its own, and that of a private copy.
const NAMES: [&str; 2] = ["libtorch_cpu.so", "libhrtch_cpu.so"];

/// File of the libtorch that is loaded; `None` where the system does not tell.
pub fn file() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    NAMES.iter().find_map(|name| mapped(&maps, name))
}

/// Path of a library in `maps`, a process's table of mapped files.
pub(super) fn mapped(maps: &str, name: &str) -> Option<PathBuf> {
    let files = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    files.into_iter().find(|file| file.ends_with(name)).map(Path::to_path_buf)
}
