//! The tokens that this service creates: API tokens for programs, and sessions in browsers' cookies.
//!
//! Both have the form `pw_` + the user's id in base64url + `.` + 32 random bytes in base64url. The id names the
//! `Account` object that knows the token; the random bytes cannot be guessed. Only a hash is stored.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use contract::{Sha256, word_enum};

word_enum! {
    /// The rights of a credential.
    #[derive(PartialOrd, Ord, Hash, JsonSchema)]
    pub enum Scope {
        /// Requests that change nothing.
        Read = "read",
        /// All requests of a user.
        Write = "write",
    } else "a scope is read or write"
}

word_enum! {
    /// How a token came to be.
    pub enum TokenKind {
        /// Created by its user for a program, which sends it as `Authorization: Bearer`.
        Api = "api",
        /// Created when a user signs in, and stored in the browser's cookie.
        Session = "session",
    } else "a kind of token is api or session"
}

/// The text of a token. `Debug` hides it.
#[derive(Clone)]
pub struct TokenText {
    text: String,
    user: String,
}

/// The SHA-256 digest of a token's text, which is what is stored. A fast hash is enough for 256 random bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(Sha256);

/// The prefix by which people and secret scanners recognise a token.
const PREFIX: &str = "pw_";

/// The number of random bytes in a token.
const SECRET_BYTES: usize = 32;

/// The maximum length of a user id, in bytes.
const MAX_USER_BYTES: usize = 128;

impl TokenText {
    /// Whether a bearer token has the prefix, and so is not a JSON Web Token.
    pub fn has_prefix(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Creates a token of `user`, a valid user id.
    ///
    /// # Errors
    /// If the platform has no random bytes.
    pub fn random(user: &str) -> Result<Self, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let text = format!("{PREFIX}{}.{}", URL_SAFE_NO_PAD.encode(user), URL_SAFE_NO_PAD.encode(secret));
        Ok(Self { text, user: user.to_owned() })
    }

    /// Reads a token; `None` if it has not exactly the form that [`TokenText::random`] gives.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
        // Checked before decoding, so that an enormous text costs nothing.
        if user.len() > MAX_USER_BYTES * 4 / 3 + 1 || secret.len() != (SECRET_BYTES * 4).div_ceil(3) {
            return None;
        }
        URL_SAFE_NO_PAD.decode(secret).ok()?;
        let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
        is_user_id(&user).then(|| Self { text: text.to_owned(), user })
    }

    /// The user that the token names. Only the `Account` object knows if the token is real.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The hash to store.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::of(self.text.as_bytes()))
    }

    /// The hash to store for a token that ends when `secret` changes. Without the token's text, which is not stored,
    /// the hash reveals nothing about the secret.
    pub fn hash_bound_to(&self, secret: &[u8]) -> TokenHash {
        // A token has no line break, so no other pair of token and secret gives the same bytes.
        TokenHash(Sha256::of(&[self.text.as_bytes(), b"\n", secret].concat()))
    }

    /// The text, for the one response or cookie that carries it.
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenText({PREFIX}*** of {})", self.user)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A new token's id: 16 lower-case hex digits. It identifies the token in lists and is not secret.
///
/// # Errors
/// If the platform has no random bytes.
pub fn random_token_id() -> Result<String, getrandom::Error> {
    Ok(format!("{:016x}", getrandom::u64()?))
}

/// Whether a text is a valid user id: 1 to 128 visible ASCII characters.
pub fn is_user_id(text: &str) -> bool {
    (1..=MAX_USER_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether the service uses this name for a built-in user. A token of an issuer must not have it as its subject.
pub fn is_reserved(user: &str) -> bool {
    matches!(user, "admin" | "local" | "runner")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_user_and_stays_hidden() {
        let token = TokenText::random("anna@example.com").unwrap();
        assert!(TokenText::has_prefix(token.reveal()));
        let parsed = TokenText::parse(token.reveal()).unwrap();
        assert_eq!((parsed.user(), parsed.hash()), ("anna@example.com", token.hash()));
        assert!(!format!("{token:?}").contains(&token.reveal()[30..]), "{token:?}");
        assert_ne!(TokenText::random("anna@example.com").unwrap().hash(), token.hash());
        let bound = token.hash_bound_to(b"secret");
        assert_eq!(parsed.hash_bound_to(b"secret"), bound);
        assert!(bound != token.hash() && bound != token.hash_bound_to(b"secret2") && bound != token.hash_bound_to(b""));
        assert!(TokenText::parse(TokenText::random(&"x".repeat(MAX_USER_BYTES)).unwrap().reveal()).is_some());
    }

    #[test]
    fn the_lesser_scope_is_the_smaller() {
        assert!(Scope::Read < Scope::Write);
    }

    #[test]
    fn token_ids_are_unique_and_16_digits() {
        let (one, other) = (random_token_id().unwrap(), random_token_id().unwrap());
        assert!(one != other && one.len() == 16 && other.len() == 16, "{one} {other}");
    }

    #[test]
    fn other_forms_are_refused() {
        let good = TokenText::random("anna").unwrap().reveal().to_owned();
        let secret = good.split_once('.').unwrap().1;
        for text in [
            String::new(),
            "pw_".to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}A"),
            format!("{good}="),
            good.replace("pw_", "PW_"),
            format!("pw_.{secret}"),
            format!("pw_{}.{secret}", URL_SAFE_NO_PAD.encode("an na")),
            format!("pw_{}.{secret}", URL_SAFE_NO_PAD.encode("a".repeat(MAX_USER_BYTES + 1))),
            format!("pw_{}.{secret}", URL_SAFE_NO_PAD.encode([0xff, 0xfe])),
            format!("pw_{}.{secret}", "A".repeat(1 << 20)),
        ] {
            assert!(TokenText::parse(&text).is_none(), "{text:.60}");
        }
    }
}

/// Any text may be presented as a token. `PROPTEST_CASES` sets the number of cases.
#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn parsed_tokens_have_a_user_and_stay_hidden(
            text in prop_oneof![any::<String>(), "pw_[A-Za-z0-9_-]{0,180}\\.[A-Za-z0-9_-]{42,44}"],
        ) {
            if let Some(token) = TokenText::parse(&text) {
                prop_assert_eq!(token.reveal(), &text);
                prop_assert!(is_user_id(token.user()));
                let (printed, secret) = (format!("{token:?}"), text.rsplit_once('.').unwrap().1);
                prop_assert!(!printed.contains(secret), "{}", printed);
            }
        }

        #[test]
        fn a_changed_token_has_another_hash(
            user in "[!-~]{1,128}",
            at in any::<prop::sample::Index>(),
            new in any::<char>(),
        ) {
            let token = TokenText::random(&user).unwrap();
            let parsed = TokenText::parse(token.reveal()).unwrap();
            prop_assert_eq!(parsed.user(), &user);
            let mut characters: Vec<char> = token.reveal().chars().collect();
            let at = at.index(characters.len());
            prop_assume!(characters[at] != new);
            characters[at] = new;
            let changed = TokenText::parse(&characters.into_iter().collect::<String>());
            prop_assert!(changed.is_none_or(|changed| changed.hash() != token.hash()));
        }
    }
}
