//! Training that is killed and resumed ends with the same weights as training that is not.

#[path = "common/phantom.rs"]
mod phantom;
#[path = "common/program.rs"]
mod program;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hrinet::network::Checkpoint;
use phantom::{moving_discs, write};

const ITERATIONS: usize = 40;

fn train(data: &Path, out: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_hrinet"))
        .args(["train", "--quiet", "--system", "hrinet-motion", "--size", "32", "--batch", "2"])
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

fn data(folder: &Path) {
    for number in 0..3 {
        write(&folder.join(format!("patient{number}.nrrd")), &moving_discs(40, 9, number));
    }
}

#[test]
fn a_run_that_is_killed_and_resumed_gives_the_same_weights_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("data")).unwrap();
    data(&at("data"));
    assert!(train(&at("data"), &at("whole"), &[]).wait().unwrap().success());

    // Killed twice, each time once a new checkpoint is there, at whatever step that happens to be.
    let checkpoint = at("broken").join("checkpoint.safetensors");
    let mut steps_seen = 0;
    for _ in 0..2 {
        let mut run = train(&at("data"), &at("broken"), &["--resume"]);
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
    assert!(steps_seen > 0 && steps_seen < ITERATIONS as u64, "killed at {steps_seen}");
    assert!(train(&at("data"), &at("broken"), &["--resume"]).wait().unwrap().success());

    let [whole, broken] = ["whole", "broken"]
        .map(|run| Checkpoint::read(&at(run).join("checkpoint.safetensors")).unwrap());
    assert_eq!(whole.header.record.steps, ITERATIONS as u64);
    assert_eq!(whole.header.weights_sha256, broken.header.weights_sha256);
    assert_eq!(whole.tensors, broken.tensors);

    // The patient held out is named and not trained on.
    let record = whole.header.record;
    assert_eq!((record.trained_on.len(), record.held_out.len()), (2, 1));
    assert!(!record.trained_on.contains(&record.held_out[0]));
    assert!(record.held_out_psnr.is_some());
}

#[test]
fn other_settings_and_other_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("data")).unwrap();
    std::fs::create_dir(at("empty")).unwrap();
    data(&at("data"));
    let fails = |data: &str, more: &[&str]| {
        let mut arguments = vec!["train", "--out", "out", "--iterations", "2", "--quiet"];
        arguments.extend(["--batch", "2", "--threads", "1", "--data", data]);
        arguments.extend(more);
        program::fails(folder.path(), &arguments, 1)
    };
    assert!(fails("nowhere", &[]).contains("nowhere"));
    assert!(fails("empty", &[]).contains("no volume to train on"));
    assert!(fails("data", &["--system", "acai"]).contains("discriminators"));
    assert!(fails("data", &["--size", "33"]).contains("multiple of 16"));
    assert!(fails("data", &["--size", "32", "--gap", "30"]).contains("no volume to train on"));
    assert!(train(&at("data"), &at("out"), &[]).wait().unwrap().success());
    assert!(fails("data", &["--size", "32"]).contains("--resume"));
    let resumed = ["--size", "32", "--resume", "--seed", "6"];
    assert!(fails("data", &resumed).contains("other settings"));
}
