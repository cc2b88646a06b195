//! The request as a handler gets it: caller, parameters, body, and the platform.

use std::cell::RefCell;

use serde::de::DeserializeOwned;

use super::auth::{Identity, RequestOrigin};
use super::config::Config;
use super::docs::parameter::{CURSOR, LIMIT, Parameter, USER, VERSION, Values};
use super::error::ApiError;
use crate::account::AccountTarget;
use crate::assets::Assets;
use crate::fleet::FleetTarget;
use crate::metrics::{Metric, Tally};
use crate::object::{CallError, ObjectRequest, Objects, call};
use crate::project::ProjectTarget;
use contract::{IdempotencyKey, ProjectId, RequestId, Version};
use platform::{Body, Clock, Http};
use s3::Client;

/// An authenticated request.
pub(super) struct ApiRequest<'a> {
    pub config: &'a Config,
    pub http: &'a dyn Http,
    pub clock: &'a dyn Clock,
    pub objects: &'a dyn Objects,
    pub assets: &'a dyn Assets,
    pub tally: &'a Tally,
    pub identity: Identity,
    pub origin: RequestOrigin,
    pub request_id: RequestId,
    pub headers: http::HeaderMap,
    pub parameters: Vec<(&'static str, String)>,
    pub query: Query,
    /// The handler takes it with [`ApiRequest::take_body`].
    pub body: RefCell<Body>,
}

impl<'a> ApiRequest<'a> {
    pub fn client(&self) -> Client<'a> {
        Client::new(self.http, self.clock, &self.config.bucket)
    }

    /// Counts a metric.
    pub fn count(&self, metric: Metric, label: &'static str) {
        self.tally.record(metric, label, self.clock.now());
    }

    /// The body. A second call gives an empty one.
    pub fn take_body(&self) -> Body {
        self.body.replace(Body::empty())
    }

    /// A parameter of the path, not checked.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    pub fn project(&self) -> Result<ProjectId, ApiError> {
        let name = self.parameter("project");
        name.parse().map_err(|error| ApiError::invalid("project_name", format!("{name:?}: {error}")))
    }

    pub fn version(&self) -> Result<Version, ApiError> {
        let number = self.parameter("version");
        number.parse().map_err(|error| ApiError::invalid("version", format!("{number:?}: {error}")))
    }

    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, ApiError> {
        let wrong = |detail: String| ApiError::invalid("Idempotency-Key", detail);
        let mut given = self.headers.get_all("idempotency-key").iter();
        let Some(key) = given.next() else { return Ok(None) };
        if given.next().is_some() {
            return Err(wrong("Idempotency-Key must not occur more than once".to_owned()));
        }
        let text = key.to_str().unwrap_or_default();
        text.parse().map(Some).map_err(|error: contract::IdError| wrong(error.to_string()))
    }

    /// The project's object, called on the caller's behalf.
    pub fn target(&self, project: &ProjectId) -> ProjectTarget {
        let (caller, request_id) = (self.identity.caller.clone(), self.request_id.clone());
        ProjectTarget { project: project.clone(), caller, request_id }
    }

    /// Requires the handshake of a WebSocket, and no page of another site behind it.
    pub fn require_handshake(&self) -> Result<(), ApiError> {
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        if !header("upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
            return Err(ApiError::upgrade_required());
        }
        self.origin.require_trusted(&self.identity.credential)
    }

    /// Calls a Project object.
    pub async fn call_project<R>(&self, project: &ProjectId, request: R) -> Result<R::Reply, ApiError>
    where
        R: ObjectRequest<Target = ProjectTarget, Reply: DeserializeOwned>,
    {
        let reply = call(self.objects, &self.target(project), request).await;
        reply.map_err(|error| match error {
            CallError::Refused(refusal) => ApiError::refusal(refusal, project.as_str()),
            CallError::Failed(error) => error.into(),
        })
    }

    /// Calls a user's Account object.
    pub async fn call_account<R>(&self, user: &str, request: R) -> Result<R::Reply, ApiError>
    where
        R: ObjectRequest<Target = AccountTarget, Reply: DeserializeOwned>,
    {
        Ok(call(self.objects, &AccountTarget(user.to_owned()), request).await?)
    }

    /// Calls the Fleet object.
    pub async fn call_fleet<R>(&self, request: R) -> Result<R::Reply, ApiError>
    where
        R: ObjectRequest<Target = FleetTarget, Reply: DeserializeOwned>,
    {
        Ok(call(self.objects, &FleetTarget, request).await?)
    }

    /// Whether `If-None-Match` has `etag` (RFC 9110, section 13.1.2).
    pub fn has_etag(&self, etag: &str) -> bool {
        let known = self.headers.get("if-none-match").and_then(|value| value.to_str().ok()).unwrap_or_default();
        known.split(',').any(|part| part.trim().trim_start_matches("W/") == etag)
    }

    /// Whether `Accept` names `media_type`.
    pub fn accepts(&self, media_type: &str) -> bool {
        let accept = self.headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
        accept.split(',').any(|part| part.split(';').next().is_some_and(|kind| kind.trim() == media_type))
    }
}

/// The query parameters. Unknown ones are ignored; a known one may occur once.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(text: &str, known: &[Parameter]) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        for Parameter { name, .. } in known {
            if pairs.iter().filter(|(key, _)| key == name).count() > 1 {
                return Err(ApiError::invalid(name, format!("{name} must not occur more than once")));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn version(&self) -> Result<Option<Version>, ApiError> {
        let parse =
            |text: &str| text.parse().map_err(|error| ApiError::invalid("version", format!("{text:?}: {error}")));
        self.get(VERSION.name).map(parse).transpose()
    }

    pub fn limit(&self) -> Result<u32, ApiError> {
        let number = self.number(&LIMIT)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1))
    }

    /// `user`, not checked.
    pub fn user(&self) -> Option<&str> {
        self.get(USER.name)
    }

    pub fn cursor(&self) -> Result<Option<u64>, ApiError> {
        self.number(&CURSOR)
    }

    /// A whole number within the parameter's bounds, or its default.
    pub fn number(&self, parameter: &Parameter) -> Result<Option<u64>, ApiError> {
        let name = parameter.name;
        let Values::Number { min, max, default } = parameter.values else {
            return Err(ApiError::broken(&format!("{name} is not a number")));
        };
        let Some(text) = self.get(name) else { return Ok(default) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && (min..=max).contains(number));
        let wrong = || ApiError::invalid(name, format!("{text:?}: {name} is a whole number from {min} to {max}"));
        number.ok_or_else(wrong).map(Some)
    }
}
