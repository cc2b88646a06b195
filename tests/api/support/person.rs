//! A caller of the API with the credentials of each request.

use platform::Body;
use serde_json::{Value, json};

use super::world::{ADMIN_TOKEN, Answer, World, url};

/// The origin of the service's own page.
pub const OWN_ORIGIN: &str = "http://127.0.0.1:8787";

pub struct Person<'a> {
    world: &'a World,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Person<'a> {
    /// A caller without a credential.
    pub fn nobody(world: &'a World) -> Self {
        Self { world, headers: Vec::new() }
    }

    /// A program with a token.
    pub fn bearer(world: &'a World, token: &str) -> Self {
        Self { world, headers: vec![("authorization", format!("Bearer {token}"))] }
    }

    /// The holder of `ADMIN_TOKEN`.
    pub fn admin(world: &'a World) -> Self {
        Self::bearer(world, ADMIN_TOKEN)
    }

    /// The service's own page in a browser with this session cookie.
    pub fn browser(world: &'a World, text: &str) -> Self {
        Self { world, headers: vec![cookie(text), ("origin", OWN_ORIGIN.to_owned())] }
    }

    /// The same person with one more header.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = http::Request::builder().method(method).uri(url(path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::full(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.world.send(request.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    /// Uploads a script; returns the response's status.
    pub async fn upload(&self, project: &str) -> u16 {
        self.post(&format!("/api/projects/{project}/upload-script"), json!({"code": "x = 1"})).await.status
    }

    /// Creates a token and asserts success; returns its text and its id.
    pub async fn make(&self, wanted: Value) -> (String, String) {
        let answer = self.post("/api/tokens", wanted).await;
        let body = answer.json();
        assert_eq!(answer.status, 201, "{body}");
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        (text("token"), text("id"))
    }

    /// Signs in and asserts success; returns the cookie's value.
    pub async fn sign_in(&self) -> String {
        let answer = self.call("POST", "/api/session", None).await;
        assert_eq!(answer.status, 200, "{:?}", answer.bytes);
        cookie_value(&answer).to_owned()
    }
}

/// The value of the session cookie that a response sets.
pub fn cookie_value(answer: &Answer) -> &str {
    let (pair, _) = answer.header("set-cookie").split_once(';').unwrap();
    pair.strip_prefix("__Host-partwright=").unwrap()
}

/// The header with a session cookie.
pub fn cookie(text: &str) -> (&'static str, String) {
    ("cookie", format!("theme=dark; __Host-partwright={text}"))
}
