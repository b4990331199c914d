//! Ends of a run, and how the next one goes on.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use hrinet::io;

use super::{batch, counts, last_rows, rows, said};
use crate::common::phantom::{moving_discs, patients, write};
use crate::common::program::{at_a_terminal, files};

const SLOW: &str = "batch in out --model linear --threads 1 --factor 8";

/// Starts a run over volumes that take a while to compress, and waits for two of them.
fn start(folder: &Path) -> Child {
    let arguments: Vec<&str> = SLOW.split(' ').collect();
    let child = at_a_terminal(folder, &arguments).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while rows_so_far(&folder.join("out")) < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "no volume is made");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn rows_so_far(folder: &Path) -> usize {
    let text = std::fs::read_to_string(folder.join("manifest.csv")).unwrap_or_default();
    text.matches('\n').count().saturating_sub(1)
}

fn is_partial(path: &str) -> bool {
    path.ends_with(".partial")
}

/// Runs again, and checks that all is as by a run that was never ended.
fn goes_on(folder: &Path, count: usize) {
    let before = counts(&folder.join("out"))[0];
    assert!((2..count).contains(&before), "{before}");
    // What has no row yet is whole all the same.
    for path in files(&folder.join("out/volumes")).iter().filter(|path| !is_partial(path)) {
        io::read(Path::new(path)).unwrap();
    }
    let (status, said) = batch(folder, "in out --factor 8");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains(&format!("{} made", count - before)), "{said}");
    assert!(said.contains(&format!("{before} done before")), "{said}");
    let (status, said) = batch(folder, "in whole --factor 8");
    assert_eq!(status, 0, "{said}");
    let relative = |name: &str| {
        let root = folder.join(name);
        let all = files(&root).into_iter().filter(|path| path.ends_with(".nii.gz"));
        let all = all.map(|path| (path[root.to_str().unwrap().len()..].to_string(), path));
        all.collect::<Vec<_>>()
    };
    let (ours, theirs) = (relative("out"), relative("whole"));
    assert_eq!(ours.len(), count);
    for ((name, ours), (other, theirs)) in ours.iter().zip(&theirs) {
        let same = std::fs::read(ours).unwrap() == std::fs::read(theirs).unwrap();
        assert!(name == other && same, "{name}");
    }
    assert!(!files(&folder.join("out")).iter().any(|path| is_partial(path)));
    assert_eq!(rows(&folder.join("out")).len(), count, "no volume is done twice");
}

#[test]
fn killed_run_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("in"), 8, (128, 20));
    let mut child = start(folder.path());
    child.kill().unwrap();
    child.wait().unwrap();
    goes_on(folder.path(), 8);
}

#[test]
fn ctrl_c_ends_a_run_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("in"), 8, (128, 20));
    let child = start(folder.path());
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let asked = Instant::now();
    let (status, said) = said(&child.wait_with_output().unwrap());
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(status, 130, "{said}");
    assert!(said.ends_with("hrinet: cancelled\n"), "{said}");
    assert!(!files(&folder.path().join("out")).iter().any(|path| is_partial(path)), "{said}");
    goes_on(folder.path(), 8);
}

#[test]
fn changed_inputs_options_and_lost_outputs_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("in"), 3, (16, 4));
    let made = |line: &str| {
        let before = rows(&at("out")).len();
        let (status, said) = batch(folder.path(), line);
        assert_eq!(status, 0, "{line}: {said}");
        rows(&at("out")).len() - before
    };
    assert_eq!(made("in out"), 3);
    assert_eq!(made("in out"), 0);
    let first = rows(&at("out"))[0].clone();
    std::fs::remove_file(at("in/patient1.nrrd")).unwrap();
    write(&at("in/patient1.nrrd"), &moving_discs(16, 5, 7));
    assert_eq!(made("in out"), 1);
    std::fs::remove_file(at("out").join(&first["output"])).unwrap();
    assert_eq!(made("in out"), 1);
    assert_eq!(made("in out --factor 2"), 3);
    assert_eq!(made("in out --factor 2 --memory 1GB"), 0, "memory does not change outputs");
    assert_eq!(made("in out --factor 2 --format nrrd"), 3);
    let volumes = files(&at("out/volumes"));
    assert!(volumes.len() == 3 && volumes.iter().all(|path| path.ends_with(".nrrd")));
}

#[test]
fn failed_volumes_are_tried_again_and_few_may_fail() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("in"), 2, (16, 4));
    for name in ["a", "b", "c"] {
        std::fs::write(at(&format!("in/{name}.nrrd")), "nothing").unwrap();
    }
    let (status, said) = batch(folder.path(), "in out --max-failures 1");
    // More may fail while the run ends.
    assert!(status == 1 && counts(&at("out"))[2] >= 2, "{said}");
    assert!(said.contains("more than 1 volumes have failed (--max-failures)"), "{said}");
    let (status, said) = batch(folder.path(), "in out --max-failures 3");
    assert_eq!((status, counts(&at("out"))), (3, [2, 0, 3]), "{said}");
    for name in ["a", "b", "c"] {
        std::fs::remove_file(at(&format!("in/{name}.nrrd"))).unwrap();
        write(&at(&format!("in/{name}.nrrd")), &moving_discs(16, 4, 1));
    }
    let (status, said) = batch(folder.path(), "in out");
    assert_eq!((status, counts(&at("out"))), (0, [5, 0, 0]), "{said}");
    assert!(said.contains("3 made") && said.contains("2 done before"), "{said}");
}

#[test]
fn one_run_at_a_time_writes_to_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("in"), 1, (16, 4));
    std::fs::create_dir(at("out")).unwrap();
    let lock = std::fs::File::create(at("out/.lock")).unwrap();
    lock.lock().unwrap();
    let (status, said) = batch(folder.path(), "in out");
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("out: another run writes there"), "{said}");
    assert!(rows(&at("out")).is_empty());
    drop(lock);
    assert_eq!(batch(folder.path(), "in out").0, 0);
}

#[test]
fn torn_row_is_dropped_and_half_written_files_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("in"), 2, (16, 4));
    batch(folder.path(), "in out");
    let manifest = at("out/manifest.csv");
    let whole = std::fs::read_to_string(&manifest).unwrap();
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    std::fs::write(&manifest, &whole[..last + 40]).unwrap();
    std::fs::write(at("out/volumes/.half.nii.gz.partial"), "half").unwrap();
    std::fs::create_dir(at("out/volumes/.series.partial")).unwrap();
    let (status, said) = batch(folder.path(), "in out");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("1 made") && said.contains("1 done before"), "{said}");
    assert_eq!((rows(&at("out")).len(), last_rows(&at("out")).len()), (2, 2));
    assert!(!at("out/volumes/.half.nii.gz.partial").exists());
    assert!(!at("out/volumes/.series.partial").exists());
    std::fs::write(&manifest, "id,other\n1,2\n").unwrap();
    let (status, said) = batch(folder.path(), "in out");
    assert_eq!(status, 1);
    assert!(said.contains("not a manifest of this version"), "{said}");
}
