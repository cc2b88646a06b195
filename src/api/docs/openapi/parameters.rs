//! The parameters and headers that no handler names: those of paths, and those that come with every answer or with a
//! code.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::api::docs::doc_only::DocOnly;
use crate::api::docs::parameter::{LogName, Parameter, ParameterDoc, VERSION};
use contract::{Format, ProjectId, RequestId, TurnId};

/// The parameters that paths have in braces.
pub(super) const IN_PATHS: &[Parameter] = &[
    Parameter::always::<ProjectId>("project", "The project's name.", "bracket-2"),
    Parameter {
        name: VERSION.name,
        values: VERSION.values,
        document: DocOnly::new(ParameterDoc {
            description: "The version's number.",
            example: "2",
            schema: None,
            required: true,
        }),
    },
    Parameter::always::<FormatInAnyCase>("format", "The format, in any case, with or without a dot.", "STEP"),
    Parameter::always::<TurnId>("turn", "The turn's id.", "0123456789abcdef"),
    Parameter::always::<String>("example", "The example's `name`.", "bracket"),
    Parameter::always::<String>("id", "The token's id.", "0123456789abcdef"),
    Parameter::always::<LogName>(
        "name",
        "The log's `filename`.",
        "bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
    ),
];

/// The header that names the request.
pub(super) const REQUEST_ID: Parameter = Parameter::always::<RequestId>(
    "X-Request-Id",
    "Names this request in logs and documents: the caller's own where it sent a fitting one.",
    "0123456789abcdef",
);

/// When to try again.
pub(super) const RETRY_AFTER: Parameter =
    Parameter::number("Retry-After", (1, 3_600), "Seconds after which trying again may help.", "10");

/// How to come in.
pub(super) const WWW_AUTHENTICATE: Parameter =
    Parameter::always::<String>("WWW-Authenticate", "How callers are known: by a bearer token.", "Bearer");

/// What the connection has to become. It concerns one connection alone, so what stands between may take it off.
pub(super) const UPGRADE: Parameter = Parameter::text::<String>("Upgrade", "The protocol of the call.", "websocket");

/// A format as the path takes it.
struct FormatInAnyCase;

impl JsonSchema for FormatInAnyCase {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FormatInAnyCase".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let letter = |letter: char| format!("[{}{}]", letter.to_ascii_uppercase(), letter.to_ascii_lowercase());
        let names = Format::ALL.map(|format| format.as_str().chars().map(letter).collect::<String>());
        json_schema!({"type": "string", "pattern": format!("^\\.?({})$", names.join("|"))})
    }
}
