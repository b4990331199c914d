//! A volume in words and as JSON.

use hrinet::Result;
use hrinet::volume::{Axis, Geometry, Volume};
use serde_json::{Value, json};

use super::print_json;
use crate::messages::print_line;

/// Prints a volume.
///
/// # Errors
/// Those of [`print_line`].
pub fn describe(volume: &Volume, json: bool) -> Result<()> {
    match json {
        true => print_json(&json!({ "volume": as_json(volume)? })),
        false => print(volume),
    }
}

/// A volume as JSON.
///
/// # Errors
/// Those of [`hrinet::volume::Voxels::range`].
pub fn as_json(volume: &Volume) -> Result<Value> {
    let rescale = volume.rescale();
    let range = match volume.voxels().has_nan() {
        true => None,
        false => Some(volume.voxels().range()?),
    };
    let mut value = grid_as_json(volume.geometry());
    value["voxel_type"] = json!(volume.voxels().voxel_type().name());
    value["quantity"] = json!(volume.quantity());
    value["rescale"] = json!({ "slope": rescale.slope, "intercept": rescale.intercept });
    value["has_nan"] = json!(range.is_none());
    value["range_hu"] = json!(range.map(|(low, high)| [rescale.to_hu(low), rescale.to_hu(high)]));
    Ok(value)
}

/// A grid as JSON.
pub fn grid_as_json(geometry: &Geometry) -> Value {
    json!({
        "size": geometry.size(),
        "spacing_mm": Axis::ALL.map(|axis| geometry.spacing(axis)),
        "origin_ras_mm": geometry.origin(),
        "directions_ras": Axis::ALL.map(|axis| geometry.direction(axis)),
        "slice_axis": geometry.slice_axis().to_string(),
        "tilt_degrees": geometry.tilt_degrees(),
        "uneven_slices_mm": geometry.uneven_slices(),
    })
}

/// Prints a volume in words.
///
/// # Errors
/// Those of [`print_line`].
pub fn print(volume: &Volume) -> Result<()> {
    print_grid(volume.geometry())?;
    let rescale = volume.rescale();
    print_line(format_args!("type:        {}", volume.voxels().voxel_type().name()))?;
    if let Some(quantity) = volume.quantity() {
        print_line(format_args!("quantity:    {quantity}"))?;
    }
    print_line(format_args!(
        "rescale:     {} * stored + {} = HU",
        rescale.slope, rescale.intercept
    ))?;
    if volume.voxels().has_nan() {
        return print_line("range:       with NaN");
    }
    let (low, high) = volume.voxels().range()?;
    print_line(format_args!("range:       {} to {} HU", rescale.to_hu(low), rescale.to_hu(high)))
}

/// Prints a grid in words.
///
/// # Errors
/// Those of [`print_line`].
pub fn print_grid(geometry: &Geometry) -> Result<()> {
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
    Ok(())
}
