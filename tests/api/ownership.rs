//! Whose a project is: by its first upload, or by the admin's word.

use std::time::Duration;

use contract::{Format, Version};
use partwright::object::ObjectRequest;
use partwright::project::{
    AssignOwner, CancelVersion, GetNewestCompleted, GetScript, GetStatus, GetVersion, ListVersions, ProjectTarget,
    Refusal, RetryVersion, WaitForStatus, Watch,
};
use platform::{Body, Clock};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::users::User;
use crate::support::world::{ADMIN_TOKEN, Answer, World, url};

async fn assign(world: &World, project: &str, body: Value) -> Answer {
    let request = http::Request::put(url(&format!("/api/projects/{project}/owner")))
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("content-type", "application/json");
    world.send(request.body(Body::full(body.to_string())).unwrap()).await
}

/// Assigns it, which must succeed; gives whose it was.
async fn give(world: &World, project: &str, owner: &str) -> Value {
    let answer = assign(world, project, json!({"owner": owner})).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    let told = answer.json();
    assert_eq!((&told["project_name"], &told["owner"]), (&json!(project), &json!(owner)));
    assert_eq!(told["request_id"], answer.header("x-request-id"));
    told["previous_owner"].clone()
}

/// Makes every call that reads or changes a project, except the upload; each must find no project.
async fn finds_nothing(user: &User<'_>) {
    async fn check<R>(user: &User<'_>, request: R)
    where
        R: ObjectRequest<Target = ProjectTarget, Reply: DeserializeOwned> + std::fmt::Debug,
    {
        let text = format!("{request:?}");
        assert_eq!(user.ask("cube", request).await.err(), Some(Refusal::NotFound), "{text}");
    }
    check(user, ListVersions { before: None, limit: 10 }).await;
    check(user, GetVersion(Version::FIRST)).await;
    check(user, GetScript(Version::FIRST)).await;
    check(user, GetNewestCompleted).await;
    check(user, GetStatus).await;
    check(user, WaitForStatus { seconds: 1, turn: None, repairs: None }).await;
    check(user, Watch).await;
    check(user, CancelVersion(Version::FIRST)).await;
    check(user, RetryVersion { version: Version::FIRST, idempotency: None }).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_upload_owns_a_free_name() {
    let world = World::new();
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    assert_eq!(anna.upload("cube").await, Ok(1));
    for stranger in [&bert, &world.admin("root")] {
        assert_eq!(stranger.upload("cube").await, Err(Refusal::NameTaken));
        finds_nothing(stranger).await;
        assert!(stranger.listed().await.is_empty());
    }
    assert_eq!((anna.sees("cube").await, anna.listed().await), (Some(1), vec!["cube".to_owned()]));
    // Case matters: it is another name, and as free as any.
    assert_eq!(bert.upload("Cube").await, Ok(1));
    assert_eq!((anna.sees("Cube").await, bert.sees("Cube").await), (None, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn nobody_gains_a_project_of_the_bucket_by_uploading() {
    let world = World::new();
    for (key, project) in [("input/found/found_v3.py", "found"), ("processed/ended/ended_v2.py.done", "ended")] {
        world.store.inner.drop_in(key, "x = 1");
        let (anna, root) = (world.user("anna"), world.admin("root"));
        let before = world.store.inner.keys();
        for _ in 0..2 {
            assert_eq!(anna.upload(project).await, Err(Refusal::NameTaken), "{project}");
            assert_eq!(anna.sees(project).await, None);
        }
        assert_eq!(world.store.inner.keys(), before);
        assert_eq!(root.sees(project).await, Some(1));
        let next = root.upload(project).await.unwrap();
        assert_eq!(next, if project == "found" { 4 } else { 3 });
        assert_eq!(world.admin("other").sees(project).await, Some(2), "the admin who uploads has not gained it either");
        assert_eq!(anna.upload(project).await, Err(Refusal::NameTaken));
    }
}

#[tokio::test(start_paused = true)]
async fn a_project_of_the_bucket_is_assigned() {
    let world = World::new();
    world.store.inner.drop_in("input/found/found_v3.py", "x = 1");
    // Assigned before anybody has ever asked for it.
    assert_eq!(give(&world, "found", "anna").await, Value::Null);
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    assert_eq!((anna.sees("found").await, anna.listed().await), (Some(1), vec!["found".to_owned()]));
    assert_eq!(anna.upload("found").await, Ok(4));
    assert_eq!(bert.upload("found").await, Err(Refusal::NameTaken));
    assert_eq!(world.admin("root").sees("found").await, None, "it is the admin's until assigned, and no longer");
    assert!(world.admin("admin").listed().await.is_empty());
    // One that an admin has used leaves that admin's list.
    world.store.inner.drop_in("input/used/used_v1.py", "x = 1");
    let root = world.admin("root");
    assert_eq!((root.sees("used").await, root.listed().await), (Some(1), vec!["used".to_owned()]));
    assert_eq!(give(&world, "used", "bert").await, Value::Null);
    assert_eq!((root.sees("used").await, root.listed().await), (None, vec![]));
    assert_eq!(bert.listed().await, ["used"]);
}

#[tokio::test(start_paused = true)]
async fn a_project_kept_in_open_mode_is_assigned_and_back() {
    let world = World::new();
    for _ in 0..2 {
        world.upload("demo", "x = 1").await;
    }
    assert_eq!(give(&world, "demo", "anna").await, "local");
    assert_eq!(world.get("/api/projects/demo/scripts").await.status, 404);
    let taken = world.post("/api/projects/demo/upload-script", "text/x-python", "x = 2").await;
    assert_eq!((taken.status, taken.json()["code"].as_str()), (409, Some("name_taken")));
    assert_eq!(world.get("/api/projects").await.json()["total_projects"], 0);
    assert_eq!(world.user("anna").sees("demo").await, Some(2));
    // Again it changes nothing; and ids that this service names itself may be given.
    assert_eq!(give(&world, "demo", "anna").await, "anna");
    assert_eq!(world.user("anna").listed().await, ["demo"]);
    assert_eq!(give(&world, "demo", "local").await, "anna");
    assert_eq!(world.upload("demo", "x = 3").await, 3);
    assert_eq!(world.get("/api/projects").await.json()["projects"][0]["project_name"], "demo");
    assert!(world.user("anna").listed().await.is_empty());
    assert_eq!(give(&world, "demo", "admin").await, "local");
}

#[tokio::test(start_paused = true)]
async fn accounts_that_are_away_are_mended_by_the_alarm() {
    let world = World::new();
    let users = ["anna", "bert", "carl"];
    let [anna, bert, carl] = users.map(|user| world.user(user));
    anna.upload("cube").await.unwrap();
    world.complete("cube", 1, &[Format::Step]);
    world.settle("cube", 20).await;
    assert_eq!(world.alarm("cube"), None);
    *world.accounts_away.borrow_mut() = users.map(str::to_owned).to_vec();
    for owner in ["bert", "carl", "bert", "anna", "bert"] {
        give(&world, "cube", owner).await;
    }
    assert_eq!((anna.sees("cube").await, bert.sees("cube").await, carl.sees("cube").await), (None, Some(1), None));
    world.ring("cube").await;
    world.evict("cube");
    // The new owner's comes back first: the other's is still open then.
    world.accounts_away.borrow_mut().retain(|user| user == "anna");
    world.ring("cube").await;
    assert_eq!(bert.listed().await, ["cube"]);
    world.evict("cube");
    world.accounts_away.borrow_mut().clear();
    assert_eq!(anna.listed().await, ["cube"], "nobody could tell it");
    world.settle("cube", 20).await;
    assert_eq!((anna.listed().await, carl.listed().await), (vec![], vec![]));
    assert_eq!(bert.listed().await, ["cube"]);
    assert_eq!(world.alarm("cube"), None, "nothing is open any more");
}

#[tokio::test(start_paused = true)]
async fn assignments_at_once_end_in_one_list() {
    for seed in 1..=200 {
        let world = World::new();
        let users = ["anna", "bert", "carl"].map(|user| world.user(user));
        // Calls to accounts pass each other while the owner changes: late, and answered late.
        world.account_pace.set(seed * 0x9e37_79b9);
        let upload = async { drop(users[0].upload("cube").await) };
        let assignments = ["bert", "anna", "bert", "anna", "carl", "bert"].into_iter().enumerate();
        let assignments = assignments.map(|(index, owner)| {
            let world = &world;
            let at = 300 + (seed * 131 + index as u64 * 977) % 5_000;
            async move {
                world.clock.sleep(Duration::from_millis(at)).await;
                give(world, "cube", owner).await;
            }
        });
        futures::join!(upload, futures::future::join_all(assignments));
        world.account_pace.set(0);
        world.complete("cube", 1, &[Format::Step]);
        world.settle("cube", 30).await;
        for user in &users {
            let (sees, listed) = (user.sees("cube").await.is_some(), user.listed().await.len());
            assert_eq!(usize::from(sees), listed, "seed {seed}: {user:?}");
        }
        let owners = futures::future::join_all(users.iter().map(|user| user.sees("cube"))).await;
        assert_eq!(owners.iter().flatten().count(), 1, "seed {seed}: {owners:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_watched_is_sent_away_and_who_waited_is_told() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let watcher = world.connect("/api/projects/demo/watch", None).await.ok().unwrap();
    let waiting = world.get("/api/projects/demo/status?wait=60");
    let began = world.clock.now();
    let given = async {
        world.clock.sleep(Duration::from_secs(2)).await;
        give(&world, "demo", "anna").await
    };
    let (told, _) = futures::join!(waiting, given);
    assert_eq!((told.status, told.json()["code"].as_str()), (404, Some("project_not_found")));
    assert!(world.clock.now().since(began) < Duration::from_secs(10));
    watcher.borrow_mut().clear();
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    assert!(watcher.borrow().is_empty(), "{watcher:?}");
}

#[tokio::test(start_paused = true)]
async fn a_name_never_used_cannot_be_given() {
    let world = World::new();
    let answer = assign(&world, "nobody", json!({"owner": "anna"})).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("project_not_found")));
    assert!(!world.has_tables("nobody"), "asking leaves nothing behind");
    // What is no script is no project either.
    world.store.inner.drop_in("input/nobody/readme.txt", "no script");
    assert_eq!(assign(&world, "nobody", json!({"owner": "anna"})).await.status, 404);
    assert_eq!(world.user("bert").upload("nobody").await, Ok(1), "the name is as free as before");
}

#[tokio::test(start_paused = true)]
async fn where_the_bucket_does_not_say_nothing_is_given() {
    let world = World::new();
    for (project, status, code) in [("late", 503, "bucket_unavailable"), ("shut", 403, "bucket_refuses")] {
        world.store.inner.drop_in(&format!("input/{project}/{project}_v1.py"), "x = 1");
        world.store.always(Some(Fault::Status(status)));
        let answer = assign(&world, project, json!({"owner": "anna"})).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some(code)));
        world.store.always(None);
        assert_eq!(world.user("anna").sees(project).await, None);
        assert_eq!(give(&world, project, "anna").await, Value::Null);
        assert_eq!(world.user("anna").sees(project).await, Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_owners_are_told_apart() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    for owner in ["", "an na", "änna", "a\nb", &"x".repeat(129)] {
        let answer = assign(&world, "demo", json!({"owner": owner})).await;
        assert_eq!((answer.status, answer.json()["field"].as_str()), (400, Some("owner")), "{owner:?}");
    }
    for body in [json!({}), json!({"owner": null}), json!({"owner": 7}), json!(["anna"])] {
        let answer = assign(&world, "demo", body.clone()).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("invalid_body")), "{body}");
    }
    assert_eq!(give(&world, "demo", &"x".repeat(128)).await, "local");
}

#[tokio::test(start_paused = true)]
async fn only_the_admin_s_word_counts() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let put = http::Request::put(url("/api/projects/demo/owner")).header("content-type", "application/json");
    let request = put.header("authorization", "Bearer wrong").body(Body::full(json!({"owner": "anna"}).to_string()));
    assert_eq!(world.send(request.unwrap()).await.status, 401);
    // Nor does the object take it from a user that the API should let through by mistake.
    let request = AssignOwner { owner: "anna".to_owned() };
    assert_eq!(world.user("anna").ask("demo", request).await.err(), Some(Refusal::NotFound));
    assert_eq!(world.user("anna").sees("demo").await, None);
}
