//! Files that other software left: under `output/{p}/v{n}/`, or on the flat path, which its next version and ours
//! write over. Those are copied to `v{n}/` first and served from there alone.

use super::flat::{VERSION, copy_options};
use super::object::ProjectObject;
use contract::{Format, JobError, JobErrorCode, Key, Outcome, OutputFile, ProjectId, Report, Version, prefix};
use s3::S3Error;

/// The most pages of 1,000 keys that a project's `processed/` is read in.
const MAX_PAGES: usize = 1_000;

/// The largest `.done` that is taken for an empty one without reading it: no report is as short.
const EMPTY: u64 = 2;

impl ProjectObject<'_> {
    /// An empty `.done` means "processed: look at what lies under `output/`", in `v{n}/` or flat.
    ///
    /// # Errors
    /// Nothing is known then; a later look asks again.
    pub(super) async fn report_of_other_software(
        &self,
        project: &ProjectId,
        version: Version,
    ) -> Result<Report, S3Error> {
        let mut files = self.versioned_files(project, version).await?;
        if self.may_lie_flat(project, version, files.first()).await? {
            let Some(_turn) = self.take_flat() else {
                return Err(S3Error::Unavailable("the flat path is being written".to_owned()));
            };
            let flat = self.flat_files_of_others(project).await?;
            self.keep(project, version, &flat).await?;
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

    /// Before the flat path is written: copies what other software left there to `v{n}/` of the version it belongs
    /// to. The caller holds the turn.
    ///
    /// # Errors
    /// The flat path must not be written then.
    pub(super) async fn keep_flat_files(&self, project: &ProjectId) -> Result<(), S3Error> {
        let mut flat = self.flat_files_of_others(project).await?;
        // Nothing else is written over: `MyHeadlessModel.stl` is another key than `MyHeadlessModel.STL`.
        flat.retain(|file| Key::Flat(project.clone(), file.format).to_string() == file.key);
        if flat.is_empty() {
            return Ok(());
        }
        // Files of no version are nobody's.
        let Some(version) = self.newest_marked(project).await? else { return Ok(()) };
        let view = self.records().version(version).map_err(|error| S3Error::Unavailable(error.to_string()))?;
        if view.is_some_and(|view| !view.phase.is_final()) {
            // The look that reads its report decides which of these are its files.
            return Err(S3Error::Unavailable(format!("the report of version {version} is not read yet")));
        }
        self.keep(project, version, &flat).await
    }

    /// Whether files on the flat path may be this version's. They are the newest version's that other software has
    /// marked as processed; an older one's were overwritten. One that has files in `v{n}/` left none there, unless
    /// they are copies made here, some of which may be missing.
    async fn may_lie_flat(
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
        let marked = entries.iter().filter(|entry| entry.size <= EMPTY);
        let newest = marked.filter_map(|entry| match entry.key.parse() {
            Ok(Key::Done(_, version)) => Some(version),
            _ => None,
        });
        let newest = newest.max();
        self.memory.newest_marked.set(newest);
        Ok(newest)
    }

    /// What lies in `v{n}/`, one file a format.
    async fn versioned_files(&self, project: &ProjectId, version: Version) -> Result<Vec<OutputFile>, S3Error> {
        let (entries, _) = self.client().list(&prefix::output_version(project, version), 1).await?;
        let mut files: Vec<OutputFile> = Vec::new();
        for entry in entries {
            let Ok(Key::Foreign(_, _, format)) = entry.key.parse() else { continue };
            if entry.size > 0 && !files.iter().any(|file| file.format == format) {
                files.push(OutputFile { format, key: entry.key, size: entry.size, sha256: None, made_by: None });
            }
        }
        Ok(files)
    }

    /// What lies on the flat path and was not copied there by this software: its copies name their version.
    async fn flat_files_of_others(&self, project: &ProjectId) -> Result<Vec<OutputFile>, S3Error> {
        let (entries, _) = self.client().list(&prefix::flat(project), 1).await?;
        let mut files = Vec::new();
        for entry in entries {
            let Ok(Key::Flat(_, format)) = entry.key.parse() else { continue };
            match self.client().head(&entry.key).await {
                Ok(head) if head.meta(VERSION).is_none() && entry.size > 0 => {
                    files.push(OutputFile { format, key: entry.key, size: entry.size, sha256: None, made_by: None });
                }
                Ok(_) | Err(S3Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    /// Copies `flat` to `v{n}/`; what lies there already stays as it is.
    async fn keep(&self, project: &ProjectId, version: Version, flat: &[OutputFile]) -> Result<(), S3Error> {
        let mut there: Vec<Format> =
            self.versioned_files(project, version).await?.iter().map(|file| file.format).collect();
        for file in flat {
            if !there.contains(&file.format) {
                let to = Key::Foreign(project.clone(), version, file.format).to_string();
                self.client().copy(&file.key, &to, &copy_options(project, version, file.format)).await?;
                there.push(file.format);
            }
        }
        Ok(())
    }
}
