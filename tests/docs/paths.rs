//! The paths and links in all Markdown files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::{files, root};

/// Beginnings of what looks like a path of the repository and is not one: keys of the bucket, routes, media types,
/// files of a build, of the local state or of another program.
const NOT_PATHS: [&str; 14] = [
    "input/",
    "pending/",
    "processed/",
    "output/",
    "logs/",
    "sweep/",
    "probe/",
    "work/",
    "text/",
    "application/",
    "chat/completions",
    "build/",
    ".wrangler/",
    "/",
];

/// One Markdown file.
struct Document {
    /// Relative to the root.
    path: PathBuf,
    /// Without its code blocks.
    text: String,
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        for link in links(&document.text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => root().join(&document.path),
                file => root().join(&document.path).parent().unwrap().join(file),
            };
            let text = std::fs::read_to_string(&target).unwrap_or_default();
            let is_anchor = anchor.is_empty() || anchors(&text).contains(anchor);
            if !target.exists() || !is_anchor {
                broken.push(format!("{}: {link}", document.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
}

#[test]
fn every_path_in_backticks_exists() {
    let all: BTreeSet<String> = files(&root()).iter().map(|file| format!("/{}", file.display())).collect();
    let mut missing = Vec::new();
    for document in documents() {
        for path in code_spans(&document.text).filter(|span| looks_like_a_path(span)) {
            let folder = root().join(&document.path).parent().unwrap().to_owned();
            let is_there = root().join(path).exists() || folder.join(path).exists();
            // A section about one folder may leave the folder out.
            let is_end = || match path.strip_suffix('/') {
                Some(_) => all.iter().any(|file| file.contains(&format!("/{path}"))),
                None => all.iter().any(|file| file.ends_with(&format!("/{path}"))),
            };
            if !is_there && !is_end() {
                missing.push(format!("{}: {path}", document.path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "paths that do not exist:\n{}", missing.join("\n"));
}

fn documents() -> Vec<Document> {
    let is_document = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "md");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        // Every second part is inside a code block.
        let text = text.split("```").step_by(2).collect();
        Document { path, text }
    };
    let documents: Vec<_> = files(&root()).into_iter().filter(is_document).map(read).collect();
    assert!(documents.len() > 10);
    documents
}

/// Targets of `[text](target)`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// Texts between backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a text has a slash, and ends with a slash, has a file extension, or begins with a folder of the root.
fn looks_like_a_path(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let Some((first, _)) = text.split_once('/') else { return false };
    let is_path = text.ends_with('/') || Path::new(text).extension().is_some() || root().join(first).is_dir();
    is_plain && is_path && !NOT_PATHS.iter().any(|prefix| text.starts_with(prefix))
}

/// Anchors of a document's headings, as GitHub forms them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
    };
    headings.map(anchor).collect()
}
