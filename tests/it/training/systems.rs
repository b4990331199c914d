//! Training as users run it: every system, shared stages, fine-tuning, bad input, full disks.

use crate::common::program;
use crate::common::python;
use std::path::Path;
use std::process::Command;

use crate::common::phantom::{moving_discs, patients, write};
use crate::common::program::{fails, succeeds};
use hrinet::network::{Checkpoint, Model};

/// A folder with `data/` of two patients.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("data"), 2, (80, 8));
    folder
}

fn arguments<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let common = ["train", "--data", "data", "--out", out, "--size", "64", "--batch", "1"];
    let common = [&common[..], &["--quiet", "--hold-out", "1", "--threads", "1"]].concat();
    [&common[..], &["--device", "cpu"], more].concat()
}

fn checkpoint(folder: &Path, file: &str) -> Checkpoint {
    Checkpoint::read(&folder.join(file)).unwrap()
}

#[test]
fn every_system_trains_and_resamples() {
    let folder = folder();
    for system in
        ["ae", "acai", "hrinet-patchgan", "hrinet-mse", "hrinet-perceptual", "hrinet-motion"]
    {
        let two = system.starts_with("hrinet-") && system != "hrinet-motion";
        let mut more = vec!["--system", system, "--iterations", "2", "--pictures", "1"];
        if two {
            more.extend(["--stage-one-iterations", "1"]);
        }
        succeeds(folder.path(), &arguments(system, &more));
        let steps = if two { 3 } else { 2 };
        let model = format!("{system}/{system}.safetensors");
        assert_eq!(checkpoint(folder.path(), &model).header.record.steps, steps, "{system}");
        let out = format!("{system}.nrrd");
        succeeds(folder.path(), &["resample", "data/patient0.nrrd", &out, "--model", &model, "-q"]);
        for left in ["config.toml", "losses.csv", "curves.png", "events.out.tfevents.0.hrinet"] {
            assert!(folder.path().join(system).join(left).exists(), "{system}: {left}");
        }
        let picture = folder.path().join(system).join("pictures/step-000002.png");
        let inner = if system == "hrinet-motion" { 1 } else { 5 };
        let size = image::open(picture).unwrap().to_luma8().dimensions();
        assert_eq!(size, ((inner + 2) * 68 - 4, 2 * 68 - 4), "{system}");
    }
}

/// Stage I of one system serves all three of two stages.
#[test]
fn shared_stage_one_gives_the_weights_of_one_command() {
    let folder = folder();
    let stages = |one, two, out: &str, more: &[&str]| {
        let stages = ["--stage-one-iterations", one, "--iterations", two];
        succeeds(folder.path(), &arguments(out, &[&stages[..], more].concat()));
    };
    stages("3", "2", "whole", &["--system", "hrinet-perceptual"]);
    stages("3", "0", "one", &["--system", "hrinet-mse"]);
    let from = ["--system", "hrinet-perceptual", "--from", "one/checkpoint.safetensors"];
    stages("0", "2", "two", &from);
    let [whole, two] = ["whole", "two"]
        .map(|run| checkpoint(folder.path(), &format!("{run}/checkpoint.safetensors")));
    assert_eq!(whole.tensors, two.tensors);
    for group in ["generator", "critic", "patch_gan", "perceptual"] {
        assert!(!whole.group(group).is_empty(), "{group}");
    }
    // P is the encoder as Stage I left it.
    let one = checkpoint(folder.path(), "one/checkpoint.safetensors");
    for (name, weight) in whole.group("perceptual") {
        assert_eq!(weight, one.group("generator")[&name], "{name}");
        assert_ne!(weight, whole.group("generator")[&name], "{name}");
    }
    assert_eq!(two.header.record.began_from, Some(one.file_sha256));
}

#[test]
fn checkpoints_of_the_same_kind_of_generator_are_fine_tuned() {
    let folder = folder();
    succeeds(folder.path(), &arguments("first", &["--iterations", "2"]));
    let model = "first/hrinet-motion.safetensors";
    let more = ["--from", model, "--iterations", "1", "--learning-rate", "1e-9", "--warm-up", "0"];
    succeeds(folder.path(), &arguments("tuned", &more));
    let tuned = checkpoint(folder.path(), "tuned/hrinet-motion.safetensors");
    let first = checkpoint(folder.path(), model);
    for (name, weight) in tuned.group("generator") {
        let apart = (weight - &first.group("generator")[&name]).abs().max().double_value(&[]);
        assert!(apart < 1e-7, "{name} moved by {apart}");
    }
    let refused = |system| {
        fails(folder.path(), &arguments("other", &["--from", model, "--system", system]), 1)
    };
    let line = refused("hrinet-mse");
    assert!(line.contains(model) && line.contains("warps its maps"), "{line}");
    assert!(refused("ae").contains("ae needs one with one feature map"));
    let nowhere = arguments("other", &["--from", "nowhere.safetensors"]);
    assert!(fails(folder.path(), &nowhere, 1).contains("nowhere.safetensors"));
    let no_model = arguments("other", &["--from", "data/patient0.nrrd"]);
    assert!(fails(folder.path(), &no_model, 1).contains("not an HRINet checkpoint"));
}

#[test]
fn teacher_is_recorded_and_rejected_where_it_cannot_teach() {
    let folder = folder();
    let run = |out: &str, more: &[&str]| {
        succeeds(folder.path(), &arguments(out, &[&["--iterations", "2"], more].concat()));
        checkpoint(folder.path(), &format!("{out}/hrinet-motion.safetensors"))
    };
    let alone = run("alone", &[]);
    let taught = run("taught", &["--teacher", "hrinet-motion-small"]);
    let again = run("again", &["--teacher", "hrinet-motion-small", "--distillation-weight", "0.5"]);
    assert_ne!(taught.tensors, alone.tensors);
    assert_eq!(taught.tensors, again.tensors);
    let teacher = Model::load("hrinet-motion-small", tch::Device::Cpu).unwrap();
    assert_eq!(taught.header.record.taught_by.as_deref(), Some(teacher.checksum()));
    assert_eq!(alone.header.record.taught_by, None);

    let refused = |out: &str, more: &[&str]| fails(folder.path(), &arguments(out, more), 1);
    assert!(refused("out", &["--distillation-weight", "0.5"]).contains("without a teacher"));
    let teacher = ["--teacher", "hrinet-motion"];
    let with = |more: &[&'static str]| [&teacher[..], more].concat();
    assert!(refused("out", &with(&["--distillation-weight", "0"])).contains("weight of 0;"));
    assert!(refused("out", &with(&["--distillation-weight", "1.5"])).contains("must be at most 1"));
    assert!(refused("out", &with(&["--beta", "0.001"])).contains("against D2"));
    assert!(refused("out", &with(&["--system", "ae"])).contains("for ae"));
    assert!(refused("out", &["--teacher", "nobody"]).contains("hrinet-motion-small"));
    succeeds(folder.path(), &arguments("ae", &["--system", "ae", "--iterations", "1"]));
    let line = refused("out", &["--teacher", "ae/ae.safetensors"]);
    assert!(line.contains("ae/ae.safetensors") && line.contains("is ae"), "{line}");
    let line = refused("taught", &with(&["--iterations", "2", "--resume"]));
    assert!(line.contains("another teacher"), "{line}");
}

#[test]
fn config_file_reproduces_a_run_and_names_bad_lines() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("own.toml"), "system = \"acai\"\niterations = 2\nlambda = 0.25\n").unwrap();
    let more = ["--config", "own.toml", "--lambda", "0.75"];
    succeeds(folder.path(), &arguments("first", &more));
    let config = std::fs::read_to_string(at("first/config.toml")).unwrap();
    for line in ["system = \"acai\"", "lambda = 0.75", "fit = \"resize\"", "gap = [6]"] {
        assert!(config.contains(line), "{config}");
    }
    // The same run from the effective settings that were written beside the checkpoint.
    let again = ["train", "--data", "data", "--out", "again", "--config", "first/config.toml"];
    succeeds(folder.path(), &[&again[..], &["--quiet", "--threads", "1"]].concat());
    let weights = |run: &str| checkpoint(folder.path(), &format!("{run}/acai.safetensors")).tensors;
    assert_eq!(weights("first"), weights("again"));

    let refused = |text: &str| {
        std::fs::write(at("bad.toml"), text).unwrap();
        fails(folder.path(), &arguments("bad", &["--config", "bad.toml"]), 1)
    };
    let line = refused("batch = 2\nlamda = 0.5\n");
    assert!(line.contains("bad.toml: line 2") && line.contains("`lamda`"), "{line}");
    assert!(line.contains("`lambda`"), "{line}");
    assert!(refused("lambda = \"much\"\n").contains("line 1"));
    assert!(refused("system = \"unet\"\n").contains("hrinet-mse"));
    assert!(refused("lambda = \n").contains("bad.toml"));
}

#[test]
fn contradictory_settings_and_changed_data_are_rejected() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let refused = |more: &[&str]| fails(folder.path(), &arguments("out", more), 1);
    let mse = ["--system", "hrinet-mse"];
    assert!(refused(&[&mse[..], &["--size", "96"]].concat()).contains("multiple of 64"));
    assert!(refused(&[&mse[..], &["--lambda=-1"]].concat()).contains("lambda = -1"));
    assert!(refused(&[&mse[..], &["--gap", "2,6"]].concat()).contains("one length"));
    assert!(refused(&["--system", "ae", "--beta", "0.1"]).contains("no D2"));
    assert!(refused(&["--precision", "bfloat16"]).contains("float32"));
    // Crops larger than the planes, groups longer than the volumes.
    let line = refused(&[&mse[..], &["--size", "128", "--fit", "crop"]].concat());
    assert!(line.contains("all 2 are too small for squares of 128"), "{line}");
    assert!(refused(&[&mse[..], &["--gap", "8"]].concat()).contains("groups of 9 slices"));

    // Volumes of several sizes: all can be resized; those smaller than the crops are left out.
    write(&at("data/small.nrrd"), &moving_discs(40, 8, 2));
    let more = ["--system", "ae", "--iterations", "1", "--hold-out", "0"];
    succeeds(folder.path(), &arguments("resized", &more));
    let trained_on = |run: &str| {
        checkpoint(folder.path(), &format!("{run}/ae.safetensors")).header.record.trained_on
    };
    assert_eq!(trained_on("resized"), ["patient0", "patient1", "small"]);
    succeeds(folder.path(), &arguments("scaled", &[&more[..], &["--plane", "96"]].concat()));
    let data = std::fs::read_to_string(at("scaled/data.csv")).unwrap();
    assert!(data.contains("train,small,8,96,96"), "{data}");
    succeeds(folder.path(), &arguments("cropped", &[&more[..], &["--fit", "crop"]].concat()));
    assert_eq!(trained_on("cropped"), ["patient0", "patient1"]);

    // Other data than the run began with.
    std::fs::remove_file(at("data/small.nrrd")).unwrap();
    let resumed = [&more[..], &["--resume"]].concat();
    let line = fails(folder.path(), &arguments("resized", &resumed), 1);
    assert!(line.contains("train,small,8,64,64") && line.contains("same data"), "{line}");

    // A checkpoint of another system in the folder.
    let line = fails(folder.path(), &arguments("resized", &["--system", "acai", "--resume"]), 1);
    assert!(line.contains("resized/checkpoint.safetensors"), "{line}");
    assert!(line.contains("other settings"), "{line}");
}

#[test]
fn diverging_training_stops_and_keeps_the_last_good_checkpoint() {
    let folder = folder();
    let diverges = |system: &str, rate: &str| {
        let more = ["--system", system, "--learning-rate", rate, "--warm-up", "0"];
        let more = [&more[..], &["--every", "1", "--iterations", "50"]].concat();
        let output = program::output(folder.path(), &arguments(system, &more));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("diverged at step") && said.lines().count() == 1, "{said}");
        said
    };
    // One step of this rate makes the outputs non-finite: there is no checkpoint to keep.
    let said = diverges("hrinet-motion", "1e12");
    assert!(said.contains("step 1:") || said.contains("step 2:"), "{said}");
    // Here the losses explode after a few sound steps.
    let said = diverges("ae", "0.1");
    let kept = checkpoint(folder.path(), "ae/checkpoint.safetensors");
    let steps = kept.header.record.steps;
    assert!(steps > 0 && said.contains(&format!("step {}:", steps + 1)), "{said} after {steps}");
    for (name, weight) in kept.tensors {
        assert_eq!(weight.isfinite().all().int64_value(&[]), 1, "{name}");
    }
    let csv = std::fs::read_to_string(folder.path().join("ae/losses.csv")).unwrap();
    assert_eq!(csv.lines().count() as u64, 1 + steps);
    assert!(folder.path().join("ae/ae.safetensors").exists());
}

/// A limit on the size of files stands for a full disk.
#[test]
fn full_disk_stops_training_and_keeps_the_last_checkpoint() {
    let folder = folder();
    let more = ["--every", "1", "--iterations", "2"];
    succeeds(folder.path(), &arguments("out", &more));
    let path = folder.path().join("out/checkpoint.safetensors");
    let before = std::fs::read(&path).unwrap();
    let line = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\"";
    let more = ["--every", "1", "--iterations", "4", "--from", "out/checkpoint.safetensors"];
    let output = Command::new("bash")
        .current_dir(folder.path())
        .args(["-c", line, env!("CARGO_BIN_EXE_hrinet")])
        .args(arguments("full", &more))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("full/checkpoint.safetensors") && said.lines().count() == 1, "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(!program::files(folder.path()).iter().any(|name| name.ends_with(".partial")));
}

/// Read by a parser and a CRC of their own.
#[test]
fn event_file_holds_the_values_of_the_csv() {
    let folder = folder();
    let more = ["--system", "acai", "--iterations", "3", "--every", "2"];
    succeeds(folder.path(), &arguments("out", &more));
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    assert_eq!(python::run("training_events.py", &[out]).trim(), "3 rows agree");
}
