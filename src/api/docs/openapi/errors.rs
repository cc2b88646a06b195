//! The error codes of an endpoint: its own, and those of its permission, method, parameters and body.

use std::collections::BTreeSet;

use crate::api::auth::permission::Permission;
use crate::api::code::Code;
use crate::api::route::Route;

/// The codes of a route, by status.
pub(super) fn codes(route: &Route) -> BTreeSet<Code> {
    let doc = route.doc.get();
    let mut codes: BTreeSet<Code> = doc.errors.iter().copied().collect();
    codes.insert(Code::BadConfiguration);
    codes.extend(of_permission(route.permission));
    if !doc.request_bodies.is_empty() {
        codes.extend(OF_BODY);
    }
    if !route.method.is_safe() {
        codes.insert(Code::ForeignOrigin);
    }
    let has_parameters = route.path.contains('{') || !route.query.is_empty();
    if has_parameters || !doc.headers.is_empty() {
        codes.insert(Code::InvalidParameter);
    }
    codes
}

/// The errors of authentication.
fn of_permission(permission: Permission) -> &'static [Code] {
    match permission {
        Permission::Public | Permission::Recognised => &[],
        Permission::Read => USER,
        Permission::Write => WRITER,
        Permission::Admin => ADMIN,
        Permission::Runner => &[Code::Unauthorized, Code::InvalidToken, Code::RunnerNotConfigured],
    }
}

const USER: &[Code] = &[
    Code::Unauthorized,
    Code::InvalidToken,
    // A session cookie on a page of another site.
    Code::ForeignOrigin,
    Code::LoopbackOnly,
    Code::AuthNotConfigured,
    Code::KeysUnavailable,
    // The Account object checks tokens.
    Code::InternalUnavailable,
];

const WRITER: &[Code] = &[
    Code::Unauthorized,
    Code::InvalidToken,
    Code::InsufficientScope,
    Code::ForeignOrigin,
    Code::LoopbackOnly,
    Code::AuthNotConfigured,
    Code::KeysUnavailable,
    Code::InternalUnavailable,
];

const ADMIN: &[Code] = &[
    Code::Unauthorized,
    Code::InvalidToken,
    Code::InsufficientScope,
    Code::AdminOnly,
    Code::ForeignOrigin,
    Code::LoopbackOnly,
    Code::AdminNotConfigured,
    Code::KeysUnavailable,
    Code::InternalUnavailable,
];

const OF_BODY: &[Code] = &[
    Code::InvalidParameter,
    Code::InvalidJson,
    Code::InvalidBody,
    Code::NotUtf8,
    Code::BrokenBody,
    Code::TooLarge,
    Code::UnsupportedMediaType,
];
