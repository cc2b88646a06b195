//! The ledger checks every change of the bucket against the rules, at the moment of the change.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use contract::{Attempt, Key, MAX_ATTEMPTS, Outcome, ProjectId, Report, RunId, Sha256, Version};

use crate::bucket::{Bucket, Change, Stored};
use crate::process::Process;

pub type Job = (ProjectId, Version);

/// One attempt since its creation.
pub struct AttemptRecord {
    pub by: Rc<Process>,
    pub run: RunId,
    written: Duration,
    /// The holder's longest silence so far.
    longest_silence: Duration,
    pub released: bool,
    /// The version already had its report.
    created_after_report: bool,
    began: bool,
}

/// The history of a schedule, and the violations found in it.
pub struct Ledger {
    /// The least silence that allows a takeover.
    least_silence: Duration,
    pub attempts: BTreeMap<(Job, u32), AttemptRecord>,
    pub reports: BTreeMap<Job, Report>,
    /// How often each version's script was started.
    pub runs: BTreeMap<Job, u32>,
    /// Engines that failed while they had the script: the version and the process.
    pub engine_failures: BTreeSet<(Job, String)>,
    pub takeovers: u64,
    /// Reports that lost against an earlier one.
    pub commits_lost: u64,
    pub violations: Vec<String>,
    /// The distinct states of the bucket so far.
    pub states: HashSet<u64>,
    state: u64,
}

impl Ledger {
    pub fn new(poll: Duration, lease: Duration) -> Self {
        // A runner counts the time between the ends of two polls, but at most this much a gap. The last gap may be
        // longer than the time that passed at the store, so a takeover may come this much before the lease ends.
        let longest_gap = (poll * 2 + Duration::from_secs(2)).min(lease / 2);
        Self {
            least_silence: lease - longest_gap,
            attempts: BTreeMap::new(),
            reports: BTreeMap::new(),
            runs: BTreeMap::new(),
            engine_failures: BTreeSet::new(),
            takeovers: 0,
            commits_lost: 0,
            violations: Vec::new(),
            states: HashSet::new(),
            state: 0,
        }
    }

    pub fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Records and checks the change that a request of `process` made.
    pub fn observe(&mut self, change: &Change, process: &Rc<Process>, bucket: &Bucket, now: Duration) {
        let Ok(key) = change.key.parse() else {
            return self.violation(format!("{} wrote {}, which is not a key", process.name, change.key));
        };
        match (&key, &change.before, &change.after) {
            (Key::Script(..), Some(_), _) => {
                self.violation(format!("{} changed or removed the script {}", process.name, change.key));
            }
            (Key::Ticket(project, version), Some(_), None)
                if !self.reports.contains_key(&(project.clone(), *version)) =>
            {
                self.violation(format!("{} removed {} before the report", process.name, change.key));
            }
            (Key::Attempt(project, version, k), before, after) => {
                self.attempt((project.clone(), *version), *k, (before, after), process, bucket, now);
            }
            (Key::Done(project, version), None, Some(after)) => {
                self.report((project.clone(), *version), after, bucket);
            }
            (Key::Done(..), Some(_), _) => {
                self.violation(format!("{} changed or removed the report {}", process.name, change.key));
            }
            (Key::Output(project, version, ..), Some(before), after) => self.file(
                &(project.clone(), *version),
                change,
                after.as_ref().is_some_and(|after| after.bytes == before.bytes),
                process,
            ),
            (Key::Log(project, _), Some(_), None) => {
                let of_project = self.reports.iter().filter(|(job, _)| job.0 == *project);
                if of_project.into_iter().any(|(_, report)| report.log.as_ref() == Some(&change.key)) {
                    self.violation(format!("{} removed the log {}", process.name, change.key));
                }
            }
            (Key::Log(..), Some(_), Some(_)) => self.violation(format!("{} rewrote {}", process.name, change.key)),
            _ => {}
        }
        self.note_state(&key, change);
    }

    fn attempt(
        &mut self,
        job: Job,
        k: u32,
        (before, after): (&Option<Stored>, &Option<Stored>),
        process: &Rc<Process>,
        bucket: &Bucket,
        now: Duration,
    ) {
        let name = format!("attempt {k} of {} v{}", job.0, job.1);
        let is_done = self.reports.contains_key(&job);
        match (before, after) {
            (None, Some(after)) => {
                let Ok(body) = serde_json::from_slice::<Attempt>(&after.bytes) else {
                    return self.violation(format!("{} created {name} empty", process.name));
                };
                if !is_done && k > 1 {
                    self.takeover(&job, k, process, bucket, now);
                }
                let held = AttemptRecord {
                    by: process.clone(),
                    run: body.run,
                    written: now,
                    longest_silence: Duration::ZERO,
                    released: false,
                    created_after_report: is_done,
                    began: false,
                };
                self.attempts.insert((job, k), held);
            }
            (Some(_), Some(after)) => {
                let Some(held) = self.attempts.get_mut(&(job, k)) else { return };
                held.longest_silence = held.longest_silence.max(now - held.written);
                (held.written, held.released) = (now, after.bytes.is_empty());
                if !Rc::ptr_eq(&held.by, process) {
                    let what = format!("{} rewrote {name}, which belongs to {}", process.name, held.by.name);
                    self.violations.push(what);
                }
            }
            (Some(_), None) if !is_done => {
                self.violation(format!("{} removed {name} before the report", process.name));
            }
            _ => {}
        }
    }

    /// A version runs again only after its holder released it or was silent for the lease.
    fn takeover(&mut self, job: &Job, k: u32, process: &Rc<Process>, bucket: &Bucket, now: Duration) {
        let before = Key::Attempt(job.0.clone(), job.1, k - 1).to_string();
        let name = format!("attempt {k} of {} v{}", job.0, job.1);
        if !bucket.objects.contains_key(&before) {
            return self
                .violation(format!("{} created {name}, but the attempt before it does not exist", process.name));
        }
        let Some(held) = self.attempts.get(&(job.clone(), k - 1)) else { return };
        if !held.released {
            let silence = held.longest_silence.max(now - held.written);
            self.takeovers += 1;
            if silence < self.least_silence {
                let (by, seconds) = (held.by.name.clone(), silence.as_secs_f64());
                self.violation(format!("{} created {name} after {by} was silent for only {seconds} s", process.name));
            }
        }
        let died = self.died(job);
        if died > MAX_ATTEMPTS as usize {
            self.violation(format!("{} created {name} after {died} failed attempts", process.name));
        }
    }

    /// The number of attempts that were not released, including those that may still be alive.
    fn died(&self, job: &Job) -> usize {
        let of_job = self.attempts.range((job.clone(), 0)..=(job.clone(), u32::MAX));
        of_job.filter(|(_, held)| !held.released).count()
    }

    /// The number of attempts that died although no process was disturbed, so the store alone caused it.
    pub fn died_of_the_store(&self, job: &Job) -> usize {
        let of_job = self.attempts.range((job.clone(), 0)..=(job.clone(), u32::MAX));
        let reporter = self.reports.get(job).and_then(|report| report.run.clone());
        let died = of_job.filter(|(_, held)| !held.released && Some(&held.run) != reporter.as_ref());
        died.filter(|(_, held)| {
            !held.by.was_disturbed.get() && !self.engine_failures.contains(&(job.clone(), held.by.name.clone()))
        })
        .count()
    }

    fn report(&mut self, job: Job, stored: &Stored, bucket: &Bucket) {
        let name = format!("the report of {} v{}", job.0, job.1);
        let Ok(report) = serde_json::from_slice::<Report>(&stored.bytes) else {
            return self.violation(format!("{name} cannot be read"));
        };
        if report.project != job.0 || report.version != job.1 {
            self.violation(format!("{name} belongs to another version"));
        }
        let k = report.attempt.unwrap_or(0);
        let holds = self.attempts.get(&(job.clone(), k)).is_some_and(|held| Some(&held.run) == report.run.as_ref());
        if report.outcome != Outcome::Cancelled && !holds {
            self.violation(format!("{name} names a run without an attempt"));
        }
        match report.outcome {
            Outcome::Abandoned => {
                // The attempt that writes the report does not count.
                let died = self.died(&job).saturating_sub(1);
                if died < MAX_ATTEMPTS as usize {
                    self.violation(format!("{name} is abandoned after {died} attempts"));
                }
            }
            Outcome::Completed if report.files.is_empty() => self.violation(format!("{name} has no files")),
            _ => {}
        }
        self.reports.insert(job.clone(), report);
        self.check_report(&job, bucket);
    }

    /// A report came second, perhaps to itself after a lost response.
    pub fn lost_commit(&mut self, job: &Job, body: &[u8]) {
        let late: Option<Report> = serde_json::from_slice(body).ok();
        let first = self.reports.get(job).and_then(|report| report.run.as_ref());
        self.commits_lost += u64::from(late.is_some_and(|late| late.run.is_some() && late.run.as_ref() != first));
    }

    /// Checks a report against the objects in the bucket.
    pub fn check_report(&mut self, job: &Job, bucket: &Bucket) {
        let Some(report) = self.reports.get(job) else { return };
        let name = format!("the report of {} v{}", job.0, job.1);
        let mut wrong = Vec::new();
        let script = bucket.objects.get(&Key::Script(job.0.clone(), job.1).to_string());
        if let (Some(sum), Some(script)) = (&report.script_sha256, script)
            && *sum != Sha256::of(&script.bytes)
        {
            wrong.push(format!("{name} is about another script"));
        }
        let own = report.run.as_ref().map(|run| format!("output/{}/v{}/{run}/", job.0, job.1)).unwrap_or_default();
        for file in &report.files {
            let Some(stored) = bucket.objects.get(&file.key) else {
                wrong.push(format!("{name} names {}, which does not exist", file.key));
                continue;
            };
            if file.size != stored.bytes.len() as u64 || file.sha256 != Some(Sha256::of(&stored.bytes)) {
                wrong.push(format!("{} does not match {name}", file.key));
            }
            if !file.key.starts_with(&own) {
                wrong.push(format!("{} is not from the run of {name}", file.key));
            }
            if !script.is_some_and(|script| stored.bytes.starts_with(&script.bytes)) {
                wrong.push(format!("{} was not made from the script", file.key));
            }
        }
        if let Some(log) = &report.log
            && !bucket.objects.contains_key(log)
        {
            wrong.push(format!("{name} names a log that does not exist"));
        }
        self.violations.extend(wrong);
    }

    /// A file was overwritten or removed.
    fn file(&mut self, job: &Job, change: &Change, is_same: bool, process: &Rc<Process>) {
        if change.after.is_some() && !is_same {
            self.violation(format!("{} overwrote {}", process.name, change.key));
        }
        // Before the report, only the attempt itself knows that it does not need its files.
        let is_own = || {
            self.attempts.values().any(|held| Rc::ptr_eq(&held.by, process) && change.key.contains(held.run.as_str()))
        };
        let may_go = match self.reports.get(job) {
            Some(report) => report.files.iter().all(|file| file.key != change.key),
            None => is_own(),
        };
        if change.after.is_none() && !may_go {
            self.violation(format!("{} removed {}", process.name, change.key));
        }
    }

    /// An engine starts a script.
    pub fn script_started(&mut self, job: &Job, process: &Rc<Process>) {
        *self.runs.entry(job.clone()).or_default() += 1;
        let mut of_job = self.attempts.range_mut((job.clone(), 0)..=(job.clone(), u32::MAX)).rev();
        let Some((_, held)) = of_job.find(|(_, held)| Rc::ptr_eq(&held.by, process)) else {
            return self.violation(format!("{} runs {} v{} without its attempt", process.name, job.0, job.1));
        };
        let (is_again, is_late) = (std::mem::replace(&mut held.began, true), held.created_after_report);
        if is_again {
            self.violation(format!("{} runs {} v{} twice in one attempt", process.name, job.0, job.1));
        }
        if is_late {
            self.violation(format!("{} runs {} v{}, which already has its report", process.name, job.0, job.1));
        }
    }

    /// Counts distinct states of the bucket: the keys, with attempt numbers in place of random ids, and the content of
    /// attempts and reports.
    fn note_state(&mut self, key: &Key, change: &Change) {
        let attempt_of = |run: &RunId| self.attempts.iter().find(|(_, held)| held.run == *run).map(|((_, k), _)| *k);
        let name = match key {
            Key::Output(project, version, run, format) => {
                format!("{project} {version} {:?} {format}", attempt_of(run))
            }
            Key::Log(project, _) => format!("{project} log"),
            _ => change.key.clone(),
        };
        for stored in [&change.before, &change.after].into_iter().flatten() {
            let content = match key {
                Key::Done(project, version) => {
                    let report = self.reports.get(&(project.clone(), *version));
                    report.map_or(0, |report| 1 + report.outcome as u64)
                }
                Key::Attempt(..) => u64::from(stored.bytes.is_empty()),
                _ => 0,
            };
            let mut hasher = DefaultHasher::new();
            (&name, content).hash(&mut hasher);
            self.state ^= hasher.finish();
        }
        self.states.insert(self.state);
    }
}
