//! Authentication and permissions of all routes, in each configuration.

use partwright::api::{Permission, ROUTES};
use platform::{Body, Clock};
use serde_json::{Value, json};

use crate::support::faults::Fault;
use crate::support::issuer;
use crate::support::memory_store::{self, MemoryStore};
use crate::support::person::Person;
use crate::support::signer::Signer;
use crate::support::world::{ADMIN_TOKEN, Answer, RUNNER_TOKEN, World, url};

/// Every route of these permissions, with its parameters filled in.
fn routes(permissions: &[Permission]) -> Vec<(http::Method, String)> {
    let filled = |path: &str| {
        path.replace("{project}", "demo")
            .replace("{version}", "1")
            .replace("{format}", "step")
            .replace("{name}", "x.log")
            .replace("{example}", "bracket")
    };
    let routes = ROUTES.iter().filter(|route| permissions.contains(&route.permission));
    let found: Vec<_> = routes.map(|route| (route.method.clone(), filled(route.path))).collect();
    assert!(!found.is_empty());
    found
}

/// Permissions of the routes that users call.
const USERS: &[Permission] = &[Permission::Read, Permission::Write];

/// Permissions of the routes that authenticate users or admins.
const NAMED: &[Permission] = &[Permission::Read, Permission::Write, Permission::Admin];

/// Status and code of the answer.
async fn send(world: &World, method: &http::Method, url: String, token: Option<&str>) -> (u16, String) {
    let mut request = http::Request::builder().method(method).uri(url).header("content-type", "text/x-python");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = world.attempt(request.body(Body::full("x = 1")).unwrap()).await;
    (answer.status, code(&answer))
}

fn code(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.bytes).unwrap_or_default();
    body["code"].as_str().unwrap_or_default().to_owned()
}

fn problem(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test(start_paused = true)]
async fn nothing_configured_shuts_everybody_out() {
    let world = World::with(MemoryStore::new(), &[("RUNNER_TOKEN", RUNNER_TOKEN)]);
    for token in [None, Some(ADMIN_TOKEN), Some(RUNNER_TOKEN), Some(&world.admin_jwt("anna"))] {
        for (method, path) in routes(USERS) {
            let answer = send(&world, &method, url(&path), token).await;
            assert_eq!(answer, problem(503, "auth_not_configured"), "{method} {path} {token:?}");
        }
        for (method, path) in routes(&[Permission::Admin]) {
            let answer = send(&world, &method, url(&path), token).await;
            assert_eq!(answer, problem(503, "admin_not_configured"), "{method} {path} {token:?}");
        }
    }
    let world = World::with(MemoryStore::new(), &[("ADMIN_TOKEN", ADMIN_TOKEN)]);
    for (method, path) in routes(&[Permission::Runner]) {
        for token in [None, Some(RUNNER_TOKEN), Some(ADMIN_TOKEN)] {
            let answer = send(&world, &method, url(&path), token).await;
            assert_eq!(answer, problem(503, "runner_not_configured"), "{method} {path} {token:?}");
        }
    }
    assert_eq!(world.store.inner.keys(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn open_mode_works_on_loopback_only() {
    let world = World::new();
    for (method, path) in routes(NAMED) {
        for host in ["partwright.example.com", "192.168.1.7:8787", "127.0.0.1.example.com"] {
            for token in [None, Some(ADMIN_TOKEN), Some("wrong")] {
                let answer = send(&world, &method, format!("http://{host}{path}"), token).await;
                assert_eq!(answer, problem(403, "loopback_only"), "{method} {host}{path} {token:?}");
            }
        }
        for host in ["127.0.0.1:8787", "localhost:8787", "[::1]:8787"] {
            let (status, _) = send(&world, &method, format!("http://{host}{path}"), None).await;
            assert!(![401, 403, 503].contains(&status), "{method} {host}{path}: {status}");
        }
    }
    for (method, path) in routes(&[Permission::Runner]) {
        let (status, _) = send(&world, &method, format!("http://host.example.com{path}"), Some(RUNNER_TOKEN)).await;
        assert!([415, 426].contains(&status), "runners call other hosts, too: {method} {path}: {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn open_mode_refuses_wrong_credentials() {
    let world = World::new();
    let strange = world.jwt("anna");
    for (method, path) in routes(NAMED) {
        for token in ["wrong", "", "pw_wrong", &strange, RUNNER_TOKEN, &ADMIN_TOKEN[1..]] {
            let answer = send(&world, &method, url(&path), Some(token)).await;
            assert_eq!(answer, problem(401, "invalid_token"), "{method} {path} {token:?}");
        }
        for header in [("authorization", "Basic YTpi"), ("authorization", ""), ("cookie", "__Host-partwright=wrong")] {
            let request = http::Request::builder().method(&method).uri(url(&path)).header(header.0, header.1);
            let answer = world.attempt(request.body(Body::empty()).unwrap()).await;
            assert_eq!((answer.status, code(&answer).as_str()), (401, "invalid_token"), "{method} {path} {header:?}");
        }
        let (status, _) = send(&world, &method, url(&path), Some(ADMIN_TOKEN)).await;
        assert!(![401, 403, 503].contains(&status), "{method} {path}: {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_do_not_repeat_the_credential() {
    let world = World::closed();
    let path = "/api/projects/demo/upload-script";
    let ask = async |header: Option<(&'static str, &str)>| {
        let mut request = http::Request::post(url(path)).header("content-type", "text/x-python");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        world.send(request.body(Body::full("x = 1")).unwrap()).await
    };
    let nobody = ask(None).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, "Bearer"), "RFC 6750, section 3");
    assert_eq!(nobody.header("content-type"), "application/problem+json");
    for shown in [
        "Bearer opensesame-opensesame",
        "Bearer opensesame.opensesame.opensesame",
        "Bearer pw_opensesame.opensesame",
        "Bearer opensesame, Bearer opensesame",
        "Basic opensesame",
        "opensesame",
    ] {
        let refused = ask(Some(("authorization", shown))).await;
        assert_eq!((refused.status, code(&refused).as_str()), (401, "invalid_token"), "{shown}");
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        let text = String::from_utf8_lossy(&refused.bytes).into_owned();
        assert!(!text.contains("opensesame"), "{text}");
    }
    let mut twice = http::Request::get(url("/api/projects")).body(Body::empty()).unwrap();
    for token in [&world.jwt("anna"), ADMIN_TOKEN] {
        twice.headers_mut().append("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let refused = world.send(twice).await;
    assert_eq!((refused.status, code(&refused).as_str()), (401, "invalid_token"));
    assert!(refused.json()["detail"].as_str().unwrap().contains("more than one"));
}

#[tokio::test(start_paused = true)]
async fn users_of_an_issuer_have_their_own_projects() {
    let world = World::closed();
    let (anna, bert) = (world.jwt("anna"), world.jwt("bert"));
    let upload = url("/api/projects/demo/upload-script");
    assert_eq!(send(&world, &http::Method::POST, upload.clone(), Some(&anna)).await.0, 201);
    assert_eq!(send(&world, &http::Method::POST, upload.clone(), Some(&bert)).await, problem(409, "name_taken"));
    assert_eq!(send(&world, &http::Method::POST, upload, Some(&anna)).await.0, 201);
    let status = url("/api/projects/demo/status");
    assert_eq!(send(&world, &http::Method::GET, status.clone(), Some(&anna)).await.0, 200);
    // The admin role gives access to projects without an owner only.
    for other in [&bert, &world.admin_jwt("carla"), ADMIN_TOKEN] {
        assert_eq!(
            send(&world, &http::Method::GET, status.clone(), Some(other)).await,
            problem(404, "project_not_found")
        );
    }
    let anna_s = world.get_with("/api/projects", ("authorization", &format!("Bearer {anna}"))).await.json();
    let bert_s = world.get_with("/api/projects", ("authorization", &format!("Bearer {bert}"))).await.json();
    assert_eq!((&anna_s["total_projects"], &bert_s["total_projects"]), (&1.into(), &0.into()));
}

/// docs/authentication.md: an admin is refused like any user, but can create a token for the owner or take the project.
#[tokio::test(start_paused = true)]
async fn an_admin_can_take_over_a_project() {
    let world = World::closed();
    let (status, owner) = ("/api/projects/demo/status", "/api/projects/demo/owner");
    for admin in [ADMIN_TOKEN, &world.admin_jwt("carla")].map(|token| Person::bearer(&world, token)) {
        assert_eq!(Person::bearer(&world, &world.jwt("anna")).upload("demo").await, 201);
        assert_eq!((admin.get(status).await.status, admin.upload("demo").await), (404, 409));
        let (as_anna, _) = admin.make(json!({"name": "in her name", "user": "anna"})).await;
        assert_eq!(Person::bearer(&world, &as_anna).upload("demo").await, 201);
        let me = admin.get("/api/session").await.json()["user"].clone();
        for (new, old) in [(&me, &json!("anna")), (&json!("anna"), &me)] {
            let given = admin.call("PUT", owner, Some(json!({"owner": new}))).await;
            assert_eq!((given.status, &given.json()["previous_owner"]), (200, old));
            assert_eq!(admin.get(status).await.status, if *new == me { 200 } else { 404 });
        }
    }
}

#[tokio::test(start_paused = true)]
async fn admin_routes_need_admin_token_or_role() {
    let world = World::closed();
    for (method, path) in routes(&[Permission::Admin]) {
        assert_eq!(send(&world, &method, url(&path), None).await, problem(401, "unauthorized"), "{method} {path}");
        for token in ["", "wrong", &ADMIN_TOKEN[1..], &ADMIN_TOKEN.to_uppercase(), RUNNER_TOKEN] {
            let answer = send(&world, &method, url(&path), Some(token)).await;
            assert_eq!(answer, problem(401, "invalid_token"), "{method} {path} {token:?}");
        }
        let user = send(&world, &method, url(&path), Some(&world.jwt("anna"))).await;
        assert_eq!(user, problem(403, "admin_only"), "{method} {path}");
        for token in [ADMIN_TOKEN, &world.admin_jwt("anna")] {
            let (status, code) = send(&world, &method, url(&path), Some(token)).await;
            assert!(![401, 403, 503].contains(&status), "{method} {path}: {status} {code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn admin_token_opens_user_routes_without_an_issuer() {
    let world = World::with(MemoryStore::new(), &[("ADMIN_TOKEN", ADMIN_TOKEN)]);
    for (method, path) in routes(USERS) {
        assert_eq!(send(&world, &method, url(&path), None).await, problem(401, "unauthorized"), "{method} {path}");
        let stranger = send(&world, &method, url(&path), Some(&world.jwt("anna"))).await;
        assert_eq!(stranger, problem(401, "invalid_token"), "{method} {path}");
        let (status, code) = send(&world, &method, url(&path), Some(ADMIN_TOKEN)).await;
        assert!(![401, 403, 503].contains(&status), "{method} {path}: {status} {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_sites_cannot_change_anything() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let send = async |method: &http::Method, path: &str, header: (&str, &str)| {
        let request = http::Request::builder().method(method).uri(url(path)).header(header.0, header.1);
        world.send(request.body(Body::empty()).unwrap()).await
    };
    let foreign = [
        ("origin", "https://evil.example.com"),
        ("origin", "http://127.0.0.1:8788"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ];
    let own = [("origin", "http://127.0.0.1:8787"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")];
    let before = world.store.inner.keys();
    for (method, path) in routes(USERS) {
        for header in foreign {
            let answer = send(&method, &path, header).await;
            let refused = answer.status == 403 && answer.json()["code"] == "foreign_origin";
            // A browser does not show the response to a page of another site. WebSockets have their own test.
            assert_eq!(refused, !method.is_safe(), "{method} {path} {header:?}: {}", answer.status);
        }
    }
    assert_eq!(world.store.inner.keys(), before);
    for header in own {
        for (method, path) in routes(USERS) {
            assert_ne!(send(&method, &path, header).await.status, 403, "{method} {path} {header:?}");
        }
    }
    assert_ne!(world.status("demo").await["version"], 1, "the service's own page has cancelled and retried it");
}

#[tokio::test(start_paused = true)]
async fn runner_routes_need_the_runner_token() {
    for world in [World::new(), World::closed()] {
        let admin = world.admin_jwt("anna");
        for (method, path) in routes(&[Permission::Runner]) {
            assert_eq!(send(&world, &method, url(&path), None).await, problem(401, "unauthorized"), "{method} {path}");
            for token in ["", "wrong", &RUNNER_TOKEN[1..], ADMIN_TOKEN, &admin] {
                let answer = send(&world, &method, url(&path), Some(token)).await;
                assert_eq!(answer, problem(401, "invalid_token"), "{method} {path} {token:?}");
            }
            let (status, _) = send(&world, &method, url(&path), Some(RUNNER_TOKEN)).await;
            assert!([415, 426].contains(&status), "{method} {path}: {status}");
        }
        for (method, path) in routes(NAMED) {
            let answer = send(&world, &method, url(&path), Some(RUNNER_TOKEN)).await;
            assert_eq!(answer, problem(401, "invalid_token"), "it opens no other route: {method} {path}");
        }
    }
}

/// Only the health check looks at a credential: it shows more to admins.
#[tokio::test(start_paused = true)]
async fn public_routes_do_not_authenticate() {
    let world = World::with(MemoryStore::new(), &[&issuer::BY_KEY_SET[..], &[("ADMIN_TOKEN", ADMIN_TOKEN)]].concat());
    let (signer, now) = (Signer::rsa(), world.clock.now());
    world.issuer.inner.publish(&[signer.public("it")]);
    let session = Person::admin(&world).sign_in().await;
    let (program, _) = Person::admin(&world).make(json!({"name": "lathe", "user": "anna"})).await;
    let people = [
        Person::browser(&world, &session),
        Person::bearer(&world, &program),
        Person::bearer(&world, &signer.token(Some("it"), &issuer::claims("anna", now))),
    ];
    let lookups = || (world.calls.accounts.get(), world.issuer.seen.borrow().len());
    for (method, path) in routes(&[Permission::Public]) {
        for person in &people {
            // Signing out calls the account.
            if method != http::Method::DELETE {
                let before = lookups();
                assert!(person.call(method.as_str(), &path, None).await.status < 400, "{method} {path}");
                assert_eq!(lookups(), before, "{method} {path}");
            }
        }
    }
    let health = routes(&[Permission::Recognised]);
    assert_eq!(health, [(http::Method::GET, "/api/monitoring/health".to_owned())]);
    for (person, calls, sees_components) in
        [(&people[0], (1, 0), true), (&people[1], (1, 0), false), (&people[2], (0, 1), false)]
    {
        let before = lookups();
        let body = person.get(&health[0].1).await.json();
        assert_eq!(lookups(), (before.0 + calls.0, before.1 + calls.1));
        assert_eq!(body.get("components").is_some(), sees_components, "{body}");
    }
    let before = lookups();
    assert_eq!(people[0].delete("/api/session").await.status, 200);
    assert_eq!(lookups().0, before.0 + 1, "one call ends the session");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_setting_is_named() {
    let world = World::with(MemoryStore::new(), &[("AUTH_MODE", "open"), ("S3_ADDRESSING", "sideways")]);
    let answer = world.get("/api/projects/demo/status").await;
    answer.assert_problem(503, "bad_configuration");
    assert!(answer.json()["detail"].as_str().unwrap().contains("S3_ADDRESSING"));
}

#[tokio::test(start_paused = true)]
async fn no_response_holds_a_secret() {
    let everything = [Permission::Public, Permission::Recognised, Permission::Runner];
    for world in [World::new(), World::closed()] {
        world.store.always(Some(Fault::Status(403)));
        let jwt = world.jwt("anna");
        let signature = jwt.rsplit('.').next().unwrap();
        for token in [ADMIN_TOKEN, RUNNER_TOKEN, &jwt, &jwt[..jwt.len() - 1]] {
            for (method, path) in routes(&[NAMED, &everything].concat()) {
                let request = http::Request::builder().method(&method).uri(url(&path));
                let request = request.header("content-type", "text/x-python");
                let request = request.header("authorization", format!("Bearer {token}"));
                let answer = world.attempt(request.body(Body::full("x = 1")).unwrap()).await;
                let text = String::from_utf8_lossy(&answer.bytes).into_owned() + &format!("{:?}", answer.headers);
                for secret in [memory_store::SECRET_KEY, ADMIN_TOKEN, RUNNER_TOKEN, issuer::SECRET, &signature[..20]] {
                    assert!(!text.contains(secret), "{method} {path}: {text}");
                }
            }
        }
    }
}
