//! The flat path, `output/{p}/MyHeadlessModel.{ext}`: copies of the newest completed version, for people and other
//! software. Only the alarm writes it, and the next alarm verifies it. The API never serves from it.

use super::memory::MAX_IN_FLIGHT;
use super::object::ProjectObject;
use super::records::Single;
use super::request::Refusal;
use super::transitions;
use super::view::VersionView;
use contract::{Format, Key, OutputFile, ProjectId, Version};
use platform::InFlightGuard;
use s3::{PutOptions, S3Error};

/// The metadata with the version of a copy. Files of other software do not have it.
pub(super) const VERSION: &str = "version";

impl ProjectObject<'_> {
    /// Writes or verifies the flat path, if it is due.
    pub(super) async fn update_flat_path(&self, project: &ProjectId) -> Result<(), Refusal> {
        let records = self.records();
        let Some(newest) = transitions::flat_due(records)? else { return Ok(()) };
        // If a refresh is copying files of other software from there, the next alarm comes again.
        let Some(_guard) = self.start_flat_work() else { return Ok(()) };
        let is_written = records.single_number(Single::FlatVersion)? == Some(newest.version.get());
        let outcome = if is_written {
            self.verify_flat(project, &newest).await
        } else {
            self.write_flat(project, &newest).await.map(|()| false)
        };
        match outcome {
            Ok(true) => records.set_single(Single::FlatVerified, 1)?,
            Ok(false) => {
                records.set_single(Single::FlatVersion, newest.version)?;
                records.clear_single(Single::FlatVerified)?;
            }
            // The next alarm tries again. Until then other software sees the previous version.
            Err(_) => return Ok(()),
        }
        Ok(transitions::schedule_soon(records, self.clock.now())?)
    }

    /// Starts work on the flat path, unless other work on it is in flight.
    pub(super) fn start_flat_work(&self) -> Option<InFlightGuard<'_>> {
        self.memory.flat_path.try_start(self.clock.now(), MAX_IN_FLIGHT)
    }

    async fn write_flat(&self, project: &ProjectId, newest: &VersionView) -> Result<(), S3Error> {
        self.preserve_flat_files(project).await?;
        for format in Format::ALL {
            self.write_flat_file(project, newest, format).await?;
        }
        Ok(())
    }

    /// Whether every file is the right one. Replaces those that are not.
    async fn verify_flat(&self, project: &ProjectId, newest: &VersionView) -> Result<bool, S3Error> {
        let mut wrong = Vec::new();
        for format in Format::ALL {
            if !self.is_flat_file_right(project, newest, format).await? {
                wrong.push(format);
            }
        }
        if !wrong.is_empty() {
            self.preserve_flat_files(project).await?;
        }
        for format in &wrong {
            self.write_flat_file(project, newest, *format).await?;
        }
        Ok(wrong.is_empty())
    }

    async fn is_flat_file_right(
        &self,
        project: &ProjectId,
        newest: &VersionView,
        format: Format,
    ) -> Result<bool, S3Error> {
        let key = Key::Flat(project.clone(), format).to_string();
        let head = match self.client().head(&key).await {
            Ok(head) => Some(head),
            Err(S3Error::NotFound) => None,
            Err(error) => return Err(error),
        };
        Ok(match (file(newest, format), head) {
            // Some stores send no length with HEAD; then the version is enough.
            (Some(file), Some(head)) => {
                head.meta(VERSION) == Some(&newest.version.to_string())
                    && head.size.is_none_or(|size| size == file.size)
            }
            (file, head) => file.is_none() && head.is_none(),
        })
    }

    async fn write_flat_file(&self, project: &ProjectId, newest: &VersionView, format: Format) -> Result<(), S3Error> {
        let key = Key::Flat(project.clone(), format).to_string();
        let Some(file) = file(newest, format) else { return self.client().delete(&key).await };
        self.client().copy(&file.key, &key, &copy_options(project, newest.version, format)).await
    }
}

/// Content type, file name and metadata of a copy of a version's file.
pub(super) fn copy_options(project: &ProjectId, version: Version, format: Format) -> PutOptions {
    PutOptions {
        content_type: Some(format.content_type().to_owned()),
        content_disposition: Some(format!("attachment; filename=\"{project}_v{version}.{format}\"")),
        metadata: vec![(VERSION.to_owned(), version.to_string())],
        ..PutOptions::default()
    }
}

fn file(view: &VersionView, format: Format) -> Option<&OutputFile> {
    view.report.as_ref()?.file(format)
}
