//! The Worker's own signer for `make bench`: `worker.mjs` calls it and aws4fetch in the same workerd. Empty on other
//! targets.
#![cfg(target_arch = "wasm32")]

use std::time::Duration;

use contract::Timestamp;
use s3::{Bucket, presign_get};
use wasm_bindgen::prelude::wasm_bindgen;

/// Signs `count` links to different keys, valid for an hour from `now` (milliseconds since 1970), and returns the last.
///
/// # Errors
/// Describes a setting or key that cannot be used.
#[wasm_bindgen]
pub fn presign(endpoint: &str, id: &str, secret: &str, count: u32, now: f64) -> Result<String, String> {
    let bucket = Bucket::from_settings(&|name| {
        let value = match name {
            "AWS_ENDPOINT_URL_S3" => endpoint,
            "AWS_ACCESS_KEY_ID" => id,
            "AWS_SECRET_ACCESS_KEY" => secret,
            "AWS_BUCKET_NAME" => "models",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .map_err(|error| error.to_string())?;
    // Milliseconds since 1970 are whole and far below 2^53.
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    let now = Timestamp::from_millis(now as i64);
    let mut last = String::new();
    for number in 0..count {
        let key = format!("output/demo/v{number}/0123456789abcdef/MyHeadlessModel.STEP");
        last = presign_get(&bucket, &key, &[], Duration::from_secs(3_600), now).map_err(|error| error.to_string())?;
    }
    Ok(last)
}
