//! Runs that are killed and resumed end with the weights of unbroken ones, bit for bit.

use crate::common::program;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::phantom::patients;
use hrinet::network::Checkpoint;

const ITERATIONS: u64 = 40;

fn train(data: &Path, out: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_hrinet"))
        .args(["train", "--quiet", "--size", "32", "--batch", "2"])
        .args(["--seed", "5", "--hold-out", "1", "--every", "5", "--threads", "1"])
        .args(["--iterations", &ITERATIONS.to_string(), "--device", "cpu"])
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(out)
        .args(more)
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the program starts")
}

/// Trains unbroken, and killed `kills` times: each time once there is a new checkpoint, at any
/// step.
fn resumes_bit_for_bit(more: &[&str], steps: u64, kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("data"), 3, (40, 9));
    assert!(train(&at("data"), &at("whole"), more).wait().unwrap().success());

    let checkpoint = at("broken").join("checkpoint.safetensors");
    let resume = [more, &["--resume"]].concat();
    let mut steps_seen = 0;
    for _ in 0..kills {
        let more = if steps_seen > 0 { &resume[..] } else { more };
        let mut run = train(&at("data"), &at("broken"), more);
        let start = Instant::now();
        loop {
            let steps = Checkpoint::read(&checkpoint).map_or(0, |c| c.header.record.steps);
            if steps > steps_seen || run.try_wait().unwrap().is_some() {
                steps_seen = steps;
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint after two minutes");
            std::thread::sleep(Duration::from_millis(7));
        }
        let _ = run.kill();
        run.wait().unwrap();
    }
    assert!(steps_seen > 0 && steps_seen < steps, "killed at {steps_seen}");
    assert!(train(&at("data"), &at("broken"), &resume).wait().unwrap().success());

    let [whole, broken] = ["whole", "broken"]
        .map(|run| Checkpoint::read(&at(run).join("checkpoint.safetensors")).unwrap());
    assert_eq!(whole.header.record.steps, steps);
    assert_eq!(whole.header.weights_sha256, broken.header.weights_sha256);
    assert_eq!(whole.tensors, broken.tensors);
    let [whole_csv, broken_csv] =
        ["whole", "broken"].map(|run| std::fs::read_to_string(at(run).join("losses.csv")).unwrap());
    assert_eq!(whole_csv, broken_csv);
    assert_eq!(whole_csv.lines().count() as u64, 1 + steps);

    // The patient held out is named and not trained on.
    let record = whole.header.record;
    assert_eq!((record.trained_on.len(), record.held_out.len()), (2, 1));
    assert!(!record.trained_on.contains(&record.held_out[0]));
    assert!(record.held_out_psnr.is_some());
}

#[test]
fn killed_run_resumes_bit_for_bit() {
    resumes_bit_for_bit(&[], ITERATIONS, 2);
}

#[test]
fn run_in_pieces_gives_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("data"), 3, (40, 9));
    let run = |out: &str, more: &[&str]| {
        assert!(train(&at("data"), &at(out), more).wait().unwrap().success());
        Checkpoint::read(&at(out).join("checkpoint.safetensors")).unwrap().header
    };
    let whole = run("whole", &[]);
    assert_eq!(run("pieces", &["--until", "17"]).record.steps, 17);
    let pieces = run("pieces", &["--resume"]);
    assert_eq!(pieces.record.steps, ITERATIONS);
    assert_eq!(pieces.weights_sha256, whole.weights_sha256);
}

#[test]
fn data_parallel_run_resumes_bit_for_bit() {
    resumes_bit_for_bit(
        &["--threads", "2", "--batch", "3", "--ssim-weight", "0.01"],
        ITERATIONS,
        2,
    );
}

/// The teacher works in the thread that draws batches.
#[test]
fn run_with_a_teacher_resumes_bit_for_bit() {
    let more = ["--teacher", "hrinet-motion-small", "--distillation-weight", "0.7"];
    resumes_bit_for_bit(&[&more[..], &["--iterations", "12", "--every", "3"]].concat(), 12, 2);
}

#[test]
fn run_against_d2_resumes_bit_for_bit() {
    let more = ["--beta", "0.001", "--iterations", "8", "--every", "2", "--batch", "1"];
    resumes_bit_for_bit(&more, 8, 2);
}

/// Four kills over twelve steps, some before and some after Stage II begins.
#[test]
fn run_of_two_stages_resumes_bit_for_bit_with_muon() {
    let more = ["--system", "hrinet-perceptual", "--stage-one-iterations", "5"];
    let more = [&more[..], &["--size", "64", "--iterations", "7", "--every", "2"]].concat();
    let more = [&more[..], &["--beta", "0.01", "--batch", "1", "--optimizer", "muon"]].concat();
    resumes_bit_for_bit(&more, 12, 4);
}

#[test]
fn other_settings_and_missing_data_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    patients(&at("data"), 3, (40, 9));
    std::fs::create_dir(at("empty")).unwrap();
    let fails = |data: &str, more: &[&str]| {
        let mut arguments = vec!["train", "--out", "out", "--iterations", "2", "--quiet"];
        arguments.extend(["--batch", "2", "--threads", "1", "--data", data]);
        arguments.extend(more);
        program::fails(folder.path(), &arguments, 1)
    };
    assert!(fails("nowhere", &[]).contains("nowhere"));
    assert!(fails("empty", &[]).contains("no volume to train on"));
    assert!(fails("data", &["--size", "33"]).contains("multiple of 16"));
    assert!(fails("data", &["--size", "32", "--gap", "30"]).contains("groups of 31 slices"));
    assert!(train(&at("data"), &at("out"), &[]).wait().unwrap().success());
    assert!(fails("data", &["--size", "32"]).contains("--resume"));
    let resumed = ["--size", "32", "--resume", "--seed", "6"];
    assert!(fails("data", &resumed).contains("other settings"));
}
