//! Files of numbers beside images: parameters of metrics, settings and losses of a training.

use std::path::Path;

use hrinet::metrics::ma::{GROUP_SIZES, MaFeatures, MaModel};
use hrinet::metrics::niqe::{FEATURES, Niqe, PatchFeatures};
use hrinet::network::System;
use hrinet::training::Settings;
use hrinet::training::logging::csv;
use hrinet::training::settings::config_file::ConfigFile;
use ndarray::Array2;

use super::files::with_file;

/// Regression of Ma et al. in a MATLAB file.
pub fn ma_model(bytes: &[u8]) {
    with_file("fuzzed.mat", bytes, |path| {
        let Ok(model) = MaModel::read(path) else { return };
        let features = MaFeatures {
            block_dct: [0.5; GROUP_SIZES[0]],
            pyramid: [0.5; GROUP_SIZES[1]],
            singular_values: [0.5; GROUP_SIZES[2]],
        };
        // The same leaves, so the same score.
        assert_eq!(model.score(&features).to_bits(), model.score(&features.clone()).to_bits());
    });
}

/// Parameters of NIQE in a JSON file: they give images a distance or an error.
pub fn niqe(bytes: &[u8]) {
    with_file("fuzzed.json", bytes, |path| {
        let Ok(niqe) = Niqe::read(path) else { return };
        let image = Array2::from_shape_fn((32, 48), |(row, column)| (row * 37 + column * 91) % 251);
        let _ = niqe.patches.features_of_levels(image.mapv(|level| level as f64).view());
        let patch = |seed: usize| -> PatchFeatures {
            std::array::from_fn(|index| ((seed * 31 + index * 17) % 29) as f64 / 29.0)
        };
        let patches: Vec<PatchFeatures> = (0..FEATURES + 4).map(patch).collect();
        if let Ok(distance) = niqe.score(&patches) {
            assert!(distance.is_finite() && distance >= 0.0, "a distance of {distance}");
        }
    });
}

/// Settings of a training in a TOML file: those that are read are the same after they were written.
pub fn config(bytes: &[u8]) {
    with_file("fuzzed.toml", bytes, |path| {
        let Ok(file) = ConfigFile::read(path) else { return };
        let Ok(settings) = file.apply(Settings::default_for(System::HrinetMotion)) else { return };
        let _ = settings.check();
        let Ok(text) = settings.to_toml() else { return };
        std::fs::write(path, &text).expect("a file");
        let again = ConfigFile::read(path)
            .and_then(|file| file.apply(Settings::default_for(System::HrinetMotion)))
            .expect("settings that were written can be read");
        assert_eq!(again.to_toml().expect("settings"), text);
    });
}

/// Losses of an interrupted training in a CSV file.
pub fn losses(bytes: &[u8]) {
    with_file("fuzzed.csv", bytes, |path| {
        let rows = csv::read(path, 1000).unwrap_or_default();
        let count = csv::names().count();
        assert!(rows.iter().all(|row| row.step <= 1000 && row.values.len() == count));
    });
}
