//! Reads settings by name: variables of the environment, or variables and secrets of the Worker.

use std::fmt;
use std::str::FromStr;

/// Gives the value of a setting by its name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    problem: String,
}

impl ConfigError {
    /// `problem` says what is wrong with the value. It never repeats a value that may hold a secret.
    pub fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self { setting, problem: problem.into() }
    }

    /// The setting's name.
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

impl std::error::Error for ConfigError {}

/// The reader of all settings. White space around a value is removed, and an empty value counts as not set.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    lookup: Lookup<'a>,
}

impl<'a> Settings<'a> {
    /// Reads through `lookup`.
    pub fn new(lookup: Lookup<'a>) -> Self {
        Self { lookup }
    }

    /// The value as given, white space included: for keys in which every byte counts.
    pub fn verbatim(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The value of a setting that may be missing.
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value of a setting that must be set.
    ///
    /// # Errors
    /// When it is not set.
    pub fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.optional(name).ok_or_else(|| ConfigError::new(name, "it is not set; see docs/configuration.md"))
    }

    /// The value as a `T`. `problem` says what is wrong with a value that cannot be read.
    ///
    /// # Errors
    /// When there is a value that cannot be read.
    pub fn parsed<T: FromStr>(&self, name: &'static str, problem: &str) -> Result<Option<T>, ConfigError> {
        self.parsed_with(name, problem, |text| text.parse().ok())
    }

    /// The same, read by `read`.
    ///
    /// # Errors
    /// When there is a value for which `read` returns `None`.
    pub fn parsed_with<T>(
        &self,
        name: &'static str,
        problem: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.optional(name) else { return Ok(None) };
        read(&text).map(Some).ok_or_else(|| ConfigError::new(name, problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "PORT" => Some(" 8787 \n".to_owned()),
            "EMPTY" => Some("  ".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn white_space_and_empty_values_do_not_count() {
        let settings = Settings::new(&lookup);
        assert_eq!(settings.optional("PORT").as_deref(), Some("8787"));
        assert_eq!(settings.optional("EMPTY"), None);
        assert_eq!(settings.verbatim("PORT").as_deref(), Some(" 8787 \n"));
    }

    #[test]
    fn an_error_names_the_setting() {
        let settings = Settings::new(&lookup);
        assert_eq!(settings.required("NAME").unwrap_err().setting(), "NAME");
        assert_eq!(settings.parsed::<u16>("PORT", "it is not a port"), Ok(Some(8787)));
        assert_eq!(
            settings.parsed::<u8>("PORT", "it is not a byte").unwrap_err().to_string(),
            "PORT: it is not a byte"
        );
        assert_eq!(settings.parsed::<u8>("NAME", "it is not a byte"), Ok(None));
    }
}
