//! What a handler is given: the caller, the parameters, the body, and the parts of the service.

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

/// One admitted request.
pub(super) struct Call<'a> {
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
    /// The body, which one handler reads once.
    pub body: RefCell<Body>,
}

impl<'a> Call<'a> {
    /// The bucket.
    pub fn client(&self) -> Client<'a> {
        Client::new(self.http, self.clock, &self.config.bucket)
    }

    /// Counts what has just happened.
    pub fn count(&self, metric: Metric, label: &'static str) {
        self.tally.record(metric, label, self.clock.now());
    }

    /// The body. A second call gives an empty one.
    pub fn take_body(&self) -> Body {
        self.body.replace(Body::empty())
    }

    /// A parameter of the path, as it came.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// The project in the path.
    pub fn project(&self) -> Result<ProjectId, ApiError> {
        let name = self.parameter("project");
        name.parse().map_err(|error| ApiError::invalid("project_name", format!("{name:?}: {error}")))
    }

    /// The version in the path.
    pub fn version(&self) -> Result<Version, ApiError> {
        let number = self.parameter("version");
        number.parse().map_err(|error| ApiError::invalid("version", format!("{number:?}: {error}")))
    }

    /// `Idempotency-Key`, where given.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>, ApiError> {
        let wrong = |detail: String| ApiError::invalid("Idempotency-Key", detail);
        let mut given = self.headers.get_all("idempotency-key").iter();
        let Some(key) = given.next() else { return Ok(None) };
        if given.next().is_some() {
            return Err(wrong("Idempotency-Key is given more than once".to_owned()));
        }
        let text = key.to_str().unwrap_or_default();
        text.parse().map(Some).map_err(|error: contract::IdError| wrong(error.to_string()))
    }

    /// The project, called on the caller's behalf.
    pub fn target(&self, project: &ProjectId) -> ProjectTarget {
        let (caller, request_id) = (self.identity.caller.clone(), self.request_id.clone());
        ProjectTarget { project: project.clone(), caller, request_id }
    }

    /// Requires a WebSocket's handshake, and of a browser's that no other site's page made it.
    pub fn require_handshake(&self) -> Result<(), ApiError> {
        let header = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        if !header("upgrade").is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
            return Err(ApiError::upgrade_required());
        }
        self.origin.require_trusted(&self.identity.credential)
    }

    /// Asks the project's object.
    pub async fn ask<R>(&self, project: &ProjectId, request: R) -> Result<R::Reply, ApiError>
    where
        R: ObjectRequest<Target = ProjectTarget, Reply: DeserializeOwned>,
    {
        let reply = call(self.objects, &self.target(project), request).await;
        reply.map_err(|error| match error {
            CallError::Refused(refusal) => ApiError::refusal(refusal, project.as_str()),
            CallError::Failed(error) => error.into(),
        })
    }

    /// Asks a user's account.
    pub async fn ask_account<R>(&self, user: &str, request: R) -> Result<R::Reply, ApiError>
    where
        R: ObjectRequest<Target = AccountTarget, Reply: DeserializeOwned>,
    {
        Ok(call(self.objects, &AccountTarget(user.to_owned()), request).await?)
    }

    /// Asks the fleet.
    pub async fn ask_fleet<R>(&self, request: R) -> Result<R::Reply, ApiError>
    where
        R: ObjectRequest<Target = FleetTarget, Reply: DeserializeOwned>,
    {
        Ok(call(self.objects, &FleetTarget, request).await?)
    }

    /// Whether the caller has what `etag` names, by `If-None-Match` (RFC 9110, section 13.1.2).
    pub fn knows(&self, etag: &str) -> bool {
        let known = self.headers.get("if-none-match").and_then(|value| value.to_str().ok()).unwrap_or_default();
        known.split(',').any(|part| part.trim().trim_start_matches("W/") == etag)
    }

    /// Whether the caller wants `media_type` rather than JSON, by `Accept`.
    pub fn wants(&self, media_type: &str) -> bool {
        let accept = self.headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
        accept.split(',').any(|part| part.split(';').next().is_some_and(|kind| kind.trim() == media_type))
    }
}

/// The query's parameters. Ones that a route does not know are left alone; a known one may come once.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string.
    pub fn parse(text: &str, known: &[Parameter]) -> Result<Self, ApiError> {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        for Parameter { name, .. } in known {
            if pairs.iter().filter(|(key, _)| key == name).count() > 1 {
                return Err(ApiError::invalid(name, format!("{name} is given more than once")));
            }
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `version`, where given.
    pub fn version(&self) -> Result<Option<Version>, ApiError> {
        let parse =
            |text: &str| text.parse().map_err(|error| ApiError::invalid("version", format!("{text:?}: {error}")));
        self.get(VERSION.name).map(parse).transpose()
    }

    /// `limit`, how many a page holds.
    pub fn limit(&self) -> Result<u32, ApiError> {
        let number = self.number(&LIMIT)?;
        Ok(number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1))
    }

    /// `user`, as it came.
    pub fn user(&self) -> Option<&str> {
        self.get(USER.name)
    }

    /// `cursor`, as the page before gave it.
    pub fn cursor(&self) -> Result<Option<u64>, ApiError> {
        self.number(&CURSOR)
    }

    /// A whole number within the parameter's bounds; its default where none is given.
    pub fn number(&self, parameter: &Parameter) -> Result<Option<u64>, ApiError> {
        let name = parameter.name;
        let Values::Number { least, most, default } = parameter.values else {
            return Err(ApiError::broken(&format!("{name} is no number")));
        };
        let Some(text) = self.get(name) else { return Ok(default) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && (least..=most).contains(number));
        let wrong = || ApiError::invalid(name, format!("{text:?}: {name} is a whole number from {least} to {most}"));
        number.ok_or_else(wrong).map(Some)
    }
}
