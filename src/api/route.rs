//! The table of routes. Router, permissions, 405 responses and the OpenAPI document read it.

use futures::future::LocalBoxFuture;
use http::Method;

use super::auth::permission::Permission::{self, Admin, Public, Read, Recognised, Runner, Write};
use super::docs::doc_only::DocOnly;
use super::docs::endpoint::EndpointDoc;
use super::docs::parameter::{CURSOR, EXPIRES_IN, HOURS, LIMIT, Parameter, USER, VERSION, WAIT};
use super::error::ApiError;
use super::handlers::{
    batch, chat, examples, live, logs, monitoring, outputs, owner, page, projects, reference, runner, scripts, session,
    tokens, upload, versions,
};
use super::request::ApiRequest;
use super::response::ApiResponse;

/// A handler: from the request to the response.
pub(super) type Handler = for<'a> fn(&'a ApiRequest<'a>) -> LocalBoxFuture<'a, Result<ApiResponse, ApiError>>;

/// One route.
pub struct Route {
    pub method: Method,
    /// The path, with `{name}` for a parameter.
    pub path: &'static str,
    pub permission: Permission,
    /// The query parameters that it reads.
    pub query: &'static [Parameter],
    pub(super) handler: Handler,
    /// Its entry in the OpenAPI document.
    pub doc: DocOnly<EndpointDoc>,
}

impl Route {
    const fn new(
        method: Method,
        path: &'static str,
        permission: Permission,
        handler: Handler,
        doc: EndpointDoc,
    ) -> Self {
        Self { method, path, permission, query: &[], handler, doc: DocOnly::new(doc) }
    }

    const fn query(mut self, parameters: &'static [Parameter]) -> Self {
        self.query = parameters;
        self
    }
}

/// A function for each method.
macro_rules! methods {
    ($($name:ident = $method:ident;)+) => {
        $(const fn $name(path: &'static str, permission: Permission, handler: Handler, doc: EndpointDoc) -> Route {
            Route::new(Method::$method, path, permission, handler, doc)
        })+
    };
}

methods! { get = GET; post = POST; put = PUT; delete = DELETE; }

/// An async function as a handler.
macro_rules! handler {
    ($($function:ident)::+) => { |request| Box::pin($($function)::+(request)) };
}

/// Every route.
#[rustfmt::skip]
pub static ROUTES: &[Route] = &[
    get("/", Public, handler!(page::index), page::INDEX),
    get("/api", Public, handler!(reference::page), reference::PAGE),
    get("/api.css", Public, handler!(reference::style), reference::STYLE),
    get("/api/openapi.json", Public, handler!(reference::document), reference::DOCUMENT),
    get("/page.css", Public, handler!(page::style), page::STYLE),
    get("/page.js", Public, handler!(page::program), page::PROGRAM),
    get("/icon.svg", Public, handler!(page::icon), page::ICON),
    get("/api/examples", Public, handler!(examples::list), examples::LIST),
    get("/api/examples/{example}", Public, handler!(examples::content), examples::CONTENT),
    get("/api/examples/{example}/picture", Public, handler!(examples::picture), examples::PICTURE),
    post("/api/session", Read, handler!(session::sign_in), session::SIGN_IN),
    get("/api/session", Read, handler!(session::show), session::SHOW),
    delete("/api/session", Public, handler!(session::sign_out), session::SIGN_OUT),
    post("/api/tokens", Write, handler!(tokens::create), tokens::CREATE),
    get("/api/tokens", Read, handler!(tokens::list), tokens::LIST).query(&[USER]),
    delete("/api/tokens/{id}", Write, handler!(tokens::revoke), tokens::REVOKE).query(&[USER]),
    get("/api/projects", Read, handler!(projects::list), projects::LIST).query(&[LIMIT, CURSOR]),
    post("/api/projects/{project}/upload-script", Write, handler!(upload::upload), upload::UPLOAD),
    post("/api/batch", Write, handler!(batch::upload), batch::UPLOAD),
    post("/api/ai/chat", Write, handler!(chat::chat), chat::CHAT),
    get("/api/projects/{project}/chat/{turn}", Read, handler!(chat::turn), chat::TURN),
    get("/api/projects/{project}/messages", Read, handler!(chat::messages), chat::MESSAGES).query(&[LIMIT, CURSOR]),
    delete("/api/projects/{project}/messages", Write, handler!(chat::forget), chat::FORGET),
    post("/api/projects/{project}/cancel/{version}", Write, handler!(versions::cancel), versions::CANCEL),
    post("/api/projects/{project}/retry/{version}", Write, handler!(versions::retry), versions::RETRY),
    get("/api/projects/{project}/scripts", Read, handler!(scripts::list), scripts::LIST).query(&[LIMIT, CURSOR]),
    get("/api/projects/{project}/script/{version}", Read, handler!(scripts::content), scripts::CONTENT),
    get("/api/projects/{project}/outputs", Read, handler!(outputs::list), outputs::LIST).query(&[VERSION]),
    get("/api/projects/{project}/download/{format}", Read, handler!(outputs::download), outputs::DOWNLOAD)
        .query(&[VERSION, EXPIRES_IN]),
    get("/api/projects/{project}/logs", Read, handler!(logs::list), logs::LIST).query(&[LIMIT, CURSOR]),
    get("/api/projects/{project}/logs/{name}", Read, handler!(logs::content), logs::CONTENT),
    get("/api/projects/{project}/status", Read, handler!(live::status), live::STATUS).query(&[WAIT]),
    get("/api/projects/{project}/watch", Read, handler!(live::watch), live::WATCH),
    put("/api/projects/{project}/owner", Admin, handler!(owner::assign), owner::ASSIGN),
    post("/api/runner/events", Runner, handler!(runner::events), runner::EVENTS),
    get("/api/runner/wake", Runner, handler!(runner::wake), runner::WAKE),
    get("/api/monitoring/health", Recognised, handler!(monitoring::health), monitoring::HEALTH),
    get("/api/monitoring/ai/metrics", Admin, handler!(monitoring::metrics), monitoring::METRICS).query(&[HOURS]),
    get("/api/monitoring/s3/status", Admin, handler!(monitoring::s3_status), monitoring::S3_STATUS),
    post("/api/monitoring/test/s3-upload", Admin, handler!(monitoring::test_upload), monitoring::TEST_UPLOAD),
    get("/api/monitoring/projects/{project}/processing-status", Read, handler!(monitoring::processing_status),
        monitoring::PROCESSING_STATUS).query(&[LIMIT, CURSOR]),
];

/// A route and the parameters in its path, percent-decoded.
pub(super) struct Match {
    pub route: &'static Route,
    pub parameters: Vec<(&'static str, String)>,
}

/// Finds the route of a request.
///
/// # Errors
/// 404 if no route has the path, 405 with `Allow` if none of them has the method.
pub(super) fn find(method: &Method, path: &str) -> Result<Match, ApiError> {
    // The table is short, so a search is faster than building a tree in each instance.
    for route in ROUTES {
        // HEAD is GET without the body (RFC 9110, section 9.3.2).
        if (route.method == method || (route.method == Method::GET && method == Method::HEAD))
            && let Some(parameters) = path_parameters(route.path, path)
        {
            return Ok(Match { route, parameters });
        }
    }
    Err(ApiError::method(method.as_str(), path, methods(path)?.join(", ")))
}

/// The methods of a path.
///
/// # Errors
/// 404 if no route has the path.
pub(super) fn methods(path: &str) -> Result<Vec<&'static str>, ApiError> {
    let mut methods = Vec::new();
    for route in ROUTES.iter().filter(|route| path_parameters(route.path, path).is_some()) {
        methods.push(route.method.as_str());
        if route.method == Method::GET {
            methods.push("HEAD");
        }
    }
    if methods.is_empty() { Err(ApiError::no_route(path)) } else { Ok(methods) }
}

/// The parameters of `path` if it matches `pattern`.
fn path_parameters(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return Some(parameters),
            (Some(wanted), Some(given)) => match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => {
                    // Invalid UTF-8 becomes replacement characters, which no parameter allows.
                    let value = percent_encoding::percent_decode_str(given).decode_utf8_lossy().into_owned();
                    parameters.push((name, value));
                }
                None if wanted == given => {}
                None => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_percent_decoded() {
        let found = find(&Method::GET, "/api/projects/a%20b/logs/x%2Fy.log").ok().unwrap();
        assert_eq!(found.route.path, "/api/projects/{project}/logs/{name}");
        assert_eq!(found.parameters, [("project", "a b".to_owned()), ("name", "x/y.log".to_owned())]);
        assert!(find(&Method::HEAD, "/api/projects").is_ok());
    }

    #[test]
    fn unknown_paths_and_methods_differ() {
        assert_eq!(find(&Method::GET, "/api/nothing").err().unwrap().code(), "no_route");
        assert_eq!(find(&Method::GET, "/api/projects/").err().unwrap().code(), "no_route");
        assert_eq!(find(&Method::DELETE, "/api/projects").err().unwrap().code(), "method_not_allowed");
        assert_eq!(find(&Method::GET, "/api/projects/p/upload-script").err().unwrap().code(), "method_not_allowed");
    }

    #[test]
    fn routes_are_unique() {
        for (index, route) in ROUTES.iter().enumerate() {
            let same = |other: &&Route| other.method == route.method && other.path == route.path;
            assert!(!ROUTES[..index].iter().any(|other| same(&other)), "{} {}", route.method, route.path);
        }
    }
}
