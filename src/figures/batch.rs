//! What is told at once, and to whom.

use std::time::Duration;

use futures::future::{Either, select};
use serde::{Deserialize, Serialize};

use super::fact::Fact;
use crate::contract::Timestamp;
use crate::http::Clock;
use crate::object::{ObjectName, Objects, call};

/// How many objects add up. Each writer tells one of them, always the same, so that a batch that comes again comes to
/// whoever knows it; who reads asks all. With another number only batches that are under way just then could count twice.
pub const SHARDS: u8 = 8;

/// How long a shard may take to answer. Whoever tells it has other work to do, and tells it again later.
const PATIENCE: Duration = Duration::from_secs(3);

const HOUR_MILLIS: i64 = 3_600_000;

/// One sum: hour, figure, label, slot, amount. Written as a list, since there are many of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell(pub i64, pub String, pub String, pub u64, pub u64);

impl Cell {
    pub(super) fn new(hour: i64, fact: &Fact) -> Self {
        Self(hour, fact.figure.as_str().to_owned(), fact.label.clone(), fact.slot, fact.amount)
    }
}

/// The hour that holds a time: hours since 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_millis() / HOUR_MILLIS
}

/// When an hour begins.
pub fn start_of(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour.saturating_mul(HOUR_MILLIS))
}

/// One call to a shard. Answers a list of cells: none to a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FiguresCall {
    /// Add these up, unless that was done before.
    Take(Batch),
    /// All sums of this hour and those after it.
    Read {
        /// Hours since 1970.
        since: i64,
    },
}

/// What one writer tells at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The writer's own random id. No name: a shard need not know whose figures it adds up.
    pub writer: String,
    /// Rises by one with each batch of the writer.
    pub number: u64,
    /// The sums.
    pub cells: Vec<Cell>,
}

impl Batch {
    /// Tells the writer's shard; false if it did not say that it has it, which it may have all the same.
    pub(super) async fn tell(self, objects: &dyn Objects, clock: &dyn Clock) -> bool {
        let shard = ObjectName::Figures(shard_of(&self.writer));
        let take = FiguresCall::Take(self);
        let told = Box::pin(call::<Vec<Cell>>(objects, &shard, &take));
        matches!(select(told, clock.sleep(PATIENCE)).await, Either::Left((Ok(_), _)))
    }
}

/// The shard of a writer. Ids are random, so that any function of them spreads writers evenly.
fn shard_of(writer: &str) -> u8 {
    writer.bytes().fold(0, u8::wrapping_add) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::random_hex;

    #[test]
    fn writers_are_spread_over_all_shards() {
        let mut writers = [0; SHARDS as usize];
        for _ in 0..8_000 {
            let writer = random_hex();
            assert_eq!(shard_of(&writer), shard_of(&writer));
            writers[usize::from(shard_of(&writer))] += 1;
        }
        assert!(writers.iter().all(|count| (700..1_300).contains(count)), "{writers:?}");
    }

    #[test]
    fn an_hour_holds_its_own_start() {
        let now = Timestamp::from_millis(1_700_000_000_123);
        let start = start_of(hour_of(now));
        assert_eq!(start.to_string(), "2023-11-14T22:00:00.000Z");
        assert_eq!(hour_of(start), hour_of(now));
        assert_eq!(hour_of(Timestamp::from_millis(start.as_millis() - 1)), hour_of(now) - 1);
    }
}
