//! Verification of signatures. In the Worker, WebCrypto does it without adding code.

use std::fmt;

use futures::future::LocalBoxFuture;

/// A key and its one algorithm. `Debug` hides key material.
#[derive(Clone, PartialEq, Eq)]
pub enum VerifyingKey {
    /// A shared secret for HMAC with SHA-256 (RFC 7518, section 3.2).
    Hs256(Vec<u8>),
    /// RSASSA-PKCS1-v1_5 with SHA-256 (section 3.3); big-endian numbers.
    Rs256 {
        /// 2,048 to 8,192 bits.
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// A point on P-256 for ECDSA with SHA-256 (section 3.4).
    Es256 { x: [u8; 32], y: [u8; 32] },
}

impl VerifyingKey {
    /// The `alg` in a token's header.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256(_) => "HS256",
            Self::Rs256 { .. } => "RS256",
            Self::Es256 { .. } => "ES256",
        }
    }

    /// The key's bytes, as input of a digest. Never log or store them.
    pub(crate) fn material(&self) -> Vec<u8> {
        match self {
            Self::Hs256(secret) => secret.clone(),
            Self::Rs256 { modulus, exponent } => [&modulus[..], exponent].concat(),
            Self::Es256 { x, y } => [&x[..], y].concat(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.algorithm())
    }
}

/// Checks signatures.
pub trait Verifier {
    /// Whether `signature` is `key`'s signature of `message`. An ECDSA signature is r and s, 32 bytes each.
    ///
    /// # Errors
    /// If the platform cannot check it. Treat that as a refusal.
    fn verify<'a>(
        &'a self,
        key: &'a VerifyingKey,
        message: &'a [u8],
        signature: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<bool, CryptoError>>;
}

/// The platform's cryptography failed, or does not support the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the platform's cryptography: {0}")]
pub struct CryptoError(pub String);
