//! AWS Signature Version 4, by `aws-sigv4` with the settings for S3.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::HeaderValue;

use super::config::{Bucket, Credentials};
use super::error::S3Error;
use contract::{Sha256, Timestamp};

/// Adds `x-amz-date`, `x-amz-content-sha256`, the session token and `authorization` to `request`.
///
/// The signature covers the body's digest and all headers that are already present.
pub(crate) fn sign_headers(request: &mut http::Request<Bytes>, bucket: &Bucket, now: Timestamp) -> Result<(), S3Error> {
    let mut settings = s3_settings();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let digest = Sha256::of(request.body());
    apply(request, SignableBody::Precomputed(digest.to_string()), settings, bucket, now)
}

/// Signs the URL of `request` for `expires_in` from `now`. No header carries a part of the signature.
pub(crate) fn sign_url(
    request: &mut http::Request<Bytes>,
    bucket: &Bucket,
    expires_in: Duration,
    now: Timestamp,
) -> Result<(), S3Error> {
    let mut settings = s3_settings();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(expires_in);
    apply(request, SignableBody::UnsignedPayload, settings, bucket, now)
}

/// S3 signs the path as sent: encoded once, not normalised. The defaults are for other services and break keys with a
/// space, `+` or `%`.
fn s3_settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}

fn apply(
    request: &mut http::Request<Bytes>,
    body: SignableBody<'_>,
    settings: SigningSettings,
    bucket: &Bucket,
    now: Timestamp,
) -> Result<(), S3Error> {
    let unusable = |error: &dyn std::fmt::Display| S3Error::Unusable(format!("cannot sign the request: {error}"));
    let identity = identity(&bucket.credentials);
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&bucket.region)
        .name("s3")
        .time(system_time(now))
        .settings(settings)
        .build()
        .map_err(|error| unusable(&error))?
        .into();

    let host = request.uri().authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    request.headers_mut().insert(http::header::HOST, HeaderValue::from_str(&host).map_err(|error| unusable(&error))?);
    let mut headers = Vec::with_capacity(request.headers().len());
    for (name, value) in request.headers() {
        let text = std::str::from_utf8(value.as_bytes()).map_err(|error| unusable(&error))?;
        headers.push((name.as_str(), text));
    }
    let url = request.uri().to_string();
    let signable = SignableRequest::new(request.method().as_str(), url, headers.into_iter(), body)
        .map_err(|error| unusable(&error))?;
    let (instructions, _signature) = sign(signable, &params).map_err(|error| unusable(&error))?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}

fn identity(credentials: &Credentials) -> Identity {
    aws_credential_types::Credentials::new(
        &credentials.access_key_id,
        &credentials.secret_access_key,
        credentials.session_token.clone(),
        None,
        "partwright",
    )
    .into()
}

fn system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    //! The examples that AWS publishes for S3: "Signature Calculations for the Authorization Header" and
    //! "Authenticating Requests: Using Query Parameters", both for 2013-05-24T00:00:00Z.

    use super::*;
    use platform::BaseUrl;

    use crate::Addressing;

    const NOW: &str = "2013-05-24T00:00:00Z";

    fn bucket() -> Bucket {
        let endpoint =
            BaseUrl { scheme: "https".to_owned(), authority: "s3.amazonaws.com".to_owned(), base_path: String::new() };
        Bucket {
            public_endpoint: endpoint.clone(),
            endpoint,
            name: "examplebucket".to_owned(),
            region: "us-east-1".to_owned(),
            addressing: Addressing::Virtual,
            credentials: Credentials {
                access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
                secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
                session_token: None,
                expires_at: None,
            },
        }
    }

    fn signature(request: http::request::Builder, body: &'static str) -> String {
        let mut request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
        sign_headers(&mut request, &bucket(), NOW.parse().unwrap()).unwrap();
        let header = request.headers()["authorization"].to_str().unwrap();
        header.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn aws_get_object() {
        let request =
            http::Request::get("https://examplebucket.s3.amazonaws.com/test.txt").header("range", "bytes=0-9");
        assert_eq!(signature(request, ""), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    }

    #[test]
    fn aws_put_object() {
        let request = http::Request::put("https://examplebucket.s3.amazonaws.com/test%24file.text")
            .header("date", "Fri, 24 May 2013 00:00:00 GMT")
            .header("x-amz-storage-class", "REDUCED_REDUNDANCY");
        assert_eq!(
            signature(request, "Welcome to Amazon S3."),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
    }

    #[test]
    fn aws_get_bucket_lifecycle() {
        let request = http::Request::get("https://examplebucket.s3.amazonaws.com/?lifecycle");
        assert_eq!(signature(request, ""), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    }

    #[test]
    fn aws_list_objects() {
        let request = http::Request::get("https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J");
        assert_eq!(signature(request, ""), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    }

    #[test]
    fn aws_presigned_get() {
        let url = "https://examplebucket.s3.amazonaws.com/test.txt";
        let mut request = http::Request::get(url).body(Bytes::new()).unwrap();
        sign_url(&mut request, &bucket(), Duration::from_secs(86_400), NOW.parse().unwrap()).unwrap();
        let url = request.uri().to_string();
        assert!(
            url.contains("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
            "{url}"
        );
    }

    #[test]
    fn a_session_token_is_signed() {
        let mut bucket = bucket();
        bucket.credentials.session_token = Some("token".to_owned());
        let mut request = http::Request::get("https://examplebucket.s3.amazonaws.com/a").body(Bytes::new()).unwrap();
        sign_headers(&mut request, &bucket, NOW.parse().unwrap()).unwrap();
        assert_eq!(request.headers()["x-amz-security-token"], "token");
        assert!(request.headers()["authorization"].to_str().unwrap().contains("x-amz-security-token"));
    }
}
