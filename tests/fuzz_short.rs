//! Short fuzzing with stable Rust: seeds changed at random, the same on every machine, for some
//! seconds per target. `FUZZ_SECONDS=60` sets the time; see docs/reference/fuzzing.md.

#[path = "../fuzz/bodies/mod.rs"]
mod bodies;
#[path = "fuzz_short/mutate.rs"]
mod mutate;

use std::fs;
use std::panic::{RefUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mutate::Mutator;
use peak_alloc::PeakAlloc;

/// Counts the memory of Rust code, without that of libtorch.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Runs one target at a time: memory is counted per process.
static SERIAL: Mutex<()> = Mutex::new(());

/// Longest time for one input.
const MAX_TIME: Duration = Duration::from_secs(10);

/// Seeds of a target, in order of their names.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("seeds").map(|entry| entry.expect("a seed").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// Runs all seeds, then changed seeds until the time is over.
fn run(target: &str, body: impl Fn(&[u8]) + RefUnwindSafe) {
    let guard = SERIAL.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs_f64(seconds.unwrap_or(2.5));
    let input_file = bodies::scratch().join(format!("hrinet-fuzz-{target}"));

    let mut mutator = Mutator::new(seeds(target));
    let (start, mut count) = (Instant::now(), 0);
    while let Some(input) = mutator.next(start.elapsed() > time) {
        // Written before it runs: an abort leaves no other trace.
        fs::write(&input_file, &input).expect("a file");
        let (began, before) = (Instant::now(), ALLOCATOR.current_usage());
        ALLOCATOR.reset_peak_usage();
        let ended = catch_unwind(|| body(&input));
        let taken = ALLOCATOR.peak_usage().saturating_sub(before);
        let input = input_file.display();
        if let Err(panic) = &ended {
            // The library's hook passes panics to a log that no test has.
            println!("{}", panic.downcast_ref::<String>().map_or("a panic", String::as_str));
        }
        assert!(ended.is_ok(), "{target}: input {count}, {input}");
        assert!(taken <= bodies::MAX_MEMORY, "{target}: input {count}, {input}: {taken} bytes");
        assert!(began.elapsed() < MAX_TIME, "{target}: input {count}, {input}: too slow");
        count += 1;
    }
    let _ = fs::remove_file(input_file);
    println!("{target}: {count} inputs");
    drop(guard);
}

#[test]
fn checkpoints_never_panic() {
    run("checkpoint", bodies::checkpoint);
}

#[test]
fn metaimage_files_never_panic() {
    run("metaimage", bodies::metaimage);
}

#[test]
fn nifti_files_never_panic() {
    run("nifti", bodies::nifti);
}

#[test]
fn nrrd_files_never_panic() {
    run("nrrd", bodies::nrrd);
}

#[test]
fn files_in_two_parts_never_panic() {
    run("pair", bodies::pair);
}

#[test]
fn segmentations_never_panic() {
    run("segmentation", bodies::segmentation);
}

#[test]
fn dicom_labels_never_panic() {
    run("dicom_labels", bodies::dicom_labels);
}

#[test]
fn dicom_series_never_panic() {
    run("dicom", bodies::dicom);
}

#[test]
fn plans_keep_their_laws() {
    run("plan", bodies::plan);
}

#[test]
fn calls_of_the_c_api_keep_their_promises() {
    run("capi", bodies::capi);
}

#[test]
fn settings_never_panic() {
    run("config", bodies::config);
}

#[test]
fn losses_never_panic() {
    run("losses", bodies::losses);
}

#[test]
fn matlab_files_never_panic() {
    run("ma_model", bodies::ma_model);
}

#[test]
fn parameters_of_niqe_never_panic() {
    run("niqe", bodies::niqe);
}
