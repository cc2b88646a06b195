//! The files of the browser page, and the security headers of all responses.

use http::Method;
use partwright::api::ROUTES;
use platform::Body;

use crate::support::memory_store::MemoryStore;
use crate::support::world::{Answer, World, url};

async fn page(world: &World) -> Answer {
    world.get_with("/", ("accept", "text/html,application/xhtml+xml,*/*;q=0.8")).await
}

/// The sources that a directive of the page's policy allows.
fn sources(answer: &Answer, directive: &str) -> Vec<String> {
    let policy = answer.header("content-security-policy");
    let found = policy.split(';').map(str::trim).find_map(|part| part.strip_prefix(directive));
    found.unwrap_or_else(|| panic!("{policy}")).split_whitespace().map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn only_browsers_get_the_page() {
    let world = World::new();
    let html = page(&world).await;
    assert_eq!((html.status, html.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(html.bytes.starts_with(b"<!doctype html>"));
    for accept in ["*/*", "application/json"] {
        let text = world.get_with("/", ("accept", accept)).await;
        assert_eq!((text.status, text.header("content-type")), (200, "text/plain; charset=utf-8"));
        assert!(String::from_utf8_lossy(&text.bytes).contains("Open mode"));
    }
    assert_eq!(html.header("vary"), "accept");
}

#[tokio::test(start_paused = true)]
async fn page_files_are_revalidated() {
    let world = World::new();
    for (path, media_type) in [
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, media_type), "{path}");
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets").join(&path[1..]);
        assert_eq!(answer.bytes, std::fs::read(file).unwrap(), "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache");
        let again = world.get_with(path, ("if-none-match", answer.header("etag"))).await;
        assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, answer.header("etag")), "{path}");
        assert_eq!(world.get_with(path, ("if-none-match", "\"other\"")).await.status, 200, "{path}");
        let head = http::Request::head(url(path)).body(Body::empty()).unwrap();
        let head = world.send(head).await;
        assert_eq!((head.status, head.bytes.len(), head.header("etag")), (200, 0, answer.header("etag")), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_page_loads_served_files_only() {
    let world = World::new();
    let html = String::from_utf8(page(&world).await.bytes.to_vec()).unwrap();
    let named = html.split(['"']).filter(|part| part.starts_with('/') && part.len() > 1);
    let files: Vec<&str> = named.filter(|path| !path.starts_with("/api")).collect();
    assert!(files.len() >= 3, "{files:?}");
    for path in files {
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
    for inline in ["<style", " style=", "javascript:", "<script>"] {
        assert!(!html.contains(inline), "{inline}");
    }
    let mut words = html.split_whitespace();
    assert!(!words.any(|word| word.starts_with("on") && word.contains('=')), "no event handlers");
    let script = String::from_utf8(world.get("/page.js").await.bytes.to_vec()).unwrap();
    for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"] {
        assert!(!script.contains(markup), "{markup}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_policy_allows_the_bucket_and_no_inline_code() {
    let open = ("AUTH_MODE", "open");
    let at_aws = [
        open,
        ("AWS_ENDPOINT_URL_S3", "https://s3.eu-west-1.amazonaws.com"),
        ("S3_ADDRESSING", "virtual"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let behind = [open, ("S3_PUBLIC_ENDPOINT", "https://files.example.com/base")];
    for (settings, store) in [
        (&[open][..], "http://store.test:9000"),
        (&at_aws[..], "https://models.s3.eu-west-1.amazonaws.com"),
        (&behind[..], "https://files.example.com"),
    ] {
        let answer = page(&World::with(MemoryStore::new(), settings)).await;
        assert_eq!(sources(&answer, "default-src"), ["'none'"]);
        for directive in ["script-src", "style-src", "form-action"] {
            assert_eq!(sources(&answer, directive), ["'self'"]);
        }
        for directive in ["frame-ancestors", "base-uri", "trusted-types"] {
            assert_eq!(sources(&answer, directive), ["'none'"]);
        }
        assert_eq!(sources(&answer, "img-src"), ["'self'", "data:", store]);
        assert_eq!(sources(&answer, "connect-src"), ["'self'", store]);
        assert!(!answer.header("content-security-policy").contains("unsafe"));
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert!(answer.header("permissions-policy").contains("camera=()"));
    }
}

#[tokio::test(start_paused = true)]
async fn another_bucket_changes_the_etag_of_the_page() {
    let first = page(&World::new()).await;
    let moved = [("AUTH_MODE", "open"), ("S3_PUBLIC_ENDPOINT", "https://files.example.com")];
    let world = World::with(MemoryStore::new(), &moved);
    let request = http::Request::get(url("/")).header("accept", "text/html");
    let request = request.header("if-none-match", first.header("etag")).body(Body::empty()).unwrap();
    assert_eq!(world.send(request).await.status, 200, "the cached page's policy forbids the new bucket");
}

#[tokio::test(start_paused = true)]
async fn every_response_has_security_headers() {
    let world = World::new();
    world.upload("demo", "x = 1").await;
    let mut paths: Vec<(Method, String)> =
        ROUTES.iter().map(|route| (route.method.clone(), route.path.replace(['{', '}'], ""))).collect();
    paths.extend([(Method::GET, "/nothing".to_owned()), (Method::TRACE, "/".to_owned())]);
    for (method, path) in paths {
        for scheme in ["http", "https"] {
            let uri = format!("{scheme}://127.0.0.1:8787{path}");
            let request = http::Request::builder().method(&method).uri(uri).body(Body::empty()).unwrap();
            let answer = world.send(request).await;
            let call = format!("{method} {scheme} {path}");
            for (header, value) in [
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
                ("cross-origin-resource-policy", "same-origin"),
            ] {
                assert_eq!(answer.header(header), value, "{call}");
            }
            for directive in ["default-src 'none'", "frame-ancestors 'none'"] {
                assert!(answer.header("content-security-policy").contains(directive), "{call}");
            }
            let tls = answer.header("strict-transport-security");
            assert_eq!(!tls.is_empty(), scheme == "https", "{call}: {tls}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_files_are_served() {
    let world = World::new();
    for path in [
        "/index.html",
        "/page.css/",
        "/Page.css",
        "/page",
        "/assets/page.js",
        "/%2e%2e/wrangler.toml",
        "/.",
        "/page.js%00",
    ] {
        let answer = world.get(path).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("no_route")), "{path}");
    }
}
