//! Site defaults: environment variables that take the place of flags that are not given.
//!
//! A variable that is empty counts as not set. An error about its value names it.

use std::ffi::OsString;

use hrinet::network::model;
use hrinet::{Error, Result};

/// A variable that is a default of flags.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The flags whose default it is.
    pub flags: &'static str,
}

/// The model of `resample`, and one of those of `evaluate`.
pub const MODEL: Variable = Variable { name: "HRINET_MODEL", flags: "--model, --models" };

/// Threads on the CPU.
pub const THREADS: Variable = Variable { name: "HRINET_THREADS", flags: "--threads" };

/// The device that computes.
pub const DEVICE: Variable = Variable { name: "HRINET_DEVICE", flags: "--device" };

/// All variables.
pub const VARIABLES: [Variable; 3] = [MODEL, THREADS, DEVICE];

/// The value of a flag, of its variable, or the default.
#[derive(Debug, PartialEq)]
pub struct Choice<T> {
    /// The value.
    pub value: T,
    /// Name of the variable that it comes from.
    variable: Option<&'static str>,
}

impl Variable {
    /// Its value; `None` where it is not set or empty.
    pub fn value(&self) -> Option<OsString> {
        std::env::var_os(self.name).filter(|value| !value.is_empty())
    }

    fn text(&self) -> Result<Option<String>> {
        let as_text = |value: OsString| {
            value.into_string().map_err(|value| self.refused(&format!("{value:?} is no text")))
        };
        self.value().map(as_text).transpose()
    }

    fn refused(&self, reason: &str) -> Error {
        Error::Argument(format!("{}: {reason}; set another value or none", self.name))
    }

    /// The value of a flag, else that of the variable, else the default.
    fn choose<T>(
        &self,
        flag: Option<T>,
        parse: impl FnOnce(String) -> Result<T>,
        default: T,
    ) -> Result<Choice<T>> {
        match (flag, self.text()?) {
            (Some(value), _) => Ok(Choice { value, variable: None }),
            (None, Some(text)) => Ok(Choice { value: parse(text)?, variable: Some(self.name) }),
            (None, None) => Ok(Choice { value: default, variable: None }),
        }
    }
}

impl<T> Choice<T> {
    /// Adds the variable to an error about the value, or else the flag, where one is named.
    pub fn in_error(&self, error: Error, flag: Option<&str>) -> Error {
        match (self.variable.or(flag), error) {
            (Some(name), error) if !matches!(error, Error::Cancelled) => {
                Error::Argument(format!("{name}: {error}"))
            }
            (_, error) => error,
        }
    }
}

/// The model of a flag, of the site, or the library's default.
///
/// # Errors
/// [`Error::Argument`] for a variable that is no text.
pub fn model(flag: Option<&str>) -> Result<Choice<String>> {
    MODEL.choose(flag.map(String::from), Ok, model::DEFAULT.to_string())
}

/// The models of a flag, or else linear and cubic interpolation and the model of [`model`].
///
/// # Errors
/// Those of [`model`].
pub fn models(flag: Option<&[String]>) -> Result<Vec<Choice<String>>> {
    let named = |name: &str| Choice { value: name.to_string(), variable: None };
    match flag {
        Some(names) => Ok(names.iter().map(|name| named(name)).collect()),
        None => Ok(vec![named("linear"), named("cubic"), model(None)?]),
    }
}

/// The device of a flag, of the site, or `auto`.
///
/// # Errors
/// [`Error::Argument`] for a variable that is no text.
pub fn device(flag: Option<&str>) -> Result<Choice<String>> {
    DEVICE.choose(flag.map(String::from), Ok, "auto".to_string())
}

/// The number of threads of a flag or of the site; `None`: all cores.
///
/// # Errors
/// [`Error::Argument`] for a variable that is no number.
pub fn threads(flag: Option<usize>) -> Result<Choice<Option<usize>>> {
    let parse = |text: String| {
        let number = text.trim().parse().map(Some);
        number.map_err(|_| THREADS.refused(&format!("{text:?} is no number of threads")))
    };
    THREADS.choose(flag.map(Some), parse, None)
}
