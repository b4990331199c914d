//! The JSON report of `hrinet fill`, and its plan.

use std::path::Path;
use std::time::Duration;

use hrinet::Result;
use hrinet::error::count_of;
use hrinet::io::Segmentation;
use hrinet::labels::fill::FilledSegment;
use hrinet::runtime::memory;
use serde::Serialize;

use super::Arguments;
use crate::dry_run::{PlannedFile, PlannedMemory, PlannedTime};
use crate::json;

/// Inputs and results of a filling.
#[derive(Serialize)]
pub struct Report {
    version: &'static str,
    image: String,
    labels: String,
    out: String,
    segments: Vec<SegmentReport>,
    /// What is lost of the label map, and what stays as it was.
    warnings: Vec<String>,
    fill_seconds: f64,
    seconds: f64,
    peak_memory_bytes: Option<u64>,
}

#[derive(Serialize)]
struct SegmentReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    layer: usize,
    #[serde(flatten)]
    filled: FilledSegment,
}

/// What a run would do.
#[derive(Serialize)]
pub struct Plan<'a> {
    dry_run: bool,
    #[serde(flatten)]
    report: &'a Report,
    memory: PlannedMemory,
    time: PlannedTime,
    files: Vec<PlannedFile>,
}

impl Report {
    /// Describes what is planned for each segment of each layer.
    pub fn new(
        arguments: &Arguments,
        labels: &Segmentation,
        planned: &[Vec<FilledSegment>],
        mut warnings: Vec<String>,
    ) -> Report {
        let segments = segments(labels, planned);
        let stays = |segment: &&SegmentReport| {
            segment.filled.drawn_slices == 1 && segment.filled.filled_slices == 0
        };
        let alone: Vec<String> = segments.iter().filter(stays).map(SegmentReport::name).collect();
        if !alone.is_empty() {
            let names = alone.join(", ");
            warnings.push(format!("drawn on one slice alone, which stays as it is: {names}"));
        }
        let path = |path: &Path| path.display().to_string();
        Report {
            version: env!("CARGO_PKG_VERSION"),
            image: path(&arguments.image),
            labels: path(&arguments.labels),
            out: path(&arguments.out),
            segments,
            warnings,
            fill_seconds: 0.0,
            seconds: 0.0,
            peak_memory_bytes: None,
        }
    }

    /// Puts in what was filled, and the seconds that it took.
    pub fn with_filled(
        self,
        labels: &Segmentation,
        filled: &[Vec<FilledSegment>],
        fill_seconds: f64,
    ) -> Report {
        Report { segments: segments(labels, filled), fill_seconds, ..self }
    }

    /// The plan, with what it takes.
    pub fn as_plan(
        &self,
        memory: PlannedMemory,
        time: PlannedTime,
        files: Vec<PlannedFile>,
    ) -> Plan<'_> {
        Plan { dry_run: true, report: self, memory, time, files }
    }

    /// Lines of a plan: the segments.
    pub fn lines(&self) -> Vec<String> {
        let segment = |segment: &SegmentReport| {
            let FilledSegment { drawn_slices, filled_slices, .. } = segment.filled;
            let drawn = count_of(drawn_slices, "slice");
            format!("segment: {}, drawn on {drawn}, {filled_slices} to fill", segment.name())
        };
        let warning = |warning: &String| format!("note:    {warning}");
        self.segments.iter().map(segment).chain(self.warnings.iter().map(warning)).collect()
    }

    /// Writes the report with the time of the whole command.
    ///
    /// # Errors
    /// [`hrinet::Error::Io`].
    pub fn write(self, path: &Path, time: Duration) -> Result<()> {
        let seconds = time.as_secs_f64();
        json::write(path, &Report { seconds, peak_memory_bytes: memory::peak(), ..self })
    }
}

impl SegmentReport {
    /// The name, or else the label.
    fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("label {}", self.filled.label))
    }
}

/// Segments of all layers with their names.
fn segments(labels: &Segmentation, layers: &[Vec<FilledSegment>]) -> Vec<SegmentReport> {
    let mut all = Vec::new();
    for (layer, segments) in layers.iter().enumerate() {
        for filled in segments {
            let own = labels
                .segments
                .iter()
                .find(|segment| segment.layer == layer && segment.label as f64 == filled.label);
            let name = own.and_then(|segment| segment.name()).map(String::from);
            all.push(SegmentReport { name, layer, filled: filled.clone() });
        }
    }
    all
}
