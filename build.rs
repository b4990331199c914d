//! Links library, program and tests to libtorch by rpath, so that they run without environment
//! variables, and generates the C header.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    header();
    // torch-sys (links = "tch") passes the folder of libtorch to its direct dependents.
    let Ok(directory) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        println!("cargo:error=torch-sys names no libtorch; run scripts/setup first");
        return;
    };
    let Ok(directory) = PathBuf::from(&directory).canonicalize() else {
        println!("cargo:error=libtorch is not at {directory}; run scripts/setup first");
        return;
    };
    println!("cargo:rustc-env=HRINET_LIBTORCH_VERSION={}", libtorch_version(&directory));
    // RPATH, not RUNPATH: LD_LIBRARY_PATH, maybe with another libtorch, precedes RUNPATH.
    println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags");
    // Installed: libtorch is in torch/ beside the library, in ../lib/torch for the program.
    println!("cargo:rustc-link-arg-cdylib=-Wl,-rpath,$ORIGIN/torch");
    println!("cargo:rustc-link-arg-cdylib=-Wl,-soname,libhrinet.so.{}", abi_version());
    // Export `hrinet_*` only, no C symbols of other crates or of libtorch.
    println!("cargo:rustc-link-arg-cdylib=-Wl,--exclude-libs,ALL");
    println!("cargo:rustc-link-arg-bins=-Wl,-rpath,$ORIGIN/../lib/torch");
    // The program that users start uses nothing of libtorch, and so does not load it, unless it
    // exports the C++ interface to it.
    println!("cargo:rustc-link-arg-bin=hrinet=-Wl,--exclude-libs,ALL");
    // In the checkout: where scripts/setup installed it.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", directory.display());
}

/// Version of the libtorch whose libraries are in `directory`.
fn libtorch_version(directory: &Path) -> String {
    let file = directory.with_file_name("build-version");
    println!("cargo:rerun-if-changed={}", file.display());
    let version = fs::read_to_string(file).unwrap_or_default();
    let version = version.lines().next().unwrap_or_default();
    if version.is_empty() { "of unknown version".into() } else { version.to_string() }
}

/// Reads `HRINET_ABI_VERSION`, which is also the version of the soname.
fn abi_version() -> String {
    let file = "src/capi/version.rs";
    let text = fs::read_to_string(file).unwrap_or_default();
    let number =
        text.split_once("HRINET_ABI_VERSION: u32 = ").and_then(|(_, rest)| rest.split_once(';'));
    match number {
        Some((number, _)) => number.to_string(),
        None => {
            println!("cargo:error={file} has no 'HRINET_ABI_VERSION: u32 = ...;'");
            String::new()
        }
    }
}

/// Generates the C header of `src/capi` in `OUT_DIR`. `include/hrinet.h` is a committed copy; a
/// test compares the two.
fn header() {
    println!("cargo:rerun-if-changed=src/capi");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let target = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("hrinet.h");
    let mut builder =
        cbindgen::Builder::new().with_config(cbindgen::Config::from_root_or_default(&root));
    for topic in topics(&root) {
        builder = builder.with_src(root.join(format!("src/capi/{topic}.rs")));
    }
    match builder.generate() {
        Ok(bindings) => {
            let mut text = Vec::new();
            bindings.write(&mut text);
            // Safety sections of Rust are preconditions in Doxygen.
            let text = String::from_utf8_lossy(&text).replace("* # Safety\n * ", "* @pre ");
            if let Err(error) = std::fs::write(&target, text) {
                println!("cargo:error={}: {error}", target.display());
            }
        }
        Err(error) => println!("cargo:error=cannot generate the C header: {error}"),
    }
}

/// Topics of the C API in the order of the header: the public modules of `src/capi/mod.rs`.
fn topics(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join("src/capi/mod.rs")).unwrap_or_default();
    let topic = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_string());
    text.lines().filter_map(topic).collect()
}
