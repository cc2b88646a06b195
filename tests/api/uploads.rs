//! `upload-script`: version numbers, objects in the bucket, and the status up to the report.

use std::time::Duration;

use contract::{Format, JobError, Outcome, Report};
use expect_test::expect;
use futures::future::join_all;
use platform::Clock;
use serde_json::json;

use crate::support::answer::snapshot;
use crate::support::faults::Fault;
use crate::support::world::World;

#[tokio::test(start_paused = true)]
async fn an_upload_stores_script_and_ticket() {
    let world = World::new();
    let request = http::Request::post(crate::support::world::url("/api/projects/demo/upload-script"))
        .header("content-type", "application/json")
        .header("x-request-id", "req-7")
        .body(platform::Body::full(json!({"code": "x = 1\n", "metadata": {"a": [1]}}).to_string()))
        .unwrap();
    let answer = world.send(request).await;
    assert_eq!(answer.header("location"), "/api/projects/demo/script/1");
    assert_eq!(answer.header("x-request-id"), "req-7");
    expect![[r#"
        201 {
          "success": true, "message": "Script uploaded successfully",
          "data": {
            "project_name": "demo", "version": 1, "key": "input/demo/demo_v1.py",
            "s3_path": "s3://models/input/demo/demo_v1.py",
            "sha256": "9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4", "upload_time": "[time]",
            "phase": "queued", "status": "uploaded", "next_step": "freecad_processing",
            "status_message": "FreeCAD processing…", "status_url": "/api/projects/demo/status",
            "request_id": "req-7"
          },
          "project_name": "demo", "version": 1
        }"#]]
    .assert_eq(&answer.snapshot());

    assert_eq!(world.store.inner.keys(), ["input/demo/demo_v1.py", "pending/demo/demo_v1/ticket"]);
    let script = world.store.inner.object("input/demo/demo_v1.py").unwrap();
    assert_eq!(script.bytes, "x = 1\n");
    expect![[r#"
        {
          "format": "1", "origin": "upload", "request-id": "req-7",
          "sha256": "9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4", "time": "[time]",
          "upload-id": "[id]", "user": "local"
        }"#]]
    .assert_eq(&snapshot(&json!(script.metadata)));
    assert_eq!(world.store.inner.object("pending/demo/demo_v1/ticket").unwrap().bytes.len(), 0);
    let scripts = world.get("/api/projects/demo/scripts").await.json();
    assert_eq!(scripts["scripts"][0]["metadata"], json!({"a": [1]}));
}

#[tokio::test(start_paused = true)]
async fn concurrent_uploads_get_distinct_numbers() {
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
async fn the_status_goes_from_queued_to_completed() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    expect![[r#"
        {
          "status": "processing", "message": "FreeCAD processing… (waiting for a runner)", "version": 1,
          "origin": "upload", "parent": null, "phase": "queued", "code": null, "attempt": null,
          "queue": {"ahead": 0, "waiting": 1, "at_least": false}, "progress": null, "moved_from": null,
          "moved_to": null, "upload_time": "[time]", "claimed_at": null, "finished_at": null, "error": null,
          "warnings": null, "geometry": null, "timings_ms": null, "available_formats": [], "log": null,
          "request_id": "[id]", "outputs_url": "/api/projects/demo/outputs?version=1", "repair_url": null
        }"#]]
    .assert_eq(&snapshot(&world.status("demo").await));

    world.store.inner.drop_in("pending/demo/demo_v1/a1.json", "{\"any\": 1}");
    expect![[r#"
        {
          "status": "processing", "message": "FreeCAD processing…", "version": 1, "origin": "upload",
          "parent": null, "phase": "running", "code": null, "attempt": 1, "queue": null, "progress": null,
          "moved_from": null, "moved_to": null, "upload_time": "[time]", "claimed_at": "[time]", "finished_at": null,
          "error": null, "warnings": null, "geometry": null, "timings_ms": null, "available_formats": [],
          "log": null, "request_id": "[id]", "outputs_url": "/api/projects/demo/outputs?version=1",
          "repair_url": null
        }"#]]
    .assert_eq(&snapshot(&world.status("demo").await));

    world.store.inner.remove("pending/demo/demo_v1/a1.json");
    world.complete("demo", 1, &[Format::Step, Format::Stl]);
    expect![[r#"
        {
          "status": "completed", "message": "Model ready — view or download", "version": 1, "origin": "upload",
          "parent": null, "phase": "completed", "code": null, "attempt": 1, "queue": null, "progress": null,
          "moved_from": null, "moved_to": null, "upload_time": "[time]", "claimed_at": "[time]",
          "finished_at": "[time]", "error": null, "warnings": [], "geometry": null, "timings_ms": {},
          "available_formats": ["STEP", "STL"], "log": null, "request_id": "[id]",
          "outputs_url": "/api/projects/demo/outputs?version=1", "repair_url": null
        }"#]]
    .assert_eq(&snapshot(&world.status("demo").await));
}

#[tokio::test(start_paused = true)]
async fn the_alarm_finds_a_report_without_reads() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    assert!(world.alarm("demo").is_some());
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    assert_eq!(world.alarm("demo"), None, "nothing is left to do");
    // Without the bucket, a read shows what the alarm has found.
    world.store.always(Some(Fault::NoConnection));
    world.store.seen.borrow_mut().clear();
    let answer = world.get("/api/projects/demo/outputs").await.json();
    assert_eq!((answer["phase"].as_str(), answer["total_files"].as_u64()), (Some("completed"), Some(1)));
    let report = "processed/demo/demo_v1.py.done";
    assert!(!world.store.seen.borrow().iter().any(|request| request.contains(report)), "{:?}", world.store.seen);
}

#[tokio::test(start_paused = true)]
async fn a_failed_script_shows_its_error() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let mut report = Report::new("demo".parse().unwrap(), 1.try_into().unwrap(), Outcome::Failed, world.clock.now());
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
    expect![[r#"
        {
          "status": "error", "message": "ValueError: no (line 7)", "version": 1, "origin": "upload", "parent": null,
          "phase": "failed", "code": "script_error", "attempt": null, "queue": null, "progress": null,
          "moved_from": null, "moved_to": null, "upload_time": "[time]", "claimed_at": null, "finished_at": "[time]",
          "error": {
            "code": "script_error", "message": "ValueError: no", "line": 7, "column": null,
            "source": "raise ValueError('no')", "object": null, "traceback": "Traceback …"
          },
          "warnings": [], "geometry": null, "timings_ms": {}, "available_formats": [], "log": null,
          "request_id": "[id]", "outputs_url": "/api/projects/demo/outputs?version=1", "repair_url": null
        }"#]]
    .assert_eq(&snapshot(&world.status("demo").await));
    let download = world.get("/api/projects/demo/download/step?version=1").await;
    download.assert_problem(404, "no_output");
}

#[tokio::test(start_paused = true)]
async fn a_version_is_overdue_after_ten_minutes() {
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
async fn a_lost_ticket_is_recreated() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.inner.remove("pending/demo/demo_v1/ticket");
    assert!(world.ring("demo").await);
    assert!(world.store.inner.object("pending/demo/demo_v1/ticket").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_script_has_one_mebibyte_at_most() {
    let world = World::new();
    let largest = "#".repeat(1 << 20);
    assert_eq!(world.upload("demo", &largest).await, 1);
    let path = "/api/projects/demo/upload-script";
    let answer = world.post(path, "text/x-python", format!("{largest}#")).await;
    answer.assert_problem(413, "too_large");
    let answer = world.post(path, "application/json", json!({"code": format!("{largest}#")}).to_string()).await;
    assert_eq!(answer.status, 413);
    // The limit applies to the script, not to its JSON form.
    let escaped = format!("{{\"code\": \"{}\"}}", "\\u0023".repeat(1 << 20));
    assert_eq!(world.post(path, "application/json", escaped).await.status, 201);
}

async fn wait(world: &World, seconds: u64) {
    world.clock.sleep(Duration::from_secs(seconds)).await;
}
