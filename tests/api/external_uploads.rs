//! Scripts, reports and files that other programs put into the bucket.

use contract::{Format, Version};
use serde_json::json;

use crate::support::world::World;

#[tokio::test(start_paused = true)]
async fn a_dropped_script_is_a_version() {
    let world = World::new();
    world.store.inner.drop_in("input/demo/demo_v1.py", "x = 1");
    let status = world.status("demo").await;
    assert_eq!((status["version"].as_u64(), status["phase"].as_str()), (Some(1), Some("queued")));
    world.complete("demo", 1, &[Format::Step]);
    assert_eq!(world.status("demo").await["status"], "completed");
    assert_eq!(world.upload("demo", "x = 2").await, 2);
    let scripts = world.get("/api/projects/demo/scripts").await.json();
    assert_eq!(
        (scripts["scripts"][0]["origin"].as_str(), scripts["scripts"][1]["origin"].as_str()),
        (Some("upload"), Some("hand"))
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_upload_imports_scripts_and_reports() {
    let world = World::new();
    for version in [2, 3, 10] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), "x = 1");
    }
    world.store.inner.drop_in("processed/demo/demo_v12.py.done", "");
    world.store.inner.drop_in("input/demo/notes.txt", "not a script");
    assert_eq!(world.upload("demo", "x = 1").await, 13);
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 5);
}

#[tokio::test(start_paused = true)]
async fn a_number_taken_by_others_is_skipped() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    world.store.inner.drop_in("input/demo/demo_v3.py", "theirs too");
    assert_eq!(world.upload("demo", "mine").await, 4);
    assert_eq!(world.store.inner.object("input/demo/demo_v2.py").unwrap().bytes, "theirs");
    assert_eq!(world.store.inner.object("input/demo/demo_v4.py").unwrap().bytes, "mine");
    let numbers: Vec<u64> = world.get("/api/projects/demo/scripts").await.json()["scripts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|script| script["version"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [4, 3, 2, 1]);
}

#[tokio::test(start_paused = true)]
async fn uploads_over_taken_numbers_lose_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for version in [2, 4, 6, 9] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), "theirs");
    }
    let uploads = (0..20).map(|number| {
        let world = &world;
        async move { (world.upload("demo", &format!("mine {number}")).await, number) }
    });
    let mut given = futures::future::join_all(uploads).await;
    given.sort_unstable();
    given.windows(2).for_each(|pair| assert_ne!(pair[0].0, pair[1].0));
    for (version, number) in given {
        let stored = world.store.inner.object(&format!("input/demo/demo_v{version}.py")).unwrap();
        assert_eq!(stored.bytes, format!("mine {number}"));
    }
    for version in [2, 4, 6, 9] {
        assert_eq!(world.store.inner.object(&format!("input/demo/demo_v{version}.py")).unwrap().bytes, "theirs");
    }
    assert_eq!(world.get("/api/projects/demo/scripts?limit=200").await.json()["total_versions"], 25);
}

/// Other software writes empty reports: the files in the bucket say whether the version has completed.
#[tokio::test(start_paused = true)]
async fn an_empty_report_counts_by_its_files() {
    let world = World::new();
    for (version, key) in [(1, "output/old/v1/MyHeadlessModel.stl"), (2, "output/old/MyHeadlessModel.STEP")] {
        world.store.inner.drop_in(&format!("input/old/old_v{version}.py"), "x = 1");
        world.store.inner.drop_in(&format!("processed/old/old_v{version}.py.done"), "");
        world.store.inner.drop_in(key, "content");
    }
    assert_eq!(world.status("old").await["status"], "completed");
    let first = world.get("/api/projects/old/outputs?version=1").await.json();
    assert_eq!(first["output_files"][0]["key"], "output/old/v1/MyHeadlessModel.stl");
    let second = world.get("/api/projects/old/outputs?version=2").await.json();
    assert_eq!(second["output_files"][0]["key"], "output/old/v2/MyHeadlessModel.STEP", "copied from the flat path");
    assert!(world.get("/api/projects/old/download/step").await.json()["download_url"].is_string());
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_report_ends_a_version() {
    let world = World::new();
    for (version, body) in [(1, "{oops"), (2, "{\"format\": 1}"), (3, "[]")] {
        world.store.inner.drop_in(&format!("input/odd/odd_v{version}.py"), "x = 1");
        world.store.inner.drop_in(&format!("processed/odd/odd_v{version}.py.done"), body);
    }
    let status = world.status("odd").await;
    assert_eq!((&status["status"], &status["code"]), (&json!("error"), &json!("unreadable_report")));
}

#[tokio::test(start_paused = true)]
async fn the_largest_number_stops_only_uploads() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    let largest = Version::MAX.get();
    // A script under the next number makes the object list all of them.
    for version in [2, largest] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), format!("x = {version}"));
    }
    for _ in 0..2 {
        assert_eq!(world.status("demo").await["version"], largest);
    }
    let scripts = world.get("/api/projects/demo/scripts").await.json();
    assert_eq!((&scripts["total_versions"], &scripts["scripts"][0]["version"]), (&json!(3), &json!(largest)));
    for path in ["script/1", "outputs", "download/step", "logs", "scripts?limit=1", "scripts?limit=1&cursor=2"] {
        assert_eq!(world.get(&format!("/api/projects/demo/{path}")).await.status, 200, "{path}");
    }
    let script = world.get(&format!("/api/projects/demo/script/{largest}")).await.json();
    assert_eq!(script["content"], format!("x = {largest}"));
    let answer = world.post("/api/projects/demo/upload-script", "text/x-python", "x = 3").await;
    answer.assert_problem(409, "no_more_versions");
    assert!(answer.json()["detail"].as_str().unwrap().contains(&largest.to_string()));
}

#[tokio::test(start_paused = true)]
async fn an_admin_lists_projects_found_in_the_bucket() {
    let world = World::new();
    for project in ["read", "uploaded"] {
        world.store.inner.drop_in(&format!("input/{project}/{project}_v1.py"), "x = 1");
    }
    world.status("read").await;
    assert_eq!(world.upload("uploaded", "x = 2").await, 2);
    let names = async || -> Vec<String> {
        let page = world.get("/api/projects").await.json();
        let projects = page["projects"].as_array().unwrap().iter();
        projects.map(|project| project["project_name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names().await, ["uploaded", "read"]);
    // They stay listed once after another read and an alarm.
    for project in ["read", "uploaded"] {
        world.evict(project);
        world.status(project).await;
        world.ring(project).await;
    }
    assert_eq!(names().await, ["uploaded", "read"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_read_finds_the_newest_version() {
    let world = World::new();
    for version in 1..=300 {
        world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), "x = 1");
        world.complete("demo", version, &[Format::Step]);
    }
    let status = world.status("demo").await;
    assert_eq!((status["version"].as_u64(), status["status"].as_str()), (Some(300), Some("completed")));
    assert_eq!(world.get("/api/projects/demo/outputs").await.json()["version"], 300);
}
