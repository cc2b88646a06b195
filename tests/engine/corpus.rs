//! The scripts, each a folder named for what it does.

use std::fs;
use std::path::{Path, PathBuf};

use crate::batch::Script;
use crate::expected::Expected;

/// A script and what must come of it.
pub struct Case {
    /// The script, under its folder's name.
    pub script: Script,
    /// What its report must say.
    pub expected: Expected,
}

/// The corpus's directory: `jobs` or `hostile`.
pub fn directory(kind: &str) -> PathBuf {
    parts::tools::root().join("freecad-runner/tests").join(kind)
}

/// Every folder of a corpus, in the order of its names.
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
