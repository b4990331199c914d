//! Steps per second of training, with batches drawn from volumes and with one constant batch, and
//! peak memory: `cargo bench --bench training_step`.
//!
//! Environment: `DATA`, a folder of volumes (default: phantoms); `SYSTEMS`, names with commas;
//! `SIZE`, `BATCH`, `STEPS`, `THREADS`. Steps are those of the last stage, which has all losses.

#[path = "../src/bin/hrinet/environment.rs"]
mod environment;

use std::path::PathBuf;
use std::time::Instant;

use hrinet::network::System;
use hrinet::runtime::memory;
use hrinet::training::settings::OptimizerKind;
use hrinet::training::{Batch, Dataset, Sampler, Settings, Trainer};
use hrinet::volume::slice_stack::SliceStack;
use ndarray::Array3;
use tch::Device;

fn main() -> hrinet::Result<()> {
    let _ = environment::settle();
    let number = |name: &str, usual: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    tch::set_num_threads(number("THREADS", 1) as i32);
    let (size, batch, steps) = (number("SIZE", 128), number("BATCH", 4), number("STEPS", 10));
    let systems = std::env::var("SYSTEMS")
        .unwrap_or_else(|_| System::ALL.map(|system| system.name()).join(","));
    println!("squares of {size}, batches of {batch}, {steps} steps per block, 3 blocks each");
    println!("| system | loading | constant | loading / constant | drawing | peak memory |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for name in systems.split(',') {
        let system: System = name.parse()?;
        let defaults = Settings::default_for(system);
        // The last stage only, with AdamW for all parameters as in benches/pytorch_step.py.
        let optimizer = OptimizerKind::AdamW;
        let settings =
            Settings { size: size as i64, batch, stage_one_iterations: 0, optimizer, ..defaults };
        measure(&settings, steps)?;
    }
    Ok(())
}

fn measure(settings: &Settings, steps: usize) -> hrinet::Result<()> {
    let stacks = match std::env::var_os("DATA").map(PathBuf::from) {
        Some(folder) => Dataset::read(&folder, settings, |_| Ok(()))?.train,
        None => vec![phantom(settings.size as usize)],
    };
    let sampler = Sampler::for_settings(&stacks, settings, &settings.architecture()?)?;
    let mut trainer = Trainer::new(settings.clone(), Device::Cpu)?;
    let constant = sampler.batch(0, Device::Cpu)?;
    // Warm up libtorch's buffers.
    for _ in 0..2 {
        trainer.step(&constant)?;
    }
    let (mut loading, mut without, mut drawing) = (f64::MAX, f64::MAX, f64::MAX);
    for block in 0..3 {
        let numbers = || (0..steps as u64).map(|step| block * 1000 + step);
        without =
            without.min(seconds(|| numbers().try_for_each(|_| trainer.step(&constant).map(drop)))?);
        loading = loading.min(seconds(|| {
            numbers().try_for_each(|n| trainer.step(&sampler.batch(n, Device::Cpu)?).map(drop))
        })?);
        let draw = |n| -> hrinet::Result<Batch> { sampler.batch(n, Device::Cpu) };
        drawing = drawing.min(seconds(|| numbers().try_for_each(|n| draw(n).map(drop)))?);
    }
    let rate = |seconds: f64| steps as f64 / seconds;
    println!(
        "| {} | {:.2} steps/s | {:.2} steps/s | {:.3} | {:.2} ms | {} |",
        settings.system,
        rate(loading),
        rate(without),
        without / loading,
        1000.0 * drawing / steps as f64,
        memory::peak().map_or("unknown".into(), |bytes| format!("{} kB", bytes / 1024))
    );
    Ok(())
}

fn seconds(work: impl FnOnce() -> hrinet::Result<()>) -> hrinet::Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

fn phantom(size: usize) -> SliceStack {
    let slices = Array3::from_shape_fn((60, size + 128, size + 128), |(k, j, i)| {
        ((i * 7 + j * 13 + k * 29) % 1500) as i16 - 1000
    });
    SliceStack { name: "phantom".into(), slices, spacing_mm: 3.0 }
}
