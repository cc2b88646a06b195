//! Why a version did not complete.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! job_error_codes {
    ($($variant:ident = $word:literal,)+) => {
        /// A job error code. `docs/scripts.md` says what each one means.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum JobErrorCode {
            $($variant,)+
            /// A code that this version of the program does not know. Reports may come from a newer runner or from other
            /// software, so every text is accepted and kept.
            Other(String),
        }

        impl JobErrorCode {
            /// All codes but [`JobErrorCode::Other`].
            pub const KNOWN: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(code) => code,
                }
            }
        }
    };
}

job_error_codes! {
    SyntaxError = "syntax_error",
    ScriptError = "script_error",
    ScriptTimeout = "script_timeout",
    OutOfMemory = "out_of_memory",
    Crashed = "crashed",
    ScriptExited = "script_exited",
    NoGeometry = "no_geometry",
    InvalidShape = "invalid_shape",
    ExportFailed = "export_failed",
    OutputUnusable = "output_unusable",
    OutputInvalid = "output_invalid",
    ScriptMissing = "script_missing",
    ScriptTooLarge = "script_too_large",
    ScriptChanged = "script_changed",
    Abandoned = "abandoned",
    Cancelled = "cancelled",
    InternalError = "internal_error",
    UnreadableReport = "unreadable_report",
    NoOutput = "no_output",
}

impl JobErrorCode {
    /// Whether the script is at fault, so that a better script may complete.
    ///
    /// `output_unusable` does not count, because the runner's disk may be the reason. `script_timeout` does not count
    /// either: each further attempt would hold a runner for the whole limit, and the error does not say where the time
    /// went.
    pub fn is_repairable(&self) -> bool {
        matches!(
            self,
            Self::ScriptError
                | Self::SyntaxError
                | Self::NoGeometry
                | Self::InvalidShape
                | Self::ExportFailed
                | Self::OutOfMemory
                | Self::ScriptExited
                | Self::Crashed
        )
    }
}

impl From<&str> for JobErrorCode {
    fn from(text: &str) -> Self {
        Self::KNOWN.into_iter().find(|code| code.as_str() == text).unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl From<String> for JobErrorCode {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<JobErrorCode> for String {
    fn from(code: JobErrorCode) -> Self {
        code.as_str().to_owned()
    }
}

impl fmt::Display for JobErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a version did not complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobError {
    /// A stable code: `script_error`, `syntax_error`, `script_timeout`, `no_geometry`, `invalid_shape` …
    #[schemars(with = "String")]
    pub code: JobErrorCode,
    /// One sentence for a person.
    pub message: String,
    /// The line of the script, from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// The column in that line, from 1; for syntax errors.
    #[serde(default)]
    pub column: Option<u32>,
    /// The text of that line.
    #[serde(default)]
    pub source: Option<String>,
    /// The label of the object at fault.
    #[serde(default)]
    pub object: Option<String>,
    /// Python's traceback, without the runner's own frames.
    #[serde(default)]
    pub traceback: Option<String>,
}

impl JobError {
    /// An error without a place in the script.
    pub fn new(code: impl Into<JobErrorCode>, message: &str) -> Self {
        Self {
            code: code.into(),
            message: message.to_owned(),
            line: None,
            column: None,
            source: None,
            object: None,
            traceback: None,
        }
    }
}

/// The message and the place in the script, without the code: `invalid syntax (line 3, column 12)`.
impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, " (line {line}, column {column})"),
            (Some(line), None) => write!(f, " (line {line})"),
            (None, _) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StatusCode;

    fn sorted<'a>(codes: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut codes: Vec<String> = codes.into_iter().map(str::to_owned).collect();
        codes.sort_unstable();
        codes
    }

    #[test]
    fn unknown_codes_survive() {
        let json = r#"{"code":"from_the_future","message":"m"}"#;
        let error: JobError = serde_json::from_str(json).unwrap();
        assert_eq!(error.code, JobErrorCode::Other("from_the_future".to_owned()));
        assert_eq!(serde_json::to_value(&error).unwrap()["code"], "from_the_future");
        for code in JobErrorCode::KNOWN {
            assert_eq!(JobErrorCode::from(code.as_str()), code);
        }
    }

    #[test]
    fn the_sandbox_uses_known_codes() {
        let python = include_str!("../../sandbox/python/partwright/failure.py");
        let (_, list) = python.split_once("Codes:").unwrap();
        let (list, _) = list.split_once('.').unwrap();
        for code in list.split(',').map(str::trim) {
            assert!(!matches!(JobErrorCode::from(code), JobErrorCode::Other(_)), "{code}");
        }
    }

    #[test]
    fn all_codes_are_documented() {
        let page = include_str!("../../../docs/scripts.md");
        let (_, table) = page.split_once("## Job error codes").unwrap();
        let (table, _) = table.split_once("\n## ").unwrap();
        let documented =
            table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(code, _)| code);
        // The status view reports two more, for a version without a report.
        let known = JobErrorCode::KNOWN;
        let codes = known.iter().map(JobErrorCode::as_str).chain(StatusCode::ALL.map(StatusCode::as_str));
        assert_eq!(sorted(documented), sorted(codes));
    }

    #[test]
    fn the_place_follows_the_message() {
        let mut error = JobError::new(JobErrorCode::SyntaxError, "invalid syntax");
        assert_eq!(error.to_string(), "invalid syntax");
        error.line = Some(3);
        assert_eq!(error.to_string(), "invalid syntax (line 3)");
        error.column = Some(12);
        assert_eq!(error.to_string(), "invalid syntax (line 3, column 12)");
    }
}
