//! One turn of a conversation: what somebody asked for, and all that comes of it until it ends.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use contract::{JobError, Outcome, Report, RequestId, Sha256, StatusCode, Timestamp, TurnId, Version, word_enum};

/// How often a script that fails is repaired, where nobody says otherwise.
pub const REPAIRS: u32 = 2;

/// How often at most.
pub const MOST_REPAIRS: u32 = 5;

/// How often the model is asked for one and the same script: a question whose answer was lost with the instance that
/// asked is asked again.
const MOST_CALLS: u32 = 3;

/// How often in a row a step may fail for want of something that may come back: about five minutes.
const MOST_TROUBLES: u32 = 10;

/// The longest pause before such a step is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How long a version is followed at most. That nobody runs it is noticed long before; this is for one that waits behind
/// others for that long.
const FOLLOWED: Duration = Duration::from_secs(3_600);

/// The most of an error's texts that is kept, in bytes.
const LONGEST_TEXT: usize = 8 << 10;

/// Whether the script is at fault that this report is about.
pub(super) fn is_of_the_script(report: &Report) -> bool {
    report.outcome == Outcome::Failed && report.error.as_ref().is_some_and(|error| error.code.is_repairable())
}

word_enum! {
    /// Where a turn stands.
    #[derive(JsonSchema)]
    pub enum TurnState {
        /// The model is asked.
        Generating = "generating",
        /// Its script becomes a version.
        Uploading = "uploading",
        /// The version is on its way through FreeCAD.
        Processing = "processing",
        /// There is a model; or the model had something to say and no script to give.
        Completed = "completed",
        /// It has ended without; `error` says why.
        Failed = "failed",
    } else "not a state of a turn"
}

impl TurnState {
    /// Whether nothing changes any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// What the model was asked and has cost, over all of a turn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "TurnUsage")]
pub struct TurnUsage {
    /// How often a provider was asked, with or without an answer.
    pub calls: u64,
    /// Tokens of what was sent, where providers told.
    pub input_tokens: u64,
    /// Tokens of the answers.
    pub output_tokens: u64,
}

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Turn {
    pub id: TurnId,
    /// Who asked, and whether as an admin.
    pub user: String,
    pub admin: bool,
    pub request_id: RequestId,
    /// The person's words, while it is the newest turn.
    pub message: String,
    pub context: Option<String>,
    /// How many repairs there may be.
    pub repairs: u32,
    pub state: TurnState,
    /// Which answer is worked on: 0 for the first, then one for each repair.
    pub repair: u32,
    /// How often the model was asked for this answer.
    pub asked: u32,
    /// How often in a row the present step failed for want of something.
    pub troubles: u32,
    /// The version that the present script is made from, or mends.
    pub parent: Option<Version>,
    /// The version that the newest script became.
    pub version: Option<Version>,
    /// The newest script, while it is the newest turn.
    pub script: Option<String>,
    pub suggestions: Vec<String>,
    /// The model that wrote it, as figures call it.
    pub written_by: Option<String>,
    /// Why the newest version failed, or why the turn did.
    pub error: Option<JobError>,
    /// Why the newest version, which failed, was not repaired, where that is not for its own error.
    pub repair_error: Option<JobError>,
    /// The sums of the errors and scripts of this turn, one a line. None of them is worth another try.
    pub seen: String,
    pub usage: TurnUsage,
    /// When the next step is to be taken.
    pub due: Timestamp,
    pub began_at: Timestamp,
    /// Since when it stands where it stands.
    pub state_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// What follows from a version's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The turn has ended.
    Ended,
    /// The script is to be repaired.
    Repair,
}

impl Turn {
    /// The key under which the present script is uploaded, so that it becomes one version however often it is sent.
    pub fn upload_key(&self) -> String {
        format!("chat-{}-{}", self.id, self.repair)
    }

    /// The model is about to be asked for a script that is made from `parent`. False if that was done too often.
    pub fn asks(&mut self, parent: Option<Version>) -> bool {
        if self.asked >= MOST_CALLS {
            return false;
        }
        self.asked += 1;
        self.parent = parent;
        true
    }

    /// Whether this script has failed before in this turn.
    pub fn has_written(&self, script: &str) -> bool {
        self.seen.contains(&sum(script))
    }

    /// The model has written a script.
    pub fn wrote(&mut self, script: String, suggestions: Vec<String>, now: Timestamp) {
        self.seen.push_str(&sum(&script));
        self.script = Some(script);
        self.suggestions = suggestions;
        self.enter(TurnState::Uploading, now);
    }

    /// The model had something to say and no script to give. After a version that failed, that one's error stands.
    pub fn spoke(&mut self, now: Timestamp) {
        let state = if self.error.is_some() { TurnState::Failed } else { TurnState::Completed };
        self.enter(state, now);
    }

    /// The script is a version.
    pub fn uploaded(&mut self, version: Version, now: Timestamp) {
        self.version = Some(version);
        self.enter(TurnState::Processing, now);
    }

    /// The version's report is there.
    pub fn reported(&mut self, report: &Report, now: Timestamp) -> Verdict {
        if report.outcome == Outcome::Completed {
            self.error = None;
            self.enter(TurnState::Completed, now);
            return Verdict::Ended;
        }
        let error = report.error.clone().unwrap_or_else(|| JobError::new("failed", "The version failed"));
        let error = shortened(error);
        let kind = kind(&error);
        let is_repeated = self.seen.contains(&kind);
        let is_repairable = is_of_the_script(report);
        self.seen.push_str(&kind);
        self.error = Some(error);
        if !is_repairable || is_repeated || self.repair >= self.repairs {
            self.enter(TurnState::Failed, now);
            return Verdict::Ended;
        }
        self.repair += 1;
        self.asked = 0;
        self.enter(TurnState::Generating, now);
        Verdict::Repair
    }

    /// Whether anything is left in it of what was said and what came of it.
    pub fn has_words(&self) -> bool {
        !self.message.is_empty() || !self.suggestions.is_empty() || self.error.is_some()
    }

    /// It ends here, for this reason. Where a version failed and no other has followed, that one's own error stands, and
    /// the reason beside it.
    pub fn fail(&mut self, error: JobError, now: Timestamp) {
        let mut error = shortened(error);
        match self.state {
            TurnState::Generating | TurnState::Uploading if self.version.is_some() => self.repair_error = Some(error),
            state => {
                if state == TurnState::Generating {
                    let end = if error.message.ends_with('.') { "" } else { "." };
                    error.message.extend([end, " Nothing was uploaded."]);
                }
                self.error = Some(error);
            }
        }
        self.enter(TurnState::Failed, now);
    }

    /// The present step failed for want of something that may come back, such as the bucket.
    pub fn stumble(&mut self, why: &str, now: Timestamp) {
        self.troubles += 1;
        if self.troubles > MOST_TROUBLES {
            let message = format!("A part of the service cannot be reached: {why}");
            return self.fail(JobError::new("internal_unavailable", &message), now);
        }
        let pause = Duration::from_secs(1 << (self.troubles - 1).min(16));
        self.due = now.after(pause.min(LONGEST_PAUSE));
    }

    /// The version has no report yet; it is looked at again after `pause`.
    pub fn waits(&mut self, pause: Duration, now: Timestamp) {
        self.troubles = 0;
        self.due = now.after(pause);
        if now.since(self.state_at) >= FOLLOWED {
            let message = "The version has waited for an hour. It still becomes a model when a runner takes it, but it is \
                           not repaired any more.";
            self.fail(JobError::new(StatusCode::Stalled.as_str(), message), now);
        }
    }

    fn enter(&mut self, state: TurnState, now: Timestamp) {
        self.state = state;
        self.state_at = now;
        self.due = now;
        self.troubles = 0;
        self.ended_at = state.is_final().then_some(now);
    }
}

/// The sum by which an error is known again: wherever its line stands by now, and whatever address in memory it names.
fn kind(error: &JobError) -> String {
    let source = error.source.as_deref().unwrap_or_default();
    let words = error.message.split(' ').filter(|word| !word.starts_with("0x"));
    sum(&words.chain([error.code.as_str(), source]).collect::<String>())
}

fn sum(text: &str) -> String {
    format!("{}\n", Sha256::of(text.as_bytes()))
}

/// The same with texts of a size that fits a row. Of a traceback the end says most.
fn shortened(mut error: JobError) -> JobError {
    error.message.truncate(error.message.floor_char_boundary(LONGEST_TEXT));
    if let Some(source) = &mut error.source {
        source.truncate(source.floor_char_boundary(LONGEST_TEXT));
    }
    if let Some(traceback) = &mut error.traceback {
        let from = traceback.ceil_char_boundary(traceback.len().saturating_sub(LONGEST_TEXT));
        traceback.drain(..from);
    }
    error
}
