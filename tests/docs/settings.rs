//! docs/configuration.md against the settings that the programs read.

use std::collections::BTreeSet;

use crate::{files, root};

/// Folders of the programs' sources, without tests and tools.
const SOURCES: [&str; 3] = ["src", "crates", "freecad-runner/src"];

/// Read by `tracing-subscriber`, not by a `config.rs`.
const READ_BY_LIBRARIES: [&str; 1] = ["RUST_LOG"];

#[test]
fn every_setting_has_a_row() {
    let (documented, read) = (documented(), read_by_programs());
    let missing: Vec<_> = read.difference(&documented).collect();
    assert!(missing.is_empty(), "add a row to docs/configuration.md: {missing:?}");
}

#[test]
fn every_row_is_a_setting() {
    let (documented, read) = (documented(), read_by_programs());
    let unknown: Vec<_> = documented.difference(&read).collect();
    assert!(unknown.is_empty(), "no config.rs reads these settings of docs/configuration.md: {unknown:?}");
}

/// First column of the tables of docs/configuration.md.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let names: BTreeSet<String> = rows.iter().copied().map(str::to_owned).collect();
    assert_eq!(names.len(), rows.len(), "docs/configuration.md lists a setting twice");
    names
}

/// Names of settings among the string literals of each `config.rs`, up to its unit tests.
fn read_by_programs() -> BTreeSet<String> {
    let mut found: BTreeSet<String> = READ_BY_LIBRARIES.map(str::to_owned).into();
    let mut readers = 0;
    for folder in SOURCES.map(|folder| root().join(folder)) {
        for file in files(&folder).iter().filter(|file| file.ends_with("config.rs")) {
            let source = std::fs::read_to_string(folder.join(file)).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap();
            found.extend(code.split('"').filter(|literal| is_setting(literal)).map(str::to_owned));
            readers += 1;
        }
    }
    assert!(readers >= 4, "only {readers} files read settings: have they moved?");
    found
}

/// Whether a text is words in capitals with underscores between them, such as `AUTH_MODE`.
fn is_setting(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    text.contains('_') && text.split('_').all(is_word)
}
