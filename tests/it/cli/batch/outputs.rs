//! What a run makes, skips and says.

use std::collections::BTreeMap;
use std::path::Path;

use hrinet::io;
use hrinet::volume::{Geometry, Rescale, Volume};
use ndarray::Array3;

use super::{batch, counts, id_of, last_rows, rows};
use crate::common::phantom::{moving_discs, patients, write};
use crate::common::program::{output, succeeds};

/// A volume of other spacing or values.
fn volume(size: [usize; 3], slice_mm: f64, value: impl Fn(usize) -> f32) -> Volume {
    let [i, j, k] = size;
    let array = Array3::from_shape_fn((k, j, i), |(k, j, i)| value((k * 7 + j * 3 + i) % 50));
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, slice_mm]];
    let geometry = Geometry::new(size, [0.0; 3], steps).unwrap();
    Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap()
}

#[test]
fn voxels_are_those_of_single_runs_and_outputs_have_no_names() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("in"), 3, (32, 6));
    std::fs::create_dir_all(at("in/deep/er")).unwrap();
    write(&at("in/deep/er/SMITH.mha"), &moving_discs(24, 5, 9));
    let (status, said) = batch(folder.path(), "in out --expected-error --factor 3");
    assert_eq!(status, 1, "linear has no error head: {said}");
    let (status, said) = batch(folder.path(), "in out --factor 3 --format nrrd");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("4 made, 0 skipped, 0 failed"), "{said}");
    let report = at("dry.json");
    let report = report.to_str().unwrap();
    let (status, said) = batch(folder.path(), &format!("in new --dry-run --json {report}"));
    assert_eq!((status, at("new").exists()), (0, false), "{said}");
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    for planned in report["volumes"].as_array().unwrap() {
        let (id, input) = (planned["id"].as_str().unwrap(), planned["input"].as_str().unwrap());
        let single = ["resample", input, "one.nrrd", "--factor", "3", "--model", "linear"];
        succeeds(folder.path(), &[&single[..], &["-q", "--overwrite"]].concat());
        let many = io::read(&at(&format!("out/volumes/{id}.nrrd"))).unwrap();
        let one = io::read(&at("one.nrrd")).unwrap();
        assert!(many.voxels() == one.voxels() && many.geometry() == one.geometry(), "{input}");
        let single = std::fs::read(at("one.nrrd")).unwrap();
        assert!(std::fs::read(at(&format!("out/volumes/{id}.nrrd"))).unwrap() == single);
        for name in ["before", "after"] {
            let path = at(&format!("out/thumbnails/{id}-{name}.png"));
            assert!(image::open(path).unwrap().width() <= 256);
        }
        let report = std::fs::read(at(&format!("out/reports/{id}.json"))).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(report["input"]["path"], id);
        assert_eq!(report["output"]["path"], format!("volumes/{id}.nrrd"));
    }
    for row in rows(&at("out")) {
        assert_eq!((row["status"].as_str(), row["input"].as_str()), ("made", ""));
        assert_eq!(row["slice_distance_after_mm"], "1.0");
    }
    assert_without(&at("out"), &["patient", "SMITH"]);
    let (status, _) = batch(folder.path(), "in out --factor 3 --format nrrd --names");
    assert_eq!(status, 0);
    assert!(last_rows(&at("out")).values().any(|row| row["input"] == "in/deep/er/SMITH.mha"));
    let names = std::fs::read_dir(at("out/volumes")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<String> = names.collect();
    assert!(names.len() == 4 && names.iter().any(|name| name.starts_with("SMITH-")), "{names:?}");
}

/// No file below a folder is called after or holds any of these words.
pub fn assert_without(folder: &Path, words: &[&str]) {
    for path in crate::common::program::files(folder) {
        let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).to_lowercase();
        let name = path.strip_prefix(folder.to_str().unwrap()).unwrap().to_lowercase();
        for word in words.iter().map(|word| word.to_lowercase()) {
            assert!(!name.contains(&word) && !content.contains(&word), "{path} has {word}");
        }
    }
}

#[test]
fn what_is_no_thick_ct_is_skipped_with_a_reason_and_failures_stop_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join("in").join(name);
    std::fs::create_dir(folder.path().join("in")).unwrap();
    write(&at("b-thick.nii"), &moving_discs(32, 5, 0));
    write(&at("c-fine.nii"), &volume([16, 16, 8], 0.8, |value| value as f32 * 20.0 - 1000.0));
    write(&at("d-short.nii"), &volume([16, 16, 2], 3.0, |value| value as f32 * 20.0 - 1000.0));
    write(&at("e-unit.nii"), &volume([32, 32, 5], 3.0, |value| value as f32 / 50.0));
    std::fs::write(at("a-broken-KOWALSKI.nrrd"), "NRRD0004\ntype: short\nsizes: 4").unwrap();
    std::fs::write(at("notes.doc"), "no volume").unwrap();
    let arguments = ["batch", "in", "out", "--model", "hrinet-motion-small", "--threads", "1"];
    let (status, said) = super::said(&output(folder.path(), &arguments));
    assert_eq!(status, 3, "{said}");
    let out = folder.path().join("out");
    assert_eq!(counts(&out), [1, 3, 1], "{said}");
    assert!(said.trim_end().lines().last().unwrap().starts_with("1 made, 3 skipped, 1 failed"));
    let last = last_rows(&out);
    for (name, words) in [
        ("a-broken-KOWALSKI.nrrd", "header"),
        ("c-fine.nii", "already isotropic"),
        ("d-short.nii", "too few slices: 2, fewer than 3"),
        ("e-unit.nii", "values are not HU"),
    ] {
        let reason = &last[&id_of(name)]["reason"];
        assert!(reason.contains(words) && !reason.contains("KOWALSKI"), "{name}: {reason}");
    }
    let made = &last[&id_of("b-thick.nii")];
    assert_eq!([&made["slices"], &made["slices_after"]], ["5", "17"]);
    assert_eq!(made["model_sha256"].len(), 64);
    // More slices are not asked for, and values may be anything.
    let more = "--window 0,1 --min-slices 2 --model hrinet-motion-small --threads 1";
    let arguments: Vec<&str> = "batch in out2".split(' ').chain(more.split(' ')).collect();
    let (status, said) = super::said(&output(folder.path(), &arguments));
    assert_eq!((status, counts(&folder.path().join("out2"))), (3, [3, 1, 1]), "{said}");
}

#[test]
fn lists_name_inputs_outputs_and_labels() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("in"), 3, (24, 5));
    let labels = |path: &str| {
        let discs = moving_discs(24, 5, 0);
        let hrinet::volume::Voxels::Int16(hu) = discs.voxels() else { panic!() };
        let labels = hu.map(|&hu| u8::from(hu > 100));
        write(
            &at(path),
            &Volume::new(labels.into(), Rescale::IDENTITY, discs.geometry().clone()).unwrap(),
        );
    };
    labels("in/patient0-seg.nrrd");
    labels("other.nii");
    let list = "input,labels,output\nin/patient1.nrrd,other.nii,volumes/a/second.mha\n\
                in/patient0.nrrd,,\nnone.nrrd,,\n";
    std::fs::write(at("list.csv"), list).unwrap();
    let (status, said) = batch(folder.path(), "list.csv out --labels {name}-seg.nrrd --names");
    assert_eq!((status, counts(&at("out"))), (3, [2, 0, 1]), "{said}");
    let made = last_rows(&at("out"));
    let [first, second] = ["in/patient0.nrrd", "in/patient1.nrrd"].map(id_of);
    assert_eq!(made[&second]["output"], "volumes/a/second.mha");
    assert!(made[&id_of("none.nrrd")]["reason"].contains("none.nrrd: No such file"));
    let common = ["--model", "linear", "-q", "--labels"];
    for (input, labels, id) in [
        ("in/patient1.nrrd", "other.nii", second),
        ("in/patient0.nrrd", "in/patient0-seg.nrrd", first),
    ] {
        let files = [labels, "labels.nii.gz", "--overwrite"];
        let single = ["resample", input, "one.nii.gz"];
        succeeds(folder.path(), &[&single[..], &common, &files].concat());
        let name = io::folder::stem(Path::new(input));
        let many = at(&format!("out/volumes/{name}-{id}.labels.nii.gz"));
        let [many, one] = [many, at("labels.nii.gz")].map(|path| io::read(&path).unwrap());
        assert!(many.voxels() == one.voxels(), "{input}");
    }
    // A folder: segmentations are no inputs. Standard input: a path a line.
    let (_, said) = batch(folder.path(), "in out2 --labels {name}-seg.nrrd");
    assert_eq!(counts(&at("out2")), [3, 0, 0], "{said}");
    let line = "printf 'in/patient2.nrrd\\n' | \"$0\" batch - out3 --model linear --threads 1";
    let run = std::process::Command::new("bash")
        .current_dir(folder.path())
        .args(["-c", line, env!("CARGO_BIN_EXE_hrinet")])
        .output();
    assert!(run.unwrap().status.success());
    assert_eq!(counts(&at("out3")), [1, 0, 0]);
    for (list, words) in [
        ("input,id\nin/patient1.nrrd,12\n", "16 hexadecimal digits"),
        ("input,output\nin/patient1.nrrd,../out.nii\n", "below OUTPUT_DIR"),
        ("input,id\nin,0123456789abcdef\n", "several volumes"),
        ("in,put\n", "input"),
    ] {
        std::fs::write(at("list.csv"), list).unwrap();
        let (status, said) = batch(folder.path(), "list.csv out4");
        assert!(status == 1 || status == 3, "{list}: {said}");
        assert!(said.contains(words) || status == 3, "{list}: {said}");
    }
}

#[test]
fn dry_run_tells_what_a_run_then_does() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("in"), 2, (24, 5));
    write(&at("in/fine.nii"), &volume([16, 16, 8], 0.8, |value| value as f32));
    let arguments = "batch in out --dry-run --json - --model linear --threads 1 -q";
    let plan = || {
        let (out, _) = succeeds(folder.path(), &arguments.split(' ').collect::<Vec<_>>());
        serde_json::from_str::<serde_json::Value>(&out).unwrap()
    };
    let status = |plan: &serde_json::Value| {
        let volumes = plan["volumes"].as_array().unwrap().clone();
        volumes.iter().map(|volume| volume["status"].as_str().unwrap().to_string()).collect()
    };
    let before = plan();
    let found: Vec<String> = status(&before);
    assert_eq!(found, ["would skip", "would make", "would make"]);
    // The formula by hand.
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let volume = &before["volumes"][1];
    let cost = |name: &str| number(&before["cost"][name]);
    let pixels = number(&volume["columns"]) * number(&volume["rows"]);
    let (known, all) =
        (pixels * number(&volume["slices"]), pixels * number(&volume["slices_after"]));
    let compute = cost("e") * known + cost("c") * (all - known);
    let seconds = cost("a") + compute.max(cost("b") * known).max(cost("d") * all);
    assert!((seconds - number(&volume["seconds"])).abs() < 1e-3, "{seconds} {volume}");
    assert!((number(&before["seconds"]) - 2.0 * seconds).abs() < 3e-3);
    assert_eq!(number(&volume["bytes_out"]), (cost("bytes_per_voxel") * all).round());
    batch(folder.path(), "in out");
    let after = plan();
    let found: Vec<String> = status(&after);
    assert_eq!((found, number(&after["seconds"])), (vec!["done".to_string(); 3], 0.0));
    let (out, _) =
        succeeds(folder.path(), &["batch", "in", "out", "--dry-run", "--model", "linear"]);
    assert!(out.contains("3 volumes: 0 to make") && !out.contains("patient"), "{out}");
}

#[test]
fn progress_as_json_is_a_line_for_each_volume() {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("in"), 3, (16, 4));
    let (status, said) = batch(folder.path(), "in out --progress json");
    assert_eq!(status, 0, "{said}");
    let events = said.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let events: Vec<serde_json::Value> = events.collect();
    let kinds: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "volume", "volume", "volume", "end"]);
    assert_eq!((&events[3]["volumes_done"], &events[3]["failures"]), (&3.into(), &0.into()));
    assert_eq!((&events[4]["slices"], &events[4]["made"]), (&(3 * 9).into(), &3.into()));
}

#[test]
fn memory_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("in"), 2, (64, 20));
    let (status, said) = batch(folder.path(), "in out --memory 100MB");
    assert_eq!((status, counts(&folder.path().join("out"))), (3, [0, 0, 2]), "{said}");
    let reason = &rows(&folder.path().join("out"))[0]["reason"];
    assert!(reason.contains("--memory") && reason.contains("free: 100 MB"), "{reason}");
    let (status, said) = batch(folder.path(), "in out --memory 135MB");
    assert_eq!((status, counts(&folder.path().join("out"))), (0, [2, 0, 0]), "{said}");
}

#[test]
fn network_within_the_memory_makes_the_same_voxels() {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("in"), 5, (256, 7));
    let peak_and_files = |out: &str, limit: &str| {
        let line = format!(
            "batch in {out} --factor 3 --format .nii --model hrinet-motion-small {limit} \
             --threads 4"
        );
        let arguments: Vec<&str> = line.split_whitespace().collect();
        succeeds(folder.path(), &arguments);
        let rows = rows(&folder.path().join(out));
        let peaks = rows.iter().map(|row| row["peak_memory_bytes"].parse::<u64>().unwrap());
        let outputs: BTreeMap<String, Vec<u8>> = (rows.iter())
            .map(|row| {
                let voxels = std::fs::read(folder.path().join(out).join(&row["output"])).unwrap();
                (row["id"].clone(), voxels)
            })
            .collect();
        assert_eq!(outputs.len(), 5);
        (peaks.max().unwrap(), outputs)
    };
    let (free_peak, free) = peak_and_files("free", "");
    let (peak, limited) = peak_and_files("limited", "--memory 320M");
    assert!(peak < 330_000_000 && peak < free_peak, "{peak} and {free_peak}");
    assert!(free == limited, "the voxels differ");
}
