//! What must be true in the end, whatever happened on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::{Key, Outcome, ProjectId, Report, Sha256, Version, prefix};
use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::scripts::{Sent, mark_and_volume};
use crate::http::Api;
use crate::project::Project;
use crate::proxy::Proxy;
use crate::stack::Stack;
use crate::wait::until_within;

/// The most that is read of any object.
const LIMIT: usize = 64 << 20;

/// How long all of it may take: leases must run out one after the other, and machines are busy.
const TIMEOUT: Duration = Duration::from_secs(600);

/// One project's records: what was sent, to be compared with what there is.
pub struct ProjectRecord<'a> {
    /// The project.
    pub project: Project<'a>,
    /// What was sent to it.
    pub sent: Sent,
}

/// A version as the bucket has it.
type Reports = BTreeMap<Version, Report>;

/// Waits until all is done, then checks all of it. Every script that was accepted is one version; each is `completed`, by
/// one report, with files that match their sums and are the model of that very script; and once runners have swept,
/// nothing is left of tickets, attempts, and files and logs that no report names.
pub async fn verify(stack: &Stack, api: Api<'_>, records: &[ProjectRecord<'_>]) {
    for ProjectRecord { project, sent } in records {
        wait_until_settled(api, &project.id).await;
        let marks = marks(stack, &project.id).await;
        let found: BTreeSet<u32> = marks.values().map(|(mark, _)| *mark).collect();
        assert_eq!(found.len(), marks.len(), "{}: a script came twice: {marks:?}", project.id);
        let lost: Vec<_> = sent.accepted.difference(&found).collect();
        assert!(lost.is_empty(), "{}: scripts were lost: {lost:?}", project.id);
        let foreign: Vec<_> = found.iter().filter(|mark| !sent.accepted.contains(mark)).collect();
        let foreign: Vec<_> = foreign.into_iter().filter(|mark| !sent.unanswered.contains(mark)).collect();
        assert!(foreign.is_empty(), "{}: nobody sent {foreign:?}", project.id);

        let mut reports = Reports::new();
        for (version, (mark, volume)) in &marks {
            project.completed(version.get()).await;
            let report = project.report(version.get()).await;
            check_report(stack, &report, *mark, *volume).await;
            let linked = project.download("stl", version.get()).await;
            let stl = report.files.iter().find(|file| file.key.ends_with(".STL"));
            assert_eq!(stl.unwrap().sha256.as_ref(), Some(&Sha256::of(&linked.body)), "{}", linked.request);
            reports.insert(*version, report);
        }
        let done: BTreeSet<String> = project.keys(&prefix::processed(&project.id)).await.into_iter().collect();
        let expected = marks.keys().map(|version| Key::Done(project.id.clone(), *version).to_string());
        assert_eq!(done, expected.collect(), "{}: one report a version", project.id);
        wait_for_no_orphans(project, &reports).await;
    }
    until_within(TIMEOUT, "the end of every ticket and attempt", async || {
        let (entries, _) = stack.client().list(prefix::PENDING, 10).await.unwrap();
        entries.first().map_or(Ok(()), |entry| Err(entry.key.clone()))
    })
    .await;
    let versions: usize = records.iter().map(|records| records.sent.accepted.len()).sum();
    println!("reckoned: {} projects, {versions} scripts accepted, nothing left over", records.len());
}

/// Waits until object and bucket say the same of every version, and each has its report and no ticket.
async fn wait_until_settled(api: Api<'_>, project: &ProjectId) {
    let path = format!("/api/monitoring/projects/{project}/processing-status?limit=200");
    until_within(TIMEOUT, &format!("bucket and object to agree on {project}"), async || {
        let mut cursor = String::new();
        loop {
            let status = api.get(&format!("{path}{cursor}")).await.expect(200).json();
            let open = |version: &&Value| version["differences"] != json!([]) || version["bucket"]["report"] != true;
            if let Some(version) = status["versions"].as_array().unwrap().iter().find(open) {
                return Err(version.to_string());
            }
            if status["unknown_versions"] != json!([]) {
                return Err(format!("versions unknown to the object: {}", status["unknown_versions"]));
            }
            match &status["next_cursor"] {
                Value::Null => return Ok(()),
                next => cursor = format!("&cursor={next}"),
            }
        }
    })
    .await;
}

/// The mark of each version's script, and the volume that its model must have.
async fn marks(stack: &Stack, project: &ProjectId) -> BTreeMap<Version, (u32, Option<f64>)> {
    let (entries, complete) = stack.client().list(&prefix::input(project), 10).await.unwrap();
    assert!(complete);
    let scripts = entries.iter().map(async |entry| {
        let Ok(Key::Script(_, version)) = entry.key.parse() else { panic!("{} is no script", entry.key) };
        let script = stack.client().get(&entry.key, LIMIT).await.unwrap().bytes;
        (version, mark_and_volume(&script).unwrap_or_else(|| panic!("{} is not one of ours", entry.key)))
    });
    join_all(scripts).await.into_iter().collect()
}

/// The report is that of a completed run of the script with this mark, and its files are what it says.
async fn check_report(stack: &Stack, report: &Report, mark: u32, volume: Option<f64>) {
    let name = format!("{} version {}", report.project, report.version);
    assert_eq!(report.outcome, Outcome::Completed, "{name}: {:?}", report.error);
    let measured = report.geometry.as_ref().and_then(|geometry| geometry.volume_mm3).unwrap();
    let is_its_own = volume.is_none_or(|volume| (measured - volume).abs() < 0.01);
    assert!(is_its_own, "{name} is another's model: {measured} mm³, mark {mark}");
    assert_eq!(report.files.len(), 6, "{name}: {:?}", report.files);
    for file in &report.files {
        let bytes = stack.client().get(&file.key, LIMIT).await.unwrap_or_else(|error| panic!("{}: {error}", file.key));
        assert_eq!(file.size, bytes.bytes.len() as u64, "{}", file.key);
        assert_eq!(file.sha256.as_ref(), Some(&Sha256::of(&bytes.bytes)), "{}", file.key);
    }
    let log = stack.client().get(report.log.as_ref().unwrap(), LIMIT).await.unwrap().bytes;
    let printed = format!("mark {mark}\n");
    assert!(String::from_utf8_lossy(&log).contains(&printed), "{name}: {log:?}");
}

/// Waits until no file and no log is there that no report names.
async fn wait_for_no_orphans(project: &Project<'_>, reports: &Reports) {
    let files = reports.values().flat_map(|report| report.files.iter().map(|file| file.key.clone()));
    let named: BTreeSet<String> = files.chain(reports.values().filter_map(|report| report.log.clone())).collect();
    let seen = async || {
        let mut keys = project.keys(&prefix::output(&project.id)).await;
        keys.extend(project.keys(&prefix::logs(&project.id)).await);
        keys.retain(|key| !named.contains(key) && !matches!(key.parse(), Ok(Key::Flat(..))));
        keys
    };
    until_within(TIMEOUT, &format!("the end of what no report of {} names", project.id), async || {
        let orphans = seen().await;
        if orphans.is_empty() { Ok(()) } else { Err(format!("{orphans:?}")) }
    })
    .await
}

/// Each report was written once: no two PUTs of it succeeded, as far as went through the proxy.
pub fn each_report_was_written_once(proxy: &Proxy) {
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in proxy.exchanges() {
        let is_report = exchange.request.method == Method::PUT && exchange.request.key.starts_with(prefix::PROCESSED);
        if is_report && exchange.status.is_success() {
            *written.entry(exchange.request.key).or_default() += 1;
        }
    }
    let twice: Vec<_> = written.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty() && !written.is_empty(), "written more than once: {twice:?}");
}
