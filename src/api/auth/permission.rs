//! Who may call a route.

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Everybody; who calls is not asked.
    Public,
    /// Everybody; who is known for sure is told more.
    Recognised,
    /// A known user, whose token may read; whose project it is, the project's object decides.
    Read,
    /// A known user, whose token may write as well.
    Write,
    /// Whoever has `ADMIN_TOKEN`, or the role `admin`.
    Admin,
    /// Whoever has `RUNNER_TOKEN`.
    Runner,
}
