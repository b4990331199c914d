//! Settings in a TOML file, by the names of the flags of `hrinet train`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use toml::{Spanned, Table, Value};

use crate::error::{Error, Result};
use crate::io::plain_file;
use crate::training::settings::Settings;

/// Largest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// The settings that a TOML file names.
pub struct ConfigFile {
    path: PathBuf,
    /// Line, key and value of each.
    entries: Vec<(usize, String, Value)>,
}

impl ConfigFile {
    /// Reads a TOML file.
    ///
    /// # Errors
    /// Those of [`plain_file::read_text`]; [`Error::Unsupported`] with the line for text that is no
    /// TOML.
    pub fn read(path: &Path) -> Result<ConfigFile> {
        let text = plain_file::read_text(path, MAX_BYTES)?;
        let line = |at: usize| 1 + text[..at].matches('\n').count();
        let entries: BTreeMap<Spanned<String>, Value> = toml::from_str(&text).map_err(|error| {
            let line = line(error.span().map_or(0, |span| span.start));
            at_line(path, line, error.message())
        })?;
        let entry =
            |(key, value): (Spanned<String>, _)| (line(key.span().start), key.into_inner(), value);
        Ok(ConfigFile {
            path: path.to_path_buf(),
            entries: entries.into_iter().map(entry).collect(),
        })
    }

    /// Replaces those of `settings` that the file names.
    ///
    /// # Errors
    /// [`Error::Unsupported`] with the line for an unknown key or a value of another type.
    pub fn apply(&self, settings: Settings) -> Result<Settings> {
        let fields = fields();
        let (mut table, mut settings) = (to_table(&settings)?, settings);
        for (line, key, value) in &self.entries {
            let field = fields.iter().find(|(name, _)| name == key).ok_or_else(|| {
                let names: Vec<_> = fields.iter().map(|(name, _)| format!("`{name}`")).collect();
                let known = names.join(", ");
                at_line(&self.path, *line, &format!("unknown setting `{key}`; there are {known}"))
            })?;
            table.insert(field.1.clone(), value.clone());
            settings = table.clone().try_into().map_err(|error: toml::de::Error| {
                at_line(&self.path, *line, &format!("{key}: {}", error.message()))
            })?;
        }
        Ok(settings)
    }
}

impl Settings {
    /// The settings that differ from earlier ones, by their flags: `batch is 4, not 8`.
    ///
    /// # Errors
    /// Those of [`Settings::to_toml`].
    pub fn differences(&self, earlier: &Settings) -> Result<Vec<String>> {
        let (now, earlier) = (to_table(self)?, to_table(earlier)?);
        let value = |value: Option<&Value>| value.map_or("none".into(), Value::to_string);
        let differing = |(key, field): &(String, String)| {
            let (now, earlier) = (now.get(field), earlier.get(field));
            (now != earlier).then(|| format!("{key} is {}, not {}", value(now), value(earlier)))
        };
        Ok(fields().iter().filter_map(differing).collect())
    }

    /// Writes all settings as a TOML file that [`ConfigFile::read`] reads.
    ///
    /// # Errors
    /// [`Error::Argument`] for a seed beyond TOML's integers.
    pub fn to_toml(&self) -> Result<String> {
        let table = to_table(self)?;
        let mut text = String::new();
        for (key, field) in fields() {
            match table.get(&field) {
                None => {}
                Some(Value::Table(sizes)) => text += &format!("\n[{key}]\n{sizes}"),
                Some(value) => text += &format!("{key} = {value}\n"),
            }
        }
        Ok(text)
    }
}

/// The keys of a file, and the fields of [`Settings`] that they stand for: tables last.
fn fields() -> Vec<(String, String)> {
    let flags = Settings::augment_args(Command::new("settings"));
    let names = flags
        .get_arguments()
        .filter_map(|flag| Some((flag.get_long()?.to_string(), flag.get_id().to_string())));
    names.chain([("motion".into(), "motion".into())]).collect()
}

fn to_table(settings: &Settings) -> Result<Table> {
    Table::try_from(settings).map_err(|error| Error::Argument(format!("settings: {error}")))
}

fn at_line(path: &Path, line: usize, message: &str) -> Error {
    Error::unsupported(path, format!("line {line}: {}", message.replace('\n', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::System;
    use crate::network::motion::config::MotionConfig;

    #[test]
    fn every_setting_goes_to_a_file_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        for system in System::ALL {
            let settings = Settings {
                seed: 7,
                hold_out: "a01,b02".parse().unwrap(),
                trainable_prefix: Some("refinement".into()),
                motion: Some(MotionConfig { hidden: 1, ..MotionConfig::default() }),
                ..Settings::default_for(system)
            };
            std::fs::write(&path, settings.to_toml().unwrap()).unwrap();
            let other = Settings::default_for(System::HrinetPatchgan);
            assert_eq!(ConfigFile::read(&path).unwrap().apply(other).unwrap(), settings);
        }
    }

    #[test]
    fn differences_name_both_values() {
        let earlier = Settings::default_for(System::HrinetMotion);
        assert!(earlier.differences(&earlier).unwrap().is_empty());
        let now = Settings {
            batch: 4,
            gaps: vec![2],
            trainable_prefix: Some("refinement".into()),
            ..earlier.clone()
        };
        let expected = [
            "batch is 4, not 8",
            "gap is [2], not [2, 3, 4, 5, 6]",
            "trainable-prefix is \"refinement\", not none",
        ];
        assert_eq!(now.differences(&earlier).unwrap(), expected);
    }

    #[test]
    fn a_file_changes_only_the_settings_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "gap = [4]\nlambda = 1\n[motion]\nwidths = [1, 2, 3, 4]\n").unwrap();
        let error = ConfigFile::read(&path).unwrap().apply(Settings::default_for(System::Acai));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("line 3: motion: missing field"), "{error}");
        std::fs::write(&path, "gap = [4]\nlambda = 1\n").unwrap();
        let acai = Settings::default_for(System::Acai);
        let expected = Settings { gaps: vec![4], lambda: 1.0, ..acai.clone() };
        assert_eq!(ConfigFile::read(&path).unwrap().apply(acai).unwrap(), expected);
    }
}
