//! A segmentation in a file: its grid, and its segments with their sizes.

use std::collections::HashMap;
use std::path::Path;

use comfy_table::{Table, presets};
use hrinet::io::{Segment, Segmentation};
use hrinet::volume::{Axis, Geometry, Volume};
use hrinet::{Error, Result, io};
use serde_json::{Value, json};

use super::{print_json, volume};
use crate::interrupt;
use crate::messages::{self, print_line};

/// A segment with the number of its voxels.
struct Counted<'a> {
    segment: &'a Segment,
    voxels: u64,
    ml: f64,
}

/// Prints a segmentation.
///
/// # Errors
/// Those of [`io::read_segmentation`].
pub fn describe(path: &Path, json: bool) -> Result<()> {
    let segmentation = io::read_segmentation(path, &interrupt::raised)?;
    let Some(first) = segmentation.layers.first() else {
        return Err(Error::unsupported(path, "a segmentation without label maps"));
    };
    let voxel_type = first.voxels().voxel_type().name();
    let (layers, segments) = (segmentation.layers.len(), counted(&segmentation, first.geometry()));
    if json {
        let mut value = volume::grid_as_json(first.geometry());
        value["voxel_type"] = json!(voxel_type);
        value["layers"] = json!(layers);
        value["segments"] = segments.iter().map(Counted::as_json).collect();
        return print_json(&json!({ "segmentation": value }));
    }
    volume::print_grid(first.geometry())?;
    print_line(format_args!("type:        {voxel_type}"))?;
    print_line(format_args!("layers:      {layers}"))?;
    print_line("")?;
    messages::print(table(&segments).trim_fmt())
}

/// The segments, with their voxels counted.
fn counted<'a>(segmentation: &'a Segmentation, grid: &Geometry) -> Vec<Counted<'a>> {
    let counts: Vec<HashMap<i64, u64>> = segmentation.layers.iter().map(labels).collect();
    let spacings = Axis::ALL.map(|axis| grid.spacing(axis));
    let voxel_ml = spacings.iter().product::<f64>() / 1000.0;
    let count = |segment: &'a Segment| {
        let of_layer = counts.get(segment.layer);
        let voxels = of_layer.and_then(|counts| counts.get(&segment.label)).copied();
        let voxels = voxels.unwrap_or_default();
        Counted { segment, voxels, ml: voxels as f64 * voxel_ml }
    };
    segmentation.segments.iter().map(count).collect()
}

/// Number of voxels of each label.
fn labels(layer: &Volume) -> HashMap<i64, u64> {
    let mut counts = HashMap::new();
    for value in layer.voxels().values() {
        *counts.entry(value as i64).or_default() += 1;
    }
    counts
}

fn table(segments: &[Counted]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["segment", "layer", "label", "voxels", "ml"]);
    for Counted { segment, voxels, ml } in segments {
        table.add_row([
            segment.name().unwrap_or_default().to_string(),
            segment.layer.to_string(),
            segment.label.to_string(),
            voxels.to_string(),
            format!("{ml:.2}"),
        ]);
    }
    table
}

impl Counted<'_> {
    fn as_json(&self) -> Value {
        json!({
            "name": self.segment.name(),
            "layer": self.segment.layer,
            "label": self.segment.label,
            "colour": self.segment.colour(),
            "voxels": self.voxels,
            "volume_ml": self.ml,
        })
    }
}
