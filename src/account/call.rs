//! What the API and the other objects ask of a user's account, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::{Scope, TokenHash, TokenKind};
use crate::object::{ObjectCall, ObjectName, SqlError, Target, operations};
use contract::{ProjectId, Timestamp};

/// A user's account.
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
    /// What an account can be asked.
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

/// Gives a page of projects, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListProjects {
    /// Where the previous page ended.
    pub cursor: Option<u64>,
    /// The most projects in the page.
    pub limit: u32,
}

/// Keeps a new token. The oldest session ends if there are too many.
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

/// Gives the valid API tokens, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListTokens {
    /// Tokens created before this time are invalid.
    pub since: Timestamp,
}

/// Revokes an API token with all that was created from it. Replies whether the token existed.
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

/// Finds a valid token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckToken {
    /// Every hash under which the presented text may be stored.
    pub hashes: Vec<TokenHash>,
    /// Tokens created before this time are invalid.
    pub since: Timestamp,
}

/// A token to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// For a program or for a browser.
    pub kind: TokenKind,
    /// What its user calls it; empty for a session.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// Whether it opens the admin's calls; never for API tokens.
    pub admin: bool,
    /// The id of the API token that it was made from, with which it ends.
    pub parent: Option<String>,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

/// A token as its user may see it. The text is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// Its id: random, no secret.
    pub id: String,
    /// All that was said of it.
    pub token: NewToken,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last shown, to the hour; none before the first time, and for sessions.
    pub last_used_at: Option<Timestamp>,
}

/// What becomes of a token to be kept.
pub type Created = Result<TokenView, TokenRefusal>;

/// Why a token is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenRefusal {
    /// The user has as many living API tokens as there may be.
    TooMany {
        /// So many.
        most: u32,
    },
    /// The token or the session that it is made from counts no more: it was revoked, or has expired, meanwhile.
    MakerGone,
}

/// Why an account does not do what was asked.
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
    /// The projects, newest first.
    pub projects: Vec<ListedProject>,
    /// How many there are in all.
    pub total: u64,
    /// Where the next page begins; none on the last.
    pub next_cursor: Option<u64>,
}

/// One project of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedProject {
    /// Its name.
    pub project_name: ProjectId,
    /// When it was first listed.
    pub created_at: Timestamp,
}
