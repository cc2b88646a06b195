//! Files of other software: under `output/{p}/v{n}/`, or on the flat path, which later versions overwrite. The object
//! copies flat files to `v{n}/` first, and serves only from there.

use super::flat::{VERSION, copy_options};
use super::object::ProjectObject;
use contract::{Format, JobError, JobErrorCode, Key, Outcome, OutputFile, ProjectId, Report, Version, prefix};
use s3::S3Error;

/// The most pages of 1,000 keys that are read of a project's `processed/`.
const MAX_PAGES: usize = 1_000;

/// A listed `.done` of at most this size counts as empty. No report is that short.
const MAX_EMPTY: u64 = 2;

impl ProjectObject<'_> {
    /// The report for an empty `.done`, which means "processed: the files are in `v{n}/` or on the flat path".
    ///
    /// # Errors
    /// The files are not known yet; a later refresh asks again.
    pub(super) async fn foreign_report(&self, project: &ProjectId, version: Version) -> Result<Report, S3Error> {
        let mut files = self.versioned_files(project, version).await?;
        if self.may_be_flat(project, version, files.first()).await? {
            let Some(_guard) = self.start_flat_work() else {
                return Err(S3Error::Unavailable("the flat path is being written".to_owned()));
            };
            let flat = self.foreign_flat_files(project).await?;
            self.copy_to_version(project, version, &flat).await?;
            files = self.versioned_files(project, version).await?;
        }
        let outcome = if files.is_empty() { Outcome::Failed } else { Outcome::Completed };
        let mut report = Report::new(project.clone(), version, outcome, self.clock.now());
        if files.is_empty() {
            report.error = Some(JobError::new(
                JobErrorCode::NoOutput,
                "Other software marked this version as processed and left no file",
            ));
        }
        files.sort_by_key(|file| Format::ALL.iter().position(|format| *format == file.format));
        report.files = files;
        Ok(report)
    }

    /// Copies the flat files of other software to `v{n}/` of their version, before the flat path is written. The caller
    /// holds the guard of the flat path.
    ///
    /// # Errors
    /// The flat path must not be written then.
    pub(super) async fn preserve_flat_files(&self, project: &ProjectId) -> Result<(), S3Error> {
        let mut flat = self.foreign_flat_files(project).await?;
        // Only exact keys are overwritten: `MyHeadlessModel.stl` is another key than `MyHeadlessModel.STL`.
        flat.retain(|file| Key::Flat(project.clone(), file.format).to_string() == file.key);
        if flat.is_empty() {
            return Ok(());
        }
        // Without a marked version the files belong to no version.
        let Some(version) = self.newest_marked(project).await? else { return Ok(()) };
        let view = self.records().version(version).map_err(|error| S3Error::Unavailable(error.to_string()))?;
        if view.is_some_and(|view| !view.phase.is_final()) {
            // The refresh that reads its report decides which files are its own.
            return Err(S3Error::Unavailable(format!("the report of version {version} is not read yet")));
        }
        self.copy_to_version(project, version, &flat).await
    }

    /// Whether flat files may belong to this version. They belong to the newest version that other software has marked as
    /// processed; those of older versions were overwritten. If `v{n}/` has files of other software, none of its files are
    /// flat. If it has our copies, some may be missing.
    async fn may_be_flat(
        &self,
        project: &ProjectId,
        version: Version,
        first: Option<&OutputFile>,
    ) -> Result<bool, S3Error> {
        if self.memory.newest_marked.get() > Some(version) {
            return Ok(false);
        }
        if let Some(file) = first
            && self.client().head(&file.key).await?.meta(VERSION).is_none()
        {
            return Ok(false);
        }
        Ok(self.newest_marked(project).await? <= Some(version))
    }

    /// The newest version that other software has marked as processed.
    async fn newest_marked(&self, project: &ProjectId) -> Result<Option<Version>, S3Error> {
        let (entries, _) = self.client().list(&prefix::processed(project), MAX_PAGES).await?;
        let marked = entries.iter().filter(|entry| entry.size <= MAX_EMPTY);
        let versions = marked.filter_map(|entry| match entry.key.parse() {
            Ok(Key::Done(_, version)) => Some(version),
            _ => None,
        });
        let newest = versions.max();
        self.memory.newest_marked.set(newest);
        Ok(newest)
    }

    /// The files in `v{n}/`, one per format.
    async fn versioned_files(&self, project: &ProjectId, version: Version) -> Result<Vec<OutputFile>, S3Error> {
        let (entries, _) = self.client().list(&prefix::output_version(project, version), 1).await?;
        let mut files: Vec<OutputFile> = Vec::new();
        for entry in entries {
            let Ok(Key::Foreign(_, _, format)) = entry.key.parse() else { continue };
            if entry.size > 0 && !files.iter().any(|file| file.format == format) {
                files.push(foreign_file(format, entry.key, entry.size));
            }
        }
        Ok(files)
    }

    /// The flat files that are not our copies. Our copies name their version.
    async fn foreign_flat_files(&self, project: &ProjectId) -> Result<Vec<OutputFile>, S3Error> {
        let (entries, _) = self.client().list(&prefix::flat(project), 1).await?;
        let mut files = Vec::new();
        for entry in entries {
            let Ok(Key::Flat(_, format)) = entry.key.parse() else { continue };
            match self.client().head(&entry.key).await {
                Ok(head) if head.meta(VERSION).is_none() && entry.size > 0 => {
                    files.push(foreign_file(format, entry.key, entry.size));
                }
                Ok(_) | Err(S3Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    /// Copies `flat` to `v{n}/`, except formats that exist there.
    async fn copy_to_version(&self, project: &ProjectId, version: Version, flat: &[OutputFile]) -> Result<(), S3Error> {
        let existing = self.versioned_files(project, version).await?;
        let mut formats: Vec<Format> = existing.iter().map(|file| file.format).collect();
        for file in flat {
            if !formats.contains(&file.format) {
                let to = Key::Foreign(project.clone(), version, file.format).to_string();
                self.client().copy(&file.key, &to, &copy_options(project, version, file.format)).await?;
                formats.push(file.format);
            }
        }
        Ok(())
    }
}

fn foreign_file(format: Format, key: String, size: u64) -> OutputFile {
    OutputFile { format, key, size, sha256: None, made_by: None }
}
