//! Who somebody is, by what they show. Plain rules; the only I/O is the fetch of a key set.
//!
//! - `jwt`: a JSON Web Token: its parts, its claims, and what makes it worthless
//! - `keys`: which key may have signed it: a secret, or a key set that is fetched and kept
//! - `token`: the tokens that this service makes: API tokens and sessions

mod jwt;
mod keys;
mod token;

pub use jwt::{Claims, Expectations, Refused};
pub use keys::{KeySource, SharedKeys, TrustedIssuer, Unauthentic};
pub use token::{Scope, TokenHash, TokenKind, TokenText, is_reserved, is_user_id, random_token_id};
