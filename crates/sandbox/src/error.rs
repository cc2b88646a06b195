//! The runner's failures.

use std::io;

/// The runner is at fault, not the script. Nothing is known about the script, and nothing may be committed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("Failed to make the job's directory: {0}")]
    MakeDirectory(io::Error),
    #[error("Failed to make the job's Landlock ruleset: {0}")]
    MakeRuleset(String),
    #[error("Failed to start FreeCAD: {0}")]
    StartServer(io::Error),
    #[error("Failed to hand the job to the fork server: {0}")]
    SendJob(io::Error),
    /// The job's process ended before it began the script.
    #[error("Failed to start the script: {0}")]
    StartScript(String),
    /// The fork server or a pipe failed after the job was handed over.
    #[error("Failed to watch the job: {0}")]
    WatchJob(io::Error),
}

impl EngineError {
    /// Whether the script may be the reason: the failure came while the fork server had the job. If false, the attempt
    /// can be released, because another one has nothing to fear from this script.
    pub fn script_may_have_run(&self) -> bool {
        matches!(self, Self::WatchJob(_))
    }
}
