//! `hrinet info`: description of a volume or a model.

use std::path::PathBuf;

use clap::Args;
use hrinet::network::Model;
use hrinet::volume::Axis;
use hrinet::{Result, io};
use tch::Device;

use crate::messages::print_line;

/// Describe a volume or a model.
#[derive(Args)]
pub struct Arguments {
    /// A volume, a folder with a DICOM series, a checkpoint file, or a shipped model's name.
    what: PathBuf,
}

/// Runs `hrinet info`.
///
/// # Errors
/// The first error, for the user.
pub fn run(arguments: &Arguments) -> Result<()> {
    let name = arguments.what.to_string_lossy();
    if io::is_volume_file(&arguments.what) || arguments.what.is_dir() {
        return volume(arguments);
    }
    let model = Model::load(&name, Device::Cpu)?;
    let record = model.record();
    let [low, high] = hrinet::network::SliceNetwork::window_hu(&model);
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

fn volume(arguments: &Arguments) -> Result<()> {
    let volume = io::read(&arguments.what)?;
    let geometry = volume.geometry();
    print_line(format_args!("size:        {:?} (i, j, k)", geometry.size()))?;
    print_line(format_args!("spacing:     {:?} mm", Axis::ALL.map(|axis| geometry.spacing(axis))))?;
    print_line(format_args!("origin:      {:?} mm (RAS)", geometry.origin()))?;
    print_line(format_args!(
        "directions:  {:?} (RAS)",
        Axis::ALL.map(|axis| geometry.direction(axis))
    ))?;
    print_line(format_args!("slice axis:  {}", geometry.slice_axis()))?;
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
