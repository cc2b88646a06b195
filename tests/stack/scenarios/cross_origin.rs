//! Pages of other sites in a real browser whose user is signed in: they cannot change or read anything.

use serde_json::json;

use super::browser::made_token;
use crate::browser;
use crate::site::Site;
use crate::stack::Stack;
use crate::tools::free_port;
use crate::worker::Worker;

/// Another site's page, and a page of another origin on the same site, try a form, `fetch` and a WebSocket. The browser
/// sends no cookie for the first page. It sends the cookie for the second one, whose origin the service refuses. In open
/// mode, which needs no cookie, the service refuses both.
pub async fn other_sites_cannot_use_a_session(stack: &Stack) {
    let mut settings = stack.settings();
    settings.retain(|(name, _)| name != "AUTH_MODE");
    let mut worker = Worker::start(stack.folder(), "visited-worker", free_port(), &settings);
    worker.ready(&stack.transport, 200).await;
    let token = made_token(stack, &worker).await;
    let api = worker.api(&stack.transport).with_token(&token);

    let site = Site::start("text/html", "<!doctype html><title>Elsewhere</title>").await;
    let input = json!({
        "url": api.base,
        "project": "visited",
        "token": token,
        "openUrl": stack.api().base,
        "openProject": "never-made",
        "otherSite": format!("http://localhost:{}/", site.port),
        "otherOrigin": site.url(),
    });
    browser::run(stack, "other_sites", input).await;

    let in_open_mode = stack.api().get("/api/projects/never-made/status").await.expect(200).json();
    assert_eq!(in_open_mode["status"], "no_scripts", "{in_open_mode}");
    // The two versions are the uploads of the service's own page.
    let versions = api.get("/api/projects/visited/scripts").await.expect(200).json();
    assert_eq!(versions["total_versions"], 2, "{versions}");
    for version in versions["scripts"].as_array().unwrap() {
        assert_eq!(version["origin"], "upload", "{versions}");
        assert_ne!(version["phase"], "cancelled", "{versions}");
    }
    let tokens = api.get("/api/tokens").await.expect(200).json();
    assert_eq!(tokens["total_tokens"], 1, "{tokens}");
}
