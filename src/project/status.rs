//! The status with its hints: the place in the queue, the progress of the run, the repair.

use std::cell::Cell;
use std::time::Duration;

use super::object::ProjectObject;
use super::request::{ProjectTarget, Refusal};
use super::transitions;
use super::view::StatusView;
use crate::fleet::{FleetTarget, GetQueuePlace, QueuePlace};
use crate::object::call;
use contract::{Phase, ProjectId, Timestamp, Version};
use platform::{ClockExt, Flight, SingleFlight};

/// How long a place in the queue counts.
const PLACE_FRESH_FOR: Duration = Duration::from_secs(2);

/// A request for a place that takes longer is started again.
const PLACE_REQUEST_MAX: Duration = Duration::from_secs(60);

/// How long a status waits for the place that another status asks for.
const PLACE_TIMEOUT: Duration = Duration::from_secs(4);

/// The last known place in the queue.
#[derive(Debug, Default)]
pub(super) struct PlaceCache {
    last: Cell<Option<CachedPlace>>,
    request: SingleFlight<()>,
}

#[derive(Debug, Clone, Copy)]
struct CachedPlace {
    version: Version,
    at: Timestamp,
    place: Option<QueuePlace>,
}

impl PlaceCache {
    fn get(&self, version: Version, now: Timestamp) -> Option<CachedPlace> {
        self.last.get().filter(|last| last.version == version && now.since(last.at) < PLACE_FRESH_FOR)
    }

    fn set(&self, version: Version, at: Timestamp, place: Option<QueuePlace>) {
        self.last.set(Some(CachedPlace { version, at, place }));
    }
}

impl ProjectObject<'_> {
    /// The status, if the caller may see it.
    pub(super) async fn status_for(&self, call: &ProjectTarget) -> Result<StatusView, Refusal> {
        self.require_visible_status(call)?;
        let view = self.status(&call.project).await?;
        // The project may have been transferred since.
        self.require_visible_status(call)?;
        Ok(view)
    }

    pub(super) async fn status(&self, project: &ProjectId) -> Result<StatusView, Refusal> {
        let cache = &self.memory.place;
        loop {
            let now = self.clock.now();
            let mut view = transitions::status(self.records(), now)?;
            let Some(newest) = &view.newest else { return Ok(view) };
            if newest.phase != Phase::Queued {
                view.progress = self.memory.hints.progress_of(newest);
                view.repair = self.memory.repairs.of(newest, now);
                return Ok(view);
            }
            // A silent bucket gets no second request.
            if !self.memory.bucket.answers.get() {
                return Ok(view);
            }
            let version = newest.version;
            if let Some(cached) = cache.get(version, now) {
                transitions::add_place(&mut view, cached.place);
                return Ok(view);
            }
            match cache.request.join(now, PLACE_REQUEST_MAX) {
                Flight::Leader(leader) => {
                    let request = GetQueuePlace { project: project.clone(), version };
                    let place = call(self.objects, &FleetTarget, request).await.unwrap_or_default();
                    cache.set(version, self.clock.now(), place);
                    leader.complete(&());
                }
                Flight::Follower(done) => {
                    if self.clock.timeout(PLACE_TIMEOUT, done).await.is_none() {
                        cache.set(version, self.clock.now(), None);
                    }
                }
            }
            // The version may have changed since: the status comes from the records after the last await.
        }
    }
}
