//! The memory of an instance between calls. It only saves work, and may be lost at any time.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::hints::Hints;
use super::repair::Repairs;
use super::status::PlaceCache;
use super::subscribers::Subscribers;
use contract::{Timestamp, UploadId, Version};
use platform::{InFlight, InFlightGuard};

/// A read refreshes the records if the last refresh is at least this old.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(1);

/// A read searches the bucket for external uploads if the last search is at least this old.
const EXTERNAL_FRESH_FOR: Duration = Duration::from_secs(3);

/// After an upload that waited long for the bucket in vain, later uploads do not wait for this time. Otherwise a hundred
/// uploads in a row would take a quarter of an hour.
const SILENCE: Duration = Duration::from_secs(5);

/// Work that takes longer has been broken off: the platform may never resume a request whose caller is gone. No chain of
/// retries takes that long.
pub(super) const MAX_IN_FLIGHT: Duration = Duration::from_secs(300);

/// The same for a refresh, which other requests wait for. Two refreshes at once only cost requests.
const MAX_REFRESH: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Memory {
    pub(super) bucket: BucketHealth,
    pub(super) freshness: BucketFreshness,
    pub(super) deliveries: Deliveries,
    /// Versions that have a ticket and may have a report nevertheless. The next refresh asks for the report.
    pub(super) recheck: RefCell<HashSet<Version>>,
    /// Work on the flat path, so that no request copies from it while another writes it.
    pub(super) flat_path: InFlight,
    /// The newest version that other software has marked as processed, as last seen.
    pub(super) newest_marked: Cell<Option<Version>>,
    pub(super) hints: Hints,
    pub(super) repairs: Repairs,
    pub(super) subscribers: Subscribers,
    pub(super) place: PlaceCache,
    /// Whether this instance has armed the alarm.
    pub(super) is_armed: Cell<bool>,
}

/// Whether the bucket works.
#[derive(Debug, Default)]
pub(super) struct BucketHealth {
    /// The store passed the probe.
    pub is_fit: Cell<bool>,
    /// The last refresh got an answer.
    pub answers: Cell<bool>,
    silent_since: Cell<Option<Timestamp>>,
}

impl BucketHealth {
    /// Whether the bucket was silent a moment ago.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        self.silent_since.get().is_some_and(|since| now.since(since) < SILENCE)
    }

    pub fn set_silent(&self, now: Timestamp) {
        self.silent_since.set(Some(now));
    }

    /// The bucket took a script.
    pub fn set_responsive(&self) {
        self.silent_since.set(None);
    }
}

/// How old the records are, compared with the bucket.
#[derive(Debug, Default)]
pub(super) struct BucketFreshness {
    refresh: InFlight,
    refreshed_at: Cell<Option<Timestamp>>,
    external_at: Cell<Option<Timestamp>>,
    alarm_at: Cell<Option<Timestamp>>,
}

impl BucketFreshness {
    pub fn needs_refresh(&self, now: Timestamp) -> bool {
        is_older(self.refreshed_at.get(), now, FRESH_FOR)
    }

    pub fn is_refreshing(&self, now: Timestamp) -> bool {
        self.refresh.is_busy(now, MAX_REFRESH)
    }

    /// Starts a refresh, unless one is in flight.
    pub fn start_refresh(&self, now: Timestamp) -> Option<InFlightGuard<'_>> {
        self.refresh.try_start(now, MAX_REFRESH)
    }

    pub fn set_refreshed(&self, now: Timestamp) {
        self.refreshed_at.set(Some(now));
    }

    /// Whether a read must search for external uploads. If so, counts the search as begun.
    pub fn start_external_search(&self, now: Timestamp) -> bool {
        let is_due = is_older(self.external_at.get(), now, EXTERNAL_FRESH_FOR);
        if is_due {
            self.external_at.set(Some(now));
        }
        is_due
    }

    /// The bucket did not answer, so the reads of the next moment do not ask again.
    pub fn set_given_up(&self, now: Timestamp) {
        self.external_at.set(Some(now));
        self.refreshed_at.set(Some(now));
    }

    pub fn set_alarm(&self, now: Timestamp) {
        self.alarm_at.set(Some(now));
    }

    /// The last refresh or alarm. An alarm that finds a refresh in flight does not refresh.
    pub fn last_attempt(&self) -> Option<Timestamp> {
        self.refreshed_at.get().max(self.alarm_at.get())
    }
}

fn is_older(at: Option<Timestamp>, now: Timestamp, age: Duration) -> bool {
    at.is_none_or(|at| now.since(at) >= age)
}

/// Uploads on their way to the bucket. No other request delivers them at the same time.
#[derive(Debug, Default)]
pub(super) struct Deliveries(RefCell<HashMap<UploadId, Timestamp>>);

impl Deliveries {
    pub fn is_in_flight(&self, upload: &UploadId, now: Timestamp) -> bool {
        self.0.borrow().get(upload).is_some_and(|since| now.since(*since) < MAX_IN_FLIGHT)
    }

    /// Starts a delivery, unless one of this upload is in flight.
    pub fn try_start(&self, upload: &UploadId, now: Timestamp) -> Option<DeliveryGuard<'_>> {
        if self.is_in_flight(upload, now) {
            return None;
        }
        self.0.borrow_mut().insert(upload.clone(), now);
        Some(DeliveryGuard { deliveries: self, upload: upload.clone(), started_at: now })
    }
}

/// The delivery is in flight while this lives.
pub(super) struct DeliveryGuard<'a> {
    deliveries: &'a Deliveries,
    upload: UploadId,
    started_at: Timestamp,
}

impl Drop for DeliveryGuard<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.deliveries.0.borrow_mut();
        // Another request may have taken over.
        if in_flight.get(&self.upload) == Some(&self.started_at) {
            in_flight.remove(&self.upload);
        }
    }
}
