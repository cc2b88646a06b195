//! The checks at the end, whatever happened before.

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

/// The largest object, in bytes.
const LIMIT: usize = 64 << 20;

/// The time limit: leases expire one after the other, and machines are busy.
const TIMEOUT: Duration = Duration::from_secs(600);

/// The uploads to one project, to be compared with its versions.
pub struct ProjectRecord<'a> {
    pub project: Project<'a>,
    pub sent: Sent,
}

/// The reports in the bucket.
type Reports = BTreeMap<Version, Report>;

/// Waits until all is done, then checks everything. Every accepted script is one version. Each version is `completed`
/// by one report, with files that match their digests and are the model of that script. Once runners have swept, no
/// tickets, no attempts, and no files or logs without a report remain.
pub async fn verify(stack: &Stack, api: Api<'_>, records: &[ProjectRecord<'_>]) {
    for ProjectRecord { project, sent } in records {
        wait_until_settled(api, &project.id).await;
        let marks = marks(stack, &project.id).await;
        let found: BTreeSet<u32> = marks.values().map(|(mark, _)| *mark).collect();
        assert_eq!(found.len(), marks.len(), "{}: a script became two versions: {marks:?}", project.id);
        let lost: Vec<_> = sent.accepted.difference(&found).collect();
        assert!(lost.is_empty(), "{}: scripts were lost: {lost:?}", project.id);
        let foreign: Vec<_> = found.iter().filter(|mark| !sent.accepted.contains(mark)).collect();
        let foreign: Vec<_> = foreign.into_iter().filter(|mark| !sent.unanswered.contains(mark)).collect();
        assert!(foreign.is_empty(), "{}: unknown scripts: {foreign:?}", project.id);

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
        assert_eq!(done, expected.collect(), "{}: each version must have one report", project.id);
        wait_for_no_orphans(project, &reports).await;
    }
    until_within(TIMEOUT, "the removal of every ticket and attempt", async || {
        let (entries, _) = stack.client().list(prefix::PENDING, 10).await.unwrap();
        entries.first().map_or(Ok(()), |entry| Err(entry.key.clone()))
    })
    .await;
    let versions: usize = records.iter().map(|records| records.sent.accepted.len()).sum();
    println!("verified {} projects and {versions} scripts", records.len());
}

/// Waits until object and bucket agree on every version, and each has its report and no ticket.
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

/// The mark of each version's script, and the expected volume of its model.
async fn marks(stack: &Stack, project: &ProjectId) -> BTreeMap<Version, (u32, Option<f64>)> {
    let (entries, complete) = stack.client().list(&prefix::input(project), 10).await.unwrap();
    assert!(complete);
    let scripts = entries.iter().map(async |entry| {
        let Ok(Key::Script(_, version)) = entry.key.parse() else { panic!("{} is not a script", entry.key) };
        let script = stack.client().get(&entry.key, LIMIT).await.unwrap().bytes;
        (version, mark_and_volume(&script).unwrap_or_else(|| panic!("{} is not a script of this test", entry.key)))
    });
    join_all(scripts).await.into_iter().collect()
}

/// The report is of a completed run of the script with this mark, and describes its files.
async fn check_report(stack: &Stack, report: &Report, mark: u32, volume: Option<f64>) {
    let name = format!("{} version {}", report.project, report.version);
    assert_eq!(report.outcome, Outcome::Completed, "{name}: {:?}", report.error);
    let measured = report.geometry.as_ref().and_then(|geometry| geometry.volume_mm3).unwrap();
    let is_its_own = volume.is_none_or(|volume| (measured - volume).abs() < 0.01);
    assert!(is_its_own, "{name} is the model of another script: {measured} mm³, mark {mark}");
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

/// Waits until every file and log is named by a report.
async fn wait_for_no_orphans(project: &Project<'_>, reports: &Reports) {
    let files = reports.values().flat_map(|report| report.files.iter().map(|file| file.key.clone()));
    let named: BTreeSet<String> = files.chain(reports.values().filter_map(|report| report.log.clone())).collect();
    let seen = async || {
        let mut keys = project.keys(&prefix::output(&project.id)).await;
        keys.extend(project.keys(&prefix::logs(&project.id)).await);
        keys.retain(|key| !named.contains(key) && !matches!(key.parse(), Ok(Key::Flat(..))));
        keys
    };
    until_within(TIMEOUT, &format!("the removal of orphans of {}", project.id), async || {
        let orphans = seen().await;
        if orphans.is_empty() { Ok(()) } else { Err(format!("{orphans:?}")) }
    })
    .await
}

/// No two PUTs of a report through the proxy succeeded.
pub fn each_report_was_written_once(proxy: &Proxy) {
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    for exchange in proxy.exchanges() {
        let is_report = exchange.request.method == Method::PUT && exchange.request.key.starts_with(prefix::PROCESSED);
        if is_report && exchange.status.is_success() {
            *written.entry(exchange.request.key).or_default() += 1;
        }
    }
    let twice: Vec<_> = written.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "written more than once: {twice:?}");
    assert!(!written.is_empty(), "written more than once: {twice:?}");
}
