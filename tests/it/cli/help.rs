//! Help, version, completions and manual pages.

use std::path::Path;
use std::process::Command;

use crate::common::program::{command, succeeds};

const COMMANDS: [&str; 7] =
    ["resample", "batch", "fill", "info", "evaluate", "train", "completions"];

/// The first words of the lines of options. Possible values are a list of `- NAME: ...`.
fn options(text: &str) -> Vec<&str> {
    let words = text.lines().filter_map(|line| line.split_whitespace().next());
    words.filter(|word| word.len() > 1 && word.starts_with('-')).collect()
}

#[test]
fn short_help_has_a_line_an_option_and_long_help_says_more() {
    let folder = tempfile::tempdir().unwrap();
    let help = |arguments: &[&str]| succeeds(folder.path(), arguments).0;
    for name in COMMANDS {
        let (short, long) = (help(&[name, "-h"]), help(&[name, "--help"]));
        for line in short.lines().chain(long.lines()) {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
        assert_eq!(options(&short), options(&long), "{name}");
        assert!(long.lines().count() >= short.lines().count(), "{name}");
        assert!(short.contains("\nExamples:\n  hrinet "), "{name}: {short}");
        // The line of an option takes no second one.
        let wraps =
            |line: &&str| line.starts_with("          ") && !line.trim_start().starts_with('-');
        assert_eq!(short.lines().find(wraps), None, "{name}");
    }
    let groups = ["Output grid:", "Interpolation:", "Computation:", "Segmentation:", "Output:"];
    let resample = help(&["resample", "-h"]);
    assert!(groups.iter().all(|group| resample.contains(group)), "{resample}");
    let all = help(&["-h"]);
    assert!(COMMANDS.iter().all(|name| all.contains(&format!("\n  {name} "))), "{all}");
    assert!(all.contains("HRINET_MODEL") && !all.contains("manual"), "{all}");
}

#[test]
fn version_tells_more_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let version = concat!("hrinet ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(succeeds(folder.path(), &["--version"]).0, version);
    assert_eq!(succeeds(folder.path(), &["-V"]).0, version);
    let libtorch = Path::new(env!("CARGO_MANIFEST_DIR")).join(".libtorch/build-version");
    let libtorch = std::fs::read_to_string(libtorch).unwrap();
    for arguments in [&["--version", "-v"][..], &["-v", "--version"], &["-vV"]] {
        let output = command(folder.path(), arguments)
            .env("HRINET_MODEL", "/opt/site.safetensors")
            .output()
            .unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.starts_with(version), "{said}");
        for part in [
            "\ncommit: ",
            &format!("\nlibtorch:       {}", libtorch.trim()),
            "libtorch_cpu.so",
            "\ndevices:        cpu (CPU, ",
            "hrinet-motion-sharp",
            "\nHRINET_MODEL:   /opt/site.safetensors (",
            "\nHRINET_THREADS: not set (",
        ] {
            assert!(said.contains(part), "{said} lacks {part}");
        }
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    let completed = |words: &str, current: &str| {
        let script = format!(
            "source <(\"$0\" completions bash); COMP_WORDS=({words}); \
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _hrinet hrinet '{current}' ''; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash")
            .current_dir(folder.path())
            .args(["-c", &script, env!("CARGO_BIN_EXE_hrinet")])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(completed("hrinet res", "res"), ["resample"]);
    assert_eq!(completed("hrinet resample --dry", "--dry"), ["--dry-run"]);
    assert_eq!(completed("hrinet train --map", "--map"), ["--map-channels"]);
    for (shell, start) in [("zsh", "#compdef hrinet\n"), ("fish", "# Print an optspec")] {
        let (out, _) = succeeds(folder.path(), &["completions", shell]);
        assert!(out.starts_with(start) && out.contains("dry-run"), "{shell}: {}", &out[..200]);
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(folder.path(), &["manual", "."]);
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for name in COMMANDS {
        let page = page(&format!("hrinet-{name}.1"));
        assert!(page.contains(".TH ") && page.contains("\n.SH EXAMPLES\n"), "{name}: {page}");
    }
    assert!(page("hrinet.1").contains("hrinet\\-resample(1)"));
    assert!(page("hrinet-resample.1").contains("\\-\\-dry\\-run"));
    assert!(!folder.path().join("hrinet-manual.1").exists());
}
