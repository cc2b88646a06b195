//! A runner's changes to the bucket, without a run.

use contract::{Attempt, Format, Key, Outcome, OutputFile, ProjectId, Report, RunId, Sha256, Version};
use platform::Clock;

use super::world::World;

impl World {
    /// Claims a version as a runner does; returns the run's id.
    pub fn claim(&self, project: &str, version: u64, number: u32) -> RunId {
        let run = RunId::random();
        let attempt = Attempt::new("runner-one", run.clone(), self.clock.now());
        let key = Key::Attempt(project.parse().unwrap(), version.try_into().unwrap(), number).to_string();
        self.store.inner.drop_in(&key, serde_json::to_vec(&attempt).unwrap());
        run
    }

    /// Completes a version as a runner does: files, report, ticket. Returns the run's id.
    pub fn complete(&self, project: &str, version: u64, formats: &[Format]) -> RunId {
        let project: ProjectId = project.parse().unwrap();
        let version = Version::try_from(version).unwrap();
        let run = RunId::random();
        let mut report = Report::new(project.clone(), version, Outcome::Completed, self.clock.now());
        report.run = Some(run.clone());
        for format in formats {
            let key = Key::Output(project.clone(), version, run.clone(), *format).to_string();
            let bytes = format!("{format} of version {version}");
            report.files.push(OutputFile {
                format: *format,
                key: key.clone(),
                size: bytes.len() as u64,
                sha256: Some(Sha256::of(bytes.as_bytes())),
                made_by: Some("runner".to_owned()),
            });
            self.store.inner.drop_in(&key, bytes);
        }
        self.commit(&report);
        run
    }

    /// Puts a report and removes the ticket.
    pub fn commit(&self, report: &Report) {
        let done = Key::Done(report.project.clone(), report.version).to_string();
        self.store.inner.drop_in(&done, serde_json::to_vec(report).unwrap());
        self.store.inner.remove(&Key::Ticket(report.project.clone(), report.version).to_string());
    }
}
