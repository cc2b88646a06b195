//! Removes what a finished version no longer needs: its ticket, its attempts, and the files of attempts that lost.
//!
//! Any runner may do this, at any time and any number of times. It never removes anything of a version without a report,
//! nor a file that the report names, nor a file whose key does not name an attempt: that is other software's.

use std::collections::HashSet;

use contract::{Attempt, Key, REPORT_LIMIT, Report, RunId, prefix};
use futures::stream::{self, StreamExt, TryStreamExt};
use s3::{Client, S3Error};

use crate::listing::for_each_key;
use crate::queue::{ATTEMPT_LIMIT, Claim, Job};

/// The number of concurrent requests.
const TIDY_CONCURRENCY: usize = 8;

/// Removes ticket and attempts of a version whose only files are those that its report names.
///
/// # Errors
/// When the store does not answer. A later claim or sweep finishes the work.
pub async fn tidy_up(client: Client<'_>, job: &Job, highest_attempt: u32) -> Result<(), S3Error> {
    remove_ticket(client, job).await?;
    remove_attempts(client, job, highest_attempt).await
}

/// Removes ticket and attempts of a finished version, and the files of the attempts that lost.
///
/// # Errors
/// As [`tidy_up`].
pub async fn tidy_up_all(client: Client<'_>, job: &Job, highest_attempt: u32, report: &Report) -> Result<(), S3Error> {
    remove_ticket(client, job).await?;
    let mut keys = logs_of_losers(client, job, highest_attempt, report).await?;
    let prefix = prefix::output_version(&job.0, job.1);
    for_each_key(client, &prefix, |key| keys.extend(Some(key).filter(|key| key.run().is_some()))).await?;
    remove_files(client, keys.into_iter().filter(|key| is_orphan(key, report))).await?;
    // The attempts go last: as long as they are there, a sweep finds the files.
    remove_attempts(client, job, highest_attempt).await
}

/// The object that marks a version as done.
pub enum StoredReport {
    Missing,
    /// Another software's. Its rules are not known, so no file is removed.
    Foreign,
    Readable(Box<Report>),
}

/// Reads the version's report.
///
/// # Errors
/// When the store does not answer or refuses.
pub async fn stored_report(client: Client<'_>, job: &Job) -> Result<StoredReport, S3Error> {
    match client.get(&Key::Done(job.0.clone(), job.1).to_string(), REPORT_LIMIT).await {
        Ok(object) => Ok(serde_json::from_slice(&object.bytes).map_or(StoredReport::Foreign, StoredReport::Readable)),
        Err(S3Error::NotFound) => Ok(StoredReport::Missing),
        Err(S3Error::TooLarge { .. }) => Ok(StoredReport::Foreign),
        Err(error) => Err(error),
    }
}

/// Tidies up after a version that has a report. Gives whether it has one.
///
/// # Errors
/// As [`tidy_up`].
pub async fn tidy_up_if_done(client: Client<'_>, job: &Job, highest_attempt: u32) -> Result<bool, S3Error> {
    match stored_report(client, job).await? {
        StoredReport::Missing => return Ok(false),
        StoredReport::Readable(report) => tidy_up_all(client, job, highest_attempt, &report).await?,
        StoredReport::Foreign => tidy_up(client, job, highest_attempt).await?,
    }
    Ok(true)
}

/// Removes the files and the log of this runner's own attempt, which has not committed.
///
/// # Errors
/// When the store does not answer. A sweep finishes the work.
pub async fn remove_own(client: Client<'_>, job: &Job, claim: &Claim) -> Result<(), S3Error> {
    let run = claim.run();
    let mut own = vec![Key::log(&job.0, job.1, &run, claim.claimed_at())];
    for_each_key(client, &prefix::output_run(&job.0, job.1, &run), |key| own.push(key)).await?;
    remove_files(client, own).await
}

/// Whether `key` belongs to another attempt at the report's version, and the report does not name it.
pub fn is_orphan(key: &Key, report: &Report) -> bool {
    let Some((project, version, run)) = key.run() else { return false };
    let is_same_version = *project == report.project && version == report.version;
    let text = key.to_string();
    let is_named = report.log.as_ref() == Some(&text) || report.files.iter().any(|file| file.key == text);
    is_same_version && report.run != Some(run) && !is_named
}

/// Removes `keys`.
///
/// # Errors
/// When the store does not answer.
pub async fn remove_files(client: Client<'_>, keys: impl IntoIterator<Item = Key>) -> Result<(), S3Error> {
    let keys: HashSet<String> = keys.into_iter().map(|key| key.to_string()).collect();
    stream::iter(keys).map(async |key| client.delete(&key).await).buffer_unordered(TIDY_CONCURRENCY).try_collect().await
}

/// The keys of the logs that other attempts may have left, as the attempts' objects give them.
async fn logs_of_losers(
    client: Client<'_>,
    job: &Job,
    highest_attempt: u32,
    report: &Report,
) -> Result<Vec<Key>, S3Error> {
    let attempt = async |number: u32| {
        let key = Key::Attempt(job.0.clone(), job.1, number).to_string();
        match client.get(&key, ATTEMPT_LIMIT).await {
            // A released attempt is empty, and has put nothing.
            Ok(object) => Ok(serde_json::from_slice::<Attempt>(&object.bytes).ok()),
            Err(S3Error::NotFound | S3Error::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    };
    let log_key = |attempt: &Attempt| Key::log(&job.0, job.1, &attempt.run, attempt.claimed_at);
    let is_other = |run: &RunId| report.run.as_ref() != Some(run);
    let attempts: Vec<Option<Attempt>> =
        stream::iter(1..=highest_attempt).map(attempt).buffer_unordered(TIDY_CONCURRENCY).try_collect().await?;
    Ok(attempts.iter().flatten().filter(|attempt| is_other(&attempt.run)).map(log_key).collect())
}

/// The ticket goes first, because attempts without one are not work.
async fn remove_ticket(client: Client<'_>, job: &Job) -> Result<(), S3Error> {
    client.delete(&Key::Ticket(job.0.clone(), job.1).to_string()).await
}

async fn remove_attempts(client: Client<'_>, job: &Job, highest: u32) -> Result<(), S3Error> {
    remove_files(client, (1..=highest).map(|number| Key::Attempt(job.0.clone(), job.1, number))).await
}

#[cfg(test)]
mod tests {
    use contract::{Format, Outcome, OutputFile, Timestamp, Version};
    use platform::Clock;

    use super::*;
    use crate::testing::MemoryStore;
    use crate::transport::SystemClock;

    const WINNER: &str = "aaaaaaaaaaaaaaaa";
    const LOSER: &str = "bbbbbbbbbbbbbbbb";

    fn job() -> Job {
        ("p".parse().unwrap(), Version::FIRST)
    }

    fn report(run: Option<&str>) -> Report {
        let mut report = Report::new(job().0, job().1, Outcome::Completed, Timestamp::from_millis(0));
        report.run = run.map(|run| run.parse().unwrap());
        report
    }

    fn attempt(run: &str) -> Vec<u8> {
        serde_json::to_vec(&Attempt::new("test", run.parse().unwrap(), Timestamp::from_millis(0))).unwrap()
    }

    fn log(run: &str, version: u64) -> String {
        Key::log(&job().0, version.try_into().unwrap(), &run.parse().unwrap(), Timestamp::from_millis(0)).to_string()
    }

    fn file(run: &str, version: u64) -> String {
        format!("output/p/v{version}/{run}/MyHeadlessModel.STEP")
    }

    /// Tidies up version 1 of a bucket with `keys`, twice. Gives the keys that are left.
    async fn left(keys: &[String], report: &Report) -> Vec<String> {
        let (store, clock, bucket) = (MemoryStore::new(), SystemClock::new(), MemoryStore::bucket());
        keys.iter().for_each(|key| store.drop_in(key, "x"));
        store.drop_in("pending/p/p_v1/ticket", "");
        store.drop_in("pending/p/p_v1/a1.json", attempt(LOSER));
        store.drop_in("pending/p/p_v1/a2.json", "");
        store.drop_in("pending/p/p_v1/a3.json", attempt(WINNER));
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        for _ in 0..2 {
            tidy_up_all(client, &job(), 3, report).await.unwrap();
        }
        store.keys()
    }

    #[tokio::test]
    async fn only_files_of_losers_are_removed() {
        let kept = [
            file(WINNER, 1),
            file(LOSER, 2),
            file(LOSER, 12),
            log(WINNER, 1),
            log(LOSER, 2),
            "output/p/v1/MyHeadlessModel.STEP".to_owned(),
            "output/p/MyHeadlessModel.STEP".to_owned(),
            format!("output/p/v1/{LOSER}/notes.txt"),
            "logs/p/p_info_20231114_221320.log".to_owned(),
        ];
        let mut keys = kept.to_vec();
        keys.extend([file(LOSER, 1), file("cccccccccccccccc", 1), log(LOSER, 1)]);
        let mut expected = kept.to_vec();
        expected.sort();
        assert_eq!(left(&keys, &report(Some(WINNER))).await, expected);
    }

    #[tokio::test]
    async fn a_cancelled_version_keeps_no_file() {
        let keys = [file(WINNER, 1), file(LOSER, 1), log(WINNER, 1), log(LOSER, 1)];
        assert_eq!(left(&keys, &report(None)).await, [] as [String; 0]);
    }

    #[tokio::test]
    async fn a_file_that_the_report_names_stays() {
        let mut report = report(Some(WINNER));
        let (format, key) = (Format::Step, file(LOSER, 1));
        report.files = vec![OutputFile { format, key: key.clone(), size: 1, sha256: None, made_by: None }];
        report.log = Some(log(LOSER, 1));
        let keys = [key, log(LOSER, 1)];
        let mut expected = keys.to_vec();
        expected.sort();
        assert_eq!(left(&keys, &report).await, expected);
    }

    #[tokio::test]
    async fn files_stay_without_a_readable_report() {
        let (store, clock, bucket) = (MemoryStore::new(), SystemClock::new(), MemoryStore::bucket());
        let client = Client::new(&store, &clock as &dyn Clock, &bucket);
        store.drop_in(&file(LOSER, 1), "x");
        store.drop_in("pending/p/p_v1/a1.json", attempt(LOSER));
        assert_eq!(tidy_up_if_done(client, &job(), 1).await, Ok(false));
        assert_eq!(store.keys().len(), 2);
        store.drop_in("processed/p/p_v1.py.done", "");
        assert_eq!(tidy_up_if_done(client, &job(), 1).await, Ok(true));
        assert_eq!(store.keys(), [file(LOSER, 1), "processed/p/p_v1.py.done".to_owned()]);
    }
}
