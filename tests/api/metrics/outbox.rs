//! Outbox, tally and the object that adds up, without the rest of the service.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use partwright::metrics::{
    AddBatch, Counter, KEPT_HOURS, Metric, MetricsCall, MetricsObject, MetricsOperation, MetricsTarget, ReadCounters,
    Sample, StoredOutbox, Tally, start_of,
};
use partwright::object::{ObjectName, Objects, Sql, Value as SqlValue};
use platform::{Body, Clock, HttpError};

use crate::support::clock::TestClock;
use crate::support::sqlite::Sqlite;
use crate::support::world::Line;

fn uploads(hour: i64, label: &str, amount: u64) -> Counter {
    Counter::new(hour, &Sample::times(Metric::Upload, label, amount))
}

fn number(sql: &Sqlite, statement: &str) -> i64 {
    let rows = sql.exec(statement, &[]).unwrap();
    let [SqlValue::Integer(number)] = rows[0][..] else { panic!("{statement}: {rows:?}") };
    number
}

struct Object(Sqlite);

impl Object {
    fn ask(&self, operation: MetricsOperation, hour: i64) -> http::Response<Body> {
        MetricsObject::new(&self.0).handle(MetricsCall { target: MetricsTarget(0), operation }, start_of(hour))
    }

    fn take(&self, writer: &str, number: u64, counters: &[Counter], hour: i64) {
        let batch = AddBatch { writer: writer.to_owned(), number, counters: counters.to_vec() };
        assert_eq!(self.ask(batch.into(), hour).status(), 200);
    }

    fn read(&self, since: i64, hour: i64) -> Vec<Counter> {
        let body = self.ask(ReadCounters { since }.into(), hour).into_body();
        let bytes = body.bytes(1 << 20).now_or_never().unwrap().unwrap();
        let hours: Vec<String> = serde_json::from_slice(&bytes).unwrap();
        hours.iter().flat_map(|hour| serde_json::from_str::<Vec<Counter>>(hour).unwrap()).collect()
    }
}

#[test]
fn the_object_adds_each_batch_once() {
    let object = Object(Sqlite::new());
    object.take("ann", 1, &[uploads(500_000, "ai", 2), uploads(500_001, "ai", 1)], 500_001);
    object.take("ann", 1, &[uploads(500_000, "ai", 2), uploads(500_001, "ai", 1)], 500_001);
    object.take("bob", 1, &[uploads(500_000, "ai", 5), uploads(500_000, "retry", 1)], 500_001);
    object.take("ann", 3, &[uploads(500_001, "ai", 4)], 500_001);
    object.take("ann", 2, &[uploads(500_001, "ai", 9)], 500_001);
    let all = [uploads(500_000, "ai", 7), uploads(500_000, "retry", 1), uploads(500_001, "ai", 5)];
    assert_eq!(object.read(0, 500_001), all, "a number below the newest was added before");
    assert_eq!(object.read(500_001, 500_001), all[2..]);
}

#[test]
fn the_object_keeps_a_week() {
    let (object, first) = (Object(Sqlite::new()), 500_000);
    object.take("ann", 1, &[uploads(first, "ai", 1), uploads(first + 1, "ai", 2)], first + 1);
    let last = first + KEPT_HOURS - 1;
    assert_eq!(object.read(0, last).len(), 2);
    assert_eq!(object.read(0, last + 1), [uploads(first + 1, "ai", 2)]);
    object.take("bob", 1, &[uploads(last + 1, "ai", 4)], last + 1);
    let count = |table: &str| number(&object.0, &format!("SELECT COUNT(*) FROM {table}"));
    assert_eq!((count("sums"), count("writers")), (2, 2));
    object.take("bob", 2, &[uploads(last + 3, "ai", 4)], last + 3);
    assert_eq!(count("writers"), 1, "a writer goes with its hours");
    // A batch of a forgotten writer is of forgotten hours. Hours to come are not added either.
    object.take("ann", 1, &[uploads(first, "ai", 1), uploads(first + 1, "ai", 2)], last + 3);
    object.take("bob", 3, &[uploads(last + 50, "ai", 9)], last + 3);
    assert_eq!(object.read(0, last + 60), [uploads(last + 1, "ai", 4), uploads(last + 3, "ai", 4)]);
}

/// The object behind a connection that fails as planned, and then works.
struct Connection {
    planned: RefCell<VecDeque<Line>>,
    sql: Sqlite,
    batches: Cell<usize>,
}

impl Connection {
    fn planning(lines: impl IntoIterator<Item = Line>) -> Self {
        Self { planned: RefCell::new(lines.into_iter().collect()), sql: Sqlite::new(), batches: Cell::default() }
    }

    fn total(&self) -> u64 {
        number(&self.sql, "SELECT COALESCE(SUM(amount), 0) FROM sums") as u64
    }
}

impl Objects for Connection {
    fn send(
        &self,
        object: &ObjectName,
        request: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        assert_eq!(*object, ObjectName::Figures(0));
        let line = self.planned.borrow_mut().pop_front().unwrap_or(Line::Up);
        async move {
            match line {
                Line::Down => return Err(HttpError("away".to_owned())),
                Line::Silent => return std::future::pending().await,
                Line::Up | Line::Lossy => {}
            }
            let call: MetricsCall = serde_json::from_slice(request.body()).unwrap();
            let MetricsOperation::AddBatch(batch) = &call.operation else { panic!("{call:?}") };
            let newest = start_of(batch.counters.iter().map(|counter| counter.hour).max().unwrap());
            self.batches.set(self.batches.get() + 1);
            let answer = MetricsObject::new(&self.sql).handle(call, newest);
            if line == Line::Lossy { Err(HttpError("reset".to_owned())) } else { Ok(answer) }
        }
        .boxed_local()
    }

    fn post(&self, _: ObjectName, _: http::Request<Bytes>) {
        panic!("an outbox waits for the answer");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outbox_of_an_earlier_version_is_sent() {
    let (sql, clock, objects) = (Sqlite::new(), TestClock::new(), Connection::planning([]));
    let hour = clock.now().as_millis() / 3_600_000;
    for statement in [
        "CREATE TABLE figures (
            sealed INTEGER NOT NULL, hour INTEGER NOT NULL, figure TEXT NOT NULL, label TEXT NOT NULL,
            slot INTEGER NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (sealed, hour, figure, label, slot)) WITHOUT ROWID",
        "CREATE TABLE figures_state (writer TEXT NOT NULL, batch INTEGER NOT NULL, due INTEGER,
            told_at INTEGER NOT NULL, failures INTEGER NOT NULL)",
        "INSERT INTO figures_state VALUES ('w', 6, 1, 0, 3)",
        &format!("INSERT INTO figures VALUES (1, {hour}, 'way', '', 0, 10), (0, {hour}, 'way', '', 0, 20)"),
    ] {
        sql.exec(statement, &[]).unwrap();
    }
    let outbox = StoredOutbox::new(&sql);
    assert_eq!(outbox.send(&objects, &clock).await, Ok(true));
    assert_eq!((objects.total(), number(&objects.sql, "SELECT batch FROM writers")), (10, 6));
    assert_eq!(number(&sql, "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'figures%'"), 0);
    clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(outbox.send(&objects, &clock).await, Ok(true));
    assert_eq!((objects.total(), number(&objects.sql, "SELECT batch FROM writers")), (30, 7));
}

#[tokio::test(start_paused = true)]
async fn a_tally_sends_each_count_once() {
    let (tally, clock) = (Tally::default(), TestClock::new());
    let objects = Connection::planning([Line::Lossy, Line::Down, Line::Silent]);
    let record = || tally.record(Metric::Link, "STEP", clock.now());
    tally.send(&objects, &clock).await;
    assert_eq!(objects.planned.borrow().len(), 3, "nothing was sent");
    for _ in 0..5 {
        record();
        record();
        let began = clock.now();
        // One of them sends for all.
        tokio::join!(tally.send(&objects, &clock), tally.send(&objects, &clock), async { record() });
        assert!(clock.now().since(began).as_secs() <= 8);
    }
    clock.sleep(Duration::from_secs(5)).await;
    tally.send(&objects, &clock).await;
    assert_eq!((objects.total(), objects.batches.get()), (15, 3));
    // A request that was not polled for long is replaced by another and then finds nothing to send.
    record();
    let mut stuck = std::pin::pin!(tally.send(&objects, &clock));
    assert!(futures::poll!(&mut stuck).is_pending());
    clock.sleep(Duration::from_secs(61)).await;
    tally.send(&objects, &clock).await;
    assert_eq!(objects.total(), 16);
    stuck.await;
    record();
    tally.send(&objects, &clock).await;
    assert_eq!(objects.total(), 17);
}
