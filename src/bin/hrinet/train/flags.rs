//! The flags of all settings: defaults, replaced by a file's values, replaced by flags.

use std::panic::AssertUnwindSafe;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use hrinet::network::System;
use hrinet::training::Settings;
use hrinet::training::settings::config_file::ConfigFile;
use hrinet::training::settings::defaults::{DEFAULT_DISTILLATION_WEIGHT, default_beta};
use hrinet::{Error, Result};

/// The flags of [`Settings`], each optional. They are only read: a panic leaves them sound.
pub struct SettingsFlags(AssertUnwindSafe<ArgMatches>);

impl FromArgMatches for SettingsFlags {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        Ok(SettingsFlags(AssertUnwindSafe(matches.clone())))
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self.0 = matches.clone();
        Ok(())
    }
}

impl Args for SettingsFlags {
    fn augment_args(command: Command) -> Command {
        let settings = Settings::augment_args(Command::new("settings"));
        let is_setting =
            |flag: &Arg| settings.get_arguments().any(|own| own.get_id() == flag.get_id());
        Settings::augment_args(command).mut_args(|flag| match is_setting(&flag) {
            true => flag.required(false),
            false => flag,
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl SettingsFlags {
    /// The settings of a run to resume: those of its checkpoint. Those that a file or flags name
    /// replace them, for the run to refuse where they differ.
    ///
    /// # Errors
    /// Those of [`ConfigFile::apply`] and [`Settings::check`].
    pub fn resumed(&self, file: Option<&ConfigFile>, earlier: Settings) -> Result<Settings> {
        let settings = self.over(file, earlier)?;
        settings.check()?;
        Ok(settings)
    }

    /// Some settings, replaced by those that the file names, then by those of flags.
    fn over(&self, file: Option<&ConfigFile>, settings: Settings) -> Result<Settings> {
        let mut settings = file.map_or(Ok(settings.clone()), |file| file.apply(settings))?;
        settings
            .update_from_arg_matches(&self.0)
            .map_err(|error| Error::Argument(error.to_string()))?;
        Ok(settings)
    }

    /// The settings of a new run: the defaults, then the file's, then the flags'.
    ///
    /// `from_checkpoint`: Stage I is done, unless it is asked for. `has_teacher`: the targets are
    /// partly a teacher's, unless other shares are asked for.
    ///
    /// # Errors
    /// Those of [`ConfigFile::apply`] and [`Settings::check`].
    pub fn settings(
        &self,
        file: Option<&ConfigFile>,
        from_checkpoint: bool,
        has_teacher: bool,
    ) -> Result<Settings> {
        let over = |defaults| self.over(file, defaults);
        // Defaults depend on the system that was chosen, beta also on the size.
        let chosen = over(Settings::default_for(System::HrinetMotion))?;
        let mut defaults = match chosen.error_head {
            true => Settings::default_for_error_head(),
            false => Settings::default_for(chosen.system),
        };
        if defaults.beta > 0.0 {
            defaults.beta = default_beta(over(defaults.clone())?.size);
        }
        if from_checkpoint {
            defaults.stage_one_iterations = 0;
        }
        if has_teacher {
            defaults.distillation_weight = DEFAULT_DISTILLATION_WEIGHT;
        }
        let settings = over(defaults)?;
        settings.check()?;
        Ok(settings)
    }
}
