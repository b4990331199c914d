//! libtorch's CUDA library, which is loaded at run time.
//!
//! One build serves machines with and without it: with all that it needs, it takes some gigabytes.
//! libtorch looks for CUDA once, at the first question about it, so it is loaded before that.

// The one `unsafe` outside `capi`: opening a library runs its initialisers.
#![allow(unsafe_code)]

use std::path::PathBuf;
use std::sync::Once;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use crate::runtime::libtorch::mapped;

/// Loads the CUDA library from the folder of the libtorch in use, in the first call. Without it, or
/// where loading fails, the CPU remains; the log says why.
pub fn load() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return };
        let Some(path) = beside_libtorch(&maps).filter(|path| path.exists()) else {
            log::debug!("there is no CUDA library beside libtorch");
            return;
        };
        log::debug!("loading {}", path.display());
        // SAFETY: the initialisers that run are those of libtorch's own library, of which nothing
        // is called here.
        match unsafe { Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL) } {
            // Never closed: libtorch keeps pointers into it.
            Ok(library) => std::mem::forget(library),
            Err(error) => log::warn!("CUDA cannot be used: {error}"),
        }
    });
}

/// Path of the CUDA library beside the libtorch in `maps`, a process's table of mapped files.
/// `None` for a libtorch under another name, as a process that may hold two of them has: it is for
/// the CPU.
fn beside_libtorch(maps: &str) -> Option<PathBuf> {
    Some(mapped(maps, "libtorch_cpu.so")?.with_file_name("libtorch_cuda.so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuda_library_is_beside_the_mapped_libtorch() {
        let line = |file: &str| format!("7f12a000-7f12b000 r-xp 00000000 fe:00 1835 {file}\n");
        let maps =
            line("[heap]") + &line("/usr/lib/libc.so.6") + &line("/a b/torch/lib/libtorch_cpu.so");
        let expected = PathBuf::from("/a b/torch/lib/libtorch_cuda.so");
        assert_eq!(beside_libtorch(&maps), Some(expected));
        assert_eq!(beside_libtorch(&line("/opt/hrinet/lib/torch/libhrtch_cpu.so")), None);
        assert_eq!(beside_libtorch(""), None);
    }

    #[test]
    fn libtorch_of_this_process_is_found() {
        assert!(tch::get_num_threads() > 0);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let folder = beside_libtorch(&maps).and_then(|path| Some(path.parent()?.to_owned()));
        assert!(folder.is_some_and(|folder| folder.join("libtorch_cpu.so").exists()), "{maps}");
    }
}
