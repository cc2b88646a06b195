//! The parameters of all calls: their names, and what they may be. Handlers read them by these, and the document is made
//! from them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::doc_only::{DocOnly, SchemaOf};
use crate::metrics::KEPT_HOURS;
use contract::{IdempotencyKey, LONGEST_KEY};
use s3::MAX_EXPIRY;

/// A parameter of the path or the query, or a header.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub values: Values,
    /// The rest of what the document says.
    pub document: DocOnly<ParameterDoc>,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// A whole number.
    Number {
        /// The smallest.
        least: u64,
        /// The largest.
        most: u64,
        /// What counts where none is given.
        default: Option<u64>,
    },
    /// Text of a type.
    Text,
}

/// What the document says of a parameter.
#[derive(Debug, Clone, Copy)]
pub struct ParameterDoc {
    /// What it does.
    pub description: &'static str,
    /// One of it.
    pub example: &'static str,
    /// Its type, where it is text.
    pub schema: Option<SchemaOf>,
    /// Whether it is always there. Parameters of the path are.
    pub required: bool,
}

impl Parameter {
    /// A whole number between two bounds, that may be missing.
    pub const fn number(
        name: &'static str,
        (least, most): (u64, u64),
        description: &'static str,
        example: &'static str,
    ) -> Self {
        let values = Values::Number { least, most, default: None };
        Self {
            name,
            values,
            document: DocOnly::new(ParameterDoc { description, example, schema: None, required: false }),
        }
    }

    const fn or(self, default: u64) -> Self {
        match self.values {
            Values::Number { least, most, .. } => {
                Self { values: Values::Number { least, most, default: Some(default) }, ..self }
            }
            Values::Text => self,
        }
    }

    /// Text of the type `T`, that may be missing.
    pub const fn text<T: JsonSchema>(name: &'static str, description: &'static str, example: &'static str) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        let description = ParameterDoc { description, example, schema: Some(schema), required: false };
        Self { name, values: Values::Text, document: DocOnly::new(description) }
    }

    /// The same, always there.
    pub const fn always<T: JsonSchema>(name: &'static str, description: &'static str, example: &'static str) -> Self {
        let schema: SchemaOf = |generator| generator.subschema_for::<T>();
        let description = ParameterDoc { description, example, schema: Some(schema), required: true };
        Self { name, values: Values::Text, document: DocOnly::new(description) }
    }
}

/// The largest whole number that JSON carries without loss.
const LARGEST: u64 = (1 << 53) - 1;

/// How many a page holds.
pub const LIMIT: Parameter = Parameter::number("limit", (1, 200), "How many at most.", "50").or(50);

/// Where a page begins.
pub const CURSOR: Parameter = Parameter::number(
    "cursor",
    (1, LARGEST),
    "The `next_cursor` of the page before; without it, the first page.",
    "17",
);

/// Which version.
pub const VERSION: Parameter =
    Parameter::number("version", (1, LARGEST), "The version; without it, the newest completed one.", "2");

/// Whose tokens, for admins.
pub const USER: Parameter =
    Parameter::text::<UserName>("user", "Whose; only an admin may name another than oneself.", "anna@example.com");

/// How long to wait for news.
pub const WAIT: Parameter = Parameter::number(
    "wait",
    (1, 60),
    "Seconds to wait until the status changes; a final one is told at once. Without it, the answer comes at once.",
    "20",
);

/// Of how many hours figures are told.
pub const HOURS: Parameter = Parameter::number(
    "hours",
    (1, KEPT_HOURS as u64),
    "How many hours, the present one among them: up to a week.",
    "24",
)
.or(24);

/// How long a link lives.
pub const EXPIRES_IN: Parameter =
    Parameter::number("expires_in", (1, MAX_EXPIRY.as_secs()), "Seconds that the link works: up to 7 days.", "600")
        .or(3_600);

/// The header that makes sending twice harmless.
pub const IDEMPOTENCY_KEY: Parameter = Parameter::text::<IdempotencyKey>(
    "Idempotency-Key",
    "Sent again within 24 hours with the same script and metadata, it gets the same version again. Each user has their \
     own keys in each project.",
    "3f0c8f6e-upload-1",
);

/// The header by which a kept answer is asked for again.
pub const IF_NONE_MATCH: Parameter =
    Parameter::text::<String>("If-None-Match", "The `ETag` of an answer that is kept already.", "\"5d41402a-json\"");

/// Where the new thing is.
pub const LOCATION: Parameter =
    Parameter::always::<String>("Location", "The path of what was made.", "/api/projects/bracket-2/script/2");

/// That the answer is an earlier one's.
pub const IDEMPOTENT_REPLAYED: Parameter = Parameter::text::<String>(
    "Idempotent-Replayed",
    "`true` where the same upload was taken before, under the same `Idempotency-Key`.",
    "true",
);

/// A browser's session.
pub const SET_COOKIE: Parameter = Parameter::text::<String>(
    "Set-Cookie",
    "The browser's session, or its end.",
    "__Host-partwright=pw_…; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=43200",
);

/// What the answer is known by.
pub const ETAG: Parameter = Parameter::text::<String>("ETag", "Names this very answer.", "\"5d41402a-json\"");

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

/// The most characters of a log's name: as many as fit into a key, with the shortest name of a project.
const LONGEST_LOG_NAME: usize = LONGEST_KEY - "logs/p/".len();

/// A log's name as lists show it and the path takes it: what is listed can be read.
pub struct LogName;

impl LogName {
    /// Whether a text is one: no control characters, no slash either way, and no step to another directory.
    pub fn is(name: &str) -> bool {
        (1..=LONGEST_LOG_NAME).contains(&name.chars().count())
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
            "maxLength": LONGEST_LOG_NAME,
            "pattern": r"^(?!\.{1,2}$)[^/\\\u0000-\u001f\u007f-\u009f]+$",
        })
    }
}
