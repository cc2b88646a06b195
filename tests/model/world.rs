//! The parts that all processes of a schedule share: the bucket, the weather, the ledger, and the trace.

use std::cell::{Cell, Ref, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use contract::{Key, Report, Timestamp};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use http::{Method, Request, Response};
use platform::Clock;
use tokio::time::Instant;

use crate::bucket::{self, Bucket};
use crate::chance;
use crate::ledger::{Job, Ledger};
use crate::network::key_of;
use crate::process::Process;
use crate::weather::{Climate, Weather};

/// A planted defect. The model must find it, or the model proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    None,
    /// The store ignores the conditions of PUTs.
    StoreIgnoresConditions,
    /// Runners PUT the report without a condition.
    ReportWithoutCondition,
    /// Runners tidy up before they commit.
    TidyUpBeforeCommit,
    /// One runner takes attempts over long before their lease ends.
    ImpatientRunner,
    /// Reports are never found.
    BlindToReports,
    /// An eviction also clears the object's storage.
    ForgetfulObject,
}

/// How many events a trace keeps; all of them when a schedule is repeated.
const TRACE_LINES: usize = 200;

/// The time at which every schedule starts, since 1970: 14 November 2023.
const START_TIME: Duration = Duration::from_secs(1_700_000_000);

#[derive(Default)]
pub struct Counts {
    pub requests: Cell<u64>,
    pub lost: Cell<u64>,
    pub answers_lost: Cell<u64>,
    pub doubled: Cell<u64>,
    pub crashes: Cell<u64>,
    pub suspensions: Cell<u64>,
    pub evictions: Cell<u64>,
    pub drains: Cell<u64>,
    pub outages: Cell<u64>,
}

pub struct World {
    pub bucket: RefCell<Bucket>,
    pub weather: Weather,
    pub ledger: RefCell<Ledger>,
    pub counts: Counts,
    /// The number of slow requests on their way.
    pub in_flight: Rc<Cell<u64>>,
    pub clock: ModelClock,
    /// The settings for the bucket.
    pub settings: s3::Bucket,
    pub defect: Defect,
    trace: RefCell<VecDeque<String>>,
    longest_trace: usize,
}

impl World {
    pub fn new(climate: Climate, defect: Defect, poll: Duration, lease: Duration) -> Rc<Self> {
        let bucket = Bucket {
            ignores_if_none_match: defect == Defect::StoreIgnoresConditions,
            page: chance::pick(&[1_000, 1_000, 7]),
            ..Bucket::default()
        };
        let world = Rc::new(Self {
            bucket: RefCell::new(bucket),
            weather: Weather::draw(climate),
            ledger: RefCell::new(Ledger::new(poll, lease)),
            counts: Counts::default(),
            in_flight: Rc::default(),
            clock: ModelClock { started: Instant::now() },
            settings: s3::Bucket::from_settings(&bucket::setting).expect("the settings are complete"),
            defect,
            trace: RefCell::default(),
            longest_trace: if std::env::var_os("PARTWRIGHT_SEED").is_some() { usize::MAX } else { TRACE_LINES },
        });
        world.clock.monotonic();
        world
    }

    /// Serves a request that has arrived at the store.
    pub fn serve(&self, process: &Rc<Process>, request: &Request<Bytes>) -> Response<Bytes> {
        let of_report = key_of(request).starts_with("processed/");
        match (self.defect, request.method()) {
            (Defect::BlindToReports, &Method::HEAD) if of_report => return bucket::answer(404, ""),
            (Defect::ReportWithoutCondition, &Method::PUT) if of_report => {
                let mut request = request.clone();
                request.headers_mut().remove("if-none-match");
                return self.apply(process, &request);
            }
            (Defect::TidyUpBeforeCommit, &Method::PUT) if of_report => {
                if let Ok(Key::Done(project, version)) = key_of(request).parse() {
                    let ticket = format!("http://store.test:9000/models/{}", Key::Ticket(project, version));
                    self.apply(process, &Request::delete(ticket).body(Bytes::new()).expect("the request is valid"));
                }
            }
            _ => {}
        }
        self.apply(process, request)
    }

    fn apply(&self, process: &Rc<Process>, request: &Request<Bytes>) -> Response<Bytes> {
        let now = self.clock.now();
        let (response, change) = self.bucket.borrow_mut().serve(request, now);
        if matches!(*request.method(), Method::PUT | Method::DELETE) && !key_of(request).starts_with("probe/") {
            let condition = if request.headers().contains_key("if-none-match") {
                " if absent"
            } else if request.headers().contains_key("if-match") {
                " if unchanged"
            } else {
                ""
            };
            let status = response.status().as_u16();
            self.note(&process.name, &format!("{} {}{condition}: {status}", request.method(), key_of(request)));
        }
        if response.status() == 412
            && let Ok(Key::Done(project, version)) = key_of(request).parse()
        {
            self.ledger.borrow_mut().lost_commit(&(project, version), request.body());
        }
        if let Some(change) = change {
            self.ledger.borrow_mut().observe(&change, process, &self.bucket.borrow(), self.clock.monotonic());
        }
        response
    }

    pub fn reports(&self) -> Ref<'_, BTreeMap<Job, Report>> {
        Ref::map(self.ledger.borrow(), |ledger| &ledger.reports)
    }

    pub fn note(&self, actor: &str, what: &str) {
        let mut trace = self.trace.borrow_mut();
        if trace.len() == self.longest_trace {
            trace.pop_front();
        }
        let seconds = self.clock.monotonic().as_secs_f64();
        trace.push_back(format!("{seconds:9.3} {actor:<14} {what}"));
    }

    /// The last events, one a line.
    pub fn trace(&self) -> String {
        self.trace.borrow().iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }
}

/// Tokio's paused time.
pub struct ModelClock {
    started: Instant,
}

impl ModelClock {
    /// Time since the schedule began. Also sets the processes' time of day.
    pub fn monotonic(&self) -> Duration {
        let since = self.started.elapsed();
        chance::set_time(START_TIME + since);
        since
    }
}

impl Clock for ModelClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis((START_TIME + self.monotonic()).as_millis() as i64)
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'_, ()> {
        tokio::time::sleep(duration).boxed_local()
    }
}
