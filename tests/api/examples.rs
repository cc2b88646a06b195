//! Scripts to start from: listed and served to everybody, as they lie in the sources.

use std::path::Path;

use partwright::api::examples::{Example, ExampleAnswer, ExampleList, read_source};
use serde::Serialize;
use serde_json::Value;

use crate::support::world::World;

/// The examples as their scripts tell them.
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

/// `UPDATE_EXAMPLES=1` writes it. The pictures are kept by `tests/engine`, which can draw them.
fn require_fresh(file: &str, answer: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets").join(file);
    let text = serde_json::to_string_pretty(answer).unwrap() + "\n";
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{} is stale: UPDATE_EXAMPLES=1 ONLY=fresh make test", path.display());
}

#[test]
fn what_is_told_of_the_examples_is_fresh() {
    let examples = from_sources();
    require_fresh("examples.json", &ExampleList { success: true, examples: examples.clone() });
    for example in examples {
        require_fresh(&format!("examples/{}.json", example.name), &ExampleAnswer { success: true, example });
    }
}

#[test]
fn there_are_those_that_were_promised_and_each_can_be_changed() {
    let examples = from_sources();
    let names: Vec<&str> = examples.iter().map(|example| example.name.as_str()).collect();
    assert_eq!(names, ["bolt", "bracket", "enclosure", "flange", "gear", "heat-sink", "hinge", "vase"]);
    for example in &examples {
        // They are parts of paths.
        assert!(example.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", example.name);
        assert!(example.parameters.len() >= 8, "{}: {:?}", example.name, example.parameters);
        assert!(example.parameters.iter().any(|parameter| parameter.unit == "mm"), "{}", example.name);
        // What each sets, the rest of the script has to use.
        for parameter in &example.parameters {
            let uses = example.script.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            assert!(uses.filter(|word| *word == parameter.name).count() > 1, "{}: {}", example.name, parameter.name);
        }
        assert!(example.script.lines().all(|line| line.len() <= 120), "{}", example.name);
    }
}

#[tokio::test(start_paused = true)]
async fn they_are_served_to_everybody() {
    let world = World::closed();
    let list = world.get("/api/examples").await;
    assert_eq!((list.status, list.header("content-type")), (200, "application/json"));
    let told: ExampleList = serde_json::from_slice(&list.bytes).unwrap();
    assert_eq!((told.success, told.examples), (true, from_sources()));
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
        assert!(picture.bytes.starts_with(b"\x89PNG\r\n\x1a\n") && picture.bytes.len() < 25_000, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_one_gets_it_no_second_time() {
    let world = World::closed();
    for path in ["/api/examples", "/api/examples/gear", "/api/examples/gear/picture"] {
        let etag = world.get(path).await.header("etag").to_owned();
        let again = world.get_with(path, ("if-none-match", &etag)).await;
        assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, etag.as_str()), "{path}");
        assert_eq!(world.get_with(path, ("if-none-match", "\"other\"")).await.status, 200, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_names_lead_nowhere() {
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

/// What an example says is sent as it is.
#[tokio::test(start_paused = true)]
async fn an_example_is_an_upload() {
    let world = World::new();
    let bare = world.get_with("/api/examples/vase", ("accept", "text/x-python")).await;
    let script = String::from_utf8(bare.bytes.to_vec()).unwrap();
    assert_eq!(world.upload("vase", &script).await, 1);
}
