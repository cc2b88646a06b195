//! Verifies signatures with the platform's WebCrypto, which adds no code to the Worker.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use js_sys::{JSON, Promise};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use worker::wasm_bindgen_futures::JsFuture;

use crate::crypto::{CryptoError, Verifier, VerifyingKey};

// Declared here, because web-sys would add classes that nothing else needs.
#[wasm_bindgen]
extern "C" {
    /// `SubtleCrypto.importKey` (Web Cryptography, section 14.3.9).
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &JsValue,
    ) -> Result<Promise, JsValue>;

    /// `SubtleCrypto.verify` (section 14.3.4). Both texts are copied before it returns.
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], catch)]
    fn verify(algorithm: &JsValue, key: &JsValue, signature: &[u8], message: &[u8]) -> Result<Promise, JsValue>;
}

/// workerd's WebCrypto.
pub(super) struct WebCrypto;

impl Verifier for WebCrypto {
    fn verify<'a>(
        &'a self,
        key: &'a VerifyingKey,
        message: &'a [u8],
        signature: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<bool, CryptoError>> {
        async move { verify_with(key, message, signature).await.map_err(|error| CryptoError(format!("{error:?}"))) }
            .boxed_local()
    }
}

async fn verify_with(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Result<bool, JsValue> {
    let (jwk, algorithm) = jwk_and_algorithm(key);
    let (jwk, algorithm) = (JSON::parse(&jwk)?, JSON::parse(algorithm)?);
    let key = import_key("jwk", &jwk, &algorithm, false, &JSON::parse(r#"["verify"]"#)?)?;
    let key = JsFuture::from(key).await?;
    let verdict = JsFuture::from(verify(&algorithm, &key, signature, message)?).await?;
    // Any other value is an error.
    verdict.as_bool().ok_or_else(|| JsValue::from_str("verify returned neither true nor false"))
}

/// The key as a JSON Web Key (RFC 7517), and its WebCrypto algorithm. The same algorithm object serves `importKey` and
/// `verify`: each ignores the fields of the other.
fn jwk_and_algorithm(key: &VerifyingKey) -> (String, &'static str) {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    match key {
        VerifyingKey::Hs256(secret) => {
            (format!(r#"{{"kty":"oct","k":"{}"}}"#, text(secret)), r#"{"name":"HMAC","hash":"SHA-256"}"#)
        }
        VerifyingKey::Rs256 { modulus, exponent } => (
            format!(r#"{{"kty":"RSA","n":"{}","e":"{}"}}"#, text(modulus), text(exponent)),
            r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#,
        ),
        VerifyingKey::Es256 { x, y } => (
            format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"{}"}}"#, text(x), text(y)),
            r#"{"name":"ECDSA","namedCurve":"P-256","hash":"SHA-256"}"#,
        ),
    }
}
