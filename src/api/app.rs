//! The way of a request: id, route, caller, parameters, body, handler, answer.

use bytes::Bytes;

use super::auth::{Door, Page};
use super::batch;
use super::config::Config;
use super::error::ApiError;
use super::headers;
use super::reply::Reply;
use super::request::{Call, Query};
use super::route::{self, Match, RequestBody, Route};
use super::upload;
use crate::assets::Assets;
use crate::auth::SharedKeys;
use crate::crypto::Verifier;
use crate::metrics::{Metric, Tally};
use crate::object::{ObjectName, Objects};
use contract::RequestId;
use platform::ConfigError;
use platform::{Body, Clock, Http};

/// What becomes of a request.
pub enum Served {
    /// The answer.
    Answer(http::Response<Body>),
    /// A WebSocket's handshake, admitted: `request` goes to `object` as it is, and what the object answers, with its
    /// socket, to the caller.
    Upgrade {
        /// Who holds the socket.
        object: ObjectName,
        /// What to send there.
        request: http::Request<Bytes>,
    },
}

/// What the API stands on.
#[derive(Clone, Copy)]
pub struct Platform<'a> {
    /// The way to the bucket, and to an issuer's keys.
    pub http: &'a dyn Http,
    /// The time, and waiting.
    pub clock: &'a dyn Clock,
    /// The way to the objects.
    pub objects: &'a dyn Objects,
    /// Checks signatures.
    pub verifier: &'a dyn Verifier,
    /// The browser page's files.
    pub assets: &'a dyn Assets,
}

/// The API over its platform.
pub struct App<'a> {
    config: &'a Result<Config, ConfigError>,
    platform: Platform<'a>,
    keys: &'a SharedKeys,
    tally: &'a Tally,
}

impl<'a> App<'a> {
    /// With a wrong configuration every call answers 503 and names the setting. `keys` and `tally` outlive the request:
    /// the issuer's keys, as they were last fetched, and what was counted, which is told after the answer
    /// ([`Tally::send`]).
    pub fn new(
        config: &'a Result<Config, ConfigError>,
        platform: Platform<'a>,
        (keys, tally): (&'a SharedKeys, &'a Tally),
    ) -> Self {
        Self { config, platform, keys, tally }
    }

    /// Serves one request; `request`'s URI is absolute. Every answer carries `x-request-id`.
    pub async fn handle(&self, request: http::Request<Body>) -> Served {
        let given = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
        let request_id: RequestId = given.and_then(|id| id.parse().ok()).unwrap_or_else(RequestId::random);
        let is_head = request.method() == http::Method::HEAD;
        let is_https = request.uri().scheme_str() == Some("https");
        let origin = request.headers().get("origin").cloned();
        let mut outcome = self.answer(request, &request_id).await;
        if let Ok(reply) = &mut outcome
            && let Some((object, request)) = reply.take_upgrade()
        {
            if !is_head {
                return Served::Upgrade { object, request };
            }
            outcome = Err(ApiError::upgrade_required());
        }
        if let Err(error) = &outcome {
            let metric = if error.status().is_client_error() { Metric::ClientError } else { Metric::ServerError };
            self.tally.record(metric, error.code(), self.platform.clock.now());
        }
        let mut response = outcome.map_or_else(|error| error.into_response(&request_id), Reply::into_response);
        let headers = response.headers_mut();
        if let Ok(value) = request_id.as_str().parse() {
            headers.insert("x-request-id", value);
        }
        headers::guard(headers, is_https);
        if let Ok(config) = self.config {
            config.allowed_origins.mark(origin.as_ref(), headers);
        }
        if is_head {
            *response.body_mut() = Body::empty();
        }
        Served::Answer(response)
    }

    async fn answer(&self, request: http::Request<Body>, request_id: &RequestId) -> Result<Reply, ApiError> {
        let (head, body) = request.into_parts();
        if head.method == http::Method::OPTIONS {
            // A browser asks this way before a page of another site may call, and shows no token with it.
            let methods = route::methods(head.uri.path())?;
            let config = self.config.as_ref().map_err(ApiError::config)?;
            return Ok(config.allowed_origins.options(&methods, &head.headers));
        }
        let Match { route, parameters } = route::find(&head.method, head.uri.path())?;
        let config = self.config.as_ref().map_err(ApiError::config)?;
        let page = Page::of(&head.headers, &head.uri, config.allowed_origins.list());
        let door = Door { config, platform: self.platform, keys: self.keys };
        let identity = door.admit(route.permission, &head, &page).await?;
        if !head.method.is_safe() {
            page.require(&identity.credential)?;
        }
        let query = Query::parse(head.uri.query().unwrap_or_default(), route.query)?;
        let Platform { http, clock, objects, assets, .. } = self.platform;
        let mut call = Call {
            config,
            http,
            clock,
            objects,
            assets,
            tally: self.tally,
            identity,
            page,
            request_id: request_id.clone(),
            headers: head.headers,
            parameters,
            query,
            body: Bytes::new(),
        };
        let outcome = Self::work(route, &mut call, body).await;
        if let (RequestBody::Script, Err(error)) = (route.body, &outcome) {
            call.count(Metric::UploadFailed, error.code());
        }
        outcome
    }

    async fn work(route: &Route, call: &mut Call<'_>, body: Body) -> Result<Reply, ApiError> {
        call.body = match route.body {
            RequestBody::None => Bytes::new(),
            RequestBody::Script => upload::read_body(&call.headers, body).await?,
            RequestBody::Json { limit } => call.read_json(body, limit).await?,
            RequestBody::Batch => batch::read_body(&call.headers, body).await?,
        };
        (route.handler)(call).await
    }
}
