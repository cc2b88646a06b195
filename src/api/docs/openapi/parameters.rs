//! The parameters and headers that no handler names: those of paths, of every response, and of error codes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::api::docs::doc_only::DocOnly;
use crate::api::docs::parameter::{LogName, Parameter, ParameterDoc, VERSION};
use contract::{Format, ProjectId, RequestId, TurnId};

/// The parameters of paths.
pub(super) const IN_PATHS: &[Parameter] = &[
    Parameter::required_text::<ProjectId>("project", "The project's name.", "bracket-2"),
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
    Parameter::required_text::<FormatInAnyCase>("format", "The format, in any case, with or without a dot.", "STEP"),
    Parameter::required_text::<TurnId>("turn", "The turn's id.", "0123456789abcdef"),
    Parameter::required_text::<String>("example", "The example's `name`.", "bracket"),
    Parameter::required_text::<String>("id", "The token's id.", "0123456789abcdef"),
    Parameter::required_text::<LogName>(
        "name",
        "The log's `filename`.",
        "bracket-2_info_20260131_120000_v2_0123456789abcdef.log",
    ),
];

pub(super) const REQUEST_ID: Parameter = Parameter::required_text::<RequestId>(
    "X-Request-Id",
    "The id of this request in logs and documents. A valid id in the request is used.",
    "0123456789abcdef",
);

pub(super) const RETRY_AFTER: Parameter =
    Parameter::number("Retry-After", (1, 3_600), "When to try again, in seconds.", "10");

pub(super) const WWW_AUTHENTICATE: Parameter = Parameter::required_text::<String>(
    "WWW-Authenticate",
    "The kind of credential that is needed: a bearer token.",
    "Bearer",
);

/// Concerns one connection only, so proxies may remove it.
pub(super) const UPGRADE: Parameter =
    Parameter::text::<String>("Upgrade", "The protocol of the endpoint.", "websocket");

/// A format in a path.
struct FormatInAnyCase;

impl JsonSchema for FormatInAnyCase {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FormatInAnyCase".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let any_case = |c: char| format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase());
        let names = Format::ALL.map(|format| format.as_str().chars().map(any_case).collect::<String>());
        json_schema!({"type": "string", "pattern": format!("^\\.?({})$", names.join("|"))})
    }
}
