//! The seam to the platform's cryptography: checking a signature. At the edge WebCrypto does it, which costs no code.

use std::fmt;

use futures::future::LocalBoxFuture;

/// A key and the one algorithm that it is for. `Debug` never shows key material.
#[derive(Clone, PartialEq, Eq)]
pub enum VerifyingKey {
    /// HMAC with SHA-256 (RFC 7518, section 3.2): the shared secret.
    Hs256(Vec<u8>),
    /// RSASSA-PKCS1-v1_5 with SHA-256 (section 3.3): modulus and exponent, big end first.
    Rs256 {
        /// The modulus, 2,048 to 8,192 bits.
        modulus: Vec<u8>,
        /// The exponent.
        exponent: Vec<u8>,
    },
    /// ECDSA on P-256 with SHA-256 (section 3.4): the point, two times 32 bytes.
    Es256 {
        /// First coordinate.
        x: [u8; 32],
        /// Second coordinate.
        y: [u8; 32],
    },
}

impl VerifyingKey {
    /// The algorithm's name in a token's header.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Hs256(_) => "HS256",
            Self::Rs256 { .. } => "RS256",
            Self::Es256 { .. } => "ES256",
        }
    }

    /// The key's bytes, for a digest: never to be shown or stored.
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
    /// When the platform cannot say, which is never to be taken for a yes.
    fn verify<'a>(
        &'a self,
        key: &'a VerifyingKey,
        message: &'a [u8],
        signature: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<bool, CryptoError>>;
}

/// The platform's cryptography failed, or does not take the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the platform's cryptography: {0}")]
pub struct CryptoError(pub String);
