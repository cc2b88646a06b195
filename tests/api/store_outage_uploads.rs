//! Uploads while the bucket is unreachable: accepted with 202, stored in the object, delivered later.

use std::time::Duration;

use contract::{Format, Origin, Phase, Version};
use futures::future::{join, join_all};
use partwright::project::{NewScript, Refusal, UploadScript, Uploaded};
use platform::Clock;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::memory_store::MemoryStore;
use crate::support::world::{Answer, World};

const UPLOAD: &str = "/api/projects/demo/upload-script";

async fn send(world: &World, code: &str) -> Answer {
    world.post(UPLOAD, "text/x-python", code.to_owned()).await
}

async fn wait(world: &World, seconds: u64) {
    world.clock.sleep(Duration::from_secs(seconds)).await;
}

/// Version, phase, `moved_from` and `moved_to` of each version, newest first.
async fn listed(world: &World) -> Vec<(u64, String, Value, Value)> {
    let scripts = world.get("/api/projects/demo/scripts?limit=200").await.json();
    let scripts = scripts["scripts"].as_array().unwrap().clone().into_iter();
    let row = |script: Value| {
        let phase = script["phase"].as_str().unwrap().to_owned();
        (script["version"].as_u64().unwrap(), phase, script["moved_from"].clone(), script["moved_to"].clone())
    };
    scripts.map(row).collect()
}

#[tokio::test(start_paused = true)]
async fn an_upload_is_delivered_after_the_outage() {
    for fault in [Fault::NoConnection, Fault::Status(500), Fault::Status(503), Fault::Silence] {
        for known_before in [false, true] {
            let world = World::new();
            if known_before {
                world.upload("demo", "x = 1").await;
            }
            world.store.always(Some(fault));
            let (before, number) = (world.clock.now(), u64::from(known_before) + 1);
            let answer = send(&world, "x = 'stored'").await;
            let body = answer.json();
            assert_eq!((answer.status, body["version"].as_u64()), (202, Some(number)), "{fault:?} {body}");
            assert!(world.clock.now().since(before) <= Duration::from_secs(10), "{fault:?}");
            assert_eq!((body["data"]["phase"].as_str(), body["success"].as_bool()), (Some("stored"), Some(true)));
            assert_eq!(body["data"]["status_url"], "/api/projects/demo/status");
            let status = world.status("demo").await;
            assert_eq!(
                (status["status"].as_str(), status["message"].as_str()),
                (Some("processing"), Some("Uploading to S3…"))
            );
            let script = world.get(&format!("/api/projects/demo/script/{number}")).await;
            assert_eq!(
                (script.json()["content"].as_str(), script.header("cache-control")),
                (Some("x = 'stored'"), "no-store")
            );
            assert_eq!(world.get("/api/projects").await.json()["total_projects"], 1);
            for _ in 0..5 {
                assert!(world.ring("demo").await, "the alarm keeps trying");
            }
            world.evict("demo");
            world.store.always(None);
            world.ring("demo").await;
            let key = format!("input/demo/demo_v{number}.py");
            assert_eq!(world.store.inner.object(&key).unwrap().bytes, "x = 'stored'", "{fault:?}");
            assert!(world.store.inner.object(&format!("pending/demo/demo_v{number}/ticket")).is_some());
            world.complete("demo", number, &[Format::Step]);
            assert_eq!(world.status("demo").await["status"], "completed");
            assert_eq!(world.upload("demo", "x = 2").await, number + 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_uploads_arrive_exactly_once() {
    let world = World::new();
    world.upload("demo", "x = 0").await;
    let outage = async {
        wait(&world, 1).await;
        world.store.always(Some(Fault::Silence));
        wait(&world, 60).await;
        world.store.always(None);
    };
    let uploads = join_all((1..=200).map(|number| {
        let world = &world;
        async move {
            world.clock.sleep(Duration::from_millis(number * 300)).await;
            let answer = send(world, &format!("x = {number}")).await;
            (answer.status, answer.json()["version"].as_u64().unwrap(), number)
        }
    }));
    let (given, ()) = join(uploads, outage).await;
    assert!(given.iter().all(|(status, _, _)| [201, 202].contains(status)));
    assert!(given.iter().any(|(status, _, _)| *status == 202));
    for _ in 0..6 {
        world.ring("demo").await;
    }
    let mut versions: Vec<u64> = given.iter().map(|(_, version, _)| *version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (2..=201).collect::<Vec<_>>());
    for (_, version, number) in given {
        let stored = world.store.inner.object(&format!("input/demo/demo_v{version}.py")).unwrap();
        assert_eq!(stored.bytes, format!("x = {number}"));
        assert!(world.store.inner.object(&format!("pending/demo/demo_v{version}/ticket")).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_taken_number_points_to_the_moved_version() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "mine").await.json()["version"], 2);
    assert_eq!(send(&world, "mine too").await.json()["version"], 3);
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    world.ring("demo").await;
    assert_eq!(
        listed(&world).await,
        [
            (4, "queued".to_owned(), json!(2), Value::Null),
            (3, "queued".to_owned(), Value::Null, Value::Null),
            (2, "queued".to_owned(), Value::Null, json!(4)),
            (1, "queued".to_owned(), Value::Null, Value::Null),
        ]
    );
    assert_eq!(world.store.inner.object("input/demo/demo_v4.py").unwrap().bytes, "mine");
    let script = world.get("/api/projects/demo/script/2").await.json();
    assert_eq!((&script["content"], &script["moved_to"]), (&json!("theirs"), &json!(4)));
    assert_eq!(world.get("/api/projects/demo/outputs?version=2").await.json()["moved_to"], 4);
    assert_eq!(world.status("demo").await["moved_from"], 2);
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 4);
}

#[tokio::test(start_paused = true)]
async fn concurrent_deliveries_move_a_version_once() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "mine").await.json()["version"], 2);
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    // One delivery finds the number taken and waits for the listing. Another instance completes the move first.
    world.store.plan("GET", "/models", Fault::Slow(Duration::from_secs(5)));
    let another = async {
        wait(&world, 3).await;
        world.evict("demo");
        world.ring("demo").await;
        assert_eq!(listed(&world).await[0], (3, "queued".to_owned(), json!(2), Value::Null));
    };
    join(world.ring("demo"), another).await;
    wait(&world, 4).await;
    assert_eq!(
        listed(&world).await,
        [
            (3, "queued".to_owned(), json!(2), Value::Null),
            (2, "queued".to_owned(), Value::Null, json!(3)),
            (1, "queued".to_owned(), Value::Null, Value::Null),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn every_old_number_points_to_the_version() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "mine").await.json()["version"], 2);
    world.store.always(None);
    for (taken, next) in [(2, 3), (3, 4)] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{taken}.py"), "theirs");
        // The version moves, and then the bucket is unreachable again.
        for _ in 0..4 {
            world.store.plan("PUT", if next == 3 { "/demo_v3.py" } else { "/demo_v4.py" }, Fault::NoConnection);
        }
        wait(&world, 1).await;
        // The planned faults begin with the first PUT under the next number.
        world.ring("demo").await;
        assert_eq!(listed(&world).await[0].0, next);
    }
    world.ring("demo").await;
    let now = listed(&world).await;
    assert_eq!(now[0], (4, "queued".to_owned(), json!(2), Value::Null));
    assert_eq!((&now[1].3, &now[2].3), (&json!(4), &json!(4)));
}

#[tokio::test(start_paused = true)]
async fn the_bucket_is_imported_after_the_outage() {
    let world = World::new();
    world.store.inner.drop_in("input/demo/demo_v1.py", "theirs");
    // Version 3 has a report and no script, so its script's key does not show that the number is taken.
    world.store.inner.drop_in("processed/demo/demo_v3.py.done", "");
    world.store.always(Some(Fault::NoConnection));
    for number in 1..=4 {
        assert_eq!(send(&world, &format!("mine {number}")).await.json()["version"], number);
    }
    world.store.always(None);
    world.ring("demo").await;
    let moves: Vec<_> = listed(&world).await.into_iter().map(|(version, _, from, to)| (version, from, to)).collect();
    let new_number = |old: u64| moves.iter().find(|row| row.1 == old).map(|row| json!(row.0)).unwrap();
    assert_eq!(
        moves[2..],
        [
            (4, Value::Null, Value::Null),
            (3, Value::Null, new_number(3)),
            (2, Value::Null, Value::Null),
            (1, Value::Null, new_number(1)),
        ]
    );
    for (version, from, to) in moves {
        let key = format!("input/demo/demo_v{version}.py");
        let first_number = from.as_u64().unwrap_or(version);
        if to.is_null() {
            assert_eq!(world.store.inner.object(&key).unwrap().bytes, format!("mine {first_number}"));
        }
    }
    assert_eq!(world.store.inner.object("input/demo/demo_v1.py").unwrap().bytes, "theirs");
    assert!(world.store.inner.object("input/demo/demo_v3.py").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_unfit_store_gets_nothing() {
    let world = World::with(MemoryStore::with_conditions(false), &[("AUTH_MODE", "open")]);
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "x = 1").await.status, 202);
    world.store.always(None);
    for _ in 0..3 {
        assert!(world.ring("demo").await);
    }
    assert_eq!(world.store.inner.keys(), [""; 0]);
    assert_eq!(listed(&world).await[0].1, "stored");
    let answer = send(&world, "x = 2").await;
    answer.assert_problem(503, "bucket_refuses");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_accepted_versions() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "x = 2").await.status, 202);
    world.store.always(Some(Fault::Status(403)));
    for _ in 0..10 {
        assert!(world.ring("demo").await);
    }
    assert_eq!(send(&world, "x = 3").await.json()["code"], "bucket_refuses");
    assert_eq!(listed(&world).await[0], (2, "stored".to_owned(), Value::Null, Value::Null));
    world.store.always(None);
    world.ring("demo").await;
    assert_eq!(listed(&world).await[0].1, "queued");
}

#[tokio::test(start_paused = true)]
async fn more_uploads_do_not_delay_the_alarm() {
    let world = World::new();
    world.store.always(Some(Fault::NoConnection));
    send(&world, "x = 1").await;
    let due = world.alarm("demo").unwrap();
    world.clock.sleep(Duration::from_millis(100)).await;
    send(&world, "x = 2").await;
    assert_eq!(world.alarm("demo"), Some(due));
}

#[tokio::test(start_paused = true)]
async fn only_one_upload_waits_for_a_silent_bucket() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    let before = world.clock.now();
    for _ in 0..20 {
        assert_eq!(send(&world, "x = 2").await.status, 202);
    }
    assert!(world.clock.now().since(before) <= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn at_most_a_thousand_versions_are_stored() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    for _ in 0..1_000 {
        assert_eq!(send(&world, "x = 2").await.status, 202);
    }
    let answer = send(&world, "x = 2").await;
    answer.assert_problem(503, "bucket_unavailable");
    assert!(!answer.header("retry-after").is_empty());
    world.store.always(None);
    world.ring("demo").await;
    assert_eq!(world.upload("demo", "x = 3").await, 1_002, "one alarm delivers them");
}

#[tokio::test(start_paused = true)]
async fn an_upload_survives_a_dropped_largest_number() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for version in [2, Version::MAX.get()] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), "theirs");
    }
    assert_eq!(world.upload("demo", "mine").await, 3);
    let answer = send(&world, "x = 4").await;
    answer.assert_problem(409, "no_more_versions");
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 4);
}

#[tokio::test(start_paused = true)]
async fn processing_status_shows_undelivered_scripts() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    send(&world, "x = 2").await;
    world.store.always(None);
    let rows = world.get("/api/monitoring/projects/demo/processing-status").await.json();
    assert_eq!(rows["versions"][0]["differences"], json!(["the object has not delivered the script yet"]));
}

/// Uploads as a user that open mode does not have, by a call to the project's object.
async fn upload_as(world: &World, user: &str, admin: bool, project: &str) -> Result<Uploaded, Refusal> {
    let script = NewScript { code: "x = 1".to_owned(), metadata: None, origin: Origin::Upload, parent: None };
    let user = if admin { world.admin(user) } else { world.user(user) };
    user.ask(project, UploadScript { script, idempotency: None, timeout_ms: None }).await
}

#[tokio::test(start_paused = true)]
async fn an_outage_gives_nobody_a_name() {
    let world = World::new();
    world.store.inner.drop_in("input/found/found_v1.py", "the admin's");
    world.store.always(Some(Fault::NoConnection));
    // The owner is unknown, so only an admin may upload: a found project belongs to admins.
    for project in ["found", "free"] {
        let refused = upload_as(&world, "eve", false, project).await;
        assert!(matches!(refused, Err(Refusal::BucketUnavailable(_))), "{refused:?}");
        assert_eq!(upload_as(&world, "ada", true, project).await.unwrap().phase, Phase::Stored);
    }
    world.store.always(None);
    for project in ["found", "free"] {
        world.ring(project).await;
        assert_eq!(upload_as(&world, "eve", false, project).await.unwrap_err(), Refusal::NameTaken);
        assert!(upload_as(&world, "ada", true, project).await.is_ok());
    }
    assert!(upload_as(&world, "bob", true, "found").await.is_ok(), "it belongs to every admin");
    assert_eq!(upload_as(&world, "bob", true, "free").await.unwrap_err(), Refusal::NameTaken, "it belongs to ada");
    // A known name keeps its owner during an outage.
    assert!(upload_as(&world, "eve", false, "hers").await.is_ok());
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(upload_as(&world, "eve", false, "hers").await.unwrap().phase, Phase::Stored);
    assert_eq!(upload_as(&world, "bob", true, "hers").await.unwrap_err(), Refusal::NameTaken);
}
