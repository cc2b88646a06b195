//! Who wants to know as it changes: those who wait for a status, and those who watch over a WebSocket.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures::channel::oneshot::{Receiver, Sender, channel};
use futures::future::{Either, select};
use platform::{ClockExt, Flight, SingleFlight};

use super::call::{Operation, ProjectCall, ProjectTarget, Refusal, StatusView};
use super::life;
use super::object::{FRESH_MILLIS, ProjectObject};
use super::words::StatusBody;
use crate::fleet::{FleetTarget, GetQueuePlace, QueuePlace, WakeRunners};
use crate::object::{call, post};
use contract::{Phase, ProjectId, ProjectStatus, StatusCode, Timestamp, Version, Wake};

/// The most calls that wait for a status of one project at once; one more is answered at once.
const MOST_WAITING: usize = 1_000;

/// The most WebSockets that watch one project.
const MOST_WATCHING: usize = 1_000;

/// How long a WebSocket lives. Who connects again is let in anew, or not: a token that is revoked, a session that has
/// ended, a project that is another's are asked about only then.
const WATCH_LIFE: Duration = Duration::from_secs(900);

/// While somebody watches a version that is not final, a look at the bucket is never older than this.
pub(super) const WATCHED_PAUSE: Duration = Duration::from_secs(2);

/// How long a place in the queue is good for, in milliseconds.
const PLACE_MILLIS: i64 = 2_000;

/// A request for a place that takes longer is started anew.
const PLACE_REQUEST_MAX: Duration = Duration::from_secs(60);

/// How long one who asks for the status waits for the place that another asks for: it is not worth more.
const PLACE_TIMEOUT: Duration = Duration::from_secs(4);

/// What an instance remembers of those who want to know. All of it may be forgotten.
#[derive(Debug, Default)]
pub(super) struct Live {
    waiting: RefCell<Vec<(Print, Sender<()>)>>,
    /// The last message to those who watch.
    said: RefCell<Option<String>>,
    /// A version's place in the queue, and when it was asked for.
    place: Cell<Option<(Timestamp, Version, Option<QueuePlace>)>>,
    place_request: SingleFlight<()>,
}

/// What of a status is worth an answer to those who wait for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Print {
    status: ProjectStatus,
    code: Option<StatusCode>,
    version: Option<(Version, Phase, Option<u32>)>,
    progress: Option<String>,
    is_repaired: bool,
    /// Not each step forward in the queue, but each halving of the way.
    ahead: u32,
}

impl Print {
    fn of(view: &StatusView) -> Self {
        Self {
            status: view.status,
            code: view.code,
            version: view.newest.as_ref().map(|newest| (newest.version, newest.phase, newest.attempt)),
            progress: view.progress.as_ref().map(|progress| progress.phase.clone()),
            is_repaired: view.repair.is_some(),
            ahead: view.queue.map_or(0, |place| u64::BITS - place.ahead.leading_zeros()),
        }
    }
}

impl Live {
    fn join(&self, print: &Print) -> Option<Receiver<()>> {
        let mut waiting = self.waiting.borrow_mut();
        waiting.retain(|(_, tell)| !tell.is_canceled());
        if waiting.len() >= MOST_WAITING {
            return None;
        }
        let (tell, told) = channel();
        waiting.push((print.clone(), tell));
        Some(told)
    }

    /// Tells all who were waiting for something else than `print`.
    fn wake(&self, print: &Print) {
        let (told, rest) = self.waiting.take().into_iter().partition(|(theirs, _)| theirs != print);
        *self.waiting.borrow_mut() = rest;
        let told: Vec<(Print, Sender<()>)> = told;
        for (_, tell) in told {
            // One who has left needs no answer.
            let _ = tell.send(());
        }
    }
}

impl ProjectObject<'_> {
    /// The status once it is another than now, or final, or `seconds` have passed. What is being repaired is not final
    /// but for the turn that repairs it.
    pub(super) async fn wait(&self, call: &ProjectTarget, seconds: u32, is_turn: bool) -> Result<StatusView, Refusal> {
        let until = self.clock.now().after(Duration::from_secs(seconds.into()));
        self.look(call).await?;
        let mut view = self.status_of(call).await?;
        let before = Print::of(&view);
        if is_final(&view) && (is_turn || view.repair.is_none()) {
            return Ok(view);
        }
        let Some(mut told) = self.memory.live.join(&before) else { return Ok(view) };
        loop {
            let now = self.clock.now();
            let left = until.since(now);
            if until <= now || Print::of(&view) != before {
                return Ok(view);
            }
            // A hint tells at once. Where none comes, one of those who wait looks, about once a second.
            let tick = Duration::from_millis(FRESH_MILLIS.unsigned_abs());
            match select(&mut told, self.clock.sleep(left.min(tick))).await {
                Either::Left(_) => {
                    view = self.status_of(call).await?;
                    // It may be as before already.
                    match self.memory.live.join(&before) {
                        Some(again) => told = again,
                        None => return Ok(view),
                    }
                }
                Either::Right(_) if self.is_stale() && !self.is_looking() => {
                    self.look(call).await?;
                    self.tell(&call.project).await?;
                    view = self.status_of(call).await?;
                }
                Either::Right(_) => {}
            }
        }
    }

    /// The first message to one whose WebSocket is about to be taken, and when it is to be closed. The caller takes it
    /// without an await between.
    ///
    /// # Errors
    /// The WebSocket must not be taken then.
    pub async fn greeting(
        &self,
        ProjectCall { target: call, operation }: &ProjectCall,
    ) -> Result<(String, Timestamp), Refusal> {
        let Operation::Watch(_) = operation else {
            return Err(Refusal::Broken("only watching needs a WebSocket".to_owned()));
        };
        self.look(call).await?;
        self.may_watch()?;
        self.may_see_status(call)?;
        let until = self.clock.now().after(WATCH_LIFE);
        self.arm_within(Some(WATCHED_PAUSE), Some(until)).await?;
        let view = self.status_of(call).await?;
        // Those who watch already hear of it no later than the one who comes.
        Ok((self.say(StatusBody::new(&call.project, &view).to_text()?), until))
    }

    /// Sends `text` to all who watch, unless it is what they heard last.
    fn say(&self, text: String) -> String {
        let mut said = self.memory.live.said.borrow_mut();
        if said.as_ref() != Some(&text) {
            self.sockets.send_all(&text);
        }
        said.insert(text).clone()
    }

    /// Refuses one WebSocket too many.
    pub(super) fn may_watch(&self) -> Result<(), Refusal> {
        if self.sockets.count() < MOST_WATCHING { Ok(()) } else { Err(Refusal::TooManyWatchers) }
    }

    /// Tells those who wait and those who watch what is so now, if that is news to them. Costs nothing where nobody
    /// does.
    pub(super) async fn tell(&self, project: &ProjectId) -> Result<(), Refusal> {
        let live = &self.memory.live;
        self.sockets.close_due(self.clock.now());
        let watched = self.sockets.count() > 0;
        if !watched && live.waiting.borrow().is_empty() {
            return Ok(());
        }
        let view = self.status(project).await?;
        live.wake(&Print::of(&view));
        if watched {
            self.say(StatusBody::new(project, &view).to_text()?);
        }
        Ok(())
    }

    /// Says something to the runners that can be told, and waits for nothing.
    pub(super) fn tell_runners(&self, wake: Wake) {
        post(self.objects, &FleetTarget, WakeRunners(wake));
    }

    /// The status for this caller.
    pub(super) async fn status_of(&self, call: &ProjectTarget) -> Result<StatusView, Refusal> {
        self.may_see_status(call)?;
        let view = self.status(&call.project).await?;
        // Meanwhile the project may have become somebody else's.
        self.may_see_status(call)?;
        Ok(view)
    }

    /// The status: what the records say, with the place in the queue and the progress where they apply.
    pub(super) async fn status(&self, project: &ProjectId) -> Result<StatusView, Refusal> {
        loop {
            let mut view = life::status(self.records(), self.clock.now())?;
            let Some(newest) = &view.newest else { return Ok(view) };
            if newest.phase != Phase::Queued {
                view.progress = self.memory.hints.progress_of(newest);
                view.repair = self.memory.repairs.of(newest, self.clock.now());
                return Ok(view);
            }
            // A bucket that is silent is not asked a second question.
            if !self.memory.bucket_answers.get() {
                return Ok(view);
            }
            let (now, version) = (self.clock.now(), newest.version);
            if let Some((at, of, place)) = self.memory.live.place.get()
                && of == version
                && now.as_millis() - at.as_millis() < PLACE_MILLIS
            {
                life::place(&mut view, place);
                return Ok(view);
            }
            match self.memory.live.place_request.join(now, PLACE_REQUEST_MAX) {
                Flight::Leader(leader) => {
                    let request = GetQueuePlace { project: project.clone(), version };
                    let answer = call(self.objects, &FleetTarget, request).await;
                    self.note_place(version, answer.unwrap_or_default());
                    leader.complete(&());
                }
                Flight::Follower(done) => {
                    if self.clock.timeout(PLACE_TIMEOUT, done).await.is_none() {
                        self.note_place(version, None);
                    }
                }
            }
            // Meanwhile the version may have gone on: what is told is what the records say after the last await.
        }
    }

    fn note_place(&self, version: Version, place: Option<QueuePlace>) {
        self.memory.live.place.set(Some((self.clock.now(), version, place)));
    }
}

fn is_final(view: &StatusView) -> bool {
    view.newest.as_ref().is_some_and(|newest| newest.phase.is_final())
}
