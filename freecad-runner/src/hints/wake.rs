//! Receives wake-ups from the Worker: a WebSocket to `GET /api/runner/wake`, which is opened again whenever it breaks.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use http::Uri;
use http::header::AUTHORIZATION;
use platform::{Clock, ClockExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tracing::{info, warn};

use super::{Hints, WORKER_BACKOFF};
use crate::config::WorkerLink;
use crate::transport::{SystemClock, Transport};

/// The time for opening a socket, and for an answer to a ping.
const WAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The silence after which a ping is sent.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// After a socket that lasted this long, the next failure counts as the first.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// The longest message that is read, in bytes. The Worker's are shorter than 200.
const MESSAGE_LIMIT: usize = 4 << 10;

/// A connection for bytes in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> ByteStream for S {}

/// Opens connections, with TLS for `https`.
pub trait Dial {
    /// Connects to the host of `to`.
    fn dial(&self, to: Uri) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>>;
}

impl Dial for Transport {
    fn dial(&self, to: Uri) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        async move { Ok(Box::new(self.connect(to).await?) as Box<dyn ByteStream>) }.boxed_local()
    }
}

type Socket = WebSocketStream<Box<dyn ByteStream>>;

/// Receives wake-ups for ever.
pub(super) async fn listen(link: &WorkerLink, dial: &dyn Dial, clock: &SystemClock, hints: &Hints) -> Infallible {
    let mut failures = 0;
    loop {
        let problem = match clock.timeout(WAKE_TIMEOUT, open(link, dial)).await {
            Some(Ok(socket)) => {
                info!("the Worker wakes this runner");
                // Wake-ups before the connection are lost.
                hints.request_poll();
                let opened = clock.monotonic();
                let problem = receive(socket, clock, hints).await;
                if clock.monotonic() - opened >= STABLE_AFTER {
                    failures = 0;
                }
                problem
            }
            Some(Err(problem)) => problem,
            None => format!("no answer within {} s", WAKE_TIMEOUT.as_secs()),
        };
        failures += 1;
        if failures == 1 {
            warn!(problem, "the Worker does not wake this runner; polling goes on");
        }
        clock.sleep(WORKER_BACKOFF.delay(failures)).await;
    }
}

async fn open(link: &WorkerLink, dial: &dyn Dial) -> Result<Socket, String> {
    let address = link.at("/api/runner/wake").map_err(|error| error.to_string())?;
    let mut request = websocket_address(&address)?.into_client_request().map_err(|error| error.to_string())?;
    request.headers_mut().insert(AUTHORIZATION, link.bearer());
    let stream = dial.dial(address).await.map_err(|error| error.to_string())?;
    let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_LIMIT)).max_frame_size(Some(MESSAGE_LIMIT));
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(answer)) => Err(format!("it answers {}", answer.status())),
        Err(error) => Err(error.to_string()),
    }
}

/// The same with `ws` for `http` and `wss` for `https`.
fn websocket_address(address: &Uri) -> Result<Uri, String> {
    let mut parts = address.clone().into_parts();
    let scheme = if address.scheme_str() == Some("https") { "wss" } else { "ws" };
    parts.scheme = Some(scheme.parse().map_err(|error| format!("{error}"))?);
    Uri::from_parts(parts).map_err(|error| error.to_string())
}

/// Receives messages until the connection ends. Gives the reason.
async fn receive(mut socket: Socket, clock: &SystemClock, hints: &Hints) -> String {
    let mut pinged = false;
    loop {
        let silence = clock.sleep(if pinged { WAKE_TIMEOUT } else { PING_INTERVAL });
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => hints.receive(&text),
                Some(Ok(Message::Close(_))) | None => return "it closed the connection".to_owned(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return error.to_string(),
            },
            () = silence => {
                if pinged {
                    return "it does not answer a ping".to_owned();
                }
                pinged = true;
                match clock.timeout(WAKE_TIMEOUT, socket.send(Message::Ping(Default::default()))).await {
                    Some(Ok(())) => continue,
                    Some(Err(error)) => return error.to_string(),
                    None => return "it does not accept a ping".to_owned(),
                }
            }
        }
        // Any message shows that the Worker is there.
        pinged = false;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use tokio::io::DuplexStream;
    use tokio_tungstenite::accept_hdr_async;
    use tungstenite::handshake::server::{ErrorResponse, Request, Response};

    use super::*;

    /// The behaviour of one connection.
    enum Act {
        /// It cannot be opened.
        Unreachable,
        /// The Worker sends these messages and closes it.
        Sends(&'static [&'static str]),
        /// The Worker sends nothing and answers no ping.
        Dead,
        /// The Worker only answers pings, for this many seconds.
        Quiet(u64),
        /// The Worker refuses the token.
        Refuses,
        /// The server is not a Worker.
        NotAWorker,
    }

    /// A Worker with one act per connection. Afterwards it is unreachable.
    struct Script {
        acts: RefCell<VecDeque<Act>>,
        dialled: RefCell<Vec<(Duration, String)>>,
        clock: SystemClock,
    }

    impl Dial for Script {
        fn dial(&self, to: Uri) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
            self.dialled.borrow_mut().push((self.clock.monotonic(), to.to_string()));
            let act = self.acts.borrow_mut().pop_front().unwrap_or(Act::Unreachable);
            async move {
                if let Act::Unreachable = act {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                let (here, there) = tokio::io::duplex(1 << 16);
                tokio::spawn(serve(there, act));
                Ok(Box::new(here) as Box<dyn ByteStream>)
            }
            .boxed_local()
        }
    }

    async fn serve(mut stream: DuplexStream, act: Act) {
        if let Act::NotAWorker = act {
            use tokio::io::AsyncWriteExt;
            stream.write_all(b"SSH-2.0-OpenSSH\r\n").await.unwrap();
            return std::future::pending().await;
        }
        #[expect(clippy::result_large_err, reason = "the callback's own type")]
        let check = |request: &Request, response: Response| {
            assert_eq!(request.headers()["authorization"], "Bearer opens-the-door");
            if let Act::Refuses = act {
                let mut refusal = ErrorResponse::new(None);
                *refusal.status_mut() = http::StatusCode::UNAUTHORIZED;
                return Err(refusal);
            }
            Ok(response)
        };
        let Ok(mut socket) = accept_hdr_async(stream, check).await else { return };
        match act {
            Act::Sends(messages) => {
                for message in messages {
                    socket.send(Message::text(*message)).await.unwrap();
                }
                let _ = socket.close(None).await;
            }
            Act::Quiet(seconds) => {
                let _ = tokio::time::timeout(Duration::from_secs(seconds), async {
                    while socket.next().await.is_some() {}
                })
                .await;
            }
            _ => std::future::pending().await,
        }
    }

    /// Listens to a Worker for some seconds. Gives the times of the connections, in whole seconds.
    async fn dialled(acts: impl IntoIterator<Item = Act>, seconds: u64, hints: &Hints) -> Vec<u64> {
        let clock = SystemClock::new();
        let worker = Script { acts: RefCell::new(acts.into_iter().collect()), dialled: RefCell::default(), clock };
        let lookup = |name: &str| match name {
            "PARTWRIGHT_URL" => Some("https://parts.test".to_owned()),
            "RUNNER_TOKEN" => Some("opens-the-door".to_owned()),
            name => crate::testing::MemoryStore::setting(name),
        };
        let link = crate::config::Config::from_settings(&lookup).unwrap().worker.unwrap();
        tokio::select! {
            () = clock.sleep(Duration::from_secs(seconds)) => {}
            never = listen(&link, &worker, &clock, hints) => match never {},
        }
        let dialled = worker.dialled.borrow();
        assert!(dialled.iter().all(|(_, to)| to == "https://parts.test/api/runner/wake"));
        dialled.iter().map(|(at, _)| at.as_secs()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn messages_are_received_between_invalid_ones() {
        let hints = Hints::new(true);
        let mut cancelled = hints.cancellations();
        let messages = &["{", r#"{"wake":"cancelled","project":"p","version":3}"#, r#"{"wake":"look"}"#];
        dialled([Act::Sends(messages)], 1, &hints).await;
        assert_eq!(cancelled.recv().await.unwrap(), ("p".parse().unwrap(), 3.try_into().unwrap()));
        hints.poll_requested().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_requests_a_poll() {
        let hints = Hints::new(true);
        dialled([Act::Unreachable, Act::Unreachable], 1, &hints).await;
        assert!(hints.poll_requested().now_or_never().is_none());
        dialled([Act::Quiet(60)], 1, &hints).await;
        assert!(hints.poll_requested().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_worker_is_dialled_less_and_less() {
        for acts in [
            std::iter::repeat_with(|| Act::Unreachable).take(100).collect::<Vec<_>>(),
            std::iter::repeat_with(|| Act::Refuses).take(100).collect(),
            std::iter::repeat_with(|| Act::Sends(&[])).take(100).collect(),
        ] {
            let at = dialled(acts, 600, &Hints::new(true)).await;
            assert!((12..=30).contains(&at.len()), "{at:?}");
            let longest = at.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(longest.is_some_and(|longest| (30..=61).contains(&longest)), "{at:?}");
        }
        // A server that never answers costs the timeout as well.
        let at = dialled([Act::NotAWorker, Act::Quiet(10)], 20, &Hints::new(true)).await;
        assert!(at.len() >= 2 && at[1] <= 12, "{at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_connection_is_replaced_and_a_quiet_one_kept() {
        let at = dialled([Act::Dead, Act::Quiet(1_000), Act::Quiet(1_000)], 900, &Hints::new(true)).await;
        assert_eq!(at.len(), 2, "{at:?}");
        // A ping after 30 s, the timeout of 10 s, and a pause of at most a second.
        assert!((40..=41).contains(&at[1]), "{at:?}");
    }
}
