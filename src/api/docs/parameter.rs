//! The parameters of all endpoints. Handlers read them by this data, and the OpenAPI document is made from it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::doc_only::{DocOnly, SchemaOf};
use crate::metrics::KEPT_HOURS;
use contract::{IdempotencyKey, LONGEST_KEY};
use s3::MAX_EXPIRY;

/// A parameter of the path or the query, or a header.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    pub values: Values,
    pub document: DocOnly<ParameterDoc>,
}

/// The values of a parameter.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// A whole number.
    Number { min: u64, max: u64, default: Option<u64> },
    /// Text, with the schema in [`ParameterDoc`].
    Text,
}

/// A parameter's entry in the document.
#[derive(Debug, Clone, Copy)]
pub struct ParameterDoc {
    pub description: &'static str,
    pub example: &'static str,
    /// The schema of a text.
    pub schema: Option<SchemaOf>,
    pub required: bool,
}

impl Parameter {
    /// An optional whole number from `min` to `max`.
    pub const fn number(
        name: &'static str,
        (min, max): (u64, u64),
        description: &'static str,
        example: &'static str,
    ) -> Self {
        let values = Values::Number { min, max, default: None };
        Self {
            name,
            values,
            document: DocOnly::new(ParameterDoc { description, example, schema: None, required: false }),
        }
    }

    const fn with_default(self, default: u64) -> Self {
        match self.values {
            Values::Number { min, max, .. } => {
                Self { values: Values::Number { min, max, default: Some(default) }, ..self }
            }
            Values::Text => self,
        }
    }

    /// Optional text of the type `T`.
    pub const fn text<T: JsonSchema>(name: &'static str, description: &'static str, example: &'static str) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        let description = ParameterDoc { description, example, schema: Some(schema), required: false };
        Self { name, values: Values::Text, document: DocOnly::new(description) }
    }

    /// Text of the type `T` that is always there.
    pub const fn required_text<T: JsonSchema>(
        name: &'static str,
        description: &'static str,
        example: &'static str,
    ) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        let description = ParameterDoc { description, example, schema: Some(schema), required: true };
        Self { name, values: Values::Text, document: DocOnly::new(description) }
    }
}

/// The largest whole number that JSON readers keep exactly.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

pub const LIMIT: Parameter =
    Parameter::number("limit", (1, 200), "The maximum number of entries on the page.", "50").with_default(50);

pub const CURSOR: Parameter = Parameter::number(
    "cursor",
    (1, MAX_SAFE_INTEGER),
    "The `next_cursor` of the previous page. Default: the first page.",
    "17",
);

pub const VERSION: Parameter =
    Parameter::number("version", (1, MAX_SAFE_INTEGER), "The version. Default: the newest completed one.", "2");

pub const USER: Parameter = Parameter::text::<UserName>(
    "user",
    "The user. Default: the caller. Only an admin may name another user.",
    "anna@example.com",
);

pub const WAIT: Parameter = Parameter::number(
    "wait",
    (1, 60),
    "How long to wait for a change of the status, in seconds. A final status comes at once. Default: do not wait.",
    "20",
);

pub const HOURS: Parameter = Parameter::number(
    "hours",
    (1, KEPT_HOURS as u64),
    "The number of hours, including the present one, up to a week.",
    "24",
)
.with_default(24);

pub const EXPIRES_IN: Parameter = Parameter::number(
    "expires_in",
    (1, MAX_EXPIRY.as_secs()),
    "How long the link works, in seconds, up to 7 days.",
    "600",
)
.with_default(3_600);

pub const IDEMPOTENCY_KEY: Parameter = Parameter::text::<IdempotencyKey>(
    "Idempotency-Key",
    "Makes the request safe to repeat. Within 24 hours, a repetition with the same key and content gets the same \
     version. Each user has their own keys in each project.",
    "3f0c8f6e-upload-1",
);

pub const IF_NONE_MATCH: Parameter =
    Parameter::text::<String>("If-None-Match", "The `ETag` of a cached response.", "\"5d41402a-json\"");

pub const LOCATION: Parameter =
    Parameter::required_text::<String>("Location", "The path of the new version.", "/api/projects/bracket-2/script/2");

pub const IDEMPOTENT_REPLAYED: Parameter = Parameter::text::<String>(
    "Idempotent-Replayed",
    "`true` if this is a repetition under the same `Idempotency-Key`.",
    "true",
);

pub const SET_COOKIE: Parameter = Parameter::text::<String>(
    "Set-Cookie",
    "The session cookie, or its deletion.",
    "__Host-partwright=pw_…; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200",
);

pub const ETAG: Parameter = Parameter::text::<String>("ETag", "Identifies this content.", "\"5d41402a-json\"");

/// A user's id.
pub struct UserName;

impl JsonSchema for UserName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "UserName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[!-~]{1,128}$"})
    }
}

/// The maximum length of a log's name, in characters: what fits into a key with the shortest project name.
const MAX_LOG_NAME_LENGTH: usize = LONGEST_KEY - "logs/p/".len();

/// A log's name in lists and paths. Every listed log can be read.
pub struct LogName;

impl LogName {
    /// Whether a text is a log's name: no control characters, no slash or backslash, and not `.` or `..`.
    pub fn is(name: &str) -> bool {
        (1..=MAX_LOG_NAME_LENGTH).contains(&name.chars().count())
            && !name.chars().any(|c| c.is_control() || c == '/' || c == '\\')
            && ![".", ".."].contains(&name)
    }
}

impl JsonSchema for LogName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "LogName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_LOG_NAME_LENGTH,
            "pattern": r"^(?!\.{1,2}$)[^/\\\u0000-\u001f\u007f-\u009f]+$",
        })
    }
}
