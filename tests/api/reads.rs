//! Lists, scripts, outputs, downloads and logs.

use std::collections::BTreeSet;

use contract::{Format, Sha256};
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
    let numbers = |page: &Value| -> Vec<u64> {
        page["scripts"].as_array().unwrap().iter().map(|script| script["version"].as_u64().unwrap()).collect()
    };
    let first = world.get("/api/projects/demo/scripts?limit=3").await.json();
    assert_eq!((numbers(&first), first["total_versions"].as_u64()), (vec![5, 4, 3], Some(5)));
    let cursor = first["next_cursor"].as_u64().unwrap();
    let second = world.get(&format!("/api/projects/demo/scripts?limit=3&cursor={cursor}")).await.json();
    assert_eq!((numbers(&second), &second["next_cursor"]), (vec![2, 1], &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn a_script_comes_as_json_or_raw_and_may_be_kept() {
    let world = World::new();
    completed(&world, 1).await;
    let json = world.get("/api/projects/demo/script/1").await;
    assert_eq!(json.json()["content"], "version = 1");
    assert_eq!(json.json()["content_type"], "text/x-python");
    let raw = world.get_with("/api/projects/demo/script/1", ("accept", "text/x-python")).await;
    assert_eq!((raw.bytes.as_ref(), raw.header("content-type")), (&b"version = 1"[..], "text/x-python; charset=utf-8"));
    assert!(raw.header("cache-control").contains("immutable"));
    assert_ne!(raw.header("etag"), json.header("etag"), "two forms, two tags");
    let again = world.get_with("/api/projects/demo/script/1", ("if-none-match", json.header("etag"))).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
}

#[tokio::test(start_paused = true)]
async fn a_script_too_large_to_show_says_so_and_hides_nothing_else() {
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
async fn outputs_of_the_newest_completed_or_of_a_given_version() {
    let world = World::new();
    completed(&world, 2).await;
    world.upload("demo", "version = 3").await;
    let newest = world.get("/api/projects/demo/outputs").await.json();
    assert_eq!((newest["version"].as_u64(), newest["total_files"].as_u64()), (Some(2), Some(2)));
    assert_eq!(newest["available_formats"], json!(["FCStd", "STEP"]));
    assert_eq!(newest["output_files"][1]["sha256"], Sha256::of(b"STEP of version 2").as_str());
    let first = world.get("/api/projects/demo/outputs?version=1").await.json();
    assert_eq!(first["output_files"][0]["size"], "FCStd of version 1".len());
    let waiting = world.get("/api/projects/demo/outputs?version=3").await.json();
    assert_eq!((waiting["total_files"].as_u64(), waiting["phase"].as_str()), (Some(0), Some("queued")));
}

#[tokio::test(start_paused = true)]
async fn a_download_link_opens_without_credentials_and_only_as_signed() {
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
async fn logs_of_three_kinds_are_listed_and_read() {
    let world = World::new();
    completed(&world, 1).await;
    for (name, text) in [
        ("demo_info_20231114_221320_v1_0123456789abcdef.log", "ours"),
        ("demo_info_20231114_221321.log", "the seed's"),
        ("demo_v1_error_20231114_221322.log", "another's"),
    ] {
        world.store.inner.drop_in(&format!("logs/demo/{name}"), text);
    }
    let logs = world.get("/api/projects/demo/logs").await.json();
    assert_eq!(logs["total_logs"], 3);
    let ours = logs["logs"].as_array().unwrap().iter().find(|log| log["size"] == 4).unwrap();
    assert_eq!(ours["version"], 1);
    let text = world.get(ours["url"].as_str().unwrap()).await.json();
    assert_eq!(text["content"], "ours");
    let raw = world.get_with(ours["url"].as_str().unwrap(), ("accept", "text/plain")).await;
    assert_eq!(raw.bytes, "ours");
    let missing = world.get("/api/projects/demo/logs/none.log").await;
    assert_eq!((missing.status, missing.json()["code"].as_str()), (404, Some("log_not_found")));
}

#[tokio::test(start_paused = true)]
async fn what_is_listed_as_a_log_can_be_read() {
    let world = World::new();
    completed(&world, 1).await;
    let long = |letter: &str, count: usize| letter.repeat(count) + ".log";
    // The last is as long as a key can be.
    let names =
        [long("x", 226), long("x", 227), long("x", 251), long("x", 252), long("\u{1f600}", 250), long("y", 1_010)];
    // Both would lead elsewhere in some program or other.
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
async fn my_projects_newest_first() {
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
async fn a_status_read_costs_little_however_many_versions_there_are() {
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
async fn the_sql_of_a_call_costs_the_same_however_many_versions_there_are() {
    let world = World::new();
    let costs = async |project: &str, versions: u64| {
        for version in 1..=versions {
            world.store.inner.drop_in(&format!("input/{project}/{project}_v{version}.py"), "x = 1");
            world.complete(project, version, &[Format::Step]);
        }
        world.status(project).await;
        // The first upload takes over what the bucket holds, once.
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
            // Long enough for the next call to look at the bucket, too.
            world.clock.sleep(std::time::Duration::from_secs(4)).await;
            let before = world.sql_steps(project);
            match call.strip_prefix("POST ") {
                // The first with a key, and then the same again.
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
