//! The Worker's side: the real `Project` object over SQLite. It is evicted and called again, and its alarm may ring
//! twice.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use contract::{ProjectId, RequestId, Timestamp, Version};
use futures::FutureExt;
use futures::future::{LocalBoxFuture, join};
use partwright::fleet::{FleetAnswer, StoreVerdict};
use partwright::object::{
    Alarm, CallError, ObjectName, ObjectRequest, Objects, Sockets, Sql, Target, Value, read_answer,
};
use partwright::project::{
    Caller, GetVersion, Memory, ProjectCall, ProjectObject, ProjectPlatform, ProjectTarget, Refusal, VersionView,
};
use platform::{Body, Clock, HttpError};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::chance::{permille, pick, seconds};
use crate::network::Network;
use crate::people::EVERY_VERSION;
use crate::process::Process;
use crate::sqlite::Sqlite;
use crate::world::{Defect, World};

/// Owns every project. As the admin, this user also sees scripts dropped into the bucket.
pub const OWNER: &str = "ann";

pub struct Project {
    pub id: ProjectId,
    world: Rc<World>,
    sql: RefCell<Rc<Sqlite>>,
    alarm: AlarmCell,
    instance: RefCell<Rc<Instance>>,
    instances: Cell<u64>,
    /// Calls and alarms in progress.
    pub busy: Cell<u64>,
}

/// One instance with its memory.
struct Instance {
    process: Rc<Process>,
    network: Network,
    memory: Memory,
}

#[derive(Default)]
struct AlarmCell {
    at: Cell<Option<Timestamp>>,
    was_set: Notify,
}

impl Alarm for AlarmCell {
    fn set(&self, at: Option<Timestamp>) -> LocalBoxFuture<'_, ()> {
        self.at.set(at);
        self.was_set.notify_one();
        std::future::ready(()).boxed_local()
    }
}

/// The other objects: an account that lists every project, and a fleet that accepts the store. They fail sometimes.
struct OtherObjects<'w>(&'w World);

impl Objects for OtherObjects<'_> {
    fn send(
        &self,
        object: &ObjectName,
        _: http::Request<Bytes>,
    ) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        let weather = &self.0.weather;
        let fails = weather.climate.has_deaths() && !weather.is_over.get() && permille(50);
        let verdict = FleetAnswer { verdict: StoreVerdict::Fit, probed_at: None, latency_ms: None, runners: 0 };
        let answer = match object {
            ObjectName::Fleet => serde_json::to_string(&verdict).expect("plain data is serializable"),
            _ => "null".to_owned(),
        };
        async move {
            sleep(Duration::from_millis(5)).await;
            if fails {
                Err(HttpError("the object is moving".to_owned()))
            } else {
                Ok(http::Response::new(Body::full(answer)))
            }
        }
        .boxed_local()
    }

    fn post(&self, _: ObjectName, _: http::Request<Bytes>) {
        // All hints are lost here, because nothing may depend on one.
    }
}

/// No client watches.
struct NoSockets;

impl Sockets for NoSockets {
    fn send_all(&self, _: &str) {}

    fn count(&self) -> usize {
        0
    }

    fn close_all(&self, _: &str) {}

    fn close_due(&self, _: Timestamp) -> Option<Timestamp> {
        None
    }
}

impl Project {
    pub fn new(world: &Rc<World>, id: ProjectId) -> Rc<Self> {
        let instance = RefCell::new(Rc::new(Instance::new(world, &id, 1)));
        Rc::new(Self {
            id,
            world: world.clone(),
            sql: RefCell::new(Rc::new(Sqlite::new())),
            alarm: AlarmCell::default(),
            instance,
            instances: Cell::new(1),
            busy: Cell::new(0),
        })
    }

    /// Calls the object. Returns `None` if the object or the connection failed before the response.
    pub async fn call<R>(&self, request: R) -> Option<Result<R::Reply, Refusal>>
    where
        R: ObjectRequest<Target = ProjectTarget, Reply: DeserializeOwned>,
    {
        let caller = Caller { user: OWNER.to_owned(), admin: true };
        let target = ProjectTarget { project: self.id.clone(), caller, request_id: RequestId::random() };
        let object = target.object();
        let call = ProjectCall { target, operation: request.into() };
        let weather = &self.world.weather;
        let gives_up = weather.climate.has_deaths() && !weather.is_over.get() && permille(50);
        let patience = if gives_up { seconds(0, 3) } else { Duration::from_secs(3_600) };
        let answer = self.on_instance(async |object| object.handle(call).await);
        let answer = timeout(patience, answer).await.ok().flatten()?;
        match read_answer::<R>(&object, answer).await {
            Ok(reply) => Some(Ok(reply)),
            Err(CallError::Refused(refusal)) => Some(Err(refusal)),
            Err(CallError::Failed(error)) => panic!("{error}"),
        }
    }

    /// Rings the alarm whenever it is due, for ever.
    pub async fn run_alarm(self: Rc<Self>) {
        loop {
            let now = self.world.clock.now();
            match self.alarm.at.get() {
                None => self.alarm.was_set.notified().await,
                Some(at) if at > now => {
                    let _ = timeout(at.since(now), self.alarm.was_set.notified()).await;
                }
                Some(_) => {
                    self.alarm.at.set(None);
                    let rings = || self.on_instance(async |object| object.alarm().await);
                    let trouble = !self.world.weather.is_over.get() && self.world.weather.climate.has_deaths();
                    let rung = match trouble.then(|| pick(&[0, 0, 0, 1, 2])) {
                        Some(1) => join(rings(), rings()).await.0,
                        Some(2) => rings().await.and(rings().await),
                        _ => rings().await,
                    };
                    // The platform rings again if an alarm did not finish.
                    if rung.is_none_or(|outcome| outcome.is_err()) && self.alarm.at.get().is_none() {
                        self.alarm.at.set(Some(self.world.clock.now().after(Duration::from_secs(2))));
                    }
                }
            }
        }
    }

    /// Evicts the object sometimes, until the trouble is over.
    pub async fn disturb(self: Rc<Self>) {
        loop {
            sleep(seconds(1, 60)).await;
            if self.world.weather.is_over.get() {
                return;
            }
            let process = self.instance.borrow().process.clone();
            self.world.note(&process.name, "is evicted");
            process.kill();
        }
    }

    /// Ends the present trouble.
    pub fn heal(&self) {
        self.instance.borrow().process.resume();
    }

    async fn on_instance<T>(&self, what: impl AsyncFnOnce(ProjectObject<'_>) -> T) -> Option<T> {
        let instance = self.living();
        let sql = self.sql.borrow().clone();
        let _busy = Busy::new(&self.busy);
        let others = OtherObjects(&self.world);
        let platform = ProjectPlatform {
            sql: &*sql,
            alarm: &self.alarm,
            sockets: &NoSockets,
            http: &instance.network,
            clock: &self.world.clock,
            objects: &others,
            bucket: &self.world.settings,
        };
        let object = ProjectObject::new(platform, &instance.memory);
        instance.process.run(what(object)).await
    }

    /// The present instance, or a new one after an eviction.
    fn living(&self) -> Rc<Instance> {
        let present = self.instance.borrow().clone();
        if !present.process.is_dead() {
            // The platform ends a Worker rather than suspend it.
            present.process.resume();
            return present;
        }
        let counts = &self.world.counts;
        counts.evictions.set(counts.evictions.get() + 1);
        self.instances.set(self.instances.get() + 1);
        if self.world.defect == Defect::ForgetfulObject {
            *self.sql.borrow_mut() = Rc::new(Sqlite::new());
        }
        let fresh = Rc::new(Instance::new(&self.world, &self.id, self.instances.get()));
        *self.instance.borrow_mut() = fresh.clone();
        fresh
    }

    /// Whether every version is settled and no alarm is set.
    pub fn is_quiet(&self) -> bool {
        self.alarm.at.get().is_none() && self.busy.get() == 0 && self.open() == 0
    }

    fn open(&self) -> i64 {
        let statement = "SELECT COUNT(*) FROM versions WHERE phase IN ('stored', 'queued', 'running')";
        match self.sql.borrow().exec(statement, &[]).as_deref() {
            Ok([row]) => match row[..] {
                [Value::Integer(count)] => count,
                _ => panic!("a count is a number"),
            },
            // The table does not exist yet.
            _ => 0,
        }
    }

    /// Every listed version with its report.
    pub async fn versions(&self) -> Vec<VersionView> {
        let Some(Ok(page)) = self.call(EVERY_VERSION).await else { return Vec::new() };
        let mut whole = Vec::new();
        for view in page.versions {
            whole.extend(self.version(view.version).await);
        }
        whole
    }

    async fn version(&self, version: Version) -> Option<VersionView> {
        self.call(GetVersion(version)).await?.ok()?
    }
}

impl Instance {
    fn new(world: &Rc<World>, id: &ProjectId, number: u64) -> Self {
        let process = Process::new(format!("object {id}#{number}"));
        let network = Network { world: world.clone(), process: process.clone() };
        Self { process, network, memory: Memory::default() }
    }
}

/// Counts calls and alarms in progress.
struct Busy<'a>(&'a Cell<u64>);

impl<'a> Busy<'a> {
    fn new(busy: &'a Cell<u64>) -> Self {
        busy.set(busy.get() + 1);
        Self(busy)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
