//! Reads the scripts. Each is a folder with the name of its case.

use std::fs;
use std::path::{Path, PathBuf};

use crate::batch::Script;
use crate::expected::Expected;

/// A script and its expected result.
pub struct Case {
    /// It has the name of its folder.
    pub script: Script,
    pub expected: Expected,
}

/// The corpus's directory: `jobs` or `hostile`.
pub fn directory(kind: &str) -> PathBuf {
    parts::tools::root().join("freecad-runner/tests").join(kind)
}

/// All cases of a corpus, by name.
pub fn cases(kind: &str) -> Vec<Case> {
    let entries = fs::read_dir(directory(kind)).unwrap().map(Result::unwrap);
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().map(|folder| case(folder)).collect()
}

fn case(folder: &Path) -> Case {
    let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let text = fs::read(folder.join("script.py")).unwrap_or_else(|error| panic!("{name}/script.py: {error}"));
    let expected = fs::read(folder.join("expected.json")).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected = serde_json::from_slice(&expected).unwrap_or_else(|error| panic!("{name}/expected.json: {error}"));
    Case { script: Script { name, text }, expected }
}
