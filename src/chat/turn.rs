//! One turn of a conversation: a person's request, and everything that follows from it until it ends.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call::{ChatTarget, StartTurn};
use contract::{
    JobError, Outcome, ProjectId, Report, RequestId, Sha256, StatusCode, Timestamp, TurnId, Version, word_enum,
};
use platform::Backoff;

/// The default for the number of repairs.
pub const DEFAULT_REPAIRS: u32 = 2;

/// The highest number of repairs.
pub const MAX_REPAIRS: u32 = 5;

/// The most calls of the model for one answer. A call is repeated if its answer was lost with the instance.
const MAX_CALLS: u32 = 3;

/// The most transient failures of a step in a row. With the pauses between them this takes about five minutes.
const MAX_FAILURES: u32 = 10;

/// The pause before a step is retried.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

/// How long a turn follows its version. A version that no runner takes is noticed long before; this limit is for one
/// that waits behind others.
const MAX_PROCESSING: Duration = Duration::from_secs(3_600);

/// The longest text of an error, in bytes.
const MAX_ERROR_TEXT: usize = 8 << 10;

/// Whether the script caused the failure that this report describes.
pub(super) fn is_script_failure(report: &Report) -> bool {
    report.outcome == Outcome::Failed && report.error.as_ref().is_some_and(|error| error.code.is_repairable())
}

word_enum! {
    /// The state of a turn.
    #[derive(JsonSchema)]
    pub enum TurnState {
        /// The model writes its answer.
        Generating = "generating",
        /// The script is uploaded as a new version.
        Uploading = "uploading",
        /// The version waits for a runner, or runs.
        Processing = "processing",
        /// The version has a model, or the model answered without a script.
        Completed = "completed",
        /// The turn failed; `error` says why.
        Failed = "failed",
    }
}

impl TurnState {
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// The calls of the model in one turn, and their tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TurnUsage")]
pub struct TurnUsage {
    /// The calls of providers, whether they succeeded or failed.
    pub calls: u64,
    /// The tokens of the requests, as far as providers reported them.
    pub input_tokens: u64,
    /// The tokens of the answers.
    pub output_tokens: u64,
}

/// One turn. It is stored as JSON, so a field that is added needs a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Turn {
    pub id: TurnId,
    pub project: ProjectId,
    pub user: String,
    pub admin: bool,
    pub request_id: RequestId,
    /// The request. It is empty once a later turn began.
    pub message: String,
    pub context: Option<String>,
    pub max_repairs: u32,
    pub state: TurnState,
    /// The answer in progress: 0 for the first, then one for each repair.
    pub repair: u32,
    /// The calls of the model for this answer.
    pub calls: u32,
    /// The model was asked again for a script in a closed code block.
    #[serde(default)]
    pub was_reminded: bool,
    /// The transient failures of this step in a row.
    pub consecutive_failures: u32,
    /// The version that the newest script was made from, or repairs.
    pub parent: Option<Version>,
    /// The version that the newest script became.
    pub version: Option<Version>,
    /// The newest script. It is removed once a later turn begins.
    pub script: Option<String>,
    pub suggestions: Vec<String>,
    /// The metrics label of the model that wrote it.
    pub written_by: Option<String>,
    /// Why the newest version failed, or why the turn did.
    pub error: Option<JobError>,
    /// Why the newest version, which failed, was not repaired, if that has another reason than its own error.
    pub repair_error: Option<JobError>,
    /// The digests of this turn's errors and scripts, one a line. None of them is worth another repair.
    pub seen: String,
    pub usage: TurnUsage,
    /// When the next step is due.
    pub due: Timestamp,
    pub began_at: Timestamp,
    /// When the turn entered its state.
    pub state_at: Timestamp,
}

/// The consequence of a version's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ended,
    Repair,
}

impl Turn {
    pub fn new(target: &ChatTarget, request: &StartTurn, now: Timestamp) -> Self {
        Self {
            id: TurnId::random(),
            project: target.project.clone(),
            user: target.caller.user.clone(),
            admin: target.caller.admin,
            request_id: target.request_id.clone(),
            message: request.message.clone(),
            context: request.context.clone(),
            max_repairs: request.repairs,
            state: TurnState::Generating,
            repair: 0,
            calls: 0,
            was_reminded: false,
            consecutive_failures: 0,
            parent: None,
            version: None,
            script: None,
            suggestions: Vec::new(),
            written_by: None,
            error: None,
            repair_error: None,
            seen: String::new(),
            usage: TurnUsage::default(),
            due: now,
            began_at: now,
            state_at: now,
        }
    }

    pub fn ended_at(&self) -> Option<Timestamp> {
        self.state.is_final().then_some(self.state_at)
    }

    /// The idempotency key of the newest script's upload: repeated uploads become one version.
    pub fn upload_key(&self) -> String {
        format!("chat-{}-{}", self.id, self.repair)
    }

    /// Counts a call of the model for a script that is made from `parent`. Returns false if there were too many.
    pub fn begin_call(&mut self, parent: Option<Version>) -> bool {
        if self.calls >= MAX_CALLS {
            return false;
        }
        self.calls += 1;
        self.parent = parent;
        true
    }

    /// Lets the model answer once more, with a script in a closed code block. Returns false if it was reminded before.
    pub fn remind(&mut self) -> bool {
        self.calls = 0;
        !std::mem::replace(&mut self.was_reminded, true)
    }

    /// Whether this script has failed before in this turn.
    pub fn has_seen(&self, script: &str) -> bool {
        self.seen.contains(&digest_line(script))
    }

    /// Takes the model's script.
    pub fn set_script(&mut self, script: String, suggestions: Vec<String>, now: Timestamp) {
        self.seen.push_str(&digest_line(&script));
        self.script = Some(script);
        self.suggestions = suggestions;
        self.enter(TurnState::Uploading, now);
    }

    /// Ends the turn with an answer that has no new script. It fails if it was to repair a version.
    pub fn finish_without_script(&mut self, now: Timestamp) {
        let state = if self.error.is_some() { TurnState::Failed } else { TurnState::Completed };
        self.enter(state, now);
    }

    /// The script became a version.
    pub fn set_version(&mut self, version: Version, now: Timestamp) {
        self.version = Some(version);
        self.enter(TurnState::Processing, now);
    }

    /// Takes the version's report.
    pub fn take_report(&mut self, report: &Report, now: Timestamp) -> Verdict {
        if report.outcome == Outcome::Completed {
            self.error = None;
            self.enter(TurnState::Completed, now);
            return Verdict::Ended;
        }
        let error = report.error.clone().unwrap_or_else(|| JobError::new("failed", "The version failed"));
        let error = shortened(error);
        let digest = error_digest_line(&error);
        let is_repeated = self.seen.contains(&digest);
        self.seen.push_str(&digest);
        self.error = Some(error);
        if !is_script_failure(report) || is_repeated || self.repair >= self.max_repairs {
            self.enter(TurnState::Failed, now);
            return Verdict::Ended;
        }
        self.repair += 1;
        self.calls = 0;
        self.was_reminded = false;
        self.enter(TurnState::Generating, now);
        Verdict::Repair
    }

    /// Ends the turn with an error, whose message ends with a period. If a version failed before, its own error stays,
    /// and this one says why it was not repaired.
    pub fn fail(&mut self, error: JobError, now: Timestamp) {
        let mut error = shortened(error);
        match self.state {
            TurnState::Generating | TurnState::Uploading if self.version.is_some() => self.repair_error = Some(error),
            state => {
                if state == TurnState::Generating {
                    error.message.push_str(" Nothing was uploaded.");
                }
                self.error = Some(error);
            }
        }
        self.enter(TurnState::Failed, now);
    }

    /// Retries this step after a transient failure. After too many, the turn fails.
    pub fn retry_later(&mut self, why: &str, now: Timestamp) {
        self.consecutive_failures += 1;
        if self.consecutive_failures > MAX_FAILURES {
            let message = format!("A part of the service cannot be reached: {why}.");
            return self.fail(JobError::new("internal_unavailable", &message), now);
        }
        self.due = now.after(BACKOFF.delay(self.consecutive_failures));
    }

    /// Looks at the version again after `pause`, because it has no report yet.
    pub fn wait(&mut self, pause: Duration, now: Timestamp) {
        self.consecutive_failures = 0;
        self.due = now.after(pause);
        if now.since(self.state_at) >= MAX_PROCESSING {
            let message = "The version has waited for an hour. It still becomes a model when a runner takes it, but it \
                           will not be repaired.";
            self.fail(JobError::new(StatusCode::Stalled.as_str(), message), now);
        }
    }

    /// Whether the turn still holds any text.
    pub fn has_text(&self) -> bool {
        !self.message.is_empty() || !self.suggestions.is_empty() || self.error.is_some()
    }

    /// Removes the request and the script, because a later turn begins.
    pub fn remove_request(&mut self) {
        self.message.clear();
        self.context = None;
        self.script = None;
    }

    /// Removes all text. The state, the versions and the usage stay.
    pub fn remove_text(&mut self) {
        self.remove_request();
        self.suggestions.clear();
        self.error = None;
        self.repair_error = None;
        self.seen.clear();
    }

    fn enter(&mut self, state: TurnState, now: Timestamp) {
        self.state = state;
        self.state_at = now;
        self.due = now;
        self.consecutive_failures = 0;
    }
}

/// The digest that identifies an error, wherever its line has moved and whatever memory address it names.
fn error_digest_line(error: &JobError) -> String {
    let source = error.source.as_deref().unwrap_or_default();
    let words = error.message.split(' ').filter(|word| !word.starts_with("0x"));
    digest_line(&words.chain([error.code.as_str(), source]).collect::<String>())
}

fn digest_line(text: &str) -> String {
    format!("{}\n", Sha256::of(text.as_bytes()))
}

/// The error with texts of limited size. A traceback keeps its end, which says most.
fn shortened(mut error: JobError) -> JobError {
    error.message.truncate(error.message.floor_char_boundary(MAX_ERROR_TEXT));
    if let Some(source) = &mut error.source {
        source.truncate(source.floor_char_boundary(MAX_ERROR_TEXT));
    }
    if let Some(traceback) = &mut error.traceback {
        let from = traceback.ceil_char_boundary(traceback.len().saturating_sub(MAX_ERROR_TEXT));
        traceback.drain(..from);
    }
    error
}
