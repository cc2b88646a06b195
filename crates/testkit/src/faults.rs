//! Faults that a real store does not produce on demand.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use platform::{Body, Http, HttpError};

/// The fate of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It does not reach the store.
    NoConnection,
    /// The store executes it, and the response is lost.
    LostAnswer,
    /// The store answers with this status and does nothing else.
    Status(u16),
    /// As `Status`, after a delay.
    SlowStatus(Duration, u16),
    /// The response's body breaks off in the middle.
    HalfBody,
    /// It does not reach the store, and no response ever comes.
    Silence,
    /// It reaches the store after a delay.
    Slow(Duration),
    /// The response's head comes at once, its body after a delay.
    SlowBody(Duration),
}

/// Selects the requests that meet a fault.
type Filter = Box<dyn Fn(&http::Request<Bytes>) -> bool>;

/// A store behind a bad connection.
pub struct Faulty<H> {
    pub inner: H,
    planned: RefCell<VecDeque<(Filter, Fault)>>,
    each: RefCell<Vec<(Filter, Fault)>>,
    always: RefCell<Option<Fault>>,
    /// Method and path of each request.
    pub seen: RefCell<Vec<String>>,
}

impl<H: Http> Faulty<H> {
    pub fn new(inner: H) -> Self {
        let (planned, each) = (RefCell::default(), RefCell::default());
        Self { inner, planned, each, always: RefCell::default(), seen: RefCell::default() }
    }

    /// The next request with this method and this part of the path meets `fault`. Planned faults apply in their order.
    pub fn plan(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.planned.borrow_mut().push_back((filter(method, path), fault));
    }

    /// Each request with this method and this part of the path meets `fault`, until [`Faulty::end_each`].
    pub fn each(&self, method: &'static str, path: &'static str, fault: Fault) {
        self.each.borrow_mut().push((filter(method, path), fault));
    }

    /// Ends the faults of [`Faulty::each`].
    pub fn end_each(&self) {
        self.each.borrow_mut().clear();
    }

    /// Every request meets `fault`, until a call with `None`.
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
