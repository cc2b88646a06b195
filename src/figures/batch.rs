//! What is told at once, to whom, and how shards are asked.

use std::future::poll_fn;
use std::ops::Range;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};

use crate::object::{ObjectCall, ObjectName, Objects, SqlError, Target, call, operations};
use contract::Timestamp;
use platform::{Clock, ClockExt};

/// How many objects add up. Each writer tells one of them, always the same, so that a batch that comes again comes to
/// whoever knows it; who reads asks all. With another number only batches that are under way just then could count twice.
pub const SHARDS: u8 = 8;

/// How long a shard may take to take a batch. Whoever tells it has other work to do, and tells it again later.
const PATIENCE: Duration = Duration::from_secs(3);

const HOUR_MILLIS: i64 = 3_600_000;

/// The hour that holds a time: hours since 1970.
pub fn hour_of(at: Timestamp) -> i64 {
    at.as_millis() / HOUR_MILLIS
}

/// When an hour begins.
pub fn start_of(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour.saturating_mul(HOUR_MILLIS))
}

/// One sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Hours since 1970.
    pub hour: i64,
    /// A [`Figure`](super::Figure)'s word.
    pub figure: &'a str,
    /// What of.
    pub label: &'a str,
    /// Which of the figure's sums.
    pub slot: u64,
    /// The sum.
    pub amount: u64,
}

impl<'a> Cell<'a> {
    /// Reads a line of a shard's answer; none where it is none.
    pub fn parse(line: &'a str) -> Option<Self> {
        let mut parts = line.split(APART);
        let (hour, figure, label) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        let (slot, amount) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { hour, figure, label, slot, amount })
    }
}

/// What stands between the parts of a line: ASCII's unit separator, which no label has.
const APART: char = '\u{1f}';

/// A shard, by its number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FiguresTarget(pub u8);

impl Target for FiguresTarget {
    type Operation = FiguresOperation;
    type Refusal = SqlError;

    fn object(&self) -> ObjectName {
        ObjectName::Figures(self.0)
    }
}

/// A call to a shard.
pub type FiguresCall = ObjectCall<FiguresTarget>;

operations! {
    /// What a shard can be asked.
    FiguresOperation of FiguresTarget {
        AddBatch -> (),
        ReadSums -> String,
    }
}

/// Adds a batch up, unless that was done before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddBatch {
    /// The writer's own random id. A shard does not know which object a batch comes from.
    pub writer: String,
    /// Rises by one with each batch of the writer.
    pub number: u64,
    /// The cells: a JSON list of lists of hour, figure, label, slot and amount, which SQLite itself writes and reads.
    pub cells: String,
}

/// Gives the sums of this hour and later ones, one line each, ordered by hour: see [`Cell::parse`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadSums {
    /// Hours since 1970.
    pub since: i64,
}

/// Sends a batch to the writer's shard; false if the shard did not acknowledge it. It may have it all the same.
pub(super) async fn tell(objects: &dyn Objects, clock: &dyn Clock, batch: AddBatch) -> bool {
    let shard = FiguresTarget(shard_of(&batch.writer));
    matches!(clock.timeout(PATIENCE, Box::pin(call(objects, &shard, batch))).await, Some(Ok(())))
}

/// Asks shards at once; none for each that has not answered after `patience`.
pub async fn ask(
    (objects, clock): (&dyn Objects, &dyn Clock),
    shards: Range<u8>,
    question: &ReadSums,
    patience: Duration,
) -> Vec<Option<String>> {
    let mut asked: Vec<(Option<Asking<'_>>, Option<String>)> = shards
        .map(|shard| {
            let asking = async move { call(objects, &FiguresTarget(shard), question.clone()).await.ok() };
            (Some(asking.boxed_local()), None)
        })
        .collect();
    let mut end = clock.sleep(patience);
    // By hand, since it weighs a tenth of what makes one future of many.
    poll_fn(|context| {
        for (asking, answer) in &mut asked {
            if let Some(Poll::Ready(answered)) = asking.as_mut().map(|asking| asking.as_mut().poll(context)) {
                (*asking, *answer) = (None, answered);
            }
        }
        if asked.iter().all(|(asking, _)| asking.is_none()) { Poll::Ready(()) } else { end.as_mut().poll(context) }
    })
    .await;
    asked.into_iter().map(|(_, answer)| answer).collect()
}

type Asking<'a> = LocalBoxFuture<'a, Option<String>>;

/// The shard of a writer. Ids are random, so that any function of them spreads writers evenly.
fn shard_of(writer: &str) -> u8 {
    writer.bytes().fold(0, u8::wrapping_add) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::random_hex;

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
