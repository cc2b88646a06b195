//! People and other programs: they upload, read, cancel, and drop scripts into the bucket.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use contract::{Happened, Key, Origin, Phase, ProjectId, RequestId, RunId, RunnerEvent, Version, prefix};
use partwright::object::ObjectRequest;
use partwright::project::{
    CancelVersion, GetStatus, Idempotency, ListVersions, NewScript, ProjectTarget, RetryVersion, TakeEvents,
    UploadScript, Uploaded, VersionPage,
};
use s3::{Client, PutOptions};
use tokio::time::sleep;

use crate::chance::{below, millis, permille, pick, seconds};
use crate::fake_engine::POISON;
use crate::ledger::Job;
use crate::network::Network;
use crate::objects::Project;
use crate::process::Process;
use crate::runners::Runner;
use crate::world::World;

/// Lists all versions of a project.
pub const EVERY_VERSION: ListVersions = ListVersions { before: None, limit: 1_000 };

/// The users, and the responses that they got.
pub struct People {
    world: Rc<World>,
    network: Network,
    scripts: Cell<u64>,
    pub accepted: RefCell<BTreeMap<Job, Accepted>>,
    /// Scripts whose upload was refused.
    pub refused: RefCell<Vec<String>>,
    /// Versions whose cancellation was confirmed.
    pub cancelled: RefCell<Vec<Job>>,
}

/// The content of an accepted version.
#[derive(Clone, PartialEq, Eq)]
pub enum Accepted {
    Script(String),
    /// The script of this version, run again. (A number that has moved to another version means the other version.)
    Again(Version),
}

impl People {
    pub fn new(world: &Rc<World>) -> Rc<Self> {
        let network = Network { world: world.clone(), process: Process::new("user".to_owned()) };
        Rc::new(Self {
            world: world.clone(),
            network,
            scripts: Cell::default(),
            accepted: RefCell::default(),
            refused: RefCell::default(),
            cancelled: RefCell::default(),
        })
    }

    /// A unique script.
    fn script(&self) -> String {
        let number = self.scripts.replace(self.scripts.get() + 1);
        let kills = self.world.weather.climate.has_deaths() && permille(30);
        format!("script {number};{}", if kills { POISON } else { "" })
    }

    /// Uploads scripts one after the other. Uploads with an idempotency key are sent up to four times.
    pub async fn upload(self: Rc<Self>, project: Rc<Project>, number: u64, pace: u64) {
        for _ in 0..number {
            sleep(seconds(0, pace)).await;
            let code = self.script();
            let script = NewScript { code: code.clone(), metadata: None, origin: Origin::Upload, parent: None };
            let key =
                permille(500).then(|| RequestId::random().as_str().parse().expect("hexadecimal digits are valid"));
            let idempotency = key.map(|key| Idempotency::of_upload(key, &script));
            let mut tries_left = if idempotency.is_some() { 1 + below(4) } else { 1 };
            let mut was_refused = false;
            while tries_left > 0 {
                tries_left -= 1;
                let request =
                    UploadScript { script: script.clone(), idempotency: idempotency.clone(), timeout_ms: None };
                was_refused = self.try_upload(&project, request, Accepted::Script(code.clone())).await;
                sleep(millis(0, 3_000)).await;
            }
            if was_refused {
                self.refused.borrow_mut().push(code);
            }
        }
    }

    /// Retries versions.
    pub async fn retry(self: Rc<Self>, project: Rc<Project>, number: u64, pace: u64) {
        for _ in 0..number {
            sleep(seconds(0, pace)).await;
            let Some(version) = self.any_accepted(&project.id) else { continue };
            let request = RetryVersion { version, idempotency: None };
            self.try_upload(&project, request, Accepted::Again(version)).await;
        }
    }

    /// Returns true if the upload was refused.
    async fn try_upload<R>(&self, project: &Project, request: R, what: Accepted) -> bool
    where
        R: ObjectRequest<Target = ProjectTarget, Reply = Uploaded>,
    {
        match project.call(request).await {
            Some(Ok(uploaded)) => {
                self.world.note("user", &format!("uploaded {} v{}", project.id, uploaded.version));
                let job = (project.id.clone(), uploaded.version);
                let before = self.accepted.borrow_mut().insert(job, what.clone());
                if before.is_some_and(|before| before != what) {
                    let what = format!("{} v{} was assigned twice", project.id, uploaded.version);
                    self.world.ledger.borrow_mut().violation(what);
                }
                false
            }
            other => {
                self.world.note("user", &format!("upload to {}: {other:?}", project.id));
                matches!(other, Some(Err(_)))
            }
        }
    }

    /// One of the newest accepted versions.
    fn any_accepted(&self, project: &ProjectId) -> Option<Version> {
        let accepted = self.accepted.borrow();
        let of_project = accepted.keys().rev().filter(|job| job.0 == *project).take(3);
        let known: Vec<_> = of_project.map(|job| job.1).collect();
        (!known.is_empty()).then(|| pick(&known))
    }

    /// Reads the project until the end of the schedule. Accepted versions must stay listed, and final phases must not
    /// change.
    pub async fn read(self: Rc<Self>, project: Rc<Project>) {
        let mut finals: BTreeMap<Version, Phase> = BTreeMap::new();
        loop {
            sleep(if self.world.weather.is_over.get() { Duration::from_secs(5) } else { seconds(1, 20) }).await;
            let _ = project.call(GetStatus).await;
            let accepted: Vec<Job> = self.accepted.borrow().keys().filter(|job| job.0 == project.id).cloned().collect();
            let Some(Ok(VersionPage { versions, total, .. })) = project.call(EVERY_VERSION).await else { continue };
            let mut wrong = Vec::new();
            if total != versions.len() as u64 {
                wrong.push(format!("{} counts {total} versions and lists {}", project.id, versions.len()));
            }
            let shown: BTreeMap<Version, Phase> = versions.iter().map(|view| (view.version, view.phase)).collect();
            let missing = accepted.iter().filter(|job| !shown.contains_key(&job.1));
            wrong.extend(missing.map(|job| format!("{} v{} was accepted and is not listed", job.0, job.1)));
            let changed = finals.iter().filter(|(version, phase)| shown.get(version) != Some(phase));
            wrong.extend(changed.map(|(version, phase)| format!("{} v{version} was {phase} and changed", project.id)));
            finals.extend(shown.into_iter().filter(|(_, phase)| phase.is_final()));
            self.world.ledger.borrow_mut().violations.extend(wrong);
        }
    }

    /// Cancels versions, whether they are final or not.
    pub async fn cancel(self: Rc<Self>, project: Rc<Project>, number: u64, pace: u64) {
        for _ in 0..number {
            sleep(seconds(0, pace)).await;
            let Some(version) = self.any_accepted(&project.id) else { continue };
            if let Some(Ok(view)) = project.call(CancelVersion(version)).await {
                self.world.note("user", &format!("cancelled {} v{}", project.id, view.version));
                self.cancelled.borrow_mut().push((project.id.clone(), view.version));
            }
        }
    }

    /// Drops scripts into the bucket, each under the number after the highest one there.
    pub async fn drop_in(self: Rc<Self>, project: ProjectId, number: u64, pace: u64) {
        for _ in 0..number {
            sleep(seconds(0, pace)).await;
            let client = self.client();
            let Ok((entries, _)) = client.list(&prefix::input(&project), 100).await else { continue };
            let versions = entries.iter().filter_map(|entry| match entry.key.parse() {
                Ok(Key::Script(_, version)) => Some(version),
                _ => None,
            });
            let next = versions.max().map_or(Some(Version::FIRST), Version::next);
            let key = Key::Script(project.clone(), next.expect("few numbers are used")).to_string();
            let _ = client.put(&key, self.script().into(), &PutOptions::if_absent()).await;
        }
    }

    /// Sends false hints to the object and the runners until the trouble is over. Hints must not decide anything.
    pub async fn send_false_hints(self: Rc<Self>, project: Rc<Project>, runners: Vec<Rc<Runner>>) {
        while !self.world.weather.is_over.get() {
            sleep(seconds(0, 15)).await;
            runners.iter().for_each(|runner| runner.wake());
            let lines = vec!["a false hint".to_owned()];
            let happened =
                pick(&[Happened::Claimed, Happened::Done, Happened::Progress { phase: "script".to_owned(), lines }]);
            let version = Version::try_from(1 + below(8)).expect("the number is small");
            let event = RunnerEvent { project: project.id.clone(), version, run: RunId::random(), happened };
            let _ = project.call(TakeEvents(vec![event])).await;
        }
    }

    fn client(&self) -> Client<'_> {
        Client::new(&self.network, &self.world.clock, &self.world.settings)
    }

    /// A number from 0 to `most`, often 0.
    pub fn up_to(most: u64) -> u64 {
        if permille(400) { 0 } else { below(most + 1) }
    }
}
