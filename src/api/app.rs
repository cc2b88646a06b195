//! Serves a request: id, route, authentication, parameters, handler, response.

use std::cell::RefCell;

use bytes::Bytes;

use super::auth::{Authenticator, RequestOrigin};
use super::config::Config;
use super::error::ApiError;
use super::headers;
use super::platform::Platform;
use super::request::{ApiRequest, Query};
use super::response::ApiResponse;
use super::route::{self, Match};
use crate::auth::SharedKeys;
use crate::metrics::{Metric, Tally};
use crate::object::ObjectName;
use contract::RequestId;
use platform::Body;
use platform::ConfigError;

/// The outcome of a request.
pub enum Served {
    Answer(http::Response<Body>),
    /// The handshake of a WebSocket, from an authenticated caller. The shell sends `request` to `object`, and the
    /// object's response, with its socket, to the caller.
    Upgrade {
        object: ObjectName,
        request: http::Request<Bytes>,
    },
}

/// The API.
pub struct App<'a> {
    config: &'a Result<Config, ConfigError>,
    platform: Platform<'a>,
    keys: &'a SharedKeys,
    tally: &'a Tally,
}

impl<'a> App<'a> {
    /// With a wrong configuration every request gets 503 with the setting's name. `keys` and `tally` outlive the
    /// request: the issuer's cached keys, and the counts, which the shell sends after the response ([`Tally::tell`]).
    pub fn new(
        config: &'a Result<Config, ConfigError>,
        platform: Platform<'a>,
        (keys, tally): (&'a SharedKeys, &'a Tally),
    ) -> Self {
        Self { config, platform, keys, tally }
    }

    /// Serves one request, whose URI is absolute. Every response has `x-request-id`.
    pub async fn handle(&self, request: http::Request<Body>) -> Served {
        let given = request.headers().get("x-request-id").and_then(|value| value.to_str().ok());
        let request_id: RequestId = given.and_then(|id| id.parse().ok()).unwrap_or_else(RequestId::random);
        let is_head = request.method() == http::Method::HEAD;
        let is_https = request.uri().scheme_str() == Some("https");
        let origin = request.headers().get("origin").cloned();
        let mut outcome = self.respond(request, &request_id).await;
        if let Ok(response) = &mut outcome
            && let Some((object, request)) = response.take_upgrade()
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
        let mut response = outcome.map_or_else(|error| error.into_response(&request_id), ApiResponse::into_response);
        let headers = response.headers_mut();
        if let Ok(value) = request_id.as_str().parse() {
            headers.insert("x-request-id", value);
        }
        headers::add_security(headers, is_https);
        if let Ok(config) = self.config {
            config.allowed_origins.mark(origin.as_ref(), headers);
        }
        if is_head {
            *response.body_mut() = Body::empty();
        }
        Served::Answer(response)
    }

    async fn respond(&self, request: http::Request<Body>, request_id: &RequestId) -> Result<ApiResponse, ApiError> {
        let (head, body) = request.into_parts();
        if head.method == http::Method::OPTIONS {
            // The preflight of a browser, which has no credential.
            let methods = route::methods(head.uri.path())?;
            let config = self.config.as_ref().map_err(ApiError::config)?;
            return Ok(config.allowed_origins.options(&methods, &head.headers));
        }
        let Match { route, parameters } = route::find(&head.method, head.uri.path())?;
        let config = self.config.as_ref().map_err(ApiError::config)?;
        let origin = RequestOrigin::of(&head.headers, &head.uri, config.allowed_origins.list());
        let authenticator = Authenticator { config, platform: self.platform, keys: self.keys };
        let identity = authenticator.authenticate(route.permission, &head, &origin).await?;
        if !head.method.is_safe() {
            origin.require_trusted(&identity.credential)?;
        }
        let query = Query::parse(head.uri.query().unwrap_or_default(), route.query)?;
        let Platform { http, clock, objects, assets, .. } = self.platform;
        let request = ApiRequest {
            config,
            http,
            clock,
            objects,
            assets,
            tally: self.tally,
            identity,
            origin,
            request_id: request_id.clone(),
            headers: head.headers,
            parameters,
            query,
            body: RefCell::new(body),
        };
        (route.handler)(&request).await
    }
}
