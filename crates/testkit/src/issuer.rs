//! An issuer of JSON Web Tokens: its key set on the network, and the claims of its tokens.

use std::cell::RefCell;

use bytes::Bytes;
use contract::Timestamp;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use platform::{Body, Http, HttpError};
use serde_json::{Value, json};

pub const ISSUER: &str = "https://issuer.test";
pub const AUDIENCE: &str = "partwright";
pub const KEY_SET_URL: &str = "https://issuer.test/keys";
pub const SECRET: &str = "the issuer's secret: 38 bytes, no less";

/// Settings of a Worker that trusts the issuer by its secret.
pub const BY_SECRET: [(&str, &str); 3] =
    [("AUTH_JWT_SECRET", SECRET), ("AUTH_ISSUER", ISSUER), ("AUTH_AUDIENCE", AUDIENCE)];

/// Settings of a Worker that trusts the issuer by its key set.
pub const BY_KEY_SET: [(&str, &str); 3] =
    [("AUTH_JWKS_URL", KEY_SET_URL), ("AUTH_ISSUER", ISSUER), ("AUTH_AUDIENCE", AUDIENCE)];

/// The document at the key set's address.
#[derive(Default)]
pub struct KeySetAddress(RefCell<Bytes>);

impl KeySetAddress {
    /// Publishes a key set.
    pub fn publish(&self, keys: &[Value]) {
        self.put(json!({"keys": keys}).to_string());
    }

    /// Publishes any document.
    pub fn put(&self, text: impl Into<Bytes>) {
        *self.0.borrow_mut() = text.into();
    }
}

impl Http for KeySetAddress {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        assert_eq!((request.method(), request.uri().to_string().as_str()), (&http::Method::GET, KEY_SET_URL));
        let answer = http::Response::new(Body::full(self.0.borrow().clone()));
        std::future::ready(Ok(answer)).boxed_local()
    }
}

/// The claims of a valid token of `user`: issued now, good for an hour.
pub fn claims(user: &str, now: Timestamp) -> Value {
    let now = now.as_millis() / 1000;
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "nbf": now, "exp": now + 3600})
}
