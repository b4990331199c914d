//! Tables of `hrinet evaluate`: scores of each volume and their means, tissues, expected errors.

use comfy_table::{Table, presets};
use hrinet::evaluation::Evaluation;
use hrinet::metrics::calibration::{Bin, Calibration};
use hrinet::metrics::tissue::{TISSUES, TissueScores, TissueSums, shown_bias_standard_error_hu};
use hrinet::metrics::{Mean, SliceScores};
use serde::Serialize;

/// One line of the table.
#[derive(Clone, Serialize)]
pub struct Line {
    volume: String,
    gap: usize,
    model: String,
    slices: usize,
    /// Wall-clock time of an interpolated slice.
    seconds_a_slice: f64,
    #[serde(flatten)]
    scores: SliceScores,
    #[serde(skip)]
    positions: Vec<SliceScores>,
    #[serde(skip)]
    tissues: [TissueSums; 4],
    #[serde(skip)]
    calibration: Option<Calibration>,
}

impl Line {
    /// Scores of one volume.
    pub fn new(volume: &str, gap: usize, model: &str, measured: Evaluation) -> Line {
        let Evaluation { slices, seconds, scores, positions, tissues, calibration, .. } = measured;
        Line {
            volume: volume.to_string(),
            gap,
            model: model.to_string(),
            slices,
            seconds_a_slice: seconds / slices as f64,
            scores,
            positions,
            tissues,
            calibration,
        }
    }
}

/// One line of the table of positions, over all volumes.
#[derive(Serialize)]
pub struct PositionLine {
    gap: usize,
    model: String,
    /// Slice steps from the known slice before, 1 to `gap` - 1.
    position: usize,
    #[serde(flatten)]
    scores: SliceScores,
}

/// One line of the table of tissues, over all volumes.
#[derive(Serialize)]
pub struct TissueLine {
    tissue: &'static str,
    low_hu: f64,
    high_hu: f64,
    gap: usize,
    model: String,
    #[serde(flatten)]
    scores: TissueScores,
    /// Standard error of `shown_bias_hu` over the volumes; `None` for one volume.
    shown_bias_standard_error_hu: Option<f64>,
}

/// One line of the table of expected errors, over all volumes.
#[derive(Serialize)]
pub struct BinLine {
    /// `None`: all gaps together.
    gap: Option<usize>,
    model: String,
    /// From 1, the bin of the smallest expected errors.
    bin: usize,
    #[serde(flatten)]
    errors: Bin,
}

/// Means over volumes of the means of each, one line for each gap and model as in Table 2 of the
/// paper.
pub fn means(lines: &[Line], models: &[String], gaps: &[usize]) -> Vec<Line> {
    let mut means = Vec::new();
    for &gap in gaps {
        for model in models {
            let mut mean = Mean::default();
            let mut positions = vec![Mean::default(); gap - 1];
            let mut slices = 0;
            let mut seconds = 0.0;
            let mut tissues = [TissueSums::default(); 4];
            let mut calibration = None;
            for line in lines.iter().filter(|line| line.gap == gap && line.model == *model) {
                mean.add(line.scores);
                for (mean, of_line) in positions.iter_mut().zip(&line.positions) {
                    mean.add(*of_line);
                }
                slices += line.slices;
                seconds += line.seconds_a_slice * line.slices as f64;
                for (sums, of_line) in tissues.iter_mut().zip(&line.tissues) {
                    sums.merge(of_line);
                }
                merge(&mut calibration, &line.calibration);
            }
            if let Some(scores) = mean.scores() {
                let volume = format!("mean of {}", mean.count());
                let positions = positions.iter().filter_map(Mean::scores).collect();
                let measured = Evaluation {
                    slices,
                    seconds,
                    scores,
                    positions,
                    tissues,
                    calibration,
                    sharpness: None,
                };
                means.push(Line::new(&volume, gap, model, measured));
            }
        }
    }
    means
}

/// A table with these column names.
pub fn headed<'a>(names: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(names.into_iter().collect::<Vec<_>>());
    table
}

/// Scores of each volume, then their means.
pub fn table(lines: &[Line], means: &[Line]) -> Table {
    let mut table = headed([
        "volume",
        "gap",
        "model",
        "slices",
        "PSNR dB",
        "SSIM",
        "RMSE",
        "bias HU",
        "|error| HU",
        "s/slice",
    ]);
    // The mean of a single volume would repeat its line.
    let means = means.iter().filter(|_| lines.len() > means.len());
    for line in lines.iter().chain(means) {
        let scores = &line.scores;
        table.add_row([
            line.volume.clone(),
            line.gap.to_string(),
            line.model.clone(),
            line.slices.to_string(),
            format!("{:.2}", scores.psnr),
            format!("{:.4}", scores.ssim),
            format!("{:.3}", scores.rmse),
            format!("{:+.2}", scores.bias_hu),
            format!("{:.2}", scores.mean_absolute_hu),
            format!("{:.3}", line.seconds_a_slice),
        ]);
    }
    table
}

/// Scores at every gap, model and position between the known slices.
pub fn position_lines(means: &[Line]) -> Vec<PositionLine> {
    let of_line = |line: &Line| {
        let of_position = |(index, &scores)| PositionLine {
            gap: line.gap,
            model: line.model.clone(),
            position: index + 1,
            scores,
        };
        line.positions.iter().enumerate().map(of_position).collect::<Vec<_>>()
    };
    means.iter().flat_map(of_line).collect()
}

/// Scores by position between the known slices.
pub fn position_table(lines: &[PositionLine]) -> Table {
    let mut table = headed(["gap", "model", "position", "PSNR dB", "SSIM", "RMSE", "bias HU"]);
    for line in lines {
        table.add_row([
            line.gap.to_string(),
            line.model.clone(),
            format!("{} of {}", line.position, line.gap),
            format!("{:.2}", line.scores.psnr),
            format!("{:.4}", line.scores.ssim),
            format!("{:.3}", line.scores.rmse),
            format!("{:+.2}", line.scores.bias_hu),
        ]);
    }
    table
}

/// Bias and noise of every gap, tissue and model, over the voxels of all volumes; without tissues
/// that are in no volume.
pub fn tissue_lines(lines: &[Line], means: &[Line]) -> Vec<TissueLine> {
    let mut tissue_lines = Vec::new();
    for line in means {
        let same = |of: &&Line| of.gap == line.gap && of.model == line.model;
        for (index, (tissue, sums)) in TISSUES.iter().zip(&line.tissues).enumerate() {
            let Some(scores) = sums.scores() else { continue };
            let volumes: Vec<_> = lines.iter().filter(same).map(|of| of.tissues[index]).collect();
            tissue_lines.push(TissueLine {
                tissue: tissue.name,
                low_hu: tissue.low_hu,
                high_hu: tissue.high_hu,
                gap: line.gap,
                model: line.model.clone(),
                scores,
                shown_bias_standard_error_hu: shown_bias_standard_error_hu(&volumes),
            });
        }
    }
    tissue_lines
}

/// Adds the voxels of one calibration to another.
fn merge(all: &mut Option<Calibration>, one: &Option<Calibration>) {
    if let Some(one) = one {
        all.get_or_insert_default().merge(one);
    }
}

/// Ten bins of every gap and model with an error head, over the voxels of all volumes, then of all
/// gaps together.
pub fn bin_lines(means: &[Line], models: &[String]) -> Vec<BinLine> {
    let mut lines = Vec::new();
    let mut add = |gap, model: &str, calibration: &Option<Calibration>| {
        let bins = calibration.as_ref().map(Calibration::bins).unwrap_or_default();
        for (index, errors) in bins.into_iter().enumerate() {
            lines.push(BinLine { gap, model: model.to_string(), bin: index + 1, errors });
        }
    };
    for line in means {
        add(Some(line.gap), &line.model, &line.calibration);
    }
    for model in models {
        let of_model: Vec<_> = means.iter().filter(|line| line.model == *model).collect();
        let mut all = None;
        of_model.iter().for_each(|line| merge(&mut all, &line.calibration));
        if of_model.len() > 1 {
            add(None, model, &all);
        }
    }
    lines
}

/// Expected and real errors in bins.
pub fn bin_table(lines: &[BinLine]) -> Table {
    let mut table = headed(["gap", "model", "bin", "voxels", "expected HU", "|error| HU", "ratio"]);
    for line in lines {
        table.add_row([
            line.gap.map_or("all".to_string(), |gap| gap.to_string()),
            line.model.clone(),
            line.bin.to_string(),
            line.errors.voxels.to_string(),
            format!("{:.2}", line.errors.expected_hu),
            format!("{:.2}", line.errors.real_hu),
            format!("{:.3}", line.errors.ratio()),
        ]);
    }
    table
}

/// Bias and noise of each tissue.
pub fn tissue_table(lines: &[TissueLine]) -> Table {
    let mut table =
        headed(["gap", "model", "tissue", "HU", "voxels", "bias HU", "noise", "bias shown"]);
    for line in lines {
        let chance = line.shown_bias_standard_error_hu;
        let chance = chance.map_or(String::new(), |error| format!(" +- {error:.2}"));
        table.add_row([
            line.gap.to_string(),
            line.model.clone(),
            line.tissue.to_string(),
            format!("{:.0} to {:.0}", line.low_hu, line.high_hu),
            line.scores.voxels.to_string(),
            format!("{:+.2}", line.scores.bias_hu),
            format!("{:.2}", line.scores.noise_ratio),
            format!("{:+.2}{chance}", line.scores.shown_bias_hu),
        ]);
    }
    table
}
