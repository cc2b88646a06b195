//! Files of other software on the flat path, which newer versions overwrite.

use contract::Format;
use platform::Http;

use crate::support::faults::Fault;
use crate::support::world::World;

/// Completes a version as other software does: flat files, and an empty report.
fn complete_flat(world: &World, version: u64, files: &[&str]) {
    for name in files {
        world.store.inner.drop_in(&format!("output/demo/{name}"), format!("{name} of version {version}"));
    }
    world.store.inner.drop_in(&format!("processed/demo/demo_v{version}.py.done"), "");
    world.store.inner.remove(&format!("pending/demo/demo_v{version}/ticket"));
}

fn drop_script(world: &World, version: u64) {
    world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), "x = 1");
}

/// The content behind the download link of a version's file, or the error code of the response.
async fn download(world: &World, version: u64, format: &str) -> String {
    let answer = world.get(&format!("/api/projects/demo/download/{format}?version={version}")).await.json();
    let Some(url) = answer["download_url"].as_str() else { return answer["code"].as_str().unwrap().to_owned() };
    let request = http::Request::get(url).header("host", "store.test:9000").body(bytes::Bytes::new()).unwrap();
    let body = world.store.send(request).await.unwrap().into_body();
    String::from_utf8(body.bytes(1_000).await.unwrap().to_vec()).unwrap()
}

/// Uploads the next version and completes it as our runner does.
async fn upload_and_complete(world: &World, version: u64) {
    assert_eq!(world.upload("demo", "x = 1").await, version);
    world.complete("demo", version, &[Format::Step]);
    world.settle("demo", 30).await;
    let flat = world.store.inner.object("output/demo/MyHeadlessModel.STEP").unwrap();
    assert_eq!(flat.bytes, format!("STEP of version {version}"));
}

#[tokio::test(start_paused = true)]
async fn flat_files_are_kept_before_they_are_overwritten() {
    let world = World::new();
    drop_script(&world, 1);
    complete_flat(&world, 1, &["MyHeadlessModel.STEP", "MyHeadlessModel.OBJ", "MyHeadlessModel.stl"]);
    assert_eq!(world.status("demo").await["status"], "completed");
    for _ in 0..2 {
        assert_eq!(download(&world, 1, "step").await, "MyHeadlessModel.STEP of version 1");
        assert_eq!(download(&world, 1, "obj").await, "MyHeadlessModel.OBJ of version 1");
        assert_eq!(download(&world, 1, "stl").await, "MyHeadlessModel.stl of version 1");
        let next = 1 + world.get("/api/projects/demo/scripts").await.json()["total_versions"].as_u64().unwrap();
        upload_and_complete(&world, next).await;
        assert_eq!(download(&world, next, "step").await, format!("STEP of version {next}"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_older_version_found_late_keeps_its_files() {
    let world = World::new();
    drop_script(&world, 1);
    complete_flat(&world, 1, &["MyHeadlessModel.STEP"]);
    upload_and_complete(&world, 2).await;
    assert_eq!(download(&world, 1, "step").await, "MyHeadlessModel.STEP of version 1");
}

#[tokio::test(start_paused = true)]
async fn an_unread_report_prevents_overwriting() {
    let world = World::new();
    drop_script(&world, 1);
    complete_flat(&world, 1, &["MyHeadlessModel.STEP"]);
    assert_eq!(world.upload("demo", "x = 2").await, 2);
    world.complete("demo", 2, &[Format::Step]);
    for _ in 0..4 {
        world.store.plan("GET", "/processed/demo/demo_v1", Fault::Status(503));
    }
    world.ring("demo").await;
    assert_eq!(world.status("demo").await["status"], "completed");
    world.settle("demo", 30).await;
    assert_eq!(download(&world, 1, "step").await, "MyHeadlessModel.STEP of version 1");
    assert_eq!(download(&world, 2, "step").await, "STEP of version 2");
    let flat = world.store.inner.object("output/demo/MyHeadlessModel.STEP").unwrap();
    assert_eq!(flat.bytes, "STEP of version 2");
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_copy_is_completed() {
    let world = World::new();
    drop_script(&world, 1);
    complete_flat(&world, 1, &["MyHeadlessModel.OBJ", "MyHeadlessModel.STEP"]);
    for _ in 0..4 {
        world.store.plan("PUT", "/output/demo/v1/MyHeadlessModel.STEP", Fault::Status(503));
    }
    assert_eq!(world.status("demo").await["status"], "processing");
    assert!(world.store.inner.object("output/demo/v1/MyHeadlessModel.OBJ").is_some());
    assert_eq!(world.status("demo").await["status"], "completed");
    assert_eq!(world.get("/api/projects/demo/outputs?version=1").await.json()["total_files"], 2);
}

#[tokio::test(start_paused = true)]
async fn our_copies_do_not_count_as_foreign_files() {
    let world = World::new();
    upload_and_complete(&world, 1).await;
    drop_script(&world, 2);
    complete_flat(&world, 2, &[]);
    let status = world.status("demo").await;
    assert_eq!((status["status"].as_str(), status["code"].as_str()), (Some("error"), Some("no_output")));
    assert_eq!(download(&world, 2, "step").await, "no_output");
    assert_eq!(download(&world, 1, "step").await, "STEP of version 1");

    drop_script(&world, 3);
    complete_flat(&world, 3, &["MyHeadlessModel.OBJ"]);
    assert_eq!(world.status("demo").await["status"], "completed");
    assert_eq!(download(&world, 3, "obj").await, "MyHeadlessModel.OBJ of version 3");
    assert_eq!(download(&world, 3, "step").await, "no_output", "the copy there is version 1's");
}

#[tokio::test(start_paused = true)]
async fn flat_files_belong_to_the_newest_version() {
    let world = World::new();
    for version in 1..=3 {
        drop_script(&world, version);
        complete_flat(&world, version, &["MyHeadlessModel.STEP"]);
    }
    world.store.inner.drop_in("output/demo/v2/MyHeadlessModel.OBJ", "left in v2");
    world.status("demo").await;
    assert_eq!(download(&world, 1, "step").await, "no_output");
    assert_eq!(
        (download(&world, 2, "step").await.as_str(), download(&world, 2, "obj").await.as_str()),
        ("no_output", "left in v2")
    );
    assert_eq!(download(&world, 3, "step").await, "MyHeadlessModel.STEP of version 3");
}
