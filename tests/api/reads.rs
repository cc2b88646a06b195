//! Lists, scripts, outputs, downloads and logs.

use std::collections::BTreeSet;

use contract::Format;
use expect_test::expect;
use platform::{Body, Clock, Http};
use serde_json::{Value, json};

use crate::support::world::World;

async fn completed(world: &World, versions: u64) {
    for version in 1..=versions {
        world.upload("demo", &format!("version = {version}")).await;
        world.complete("demo", version, &[Format::FcStd, Format::Step]);
    }
    world.status("demo").await;
}

#[tokio::test(start_paused = true)]
async fn scripts_are_paged_newest_first() {
    let world = World::new();
    completed(&world, 5).await;
    let first = world.get("/api/projects/demo/scripts?limit=3").await.json();
    let numbers = |page: &Value| -> Vec<u64> {
        page["scripts"].as_array().unwrap().iter().map(|script| script["version"].as_u64().unwrap()).collect()
    };
    assert_eq!((numbers(&first), first["total_versions"].as_u64()), (vec![5, 4, 3], Some(5)));
    let cursor = first["next_cursor"].as_u64().unwrap();
    let second = world.get(&format!("/api/projects/demo/scripts?limit=3&cursor={cursor}")).await;
    expect![[r#"
        200 {
          "success": true, "project_name": "demo",
          "scripts": [
            {
              "version": 2, "filename": "demo_v2.py", "key": "input/demo/demo_v2.py",
              "s3_path": "s3://models/input/demo/demo_v2.py", "size": 11,
              "sha256": "345134db2e66d25f51e6c9a9e5183bdba347a06c8845529d8b7207a9b556a4c0", "upload_time": "[time]",
              "phase": "completed", "status": "completed", "message": "Model ready — view or download",
              "origin": "upload", "parent": null, "moved_from": null, "moved_to": null, "metadata": null,
              "request_id": "[id]"
            },
            {
              "version": 1, "filename": "demo_v1.py", "key": "input/demo/demo_v1.py",
              "s3_path": "s3://models/input/demo/demo_v1.py", "size": 11,
              "sha256": "4eab33c0b9ba9ded10e2a046539031d60df90438efad3533d7ad16b6f61da112", "upload_time": "[time]",
              "phase": "completed", "status": "completed", "message": "Model ready — view or download",
              "origin": "upload", "parent": null, "moved_from": null, "moved_to": null, "metadata": null,
              "request_id": "[id]"
            }
          ],
          "total_versions": 5, "next_cursor": null
        }"#]]
    .assert_eq(&second.snapshot());
}

#[tokio::test(start_paused = true)]
async fn a_script_is_json_or_raw_and_cacheable() {
    let world = World::new();
    completed(&world, 1).await;
    let json = world.get("/api/projects/demo/script/1").await;
    expect![[r#"
        200 {
          "version": 1, "filename": "demo_v1.py", "key": "input/demo/demo_v1.py",
          "s3_path": "s3://models/input/demo/demo_v1.py", "size": 11,
          "sha256": "4eab33c0b9ba9ded10e2a046539031d60df90438efad3533d7ad16b6f61da112", "upload_time": "[time]",
          "origin": "upload", "parent": null, "moved_from": null, "moved_to": null, "metadata": null,
          "request_id": "[id]", "success": true, "project_name": "demo", "content": "version = 1",
          "content_type": "text/x-python"
        }"#]]
    .assert_eq(&json.snapshot());
    let raw = world.get_with("/api/projects/demo/script/1", ("accept", "text/x-python")).await;
    assert_eq!((raw.bytes.as_ref(), raw.header("content-type")), (&b"version = 1"[..], "text/x-python; charset=utf-8"));
    assert!(raw.header("cache-control").contains("immutable"));
    assert_ne!(raw.header("etag"), json.header("etag"), "each media type has its own ETag");
    let again = world.get_with("/api/projects/demo/script/1", ("if-none-match", json.header("etag"))).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
}

#[tokio::test(start_paused = true)]
async fn a_script_too_large_to_show_is_still_listed() {
    let world = World::new();
    world.store.inner.drop_in("input/demo/demo_v1.py", vec![b'#'; (4 << 20) + 1]);
    world.store.inner.drop_in("input/demo/demo_v2.py", vec![b'#'; 4 << 20]);
    world.complete("demo", 1, &[Format::Step]);
    for accept in ["application/json", "text/x-python"] {
        let answer = world.get_with("/api/projects/demo/script/1", ("accept", accept)).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("too_large")), "{accept}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("input/demo/demo_v1.py"));
        assert_eq!(world.get_with("/api/projects/demo/script/2", ("accept", accept)).await.status, 200, "{accept}");
    }
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["scripts"][1]["size"], (4 << 20) + 1);
    assert!(world.get("/api/projects/demo/download/step").await.json()["download_url"].is_string());
}

#[tokio::test(start_paused = true)]
async fn outputs_default_to_the_newest_completed_version() {
    let world = World::new();
    completed(&world, 2).await;
    world.upload("demo", "version = 3").await;
    expect![[r#"
        200 {
          "success": true, "project_name": "demo", "version": 2, "phase": "completed", "moved_from": null,
          "moved_to": null,
          "output_files": [
            {
              "filename": "MyHeadlessModel.FCStd", "format": "FCStd",
              "key": "output/demo/v2/[id]/MyHeadlessModel.FCStd",
              "s3_path": "s3://models/output/demo/v2/[id]/MyHeadlessModel.FCStd", "size": 18,
              "sha256": "eab40a6be9ec211c2902254849eebd9a93decb61735a2edca187a6c81bd157f4", "made_by": "runner",
              "version": 2, "last_modified": "[time]"
            },
            {
              "filename": "MyHeadlessModel.STEP", "format": "STEP",
              "key": "output/demo/v2/[id]/MyHeadlessModel.STEP",
              "s3_path": "s3://models/output/demo/v2/[id]/MyHeadlessModel.STEP", "size": 17,
              "sha256": "a1941540b29edea3e175d1fe9c55e2c38b37e3c846c1c4d7da7e90f5abe346a0", "made_by": "runner",
              "version": 2, "last_modified": "[time]"
            }
          ],
          "total_files": 2, "available_formats": ["FCStd", "STEP"], "geometry": null, "warnings": [], "error": null,
          "log": null
        }"#]]
    .assert_eq(&world.get("/api/projects/demo/outputs").await.snapshot());
    let first = world.get("/api/projects/demo/outputs?version=1").await.json();
    assert_eq!(first["output_files"][0]["size"], "FCStd of version 1".len());
    expect![[r#"
        200 {
          "success": true, "project_name": "demo", "version": 3, "phase": "queued", "moved_from": null,
          "moved_to": null, "output_files": [], "total_files": 0, "available_formats": [], "geometry": null,
          "warnings": null, "error": null, "log": null
        }"#]]
    .assert_eq(&world.get("/api/projects/demo/outputs?version=3").await.snapshot());
}

#[tokio::test(start_paused = true)]
async fn a_download_link_works_only_as_signed() {
    let world = World::new();
    completed(&world, 2).await;
    let fetch = async |url: String| {
        let request = http::Request::get(url).header("host", "store.test:9000").body(bytes::Bytes::new()).unwrap();
        let (head, body) = world.store.send(request).await.unwrap().into_parts();
        (head.status.as_u16(), body.bytes(1_000).await.unwrap())
    };
    for (path, expected) in [
        ("/api/projects/demo/download/step", "STEP of version 2"),
        ("/api/projects/demo/download/.STEP?version=1", "STEP of version 1"),
        ("/api/projects/demo/download/FcStD?expires_in=604800", "FCStd of version 2"),
    ] {
        let answer = world.get(path).await.json();
        let url = answer["download_url"].as_str().unwrap().to_owned();
        let (status, body) = fetch(url.clone()).await;
        assert_eq!((status, body.as_ref()), (200, expected.as_bytes()), "{path}");
        assert_eq!(answer["size"], expected.len());
        let other = url.replacen("/v2/", "/v1/", 1).replacen("FCStd", "STEP", 1);
        if other != url {
            assert_eq!(fetch(other).await.0, 403, "another key under the same signature");
        }
        assert_eq!(
            fetch(url.replace("X-Amz-Expires=3600", "X-Amz-Expires=3601")).await.0 == 200,
            !url.contains("=3600")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn logs_of_three_programs_are_listed_and_read() {
    let world = World::new();
    completed(&world, 1).await;
    for (name, text) in [
        ("demo_info_20231114_221320_v1_0123456789abcdef.log", "ours"),
        ("demo_info_20231114_221321.log", "without a version"),
        ("demo_v1_error_20231114_221322.log", "an error log"),
    ] {
        world.store.inner.drop_in(&format!("logs/demo/{name}"), text);
    }
    let logs = world.get("/api/projects/demo/logs").await;
    expect![[r#"
        200 {
          "success": true, "project_name": "demo",
          "logs": [
            {
              "filename": "demo_v1_error_20231114_221322.log", "key": "logs/demo/demo_v1_error_20231114_221322.log",
              "size": 12, "last_modified": "[time]", "version": 1,
              "url": "/api/projects/demo/logs/demo%5Fv1%5Ferror%5F20231114%5F221322%2Elog"
            },
            {
              "filename": "demo_info_20231114_221321.log", "key": "logs/demo/demo_info_20231114_221321.log",
              "size": 17, "last_modified": "[time]", "version": null,
              "url": "/api/projects/demo/logs/demo%5Finfo%5F20231114%5F221321%2Elog"
            },
            {
              "filename": "demo_info_20231114_221320_v1_[id].log",
              "key": "logs/demo/demo_info_20231114_221320_v1_[id].log", "size": 4, "last_modified": "[time]",
              "version": 1,
              "url": "/api/projects/demo/logs/demo%5Finfo%5F20231114%5F221320%5Fv1%5F0123456789abcdef%2Elog"
            }
          ],
          "total_logs": 3, "complete": true, "next_cursor": null
        }"#]]
    .assert_eq(&logs.snapshot());
    let logs = logs.json();
    let ours = logs["logs"].as_array().unwrap().iter().find(|log| log["size"] == 4).unwrap();
    let url = ours["url"].as_str().unwrap();
    expect![[r#"
        200 {
          "success": true, "project_name": "demo", "filename": "demo_info_20231114_221320_v1_[id].log", "size": 4,
          "content": "ours"
        }"#]]
    .assert_eq(&world.get(url).await.snapshot());
    assert_eq!(world.get_with(url, ("accept", "text/plain")).await.bytes, "ours");
    world.get("/api/projects/demo/logs/none.log").await.assert_problem(404, "log_not_found");
}

#[tokio::test(start_paused = true)]
async fn every_listed_log_can_be_read() {
    let world = World::new();
    completed(&world, 1).await;
    let long = |letter: &str, count: usize| letter.repeat(count) + ".log";
    // The last one makes the longest possible key.
    let names =
        [long("x", 226), long("x", 227), long("x", 251), long("x", 252), long("\u{1f600}", 250), long("y", 1_010)];
    // Some programs would resolve these names to other paths.
    let odd = ["a\\b.log", ".."];
    for name in names.iter().map(String::as_str).chain(odd) {
        world.store.inner.drop_in(&format!("logs/demo/{name}"), name.to_owned());
    }
    let logs = world.get("/api/projects/demo/logs").await.json()["logs"].as_array().unwrap().clone();
    let listed: BTreeSet<&str> = logs.iter().map(|log| log["filename"].as_str().unwrap()).collect();
    assert_eq!(listed, names.iter().map(String::as_str).collect());
    for log in &logs {
        let answer = world.get(log["url"].as_str().unwrap()).await;
        assert_eq!((answer.status, &answer.json()["content"]), (200, &log["filename"]), "{log}");
    }
    for (name, status, code) in [
        (long("x", 1_011), 404, "log_not_found"),
        (long("x", 1_013), 404, "log_not_found"),
        (long("x", 1_014), 400, "invalid_parameter"),
        ("a%5Cb.log".to_owned(), 400, "invalid_parameter"),
    ] {
        let answer = world.get(&format!("/api/projects/demo/logs/{name}")).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn projects_are_paged_newest_first() {
    let world = World::new();
    assert_eq!(world.get("/api/projects").await.json()["projects"], json!([]));
    for name in ["a", "b", "c"] {
        world.upload(name, "x = 1").await;
        world.upload(name, "x = 2").await;
    }
    let page = world.get("/api/projects?limit=2").await.json();
    let names = |page: &Value| -> Vec<String> {
        page["projects"].as_array().unwrap().iter().map(|p| p["project_name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((names(&page), page["total_projects"].as_u64()), (vec!["c".to_owned(), "b".to_owned()], Some(3)));
    let rest = world.get(&format!("/api/projects?limit=2&cursor={}", page["next_cursor"])).await.json();
    assert_eq!((names(&rest), &rest["next_cursor"]), (vec!["a".to_owned()], &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn a_head_request_has_no_body() {
    let world = World::new();
    completed(&world, 1).await;
    let url = crate::support::world::url("/api/projects/demo/status");
    let answer = world.send(http::Request::head(url).body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.bytes.len()), (200, 0));
}

#[tokio::test(start_paused = true)]
async fn status_requests_do_not_grow_with_versions() {
    let world = World::new();
    let cost = async |versions: u64| {
        for version in 1..=versions {
            let project = format!("p{versions}");
            world.upload(&project, "x = 1").await;
            world.complete(&project, version, &[Format::Step]);
        }
        world.settle(&format!("p{versions}"), 20).await;
        world.status(&format!("p{versions}")).await;
        world.store.seen.borrow_mut().clear();
        world.status(&format!("p{versions}")).await;
        world.store.seen.borrow().len()
    };
    assert_eq!(cost(1).await, cost(30).await);
}

#[tokio::test(start_paused = true)]
async fn sql_steps_do_not_grow_with_versions() {
    let world = World::new();
    let costs = async |project: &str, versions: u64| {
        for version in 1..=versions {
            world.store.inner.drop_in(&format!("input/{project}/{project}_v{version}.py"), "x = 1");
            world.complete(project, version, &[Format::Step]);
        }
        world.status(project).await;
        // The first upload imports the bucket's versions, once.
        let version = world.upload(project, "x = 1").await;
        world.complete(project, version, &[Format::Step]);
        world.settle(project, 40).await;
        let mut costs = Vec::new();
        for call in [
            "status",
            "scripts",
            "scripts?cursor=55",
            "script/7",
            "outputs",
            "outputs?version=7",
            "POST upload-script",
            "POST upload-script",
            "POST retry/7",
            "POST cancel/LAST",
        ] {
            // After this pause the next call looks at the bucket again.
            world.clock.sleep(std::time::Duration::from_secs(4)).await;
            let before = world.sql_steps(project);
            match call.strip_prefix("POST ") {
                // With an idempotency key, so the second upload is a replay.
                Some(path) => {
                    let path = format!("/api/projects/{project}/{}", path.replace("LAST", &(versions + 3).to_string()));
                    let body = path.ends_with("script").then(|| json!({"code": "x = 2"}));
                    let answer =
                        world.post_with(&path, ("idempotency-key", path.rsplit('/').nth(1).unwrap()), body).await;
                    assert!([200, 201].contains(&answer.status), "{path} {:?}", answer.bytes);
                }
                None => assert_eq!(world.get(&format!("/api/projects/{project}/{call}")).await.status, 200),
            }
            costs.push((call, world.sql_steps(project) - before));
        }
        costs
    };
    assert_eq!(costs("few", 60).await, costs("many", 1_000).await);
}
