//! A proxy before the store: it holds requests that a test chooses, breaks others at random, and records all of them.
//! Signed parts pass unchanged, so the store verifies signatures as usual.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::header::{CONNECTION, CONTENT_LENGTH, IF_MATCH, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::random::Random;
use crate::store::BUCKET;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRequest {
    pub method: Method,
    /// The object's key; empty for a listing.
    pub key: String,
    /// The query as sent.
    pub query: String,
    /// Whether it has `If-Match`, as heartbeats do.
    pub if_match: bool,
}

/// A request that reached the store, and the response.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub request: StoreRequest,
    /// The store's own status, whether or not the client got it.
    pub status: StatusCode,
    /// When the response came.
    #[allow(dead_code, reason = "for measuring, in tests/bench")]
    pub at: tokio::time::Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before the store sees it.
    Before,
    /// After the store has served it. The client gets no response.
    After,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// An error in place of the store's response. The store has not seen the request.
    Refused(StatusCode, &'static str),
    /// The same error, although the store has served the request.
    Lied(StatusCode, &'static str),
    /// The connection breaks before the store sees the request.
    CutBefore,
    /// The connection breaks after the store has served the request.
    CutAfter,
    /// The store gets half of the body, then both connections break.
    HalfSent,
    /// The client gets half of the response's body, then the connection breaks.
    HalfAnswered,
    /// The store gets the request after a delay.
    Slow(Duration),
}

/// The proxy. Dropping it ends every connection.
pub struct Proxy {
    /// Its loopback port.
    pub port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    to: SocketAddr,
    client: Client<HttpConnector, AnyBody>,
    faults: Mutex<Option<(Random, u64)>>,
    holds: Mutex<Vec<Hold>>,
    exchanges: Mutex<Vec<Exchange>>,
    broken: Mutex<usize>,
    /// Notified of each exchange.
    news: watch::Sender<()>,
}

/// A rule that holds requests.
struct Hold {
    place: Place,
    /// How many matching requests pass first.
    let_through: usize,
    matches: Box<dyn Fn(&StoreRequest) -> bool + Send>,
    reached: watch::Sender<bool>,
    /// Closed when the held requests are to be cut.
    kept: watch::Receiver<()>,
}

/// Held requests. Dropping this cuts their connections and removes the rule.
pub struct Held {
    reached: watch::Receiver<bool>,
    _keeping: watch::Sender<()>,
}

type AnyBody = UnsyncBoxBody<Bytes, Cut>;

/// The connection must break.
#[derive(Debug, thiserror::Error)]
#[error("cut by the proxy")]
struct Cut;

impl Held {
    pub async fn reached(&mut self) {
        let waited = tokio::time::timeout(Duration::from_secs(120), self.reached.wait_for(|reached| *reached)).await;
        waited.expect("no such request came within 120 s").expect("the proxy is running");
    }
}

impl Proxy {
    /// Starts a proxy before the store at `to`, which passes everything on.
    pub fn start(to: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = TcpListener::from_std(listener).unwrap();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(4)).build(connector);
        let (faults, holds) = (Mutex::default(), Mutex::default());
        let (exchanges, broken) = (Mutex::default(), Mutex::default());
        let news = watch::Sender::new(());
        let shared = Arc::new(Shared { to, client, faults, holds, exchanges, broken, news });
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            // Dropping this ends each connection.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, serving.clone()));
            }
        });
        Self { port, shared, task }
    }

    /// From now on one request in `one_in` meets a fault.
    pub fn break_at_random(&self, random: Random, one_in: u64) {
        *self.shared.faults.lock().unwrap() = Some((random, one_in));
    }

    pub fn broken(&self) -> usize {
        *self.shared.broken.lock().unwrap()
    }

    /// Holds matching requests after the first `let_through`.
    pub fn hold(
        &self,
        place: Place,
        let_through: usize,
        matches: impl Fn(&StoreRequest) -> bool + Send + 'static,
    ) -> Held {
        let (reached, reached_at) = watch::channel(false);
        let (keeping, kept) = watch::channel(());
        let hold = Hold { place, let_through, matches: Box::new(matches), reached, kept };
        self.shared.holds.lock().unwrap().push(hold);
        Held { reached: reached_at, _keeping: keeping }
    }

    /// Waits for a matching exchange and returns the first.
    #[allow(dead_code, reason = "for measuring, in tests/bench")]
    pub async fn done(&self, matches: impl Fn(&Exchange) -> bool) -> Exchange {
        let mut news = self.shared.news.subscribe();
        loop {
            news.borrow_and_update();
            if let Some(exchange) = self.shared.exchanges.lock().unwrap().iter().find(|exchange| matches(exchange)) {
                return exchange.clone();
            }
            news.changed().await.expect("the proxy is running");
        }
    }

    /// Every request that reached the store, in the order of the responses.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let shared = shared.clone();
        // A separate task delivers the request to the store even if the client gives up.
        async move { tokio::spawn(answer(shared, request)).await.unwrap_or(Err(Cut)) }
    });
    // Either side may disconnect at any time.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<AnyBody>, Cut> {
    let summary = StoreRequest::new(&request);
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let request = Request::from_parts(head, body);

    let held = shared.held(&summary);
    if let Some((Place::Before, kept)) = held {
        return until_cut(kept).await;
    }
    let fault = shared.fault(&summary);
    match fault {
        Some(Fault::Refused(status, code)) => return Ok(error(&summary, status, code)),
        Some(Fault::CutBefore) => return Err(Cut),
        Some(Fault::HalfSent) => {
            let (head, body) = request.into_parts();
            let half = body.slice(..body.len() / 2);
            let _ = shared.client.request(shared.addressed(Request::from_parts(head, broken_off(half)))).await;
            return Err(Cut);
        }
        Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
        _ => {}
    }
    let answer = shared.forward(&summary, request).await?;
    if let Some((Place::After, kept)) = held {
        return until_cut(kept).await;
    }
    match fault {
        Some(Fault::CutAfter) => Err(Cut),
        Some(Fault::Lied(status, code)) => Ok(error(&summary, status, code)),
        Some(Fault::HalfAnswered) if answer.body().len() > 1 => {
            Ok(answer.map(|body| broken_off(body.slice(..body.len() / 2))))
        }
        Some(Fault::HalfAnswered) => Err(Cut),
        _ => Ok(answer.map(whole)),
    }
}

async fn until_cut(mut kept: watch::Receiver<()>) -> Result<Response<AnyBody>, Cut> {
    while kept.changed().await.is_ok() {}
    Err(Cut)
}

impl Shared {
    /// Whether to hold the request, and where, until the receiver's sender is dropped.
    fn held(&self, summary: &StoreRequest) -> Option<(Place, watch::Receiver<()>)> {
        let mut holds = self.holds.lock().unwrap();
        holds.retain(|hold| hold.kept.has_changed().is_ok());
        let hold = holds.iter_mut().find(|hold| (hold.matches)(summary))?;
        if hold.let_through > 0 {
            hold.let_through -= 1;
            return None;
        }
        if hold.place == Place::Before {
            hold.reached.send_replace(true);
        }
        Some((hold.place, hold.kept.clone()))
    }

    /// Notifies the tests that wait for a held request that the store has served it.
    fn is_done(&self, summary: &StoreRequest) {
        let holds = self.holds.lock().unwrap();
        for hold in holds.iter().filter(|hold| hold.place == Place::After && hold.let_through == 0) {
            if (hold.matches)(summary) {
                hold.reached.send_replace(true);
            }
        }
    }

    fn fault(&self, summary: &StoreRequest) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let (random, one_in) = faults.as_mut()?;
        if random.below(*one_in) != 0 {
            return None;
        }
        *self.broken.lock().unwrap() += 1;
        Some(Fault::random(random, summary))
    }

    async fn forward(&self, summary: &StoreRequest, request: Request<Bytes>) -> Result<Response<Bytes>, Cut> {
        let answer = self.client.request(self.addressed(request.map(whole))).await.map_err(|_| Cut)?;
        let (mut head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        head.headers.remove(CONNECTION);
        if head.headers.remove(TRANSFER_ENCODING).is_some() {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let at = tokio::time::Instant::now();
        self.exchanges.lock().unwrap().push(Exchange { request: summary.clone(), status: head.status, at });
        self.news.send_replace(());
        self.is_done(summary);
        Ok(Response::from_parts(head, body))
    }

    /// The same request to the store's address. The signed header `Host` stays.
    fn addressed(&self, mut request: Request<AnyBody>) -> Request<AnyBody> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("http://{}{path}", self.to).parse().unwrap();
        request.headers_mut().remove(CONNECTION);
        request
    }
}

impl StoreRequest {
    fn new(request: &Request<Incoming>) -> Self {
        let path = request.uri().path();
        let key = path.split_once(&format!("/{BUCKET}/")).map_or("", |(_, key)| key).to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        Self { method: request.method().clone(), key, query, if_match: request.headers().contains_key(IF_MATCH) }
    }
}

impl Fault {
    /// A random fault. Faults of a body hit only requests or responses that have one.
    fn random(random: &mut Random, summary: &StoreRequest) -> Self {
        let slow_down = (StatusCode::SERVICE_UNAVAILABLE, "SlowDown");
        let internal = (StatusCode::INTERNAL_SERVER_ERROR, "InternalError");
        match random.below(40) {
            0..4 => Self::Refused(internal.0, internal.1),
            4..8 => Self::Refused(slow_down.0, slow_down.1),
            8..12 if summary.method == Method::PUT => Self::Refused(StatusCode::CONFLICT, "ConditionalRequestConflict"),
            8..12 => Self::Refused(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests"),
            12..16 => Self::Lied(internal.0, internal.1),
            16..20 => Self::CutBefore,
            20..25 => Self::CutAfter,
            25..30 if summary.method == Method::PUT => Self::HalfSent,
            25..30 => Self::HalfAnswered,
            30..39 => Self::Slow(Duration::from_millis(100 + random.below(2_900))),
            // Longer than the client's timeout for one try: the store serves it when nobody waits any more.
            _ => Self::Slow(Duration::from_secs(11)),
        }
    }
}

fn whole(body: Bytes) -> AnyBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// A body that ends too early, whatever its declared length.
fn broken_off(part: Bytes) -> AnyBody {
    let frames = stream::iter([Ok(Frame::data(part)), Err(Cut)]);
    // The first part must be sent before the connection breaks.
    let frames = frames.then(|frame| async {
        if frame.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        frame
    });
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

fn error(summary: &StoreRequest, status: StatusCode, code: &str) -> Response<AnyBody> {
    let body = format!("<Error><Code>{code}</Code><Message>sent by the proxy</Message></Error>");
    let body = if summary.method == Method::HEAD { Bytes::new() } else { Bytes::from(body) };
    let answer = Response::builder().status(status).header("content-type", "application/xml");
    answer.body(whole(body)).unwrap()
}
