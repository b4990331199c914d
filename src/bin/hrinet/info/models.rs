//! The shipped models, and one model in detail.

use std::path::{Path, PathBuf};

use hrinet::error::bytes_in_words;
use hrinet::network::model::{SHIPPED, ShippedModel};
use hrinet::network::{Model, SliceNetwork};
use hrinet::{Error, Result, io};
use serde_json::{Value, json};
use tch::Device;

use super::print_json;
use crate::messages::print_line;
use crate::{model_files, site};

/// Lists the shipped models.
///
/// # Errors
/// Those of [`Model::new`] and [`print_line`].
pub fn list(json: bool) -> Result<()> {
    let default = site::model(None)?.value;
    let load = |shipped: &'static ShippedModel| {
        Ok((shipped, Model::new(shipped.checkpoint()?, Device::Cpu)?))
    };
    let models = SHIPPED.iter().map(load).collect::<Result<Vec<_>>>()?;
    if json {
        let entry = |(shipped, model): &(&ShippedModel, Model)| {
            let mut entry = as_json(model);
            add_file(&mut entry, shipped);
            entry["default"] = json!(default == shipped.name);
            entry
        };
        let entries: Vec<Value> = models.iter().map(entry).collect();
        return print_json(&json!({ "models": entries, "default": default }));
    }
    for (shipped, model) in &models {
        let mark = if default == shipped.name { " (default)" } else { "" };
        print_line(format_args!("{}{mark}", shipped.name))?;
        print_file(shipped, "  ")?;
        print_essentials(model, "  ")?;
        print_line("")?;
    }
    if ShippedModel::of_name(&default).is_none() {
        print_line(format_args!("{default} (default)"))?;
        print_line("")?;
    }
    print_line("Without a network: linear, cubic. Own models: checkpoints of `hrinet train`.")?;
    print_line("`hrinet info NAME` says how a model was trained.")
}

/// Describes a shipped model, or that of a checkpoint file.
///
/// # Errors
/// Those of [`Model::load`]; for a file of another kind an error that says what can be described.
pub fn describe(path: &Path, json: bool) -> Result<()> {
    let is_named_so = path.extension().is_some_and(|ending| ending == "safetensors");
    let model = Model::load(&path.to_string_lossy(), Device::Cpu).map_err(|error| match error {
        Error::Unsupported { reason, .. } if !is_named_so => Error::unsupported(
            path,
            format!("{reason}, nor a volume, whose name ends in {}", io::endings_read()),
        ),
        other => other,
    })?;
    let shipped = path.to_str().and_then(ShippedModel::of_name);
    if json {
        let mut value = as_json(&model);
        if let Some(shipped) = shipped {
            add_file(&mut value, shipped);
        }
        return print_json(&json!({ "model": value }));
    }
    if let Some(shipped) = shipped {
        print_file(shipped, "")?;
    }
    print(&model)
}

/// Where a shipped model lies: its file, where it is installed, and in words.
fn place(shipped: &ShippedModel) -> (Option<PathBuf>, String) {
    let file = model_files::file(shipped.name);
    let copy = file.as_ref().map_or(String::new(), |file| format!(", and {}", file.display()));
    (file, format!("in the program ({}){copy}", bytes_in_words(shipped.byte_count())))
}

fn add_file(value: &mut Value, shipped: &ShippedModel) {
    let (file, _) = place(shipped);
    value["name"] = json!(shipped.name);
    value["purpose"] = json!(shipped.purpose);
    value["file"] = json!(file.map(|file| file.display().to_string()));
    value["bytes"] = json!(shipped.byte_count());
}

fn print_file(shipped: &ShippedModel, indent: &str) -> Result<()> {
    print_line(format_args!("{indent}for:         {}", shipped.purpose))?;
    print_line(format_args!("{indent}file:        {}", place(shipped).1))
}

fn as_json(model: &Model) -> Value {
    json!({
        "system": model.system().to_string(),
        "parameters": model.parameter_count(),
        "window_hu": model.window_hu(),
        "predicts_error": model.predicts_error(),
        "finds_flow": model.has_flow(),
        "is_thin": model.is_thin(),
        "sha256": model.checksum(),
        "record": model.record(),
    })
}

fn print_essentials(model: &Model, indent: &str) -> Result<()> {
    let [low, high] = model.window_hu();
    print_line(format_args!("{indent}system:      {}", model.system()))?;
    if model.is_thin() {
        print_line(format_args!("{indent}slices:      thin ones; known slices are not kept"))?;
    }
    print_line(format_args!("{indent}parameters:  {}", model.parameter_count()))?;
    print_line(format_args!("{indent}window:      {low} to {high} HU"))?;
    print_line(format_args!("{indent}SHA-256:     {}", model.checksum()))
}

fn print(model: &Model) -> Result<()> {
    print_essentials(model, "")?;
    let record = model.record();
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
