//! Verification of signatures with `ring`, a library that the Worker does not use.

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use partwright::crypto::{CryptoError, Verifier, VerifyingKey};
use ring::hmac;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};

pub struct RingVerifier;

impl Verifier for RingVerifier {
    fn verify<'a>(
        &'a self,
        key: &'a VerifyingKey,
        message: &'a [u8],
        signature: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<bool, CryptoError>> {
        let verdict = match key {
            VerifyingKey::Hs256(secret) => {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message, signature).is_ok()
            }
            VerifyingKey::Rs256 { modulus, exponent } => {
                let key = RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            VerifyingKey::Es256 { x, y } => {
                let point = [&[4][..], x, y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
        };
        std::future::ready(Ok(verdict)).boxed_local()
    }
}
