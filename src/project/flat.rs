//! The flat path, `output/{p}/MyHeadlessModel.{…}`: copies of the newest completed version, for people and for other
//! software. Written by the alarm alone, looked at again by the next one. The API never serves from it.

use super::call::{Refusal, VersionView};
use super::life;
use super::object::ProjectObject;
use super::records::Single;
use crate::contract::{Format, Key, OutputFile, ProjectId};
use crate::s3::{PutOptions, S3Error};

/// The metadata that says which version a flat file was copied from.
const VERSION: &str = "version";

impl ProjectObject<'_> {
    /// Brings the flat path to the newest completed version. True if that changed anything.
    pub(super) async fn mend_flat_path(&self, project: &ProjectId) -> Result<bool, Refusal> {
        let records = self.records();
        let Some(newest) = life::flat_is_due(records)? else { return Ok(false) };
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

    async fn copy_all(&self, project: &ProjectId, newest: &VersionView) -> Result<(), S3Error> {
        for format in Format::ALL {
            self.mend_one(project, newest, format).await?;
        }
        Ok(())
    }

    /// Whether every flat file is the right one; those that are not are mended on the way.
    async fn verify(&self, project: &ProjectId, newest: &VersionView) -> Result<bool, S3Error> {
        let mut right = true;
        for format in Format::ALL {
            if !self.is_right(project, newest, format).await? {
                self.mend_one(project, newest, format).await?;
                right = false;
            }
        }
        Ok(right)
    }

    async fn is_right(&self, project: &ProjectId, newest: &VersionView, format: Format) -> Result<bool, S3Error> {
        let key = Key::Flat(project.clone(), format).to_string();
        let Some(file) = file(newest, format) else {
            return match self.client().head(&key).await {
                Ok(_) => Ok(false),
                Err(S3Error::NotFound) => Ok(true),
                Err(error) => Err(error),
            };
        };
        match self.client().head(&key).await {
            // Some stores send no length with HEAD; the version says enough then.
            Ok(head) => Ok(file.key == key
                || head.meta(VERSION) == Some(&newest.version.to_string())
                    && head.size.is_none_or(|size| size == file.size)),
            Err(S3Error::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn mend_one(&self, project: &ProjectId, newest: &VersionView, format: Format) -> Result<(), S3Error> {
        let key = Key::Flat(project.clone(), format).to_string();
        let Some(file) = file(newest, format) else { return self.client().delete(&key).await };
        if file.key == key {
            // Left there by other software: it is its own copy.
            return Ok(());
        }
        let options = PutOptions {
            content_type: Some(format.content_type().to_owned()),
            content_disposition: Some(format!("attachment; filename=\"{project}_v{}.{format}\"", newest.version)),
            metadata: vec![(VERSION.to_owned(), newest.version.to_string())],
            ..PutOptions::default()
        };
        self.client().copy(&file.key, &key, &options).await
    }
}

fn file(view: &VersionView, format: Format) -> Option<&OutputFile> {
    view.report.as_ref()?.file(format)
}
