//! What belongs to one user: what runs inside the `Account` Durable Object.
//!
//! - [`call`]: what the API and the other objects ask of it, and what it answers
//! - `projects`: the index of the user's projects
//! - `tokens`: API tokens and sessions; `token_row`: how one lies in its table
//! - `object`: the calls
//!
//! Invariants: no token's text ever comes here, only its hash; who asks about a token of nobody leaves nothing behind;
//! what was made from a token counts no longer than the token.

pub mod call;
mod object;
mod projects;
mod token_row;
mod tokens;

pub use call::{
    AccountCall, AccountOperation, AccountRefusal, AccountTarget, AddProject, CheckToken, CreateToken, Created,
    EndSession, ListProjects, ListTokens, ListedProject, NewToken, ProjectPage, RemoveProject, RevokeToken,
    TokenRefusal, TokenView,
};
pub use object::AccountObject;
