//! People and other programs: they upload, read, cancel, and drop scripts into the bucket.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use partwright::contract::{
    Happened, Key, Origin, Outcome, Phase, ProjectId, Report, RunId, RunnerEvent, Version, prefix,
};
use partwright::http::Clock;
use partwright::project::{NewScript, Operation, Reply};
use partwright::s3::{Client, PutOptions, S3Error};
use tokio::time::sleep;

use crate::bench::POISON;
use crate::chance::{below, permille, pick, seconds};
use crate::ledger::Job;
use crate::life::Life;
use crate::line::Line;
use crate::objects::Project;
use crate::runners::Runner;
use crate::world::World;

/// All that a project of a schedule has.
pub const EVERY_VERSION: Operation = Operation::Versions { before: None, limit: 1_000 };

/// What people were told.
pub struct People {
    world: Rc<World>,
    line: Line,
    scripts: Cell<u64>,
    /// Versions that were accepted, with their scripts.
    pub accepted: RefCell<BTreeMap<Job, String>>,
    /// Scripts that were answered with a no.
    pub refused: RefCell<Vec<String>>,
    /// Versions whose cancellation was confirmed.
    pub cancelled: RefCell<Vec<Job>>,
}

impl People {
    pub fn new(world: &Rc<World>) -> Rc<Self> {
        let line = Line { world: world.clone(), life: Life::new("somebody".to_owned()) };
        Rc::new(Self {
            world: world.clone(),
            line,
            scripts: Cell::default(),
            accepted: RefCell::default(),
            refused: RefCell::default(),
            cancelled: RefCell::default(),
        })
    }

    /// A script that is like no other.
    fn script(&self) -> String {
        let number = self.scripts.replace(self.scripts.get() + 1);
        let kills = self.world.weather.climate.has_deaths() && permille(30);
        format!("script {number};{}", if kills { POISON } else { "" })
    }

    /// Uploads scripts, one after the other.
    pub async fn upload(self: Rc<Self>, project: Rc<Project>, number: u64, pace: u64) {
        for _ in 0..number {
            sleep(seconds(0, pace)).await;
            let code = self.script();
            let script = NewScript { code: code.clone(), metadata: None, origin: Origin::Upload, parent: None };
            let answer = project.call(Operation::Upload { script, idempotency: None, patience_ms: None }).await;
            match answer {
                Some(Ok(Reply::Uploaded(uploaded))) => {
                    self.world.note("somebody", &format!("uploaded {} v{}", project.id, uploaded.version));
                    let job = (project.id.clone(), uploaded.version);
                    if let Some(other) = self.accepted.borrow_mut().insert(job, code) {
                        let what = format!("{} v{} was given twice: {other}", project.id, uploaded.version);
                        self.world.ledger.borrow_mut().violation(what);
                    }
                }
                Some(Err(refusal)) => {
                    self.world.note("somebody", &format!("upload to {} refused: {refusal:?}", project.id));
                    self.refused.borrow_mut().push(code);
                }
                other => self.world.note("somebody", &format!("upload to {}: {other:?}", project.id)),
            }
        }
    }

    /// Reads the project again and again, also when all trouble is over: what was accepted is always there, and what
    /// is final never changes.
    pub async fn read(self: Rc<Self>, project: Rc<Project>) {
        let mut finals: BTreeMap<Version, Phase> = BTreeMap::new();
        loop {
            sleep(if self.world.weather.is_over.get() { Duration::from_secs(5) } else { seconds(1, 20) }).await;
            let _ = project.call(Operation::Status).await;
            let accepted: Vec<Job> = self.accepted.borrow().keys().filter(|job| job.0 == project.id).cloned().collect();
            let Some(Ok(Reply::Versions { versions, total, .. })) = project.call(EVERY_VERSION).await else { continue };
            let mut wrong = Vec::new();
            if total != versions.len() as u64 {
                wrong.push(format!("{} counts {total} versions and shows {}", project.id, versions.len()));
            }
            let shown: BTreeMap<Version, Phase> = versions.iter().map(|view| (view.version, view.phase)).collect();
            let missing = accepted.iter().filter(|job| !shown.contains_key(&job.1));
            wrong.extend(missing.map(|job| format!("{} v{} was accepted and is not shown", job.0, job.1)));
            let changed = finals.iter().filter(|(version, phase)| shown.get(version) != Some(phase));
            wrong.extend(changed.map(|(version, phase)| format!("{} v{version} was {phase} and changed", project.id)));
            finals.extend(shown.into_iter().filter(|(_, phase)| phase.is_final()));
            self.world.ledger.borrow_mut().violations.extend(wrong);
        }
    }

    /// Cancels versions, whether they are done or not.
    pub async fn cancel(self: Rc<Self>, project: ProjectId, number: u64, pace: u64) {
        for _ in 0..number {
            sleep(seconds(0, pace)).await;
            let known: Vec<Version> =
                self.accepted.borrow().keys().filter(|job| job.0 == project).map(|job| job.1).collect();
            if known.is_empty() {
                continue;
            }
            let job = (project.clone(), pick(&known[known.len().saturating_sub(3)..]));
            if self.cancel_one(&job).await.unwrap_or(false) {
                self.world.note("somebody", &format!("cancelled {} v{}", job.0, job.1));
                self.cancelled.borrow_mut().push(job);
            }
        }
    }

    /// Cancels as the design has it: the report, then the ticket. True if this was the first report.
    async fn cancel_one(&self, job: &Job) -> Result<bool, S3Error> {
        let client = self.client();
        let report = Report::new(job.0.clone(), job.1, Outcome::Cancelled, self.world.clock.now());
        let body = Bytes::from(serde_json::to_vec(&report).expect("a report is plain data"));
        let key = Key::Done(job.0.clone(), job.1).to_string();
        match client.put(&key, body.clone(), &PutOptions::if_absent()).await {
            Ok(_) => {}
            // Perhaps by a try whose answer was lost.
            Err(S3Error::PreconditionFailed) if client.get(&key, 1 << 20).await?.bytes == body => {}
            Err(S3Error::PreconditionFailed) => return Ok(false),
            Err(error) => return Err(error),
        }
        client.delete(&Key::Ticket(job.0.clone(), job.1).to_string()).await?;
        Ok(true)
    }

    /// Drops scripts into the bucket, each under the number after the highest that is there.
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
            let key = Key::Script(project.clone(), next.expect("few are used")).to_string();
            let _ = client.put(&key, self.script().into(), &PutOptions::if_absent()).await;
        }
    }

    /// Says this and that to the object and to the runners, for as long as there is trouble; hints decide nothing.
    pub async fn gossip(self: Rc<Self>, project: Rc<Project>, runners: Vec<Rc<Runner>>) {
        while !self.world.weather.is_over.get() {
            sleep(seconds(0, 15)).await;
            runners.iter().for_each(|runner| runner.wake());
            let lines = vec!["somebody was here".to_owned()];
            let happened =
                pick(&[Happened::Claimed, Happened::Done, Happened::Progress { phase: "script".to_owned(), lines }]);
            let version = Version::try_from(1 + below(8)).expect("it is small");
            let event = RunnerEvent { project: project.id.clone(), version, run: RunId::random(), happened };
            let _ = project.call(Operation::Hint(vec![event])).await;
        }
    }

    fn client(&self) -> Client<'_> {
        Client::new(&self.line, &self.world.clock, &self.world.settings)
    }

    /// How many of `most` something happens; often not at all.
    pub fn some(most: u64) -> u64 {
        if permille(400) { 0 } else { below(most + 1) }
    }
}
