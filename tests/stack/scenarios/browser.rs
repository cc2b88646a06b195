//! The page in a real browser, as a person uses it who has a token and a keyboard.

use std::path::PathBuf;

use http::{Method, Request};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::site::Site;
use crate::stack::Stack;
use crate::tools::{free_port, own_file, script};
use crate::wait::until;
use crate::worker::{ADMIN_TOKEN, Worker};

/// Signs in, sends a script, watches it become a model, sees its picture, downloads it, is told the line of a mistake,
/// and signs out. Nothing is done that the page's policy forbids.
pub async fn a_person_signs_in_and_makes_a_model(stack: &Stack) {
    let mut settings = stack.settings();
    settings.retain(|(name, _)| name != "AUTH_MODE");
    let mut worker = Worker::start(stack.folder(), "page-worker", free_port(), &settings);
    worker.ready(&stack.transport, 200).await;
    let api = worker.api(&stack.transport);
    let token = made_token(stack, &worker).await;

    let mut browser = Browser::start(stack.folder(), "browser").await;
    browser.open(&api.url("/")).await;
    browser.until("the sign-in", "document.activeElement.id === 'token'").await;
    assert_eq!(browser.evaluate("document.getElementById('open-mode').hidden").await, true);
    // A token that is none is told so, and leaves the form.
    browser.write("pw_none").await;
    browser.press("Enter").await;
    browser.until("the refusal", "document.getElementById('trouble').hidden === false").await;
    browser.tab_to("token").await;
    browser.write(&token).await;
    browser.press("Enter").await;
    browser.until("the signed-in page", "document.activeElement.id === 'name'").await;
    assert_eq!(browser.evaluate("document.getElementById('user').textContent").await, "anna@example.com");
    assert_eq!(browser.evaluate("document.cookie").await, "", "no script can read the cookie");
    assert_eq!(browser.evaluate("document.getElementById('token').value").await, "");

    browser.write("made-by-hand").await;
    browser.tab_to("code").await;
    browser.write(&script("bracket")).await;
    browser.tab_to("send").await;
    browser.press("Enter").await;
    browser.until("the model", "document.getElementById('status').dataset.status === 'completed'").await;
    let picture = "(({complete, naturalWidth}) => complete && naturalWidth > 100)(document.getElementById('picture'))";
    browser.until("the picture", picture).await;
    let links = "[...document.querySelectorAll('#downloads a')].map(link => link.firstChild.data)";
    assert_eq!(browser.evaluate(links).await, json!(["FCStd", "STEP", "STL", "OBJ", "GLB", "PNG"]));
    show(&mut browser, stack, "page-desktop", 1200).await;
    show(&mut browser, stack, "page-phone", 390).await;

    browser.evaluate("document.querySelectorAll('#downloads a')[1].focus()").await;
    browser.press("Enter").await;
    let file = stack.folder().join("made-by-hand_v1.STEP");
    until("the download", async || {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        if text.trim_end().ends_with("END-ISO-10303-21;") { Ok(()) } else { Err("a part of it".to_owned()) }
    })
    .await;
    assert_eq!(browser.evaluate("location.hash").await, "#made-by-hand", "the page stays where it is");

    // The layout's snippets, letter by letter, need no header either.
    let snippets =
        ["poll_status", "download"].map(|name| std::fs::read_to_string(own_file(&format!("seed/{name}.js"))).unwrap());
    let page = "const seen = [], updateUI = (status) => seen.push(status), window = {open: (url) => seen.push(url)};";
    let run = "await pollStatus('made-by-hand'); await downloadModel('made-by-hand', 'STEP'); return seen;";
    let seen = browser.evaluate(&format!("(async () => {{ {page} {} {run} }})()", snippets.concat())).await;
    assert_eq!(seen[0], "completed", "{seen}");
    assert!(seen[1].as_str().unwrap().contains("/made-by-hand/v1/"), "{seen}");

    // The next version fails, and markup in what it says stays text.
    browser.evaluate("document.getElementById('code').select()").await;
    browser.tab_to("code").await;
    browser.write("raise ValueError('<img src=x onerror=alert(1)>')\n").await;
    browser.tab_to("send").await;
    browser.press("Enter").await;
    browser.until("the failure", "document.getElementById('status').dataset.status === 'error'").await;
    let failure = browser.evaluate("document.getElementById('failure').innerText").await;
    let failure = failure.as_str().unwrap();
    assert!(failure.contains("Line 1") && failure.contains("<img src=x onerror=alert(1)>"), "{failure}");
    assert_eq!(browser.evaluate("document.querySelectorAll('#project img').length").await, 1);
    browser.tab_to("show-log").await;
    browser.press("Enter").await;
    browser.until("the log", "document.getElementById('log').innerText.includes('ValueError')").await;

    // Opened again it is signed in still, and shows the same.
    browser.open(&api.url("/#made-by-hand")).await;
    browser.until("the project", "document.getElementById('status').dataset.status === 'error'").await;
    let listed = "[...document.querySelectorAll('#projects a[aria-current]')].map(link => link.textContent)";
    assert_eq!(browser.evaluate(listed).await, json!(["made-by-hand"]));
    browser.evaluate("document.getElementById('sign-out').focus()").await;
    browser.press("Enter").await;
    browser.until("the sign-in", "document.activeElement.id === 'token'").await;
    assert_eq!(browser.evaluate("fetch('/api/projects').then(({status}) => status)").await, 401);
    let complaints: Vec<&String> = browser.complaints().iter().filter(|said| !is_expected(said)).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// In open mode the page says so loudly, and asks nobody to sign in.
pub async fn open_mode_is_said_loudly(stack: &Stack) {
    let mut browser = Browser::start(stack.folder(), "open-browser").await;
    browser.open(&stack.api().url("/")).await;
    browser.until("the workspace", "document.getElementById('workspace').hidden === false").await;
    let said = browser.evaluate("document.getElementById('open-mode').innerText").await;
    assert!(said.as_str().unwrap().starts_with("Open mode"), "{said}");
    assert_eq!(browser.evaluate("document.getElementById('sign-in').hidden").await, true);
    show(&mut browser, stack, "page-open", 1200).await;
    // What the page's policy is for: markup and code from elsewhere do not run here.
    let inline = "(() => { const script = document.createElement('script'); script.append('window.ran = true'); \
                  document.body.append(script); return window.ran === undefined; })()";
    assert_eq!(browser.evaluate(inline).await, true, "an inline script does not run");
    let markup =
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'done'; } catch { return 'refused'; } })()";
    assert_eq!(browser.evaluate(markup).await, "refused", "no markup is made from text");
    // It would be reached, and it lets pages of all sites read what it says.
    let elsewhere = Site::start("text/plain", "reached").await;
    let (url, known) = (elsewhere.url(), browser.complaints().len());
    let reached = format!("fetch('{url}').then(answer => answer.text(), () => 'refused')");
    assert_eq!(browser.evaluate(&reached).await, "refused");
    browser.until_complaint(known, &["connect-src", &url]).await;
    assert_eq!(elsewhere.asked(), [""; 0]);
    browser.open(&url).await;
    assert_eq!(browser.evaluate(&reached).await, "reached", "on a page without that policy");
}

/// A picture for people, of a page that fits the window's width.
async fn show(browser: &mut Browser, stack: &Stack, name: &str, width: u32) {
    browser.resize(width, 900).await;
    let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(browser.evaluate(fits).await, true, "{name}: it must be pushed sideways to be read");
    let kept = std::env::var_os("PARTWRIGHT_PICTURES").map(PathBuf::from);
    let folder = kept.unwrap_or_else(|| stack.folder().to_owned());
    browser.picture(&folder.join(format!("{name}-{:?}.png", stack.kind))).await;
}

/// An API token for a person, made by the admin.
pub(super) async fn made_token(stack: &Stack, worker: &Worker) -> String {
    let api = worker.api(&stack.transport);
    let body = json!({"name": "the page", "user": "anna@example.com", "expires_in_days": 1}).to_string();
    let request = Request::builder().method(Method::POST).uri(api.url("/api/tokens"));
    let request = request.header("authorization", format!("Bearer {ADMIN_TOKEN}"));
    let request = request.header("content-type", "application/json").body(body.into());
    let told: Value = api.send(request.unwrap()).await.expect(201).json();
    told["token"].as_str().unwrap().to_owned()
}

/// The browser writes down each answer of 401, which is how the page learns that nobody is signed in.
fn is_expected(complaint: &str) -> bool {
    complaint.contains("\"source\":\"network\"") && complaint.contains("status of 401")
}
