//! The step that asks the model: its messages, and what follows from its answer.

use super::alarm::StepError;
use super::events;
use super::object::ChatObject;
use super::turn::Turn;
use crate::ai::{
    CurrentVersion, Extracted, FailedVersion, MAX_SCRIPT, Message, Role, UserRequest, ask, compose, extract, remind,
    repair,
};
use crate::project::{GetScript, GetStatus, GetVersion, VersionView};
use contract::{JobError, Key, Version};
use s3::{Client, S3ErrorKind};

/// The most earlier messages that are read for the model.
const MAX_PAST: u32 = 40;

/// The most bytes that are read of a log. The runner's own logs are not larger.
const MAX_LOG: usize = 1 << 20;

/// The start of the runner's own lines in a log, which are not the script's output.
const RUNNER_LINE: &str = "[runner]";

impl ChatObject<'_> {
    /// Asks the model for a script, or to repair the one that failed.
    pub(super) async fn generate(&self, mut turn: Turn) -> Result<(), StepError> {
        let Some(config) = self.ai else {
            let message = "The model's settings were removed: AI_BASE_URL, AI_API_KEY, AI_MODEL.";
            return Err(StepError::fail("ai_not_configured", message));
        };
        if turn.repair > 0 {
            self.announce_repair(&turn, turn.version);
        }
        let (mut messages, parent) = match (turn.repair, &turn.error) {
            (1.., Some(error)) => (self.repair_messages(&turn, error.clone()).await?, turn.version),
            _ => self.request_messages(&turn).await?,
        };
        if turn.was_reminded {
            remind(&mut messages);
        }
        let is_restart = turn.calls > 0 || turn.was_reminded;
        if !turn.begin_call(parent) {
            let message = "The service was interrupted each time while the model wrote. Try again.";
            return Err(StepError::fail("interrupted", message));
        }
        self.records().save(&turn)?;
        let subscribers = &self.memory.subscribers;
        subscribers.clear();
        if is_restart {
            subscribers.send(events::restart_event());
        }
        let mut calls = Vec::new();
        let outcome = ask(config, &messages, subscribers, self.http, self.clock, &mut calls).await;
        self.count_calls(&mut turn, &calls);
        self.records().save(&turn)?;
        let completion = outcome.map_err(|error| {
            // The provider's own text may end with a period.
            let message = format!("The model gave no answer. {}.", error.message.trim_end_matches('.'));
            StepError::fail(&format!("ai_{}", error.kind.as_str()), &message)
        })?;
        self.take_answer(turn, extract(&completion.text, completion.ending))
    }

    /// Takes the model's answer. It has no await, so that it happens completely or not at all.
    fn take_answer(&self, mut turn: Turn, answer: Extracted) -> Result<(), StepError> {
        let (records, now, subscribers) = (self.records(), self.clock.now(), &self.memory.subscribers);
        match answer {
            Extracted::Truncated => {
                let message = "The model's script is incomplete: it reached its token limit, or its provider broke \
                               off. Ask for a simpler part, or in smaller steps. If this happens every time, raise \
                               AI_MAX_TOKENS (AI_FALLBACK_MAX_TOKENS).";
                Err(StepError::fail("answer_truncated", message))
            }
            Extracted::Unfenced(_) if turn.remind() => Ok(self.save(&turn)?),
            Extracted::Script { code, text, suggestions } if !turn.has_seen(&code) => {
                records.add_message(&turn, Role::Assistant, &text, now)?;
                turn.set_script(code, suggestions, now);
                self.save(&turn)?;
                subscribers.send(events::script_event(&turn));
                subscribers.send(events::state_event(&turn));
                Ok(())
            }
            // A script that failed before would fail again.
            Extracted::Script { text, .. } | Extracted::Unfenced(text) | Extracted::Prose(text) => {
                records.add_message(&turn, Role::Assistant, &text, now)?;
                turn.finish_without_script(now);
                Ok(self.save(&turn)?)
            }
        }
    }

    /// The messages for a new request, and the newest version, which the script is made from.
    async fn request_messages(&self, turn: &Turn) -> Result<(Vec<Message>, Option<Version>), StepError> {
        let newest = self.ask_project(turn, GetStatus).await?.newest;
        let current = match &newest {
            Some(newest) => Some(self.current_version(turn, newest).await?),
            None => None,
        };
        let messages = compose(&self.past(turn)?, current.as_ref(), request(turn));
        Ok((messages, newest.map(|newest| newest.version)))
    }

    /// The newest version with its script. The turn fails without the script: the model would invent another part, and
    /// that would count as made from this version.
    async fn current_version(&self, turn: &Turn, view: &VersionView) -> Result<CurrentVersion, StepError> {
        let version = view.version;
        let stored = self.ask_project(turn, GetScript(version)).await?;
        let script = match stored.and_then(|stored| stored.held) {
            Some(script) => Some(script),
            None => self.read(&Key::Script(turn.project.clone(), version), MAX_SCRIPT).await?,
        };
        let Some(script) = script.filter(|script| script.len() <= MAX_SCRIPT) else {
            let message = format!(
                "The script of version {version}, the newest, cannot be shown to a model: it is missing from the \
                 bucket, or it is not text of at most {MAX_SCRIPT} bytes. Upload another script to continue from."
            );
            return Err(StepError::fail("script_unreadable", &message));
        };
        let report = view.report.as_ref();
        Ok(CurrentVersion {
            version,
            script,
            geometry: report.and_then(|report| report.geometry.clone()),
            error: report.and_then(|report| report.error.clone()),
        })
    }

    /// The messages for the repair of the version that failed.
    async fn repair_messages(&self, turn: &Turn, error: JobError) -> Result<Vec<Message>, StepError> {
        let (Some(version), Some(script)) = (turn.version, turn.script.clone()) else {
            return Err(StepError::Fail(Box::new(error)));
        };
        let log = self.log(turn, version).await?;
        Ok(repair(&self.past(turn)?, request(turn), &FailedVersion { version, script, error, log }))
    }

    /// The output of a version's script, empty without a log. A report comes from the bucket, so it may name any key:
    /// only a log of this project is read.
    async fn log(&self, turn: &Turn, version: Version) -> Result<String, StepError> {
        let view = self.ask_project(turn, GetVersion(version)).await?;
        let named = view.and_then(|view| view.report).and_then(|report| report.log);
        let key = match named.and_then(|named| named.parse().ok()) {
            Some(key @ Key::Log(..)) if matches!(&key, Key::Log(project, _) if *project == turn.project) => key,
            _ => return Ok(String::new()),
        };
        let text = self.read(&key, MAX_LOG).await?.unwrap_or_default();
        let output = text.lines().filter(|line| !line.starts_with(RUNNER_LINE));
        Ok(output.flat_map(|line| [line, "\n"]).collect())
    }

    /// The text under a key of the bucket. `None` if it is missing, too long or not UTF-8.
    async fn read(&self, key: &Key, limit: usize) -> Result<Option<String>, StepError> {
        match Client::new(self.http, self.clock, self.bucket).get(&key.to_string(), limit).await {
            Ok(object) => Ok(String::from_utf8(object.bytes.into()).ok()),
            Err(error) => match error.kind() {
                S3ErrorKind::Retry => Err(StepError::Retry(error.to_string())),
                S3ErrorKind::Refused => {
                    let message = "The bucket refuses this service, so the current script cannot be read.";
                    Err(StepError::fail("bucket_refuses", message))
                }
                S3ErrorKind::Object => Ok(None),
            },
        }
    }

    /// The messages of this user before this turn, oldest first.
    fn past(&self, turn: &Turn) -> Result<Vec<Message>, StepError> {
        let past = self.records().before(turn, MAX_PAST)?.into_iter().rev().map(|message| {
            let content = match message.version {
                Some(version) if message.content.is_empty() => format!("(The script became version {version}.)"),
                Some(version) => format!("{}\n\n(The script became version {version}.)", message.content),
                None => message.content,
            };
            Message::new(message.role, content)
        });
        Ok(past.filter(|message| !message.content.is_empty()).collect())
    }
}

fn request(turn: &Turn) -> UserRequest<'_> {
    UserRequest { message: &turn.message, context: turn.context.as_deref() }
}
