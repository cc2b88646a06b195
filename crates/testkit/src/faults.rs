//! Faults that a real store won't produce on demand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use platform::{Body, Http, HttpError};

/// What happens to a request instead of, or beside, being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never reaches the store.
    NoConnection,
    /// The store does it, and the answer is lost.
    LostAnswer,
    /// The store answers with this status and does nothing.
    Status(u16),
    /// The same after so long.
    SlowStatus(Duration, u16),
    /// The body breaks off after half of it.
    HalfBody,
    /// No answer, ever.
    Silence,
    /// It is served after so long.
    Slow(Duration),
    /// The answer's head comes at once, its body after so long.
    SlowBody(Duration),
}

/// Which requests a fault meets.
type Filter = Box<dyn Fn(&http::Request<Bytes>) -> bool>;

/// A store behind a bad line.
pub struct Faulty<H> {
    pub inner: H,
    planned: RefCell<VecDeque<(Filter, Fault)>>,
    each: RefCell<Vec<(Filter, Fault)>>,
    always: RefCell<Option<Fault>>,
    /// Method and path of each request that came.
    pub seen: RefCell<Vec<String>>,
}

impl<H: Http> Faulty<H> {
    pub fn new(inner: H) -> Self {
        let (planned, each) = (RefCell::default(), RefCell::default());
        Self { inner, planned, each, always: RefCell::default(), seen: RefCell::default() }
    }

    /// The next request whose method and path contain the two meets `fault`; after it, the next planned one counts.
    pub fn plan(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.planned.borrow_mut().push_back((filter(method, path), fault));
    }

    /// Each request whose method and path contain the two meets `fault`, until [`Faulty::end_each`].
    pub fn each(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.each.borrow_mut().push((filter(method, path), fault));
    }

    /// Ends what [`Faulty::each`] began.
    pub fn end_each(&self) {
        self.each.borrow_mut().clear();
    }

    /// Every request meets `fault` until this is called with none.
    pub fn always(&self, fault: Option<Fault>) {
        *self.always.borrow_mut() = fault;
    }

    fn fault_for(&self, request: &http::Request<Bytes>) -> Option<Fault> {
        let mut planned = self.planned.borrow_mut();
        if planned.front().is_some_and(|(filter, _)| filter(request)) {
            return planned.pop_front().map(|(_, fault)| fault);
        }
        let each = self.each.borrow().iter().find(|(filter, _)| filter(request)).map(|(_, fault)| *fault);
        each.or(*self.always.borrow())
    }
}

impl<H: Http> Http for Faulty<H> {
    fn send(&self, request: http::Request<Bytes>) -> LocalBoxFuture<'_, Result<http::Response<Body>, HttpError>> {
        self.seen.borrow_mut().push(format!("{} {}", request.method(), request.uri().path()));
        let fault = self.fault_for(&request);
        async move {
            match fault {
                None => self.inner.send(request).await,
                Some(Fault::NoConnection) => Err(HttpError("connection refused".to_owned())),
                Some(Fault::LostAnswer) => {
                    let answer = self.inner.send(request).await?;
                    drop(answer);
                    Err(HttpError("connection reset by peer".to_owned()))
                }
                Some(Fault::Status(status)) => Ok(refusal(status)),
                Some(Fault::SlowStatus(delay, status)) => {
                    tokio::time::sleep(delay).await;
                    Ok(refusal(status))
                }
                Some(Fault::HalfBody) => {
                    let (head, body) = self.inner.send(request).await?.into_parts();
                    let whole = body.bytes(usize::MAX).await.unwrap();
                    let parts = vec![Ok(whole.slice(..whole.len() / 2)), Err(HttpError("unexpected end".to_owned()))];
                    Ok(http::Response::from_parts(head, Body::from_stream(futures::stream::iter(parts))))
                }
                Some(Fault::Silence) => std::future::pending().await,
                Some(Fault::Slow(delay)) => {
                    tokio::time::sleep(delay).await;
                    self.inner.send(request).await
                }
                Some(Fault::SlowBody(delay)) => {
                    let (head, body) = self.inner.send(request).await?.into_parts();
                    let late = async move {
                        tokio::time::sleep(delay).await;
                        Ok(body.bytes(usize::MAX).await.unwrap())
                    };
                    Ok(http::Response::from_parts(head, Body::from_stream(futures::stream::once(late))))
                }
            }
        }
        .boxed_local()
    }
}

fn filter(method: &'static str, path: &'static str) -> Filter {
    Box::new(move |request| request.method() == method && request.uri().path().contains(path))
}

fn refusal(status: u16) -> http::Response<Body> {
    let code = if status == 403 { "AccessDenied" } else { "Fault" };
    let body = format!("<Error><Code>{code}</Code><Message>on demand</Message></Error>");
    http::Response::builder().status(status).body(Body::full(body)).unwrap()
}
