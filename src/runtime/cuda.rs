//! CUDA's part of libtorch: a library of its own, some gigabytes with all that it needs.
//!
//! One build serves with it and without. libtorch looks for its functions once, at the first question about CUDA,
//! and never again; so it is loaded before.

// The one `unsafe` outside `capi`: a library that is opened runs its initialisers.
#![allow(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::Once;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

/// Loads it, once, where it lies in the folder of the libtorch that this process uses. Where it does not, or
/// cannot be loaded, there is the CPU; the log says why.
pub fn load() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
        let Some(path) = beside_libtorch(&maps).filter(|path| path.exists()) else { return };
        // SAFETY: what runs now are the initialisers of libtorch's own library; nothing in it is called here.
        match unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) } {
            // It stays as long as the process: libtorch keeps pointers into it.
            Ok(library) => std::mem::forget(library),
            Err(error) => log::warn!("CUDA cannot be used: {error}"),
        }
    });
}

/// Where it lies if it lies beside libtorch: `maps` is a process's table of mapped files. A libtorch under another
/// name, made for a process that may hold a second one, has the CPU alone.
fn beside_libtorch(maps: &str) -> Option<PathBuf> {
    let files = maps.lines().filter_map(|line| line.find('/').map(|at| Path::new(&line[at..])));
    let libtorch = files.into_iter().find(|file| file.ends_with("libtorch_cpu.so"))?;
    Some(libtorch.with_file_name("libtorch_cuda.so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_for_beside_the_libtorch_of_the_process() {
        let line = |file: &str| format!("7f12a000-7f12b000 r-xp 00000000 fe:00 1835 {file}\n");
        let maps =
            line("[heap]") + &line("/usr/lib/libc.so.6") + &line("/a b/torch/lib/libtorch_cpu.so");
        let expected = PathBuf::from("/a b/torch/lib/libtorch_cuda.so");
        assert_eq!(beside_libtorch(&maps), Some(expected));
        assert_eq!(beside_libtorch(&line("/opt/hrinet/lib/torch/libhrtch_cpu.so")), None);
        assert_eq!(beside_libtorch(""), None);
    }

    #[test]
    fn this_process_has_a_libtorch_that_it_is_looked_for_beside() {
        assert!(tch::get_num_threads() > 0);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let folder = beside_libtorch(&maps).and_then(|path| Some(path.parent()?.to_owned()));
        assert!(folder.is_some_and(|folder| folder.join("libtorch_cpu.so").exists()), "{maps}");
    }
}
