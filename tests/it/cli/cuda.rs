//! The CUDA library of libtorch: loaded where it is beside libtorch, and optional. The stand-in
//! here reports only that it was loaded; no CUDA device is needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::phantom::{moving_discs, write};

/// Writes a line to the file that the environment names when it is loaded.
const STAND_IN: &str = r#"
#include <stdio.h>
#include <stdlib.h>
__attribute__((constructor)) static void loaded(void) {
    FILE *mark = fopen(getenv("MARK"), "a");
    if (mark) { fputs("loaded\n", mark); fclose(mark); }
}
"#;

/// The folder of the libtorch that this process uses.
fn libtorch() -> PathBuf {
    assert!(tch::get_num_threads() > 0);
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.ends_with("/libtorch_cpu.so")).expect("libtorch");
    Path::new(&line[line.find('/').unwrap()..]).parent().unwrap().to_owned()
}

/// Links a file to another place, or copies it where links are not possible.
fn put(file: &Path, folder: &Path) {
    let target = folder.join(file.file_name().unwrap());
    if std::fs::hard_link(file, &target).is_err() {
        std::fs::copy(file, &target).unwrap();
    }
}

#[test]
fn cuda_loads_for_any_device_but_cpu() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| folder.path().join(name);
    // As it is installed: the program in bin, its libtorch in lib/torch.
    let torch = at("lib/torch");
    std::fs::create_dir_all(&torch).unwrap();
    std::fs::create_dir(at("bin")).unwrap();
    for program in [env!("CARGO_BIN_EXE_hrinet"), env!("CARGO_BIN_EXE_hrinet-torch")] {
        put(Path::new(program), &at("bin"));
    }
    for entry in std::fs::read_dir(libtorch()).unwrap() {
        let file = entry.unwrap().path();
        if !file.ends_with("libtorch_cuda.so") {
            put(&file, &torch);
        }
    }
    write(&at("in.nrrd"), &moving_discs(40, 5, 1));
    let resample = |device: &str| {
        let mut command = Command::new(at("bin/hrinet"));
        command.args(["resample", "in.nrrd", "out.nrrd", "--overwrite", "--factor", "2"]);
        command.args(["--model", "hrinet-motion-small", "--device", device]);
        let output = command.current_dir(folder.path()).env("MARK", at("mark")).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let made = |device: &str| {
        let (succeeded, said) = resample(device);
        assert!(succeeded, "{said}");
        (std::fs::read(at("out.nrrd")).unwrap(), said)
    };
    let (without, said) = made("auto");
    assert!(!said.contains("CUDA"), "{said}");

    std::fs::write(at("stand-in.c"), STAND_IN).unwrap();
    let library = torch.join("libtorch_cuda.so");
    let mut cc = Command::new("cc");
    let cc = cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(at("stand-in.c"));
    assert!(cc.status().unwrap().success());
    assert!(made("cpu").0 == without && !at("mark").exists());
    assert!(made("auto").0 == without);
    assert_eq!(std::fs::read_to_string(at("mark")).unwrap(), "loaded\n");
    let (succeeded, said) = resample("cuda");
    assert!(!succeeded && said.contains("no CUDA device"), "{said}");
    assert_eq!(std::fs::read_to_string(at("mark")).unwrap(), "loaded\nloaded\n");

    // One that cannot be loaded is said to be so, and the CPU is there.
    std::fs::write(&library, "no library").unwrap();
    let (made, said) = made("auto");
    assert!(made == without && said.contains("CUDA cannot be used"), "{said}");
}
