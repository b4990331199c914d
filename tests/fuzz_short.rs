//! A short run of what `fuzz/` does at length: seeds that are changed at random, the same on every
//! machine, for some seconds a target. `FUZZ_SECONDS=60` makes it longer; docs/reference/fuzzing.md.

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

/// Counts what Rust code takes; libtorch's own memory is not seen.
#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One at a time: memory is counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// No input may take longer.
const SLOWEST: Duration = Duration::from_secs(10);

/// The seeds of a target, in order of their names.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("seeds").map(|entry| entry.expect("a seed").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// All seeds, then changed ones until the time is over.
fn run(target: &str, body: impl Fn(&[u8]) + RefUnwindSafe) {
    let alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let time = Duration::from_secs_f64(seconds.unwrap_or(2.5));
    let kept = bodies::scratch().join(format!("hrinet-fuzz-{target}"));

    let mut mutator = Mutator::new(seeds(target));
    let (start, mut count) = (Instant::now(), 0);
    while let Some(input) = mutator.next(start.elapsed() > time) {
        // Before it runs: an abort leaves no other trace.
        fs::write(&kept, &input).expect("a file");
        let (began, before) = (Instant::now(), ALLOCATOR.current_usage());
        ALLOCATOR.reset_peak_usage();
        let ended = catch_unwind(|| body(&input));
        let taken = ALLOCATOR.peak_usage().saturating_sub(before);
        let input = kept.display();
        assert!(ended.is_ok(), "{target}: input {count}, {input}");
        assert!(taken <= bodies::MEMORY, "{target}: input {count}, {input}: {taken} bytes");
        assert!(began.elapsed() < SLOWEST, "{target}: input {count}, {input}: too slow");
        count += 1;
    }
    let _ = fs::remove_file(kept);
    println!("{target}: {count} inputs");
    drop(alone);
}

#[test]
fn checkpoints() {
    run("checkpoint", bodies::checkpoint);
}

#[test]
fn nifti_files() {
    run("nifti", bodies::nifti);
}

#[test]
fn nrrd_files() {
    run("nrrd", bodies::nrrd);
}

#[test]
fn dicom_series() {
    run("dicom", bodies::dicom);
}

#[test]
fn plans() {
    run("plan", bodies::plan);
}
