//! The requests that put a job's results into the bucket. Writing the report is the commit.

use bytes::Bytes;
use contract::{Key, OutputFile, REPORT_LIMIT, Report, RunId, Timestamp};
use s3::{Client, PutOptions, S3Error};

use super::collect::Collected;
use crate::queue::Job;

/// The result of writing a report.
#[derive(Debug, PartialEq, Eq)]
pub enum Commit {
    /// It is the version's report.
    Won,
    /// Another report was first, so this attempt's files are orphans.
    Lost,
    /// An object that is not a report was first.
    Unreadable,
}

/// Puts one file under the attempt's own key.
///
/// # Errors
/// When the store does not answer or refuses.
pub async fn put_file(client: Client<'_>, job: &Job, run: &RunId, file: &Collected) -> Result<OutputFile, S3Error> {
    let (project, version) = job;
    let key = Key::Output(project.clone(), *version, run.clone(), file.format).to_string();
    let mut options = PutOptions::if_absent().content_type(file.format.content_type());
    // Stored with the object, because some stores ignore it in a presigned URL.
    options.content_disposition = Some(format!("attachment; filename=\"{project}_v{version}.{}\"", file.format));
    options.metadata = vec![("sha256".to_owned(), file.sha256.to_string())];
    match client.put(&key, file.bytes.clone(), &options).await {
        // Only this attempt has this key, so an earlier try succeeded and its answer was lost.
        Ok(_) | Err(S3Error::PreconditionFailed) => {}
        Err(error) => return Err(error),
    }
    Ok(OutputFile {
        format: file.format,
        key,
        size: file.bytes.len() as u64,
        sha256: Some(file.sha256.clone()),
        made_by: Some(file.made_by.clone()),
    })
}

/// Puts the log. Gives its key.
///
/// # Errors
/// When the store does not answer or refuses.
pub async fn put_log(
    client: Client<'_>,
    job: &Job,
    run: &RunId,
    started: Timestamp,
    text: String,
) -> Result<String, S3Error> {
    let key = Key::log(&job.0, job.1, run, started).to_string();
    match client.put(&key, text.into(), &PutOptions::if_absent().content_type("text/plain; charset=utf-8")).await {
        Ok(_) | Err(S3Error::PreconditionFailed) => Ok(key),
        Err(error) => Err(error),
    }
}

/// Writes the report, unless the version has one.
///
/// # Errors
/// When the store does not answer or refuses. The report may or may not be there, so the attempt must not be tidied up.
pub async fn commit(client: Client<'_>, report: &Report) -> Result<Commit, S3Error> {
    let key = Key::Done(report.project.clone(), report.version).to_string();
    let unusable = |error: serde_json::Error| S3Error::Unusable(error.to_string());
    let mut body = serde_json::to_vec(report).map_err(unusable)?;
    if body.len() > REPORT_LIMIT {
        // Readers accept no more. The parts that a script can make arbitrarily long are left out.
        let mut short = report.clone();
        short.warnings =
            vec!["The report was too long; warnings, timings, objects and traceback were left out".to_owned()];
        short.timings_ms.clear();
        short.geometry.iter_mut().for_each(|geometry| geometry.objects.clear());
        short.error.iter_mut().for_each(|error| error.traceback = None);
        body = serde_json::to_vec(&short).map_err(unusable)?;
    }
    match client.put(&key, Bytes::from(body), &PutOptions::if_absent().content_type("application/json")).await {
        Ok(_) => Ok(Commit::Won),
        Err(S3Error::PreconditionFailed) => {
            let stored = client.get(&key, REPORT_LIMIT).await?.bytes;
            Ok(match serde_json::from_slice::<Report>(&stored) {
                Ok(stored) if stored.run.is_some() && stored.run == report.run => Commit::Won,
                Ok(_) => Commit::Lost,
                // Other software marks a version as done with an empty object.
                Err(_) if stored.is_empty() => Commit::Lost,
                Err(_) => Commit::Unreadable,
            })
        }
        Err(error) => Err(error),
    }
}

/// Whether the version has a report.
///
/// # Errors
/// When the store does not answer or refuses.
pub async fn is_done(client: Client<'_>, job: &Job) -> Result<bool, S3Error> {
    client.exists(&Key::Done(job.0.clone(), job.1).to_string()).await
}

#[cfg(test)]
mod tests {
    use contract::{Geometry, JobError, Outcome};
    use platform::Clock;

    use super::*;
    use crate::testing::MemoryStore;
    use crate::transport::SystemClock;

    #[tokio::test]
    async fn a_report_that_is_too_long_is_shortened() {
        let (store, clock) = (MemoryStore::new(), SystemClock::new());
        let bucket = MemoryStore::bucket();
        let client = Client::new(&store, &clock, &bucket);
        let long = "x".repeat(REPORT_LIMIT);
        let mut report = Report::new("p".parse().unwrap(), 1.try_into().unwrap(), Outcome::Failed, clock.now());
        report.warnings = vec![long.clone()];
        report.timings_ms.insert(long.clone(), 1.0);
        report.geometry = Some(Geometry { solids: Some(7), ..Geometry::default() });
        report.error = Some(JobError { traceback: Some(long), ..JobError::new("code", "message") });
        assert_eq!(commit(client, &report).await.unwrap(), Commit::Won);
        let stored = store.object("processed/p/p_v1.py.done").unwrap().bytes;
        assert!(stored.len() < 10_000, "{}", stored.len());
        let stored: Report = serde_json::from_slice(&stored).unwrap();
        assert_eq!(stored.geometry.unwrap().solids, Some(7));
        assert_eq!(stored.error.unwrap().message, "message");
    }
}
