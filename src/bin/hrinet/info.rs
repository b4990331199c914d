//! `hrinet info`: description of a volume or a model.

use std::path::PathBuf;

use clap::Args;
use hrinet::network::Model;
use hrinet::volume::Axis;
use hrinet::{Result, io};
use tch::Device;

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
    println!("system:      {}", model.system());
    println!("parameters:  {}", model.parameter_count());
    println!("window:      {low} to {high} HU");
    println!("SHA-256:     {}", model.checksum());
    println!("trained by:  {}", record.command);
    println!("steps:       {} in {:.0} s on {}", record.steps, record.seconds, record.device);
    println!("seed:        {}", record.seed);
    println!("trained on:  {}", record.trained_on.join(" "));
    println!("held out:    {}", record.held_out.join(" "));
    if let Some(longest) = record.max_slice_spacing_mm {
        println!("slices:      at most {longest:.1} mm apart in training");
    }
    if let Some([psnr, linear]) = record.held_out_psnr {
        println!("PSNR there:  {psnr:.2} dB (linear {linear:.2})");
    }
    if let Some(head) = &record.error_head {
        println!("error head:  {}", head.command);
        if let Some([expected, real]) = head.held_out_error_hu {
            println!("|error|:     {expected:.2} HU expected, {real:.2} real, on held-out crops");
        }
    }
    Ok(())
}

fn volume(arguments: &Arguments) -> Result<()> {
    let volume = io::read(&arguments.what)?;
    let geometry = volume.geometry();
    println!("size:        {:?} (i, j, k)", geometry.size());
    println!("spacing:     {:?} mm", Axis::ALL.map(|axis| geometry.spacing(axis)));
    println!("origin:      {:?} mm (RAS)", geometry.origin());
    println!("directions:  {:?} (RAS)", Axis::ALL.map(|axis| geometry.direction(axis)));
    println!("slice axis:  {}", geometry.slice_axis());
    if let Some(positions) = geometry.uneven_slices() {
        println!("slices at:   {positions:?} mm (uneven)");
    }
    let rescale = volume.rescale();
    println!("type:        {}", volume.voxels().voxel_type().name());
    println!("rescale:     {} * stored + {} = HU", rescale.slope, rescale.intercept);
    if volume.voxels().has_nan() {
        println!("range:       with NaN");
        return Ok(());
    }
    let (low, high) = volume.voxels().range()?;
    println!("range:       {} to {} HU", rescale.to_hu(low), rescale.to_hu(high));
    Ok(())
}
