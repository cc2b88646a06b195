//! `upload-script`: numbers, what lies in the bucket, and the life up to the report.

use contract::{Format, JobError, Outcome, Report};
use futures::future::join_all;
use serde_json::json;

use crate::support::faults::Fault;
use crate::support::world::World;

#[tokio::test(start_paused = true)]
async fn a_script_becomes_version_1_with_script_and_ticket() {
    let world = World::new();
    let request = http::Request::post(crate::support::world::url("/api/projects/demo/upload-script"))
        .header("content-type", "application/json")
        .header("x-request-id", "req-7")
        .body(platform::Body::full(json!({"code": "x = 1\n", "metadata": {"a": [1]}}).to_string()))
        .unwrap();
    let answer = world.send(request).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), "/api/projects/demo/script/1");
    assert_eq!(answer.header("x-request-id"), "req-7");
    let body = answer.json();
    assert_eq!((body["success"].as_bool(), body["version"].as_u64()), (Some(true), Some(1)));
    assert_eq!(body["data"]["s3_path"], "s3://models/input/demo/demo_v1.py");
    assert_eq!(body["data"]["status"], "uploaded");

    assert_eq!(
        world.store.inner.keys(),
        ["input/demo/demo_v1.py", "pending/demo/demo_v1/ticket"],
        "and the probe left nothing"
    );
    let script = world.store.inner.object("input/demo/demo_v1.py").unwrap();
    assert_eq!(script.bytes, "x = 1\n");
    assert_eq!(script.metadata["format"], "1");
    assert_eq!(script.metadata["request-id"], "req-7");
    assert_eq!(script.metadata["user"], "local");
    assert_eq!(script.metadata["origin"], "upload");
    assert_eq!(script.metadata["sha256"], body["data"]["sha256"].as_str().unwrap());
    assert_eq!(world.store.inner.object("pending/demo/demo_v1/ticket").unwrap().bytes.len(), 0);
    let scripts = world.get("/api/projects/demo/scripts").await.json();
    assert_eq!(scripts["scripts"][0]["metadata"], json!({"a": [1]}));
}

#[tokio::test(start_paused = true)]
async fn sixty_four_at_once_get_sixty_four_numbers() {
    let world = World::new();
    let uploads = (0..64).map(|number| {
        let world = &world;
        async move { (world.upload("demo", &format!("script = {number}")).await, number) }
    });
    let mut given = join_all(uploads).await;
    given.sort_unstable();
    let versions: Vec<u64> = given.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions, (1..=64).collect::<Vec<_>>());
    for (version, number) in given {
        let stored = world.store.inner.object(&format!("input/demo/demo_v{version}.py")).unwrap();
        assert_eq!(stored.bytes, format!("script = {number}"));
    }
}

#[tokio::test(start_paused = true)]
async fn from_queued_to_completed() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let status = world.status("demo").await;
    assert_eq!((status["status"].as_str(), status["phase"].as_str()), (Some("processing"), Some("queued")));

    world.store.inner.drop_in("pending/demo/demo_v1/a1.json", "{\"any\": 1}");
    let status = world.status("demo").await;
    assert_eq!((status["phase"].as_str(), status["attempt"].as_u64()), (Some("running"), Some(1)));
    assert_eq!(status["message"], "FreeCAD processing…");

    world.store.inner.remove("pending/demo/demo_v1/a1.json");
    world.complete("demo", 1, &[Format::Step, Format::Stl]);
    let status = world.status("demo").await;
    assert_eq!((status["status"].as_str(), status["phase"].as_str()), (Some("completed"), Some("completed")));
    assert_eq!(status["message"], "Model ready — view or download");
    assert_eq!(status["available_formats"], json!(["STEP", "STL"]));
}

#[tokio::test(start_paused = true)]
async fn the_alarm_alone_learns_of_a_report() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    assert!(world.alarm("demo").is_some());
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    assert_eq!(world.alarm("demo"), None, "nothing is left to do");
    // What a read says now, it has not learned by itself.
    world.store.always(Some(Fault::NoConnection));
    world.store.seen.borrow_mut().clear();
    let answer = world.get("/api/projects/demo/outputs").await.json();
    assert_eq!((answer["phase"].as_str(), answer["total_files"].as_u64()), (Some("completed"), Some(1)));
    let report = "processed/demo/demo_v1.py.done";
    assert!(!world.store.seen.borrow().iter().any(|request| request.contains(report)), "{:?}", world.store.seen);
}

#[tokio::test(start_paused = true)]
async fn a_failed_script_tells_why() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let mut report = Report::new("demo".parse().unwrap(), 1.try_into().unwrap(), Outcome::Failed, world_now(&world));
    report.error = Some(JobError {
        code: "script_error".into(),
        message: "ValueError: no".to_owned(),
        line: Some(7),
        column: None,
        source: Some("raise ValueError('no')".to_owned()),
        object: None,
        traceback: Some("Traceback …".to_owned()),
    });
    world.commit(&report);
    let status = world.status("demo").await;
    assert_eq!((status["status"].as_str(), status["code"].as_str()), (Some("error"), Some("script_error")));
    assert_eq!(status["message"], "ValueError: no (line 7)");
    assert_eq!(status["error"]["line"], 7);
    let download = world.get("/api/projects/demo/download/step?version=1").await;
    assert_eq!((download.status, download.json()["code"].as_str()), (404, Some("no_output")));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_version_is_overdue_after_ten_minutes_and_heals() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    wait(&world, 601).await;
    let status = world.status("demo").await;
    assert_eq!((status["status"].as_str(), status["code"].as_str()), (Some("timeout"), Some("no_runner")));
    world.store.inner.drop_in("pending/demo/demo_v1/a1.json", "{\"any\": 1}");
    assert_eq!(world.status("demo").await["status"], "processing");
    wait(&world, 601).await;
    assert_eq!(world.status("demo").await["code"], "stalled");
    world.complete("demo", 1, &[Format::Step]);
    assert_eq!(world.status("demo").await["status"], "completed");
}

#[tokio::test(start_paused = true)]
async fn a_lost_ticket_is_made_again() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.inner.remove("pending/demo/demo_v1/ticket");
    assert!(world.ring("demo").await);
    assert!(world.store.inner.object("pending/demo/demo_v1/ticket").is_some());
}

#[tokio::test(start_paused = true)]
async fn one_megabyte_is_taken_and_a_byte_more_is_not() {
    let world = World::new();
    let largest = "#".repeat(1 << 20);
    assert_eq!(world.upload("demo", &largest).await, 1);
    let path = "/api/projects/demo/upload-script";
    let answer = world.post(path, "text/x-python", format!("{largest}#")).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("too_large")));
    let answer = world.post(path, "application/json", json!({"code": format!("{largest}#")}).to_string()).await;
    assert_eq!(answer.status, 413);
    // Every byte of it escaped: still one megabyte of script.
    let escaped = format!("{{\"code\": \"{}\"}}", "\\u0023".repeat(1 << 20));
    assert_eq!(world.post(path, "application/json", escaped).await.status, 201);
}

fn world_now(world: &World) -> contract::Timestamp {
    use platform::Clock;
    world.clock.now()
}

async fn wait(world: &World, seconds: u64) {
    use platform::Clock;
    world.clock.sleep(std::time::Duration::from_secs(seconds)).await;
}
