//! The content of `pending/`, read from a listing.

use std::collections::HashMap;

use super::{Key, ProjectId, Timestamp, Version};

/// One object of a listing.
#[derive(Debug, Clone, Copy)]
pub struct ListedObject<'a> {
    pub key: &'a str,
    pub etag: &'a str,
    /// In bytes.
    pub size: u64,
    pub last_modified: Option<Timestamp>,
}

/// The tickets and attempts of all listed versions.
#[derive(Debug, Default)]
pub struct PendingView {
    pub versions: HashMap<(ProjectId, Version), PendingVersion>,
}

/// The ticket and the attempts of one version.
#[derive(Debug, Default)]
pub struct PendingVersion {
    /// Without a ticket no runner takes the version.
    pub ticket: Option<PendingTicket>,
    /// In any order.
    pub attempts: Vec<PendingAttempt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingTicket {
    /// When the ticket was written, on the store's clock: its age in the queue.
    pub since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingAttempt {
    /// From 1.
    pub number: u32,
    /// Changes with each heartbeat.
    pub etag: String,
    /// The runner has given the version back: the object is empty.
    pub is_released: bool,
}

impl PendingView {
    /// Reads a listing, whole or in part, in any order. Other keys are skipped.
    pub fn from_entries<'a, E: Into<ListedObject<'a>>>(entries: impl IntoIterator<Item = E>) -> Self {
        let mut view = Self::default();
        for entry in entries {
            let entry = entry.into();
            match entry.key.parse() {
                Ok(Key::Ticket(project, version)) => {
                    view.version(project, version).ticket = Some(PendingTicket { since: entry.last_modified });
                }
                Ok(Key::Attempt(project, version, number)) => {
                    let (etag, is_released) = (entry.etag.to_owned(), entry.size == 0);
                    view.version(project, version).attempts.push(PendingAttempt { number, etag, is_released });
                }
                _ => {}
            }
        }
        view
    }

    fn version(&mut self, project: ProjectId, version: Version) -> &mut PendingVersion {
        self.versions.entry((project, version)).or_default()
    }
}

impl PendingVersion {
    /// Whether a runner holds the version: its highest attempt is not released.
    pub fn is_held(&self) -> bool {
        self.attempts.iter().max_by_key(|attempt| attempt.number).is_some_and(|attempt| !attempt.is_released)
    }

    /// The highest attempt that is not released.
    pub fn highest_unreleased(&self) -> Option<u32> {
        self.attempts.iter().filter(|attempt| !attempt.is_released).map(|attempt| attempt.number).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, size: u64) -> ListedObject<'_> {
        ListedObject { key, etag: "e", size, last_modified: Some(Timestamp::from_millis(7)) }
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let entries = [
            entry("pending/p/p_v1/a10.json", 99),
            entry("pending/p/p_v1/a2.json", 0),
            entry("pending/p/p_v1/ticket", 0),
            entry("pending/p/p_v2/a1.json", 99),
            entry("pending/p/p_v2/a2.json", 0),
            entry("pending/p/other", 5),
            entry("input/p/p_v3.py", 5),
        ];
        let view = PendingView::from_entries(entries);
        assert_eq!(view.versions.len(), 2);
        let version = |number: u64| &view.versions[&("p".parse().unwrap(), number.try_into().unwrap())];
        assert_eq!(version(1).ticket, Some(PendingTicket { since: Some(Timestamp::from_millis(7)) }));
        assert_eq!((version(1).is_held(), version(1).highest_unreleased()), (true, Some(10)));
        assert_eq!(version(2).ticket, None);
        assert_eq!((version(2).is_held(), version(2).highest_unreleased()), (false, Some(1)));
    }
}
