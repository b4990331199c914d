//! The regression of Ma et al.: a random forest for each group of features, and a linear function
//! of what the three predict. The parameters are the authors' and are read from their file.

mod forest;
mod matlab;

use std::path::Path;

use self::forest::Forest;
use self::matlab::{Struct, Value};
use super::{GROUP_SIZES, MaFeatures};
use crate::error::{Error, Result};

/// Regression from features to a score, about 0 (blurred, distorted) to 10.
#[derive(Debug)]
pub struct MaModel {
    forests: [Forest; 3],
    /// Constant, and weights of the forests.
    linear: [f64; 4],
}

impl MaModel {
    /// Reads the authors' `model.mat`, of MATLAB format 5 to 7.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Unsupported`] for MATLAB files of another format; [`Error::Damaged`]
    /// for files that end early, contradict themselves or hold something else.
    pub fn read(path: &Path) -> Result<MaModel> {
        let mut wanted = vec!["model", "rf", "linear"];
        wanted.extend(forest::FIELDS);
        let file = matlab::read(path, &wanted)?;
        MaModel::of_variables(file).map_err(|error| error.in_file(path))
    }

    fn of_variables(mut variables: Struct) -> Result<MaModel> {
        let Some(Value::Struct(mut model)) = variables.remove("model") else {
            return Err(Error::Argument(
                "no variable `model` that is a structure; use the model.mat of the authors".into(),
            ));
        };
        let coefficients = match model.get("linear") {
            Some(Value::Numbers(numbers)) if numbers.len() == 4 => numbers.to_vec(),
            _ => return Err(Error::Argument("model.linear is not 4 numbers".into())),
        };
        if !coefficients.iter().all(|value| value.is_finite()) {
            return Err(Error::Argument(format!("model.linear is non-finite: {coefficients:?}")));
        }
        let Some(Value::Cell(cells)) = model.remove("rf") else {
            return Err(Error::Argument("model.rf is not a cell array".into()));
        };
        let mut forests = Vec::new();
        for (group, (cell, features)) in cells.into_iter().zip(GROUP_SIZES).enumerate() {
            let Value::Struct(fields) = cell else {
                return Err(Error::Argument(format!("model.rf{{{}}} is no structure", group + 1)));
            };
            forests.push(
                Forest::of_fields(&fields, features).map_err(|error| {
                    Error::Argument(format!("model.rf{{{}}}: {error}", group + 1))
                })?,
            );
        }
        let forests = <[Forest; 3]>::try_from(forests).map_err(|found| {
            Error::Argument(format!("model.rf has {} forests, not 3", found.len()))
        })?;
        let mut linear = [0.0; 4];
        linear.copy_from_slice(&coefficients);
        Ok(MaModel { forests, linear })
    }

    /// Score of the image that has these features; higher is better.
    pub fn score(&self, features: &MaFeatures) -> f64 {
        let [constant, weights @ ..] = self.linear;
        let predicted = self.forests.iter().zip(features.groups());
        let terms = weights.iter().zip(predicted);
        constant
            + terms.map(|(weight, (forest, group))| weight * forest.predict(group)).sum::<f64>()
    }
}
