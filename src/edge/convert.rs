//! Converts between the `http` crate's types and workerd's.

use bytes::Bytes;
use futures::StreamExt;
use http::header::CONTENT_TYPE;
use js_sys::Uint8Array;
use worker::{HttpRequest, HttpResponse, Response, ResponseBuilder};

use platform::{Body, HttpError};

/// An incoming request.
pub(super) fn incoming(request: HttpRequest) -> http::Request<Body> {
    request.map(|body| Body::from_stream(body.map(|chunk| chunk.map_err(|error| broken(&error)))))
}

/// An outgoing response: one buffer, so that it has a `Content-Length`; events as a stream.
pub(super) async fn outgoing(response: http::Response<Body>) -> worker::Result<Response> {
    let (head, body) = response.into_parts();
    let is_stream = head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == b"text/event-stream");
    if is_stream {
        let builder = ResponseBuilder::new().with_status(head.status.as_u16()).with_headers(head.headers.into());
        let failed = |error: HttpError| worker::Error::RustError(error.to_string());
        return builder.from_stream(body.into_stream().map(move |chunk| chunk.map_err(failed)));
    }
    let body = body.bytes(usize::MAX).await.map_err(|error| worker::Error::RustError(error.to_string()))?;
    let builder = ResponseBuilder::new().with_status(head.status.as_u16()).with_headers(head.headers.into());
    // The platform throws if a status such as 304 has a body, even an empty one.
    Ok(if body.is_empty() { builder.empty() } else { builder.fixed(body.into()) })
}

/// A request to a store or an object. The body is one buffer, so that it has a `Content-Length`. Redirects are not
/// followed, because the signature covers only this URL.
pub(super) fn request(request: &http::Request<Bytes>) -> Result<worker::Request, HttpError> {
    let init = web_sys::RequestInit::new();
    init.set_method(request.method().as_str());
    init.set_redirect(web_sys::RequestRedirect::Manual);
    let headers = web_sys::Headers::new().map_err(|error| HttpError(format!("{error:?}")))?;
    for (name, value) in request.headers() {
        // The platform sets Host from the URL, which is the signed value.
        if name != http::header::HOST {
            let value = value.to_str().map_err(|error| broken(&error))?;
            headers.append(name.as_str(), value).map_err(|error| HttpError(format!("{error:?}")))?;
        }
    }
    init.set_headers(&headers);
    let carries_body = !matches!(*request.method(), http::Method::GET | http::Method::HEAD | http::Method::DELETE);
    if carries_body {
        init.set_body(&Uint8Array::from(&request.body()[..]));
    }
    let request = web_sys::Request::new_with_str_and_init(&request.uri().to_string(), &init);
    request.map(Into::into).map_err(|error| HttpError(format!("{error:?}")))
}

/// A response of a store or an object.
pub(super) fn response(response: worker::Response) -> Result<http::Response<Body>, HttpError> {
    HttpResponse::try_from(response).map(streamed).map_err(|error| broken(&error))
}

/// A response with its body as a stream.
pub(super) fn streamed(response: HttpResponse) -> http::Response<Body> {
    response.map(|body| Body::from_stream(body.map(|chunk| chunk.map_err(|error| broken(&error)))))
}

/// The transport's error.
pub(super) fn broken(error: &dyn std::fmt::Display) -> HttpError {
    HttpError(error.to_string())
}
