//! The credentials of users. The only I/O is the fetch of a key set.
//!
//! - `jwt`: JSON Web Tokens: their parts and the checks of their claims
//! - `keys`: the keys that may have signed one: a secret, or a key set that is fetched and cached
//! - `token`: API tokens and sessions, which this service creates

mod jwt;
mod keys;
mod token;

pub use jwt::{Claims, Expectations, Refused};
pub use keys::{KeySource, SharedKeys, TrustedIssuer, Unauthentic};
pub use token::{Scope, TokenHash, TokenKind, TokenText, is_reserved, is_user_id, random_token_id};
