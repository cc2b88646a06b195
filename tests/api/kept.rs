//! Uploads while the bucket is away: kept, promised, delivered.

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

/// Version, phase, and where it moved, newest first.
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
async fn an_upload_without_the_bucket_is_kept_and_delivered() {
    for fault in [Fault::NoConnection, Fault::Status(500), Fault::Status(503), Fault::Silence] {
        for met_before in [false, true] {
            let world = World::new();
            if met_before {
                world.upload("demo", "x = 1").await;
            }
            world.store.always(Some(fault));
            let (before, number) = (world.clock.now(), u64::from(met_before) + 1);
            let answer = send(&world, "x = 'kept'").await;
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
                (Some("x = 'kept'"), "no-store")
            );
            assert_eq!(world.get("/api/projects").await.json()["total_projects"], 1);
            for _ in 0..5 {
                assert!(world.ring("demo").await, "it stays open");
            }
            world.evict("demo");
            world.store.always(None);
            world.ring("demo").await;
            let key = format!("input/demo/demo_v{number}.py");
            assert_eq!(world.store.inner.object(&key).unwrap().bytes, "x = 'kept'", "{fault:?}");
            assert!(world.store.inner.object(&format!("pending/demo/demo_v{number}/ticket")).is_some());
            world.complete("demo", number, &[Format::Step]);
            assert_eq!(world.status("demo").await["status"], "completed");
            assert_eq!(world.upload("demo", "x = 2").await, number + 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_uploads_in_an_outage_all_arrive_once() {
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
async fn a_number_that_others_took_meanwhile_says_where_the_version_went() {
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
    let told = world.get("/api/projects/demo/script/2").await.json();
    assert_eq!((told["content"].as_str(), told["moved_to"].as_u64()), (Some("theirs"), Some(4)));
    assert_eq!(world.get("/api/projects/demo/outputs?version=2").await.json()["moved_to"], 4);
    assert_eq!(world.status("demo").await["moved_from"], 2);
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 4);
}

#[tokio::test(start_paused = true)]
async fn two_deliveries_at_once_move_a_version_once_and_a_stranger_s_never() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "mine").await.json()["version"], 2);
    world.store.always(None);
    world.store.inner.drop_in("input/demo/demo_v2.py", "theirs");
    // One finds the number taken and waits for the listing; another instance does all of it meanwhile.
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
async fn every_number_that_was_told_leads_to_where_the_version_is_now() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(send(&world, "mine").await.json()["version"], 2);
    world.store.always(None);
    for (taken, next) in [(2, 3), (3, 4)] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{taken}.py"), "theirs");
        // It moves, and then the bucket is away again.
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
async fn a_first_contact_without_the_bucket_takes_over_what_it_holds_later() {
    let world = World::new();
    world.store.inner.drop_in("input/demo/demo_v1.py", "theirs");
    // Version 3 left its report alone: nothing at its script's key tells that the number is taken.
    world.store.inner.drop_in("processed/demo/demo_v3.py.done", "");
    world.store.always(Some(Fault::NoConnection));
    for number in 1..=4 {
        assert_eq!(send(&world, &format!("mine {number}")).await.json()["version"], number);
    }
    world.store.always(None);
    world.ring("demo").await;
    let moves: Vec<_> = listed(&world).await.into_iter().map(|(version, _, from, to)| (version, from, to)).collect();
    let (none, old) = (Value::Null, |number: u64| json!(number));
    assert_eq!(
        moves[2..],
        [
            (4, none.clone(), none.clone()),
            (3, none.clone(), moves.iter().find(|row| row.1 == old(3)).map(|row| json!(row.0)).unwrap()),
            (2, none.clone(), none.clone()),
            (1, none, moves.iter().find(|row| row.1 == old(1)).map(|row| json!(row.0)).unwrap()),
        ]
    );
    for (version, from, to) in moves {
        let key = format!("input/demo/demo_v{version}.py");
        let told = from.as_u64().unwrap_or(version);
        if to.is_null() {
            assert_eq!(world.store.inner.object(&key).unwrap().bytes, format!("mine {told}"));
        }
    }
    assert_eq!(world.store.inner.object("input/demo/demo_v1.py").unwrap().bytes, "theirs");
    assert!(world.store.inner.object("input/demo/demo_v3.py").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_turns_out_unfit_gets_nothing() {
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
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("bucket_refuses")));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_keeps_what_was_promised() {
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
async fn uploads_in_quick_succession_do_not_hold_the_alarm_off() {
    let world = World::new();
    world.store.always(Some(Fault::NoConnection));
    send(&world, "x = 1").await;
    let due = world.alarm("demo").unwrap();
    world.clock.sleep(Duration::from_millis(100)).await;
    send(&world, "x = 2").await;
    assert_eq!(world.alarm("demo"), Some(due));
}

#[tokio::test(start_paused = true)]
async fn a_silent_bucket_is_waited_for_once() {
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
async fn a_thousand_are_kept_and_no_more() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::Silence));
    for _ in 0..1_000 {
        assert_eq!(send(&world, "x = 2").await.status, 202);
    }
    let answer = send(&world, "x = 2").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("bucket_unavailable")));
    assert!(!answer.header("retry-after").is_empty());
    world.store.always(None);
    world.ring("demo").await;
    assert_eq!(world.upload("demo", "x = 3").await, 1_002, "one alarm makes room");
}

#[tokio::test(start_paused = true)]
async fn a_version_dropped_in_with_the_largest_number_lets_a_running_upload_end() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for version in [2, Version::MAX.get()] {
        world.store.inner.drop_in(&format!("input/demo/demo_v{version}.py"), "theirs");
    }
    assert_eq!(world.upload("demo", "mine").await, 3);
    let answer = send(&world, "x = 4").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (409, Some("no_more_versions")));
    assert_eq!(world.get("/api/projects/demo/scripts").await.json()["total_versions"], 4);
}

#[tokio::test(start_paused = true)]
async fn what_the_object_still_holds_is_told_by_the_processing_status() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(Fault::NoConnection));
    send(&world, "x = 2").await;
    world.store.always(None);
    let rows = world.get("/api/monitoring/projects/demo/processing-status").await.json();
    assert_eq!(rows["versions"][0]["differences"], json!(["the object has not delivered the script yet"]));
}

/// What the project's object answers to another user than open mode knows.
async fn upload_as(world: &World, user: &str, admin: bool, project: &str) -> Result<Uploaded, Refusal> {
    let script = NewScript { code: "x = 1".to_owned(), metadata: None, origin: Origin::Upload, parent: None };
    let user = if admin { world.admin(user) } else { world.user(user) };
    user.ask(project, UploadScript { script, idempotency: None, patience_ms: None }).await
}

#[tokio::test(start_paused = true)]
async fn nobody_gains_a_name_by_an_outage() {
    let world = World::new();
    world.store.inner.drop_in("input/found/found_v1.py", "the admin's");
    world.store.always(Some(Fault::NoConnection));
    // Whose name it is cannot be known, so only the admin, whose it is if it is found, may use it.
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
    assert!(upload_as(&world, "bob", true, "found").await.is_ok(), "it is any admin's");
    assert_eq!(upload_as(&world, "bob", true, "free").await.unwrap_err(), Refusal::NameTaken, "it is ada's");
    // A name that is known is its owner's during an outage, too.
    assert!(upload_as(&world, "eve", false, "hers").await.is_ok());
    world.store.always(Some(Fault::NoConnection));
    assert_eq!(upload_as(&world, "eve", false, "hers").await.unwrap().phase, Phase::Stored);
    assert_eq!(upload_as(&world, "bob", true, "hers").await.unwrap_err(), Refusal::NameTaken);
}
