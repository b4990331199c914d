//! Links every artefact of this package to libtorch by its own rpath, so that none of them needs
//! an environment variable to run.

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    header();
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
    println!("cargo:rustc-link-arg-cdylib=-Wl,-soname,libhrinet.so.{}", abi_version());
    // Of the crates' and libtorch's C symbols none is ours to offer: `hrinet_*` alone is exported.
    println!("cargo:rustc-link-arg-cdylib=-Wl,--exclude-libs,ALL");
    println!("cargo:rustc-link-arg-bins=-Wl,-rpath,$ORIGIN/../lib/torch");
    // In the checkout: where the set-up put it.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", directory.display());
}

/// The number that a host's compiled code depends on: it is the soname's, too.
fn abi_version() -> String {
    let file = "src/capi/version.rs";
    let text = fs::read_to_string(file).unwrap_or_default();
    let number =
        text.split_once("HRINET_ABI_VERSION: u32 = ").and_then(|(_, rest)| rest.split_once(';'));
    match number {
        Some((number, _)) => number.to_string(),
        None => {
            println!("cargo:error={file} does not say 'HRINET_ABI_VERSION: u32 = ...;'");
            String::new()
        }
    }
}

/// Makes the C header of `src/capi` anew, beside what Cargo builds. `include/hrinet.h` is the same,
/// committed; a test compares the two.
fn header() {
    println!("cargo:rerun-if-changed=src/capi");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let target = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("hrinet.h");
    let mut builder =
        cbindgen::Builder::new().with_config(cbindgen::Config::from_root_or_default(&root));
    // In the order in which a reader meets them.
    let topics = [
        "version",
        "status",
        "call",
        "log",
        "device",
        "model",
        "volume",
        "plan",
        "interpolate",
        "labels",
        "trainer_options",
        "trainer",
    ];
    for topic in topics {
        builder = builder.with_src(root.join(format!("src/capi/{topic}.rs")));
    }
    match builder.generate() {
        Ok(bindings) => {
            let mut text = Vec::new();
            bindings.write(&mut text);
            // What Rust calls safety is a precondition to Doxygen.
            let text = String::from_utf8_lossy(&text).replace("* # Safety\n * ", "* @pre ");
            if let Err(error) = std::fs::write(&target, text) {
                println!("cargo:error={}: {error}", target.display());
            }
        }
        Err(error) => println!("cargo:error=the C header cannot be made: {error}"),
    }
}
