//! Sharpness of `hrinet evaluate --sharpness`: measures, lines and their table.

use std::borrow::Cow;

use comfy_table::Table;
use hrinet::Result;
use hrinet::metrics::ma::MaModel;
use hrinet::metrics::niqe::Niqe;
use hrinet::metrics::sharpness::{SharpnessMeasures, SharpnessScores};
use serde::Serialize;

use super::Arguments;
use super::tables::headed;

/// Name of the true slices in the column of models.
pub const TRUE_SLICES: &str = "true slices";

/// Parameters of the measures.
pub struct Measures {
    niqe: Cow<'static, Niqe>,
    ma: Option<MaModel>,
}

/// Sharpness of the slices of one volume by one model.
#[derive(Serialize)]
pub struct SharpnessLine {
    volume: String,
    gap: usize,
    model: String,
    #[serde(flatten)]
    scores: SharpnessScores,
}

/// Mean over the volumes in which the slices of all models have the score.
#[derive(Serialize)]
pub struct MeanLine {
    gap: usize,
    model: String,
    slices: usize,
    niqe: Option<f64>,
    niqe_to_true: Option<f64>,
    ma: Option<f64>,
}

impl Measures {
    /// Loads the parameters; `None` where sharpness is not asked for.
    ///
    /// # Errors
    /// As [`Niqe::read`] and [`MaModel::read`].
    pub fn load(arguments: &Arguments) -> Result<Option<Measures>> {
        if !arguments.sharpness {
            return Ok(None);
        }
        let niqe = match &arguments.sharpness_model {
            Some(path) => Cow::Owned(Niqe::read(path)?),
            None => Cow::Borrowed(Niqe::shipped()?),
        };
        let ma = arguments.ma_model.as_deref().map(MaModel::read).transpose()?;
        Ok(Some(Measures { niqe, ma }))
    }

    /// Parameters of NIQE.
    pub fn niqe(&self) -> &Niqe {
        &self.niqe
    }

    /// All measures.
    pub fn all(&self) -> SharpnessMeasures<'_> {
        SharpnessMeasures { niqe: &self.niqe, ma: self.ma.as_ref() }
    }
}

impl SharpnessLine {
    /// Scores of one volume.
    pub fn new(volume: &str, gap: usize, model: &str, scores: SharpnessScores) -> SharpnessLine {
        SharpnessLine { volume: volume.to_string(), gap, model: model.to_string(), scores }
    }
}

/// Means over volumes: of each gap, first the true slices, then the models.
pub fn means(lines: &[SharpnessLine], models: &[String], gaps: &[usize]) -> Vec<MeanLine> {
    let names = || std::iter::once(TRUE_SLICES).chain(models.iter().map(String::as_str));
    let lines_of = |gap: usize, model: &str| {
        let model = model.to_string();
        lines.iter().filter(move |line| line.gap == gap && line.model == model)
    };
    let mean = |gap: usize, model: &str, score: fn(&SharpnessScores) -> Option<f64>| {
        // A volume without the score of one model counts for none.
        let is_complete = |line: &&SharpnessLine| {
            let mut same = lines.iter().filter(|of| of.gap == gap && of.volume == line.volume);
            same.all(|line| score(&line.scores).is_some())
        };
        let complete = lines_of(gap, model).filter(is_complete);
        let scores: Vec<f64> = complete.filter_map(|line| score(&line.scores)).collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    };
    let gaps_and_names = gaps.iter().flat_map(|&gap| names().map(move |model| (gap, model)));
    gaps_and_names
        .filter(|&(gap, model)| lines_of(gap, model).next().is_some())
        .map(|(gap, model)| MeanLine {
            gap,
            model: model.to_string(),
            slices: lines_of(gap, model).map(|line| line.scores.slices).sum(),
            niqe: mean(gap, model, |scores| scores.niqe),
            niqe_to_true: mean(gap, model, |scores| scores.niqe_to_true),
            ma: mean(gap, model, |scores| scores.ma),
        })
        .collect()
}

/// Sharpness of each gap and model; the score of Ma et al. where its model is given.
pub fn table(lines: &[MeanLine], measures: &Measures) -> Table {
    let mut header = vec!["gap", "model", "slices", "NIQE", "NIQE to true"];
    header.extend(measures.ma.as_ref().map(|_| "Ma et al."));
    let mut table = headed(header);
    for line in lines {
        let score = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
        let mut row = vec![
            line.gap.to_string(),
            line.model.clone(),
            line.slices.to_string(),
            score(line.niqe),
            score(line.niqe_to_true),
        ];
        row.extend(measures.ma.as_ref().map(|_| score(line.ma)));
        table.add_row(row);
    }
    table
}

/// Sentences on what the table does not show.
pub fn remarks(lines: &[SharpnessLine], measures: &Measures) -> Vec<String> {
    let mut remarks = Vec::new();
    let asked_for_ma = measures.ma.is_some();
    let is_whole = |line: &&SharpnessLine| {
        let scores = &line.scores;
        scores.niqe.is_some() && (!asked_for_ma || scores.ma_slices == scores.slices)
    };
    let incomplete: Vec<_> = lines.iter().filter(|line| !is_whole(line)).collect();
    if let Some(first) = incomplete.first() {
        remarks.push(format!(
            "sharpness: in {} of {} lines, slices without a score were left out; the first, of {} \
             by {}: {}",
            incomplete.len(),
            lines.len(),
            first.volume,
            first.model,
            first.scores.left_out.as_deref().unwrap_or("no patches"),
        ));
    }
    if !asked_for_ma {
        remarks.push(
            "Ma et al.: left out; --ma-model FILE.mat reads the model.mat of its authors \
             (github.com/chaoma99/sr-metric)"
                .into(),
        );
    }
    remarks
}
