//! External uploads: versions that other writers put into the bucket.

use super::deliver::refusal;
use super::object::ProjectObject;
use super::records::Single;
use super::request::{Caller, Refusal};
use super::transitions::{self, BucketVersion, Ownership};
use contract::{Key, ProjectId, prefix};
use s3::S3Error;

/// The most pages of 1,000 keys that are read of a project's `input/` and `processed/`.
const MAX_PAGES: usize = 1_000;

impl ProjectObject<'_> {
    /// Whether the records have adopted what this bucket holds of the project.
    pub(super) fn is_caught_up(&self) -> Result<bool, Refusal> {
        let records = self.records();
        Ok(records.exist()? && records.single(Single::CaughtUpWith)?.as_ref() == Some(&self.store()))
    }

    /// Adopts everything under `input/` and `processed/` on the first contact with this bucket.
    pub(super) async fn catch_up_once(&self, project: &ProjectId) -> Result<(), Refusal> {
        if self.is_caught_up()? {
            return Ok(());
        }
        let found = self.list_bucket_versions(project).await.map_err(|error| refusal(&error))?;
        if self.is_caught_up()? {
            // Another request was faster, and this listing may show uploads that were delivered since.
            return self.adopt_all(&found);
        }
        let (records, now) = (self.records(), self.clock.now());
        records.create()?;
        records.set_single(Single::Project, project)?;
        let idle = self.idle(records.stored(u32::MAX)?);
        transitions::catch_up(records, &self.store(), &found, &idle, now)?;
        transitions::schedule_soon(records, now)?;
        // Even if the upload is refused, the alarm follows the versions that were found.
        self.arm().await
    }

    /// Searches for an external upload before a read: one request, and a listing only if it finds something. False if the
    /// bucket did not answer, which does not stop the read.
    pub(super) async fn find_external_uploads(&self, project: &ProjectId, caller: &Caller) -> Result<bool, Refusal> {
        let found = match transitions::ownership(self.records(), caller)? {
            Ownership::Other => return Ok(true),
            Ownership::Own => {
                // No version can follow the largest number.
                let Ok(next) = transitions::next_number(self.records()) else { return Ok(true) };
                self.client().head(&Key::Script(project.clone(), next).to_string()).await.map(|_| true)
            }
            Ownership::Free => {
                let page = self.client().list_page(&prefix::input(project), None, 1).await;
                page.map(|page| !page.entries.is_empty())
            }
        };
        match found {
            Ok(true) => {}
            Ok(false) => return Ok(true),
            Err(error) => return Ok(!error.is_transient()),
        }
        let versions = match self.list_bucket_versions(project).await {
            Ok(versions) => versions,
            Err(error) => return Ok(!error.is_transient()),
        };
        // If there is no version among the keys, the name stays free.
        self.adopt_found(project, &versions).await?;
        Ok(true)
    }

    /// Adopts a project that the records do not know; false if the bucket does not know it either.
    ///
    /// # Errors
    /// When the bucket does not answer.
    pub(super) async fn adopt_project(&self, project: &ProjectId) -> Result<bool, Refusal> {
        let found = self.list_bucket_versions(project).await.map_err(|error| refusal(&error))?;
        self.adopt_found(project, &found).await
    }

    async fn adopt_found(&self, project: &ProjectId, found: &[BucketVersion]) -> Result<bool, Refusal> {
        if found.is_empty() {
            return Ok(false);
        }
        self.records().create()?;
        self.records().set_single(Single::Project, project)?;
        self.adopt_all(found)?;
        self.arm().await?;
        Ok(true)
    }

    /// The scripts and reports of the project in the bucket.
    pub(super) async fn list_bucket_versions(&self, project: &ProjectId) -> Result<Vec<BucketVersion>, S3Error> {
        let mut found = Vec::new();
        for prefix in [prefix::input(project), prefix::processed(project)] {
            let (entries, _) = self.client().list(&prefix, MAX_PAGES).await?;
            for entry in entries {
                let (version, script, size) = match entry.key.parse() {
                    Ok(Key::Script(_, version)) => (version, true, entry.size),
                    Ok(Key::Done(_, version)) => (version, false, 0),
                    _ => continue,
                };
                let at = entry.last_modified.unwrap_or_else(|| self.clock.now());
                found.push(BucketVersion { version, script, size, at });
            }
        }
        Ok(found)
    }

    /// Adopts the versions that the records do not have, in one stretch of SQL.
    fn adopt_all(&self, found: &[BucketVersion]) -> Result<(), Refusal> {
        let (records, now) = (self.records(), self.clock.now());
        if transitions::adopt(records, found, now)? {
            transitions::schedule_soon(records, now)?;
        }
        Ok(())
    }

    fn store(&self) -> String {
        format!("{} {}", self.bucket.endpoint, self.bucket.name)
    }
}
