//! A real browser, Chromium, driven by its own protocol (Chrome DevTools Protocol) over a WebSocket.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use futures::{SinkExt, StreamExt};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::process::{Process, command};
use crate::tools::tool;
use crate::wait::until;

/// How long the browser may take to answer one command.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A browser with one page.
pub struct Browser {
    socket: WebSocketStream<TcpStream>,
    /// The page's session.
    session: String,
    commands: u64,
    /// What the page and the browser complained of: errors of scripts, of the console, of the page's policy.
    complaints: Vec<String>,
    /// The addresses that were asked, by the request's id.
    asked: Vec<(String, String)>,
    /// The statuses that were answered, likewise, whether the page may learn them or not.
    statuses: Vec<(String, u64)>,
    _process: Process,
}

impl Browser {
    /// Starts one with a profile of its own, which keeps downloads in `folder`.
    pub async fn start(folder: &Path, name: &str) -> Self {
        let profile = folder.join(name);
        let mut chromium = command(&tool("PARTWRIGHT_CHROMIUM"), Signal::SIGKILL);
        chromium.arg(format!("--user-data-dir={}", profile.display())).env("HOME", &profile);
        // Its own sandbox needs a user that is not root; what it shows here is this service's page alone.
        chromium.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
        chromium.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
        chromium.args(["--remote-debugging-port=0", "--window-size=1200,1000", "about:blank"]);
        let mut process = Process::start(folder, name, Duration::ZERO, chromium);
        let url = until("the browser's address", async || {
            process.must_live();
            let said = process.said();
            said.lines().find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned)).ok_or(said)
        })
        .await;
        let host = url.split('/').nth(2).unwrap();
        let (socket, _) = client_async(&url, TcpStream::connect(host).await.unwrap()).await.unwrap();
        let mut browser = Self {
            socket,
            session: String::new(),
            commands: 0,
            complaints: Vec::new(),
            asked: Vec::new(),
            statuses: Vec::new(),
            _process: process,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"})).await["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true})).await;
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"] {
            browser.call(&format!("{domain}.enable"), json!({})).await;
        }
        let downloads = json!({"behavior": "allow", "downloadPath": folder});
        browser.call("Page.setDownloadBehavior", downloads).await;
        browser
    }

    /// Sends a command and gives its result.
    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.commands += 1;
        let id = self.commands;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(command.to_string())).await.unwrap();
        let answered = async {
            loop {
                let Message::Text(text) = self.socket.next().await.expect("the browser lives").unwrap() else {
                    continue;
                };
                let told: Value = serde_json::from_str(&text).unwrap();
                if told["id"] == id {
                    return told;
                }
                self.note(&told);
            }
        };
        let told = tokio::time::timeout(TIMEOUT, answered).await.unwrap_or_else(|_| panic!("{method}: no answer"));
        assert!(told["error"].is_null(), "{method}: {told}");
        told["result"].clone()
    }

    /// Keeps what an event tells.
    fn note(&mut self, event: &Value) {
        self.complaints.extend(complaint(event));
        let told = &event["params"];
        let id = told["requestId"].as_str().unwrap_or_default().to_owned();
        let url = told["request"]["url"].as_str();
        match (event["method"].as_str(), url, told["statusCode"].as_u64()) {
            (Some("Network.requestWillBeSent"), Some(url), _) => self.asked.push((id, url.to_owned())),
            (Some("Network.responseReceivedExtraInfo"), _, Some(status)) => self.statuses.push((id, status)),
            _ => {}
        }
    }

    /// Waits for the status of what `url` was asked, which is asked only once. The page itself may never learn it.
    pub async fn status_of(&mut self, url: &str) -> u64 {
        until(&format!("an answer of {url}"), async || {
            self.hear().await;
            let mut ids = self.asked.iter().filter(|(_, asked)| asked == url).map(|(id, _)| id);
            let found = ids.find_map(|id| self.statuses.iter().find(|(answered, _)| answered == id));
            found.map(|(_, status)| *status).ok_or_else(|| format!("{:?}, {:?}", self.asked, self.complaints))
        })
        .await
    }

    /// Waits for a complaint that holds all of these words and is none of the first `known`.
    pub async fn until_complaint(&mut self, known: usize, words: &[&str]) {
        until(&format!("a complaint of {words:?}"), async || {
            self.hear().await;
            let new = &self.complaints[known..];
            let is_it = |said: &String| words.iter().all(|word| said.contains(word));
            if new.iter().any(is_it) { Ok(()) } else { Err(format!("{new:?}")) }
        })
        .await;
    }

    /// Lets events come in, by a question that needs no page.
    async fn hear(&mut self) {
        self.call("Page.getNavigationHistory", json!({})).await;
    }

    /// Opens an address and waits until it is loaded.
    pub async fn open(&mut self, url: &str) {
        let told = self.call("Page.navigate", json!({"url": url})).await;
        assert!(told["errorText"].is_null(), "{url}: {told}");
        self.until("the page", "document.readyState === 'complete'").await;
    }

    /// What an expression comes to in the page.
    pub async fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let told = self.call("Runtime.evaluate", asked).await;
        assert!(told["exceptionDetails"].is_null(), "{expression}: {told}");
        told["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub async fn until(&mut self, what: &str, expression: &str) {
        until(what, async || {
            let seen = self.evaluate(expression).await;
            if seen == true {
                return Ok(());
            }
            let text = self.evaluate("document.body?.innerText").await;
            Err(format!("{expression}: {seen}; the page says {text}; {:?}", self.complaints))
        })
        .await;
    }

    /// Types text where the focus is, as a keyboard or a paste does.
    pub async fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// Presses and releases a key that has no letter.
    pub async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            _ => panic!("{key}: no such key here"),
        };
        let press = json!({"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
        self.call("Input.dispatchKeyEvent", press).await;
        let release = json!({"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", release).await;
    }

    /// Goes by the Tab key until the element with this id has the focus.
    pub async fn tab_to(&mut self, id: &str) {
        for _ in 0..40 {
            if self.evaluate("document.activeElement.id").await == id {
                return;
            }
            self.press("Tab").await;
        }
        panic!("the Tab key does not lead to {id}");
    }

    /// Makes the window so large; a narrow one is a phone's.
    pub async fn resize(&mut self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&mut self, path: &Path) {
        let told = self.call("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(told["data"].as_str().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// What was complained of so far.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }
}

/// What an event complains of, if it does.
fn complaint(event: &Value) -> Option<String> {
    let told = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(told["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" if told["type"] == "error" => Some(told["args"].to_string()),
        "Log.entryAdded" if told["entry"]["level"] == "error" => Some(told["entry"].to_string()),
        "Audits.issueAdded" if told["issue"]["code"] == "ContentSecurityPolicyIssue" => Some(told["issue"].to_string()),
        _ => None,
    }
}
