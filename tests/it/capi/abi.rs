//! The binary interface that compiled hosts rely on stays as `tests/capi/abi-N.txt` says for
//! version N of it: macros, layouts and functions of the header as the C compiler sees them, and
//! symbols of the library.
//!
//! `HRINET_WRITE_ABI=1 cargo test --release --test it compiled_hosts_keep_working` writes the file,
//! unless something in it would break.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::abi::{Abi, Change};
use hrinet::capi::version::HRINET_ABI_VERSION;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Command that writes the file.
const WRITE: &str = "HRINET_WRITE_ABI=1 cargo test --release --test it compiled_hosts_keep_working";

fn header() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("include/hrinet.h")).unwrap()
}

#[test]
fn compiled_hosts_keep_working() {
    let next = HRINET_ABI_VERSION + 1;
    let path = format!("{ROOT}/tests/capi/abi-{HRINET_ABI_VERSION}.txt");
    let present = Abi::of_header(&header());
    let writing = std::env::var_os("HRINET_WRITE_ABI").is_some();
    let committed = match std::fs::read_to_string(&path) {
        Ok(text) => Abi::parse(&text),
        Err(_) if writing => Abi::default(),
        Err(error) => panic!("{path}: {error}; HRINET_WRITE_ABI=1 makes it"),
    };
    let changes = present.changes_since(&committed);
    let broken: Vec<&Change> = changes.iter().filter(|change| change.breaks()).collect();
    assert!(
        broken.is_empty(),
        "hosts compiled for version {HRINET_ABI_VERSION} of the interface would break:\n\
         {broken:#?}\n\
         Undo that; or set HRINET_ABI_VERSION in src/capi/version.rs to {next} (the soname \
         follows), raise the second number of the version in Cargo.toml, git rm {path}, and run \
         {WRITE}"
    );
    if writing {
        std::fs::write(&path, present.to_string()).unwrap();
        return;
    }
    assert!(changes.is_empty(), "compatible additions: run {WRITE}\n{changes:#?}");
}

/// The library that this test was built beside.
fn library() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libhrinet.so")
}

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(library()).output().unwrap();
    assert!(output.status.success(), "{program} {}", library().display());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn library_exports_the_functions_of_the_header_alone() {
    let symbols = printed("nm", &["--dynamic", "--defined-only"]);
    let exported: BTreeSet<&str> =
        symbols.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let present = Abi::of_header(&header());
    assert_eq!(exported, present.functions().collect());
}

#[test]
fn soname_has_the_abi_version() {
    let dynamic = printed("readelf", &["--dynamic", "--wide"]);
    let soname = format!("Library soname: [libhrinet.so.{HRINET_ABI_VERSION}]");
    assert!(dynamic.contains(&soname), "{dynamic}");
}

/// A small interface to change: one struct that may grow, with four unused bytes at its end, and
/// one that may not.
const SMALL: &str = "
    #include <stddef.h>
    #include <stdint.h>
    #define HRINET_ONE 1 /* one */
    typedef struct HrinetThing HrinetThing;
    typedef int32_t HrinetCode;
    typedef void (*HrinetCall)(int32_t level,
                               void *user); // twice
    typedef struct { size_t struct_size; double first; HrinetCode last; } HrinetGrows;
    typedef struct { uint32_t left[2]; double right; } HrinetFixed;
    HrinetCode hrinet_make(const char *name, HrinetThing **thing);
    void hrinet_free(HrinetThing *thing);
";

#[test]
fn breaking_changes_are_told_from_compatible_ones() {
    let before = Abi::of_header(SMALL);
    assert_eq!(before.functions().collect::<Vec<_>>(), ["hrinet_free", "hrinet_make"]);
    assert_eq!(Abi::parse(&before.to_string()), before);
    let changes = |old: &str, new: &str| {
        assert!(SMALL.contains(old), "{old}");
        Abi::of_header(&SMALL.replace(old, new)).changes_since(&before)
    };
    for (old, new) in [
        ("HRINET_ONE 1", "HRINET_ONE 2"),
        ("#define HRINET_ONE 1", ""),
        ("void hrinet_free(HrinetThing *thing);", ""),
        ("const char *name", "char *name"),
        ("const char *name", "const char *name, int32_t more"),
        ("HrinetCode hrinet_make", "void hrinet_make"),
        ("int32_t HrinetCode", "int64_t HrinetCode"),
        ("int32_t HrinetCode", "uint32_t HrinetCode"),
        ("(int32_t level", "(int64_t level"),
        ("typedef struct HrinetThing HrinetThing;", "typedef int32_t HrinetThing;"),
        ("double first; HrinetCode last;", "HrinetCode last; double first;"),
        ("double first;", "double first; double middle;"),
        ("double first;", "uint64_t first;"),
        ("double first;", "double renamed;"),
        ("HrinetCode last;", ""),
        // Into bytes that hosts left unset, and that struct_size cannot tell about.
        ("HrinetCode last;", "HrinetCode last; int32_t padding;"),
        ("double right;", "double right; double more;"),
        ("left[2]", "left[1]"),
    ] {
        let found = changes(old, new);
        assert!(found.iter().any(Change::breaks), "{old} -> {new}: {found:?}");
    }
    for (old, new) in [
        ("HRINET_ONE 1", "HRINET_ONE 1\n#define HRINET_TWO 2"),
        ("HrinetCode last;", "HrinetCode last; double more;"),
        ("HrinetCode last;", "HrinetCode last; double more; int32_t most;"),
        ("void hrinet_free", "HrinetCode hrinet_more(void); void hrinet_free"),
    ] {
        let found = changes(old, new);
        assert!(
            !found.is_empty() && !found.iter().any(Change::breaks),
            "{old} -> {new}: {found:?}"
        );
    }
    for (old, new) in [("one */", "1 */"), ("const char *name", "const char *other")] {
        assert_eq!(changes(old, new), [], "{old} -> {new}");
    }
}
