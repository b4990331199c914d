//! Files that have no end, never begin or unpack to more than the memory: refused before anything
//! is allocated, in every place that takes a file.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::phantom::{moving_discs, patients, write};

/// Runs the program with a limit on its memory (kB of address space); it must fail with one line,
/// which is returned. It is ended after a minute.
fn refused(folder: &Path, arguments: &[&str], kilobytes: Option<u64>) -> String {
    let limit = kilobytes.map_or("unlimited".into(), |kilobytes| kilobytes.to_string());
    let output = Command::new("bash")
        .current_dir(folder)
        .args(["-c", "ulimit -v \"$0\"; exec timeout 60 \"$@\"", &limit])
        .arg(env!("CARGO_BIN_EXE_hrinet"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("hrinet:")).collect();
    assert_eq!(lines.len(), 1, "{arguments:?}: {said}");
    lines[0].to_string()
}

/// All commands with a file in each place that takes one.
fn commands(volume: &str, model: &str) -> Vec<Vec<String>> {
    let resample = "resample in.nrrd out.nii --threads 1 --model";
    let train = "train --data data --out out --size 32 --iterations 1 --threads 1";
    [
        format!("resample {volume} out.nii --model linear"),
        format!("{resample} linear --labels {volume} labels.nii"),
        format!("{resample} linear --reference {volume}"),
        format!("{resample} {model}"),
        format!("info {volume}"),
        format!("info {model}"),
        format!("evaluate --data {volume} --models linear --gap 2"),
        format!("evaluate --data in.nrrd --models {model} --gap 2"),
        format!("{train} --config {model}"),
        format!("{train} --from {model}"),
        format!("{train} --teacher {model}"),
    ]
    .map(|line| line.split(' ').map(String::from).collect())
    .into()
}

#[test]
fn pipes_and_devices_are_refused_in_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("in.nrrd"), &moving_discs(40, 9, 0));
    patients(&at("data"), 2, (40, 9));
    for (name, words) in [("pipe", "a named pipe"), ("device", "a device")] {
        for ending in ["nii", "safetensors"] {
            let path = at(&format!("{name}.{ending}"));
            match name {
                "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
                _ => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
            }
        }
        for command in commands(&format!("{name}.nii"), &format!("{name}.safetensors")) {
            let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            let line = refused(folder.path(), &arguments, None);
            assert!(line.contains(words) && line.contains(name), "{arguments:?}: {line}");
        }
    }
}

/// An NRRD file of `megabytes` of zeros, which gzip makes a thousand times smaller, twice.
fn bomb(path: &Path, megabytes: usize) {
    let mut member = GzEncoder::new(Vec::new(), Compression::fast());
    member.write_all(&vec![0; 64_000_000]).unwrap();
    let member = member.finish().unwrap();
    let slices = megabytes.div_ceil(64);
    let mut file = GzEncoder::new(std::fs::File::create(path).unwrap(), Compression::fast());
    let header = format!(
        "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\n\
         sizes: 8000 4000 {slices}\nspace directions: (1,0,0) (0,1,0) (0,0,3)\n\
         kinds: domain domain domain\nendian: little\nencoding: gzip\nspace origin: (0,0,0)\n\n"
    );
    file.write_all(header.as_bytes()).unwrap();
    for _ in 0..slices {
        file.write_all(&member).unwrap();
    }
    file.finish().unwrap();
}

#[test]
fn volumes_beyond_the_memory_are_refused_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.nrrd");
    bomb(&path, 20_000);
    assert!(std::fs::metadata(&path).unwrap().len() < 20_000_000);
    for arguments in [
        &["info", "bomb.nrrd"][..],
        &["resample", "bomb.nrrd", "out.nii", "--model", "linear", "--threads", "1"],
        &["evaluate", "--data", "bomb.nrrd", "--models", "linear", "--threads", "1"],
    ] {
        let line = refused(folder.path(), arguments, Some(12_000_000));
        let figures = line.contains("GB of memory, free: ") && !line.contains("free: 0");
        assert!(figures, "{line}");
        let advice = if arguments[0] == "resample" { "larger spacing" } else { "bomb.nrrd" };
        assert!(line.contains(advice), "{line}");
    }
    // The volume fits into the memory, but not what is made of it.
    bomb(&path, 3_000);
    let line = "resample bomb.nrrd out.nii --threads 1 --factor 9 -q";
    let words: Vec<&str> = line.split(' ').collect();
    let line = refused(folder.path(), &words, Some(12_000_000));
    assert!(line.contains("larger spacing"), "{line}");
}

#[test]
fn batches_beyond_the_memory_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    patients(&folder.path().join("data"), 2, (40, 9));
    let train = "train --data data --out out --size 32 --threads 1 --batch";
    for batch in ["1000000", "100000000", "18446744073709551615"] {
        let line = format!("{train} {batch}");
        let arguments: Vec<&str> = line.split(' ').collect();
        let line = refused(folder.path(), &arguments, None);
        assert!(line.contains(&format!("--batch of {batch}")), "{line}");
    }
}
