//! `hrinet info`: description of a volume, a folder or a model.

use std::path::{Path, PathBuf};

use clap::Args;
use hrinet::io::{FolderContents, ReadOptions};
use hrinet::network::{Model, SliceNetwork};
use hrinet::volume::{Axis, Volume};
use hrinet::{Error, Result, io};
use serde_json::{Value, json};
use tch::Device;

use crate::messages::{self, print_line};
use crate::{interrupt, series_table};

/// Describe a volume or a model, or list the series in a folder.
#[derive(Args)]
pub struct Arguments {
    /// A volume, a folder with DICOM series, a checkpoint file, or a shipped model's name.
    what: PathBuf,
    /// Describe this DICOM series, where there are several: its number in the list, its UID or the
    /// start of it.
    #[arg(long, value_name = "N|UID")]
    series: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `hrinet info`.
///
/// # Errors
/// The first error, for the user.
pub fn run(arguments: &Arguments) -> Result<()> {
    let path = arguments.what.as_path();
    if io::holds_series(path) {
        return series(arguments);
    }
    if io::is_volume_file(path) {
        let volume = read(path, None)?;
        return match arguments.json {
            true => print_json(&json!({ "volume": as_json(&volume)? })),
            false => print_volume(&volume),
        };
    }
    let model = Model::load(&path.to_string_lossy(), Device::Cpu)?;
    match arguments.json {
        true => print_json(&json!({ "model": model_as_json(&model) })),
        false => print_model(&model),
    }
}

/// Lists the series of a folder; describes the volume where it is clear which one is meant.
fn series(arguments: &Arguments) -> Result<()> {
    let path = arguments.what.as_path();
    let options = ReadOptions { series: None, cancelled: Some(&interrupt::raised) };
    let contents = io::list(path, &options)?;
    if !arguments.json {
        series_table::print(&contents)?;
    }
    let volume = match read(path, arguments.series.as_deref()) {
        Ok(volume) => Some(volume),
        // Several series, none of which was chosen.
        Err(Error::Argument(_)) if arguments.series.is_none() && contents.series.len() > 1 => None,
        // The list is what can be said.
        Err(error) if arguments.json && arguments.series.is_none() => {
            return print_contents(&contents, None, Some(&error));
        }
        Err(error) => return Err(error),
    };
    if arguments.json {
        return print_contents(&contents, volume.as_ref(), None);
    }
    volume.as_ref().map_or(Ok(()), |volume| {
        print_line("")?;
        print_volume(volume)
    })
}

fn print_contents(
    contents: &FolderContents,
    volume: Option<&Volume>,
    error: Option<&Error>,
) -> Result<()> {
    print_json(&json!({
        "series": contents.series,
        "passed_over": contents.passed_over,
        "volume": volume.map(as_json).transpose()?,
        "error": error.map(Error::to_string),
    }))
}

fn read(path: &Path, series: Option<&str>) -> Result<Volume> {
    let series = series.map(String::from);
    io::read_with(path, &ReadOptions { series, cancelled: Some(&interrupt::raised) })
}

fn print_json(value: &Value) -> Result<()> {
    let text = serde_json::to_string_pretty(value);
    messages::print(text.map_err(|error| Error::Argument(error.to_string()))?)
}

fn as_json(volume: &Volume) -> Result<Value> {
    let (geometry, rescale) = (volume.geometry(), volume.rescale());
    let range = match volume.voxels().has_nan() {
        true => None,
        false => Some(volume.voxels().range()?),
    };
    Ok(json!({
        "size": geometry.size(),
        "spacing_mm": Axis::ALL.map(|axis| geometry.spacing(axis)),
        "origin_ras_mm": geometry.origin(),
        "directions_ras": Axis::ALL.map(|axis| geometry.direction(axis)),
        "slice_axis": geometry.slice_axis().to_string(),
        "uneven_slices_mm": geometry.uneven_slices(),
        "voxel_type": volume.voxels().voxel_type().name(),
        "rescale": { "slope": rescale.slope, "intercept": rescale.intercept },
        "range_hu": range.map(|(low, high)| [rescale.to_hu(low), rescale.to_hu(high)]),
    }))
}

fn print_volume(volume: &Volume) -> Result<()> {
    let geometry = volume.geometry();
    print_line(format_args!("size:        {:?} (i, j, k)", geometry.size()))?;
    print_line(format_args!("spacing:     {:?} mm", Axis::ALL.map(|axis| geometry.spacing(axis))))?;
    print_line(format_args!("origin:      {:?} mm (RAS)", geometry.origin()))?;
    print_line(format_args!(
        "directions:  {:?} (RAS)",
        Axis::ALL.map(|axis| geometry.direction(axis))
    ))?;
    print_line(format_args!("slice axis:  {}", geometry.slice_axis()))?;
    if let Some(degrees) = geometry.tilt_degrees() {
        print_line(format_args!("tilt:        {degrees:.2} degrees (gantry)"))?;
    }
    if let Some(positions) = geometry.uneven_slices() {
        print_line(format_args!("slices at:   {positions:?} mm (uneven)"))?;
    }
    let rescale = volume.rescale();
    print_line(format_args!("type:        {}", volume.voxels().voxel_type().name()))?;
    print_line(format_args!(
        "rescale:     {} * stored + {} = HU",
        rescale.slope, rescale.intercept
    ))?;
    if volume.voxels().has_nan() {
        return print_line("range:       with NaN");
    }
    let (low, high) = volume.voxels().range()?;
    print_line(format_args!("range:       {} to {} HU", rescale.to_hu(low), rescale.to_hu(high)))?;
    Ok(())
}

fn model_as_json(model: &Model) -> Value {
    let record = model.record();
    json!({
        "system": model.system().to_string(),
        "parameters": model.parameter_count(),
        "window_hu": model.window_hu(),
        "sha256": model.checksum(),
        "record": record,
    })
}

fn print_model(model: &Model) -> Result<()> {
    let record = model.record();
    let [low, high] = model.window_hu();
    print_line(format_args!("system:      {}", model.system()))?;
    print_line(format_args!("parameters:  {}", model.parameter_count()))?;
    print_line(format_args!("window:      {low} to {high} HU"))?;
    print_line(format_args!("SHA-256:     {}", model.checksum()))?;
    print_line(format_args!("trained by:  {}", record.command))?;
    print_line(format_args!(
        "steps:       {} in {:.0} s on {}",
        record.steps, record.seconds, record.device
    ))?;
    print_line(format_args!("seed:        {}", record.seed))?;
    print_line(format_args!("trained on:  {}", record.trained_on.join(" ")))?;
    print_line(format_args!("held out:    {}", record.held_out.join(" ")))?;
    if let Some(longest) = record.max_slice_spacing_mm {
        print_line(format_args!("slices:      at most {longest:.1} mm apart in training"))?;
    }
    if let Some([psnr, linear]) = record.held_out_psnr {
        print_line(format_args!("PSNR there:  {psnr:.2} dB (linear {linear:.2})"))?;
    }
    if let Some(head) = &record.error_head {
        print_line(format_args!("error head:  {}", head.command))?;
        if let Some([expected, real]) = head.held_out_error_hu {
            print_line(format_args!(
                "|error|:     {expected:.2} HU expected, {real:.2} real, on held-out crops"
            ))?;
        }
    }
    Ok(())
}
