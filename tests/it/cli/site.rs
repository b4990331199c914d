//! Site defaults: environment variables in place of flags.

use std::path::Path;

use crate::common::phantom::{moving_discs, write};
use crate::common::program::command;
use serde_json::Value;

const BASE: &str = "resample in.nrrd out.nrrd --overwrite --json report.json";

/// Runs a line in the folder with variables; gives the exit status and standard error.
fn run(folder: &Path, line: &str, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let words: Vec<&str> = line.split(' ').collect();
    let output = command(folder, &words).envs(variables.iter().copied()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The model of the report.
fn model(folder: &Path) -> String {
    let text = std::fs::read(folder.join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&text).unwrap();
    report["model"]["name"].as_str().unwrap().to_string()
}

#[test]
fn variables_are_defaults_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(16, 4, 0));
    let site = [("HRINET_MODEL", "cubic"), ("HRINET_DEVICE", "cpu"), ("HRINET_THREADS", "1")];
    let (status, said) = run(folder.path(), BASE, &site);
    assert_eq!((status, model(folder.path())), (Some(0), "cubic".into()), "{said}");
    // Values that would be refused, were they taken.
    let bad = [("HRINET_MODEL", "none"), ("HRINET_DEVICE", "none"), ("HRINET_THREADS", "none")];
    let flags = format!("{BASE} --model linear --device cpu --threads 1");
    let (status, said) = run(folder.path(), &flags, &bad);
    assert_eq!((status, model(folder.path())), (Some(0), "linear".into()), "{said}");
    let empty = [("HRINET_MODEL", ""), ("HRINET_DEVICE", ""), ("HRINET_THREADS", "")];
    let (status, said) = run(folder.path(), BASE, &empty);
    assert_eq!((status, model(folder.path())), (Some(0), "hrinet-motion".into()), "{said}");
    let evaluate = "evaluate --data in.nrrd --gap 3 --json scores.json";
    let (status, said) = run(folder.path(), evaluate, &[("HRINET_MODEL", "linear")]);
    assert_eq!(status, Some(0), "{said}");
    let scores = std::fs::read_to_string(folder.path().join("scores.json")).unwrap();
    assert!(scores.contains("\"cubic\"") && !scores.contains("hrinet-motion"), "{scores}");
}

#[test]
fn bad_values_are_refused_by_the_name_of_the_variable() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("in.nrrd"), &moving_discs(40, 4, 0));
    std::fs::create_dir(folder.path().join("data")).unwrap();
    write(&folder.path().join("data/a.nrrd"), &moving_discs(40, 9, 0));
    let train = "train --data data --out run --size 32 --iterations 1";
    let evaluate = "evaluate --data in.nrrd --gap 2";
    for (name, value, lines, reason) in [
        ("HRINET_MODEL", "hrinet-motoin", &[BASE, evaluate][..], "there are hrinet-motion"),
        ("HRINET_MODEL", "in.nrrd", &[BASE, evaluate], "not an HRINet checkpoint"),
        ("HRINET_DEVICE", "gpu", &[BASE, evaluate, train], "choose auto, cpu, cuda or cuda:N"),
        ("HRINET_THREADS", "many", &[BASE, evaluate, train], "\"many\" is no number of threads"),
        ("HRINET_THREADS", "0", &[BASE, evaluate, train], "use 1 to"),
    ] {
        for line in lines {
            let (status, said) = run(folder.path(), line, &[(name, value)]);
            let last = said.lines().last().unwrap_or_default();
            assert_eq!(status, Some(1), "{name}={value} {line}: {said}");
            let starts = last.starts_with(&format!("hrinet: {name}: "));
            assert!(starts && last.contains(reason), "{name}={value} {line}: {said}");
        }
    }
}
