//! The terms of a call: what it takes and what it answers, as the OpenAPI document tells it. Each handler keeps them
//! beside itself and its types, so that who changes one sees the other; `tests/api` holds every answer against them.

use schemars::JsonSchema;
use serde_json::Value;

use super::doc_only::SchemaOf;
use super::parameter::Parameter;
use crate::api::code::Code;

/// A type of a body that the document shows.
pub trait Shown: JsonSchema {
    /// One as it may come, which fits the schema.
    fn example() -> Value;
}

/// The type of a body, as data.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its schema.
    pub schema: SchemaOf,
    /// One of it.
    pub example: fn() -> Value,
}

impl Shape {
    /// The shape of `T`.
    pub const fn of<T: Shown>() -> Self {
        Self { schema: |generator| generator.subschema_for::<T>(), example: T::example }
    }
}

/// A body in one of its media types.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// `application/json`.
    Json(Shape),
    /// Text that has to fit a type.
    TextOf(&'static str, Shape),
    /// Text.
    Text {
        /// The media type, without parameters.
        media_type: &'static str,
        /// What the text is.
        about: &'static str,
        /// One of it.
        example: &'static str,
    },
    /// What is no text.
    Bytes {
        /// The media type.
        media_type: &'static str,
        /// What it is.
        about: &'static str,
    },
}

/// A successful answer, or one that tells a failure in its own words.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What it means.
    pub about: &'static str,
    /// The bodies that it may have, by media type; none where it has no body.
    pub contents: &'static [Content],
    /// Its headers, besides those that every answer has.
    pub headers: &'static [Parameter],
    /// What can be asked next, with what this answer told.
    pub links: &'static [Link],
}

impl Answer {
    /// 200 without anything; the rest comes from `..`.
    pub const OK: Self = Self { status: 200, about: "", contents: &[], headers: &[], links: &[] };
}

/// From an answer to a call that it makes possible (OpenAPI 3.1, section 4.8.20).
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// The other call's [`Terms::id`].
    pub to: &'static str,
    /// Its parameters and where their values stand, as runtime expressions.
    pub parameters: &'static [(&'static str, &'static str)],
}

/// The chapters of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// Sending scripts and reading them.
    Scripts,
    /// From a sentence to a model.
    Chat,
    /// Where a version stands.
    Status,
    /// What came out.
    Models,
    /// Who may come in.
    Access,
    /// For those who run the service.
    Monitoring,
    /// Between runners and the Worker.
    Runners,
    /// The service itself.
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

    /// Its name.
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

    /// What is in it.
    pub fn about(self) -> &'static str {
        match self {
            Self::Scripts => "Sending scripts, each the next version of its project, and reading them.",
            Self::Chat => "From a sentence to a model: what a language model is asked, and what it says.",
            Self::Status => "Where a version stands, now and as it changes; ending it and running it again.",
            Self::Models => "The files that came out, what they measure, and what was printed.",
            Self::Access => "Tokens, sessions and owners.",
            Self::Monitoring => "For those who run the service.",
            Self::Runners => "Hints between runners and the Worker. With all of them lost everything still works.",
            Self::Service => "The service itself.",
        }
    }
}

/// The terms of one call.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Its name for programs (`operationId`), such as `listProjects`.
    pub id: &'static str,
    /// Its chapter.
    pub tag: Tag,
    /// What its summary leaves out.
    pub about: &'static str,
    /// The request headers that it reads, besides those that every call reads.
    pub headers: &'static [Parameter],
    /// The bodies that it takes, by media type.
    pub takes: &'static [Content],
    /// What it answers, apart from errors.
    pub answers: &'static [Answer],
    /// Its own errors. Those that its permission, its method, its parameters and its body bring with them are added.
    pub errors: &'static [Code],
}

impl Terms {
    /// Terms of nothing; what a call has comes on top, by `..`.
    pub const NONE: Self =
        Self { id: "", tag: Tag::Service, about: "", headers: &[], takes: &[], answers: &[], errors: &[] };
}
