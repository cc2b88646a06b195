//! The table of routes. The router, 405, permissions and the documentation all read it.

use futures::future::LocalBoxFuture;
use http::Method;

use super::auth::permission::Permission;
use super::docs::doc_only::ForDocument;
use super::docs::endpoint::Terms;
use super::docs::parameter::{CURSOR, EXPIRES_IN, HOURS, LIMIT, Parameter, USER, VERSION, WAIT};
use super::error::ApiError;
use super::handlers::{
    batch, chat, examples, live, logs, monitoring, outputs, owner, page, projects, reference, runner, scripts, session,
    tokens, upload, versions,
};
use super::request::Call;
use super::response::Reply;

/// What body a route reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// None; what is sent is not read.
    None,
    /// A script, raw or in JSON.
    Script,
    /// JSON.
    Json {
        /// At most so many bytes.
        limit: usize,
    },
    /// Many scripts in JSON.
    Batch,
}

/// A handler: from the call to the reply.
pub(super) type Handler = for<'a> fn(&'a Call<'a>) -> LocalBoxFuture<'a, Result<Reply, ApiError>>;

/// One route.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` for a parameter.
    pub path: &'static str,
    /// Who may call.
    pub permission: Permission,
    /// What body it reads.
    pub body: RequestBody,
    /// Its query parameters.
    pub query: &'static [Parameter],
    /// What it does, in one line.
    pub summary: &'static str,
    pub(super) handler: Handler,
    /// What it takes and answers, for the document; kept beside its handler.
    pub terms: ForDocument<Terms>,
}

/// Every route.
pub static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "the browser page; for who wants no HTML, some lines of text",
        handler: |call| Box::pin(page::index(call)),
        terms: ForDocument::new(page::INDEX),
    },
    Route {
        method: Method::GET,
        path: "/api",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "this reference, as a page",
        handler: |call| Box::pin(reference::page(call)),
        terms: ForDocument::new(reference::PAGE),
    },
    Route {
        method: Method::GET,
        path: "/api.css",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "the page's look",
        handler: |call| Box::pin(reference::style(call)),
        terms: ForDocument::new(reference::STYLE),
    },
    Route {
        method: Method::GET,
        path: "/api/openapi.json",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "this reference, for programs",
        handler: |call| Box::pin(reference::document(call)),
        terms: ForDocument::new(reference::DOCUMENT),
    },
    Route {
        method: Method::GET,
        path: "/page.css",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "the page's style",
        handler: |call| Box::pin(page::style(call)),
        terms: ForDocument::new(page::STYLE),
    },
    Route {
        method: Method::GET,
        path: "/page.js",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "the page's program",
        handler: |call| Box::pin(page::program(call)),
        terms: ForDocument::new(page::PROGRAM),
    },
    Route {
        method: Method::GET,
        path: "/icon.svg",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "the page's icon",
        handler: |call| Box::pin(page::icon(call)),
        terms: ForDocument::new(page::ICON),
    },
    Route {
        method: Method::GET,
        path: "/api/examples",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "scripts to start from",
        handler: |call| Box::pin(examples::list(call)),
        terms: ForDocument::new(examples::LIST),
    },
    Route {
        method: Method::GET,
        path: "/api/examples/{example}",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "one of them",
        handler: |call| Box::pin(examples::content(call)),
        terms: ForDocument::new(examples::CONTENT),
    },
    Route {
        method: Method::GET,
        path: "/api/examples/{example}/picture",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "what it looks like",
        handler: |call| Box::pin(examples::picture(call)),
        terms: ForDocument::new(examples::PICTURE),
    },
    Route {
        method: Method::POST,
        path: "/api/session",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "opens a session: what was shown becomes a browser's cookie",
        handler: |call| Box::pin(session::sign_in(call)),
        terms: ForDocument::new(session::SIGN_IN),
    },
    Route {
        method: Method::GET,
        path: "/api/session",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "who am I",
        handler: |call| Box::pin(session::show(call)),
        terms: ForDocument::new(session::SHOW),
    },
    Route {
        method: Method::DELETE,
        path: "/api/session",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "ends the cookie's session and clears the cookie",
        handler: |call| Box::pin(session::sign_out(call)),
        terms: ForDocument::new(session::SIGN_OUT),
    },
    Route {
        method: Method::POST,
        path: "/api/tokens",
        permission: Permission::Write,
        body: RequestBody::Json { limit: tokens::MAX_TOKEN_BYTES },
        query: &[],
        summary: "a new API token, shown this once",
        handler: |call| Box::pin(tokens::create(call)),
        terms: ForDocument::new(tokens::CREATE),
    },
    Route {
        method: Method::GET,
        path: "/api/tokens",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[USER],
        summary: "my API tokens, newest first",
        handler: |call| Box::pin(tokens::list(call)),
        terms: ForDocument::new(tokens::LIST),
    },
    Route {
        method: Method::DELETE,
        path: "/api/tokens/{id}",
        permission: Permission::Write,
        body: RequestBody::None,
        query: &[USER],
        summary: "revokes an API token and what was made from it",
        handler: |call| Box::pin(tokens::revoke(call)),
        terms: ForDocument::new(tokens::REVOKE),
    },
    Route {
        method: Method::GET,
        path: "/api/projects",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[LIMIT, CURSOR],
        summary: "my projects, newest first",
        handler: |call| Box::pin(projects::list(call)),
        terms: ForDocument::new(projects::LIST),
    },
    Route {
        method: Method::POST,
        path: "/api/projects/{project}/upload-script",
        permission: Permission::Write,
        body: RequestBody::Script,
        query: &[],
        summary: "a script becomes the next version",
        handler: |call| Box::pin(upload::upload(call)),
        terms: ForDocument::new(upload::UPLOAD),
    },
    Route {
        method: Method::POST,
        path: "/api/batch",
        permission: Permission::Write,
        body: RequestBody::Batch,
        query: &[],
        summary: "many scripts, each the next version of its project",
        handler: |call| Box::pin(batch::upload(call)),
        terms: ForDocument::new(batch::UPLOAD),
    },
    Route {
        method: Method::POST,
        path: "/api/ai/chat",
        permission: Permission::Write,
        body: RequestBody::Json { limit: chat::MAX_CHAT_BYTES },
        query: &[],
        summary: "a sentence becomes a script, which is the next version",
        handler: |call| Box::pin(chat::chat(call)),
        terms: ForDocument::new(chat::CHAT),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/chat/{turn}",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "where a turn of the conversation stands",
        handler: |call| Box::pin(chat::turn(call)),
        terms: ForDocument::new(chat::TURN),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/messages",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[LIMIT, CURSOR],
        summary: "what was said, newest first",
        handler: |call| Box::pin(chat::messages(call)),
        terms: ForDocument::new(chat::MESSAGES),
    },
    Route {
        method: Method::DELETE,
        path: "/api/projects/{project}/messages",
        permission: Permission::Write,
        body: RequestBody::None,
        query: &[],
        summary: "removes what was said",
        handler: |call| Box::pin(chat::forget(call)),
        terms: ForDocument::new(chat::FORGET),
    },
    Route {
        method: Method::POST,
        path: "/api/projects/{project}/cancel/{version}",
        permission: Permission::Write,
        body: RequestBody::None,
        query: &[],
        summary: "ends a version that is not finished",
        handler: |call| Box::pin(versions::cancel(call)),
        terms: ForDocument::new(versions::CANCEL),
    },
    Route {
        method: Method::POST,
        path: "/api/projects/{project}/retry/{version}",
        permission: Permission::Write,
        body: RequestBody::None,
        query: &[],
        summary: "a finished version's script becomes the next version",
        handler: |call| Box::pin(versions::retry(call)),
        terms: ForDocument::new(versions::RETRY),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/scripts",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[LIMIT, CURSOR],
        summary: "versions, newest first",
        handler: |call| Box::pin(scripts::list(call)),
        terms: ForDocument::new(scripts::LIST),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/script/{version}",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "one version's script",
        handler: |call| Box::pin(scripts::content(call)),
        terms: ForDocument::new(scripts::CONTENT),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/outputs",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[VERSION],
        summary: "committed files with size, sum and geometry",
        handler: |call| Box::pin(outputs::list(call)),
        terms: ForDocument::new(outputs::LIST),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/download/{format}",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[VERSION, EXPIRES_IN],
        summary: "a presigned URL to one file",
        handler: |call| Box::pin(outputs::download(call)),
        terms: ForDocument::new(outputs::DOWNLOAD),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/logs",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[LIMIT, CURSOR],
        summary: "log files, newest first",
        handler: |call| Box::pin(logs::list(call)),
        terms: ForDocument::new(logs::LIST),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/logs/{name}",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "one log's text",
        handler: |call| Box::pin(logs::content(call)),
        terms: ForDocument::new(logs::CONTENT),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/status",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[WAIT],
        summary: "where the newest version stands; with wait, once that changes",
        handler: |call| Box::pin(live::status(call)),
        terms: ForDocument::new(live::STATUS),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/watch",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "a WebSocket: the status, then each change of it",
        handler: |call| Box::pin(live::watch(call)),
        terms: ForDocument::new(live::WATCH),
    },
    Route {
        method: Method::PUT,
        path: "/api/projects/{project}/owner",
        permission: Permission::Admin,
        body: RequestBody::Json { limit: owner::MAX_OWNER_BYTES },
        query: &[],
        summary: "gives the project to a user",
        handler: |call| Box::pin(owner::assign(call)),
        terms: ForDocument::new(owner::ASSIGN),
    },
    Route {
        method: Method::POST,
        path: "/api/runner/events",
        permission: Permission::Runner,
        body: RequestBody::Json { limit: runner::MAX_EVENT_BYTES },
        query: &[],
        summary: "hints of a runner: what it claimed, how far it is, what is done",
        handler: |call| Box::pin(runner::events(call)),
        terms: ForDocument::new(runner::EVENTS),
    },
    Route {
        method: Method::GET,
        path: "/api/runner/wake",
        permission: Permission::Runner,
        body: RequestBody::None,
        query: &[],
        summary: "a WebSocket: tells runners that there is work",
        handler: |call| Box::pin(runner::wake(call)),
        terms: ForDocument::new(runner::WAKE),
    },
    Route {
        method: Method::GET,
        path: "/api/monitoring/health",
        permission: Permission::Recognised,
        body: RequestBody::None,
        query: &[],
        summary: "whether the service works; for an admin, each part's state",
        handler: |call| Box::pin(monitoring::health(call)),
        terms: ForDocument::new(monitoring::HEALTH),
    },
    Route {
        method: Method::GET,
        path: "/api/monitoring/ai/metrics",
        permission: Permission::Admin,
        body: RequestBody::None,
        query: &[HOURS],
        summary: "figures by the hour: language models, uploads, versions, links, errors",
        handler: |call| Box::pin(monitoring::metrics(call)),
        terms: ForDocument::new(monitoring::METRICS),
    },
    Route {
        method: Method::GET,
        path: "/api/monitoring/s3/status",
        permission: Permission::Admin,
        body: RequestBody::None,
        query: &[],
        summary: "the bucket in detail",
        handler: |call| Box::pin(monitoring::s3_status(call)),
        terms: ForDocument::new(monitoring::S3_STATUS),
    },
    Route {
        method: Method::POST,
        path: "/api/monitoring/test/s3-upload",
        permission: Permission::Admin,
        body: RequestBody::None,
        query: &[],
        summary: "writes, reads, lists and removes a test object",
        handler: |call| Box::pin(monitoring::test_upload(call)),
        terms: ForDocument::new(monitoring::TEST_UPLOAD),
    },
    Route {
        method: Method::GET,
        path: "/api/monitoring/projects/{project}/processing-status",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[LIMIT, CURSOR],
        summary: "the bucket's own state of each version beside the object's",
        handler: |call| Box::pin(monitoring::processing_status(call)),
        terms: ForDocument::new(monitoring::PROCESSING_STATUS),
    },
];

/// A route and the parameters in its path, percent-decoded.
pub(super) struct Match {
    pub route: &'static Route,
    pub parameters: Vec<(&'static str, String)>,
}

/// Finds the route of a request.
///
/// # Errors
/// 404 where no route has the path, 405 with `Allow` where none of those has the method.
pub(super) fn find(method: &Method, path: &str) -> Result<Match, ApiError> {
    // The table is short and a request is served by a fresh `App`: looking through it beats building a tree first.
    for route in ROUTES {
        // HEAD is GET without the body (RFC 9110, section 9.3.2).
        if (route.method == method || (route.method == Method::GET && method == Method::HEAD))
            && let Some(parameters) = path_parameters(route.path, path)
        {
            return Ok(Match { route, parameters });
        }
    }
    Err(ApiError::method(method.as_str(), methods(path)?.join(", ")))
}

/// The methods that a path takes.
///
/// # Errors
/// 404 where no route has the path.
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

/// The parameters of `path` if it has the form of `pattern`.
fn path_parameters(pattern: &'static str, path: &str) -> Option<Vec<(&'static str, String)>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(want), Some(have)) => match want.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => {
                    // What is not UTF-8 keeps its replacement characters, which no parameter allows.
                    let value = percent_encoding::percent_decode_str(have).decode_utf8_lossy().into_owned();
                    parameters.push((name, value));
                }
                None if want == have => {}
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
    fn a_path_finds_its_route() {
        let found = find(&Method::GET, "/api/projects/a%20b/logs/x%2Fy.log").ok().unwrap();
        assert_eq!(found.route.path, "/api/projects/{project}/logs/{name}");
        assert_eq!(found.parameters, [("project", "a b".to_owned()), ("name", "x/y.log".to_owned())]);
        assert!(find(&Method::HEAD, "/api/projects").is_ok());
    }

    #[test]
    fn what_is_missing_is_told_apart() {
        assert_eq!(find(&Method::GET, "/api/nothing").err().unwrap().code(), "no_route");
        assert_eq!(find(&Method::GET, "/api/projects/").err().unwrap().code(), "no_route");
        assert_eq!(find(&Method::DELETE, "/api/projects").err().unwrap().code(), "method_not_allowed");
        assert_eq!(find(&Method::GET, "/api/projects/p/upload-script").err().unwrap().code(), "method_not_allowed");
    }

    #[test]
    fn no_two_routes_are_the_same() {
        for (index, route) in ROUTES.iter().enumerate() {
            let same = |other: &&Route| other.method == route.method && other.path == route.path;
            assert!(!ROUTES[..index].iter().any(|other| same(&other)), "{} {}", route.method, route.path);
        }
    }
}
