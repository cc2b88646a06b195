//! Requests to a user's account, and its replies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::{Scope, TokenHash, TokenKind};
use crate::object::{ObjectCall, ObjectName, SqlError, Target, operations};
use contract::{ProjectId, Timestamp};

/// The account of the user with this id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountTarget(pub String);

impl Target for AccountTarget {
    type Operation = AccountOperation;
    type Refusal = AccountRefusal;

    fn object(&self) -> ObjectName {
        ObjectName::Account(self.0.clone())
    }
}

/// A call to an account.
pub type AccountCall = ObjectCall<AccountTarget>;

operations! {
    AccountOperation of AccountTarget {
        AddProject -> (),
        RemoveProject -> (),
        ListProjects -> ProjectPage,
        CreateToken -> TokenView,
        ListTokens -> Vec<TokenView>,
        RevokeToken -> bool,
        EndSession -> bool,
        CheckToken -> Option<TokenView>,
    }
}

/// Lists a project. One that is listed already keeps its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddProject(pub ProjectId);

/// Stops listing a project, which belongs to another user now. Repeating it changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveProject(pub ProjectId);

/// Returns a page of projects, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListProjects {
    /// Where the previous page ended.
    pub cursor: Option<u64>,
    /// The limit of projects in the page.
    pub limit: u32,
}

/// Stores a new token. If there are too many sessions, the oldest one ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateToken {
    /// The hash of its text.
    pub hash: TokenHash,
    /// The token. It loses whatever its `parent` lacks: scope, admin rights, lifetime.
    pub token: NewToken,
    /// The id of this user's session that creates it. The token gets that session's `parent`.
    pub session: Option<String>,
    /// Tokens created before this time are invalid. They do not count towards the limit either.
    pub since: Timestamp,
}

/// Returns the valid API tokens, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListTokens {
    /// Tokens created before this time are invalid.
    pub since: Timestamp,
}

/// Revokes an API token and all tokens created from it. Replies whether the token existed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeToken {
    pub id: String,
}

/// Ends a session, expired or not. Replies whether it existed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndSession {
    /// Every hash under which the cookie's text may be stored.
    pub hashes: Vec<TokenHash>,
}

/// Returns the token with one of these hashes if it is valid. Notes that an API token was used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckToken {
    /// Every hash under which the presented text may be stored.
    pub hashes: Vec<TokenHash>,
    /// Tokens created before this time are invalid.
    pub since: Timestamp,
}

/// A token to store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// Whether a program or a browser uses it.
    pub kind: TokenKind,
    /// Its user's name for it. Empty for a session.
    pub name: String,
    pub scope: Scope,
    /// Whether it may call admin routes. Always false for API tokens.
    pub admin: bool,
    /// The id of the API token that it was created from. It ends with that token.
    pub parent: Option<String>,
    /// It is invalid from this time on.
    pub expires_at: Timestamp,
}

/// A token without its text, which is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// A random id. Not a secret.
    pub id: String,
    pub token: NewToken,
    pub created_at: Timestamp,
    /// When it was last used, to the hour. Absent before the first use and for sessions.
    pub last_used_at: Option<Timestamp>,
}

/// The result of [`CreateToken`].
pub type Created = Result<TokenView, TokenRefusal>;

/// Why a token is not created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRefusal {
    /// The user has too many valid API tokens.
    TooMany {
        /// The limit.
        most: u32,
    },
    /// The token or the session that creates it was revoked or has expired.
    MakerGone,
}

/// Why an account refuses a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountRefusal {
    Token(TokenRefusal),
    /// The account's own storage failed.
    Storage(SqlError),
}

impl From<TokenRefusal> for AccountRefusal {
    fn from(refusal: TokenRefusal) -> Self {
        Self::Token(refusal)
    }
}

impl From<SqlError> for AccountRefusal {
    fn from(error: SqlError) -> Self {
        Self::Storage(error)
    }
}

/// A page of projects.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ProjectPage {
    /// Newest first.
    pub projects: Vec<ListedProject>,
    /// The number of all projects.
    pub total: u64,
    /// Where the next page begins. Absent on the last page.
    pub next_cursor: Option<u64>,
}

/// One project of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedProject {
    /// Its name.
    pub project_name: ProjectId,
    /// When it was first listed.
    pub created_at: Timestamp,
}
