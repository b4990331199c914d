//! The version in a word, and all that a report of a fault should name.

use hrinet::network::model;
use hrinet::runtime::{cuda, device, libtorch};

use crate::{model_files, site};

/// Commit that the program was built from; `scripts/setup` and the scripts that call it set the
/// variable.
const COMMIT: Option<&str> = option_env!("HRINET_BUILD_COMMIT");

/// Name and version.
pub fn short() -> String {
    let commit = commit().map_or(String::new(), |commit| format!(" ({commit})"));
    format!("hrinet {}{commit}", env!("CARGO_PKG_VERSION"))
}

/// Version, commit, libtorch, devices, models and the defaults of the site, a line each.
pub fn in_detail() -> String {
    cuda::load();
    let commit = commit().unwrap_or("not recorded (scripts/setup records it)");
    let file = libtorch::file().map_or(String::new(), |file| format!(", {}", file.display()));
    let devices: Vec<String> = device::available()
        .into_iter()
        .map(|device| format!("{} ({})", device.name, device.description))
        .collect();
    let files = model_files::folder()
        .map_or(String::new(), |folder| format!("; as files: {}", folder.display()));
    let mut lines = vec![
        format!("hrinet {}", env!("CARGO_PKG_VERSION")),
        format!("commit:         {commit}"),
        format!("libtorch:       {}{file}", libtorch::VERSION),
        format!("devices:        {}", devices.join("; ")),
        format!("models:         {}, in the program{files}", model::shipped_names().join(", ")),
    ];
    lines.extend(site::VARIABLES.iter().map(|variable| {
        let value = variable.value();
        let value = value.map_or("not set".into(), |value| value.to_string_lossy().into_owned());
        format!("{:15} {value} (default of {})", format!("{}:", variable.name), variable.flags)
    }));
    lines.join("\n")
}

fn commit() -> Option<&'static str> {
    COMMIT.filter(|commit| !commit.is_empty())
}
