//! Links every artefact of this package to libtorch by its own rpath, so that none of them needs
//! an environment variable to run.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    // torch-sys (links = "tch") tells its direct dependents where libtorch is.
    let Ok(directory) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        println!("cargo:error=torch-sys did not say where libtorch is; run scripts/setup first");
        return;
    };
    let Ok(directory) = PathBuf::from(&directory).canonicalize() else {
        println!("cargo:error=libtorch is not at {directory}; run scripts/setup first");
        return;
    };
    // RPATH, not RUNPATH: with RUNPATH an LD_LIBRARY_PATH that holds another libtorch would win.
    println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags");
    // Installed: the library has libtorch in torch/ beside it, the program in ../lib/torch.
    println!("cargo:rustc-link-arg-cdylib=-Wl,-rpath,$ORIGIN/torch");
    println!("cargo:rustc-link-arg-cdylib=-Wl,-soname,libhrinet.so.0");
    println!("cargo:rustc-link-arg-bins=-Wl,-rpath,$ORIGIN/../lib/torch");
    // In the checkout: where the set-up put it.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", directory.display());
}
