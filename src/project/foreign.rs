//! Versions that others put into the bucket: found, and taken over into the records.

use super::call::{Caller, Refusal};
use super::life::{self, Found, Standing};
use super::object::ProjectObject;
use super::records::Single;
use contract::{Key, ProjectId, prefix};
use s3::S3Error;

/// The most pages of 1,000 keys that a project's `input/` or `processed/` is read in.
const MAX_PAGES: usize = 1_000;

impl ProjectObject<'_> {
    /// Whether what this bucket holds of the project was taken over.
    pub(super) fn is_caught_up(&self) -> Result<bool, Refusal> {
        let records = self.records();
        Ok(records.exist()? && records.single(Single::CaughtUpWith)?.as_ref() == Some(&self.store()))
    }

    /// On the first contact with this bucket, takes over what lies under `input/` and `processed/`.
    pub(super) async fn catch_up_once(&self, project: &ProjectId) -> Result<(), Refusal> {
        if self.is_caught_up()? {
            return Ok(());
        }
        let found = self.list_foreign(project).await.map_err(|error| super::deliver::refusal(&error))?;
        if self.is_caught_up()? {
            // Another was first, and what was listed here may show what has been delivered since.
            return self.adopt_all(&found);
        }
        let records = self.records();
        records.create()?;
        records.set_single(Single::Project, project)?;
        let idle = self.idle(records.stored(u32::MAX)?);
        life::caught_up(records, &self.store(), &found, (&idle, self.clock.now()))?;
        life::touch(records, self.clock.now())?;
        // Should the upload be refused after all, what was found is followed all the same.
        self.arm().await
    }

    /// Before a read: has somebody dropped a script in? One request, and a listing only if so. False if the bucket
    /// did not answer, which does not stop the read.
    pub(super) async fn look_for_foreign(&self, project: &ProjectId, caller: &Caller) -> Result<bool, Refusal> {
        let standing = life::standing(self.records(), caller)?;
        let there = match standing {
            Standing::Foreign => return Ok(true),
            Standing::Theirs => {
                // After the largest number there is nothing to look for.
                let Ok(next) = life::next(self.records()) else { return Ok(true) };
                self.client().exists(&Key::Script(project.clone(), next).to_string()).await
            }
            Standing::Free => {
                let page = self.client().list_page(&prefix::input(project), None, 1).await;
                page.map(|page| !page.entries.is_empty())
            }
        };
        match there {
            Ok(true) => {}
            Ok(false) => return Ok(true),
            Err(error) => return Ok(!error.is_transient()),
        }
        let found = match self.list_foreign(project).await {
            Ok(found) => found,
            Err(error) => return Ok(!error.is_transient()),
        };
        // No script among what lies there: the name is as free as before.
        self.take_over(project, &found).await?;
        Ok(true)
    }

    /// Takes over a project that the records do not know; false if the bucket does not know it either.
    ///
    /// # Errors
    /// When the bucket does not say.
    pub(super) async fn find_in_bucket(&self, project: &ProjectId) -> Result<bool, Refusal> {
        let found = self.list_foreign(project).await.map_err(|error| super::deliver::refusal(&error))?;
        self.take_over(project, &found).await
    }

    async fn take_over(&self, project: &ProjectId, found: &[Found]) -> Result<bool, Refusal> {
        if found.is_empty() {
            return Ok(false);
        }
        self.records().create()?;
        self.records().set_single(Single::Project, project)?;
        self.adopt_all(found)?;
        self.arm().await?;
        Ok(true)
    }

    /// Every version of the project that the bucket shows, by its script or its report.
    pub(super) async fn list_foreign(&self, project: &ProjectId) -> Result<Vec<Found>, S3Error> {
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
                found.push(Found { version, script, size, at });
            }
        }
        Ok(found)
    }

    /// Takes over what is not known yet, in one stretch.
    pub(super) fn adopt_all(&self, found: &[Found]) -> Result<(), Refusal> {
        let records = self.records();
        if life::adopt_all(records, found, self.clock.now())? {
            life::touch(records, self.clock.now())?;
        }
        Ok(())
    }

    fn store(&self) -> String {
        format!("{} {}", self.bucket.endpoint, self.bucket.name)
    }
}
