//! The HTTP client of the tests. It checks each response against the OpenAPI document.

use std::time::Duration;

use bytes::Bytes;
use partwright::api::{App, Platform, Served};
use partwright::object::{ObjectName, handshake_call};
use partwright::project::ProjectCall;
use platform::{Body, Clock};
use serde_json::Value;

use super::answer::Answer;
use super::openapi_check;
use super::platform::{AssetFolder, Messages};
use super::verifier::RingVerifier;
use super::world::World;

/// The address of a path of the service.
pub fn url(path: &str) -> String {
    format!("http://127.0.0.1:8787{path}")
}

impl World {
    /// Sends a request to the API and reads the whole response.
    pub async fn send(&self, request: http::Request<Body>) -> Answer {
        match self.serve_request(request).await {
            Ok(answer) => answer,
            Err(_) => panic!("a WebSocket: use `connect`"),
        }
    }

    /// Opens a WebSocket. Returns the response if it is refused.
    pub async fn connect(&self, path: &str, header: Option<(&str, &str)>) -> Result<Messages, Answer> {
        let mut request = http::Request::get(url(path)).header("upgrade", "websocket");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let (object, request) = match self.serve_request(request.body(Body::empty()).unwrap()).await {
            Ok(answer) => return Err(answer),
            Err(upgrade) => upgrade,
        };
        let asked = request.uri().to_string();
        let instance = self.instance(&object);
        let (first, until) = match object {
            ObjectName::Project(_) => {
                let call: ProjectCall = handshake_call(&asked).unwrap();
                let memory = instance.memory.borrow().clone();
                let greeting = self.project(&instance, &memory).greeting(&call).await.unwrap();
                (greeting.message, Some(greeting.close_at))
            }
            ObjectName::Fleet => (self.fleet(&instance).greeting(&handshake_call(&asked).unwrap()).unwrap(), None),
            other => panic!("{other:?} holds no WebSockets"),
        };
        Ok(instance.sockets.accept(first, until))
    }

    /// Sends a request to the API. A WebSocket that would be opened is the status 101 and is not opened.
    pub async fn attempt(&self, request: http::Request<Body>) -> Answer {
        let opened = |_| Answer { status: 101, headers: http::HeaderMap::new(), bytes: Bytes::new() };
        self.serve_request(request).await.unwrap_or_else(opened)
    }

    /// Sends a request to the API; returns the response before its body is read.
    pub async fn start(&self, request: http::Request<Body>) -> http::Response<Body> {
        match self.handle(request).await {
            Served::Answer(answer) => answer,
            Served::Upgrade { .. } => panic!("a WebSocket: use `connect`"),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(url(path)).body(Body::empty()).unwrap()).await
    }

    /// Gets a path with one more header.
    pub async fn get_with(&self, path: &str, header: (&str, &str)) -> Answer {
        self.send(http::Request::get(url(path)).header(header.0, header.1).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, media_type: &str, body: impl Into<Bytes>) -> Answer {
        let request = http::Request::post(url(path)).header("content-type", media_type);
        self.send(request.body(Body::full(body)).unwrap()).await
    }

    /// Posts JSON or nothing, with one more header.
    pub async fn post_with(&self, path: &str, header: (&str, &str), body: Option<Value>) -> Answer {
        let request = http::Request::post(url(path)).header(header.0, header.1);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::full(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    /// Posts JSON text with a token.
    pub async fn post_with_bearer(&self, path: &str, token: &str, body: String) -> Answer {
        let request = http::Request::post(url(path)).header("authorization", format!("Bearer {token}"));
        self.send(request.header("content-type", "application/json").body(Body::full(body)).unwrap()).await
    }

    /// Uploads a script; returns its version.
    pub async fn upload(&self, project: &str, code: &str) -> u64 {
        let path = format!("/api/projects/{project}/upload-script");
        let answer = self.post(&path, "text/x-python", code.to_owned()).await;
        assert_eq!(answer.status, 201, "{:?}", answer.bytes);
        answer.json()["version"].as_u64().unwrap()
    }

    /// The project's status, 4 s later, so that the object looks at the bucket again.
    pub async fn status(&self, project: &str) -> Value {
        self.clock.sleep(Duration::from_secs(4)).await;
        self.get(&format!("/api/projects/{project}/status")).await.json()["status_info"].clone()
    }

    /// The response, which must be documented, or the upgrade to a WebSocket.
    async fn serve_request(&self, request: http::Request<Body>) -> Result<Answer, (ObjectName, http::Request<Bytes>)> {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let outcome = self.handle(request).await;
        self.deliver_posted().await;
        let (head, body) = match outcome {
            Served::Answer(response) => response.into_parts(),
            Served::Upgrade { object, request } => return Err((object, request)),
        };
        let bytes = body.bytes(usize::MAX).await.unwrap();
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, bytes };
        openapi_check::assert_documented(&method, &path, &answer);
        Ok(answer)
    }

    async fn handle(&self, request: http::Request<Body>) -> Served {
        let http = self.network();
        let platform =
            Platform { http: &http, clock: &self.clock, objects: self, verifier: &RingVerifier, assets: &AssetFolder };
        App::new(&self.config, platform, (&self.keys, &self.tally)).handle(request).await
    }
}
