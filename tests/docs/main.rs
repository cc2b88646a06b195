//! The documents against the tree: settings, paths, links and lengths.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod paths;
mod settings;

use std::path::{Path, PathBuf};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files under `folder` except generated ones, relative to `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    const GENERATED: [&str; 5] = [".git", "target", "build", "node_modules", "__pycache__"];
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let skipped = GENERATED.contains(&name) || name.starts_with(".wrangler");
            if path.is_dir() && !path.is_symlink() && !skipped {
                open.push(path);
            } else if path.is_file() {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn the_overviews_stay_short() {
    for (name, most) in [("README.md", 120), ("ARCHITECTURE.md", 250)] {
        let lines = std::fs::read_to_string(root().join(name)).unwrap().lines().count();
        assert!(lines <= most, "{name} has {lines} lines, {most} at most: move text to docs/");
    }
}
