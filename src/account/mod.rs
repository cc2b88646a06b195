//! The data of one user, inside the `Account` Durable Object.
//!
//! - [`call`]: requests and replies
//! - `projects`: the list of the user's projects
//! - `tokens`: API tokens and sessions; `token_row`: a token in its table
//! - `object`: the dispatch
//!
//! Invariants: no token's text arrives here, only its hash. A question about a token of an unknown user stores nothing.
//! A token that was created from another one is never valid longer than that one.

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
