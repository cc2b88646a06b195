//! Pages of other sites in a real browser whose person is signed in here: they change nothing, and learn nothing.

use http::{Method, Request};
use serde_json::Value;

use super::browser::made_token;
use crate::browser::Browser;
use crate::http::Api;
use crate::site::Site;
use crate::stack::Stack;
use crate::tools::free_port;
use crate::worker::Worker;

/// Calls that need nothing which a browser would ask about before it lets a page of another site send it.
const POSTS: [&str; 4] = ["projects/{p}/upload-script", "projects/{p}/cancel/1", "projects/{p}/retry/1", "tokens"];

/// A form, a fetch and a WebSocket of another site's page, and of another origin's on the same site: to the first the
/// browser gives no cookie, from the second it brings one, which is refused. In open mode nobody needs a cookie, and
/// both are refused.
pub async fn pages_of_other_sites_get_nowhere(stack: &Stack) {
    let mut settings = stack.settings();
    settings.retain(|(name, _)| name != "AUTH_MODE");
    let mut worker = Worker::start(stack.folder(), "visited-worker", free_port(), &settings);
    worker.ready(&stack.transport, 200).await;
    let api = worker.api(&stack.transport);
    let token = made_token(stack, &worker).await;

    let mut browser = Browser::start(stack.folder(), "visiting-browser").await;
    browser.open(&api.url("/")).await;
    let bearer = format!("{{method: 'POST', headers: {{authorization: 'Bearer {token}'}}}}");
    let sign_in = format!("fetch('/api/session', {bearer}).then(({{status}}) => status)");
    assert_eq!(browser.evaluate(&sign_in).await, 200);
    assert_eq!(browser.evaluate(UPLOAD).await, 201, "its own page may");
    assert_eq!(browser.evaluate(&read(&api.url("/api/projects"))).await, 200);
    assert_eq!(browser.evaluate(&watch(&api.url("/api/projects/visited/watch"))).await, "visited");

    let site = Site::start("text/html", "<!doctype html><title>Elsewhere</title>").await;
    let (other_site, other_origin) = (format!("http://localhost:{}/", site.port), site.url());
    try_from(&mut browser, &other_site, (api, "visited"), 401).await;
    try_from(&mut browser, &other_origin, (api, "visited"), 403).await;
    for page in [&other_site, &other_origin] {
        try_from(&mut browser, page, (stack.api(), "never-made"), 403).await;
    }
    let in_open_mode = stack.api().get("/api/projects/never-made/status").await.expect(200).json();
    assert_eq!(in_open_mode["status"], "no_scripts", "{in_open_mode}");

    let bearer = format!("Bearer {token}");
    let told = async |path: &str| -> Value {
        let request = Request::builder().method(Method::GET).uri(api.url(path)).header("authorization", &bearer);
        api.send(request.body(Default::default()).unwrap()).await.expect(200).json()
    };
    assert_eq!(told("/api/projects/visited/scripts").await["total_versions"], 1);
    assert_ne!(told("/api/projects/visited/status").await["status_info"]["code"], "cancelled");
    assert_eq!(told("/api/tokens").await["total_tokens"], 1);
    browser.open(&api.url("/")).await;
    assert_eq!(browser.evaluate(UPLOAD).await, 201, "the session was there all the time");
}

/// Opens `page`, which tries to get at a project. It is told nothing; the Worker answers `status`, or is not asked.
async fn try_from(browser: &mut Browser, page: &str, (api, project): (Api<'_>, &str), status: u64) {
    browser.open(page).await;
    // Each is asked once, so that its answer is known by its address.
    let at = |path: &str, way: &str| api.url(&format!("/api/{}?{way}={page}", path.replace("{p}", project)));
    let url = at("projects", "read");
    assert_eq!(browser.evaluate(&read(&url)).await, "refused", "{url}");
    for path in POSTS {
        let url = at(path, "post");
        let post = format!("fetch('{url}', {{method: 'POST', mode: 'no-cors', credentials: 'include', body: '{{}}'}})");
        let seen = browser.evaluate(&format!("{post}.then(({{type}}) => type, () => 'refused')")).await;
        assert!(["opaque", "refused"].map(Value::from).contains(&seen), "{url}: {seen}");
        assert_eq!(browser.status_of(&url).await, status, "{url}");
    }
    // A browser asks first whether a page may send JSON, and does not send it.
    let url = at(POSTS[0], "json");
    let headers = "headers: {'content-type': 'application/json'}, body: '{}'";
    let json = format!("fetch('{url}', {{method: 'POST', credentials: 'include', {headers}}})");
    assert_eq!(browser.evaluate(&format!("{json}.then(() => 'sent', () => 'refused')")).await, "refused", "{url}");

    let (url, known) = (at("projects/{p}/watch", "watch"), browser.complaints().len());
    assert_eq!(browser.evaluate(&watch(&url)).await, "refused", "{url}");
    // Chromium's words for 401, and for other answers to a handshake.
    let why = if status == 401 { "HTTP Authentication failed" } else { &format!("response code: {status}") };
    browser.until_complaint(known, &[&url["http".len()..], why]).await;
    // Last, since it leads away.
    let url = at(POSTS[1], "form");
    browser.evaluate(&form(&url)).await;
    assert_eq!(browser.status_of(&url).await, status, "{url}");
}

/// What the service's own page does to send a script.
const UPLOAD: &str = "fetch('/api/projects/visited/upload-script', {method: 'POST', body: 'x = 1', \
                      headers: {'content-type': 'text/x-python'}}).then(({status}) => status)";

/// Reads with the cookie; what comes of it.
fn read(url: &str) -> String {
    format!("fetch('{url}', {{credentials: 'include'}}).then(({{status}}) => status, () => 'refused')")
}

/// Opens a WebSocket; the project that its first message is about.
fn watch(url: &str) -> String {
    let heard = "socket.onmessage = ({data}) => { done(JSON.parse(data).project_name); socket.close(); };";
    let address = url.replacen("http", "ws", 1);
    format!(
        "new Promise(done => {{ const socket = new WebSocket('{address}'); {heard} \
         socket.onerror = () => done('refused'); }})"
    )
}

/// Sends a form, which leads to the answer.
fn form(url: &str) -> String {
    format!(
        "(() => {{ const form = document.createElement('form'); form.method = 'POST'; form.action = '{url}'; \
         document.body.append(form); form.submit(); }})()"
    )
}
