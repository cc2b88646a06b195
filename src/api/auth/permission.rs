//! The right to use a route.

/// The callers that a route accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Everybody. Credentials are not looked at.
    Public,
    /// Everybody. An authenticated caller gets more.
    Recognised,
    /// A user whose credential may read. The Project object checks who owns the project.
    Read,
    /// A user whose credential may also write.
    Write,
    /// `ADMIN_TOKEN`, or a user with the role `admin`.
    Admin,
    /// `RUNNER_TOKEN`.
    Runner,
}
