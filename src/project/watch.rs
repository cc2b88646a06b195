//! Following the status: requests that wait for a change, and WebSockets that get each change.

use std::time::Duration;

use futures::future::{Either, select};

use super::memory::FRESH_FOR;
use super::object::ProjectObject;
use super::request::{Operation, ProjectCall, ProjectTarget, Refusal, WaitForStatus};
use super::status_body::StatusBody;
use super::subscribers::StatusFingerprint;
use super::view::StatusView;
use crate::fleet::{FleetTarget, WakeRunners};
use crate::object::post;
use contract::{ProjectId, Timestamp, Wake};

/// The most WebSockets that watch one project.
const MAX_WATCHERS: usize = 1_000;

/// How long a WebSocket lives. Only a new handshake checks again whether the token was revoked, the session has ended or
/// the project was transferred.
const WATCH_LIFETIME: Duration = Duration::from_secs(900);

/// The longest time between two refreshes while a version is open and watched.
pub(super) const WATCHED_PAUSE: Duration = Duration::from_secs(2);

/// The first message to a new watcher.
pub struct Greeting {
    pub message: String,
    /// When the WebSocket is to be closed.
    pub close_at: Timestamp,
}

impl ProjectObject<'_> {
    /// The status once it has changed or is final, or when the time is over. A version in repair is final only for the turn
    /// that repairs it.
    pub(super) async fn wait(&self, call: &ProjectTarget, request: &WaitForStatus) -> Result<StatusView, Refusal> {
        let WaitForStatus { seconds, turn, repairs } = request;
        if let Some(turn) = turn {
            self.note_repair(call, turn, *repairs)?;
        }
        let until = self.clock.now().after(Duration::from_secs((*seconds).into()));
        self.refresh_for_read(call).await?;
        let mut view = self.status_for(call).await?;
        let seen = StatusFingerprint::of(&view);
        if is_final(&view) && (turn.is_some() || view.repair.is_none()) {
            return Ok(view);
        }
        let Some(mut change) = self.memory.subscribers.wait(&seen) else { return Ok(view) };
        loop {
            let now = self.clock.now();
            if until <= now || StatusFingerprint::of(&view) != seen {
                return Ok(view);
            }
            // A hint wakes this at once. Without hints, one of the waiting requests refreshes about once a second.
            match select(&mut change, self.clock.sleep(until.since(now).min(FRESH_FOR))).await {
                Either::Left(_) => {
                    view = self.status_for(call).await?;
                    // The status may have changed back already.
                    match self.memory.subscribers.wait(&seen) {
                        Some(again) => change = again,
                        None => return Ok(view),
                    }
                }
                Either::Right(_) => {
                    let (freshness, now) = (&self.memory.freshness, self.clock.now());
                    if freshness.needs_refresh(now) && !freshness.is_refreshing(now) {
                        self.refresh_for_read(call).await?;
                        self.notify(&call.project).await?;
                        view = self.status_for(call).await?;
                    }
                }
            }
        }
    }

    /// The greeting for a new WebSocket. The shell accepts the WebSocket without an await in between.
    ///
    /// # Errors
    /// The WebSocket must not be accepted.
    pub async fn greeting(&self, call: &ProjectCall) -> Result<Greeting, Refusal> {
        let ProjectCall { target: call, operation: Operation::Watch(_) } = call else {
            return Err(Refusal::Broken("only watching takes a WebSocket".to_owned()));
        };
        self.refresh_for_read(call).await?;
        self.require_room_for_watcher()?;
        self.require_visible_status(call)?;
        let close_at = self.clock.now().after(WATCH_LIFETIME);
        self.arm_within(Some(WATCHED_PAUSE), Some(close_at)).await?;
        let view = self.status_for(call).await?;
        let message = StatusBody::new(&call.project, &view).to_text()?;
        // The present watchers must not hear of it later than the new one.
        self.broadcast(&message);
        Ok(Greeting { message, close_at })
    }

    /// Sends a message to all watchers, unless it was the last one.
    fn broadcast(&self, message: &str) {
        if self.memory.subscribers.is_news(message) {
            self.sockets.send_all(message);
        }
    }

    pub(super) fn require_room_for_watcher(&self) -> Result<(), Refusal> {
        if self.sockets.count() < MAX_WATCHERS { Ok(()) } else { Err(Refusal::TooManyWatchers) }
    }

    /// Gives the subscribers the present status, if it is news to them. Costs nothing without subscribers.
    pub(super) async fn notify(&self, project: &ProjectId) -> Result<(), Refusal> {
        let subscribers = &self.memory.subscribers;
        self.sockets.close_due(self.clock.now());
        let is_watched = self.sockets.count() > 0;
        if !is_watched && !subscribers.is_any_waiting() {
            return Ok(());
        }
        let view = self.status(project).await?;
        subscribers.wake(&StatusFingerprint::of(&view));
        if is_watched {
            self.broadcast(&StatusBody::new(project, &view).to_text()?);
        }
        Ok(())
    }

    /// Sends a message to the runners that hold a WebSocket, without waiting.
    pub(super) fn wake_runners(&self, wake: Wake) {
        post(self.objects, &FleetTarget, WakeRunners(wake));
    }
}

fn is_final(view: &StatusView) -> bool {
    view.newest.as_ref().is_some_and(|newest| newest.phase.is_final())
}
