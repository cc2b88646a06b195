//! Example scripts: listed and served without authentication, exactly as in `assets/examples`.

use std::path::Path;

use partwright::api::examples::{Example, ExampleAnswer, ExampleList, read_source};
use serde::Serialize;
use serde_json::Value;

use crate::support::world::World;

/// The examples as the API describes them, read from their scripts.
fn from_sources() -> Vec<Example> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/examples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|ending| ending == "py")).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let script = std::fs::read_to_string(file).unwrap();
        read_source(name, &script).unwrap_or_else(|problem| panic!("{}: {problem}", file.display()))
    };
    files.iter().map(read).collect()
}

/// Compares a generated file with its source; `UPDATE_EXAMPLES=1` writes it. `tests/engine` checks the pictures.
fn assert_fresh(file: &str, answer: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets").join(file);
    let text = serde_json::to_string_pretty(answer).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "{} is stale: UPDATE_EXAMPLES=1 ONLY=fresh make test", path.display());
}

#[test]
fn the_example_files_are_fresh() {
    let examples = from_sources();
    assert_fresh("examples.json", &ExampleList { success: true, examples: examples.clone() });
    for example in examples {
        assert_fresh(&format!("examples/{}.json", example.name), &ExampleAnswer { success: true, example });
    }
}

#[test]
fn every_example_has_parameters_to_change() {
    let examples = from_sources();
    let names: Vec<&str> = examples.iter().map(|example| example.name.as_str()).collect();
    assert_eq!(names, ["bolt", "bracket", "enclosure", "flange", "gear", "heat-sink", "hinge", "vase"]);
    for example in &examples {
        // The names are parts of paths.
        assert!(example.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", example.name);
        assert!(example.parameters.len() >= 8, "{}: {:?}", example.name, example.parameters);
        assert!(example.parameters.iter().any(|parameter| parameter.unit == "mm"), "{}", example.name);
        // The rest of the script uses each parameter.
        for parameter in &example.parameters {
            let uses = example.script.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            assert!(uses.filter(|word| *word == parameter.name).count() > 1, "{}: {}", example.name, parameter.name);
        }
        assert!(example.script.lines().all(|line| line.len() <= 120), "{}", example.name);
    }
}

#[tokio::test(start_paused = true)]
async fn examples_are_public() {
    let world = World::closed();
    let list = world.get("/api/examples").await;
    assert_eq!((list.status, list.header("content-type")), (200, "application/json"));
    let listed: ExampleList = serde_json::from_slice(&list.bytes).unwrap();
    assert_eq!((listed.success, listed.examples), (true, from_sources()));
    for example in from_sources() {
        let path = format!("/api/examples/{}", example.name);
        let one = world.get(&path).await;
        assert_eq!((one.status, one.header("content-type")), (200, "application/json"), "{path}");
        assert_eq!(one.json()["example"], serde_json::to_value(&example).unwrap(), "{path}");
        let bare = world.get_with(&path, ("accept", "text/x-python")).await;
        assert_eq!((bare.status, bare.header("content-type")), (200, "text/x-python; charset=utf-8"), "{path}");
        assert_eq!(bare.bytes, example.script.as_bytes(), "{path}");
        assert_eq!((one.header("vary"), bare.header("vary")), ("accept", "accept"));
        assert_ne!(one.header("etag"), bare.header("etag"));
        let picture = world.get(&example.picture_url).await;
        assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"), "{path}");
        assert!(picture.bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{path}");
        assert!(picture.bytes.len() < 25_000, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_known_etag_is_answered_304() {
    let world = World::closed();
    for path in ["/api/examples", "/api/examples/gear", "/api/examples/gear/picture"] {
        let etag = world.get(path).await.header("etag").to_owned();
        let again = world.get_with(path, ("if-none-match", &etag)).await;
        assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, etag.as_str()), "{path}");
        assert_eq!(world.get_with(path, ("if-none-match", "\"other\"")).await.status, 200, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_names_are_not_found() {
    let world = World::closed();
    for name in ["nothing", "Gear", "gear.py", "gear.png", "%2e%2e%2fpage", "..", "%00", "%ff", "examples", "gear-", ""]
    {
        for end in ["", "/picture"] {
            let answer = world.get(&format!("/api/examples/{name}{end}")).await;
            assert_eq!(
                (answer.status, answer.json()["code"].as_str()),
                (404, Some("example_not_found")),
                "{name}{end}"
            );
        }
    }
    for path in ["/examples.json", "/examples/gear.png", "/api/examples/gear/script", "/api/examples/gear/picture/"] {
        let body: Value = world.get(path).await.json();
        assert_eq!(body["code"], "no_route", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_example_can_be_uploaded() {
    let world = World::new();
    let bare = world.get_with("/api/examples/vase", ("accept", "text/x-python")).await;
    let script = String::from_utf8(bare.bytes.to_vec()).unwrap();
    assert_eq!(world.upload("vase", &script).await, 1);
}
