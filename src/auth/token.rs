//! The tokens that this service makes itself: API tokens, which a program sends, and sessions, which a browser's cookie
//! holds. Both are the same text, `pw_` + the user's id in base64url + `.` + 32 random bytes in base64url: the id says
//! whose `Account` object knows the token, the random bytes cannot be guessed. Only a hash is ever stored.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use contract::{Sha256, word_enum};

word_enum! {
    /// What a token may do.
    #[derive(PartialOrd, Ord, Hash, JsonSchema)]
    pub enum Scope {
        /// Calls that change nothing.
        Read = "read",
        /// All calls of a user.
        Write = "write",
    } else "a scope is read or write"
}

word_enum! {
    /// What kind of token it is.
    pub enum TokenKind {
        /// Made by its user for a program, which sends it as `Authorization: Bearer`.
        Api = "api",
        /// Made when somebody signs in, and held by a browser's cookie.
        Session = "session",
    } else "a kind of token is api or session"
}

/// A token as its holder shows it. `Debug` never shows it.
#[derive(Clone)]
pub struct TokenText {
    text: String,
    user: String,
}

/// The SHA-256 of a token's text: what is stored. A fast hash is enough for 256 random bits, which nobody can try out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(Sha256);

/// What every token begins with, so that scanners of leaked secrets and people know it.
const PREFIX: &str = "pw_";

/// Random bytes of a token.
const SECRET_BYTES: usize = 32;

/// The longest user id, in bytes.
const LONGEST_USER: usize = 128;

impl TokenText {
    /// Whether a bearer's text is meant to be such a token rather than a JSON Web Token.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// A new token of `user`, a valid user id.
    ///
    /// # Errors
    /// When the platform has no random bytes.
    pub fn random(user: &str) -> Result<Self, getrandom::Error> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret)?;
        let text = format!("{PREFIX}{}.{}", URL_SAFE_NO_PAD.encode(user), URL_SAFE_NO_PAD.encode(secret));
        Ok(Self { text, user: user.to_owned() })
    }

    /// Takes a shown token apart; none where it has not exactly the form that [`TokenText::random`] gives.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
        // Before decoding, so that an enormous one costs nothing.
        if user.len() > LONGEST_USER * 4 / 3 + 1 || secret.len() != (SECRET_BYTES * 4).div_ceil(3) {
            return None;
        }
        URL_SAFE_NO_PAD.decode(secret).ok()?;
        let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
        is_user_id(&user).then(|| Self { text: text.to_owned(), user })
    }

    /// Whose it is said to be. Only their `Account` object knows whether that is true.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// What is stored of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::of(self.text.as_bytes()))
    }

    /// What is stored of a token that counts only as long as a secret stays the same: with another secret nobody finds it.
    /// Nothing can be learned of the secret from it without the text, which is not stored.
    pub fn hash_bound_to(&self, secret: &[u8]) -> TokenHash {
        // No token holds a line break, so no other pair of the two reads alike.
        TokenHash(Sha256::of(&[self.text.as_bytes(), b"\n", secret].concat()))
    }

    /// The text itself: for the one answer or cookie that shows it.
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

/// A new token's id: 16 lower-case hex digits. It names the token in lists and is no secret.
///
/// # Errors
/// When the platform has no random bytes.
pub fn random_token_id() -> Result<String, getrandom::Error> {
    Ok(format!("{:016x}", getrandom::u64()?))
}

/// Whether a text may be a user's id: 1 to 128 visible ASCII characters.
pub fn is_user_id(text: &str) -> bool {
    (1..=LONGEST_USER).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Users that this service names itself; an issuer's subject of that name would be taken for them.
pub fn is_reserved(user: &str) -> bool {
    matches!(user, "admin" | "local" | "runner")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is_and_hides() {
        let token = TokenText::random("anna@example.com").unwrap();
        assert!(TokenText::is_meant(token.reveal()));
        let parsed = TokenText::parse(token.reveal()).unwrap();
        assert_eq!((parsed.user(), parsed.hash()), ("anna@example.com", token.hash()));
        assert!(!format!("{token:?}").contains(&token.reveal()[30..]), "{token:?}");
        assert_ne!(TokenText::random("anna@example.com").unwrap().hash(), token.hash());
        let bound = token.hash_bound_to(b"secret");
        assert_eq!(parsed.hash_bound_to(b"secret"), bound);
        assert!(bound != token.hash() && bound != token.hash_bound_to(b"secret2") && bound != token.hash_bound_to(b""));
        assert!(TokenText::parse(TokenText::random(&"x".repeat(LONGEST_USER)).unwrap().reveal()).is_some());
    }

    #[test]
    fn the_lesser_scope_is_the_smaller() {
        assert!(Scope::Read < Scope::Write);
    }

    #[test]
    fn ids_differ_and_have_one_length() {
        let (one, other) = (random_token_id().unwrap(), random_token_id().unwrap());
        assert!(one != other && one.len() == 16 && other.len() == 16, "{one} {other}");
    }

    #[test]
    fn what_has_another_form_is_none() {
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
            format!("pw_{}.{secret}", URL_SAFE_NO_PAD.encode("a".repeat(LONGEST_USER + 1))),
            format!("pw_{}.{secret}", URL_SAFE_NO_PAD.encode([0xff, 0xfe])),
            format!("pw_{}.{secret}", "A".repeat(1 << 20)),
        ] {
            assert!(TokenText::parse(&text).is_none(), "{text:.60}");
        }
    }
}

/// What is shown as a token may be anything. `PROPTEST_CASES` says how often that is tried.
#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_parses_is_one_user_s_and_hides(
            text in prop_oneof![any::<String>(), "pw_[A-Za-z0-9_-]{0,180}\\.[A-Za-z0-9_-]{42,44}"],
        ) {
            if let Some(token) = TokenText::parse(&text) {
                prop_assert_eq!(token.reveal(), &text);
                prop_assert!(is_user_id(token.user()));
                let (shown, secret) = (format!("{token:?}"), text.rsplit_once('.').unwrap().1);
                prop_assert!(!shown.contains(secret), "{}", shown);
            }
        }

        #[test]
        fn a_changed_token_is_another_one(
            user in "[!-~]{1,128}",
            at in any::<prop::sample::Index>(),
            new in any::<char>(),
        ) {
            let token = TokenText::random(&user).unwrap();
            let parsed = TokenText::parse(token.reveal()).unwrap();
            prop_assert_eq!(parsed.user(), &user);
            let mut letters: Vec<char> = token.reveal().chars().collect();
            let at = at.index(letters.len());
            prop_assume!(letters[at] != new);
            letters[at] = new;
            let changed = TokenText::parse(&letters.into_iter().collect::<String>());
            prop_assert!(changed.is_none_or(|changed| changed.hash() != token.hash()));
        }
    }
}
