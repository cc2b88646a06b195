//! What the API and the other objects ask of a user's account, and what it answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::{Scope, TokenHash, TokenKind};
use contract::{ProjectId, Timestamp};

/// One call.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountCall {
    /// Lists a project; one that is listed already stays where it is.
    Add {
        /// The project.
        project: ProjectId,
    },
    /// Gives a page, newest first: a [`ProjectPage`].
    List {
        /// Where the last page ended.
        cursor: Option<u64>,
        /// At most this many.
        limit: u32,
    },
    /// Stops listing a project, which is somebody else's now; answers nothing, and a second time changes nothing.
    Remove {
        /// The project.
        project: ProjectId,
    },
    /// Keeps a new token; answers with [`Created`]. The oldest of too many sessions goes.
    CreateToken {
        /// What is stored of its text.
        hash: TokenHash,
        /// What it is for. What its `parent` may not do or no longer counts for is taken off.
        token: NewToken,
        /// The id of this user's session in which it is made: it gets that session's `parent`.
        session: Option<String>,
        /// Tokens from before count no more: not among the most that there may be either.
        since: Timestamp,
    },
    /// Gives the API tokens that count now, newest first: a list of [`TokenView`].
    ListTokens {
        /// Tokens from before count no more.
        since: Timestamp,
    },
    /// Revokes an API token and all that was made from it; answers whether there was one.
    RevokeToken {
        /// Its id.
        id: String,
    },
    /// Ends a session, expired or not; answers whether there was one.
    EndSession {
        /// All that may be stored of the text that the cookie holds.
        hashes: Vec<TokenHash>,
    },
    /// Gives the [`TokenView`] of a token that counts now, or null.
    CheckToken {
        /// All that may be stored of the text that was shown.
        hashes: Vec<TokenHash>,
        /// Tokens from before count no more.
        since: Timestamp,
    },
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
