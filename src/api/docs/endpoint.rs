//! An endpoint's entry in the OpenAPI document: what it takes and what it answers.
//!
//! Each handler keeps its entry beside itself, so that both change together. `tests/api` checks every response against
//! the document.

use schemars::JsonSchema;
use serde_json::Value;

use super::doc_only::SchemaOf;
use super::parameter::Parameter;
use crate::api::code::Code;

/// The entry of one endpoint.
#[derive(Debug, Clone, Copy)]
pub struct EndpointDoc {
    /// The `operationId`, such as `listProjects`.
    pub id: &'static str,
    pub tag: Tag,
    /// One line, without a period.
    pub summary: &'static str,
    /// Details that the summary leaves out.
    pub description: &'static str,
    /// The request headers that only some endpoints read.
    pub headers: &'static [Parameter],
    /// The bodies that it takes, by media type.
    pub request_bodies: &'static [Content],
    /// The responses that are not errors.
    pub responses: &'static [ResponseDoc],
    /// Its own errors. Those that permission, method, parameters and body bring with them are added.
    pub errors: &'static [Code],
}

impl EndpointDoc {
    /// An empty entry, for `..EndpointDoc::NONE`.
    pub const NONE: Self = Self {
        id: "",
        tag: Tag::Service,
        summary: "",
        description: "",
        headers: &[],
        request_bodies: &[],
        responses: &[],
        errors: &[],
    };
}

/// A response that is not an error, or that reports a failure in a body of its own.
#[derive(Debug, Clone, Copy)]
pub struct ResponseDoc {
    pub status: u16,
    pub description: &'static str,
    /// The bodies that it may have, by media type. Empty without a body.
    pub contents: &'static [Content],
    /// The headers that only some responses have.
    pub headers: &'static [Parameter],
    /// The requests that can follow with values from this response.
    pub links: &'static [Link],
}

impl ResponseDoc {
    /// 200 without a body, for `..ResponseDoc::OK`.
    pub const OK: Self = Self { status: 200, description: "", contents: &[], headers: &[], links: &[] };
}

/// A body in one of its media types.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// `application/json`.
    Json(BodySchema),
    /// Text of this media type that has to fit a schema.
    TextOf(&'static str, BodySchema),
    /// Any text.
    Text {
        /// Without parameters.
        media_type: &'static str,
        description: &'static str,
        example: &'static str,
    },
    /// A file that is not text.
    Bytes { media_type: &'static str, description: &'static str },
}

/// The schema of a body's type, and an example.
#[derive(Debug, Clone, Copy)]
pub struct BodySchema {
    pub schema: SchemaOf,
    pub example: fn() -> Value,
}

impl BodySchema {
    pub const fn of<T: HasExample>() -> Self {
        Self { schema: |generator| generator.subschema_for::<T>(), example: T::example }
    }
}

/// A type of a body in the document.
pub trait HasExample: JsonSchema {
    /// A value that fits the schema.
    fn example() -> Value;
}

/// A request that a response makes possible (OpenAPI 3.1, section 4.8.20).
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// The other endpoint's [`EndpointDoc::id`].
    pub to: &'static str,
    /// Its parameters, and the runtime expressions that give their values.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// The chapters of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    Scripts,
    Chat,
    Status,
    Models,
    Access,
    Monitoring,
    Runners,
    Service,
}

impl Tag {
    /// Every chapter, in the order of the document.
    pub const ALL: [Self; 8] = [
        Self::Scripts,
        Self::Chat,
        Self::Status,
        Self::Models,
        Self::Access,
        Self::Monitoring,
        Self::Runners,
        Self::Service,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Scripts => "Scripts",
            Self::Chat => "Chat",
            Self::Status => "Status",
            Self::Models => "Models",
            Self::Access => "Access",
            Self::Monitoring => "Monitoring",
            Self::Runners => "Runners",
            Self::Service => "Service",
        }
    }

    pub fn description(self) -> &'static str {
        match self {
            Self::Scripts => "Upload scripts and read them. Each upload is the next version of its project.",
            Self::Chat => "Describe a model in words. A language model writes the script.",
            Self::Status => "Follow a version, cancel it, run it again.",
            Self::Models => "Read the files, measurements and logs of a version.",
            Self::Access => "Tokens, sessions and owners.",
            Self::Monitoring => "For operators of the service.",
            Self::Runners => "Hints between runners and the Worker. Everything works without them, only later.",
            Self::Service => "The browser page and this reference.",
        }
    }
}
