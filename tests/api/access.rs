//! Who is let in.

use partwright::api::{Permission, ROUTES};

use crate::support::memory_store::MemoryStore;
use crate::support::world::{ADMIN_TOKEN, RUNNER_TOKEN, World};

/// Every route of a permission, with its parameters filled in.
fn routes(permission: Permission) -> Vec<(http::Method, String)> {
    let filled = |path: &str| {
        path.replace("{project}", "demo")
            .replace("{version}", "1")
            .replace("{format}", "step")
            .replace("{name}", "x.log")
    };
    let routes = ROUTES.iter().filter(|route| route.permission == permission);
    let found: Vec<_> = routes.map(|route| (route.method.clone(), filled(route.path))).collect();
    assert!(!found.is_empty());
    found
}

async fn send(world: &World, method: &http::Method, url: String, token: Option<&str>) -> (u16, String) {
    let mut request = http::Request::builder().method(method).uri(url).header("content-type", "text/x-python");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = world.send(request.body(partwright::http::Body::full("x = 1")).unwrap()).await;
    let code = serde_json::from_slice(&answer.bytes).map(|body: serde_json::Value| body["code"].to_string());
    (answer.status, code.unwrap_or_default())
}

fn local(path: &str) -> String {
    crate::support::world::url(path)
}

#[tokio::test(start_paused = true)]
async fn with_nothing_configured_users_and_admins_are_shut_out() {
    let world = World::with(MemoryStore::new(), &[]);
    for (method, path) in routes(Permission::User) {
        let (status, code) = send(&world, &method, local(&path), Some(ADMIN_TOKEN)).await;
        assert_eq!((status, code.as_str()), (503, "\"auth_not_configured\""), "{method} {path}");
    }
    for (method, path) in routes(Permission::Admin) {
        let (status, code) = send(&world, &method, local(&path), Some(ADMIN_TOKEN)).await;
        assert_eq!((status, code.as_str()), (503, "\"admin_not_configured\""), "{method} {path}");
    }
    for (method, path) in routes(Permission::Runner) {
        let (status, code) = send(&world, &method, local(&path), Some(RUNNER_TOKEN)).await;
        assert_eq!((status, code.as_str()), (503, "\"runner_not_configured\""), "{method} {path}");
    }
    assert_eq!(world.store.inner.keys(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn open_mode_is_for_loopback() {
    let world = World::new();
    for (method, path) in routes(Permission::User) {
        for host in ["partwright.example.com", "192.168.1.7:8787", "127.0.0.1.example.com"] {
            let (status, code) = send(&world, &method, format!("http://{host}{path}"), None).await;
            assert_eq!((status, code.as_str()), (403, "\"loopback_only\""), "{method} {host}{path}");
        }
        for host in ["127.0.0.1:8787", "localhost:8787", "[::1]:8787"] {
            let (status, _) = send(&world, &method, format!("http://{host}{path}"), None).await;
            assert!(![401, 403, 503].contains(&status), "{method} {host}{path}: {status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pages_of_other_sites_change_nothing() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let send = async |method: &http::Method, path: &str, header: (&str, &str)| {
        let request = http::Request::builder().method(method).uri(local(path)).header(header.0, header.1);
        world.send(request.body(partwright::http::Body::empty()).unwrap()).await
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
    for (method, path) in routes(Permission::User) {
        for header in foreign {
            let answer = send(&method, &path, header).await;
            let refused = answer.status == 403 && answer.json()["code"] == "foreign_origin";
            // What a page of another site reads, its browser does not show it; WebSockets have their own test.
            assert_eq!(refused, method == "POST", "{method} {path} {header:?}: {}", answer.status);
        }
    }
    assert_eq!(world.store.inner.keys(), before);
    for header in own {
        for (method, path) in routes(Permission::User) {
            assert_ne!(send(&method, &path, header).await.status, 403, "{method} {path} {header:?}");
        }
    }
    assert_ne!(world.status("demo").await["version"], 1, "its own page has cancelled and repeated it");
}

#[tokio::test(start_paused = true)]
async fn admin_calls_take_the_admin_token_alone() {
    let world = World::new();
    for (method, path) in routes(Permission::Admin) {
        for token in [None, Some(""), Some("wrong"), Some(&ADMIN_TOKEN[1..])] {
            let (status, code) = send(&world, &method, local(&path), token).await;
            assert_eq!((status, code.as_str()), (401, "\"unauthorized\""), "{method} {path} {token:?}");
        }
        let (status, _) = send(&world, &method, local(&path), Some(ADMIN_TOKEN)).await;
        assert_eq!(status, 200, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn runners_calls_take_the_runners_token_alone() {
    let world = World::new();
    for (method, path) in routes(Permission::Runner) {
        for token in [None, Some(""), Some("wrong"), Some(&RUNNER_TOKEN[1..]), Some(ADMIN_TOKEN)] {
            let (status, code) = send(&world, &method, local(&path), token).await;
            assert_eq!((status, code.as_str()), (401, "\"unauthorized\""), "{method} {path} {token:?}");
        }
        let (status, _) = send(&world, &method, local(&path), Some(RUNNER_TOKEN)).await;
        assert!([415, 426].contains(&status), "{method} {path}: {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_setting_is_named_and_no_secret_told() {
    let world = World::with(MemoryStore::new(), &[("AUTH_MODE", "open"), ("S3_ADDRESSING", "sideways")]);
    let answer = world.get("/api/projects/demo/status").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("bad_configuration")));
    assert!(answer.json()["detail"].as_str().unwrap().contains("S3_ADDRESSING"));
}

#[tokio::test(start_paused = true)]
async fn no_answer_holds_a_secret() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    world.store.always(Some(crate::support::faults::Fault::Status(403)));
    for (method, path) in routes(Permission::User)
        .into_iter()
        .chain(routes(Permission::Public))
        .chain(routes(Permission::Admin))
        .chain(routes(Permission::Runner))
    {
        let mut request =
            http::Request::builder().method(&method).uri(local(&path)).header("content-type", "text/x-python");
        request = request.header("authorization", format!("Bearer {ADMIN_TOKEN}"));
        let answer = world.send(request.body(partwright::http::Body::full("x = 1")).unwrap()).await;
        let text = String::from_utf8_lossy(&answer.bytes).into_owned() + &format!("{:?}", answer.headers);
        for secret in [crate::support::memory_store::SECRET_KEY, ADMIN_TOKEN, RUNNER_TOKEN] {
            assert!(!text.contains(secret), "{method} {path}: {text}");
        }
    }
}
