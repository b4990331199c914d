//! Patients held out for validation: a number of them, chosen by the seed, or by their names.

use std::str::FromStr;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, count_of};

/// The volumes of a dataset that are held out for validation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HoldOut {
    /// So many volumes, chosen by the seed; others where volumes are added.
    Count(usize),
    /// The volumes of these patients, by file name without ending. `lidc0002` also names
    /// `lidc0002_neck`: several files of one patient.
    Names(Vec<String>),
}

impl HoldOut {
    /// Tells for each of the volumes' names whether it is held out.
    ///
    /// # Errors
    /// [`Error::Argument`] for a name without a volume, and where no volume is left to train on.
    pub fn choose(&self, volumes: &[&str], seed: u64) -> Result<Vec<bool>> {
        let held_out = match self {
            HoldOut::Count(count) => choose_random(*count, volumes.len(), seed),
            HoldOut::Names(names) => find(names, volumes)?,
        };
        if held_out.iter().all(|&held_out| held_out) {
            return Err(Error::Argument(format!(
                "held out: {}; no volume is left to train on",
                volumes.join(", ")
            )));
        }
        Ok(held_out)
    }
}

fn choose_random(count: usize, volumes: usize, seed: u64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..volumes).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let possible = count.min(volumes.saturating_sub(1));
    if possible < count {
        log::warn!(
            "{count} volumes were to be held out; {possible} of {} are: one is left to train on",
            count_of(volumes, "volume")
        );
    }
    let random = &order[..possible];
    (0..volumes).map(|index| random.contains(&index)).collect()
}

fn find(names: &[String], volumes: &[&str]) -> Result<Vec<bool>> {
    for name in names {
        if !volumes.iter().any(|volume| is_of_patient(volume, name)) {
            return Err(Error::Argument(format!(
                "hold out {name:?}: no volume to train on has this name; there are {}",
                volumes.join(", ")
            )));
        }
    }
    let is_named = |volume: &&str| names.iter().any(|name| is_of_patient(volume, name));
    Ok(volumes.iter().map(is_named).collect())
}

fn is_of_patient(volume: &str, patient: &str) -> bool {
    volume.strip_prefix(patient).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

impl FromStr for HoldOut {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        if let Ok(count) = text.parse() {
            return Ok(HoldOut::Count(count));
        }
        let names: Vec<String> = text.split(',').map(|name| name.trim().to_string()).collect();
        if names.iter().any(String::is_empty) {
            return Err("a number of volumes, or names with commas between them".into());
        }
        Ok(HoldOut::Names(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOLUMES: [&str; 5] = ["a01", "a01_neck", "a011", "b02", "c03"];

    #[test]
    fn names_hold_out_all_files_of_a_patient() {
        let names = "a01, c03".parse::<HoldOut>().unwrap();
        assert_eq!(names.choose(&VOLUMES, 7).unwrap(), [true, true, false, false, true]);
        assert_eq!(names.choose(&VOLUMES, 7).unwrap(), names.choose(&VOLUMES, 8).unwrap());
    }

    #[test]
    fn count_holds_out_as_many_and_leaves_one() {
        for (count, expected) in [(0, 0), (2, 2), (9, 4)] {
            let random = HoldOut::Count(count).choose(&VOLUMES, 3).unwrap();
            assert_eq!(random.iter().filter(|&&held_out| held_out).count(), expected);
        }
    }

    #[test]
    fn unknown_names_and_an_empty_rest_are_rejected() {
        let choose = |text: &str| text.parse::<HoldOut>().unwrap().choose(&VOLUMES, 0);
        let error = choose("b02,d04").unwrap_err().to_string();
        assert!(error.contains("\"d04\"") && error.contains("a01_neck"), "{error}");
        let error = choose("a01,a011,b02,c03").unwrap_err().to_string();
        assert!(error.contains("no volume is left"), "{error}");
        assert!("a,,b".parse::<HoldOut>().is_err());
    }

    #[test]
    fn settings_files_hold_a_number_or_names() {
        let read = |text: &str| serde_json::from_str::<HoldOut>(text).unwrap();
        assert_eq!(read("5"), HoldOut::Count(5));
        let names = HoldOut::Names(vec!["a01".into(), "b02".into()]);
        assert_eq!(read(&serde_json::to_string(&names).unwrap()), names);
    }
}
