//! The scripts to run, and their output directories.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use contract::Format;

/// The log's name in the output directory.
pub const LOG_FILE: &str = "log.txt";

/// The report's name in the output directory.
pub const REPORT_FILE: &str = "report.json";

/// One script to run.
#[derive(Debug, PartialEq, Eq)]
pub struct LocalRun {
    pub script: PathBuf,
    /// The directory for files, `log.txt` and `report.json`. It is created if it is missing.
    pub out: PathBuf,
}

impl LocalRun {
    /// Plans the runs of `files`. One file uses `out` itself; each of several uses a directory in `out`, which has the
    /// file's name without `.py`.
    ///
    /// # Errors
    /// When two files would use the same directory, so that the second overwrote the first.
    pub fn plan(files: &[PathBuf], out: &Path) -> Result<Vec<Self>, String> {
        if let [file] = files {
            return Ok(vec![Self { script: file.clone(), out: out.to_owned() }]);
        }
        let mut taken: HashMap<PathBuf, &Path> = HashMap::new();
        let mut runs = Vec::new();
        for file in files {
            let name = file.file_stem().ok_or_else(|| format!("{} has no file name", file.display()))?;
            let run = Self { script: file.clone(), out: out.join(name) };
            if let Some(other) = taken.insert(run.out.clone(), file) {
                let (other, file, out) = (other.display(), file.display(), run.out.display());
                return Err(format!(
                    "{other} and {file} would both be written to {out}: rename one, or run them separately"
                ));
            }
            runs.push(run);
        }
        Ok(runs)
    }

    /// The script's name, which its tracebacks contain.
    pub fn name(&self) -> String {
        self.script.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Creates the directory, and removes the files of an earlier run from it. Otherwise, after a failure, an old model would
    /// look like this run's. Other files stay.
    pub fn clear_out(&self) -> Result<(), String> {
        fs::create_dir_all(&self.out).map_err(with_path(&self.out))?;
        let own = Format::ALL.map(Format::file_name).into_iter().chain([LOG_FILE, REPORT_FILE].map(str::to_owned));
        for path in own.map(|name| self.out.join(name)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(with_path(&path)(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The error with its path.
pub fn with_path(path: &Path) -> impl Fn(io::Error) -> String {
    let path = path.display().to_string();
    move |error| format!("{path}: {error}")
}

#[cfg(test)]
mod tests {
    use contract::RunId;

    use super::*;

    #[test]
    fn several_files_get_a_directory_each() {
        let outs = |files: &[&str]| {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            let runs = LocalRun::plan(&files, Path::new("o"));
            runs.map(|runs| runs.into_iter().map(|run| run.out).collect::<Vec<_>>())
        };
        assert_eq!(outs(&["a/m.py"]).unwrap(), [Path::new("o")]);
        assert_eq!(outs(&["a/m.py", "n.py"]).unwrap(), [Path::new("o/m"), Path::new("o/n")]);
        let refused = outs(&["a/m.py", "n.py", "b/m.py"]).unwrap_err();
        assert!(refused.contains("a/m.py and b/m.py") && refused.contains("o/m"), "{refused}");
        assert!(outs(&["..", "n.py"]).is_err());
    }

    #[test]
    fn files_of_an_earlier_run_are_removed() {
        let out = std::env::temp_dir().join(format!("partwright-local-{}", RunId::random()));
        let run = LocalRun { script: "m.py".into(), out: out.join("deep") };
        run.clear_out().unwrap();
        for name in ["MyHeadlessModel.STEP", "MyHeadlessModel.PNG", "log.txt", "report.json", "notes.txt"] {
            fs::write(run.out.join(name), "old").unwrap();
        }
        run.clear_out().unwrap();
        let left: Vec<_> = fs::read_dir(&run.out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
        fs::create_dir(run.out.join("log.txt")).unwrap();
        assert!(run.clear_out().unwrap_err().contains("log.txt"));
        fs::remove_dir_all(&out).unwrap();
    }
}
