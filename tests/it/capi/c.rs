//! The C API as C programs use it: the header is current and strict, and what comes out is what the
//! library makes.

use std::path::{Path, PathBuf};
use std::process::Command;

use hrinet::network::{Checkpoint, Model, System};
use hrinet::resample::{Interpolator, Plan, Spacing, resample};
use hrinet::training::{Settings, Trainer};
use hrinet::volume::{Geometry, Rescale, Volume, Voxels};
use ndarray::Array3;
use tch::Device;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn committed_header_is_current() {
    let made = std::fs::read_to_string(concat!(env!("OUT_DIR"), "/hrinet.h")).unwrap();
    let committed = std::fs::read_to_string(Path::new(ROOT).join("include/hrinet.h")).unwrap();
    assert!(
        made == committed,
        "include/hrinet.h is stale: copy {}/hrinet.h there",
        env!("OUT_DIR")
    );
}

#[test]
fn header_compiles_alone_as_strict_c99_and_cxx11() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("alone.c");
    std::fs::write(&source, "#include <hrinet.h>\n#include <hrinet.h>\n").unwrap();
    for language in [["-xc", "-std=c99"], ["-xc++", "-std=c++11"]] {
        let done = Command::new("cc")
            .args(language)
            .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"])
            .arg(format!("-I{ROOT}/include"))
            .arg(&source)
            .status()
            .unwrap();
        assert!(done.success(), "{language:?}");
    }
}

/// A C program of `tests/capi`, linked with the library that this test was built beside.
fn build(name: &str, folder: &Path) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let library = test.parent().unwrap().join("libhrinet.so");
    assert!(library.exists(), "{} is missing", library.display());
    for link in ["libhrinet.so", "libhrinet.so.1"] {
        std::os::unix::fs::symlink(&library, folder.join(link)).unwrap();
    }
    let program = folder.join(name);
    let done = Command::new("cc")
        .args(["-std=c99", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg(format!("-I{ROOT}/include"))
        .arg(format!("{ROOT}/tests/capi/{name}.c"))
        .arg(format!("-L{}", folder.display()))
        .arg("-lhrinet")
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        // The library finds libtorch by its own rpath; ld need not follow.
        .arg("-Wl,--allow-shlib-undefined")
        .arg("-lm")
        .arg("-o")
        .arg(&program)
        .status()
        .unwrap();
    assert!(done.success(), "{name}.c does not build");
    program
}

#[test]
fn c_program_gets_the_same_voxels_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let program = build("resample", folder.path());
    let trainer = Trainer::new(Settings::default_for(System::HrinetMotion), Device::Cpu).unwrap();
    std::fs::write(at("model.safetensors"), trainer.model().unwrap()).unwrap();

    let array = Array3::from_shape_fn((4, 20, 24), |(k, j, i)| {
        ((i * 131 + j * 57 + k * 911) % 2600) as i16 - 1100
    });
    let bytes: Vec<u8> = array.iter().flat_map(|voxel| voxel.to_le_bytes()).collect();
    std::fs::write(at("in.raw"), bytes).unwrap();
    let steps = [[0.8, 0.0, 0.0], [0.0, 0.8, 0.0], [0.0, 0.0, 3.0]];
    let geometry = Geometry::new([24, 20, 4], [-7.5, 0.0, 0.0], steps).unwrap();
    let volume = Volume::new(array.into(), Rescale::IDENTITY, geometry).unwrap();
    let plan = Plan::new(volume.geometry(), None, &Spacing::Factor(3)).unwrap();
    let checkpoint = Checkpoint::read(&at("model.safetensors")).unwrap();
    let model = Model::new(checkpoint, Device::Cpu).unwrap();

    let named = at("model.safetensors").display().to_string();
    for (name, interpolator) in [("-", Interpolator::Linear), (named.as_str(), model.into())] {
        let output = Command::new(&program)
            .arg(name)
            .args([at("in.raw"), at("out.raw")])
            .env("OMP_NUM_THREADS", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        assert_eq!((said.as_ref(), output.stdout.len()), ("", 0), "the library prints nothing");
        tch::set_num_threads(1);
        let expected = resample(&volume, &plan, &interpolator).unwrap();
        let Voxels::Int16(expected) = expected.voxels() else { panic!("the type changed") };
        let expected: Vec<u8> = expected.iter().flat_map(|voxel| voxel.to_le_bytes()).collect();
        assert!(std::fs::read(at("out.raw")).unwrap() == expected, "{name}: other voxels");
    }
}

/// Runs a program, which must succeed and print nothing.
fn run(program: &Path, argument: &Path) {
    let output = Command::new(program).arg(argument).env("OMP_NUM_THREADS", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!((said.as_ref(), output.stdout.len()), ("", 0), "the library prints nothing");
}

#[test]
fn c_program_keeps_its_environment_and_forks() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.safetensors");
    let trainer = Trainer::new(Settings::default_for(System::HrinetMotion), Device::Cpu).unwrap();
    std::fs::write(&model, trainer.model().unwrap()).unwrap();
    run(&build("host", folder.path()), &model);
}

#[test]
fn c_program_fills_labels() {
    let folder = tempfile::tempdir().unwrap();
    run(&build("fill", folder.path()), folder.path());
}

#[test]
fn c_program_trains() {
    let folder = tempfile::tempdir().unwrap();
    run(&build("train", folder.path()), folder.path());
}

#[test]
fn c_program_chooses_methods_labels_devices_and_precision() {
    let folder = tempfile::tempdir().unwrap();
    let paper = folder.path().join("paper.safetensors");
    let trainer = Trainer::new(Settings::default_for(System::HrinetMse), Device::Cpu).unwrap();
    std::fs::write(&paper, trainer.model().unwrap()).unwrap();
    run(&build("methods", folder.path()), &paper);
}

#[test]
fn c_program_gets_expected_errors() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let motion = Settings::default_for(System::HrinetMotion);
    let plain = Trainer::new(motion, Device::Cpu).unwrap().model().unwrap();
    let checkpoint = Checkpoint::from_bytes(Path::new("plain"), &plain).unwrap();
    let settings = Settings::default_for_error_head();
    let confident = Trainer::begin_from(&checkpoint, settings, Device::Cpu).unwrap();
    std::fs::write(at("small.safetensors"), plain).unwrap();
    std::fs::write(at("confident.safetensors"), confident.model().unwrap()).unwrap();
    run(&build("expected_error", folder.path()), folder.path());
}
