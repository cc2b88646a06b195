//! The owner of a project: its first uploader, or the user that an admin assigns.

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

/// Assigns a project and asserts success; returns the previous owner.
async fn assign_to(world: &World, project: &str, owner: &str) -> Value {
    let answer = assign(world, project, json!({"owner": owner})).await;
    assert_eq!(answer.status, 200, "{:?}", answer.bytes);
    let body = answer.json();
    assert_eq!((&body["project_name"], &body["owner"]), (&json!(project), &json!(owner)));
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    body["previous_owner"].clone()
}

/// Asserts that every operation on `cube`, except the upload, finds no project.
async fn assert_sees_nothing(user: &User<'_>) {
    async fn assert_not_found<R>(user: &User<'_>, request: R)
    where
        R: ObjectRequest<Target = ProjectTarget, Reply: DeserializeOwned> + std::fmt::Debug,
    {
        let text = format!("{request:?}");
        assert_eq!(user.ask("cube", request).await.err(), Some(Refusal::NotFound), "{text}");
    }
    assert_not_found(user, ListVersions { before: None, limit: 10 }).await;
    assert_not_found(user, GetVersion(Version::FIRST)).await;
    assert_not_found(user, GetScript(Version::FIRST)).await;
    assert_not_found(user, GetNewestCompleted).await;
    assert_not_found(user, GetStatus).await;
    assert_not_found(user, WaitForStatus { seconds: 1, turn: None, repairs: None }).await;
    assert_not_found(user, Watch).await;
    assert_not_found(user, CancelVersion(Version::FIRST)).await;
    assert_not_found(user, RetryVersion { version: Version::FIRST, idempotency: None }).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_upload_owns_a_free_name() {
    let world = World::new();
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    assert_eq!(anna.upload("cube").await, Ok(1));
    for stranger in [&bert, &world.admin("root")] {
        assert_eq!(stranger.upload("cube").await, Err(Refusal::NameTaken));
        assert_sees_nothing(stranger).await;
        assert!(stranger.listed().await.is_empty());
    }
    assert_eq!((anna.sees("cube").await, anna.listed().await), (Some(1), vec!["cube".to_owned()]));
    // Names are case-sensitive, so this name is free.
    assert_eq!(bert.upload("Cube").await, Ok(1));
    assert_eq!((anna.sees("Cube").await, bert.sees("Cube").await), (None, Some(1)));
}

#[tokio::test(start_paused = true)]
async fn uploading_does_not_claim_a_found_project() {
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
        assert_eq!(world.admin("other").sees(project).await, Some(2), "an admin's upload does not claim it either");
        assert_eq!(anna.upload(project).await, Err(Refusal::NameTaken));
    }
}

#[tokio::test(start_paused = true)]
async fn a_found_project_is_assigned() {
    let world = World::new();
    world.store.inner.drop_in("input/found/found_v3.py", "x = 1");
    // Assigned before any other call with this name.
    assert_eq!(assign_to(&world, "found", "anna").await, Value::Null);
    let (anna, bert) = (world.user("anna"), world.user("bert"));
    assert_eq!((anna.sees("found").await, anna.listed().await), (Some(1), vec!["found".to_owned()]));
    assert_eq!(anna.upload("found").await, Ok(4));
    assert_eq!(bert.upload("found").await, Err(Refusal::NameTaken));
    assert_eq!(world.admin("root").sees("found").await, None, "admins see it only until it is assigned");
    assert!(world.admin("admin").listed().await.is_empty());
    // An assigned project leaves the list of the admin who used it.
    world.store.inner.drop_in("input/used/used_v1.py", "x = 1");
    let root = world.admin("root");
    assert_eq!((root.sees("used").await, root.listed().await), (Some(1), vec!["used".to_owned()]));
    assert_eq!(assign_to(&world, "used", "bert").await, Value::Null);
    assert_eq!((root.sees("used").await, root.listed().await), (None, vec![]));
    assert_eq!(bert.listed().await, ["used"]);
}

#[tokio::test(start_paused = true)]
async fn an_open_mode_project_is_assigned_and_back() {
    let world = World::new();
    for _ in 0..2 {
        world.upload("demo", "x = 1").await;
    }
    assert_eq!(assign_to(&world, "demo", "anna").await, "local");
    assert_eq!(world.get("/api/projects/demo/scripts").await.status, 404);
    let taken = world.post("/api/projects/demo/upload-script", "text/x-python", "x = 2").await;
    taken.assert_problem(409, "name_taken");
    assert_eq!(world.get("/api/projects").await.json()["total_projects"], 0);
    assert_eq!(world.user("anna").sees("demo").await, Some(2));
    // Repeating it changes nothing. The service's own user ids can be assigned, too.
    assert_eq!(assign_to(&world, "demo", "anna").await, "anna");
    assert_eq!(world.user("anna").listed().await, ["demo"]);
    assert_eq!(assign_to(&world, "demo", "local").await, "anna");
    assert_eq!(world.upload("demo", "x = 3").await, 3);
    assert_eq!(world.get("/api/projects").await.json()["projects"][0]["project_name"], "demo");
    assert!(world.user("anna").listed().await.is_empty());
    assert_eq!(assign_to(&world, "demo", "admin").await, "local");
}

#[tokio::test(start_paused = true)]
async fn the_alarm_updates_unreachable_accounts() {
    let world = World::new();
    let users = ["anna", "bert", "carl"];
    let [anna, bert, carl] = users.map(|user| world.user(user));
    anna.upload("cube").await.unwrap();
    world.complete("cube", 1, &[Format::Step]);
    world.settle("cube", 20).await;
    assert_eq!(world.alarm("cube"), None);
    *world.faults.unreachable_accounts.borrow_mut() = users.map(str::to_owned).to_vec();
    for owner in ["bert", "carl", "bert", "anna", "bert"] {
        assign_to(&world, "cube", owner).await;
    }
    assert_eq!((anna.sees("cube").await, bert.sees("cube").await, carl.sees("cube").await), (None, Some(1), None));
    world.ring("cube").await;
    world.evict("cube");
    // The new owner's account comes back first, while the old owner's is still unreachable.
    world.faults.unreachable_accounts.borrow_mut().retain(|user| user == "anna");
    world.ring("cube").await;
    assert_eq!(bert.listed().await, ["cube"]);
    world.evict("cube");
    world.faults.unreachable_accounts.borrow_mut().clear();
    assert_eq!(anna.listed().await, ["cube"], "her account has not been updated yet");
    world.settle("cube", 20).await;
    assert_eq!((anna.listed().await, carl.listed().await), (vec![], vec![]));
    assert_eq!(bert.listed().await, ["cube"]);
    assert_eq!(world.alarm("cube"), None, "nothing is left to do");
}

#[tokio::test(start_paused = true)]
async fn concurrent_assignments_leave_one_owner() {
    for seed in 1..=200 {
        let world = World::new();
        let users = ["anna", "bert", "carl"].map(|user| world.user(user));
        // While the owner changes, calls to accounts and their responses are late and overtake each other.
        world.faults.account_delays.set(seed * 0x9e37_79b9);
        let upload = async { drop(users[0].upload("cube").await) };
        let assignments = ["bert", "anna", "bert", "anna", "carl", "bert"].into_iter().enumerate();
        let assignments = assignments.map(|(index, owner)| {
            let world = &world;
            let at = 300 + (seed * 131 + index as u64 * 977) % 5_000;
            async move {
                world.clock.sleep(Duration::from_millis(at)).await;
                assign_to(world, "cube", owner).await;
            }
        });
        futures::join!(upload, futures::future::join_all(assignments));
        world.faults.account_delays.set(0);
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
async fn a_new_owner_disconnects_the_old_one() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let watcher = world.connect("/api/projects/demo/watch", None).await.ok().unwrap();
    let waiting = world.get("/api/projects/demo/status?wait=60");
    let began = world.clock.now();
    let assigned = async {
        world.clock.sleep(Duration::from_secs(2)).await;
        assign_to(&world, "demo", "anna").await
    };
    let (answer, _) = futures::join!(waiting, assigned);
    answer.assert_problem(404, "project_not_found");
    assert!(world.clock.now().since(began) < Duration::from_secs(10));
    watcher.borrow_mut().clear();
    world.complete("demo", 1, &[Format::Step]);
    world.settle("demo", 20).await;
    assert!(watcher.borrow().is_empty(), "{watcher:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unused_name_cannot_be_assigned() {
    let world = World::new();
    let answer = assign(&world, "nobody", json!({"owner": "anna"})).await;
    answer.assert_problem(404, "project_not_found");
    assert!(!world.has_tables("nobody"), "the attempt leaves no tables");
    // A file that is not a script does not make a project.
    world.store.inner.drop_in("input/nobody/readme.txt", "not a script");
    assert_eq!(assign(&world, "nobody", json!({"owner": "anna"})).await.status, 404);
    assert_eq!(world.user("bert").upload("nobody").await, Ok(1), "the name is still free");
}

#[tokio::test(start_paused = true)]
async fn an_outage_prevents_assignment() {
    let world = World::new();
    for (project, status, code) in [("late", 503, "bucket_unavailable"), ("shut", 403, "bucket_refuses")] {
        world.store.inner.drop_in(&format!("input/{project}/{project}_v1.py"), "x = 1");
        world.store.always(Some(Fault::Status(status)));
        let answer = assign(&world, project, json!({"owner": "anna"})).await;
        answer.assert_problem(503, code);
        world.store.always(None);
        assert_eq!(world.user("anna").sees(project).await, None);
        assert_eq!(assign_to(&world, project, "anna").await, Value::Null);
        assert_eq!(world.user("anna").sees(project).await, Some(1));
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_owners_are_refused() {
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
    assert_eq!(assign_to(&world, "demo", &"x".repeat(128)).await, "local");
}

#[tokio::test(start_paused = true)]
async fn only_an_admin_assigns_owners() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let put = http::Request::put(url("/api/projects/demo/owner")).header("content-type", "application/json");
    let request = put.header("authorization", "Bearer wrong").body(Body::full(json!({"owner": "anna"}).to_string()));
    assert_eq!(world.send(request.unwrap()).await.status, 401);
    // The object also refuses a user whom the API lets through by mistake.
    let request = AssignOwner { owner: "anna".to_owned() };
    assert_eq!(world.user("anna").ask("demo", request).await.err(), Some(Refusal::NotFound));
    assert_eq!(world.user("anna").sees("demo").await, None);
}
