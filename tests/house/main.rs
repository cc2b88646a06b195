//! Modules import each other in one direction: there are no circles of imports.
//!
//! A module and the `mod.rs` above it may refer to each other. Imports count to the module that defines an item, also if
//! they go through a re-export.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Imports that may close a circle: crate, importing module, imported module.
const ALLOWED: &[(&str, &str, &str)] = &[
    // `ProjectObject` has its methods in several files. Three of them also hold their part of its memory, and one its
    // greeting.
    ("src", "project::memory", "project::hints"),
    ("src", "project::memory", "project::repair"),
    ("src", "project::memory", "project::status"),
    ("src", "project::object", "project::watch"),
];

/// The path of each module below its crate, and its source without comments and tests.
type Sources = BTreeMap<String, String>;

#[test]
fn imports_form_no_circle() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let crates = fs::read_dir(top.join("crates")).unwrap();
    let crates = crates.map(|entry| format!("crates/{}/src", entry.unwrap().file_name().display()));
    for root in crates.chain(["src".to_owned(), "freecad-runner/src".to_owned()]) {
        let mut sources = Sources::new();
        read(&top.join(&root), "", &mut sources);
        let mut imports = imports(&sources);
        imports.retain(|(from, to)| !ALLOWED.contains(&(&root, from, to)));
        // Without circles, dropping the imports of modules that import nothing drops all in the end.
        let mut left = usize::MAX;
        while imports.len() < left {
            left = imports.len();
            let importing: BTreeSet<String> = imports.iter().map(|(from, _)| from.clone()).collect();
            imports.retain(|(_, to)| importing.contains(to));
        }
        assert!(imports.is_empty(), "{root} has a circle among these imports: {imports:#?}");
    }
}

fn read(folder: &Path, parent: &str, sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = format!("{parent}::{name}").trim_start_matches("::").to_owned();
        if path.is_dir() {
            read(&path, &module, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !name.starts_with("test") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code: Vec<&str> = code.lines().map(|line| line.split("//").next().unwrap()).collect();
            let is_parent = ["mod", "lib", "main"].contains(&name);
            sources.insert(if is_parent { parent.to_owned() } else { module }, code.join("\n"));
        }
    }
}

/// The imports between modules, except those between a module and the one above it.
fn imports(sources: &Sources) -> BTreeSet<(String, String)> {
    let used: BTreeMap<&str, Vec<String>> =
        sources.iter().map(|(module, code)| (&**module, used(module, code))).collect();
    let mut found = BTreeSet::new();
    for (from, path) in used.iter().flat_map(|(from, paths)| paths.iter().map(move |path| (*from, path))) {
        let mut to = module_of(sources, path);
        let item = path[to.len()..].trim_start_matches("::");
        // The module may re-export the item from a module below it.
        let is_origin = |path: &&String| {
            path.starts_with(to) && path.ends_with(&format!("::{item}")) && *path != &format!("{to}::{item}")
        };
        if let Some(origin) = used[to].iter().find(is_origin) {
            to = module_of(sources, origin);
        }
        if from != to && from != parent(to) && to != parent(from) {
            found.insert((from.to_owned(), to.to_owned()));
        }
    }
    found
}

fn parent(path: &str) -> &str {
    path.rsplit_once("::").map_or("", |(parent, _)| parent)
}

/// The deepest module on a path.
fn module_of<'a>(sources: &Sources, mut path: &'a str) -> &'a str {
    while !sources.contains_key(path) && !path.is_empty() {
        path = parent(path);
    }
    path
}

/// The paths from the crate's root in the `use` statements of a module.
fn used(module: &str, code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in code.match_indices("use ").filter(|(at, _)| *at == 0 || code[..*at].ends_with([' ', '\n'])) {
        expand("", &code[at + 4..].split(';').next().unwrap().split_whitespace().collect::<String>(), &mut paths);
    }
    let absolute = |path: &String| {
        let mut all: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
        for part in path.split("::") {
            match part {
                "crate" => all.clear(),
                "super" => drop(all.pop()),
                "self" => {}
                _ => all.push(part),
            }
        }
        all.join("::")
    };
    paths.iter().map(absolute).collect()
}

/// The paths of a `use` tree that has no white space.
fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((start, inner)) = tree.split_once('{') else { return paths.push(format!("{before}{tree}")) };
    let (mut depth, mut part) = (0, String::new());
    for c in inner.strip_suffix('}').unwrap_or(inner).chars().chain([',']) {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            expand(&format!("{before}{start}"), &std::mem::take(&mut part), paths);
        } else {
            part.push(c);
        }
    }
}
