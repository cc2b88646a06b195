//! The step that asks the model: what it is told, and what is made of its answer.

use super::alarm::Setback;
use super::object::ChatObject;
use super::turn::Turn;
use super::words;
use crate::ai::{
    CurrentVersion, Extracted, FailedVersion, MAX_SCRIPT, Message, Role, UserRequest, ask, compose, extract, repair,
};
use crate::project::{GetScript, GetStatus, GetVersion, VersionView};
use contract::{JobError, Key, ProjectId, Version};
use s3::{Client, S3ErrorKind};

/// The most messages of the past that are looked at.
const MOST_PAST: u32 = 40;

/// The most that is read of a log. The runner's own are no larger.
const LOG_LIMIT: usize = 1 << 20;

/// What the runner's own lines in a log begin with: they are not the script's.
const RUNNER_LINE: &str = "[runner]";

impl ChatObject<'_> {
    /// Asks the model for a script, or to mend the one that failed.
    pub(super) async fn generate(&self, project: &ProjectId, mut turn: Turn) -> Result<(), Setback> {
        let Some(config) = self.ai else {
            let message = "No model is configured any more: AI_BASE_URL, AI_API_KEY, AI_MODEL.";
            return Err(Setback::ends("ai_not_configured", message));
        };
        if turn.repair > 0 {
            self.tell_repair(project, &turn, turn.version);
        }
        let (messages, parent) = match (turn.repair, &turn.error) {
            (1.., Some(error)) => (self.messages_to_repair(project, &turn, error.clone()).await?, turn.version),
            _ => self.messages_to_begin(project, &turn).await?,
        };
        let is_again = turn.asked > 0;
        if !turn.asks(parent) {
            let message = "The service was interrupted each time while the model wrote. Try again.";
            return Err(Setback::ends("interrupted", message));
        }
        self.records().save(&turn)?;
        let live = &self.memory.live;
        live.begin_answer();
        if is_again {
            live.tell(words::restart_event());
        }
        let mut tries = Vec::new();
        let answered = ask(config, &messages, live, self.http, self.clock, &mut tries).await;
        self.note_tries(&mut turn, &tries);
        self.records().save(&turn)?;
        let answered = answered.map_err(|error| {
            let code = format!("ai_{}", error.kind.as_str());
            Setback::ends(&code, &format!("The model gave no answer. {}", error.message))
        })?;
        self.take(project, turn, extract(&answered.text, answered.ending))
    }

    /// Makes of the answer what it is. No await: it happens whole or not at all.
    fn take(&self, project: &ProjectId, mut turn: Turn, answer: Extracted) -> Result<(), Setback> {
        let (records, now, live) = (self.records(), self.clock.now(), &self.memory.live);
        match answer {
            Extracted::Truncated => {
                let message = "The model stopped before its script was whole, at its limit of tokens or because its provider \
                               broke off. Ask for a simpler part, or in smaller steps; where it \
                               always ends so, AI_MAX_TOKENS (AI_FALLBACK_MAX_TOKENS) raises the limit.";
                Err(Setback::ends("answer_truncated", message))
            }
            Extracted::Unfenced(said) | Extracted::Prose(said) => {
                records.say(&turn, Role::Assistant, &said, now)?;
                turn.spoke(now);
                Ok(self.keep(project, &turn)?)
            }
            // It would fail in the same way.
            Extracted::Script { code, text: said, .. } if turn.has_written(&code) => {
                records.say(&turn, Role::Assistant, &said, now)?;
                turn.spoke(now);
                Ok(self.keep(project, &turn)?)
            }
            Extracted::Script { code, text: said, suggestions } => {
                records.say(&turn, Role::Assistant, &said, now)?;
                turn.wrote(code, suggestions, now);
                self.keep(project, &turn)?;
                live.tell(words::script_event(&turn));
                live.tell(words::state_event(&turn));
                Ok(())
            }
        }
    }

    /// The words for a new request, and the version that it is made from: the newest.
    async fn messages_to_begin(
        &self,
        project: &ProjectId,
        turn: &Turn,
    ) -> Result<(Vec<Message>, Option<Version>), Setback> {
        let newest = self.ask_project(project, turn, GetStatus).await?.newest;
        let model = match &newest {
            Some(newest) => Some(self.model(project, turn, newest).await?),
            None => None,
        };
        let messages = compose(&self.past(turn)?, model.as_ref(), request(turn));
        Ok((messages, newest.map(|newest| newest.version)))
    }

    /// The newest version with its script. Without that the model would make up another part, and it would stand as one
    /// that was made from this version: so the turn ends here.
    async fn model(&self, project: &ProjectId, turn: &Turn, view: &VersionView) -> Result<CurrentVersion, Setback> {
        let stored = self.ask_project(project, turn, GetScript(view.version)).await?;
        let script = match stored.and_then(|stored| stored.held) {
            Some(script) => Some(script),
            None => self.read(&Key::Script(project.clone(), view.version), MAX_SCRIPT).await?,
        };
        let number = view.version;
        let Some(script) = script.filter(|script| script.len() <= MAX_SCRIPT) else {
            let message = format!(
                "The script of version {number}, which is the newest, cannot be shown to a model: it is gone from the \
                 bucket, or is no text of at most {MAX_SCRIPT} bytes. Upload one to go on from."
            );
            return Err(Setback::ends("script_unreadable", &message));
        };
        let report = view.report.as_ref();
        Ok(CurrentVersion {
            version: number,
            script,
            geometry: report.and_then(|report| report.geometry.clone()),
            error: report.and_then(|report| report.error.clone()),
        })
    }

    /// The words for a repair of the version that failed.
    async fn messages_to_repair(
        &self,
        project: &ProjectId,
        turn: &Turn,
        error: JobError,
    ) -> Result<Vec<Message>, Setback> {
        let (Some(version), Some(script)) = (turn.version, turn.script.clone()) else {
            return Err(Setback::Final(Box::new(error)));
        };
        let log = self.log(project, turn, version).await?;
        let failure = FailedVersion { version, script, error, log };
        Ok(repair(&self.past(turn)?, request(turn), &failure))
    }

    /// What a version's script has printed; empty where there is no log. A report is read from the bucket, so what it
    /// names is looked at before it is followed: only a log of this very project.
    async fn log(&self, project: &ProjectId, turn: &Turn, version: Version) -> Result<String, Setback> {
        let view = self.ask_project(project, turn, GetVersion(version)).await?;
        let named = view.and_then(|view| view.report).and_then(|report| report.log);
        let Some(key @ Key::Log(..)) = named.and_then(|named| named.parse().ok()) else { return Ok(String::new()) };
        if !matches!(&key, Key::Log(of, _) if of == project) {
            return Ok(String::new());
        }
        let text = self.read(&key, LOG_LIMIT).await?.unwrap_or_default();
        let printed = text.lines().filter(|line| !line.starts_with(RUNNER_LINE));
        Ok(printed.flat_map(|line| [line, "\n"]).collect())
    }

    /// The text under a key of the bucket; none where there is none, or too much, or what is no text.
    async fn read(&self, key: &Key, limit: usize) -> Result<Option<String>, Setback> {
        match Client::new(self.http, self.clock, self.bucket).get(&key.to_string(), limit).await {
            Ok(object) => Ok(String::from_utf8(object.bytes.into()).ok()),
            Err(error) => match error.kind() {
                S3ErrorKind::Retry => Err(Setback::Passing(error.to_string())),
                S3ErrorKind::Refused => {
                    let message = "The bucket refuses this service, so the current script cannot be read.";
                    Err(Setback::ends("bucket_refuses", message))
                }
                S3ErrorKind::Object => Ok(None),
            },
        }
    }

    /// What was said before this turn by whoever began it and to them, oldest first.
    fn past(&self, turn: &Turn) -> Result<Vec<Message>, Setback> {
        let past = self.records().before(turn, MOST_PAST)?;
        let spoken = past.into_iter().rev().map(|message| {
            let said = match message.version {
                Some(version) if message.content.is_empty() => format!("(The script became version {version}.)"),
                Some(version) => format!("{}\n\n(The script became version {version}.)", message.content),
                None => message.content,
            };
            Message::new(message.role, said)
        });
        Ok(spoken.filter(|message| !message.content.is_empty()).collect())
    }
}

fn request(turn: &Turn) -> UserRequest<'_> {
    UserRequest { message: &turn.message, context: turn.context.as_deref() }
}
