//! The table of routes. The router, 405, permissions and the documentation all read it.

use futures::future::LocalBoxFuture;
use http::Method;

use super::error::ApiError;
use super::reply::Reply;
use super::request::Call;
use super::{batch, live, logs, monitoring, outputs, projects, runner, scripts, session, tokens, upload, versions};

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Everybody.
    Public,
    /// A known user, whose token may read; whose project it is, the project's object decides.
    Read,
    /// A known user, whose token may write as well.
    Write,
    /// Whoever has `ADMIN_TOKEN`, or the role `admin`.
    Admin,
    /// Whoever has `RUNNER_TOKEN`.
    Runner,
}

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
    /// The names of its query parameters.
    pub query: &'static [&'static str],
    /// What it does, in one line.
    pub summary: &'static str,
    pub(super) handler: Handler,
}

/// Every route.
pub static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "says what this is",
        handler: |call| Box::pin(monitoring::welcome(call)),
    },
    Route {
        method: Method::POST,
        path: "/api/session",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "opens a session: what was shown becomes a browser's cookie",
        handler: |call| Box::pin(session::sign_in(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/session",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "who am I",
        handler: |call| Box::pin(session::show(call)),
    },
    Route {
        method: Method::DELETE,
        path: "/api/session",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "ends the cookie's session and clears the cookie",
        handler: |call| Box::pin(session::sign_out(call)),
    },
    Route {
        method: Method::POST,
        path: "/api/tokens",
        permission: Permission::Write,
        body: RequestBody::Json { limit: tokens::MAX_TOKEN_BYTES },
        query: &[],
        summary: "a new API token, shown this once",
        handler: |call| Box::pin(tokens::create(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/tokens",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &["user"],
        summary: "my API tokens, newest first",
        handler: |call| Box::pin(tokens::list(call)),
    },
    Route {
        method: Method::DELETE,
        path: "/api/tokens/{id}",
        permission: Permission::Write,
        body: RequestBody::None,
        query: &["user"],
        summary: "revokes an API token and what was made from it",
        handler: |call| Box::pin(tokens::revoke(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &["limit", "cursor"],
        summary: "my projects, newest first",
        handler: |call| Box::pin(projects::list(call)),
    },
    Route {
        method: Method::POST,
        path: "/api/projects/{project}/upload-script",
        permission: Permission::Write,
        body: RequestBody::Script,
        query: &[],
        summary: "a script becomes the next version",
        handler: |call| Box::pin(upload::upload(call)),
    },
    Route {
        method: Method::POST,
        path: "/api/batch",
        permission: Permission::Write,
        body: RequestBody::Batch,
        query: &[],
        summary: "many scripts, each the next version of its project",
        handler: |call| Box::pin(batch::upload(call)),
    },
    Route {
        method: Method::POST,
        path: "/api/projects/{project}/cancel/{version}",
        permission: Permission::Write,
        body: RequestBody::None,
        query: &[],
        summary: "ends a version that is not finished",
        handler: |call| Box::pin(versions::cancel(call)),
    },
    Route {
        method: Method::POST,
        path: "/api/projects/{project}/retry/{version}",
        permission: Permission::Write,
        body: RequestBody::None,
        query: &[],
        summary: "a finished version's script becomes the next version",
        handler: |call| Box::pin(versions::retry(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/scripts",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &["limit", "cursor"],
        summary: "versions, newest first",
        handler: |call| Box::pin(scripts::list(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/script/{version}",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "one version's script",
        handler: |call| Box::pin(scripts::content(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/outputs",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &["version"],
        summary: "committed files with size, sum and geometry",
        handler: |call| Box::pin(outputs::list(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/download/{format}",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &["version", "expires_in"],
        summary: "a presigned URL to one file",
        handler: |call| Box::pin(outputs::download(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/logs",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &["limit", "cursor"],
        summary: "log files, newest first",
        handler: |call| Box::pin(logs::list(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/logs/{name}",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "one log's text",
        handler: |call| Box::pin(logs::content(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/status",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &["wait"],
        summary: "where the newest version stands; with wait, once that changes",
        handler: |call| Box::pin(live::status(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/projects/{project}/watch",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &[],
        summary: "a WebSocket: the status, then each change of it",
        handler: |call| Box::pin(live::watch(call)),
    },
    Route {
        method: Method::POST,
        path: "/api/runner/events",
        permission: Permission::Runner,
        body: RequestBody::Json { limit: runner::MAX_EVENT_BYTES },
        query: &[],
        summary: "hints of a runner: what it claimed, how far it is, what is done",
        handler: |call| Box::pin(runner::events(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/runner/wake",
        permission: Permission::Runner,
        body: RequestBody::None,
        query: &[],
        summary: "a WebSocket: tells runners that there is work",
        handler: |call| Box::pin(runner::wake(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/monitoring/health",
        permission: Permission::Public,
        body: RequestBody::None,
        query: &[],
        summary: "whether the service works; for an admin, each part's state",
        handler: |call| Box::pin(monitoring::health(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/monitoring/s3/status",
        permission: Permission::Admin,
        body: RequestBody::None,
        query: &[],
        summary: "the bucket in detail",
        handler: |call| Box::pin(monitoring::s3_status(call)),
    },
    Route {
        method: Method::POST,
        path: "/api/monitoring/test/s3-upload",
        permission: Permission::Admin,
        body: RequestBody::None,
        query: &[],
        summary: "writes, reads, lists and removes a test object",
        handler: |call| Box::pin(monitoring::test_upload(call)),
    },
    Route {
        method: Method::GET,
        path: "/api/monitoring/projects/{project}/processing-status",
        permission: Permission::Read,
        body: RequestBody::None,
        query: &["limit", "cursor"],
        summary: "the bucket's own state of each version beside the object's",
        handler: |call| Box::pin(monitoring::processing_status(call)),
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
    let mut allowed: Vec<&str> = Vec::new();
    for route in ROUTES {
        let Some(parameters) = path_parameters(route.path, path) else { continue };
        // HEAD is GET without the body (RFC 9110, section 9.3.2).
        if route.method == method || (route.method == Method::GET && method == Method::HEAD) {
            return Ok(Match { route, parameters });
        }
        allowed.push(route.method.as_str());
        if route.method == Method::GET {
            allowed.push("HEAD");
        }
    }
    if allowed.is_empty() {
        Err(ApiError::no_route(path))
    } else {
        Err(ApiError::method(method.as_str(), allowed.join(", ")))
    }
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
