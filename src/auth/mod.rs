//! Who somebody is, by what they show: a JSON Web Token. Plain rules without I/O but for the fetch of a key set.
//!
//! - `jwt`: the token: its parts, its claims, and what makes it worthless
//! - `keys`: which key may have signed it: a secret, or a key set that is fetched and kept

mod jwt;
mod keys;

pub use jwt::{Claims, Expectations, Refused};
pub use keys::{KeySet, KeySource, SharedKeys};
