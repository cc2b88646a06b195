//! The flat path, `output/{p}/MyHeadlessModel.{…}`: copies of the newest completed version, for people and for other
//! software. Written by the alarm alone, looked at again by the next one. The API never serves from it.

use std::cell::Cell;

use super::call::{Refusal, VersionView};
use super::life;
use super::object::{ProjectObject, is_under_way};
use super::records::Single;
use contract::{Format, Key, OutputFile, ProjectId, Timestamp, Version};
use s3::{PutOptions, S3Error};

/// The metadata that says which version a copy belongs to. Files that other software left do not have it.
pub(super) const VERSION: &str = "version";

impl ProjectObject<'_> {
    /// Brings the flat path to the newest completed version. True if that changed anything.
    pub(super) async fn mend_flat_path(&self, project: &ProjectId) -> Result<bool, Refusal> {
        let records = self.records();
        let Some(newest) = life::flat_is_due(records)? else { return Ok(false) };
        // A look may be keeping what other software left there; the next alarm comes again.
        let Some(_turn) = self.take_flat() else { return Ok(false) };
        let there = records.single_number(Single::FlatVersion)? == Some(newest.version.get());
        let outcome = if there {
            self.verify(project, &newest).await
        } else {
            self.copy_all(project, &newest).await.map(|()| false)
        };
        match outcome {
            Ok(true) => records.set_single(Single::FlatVerified, 1)?,
            Ok(false) => {
                records.set_single(Single::FlatVersion, newest.version)?;
                records.clear_single(Single::FlatVerified)?;
            }
            // The next alarm tries again; until then other software sees the version before.
            Err(_) => return Ok(false),
        }
        Ok(true)
    }

    /// Takes the turn to work on the flat path, so that nobody copies from it what another is writing; none while
    /// somebody else has it.
    pub(super) fn take_flat(&self) -> Option<Turn<'_>> {
        let now = self.clock.now();
        if is_under_way(self.memory.flat.get(), now) {
            return None;
        }
        self.memory.flat.set(Some(now));
        Some(Turn(&self.memory.flat))
    }

    async fn copy_all(&self, project: &ProjectId, newest: &VersionView) -> Result<(), S3Error> {
        self.keep_flat_files(project).await?;
        for format in Format::ALL {
            self.mend_one(project, newest, format).await?;
        }
        Ok(())
    }

    /// Whether every flat file is the right one; those that are not are mended on the way.
    async fn verify(&self, project: &ProjectId, newest: &VersionView) -> Result<bool, S3Error> {
        let mut wrong = Vec::new();
        for format in Format::ALL {
            if !self.is_right(project, newest, format).await? {
                wrong.push(format);
            }
        }
        if !wrong.is_empty() {
            self.keep_flat_files(project).await?;
        }
        for format in &wrong {
            self.mend_one(project, newest, *format).await?;
        }
        Ok(wrong.is_empty())
    }

    async fn is_right(&self, project: &ProjectId, newest: &VersionView, format: Format) -> Result<bool, S3Error> {
        let key = Key::Flat(project.clone(), format).to_string();
        let Some(file) = file(newest, format) else {
            return Ok(!self.client().exists(&key).await?);
        };
        match self.client().head(&key).await {
            // Some stores send no length with HEAD; the version says enough then.
            Ok(head) => Ok(head.meta(VERSION) == Some(&newest.version.to_string())
                && head.size.is_none_or(|size| size == file.size)),
            Err(S3Error::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn mend_one(&self, project: &ProjectId, newest: &VersionView, format: Format) -> Result<(), S3Error> {
        let key = Key::Flat(project.clone(), format).to_string();
        let Some(file) = file(newest, format) else { return self.client().delete(&key).await };
        self.client().copy(&file.key, &key, &copy_options(project, newest.version, format)).await
    }
}

/// What is stored with a copy of a version's file.
pub(super) fn copy_options(project: &ProjectId, version: Version, format: Format) -> PutOptions {
    PutOptions {
        content_type: Some(format.content_type().to_owned()),
        content_disposition: Some(format!("attachment; filename=\"{project}_v{version}.{format}\"")),
        metadata: vec![(VERSION.to_owned(), version.to_string())],
        ..PutOptions::default()
    }
}

/// The turn to work on the flat path, for as long as it lives.
pub(super) struct Turn<'a>(&'a Cell<Option<Timestamp>>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

fn file(view: &VersionView, format: Format) -> Option<&OutputFile> {
    view.report.as_ref()?.file(format)
}
