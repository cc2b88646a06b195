//! Listens to the Worker: a WebSocket to `GET /api/runner/wake`, opened again whenever it breaks.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use http::Uri;
use http::header::AUTHORIZATION;
use platform::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use tracing::{info, warn};

use super::{Hints, back_off};
use crate::config::WorkerLink;
use crate::transport::{SystemClock, Transport};

/// How long the opening may take, and how long a ping waits for any answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it may be silent before it is asked whether it is still there.
const PING: Duration = Duration::from_secs(30);

/// A socket that held so long was a good one: the next failure counts as the first.
const GOOD: Duration = Duration::from_secs(30);

/// The longest message that is read, in bytes; the Worker's are shorter than 200.
const MESSAGE_LIMIT: usize = 4 << 10;

/// A connection that bytes go over in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> ByteStream for S {}

/// Opens connections; TLS where the address is `https`.
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

/// Listens for ever.
pub(super) async fn listen(link: &WorkerLink, dial: &dyn Dial, clock: &SystemClock, hints: &Hints) -> Infallible {
    let mut failures = 0;
    loop {
        let opened = tokio::select! {
            opened = open(link, dial) => opened,
            () = clock.sleep(PATIENCE) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        let problem = match opened {
            Ok(socket) => {
                info!("the Worker wakes this runner");
                // What was said while nobody listened is not said again.
                hints.ask_for_look();
                let since = clock.monotonic();
                let problem = hear(socket, clock, hints).await;
                if clock.monotonic() - since >= GOOD {
                    failures = 0;
                }
                problem
            }
            Err(problem) => problem,
        };
        failures += 1;
        if failures == 1 {
            warn!(problem, "the Worker does not wake this runner; polling goes on");
        }
        back_off(clock, failures).await;
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

/// Hears what comes until it ends, and says why.
async fn hear(mut socket: Socket, clock: &SystemClock, hints: &Hints) -> String {
    let mut pinged = false;
    loop {
        let silence = clock.sleep(if pinged { PATIENCE } else { PING });
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => hints.heard(&text),
                Some(Ok(Message::Close(_))) | None => return "it closed the connection".to_owned(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return error.to_string(),
            },
            () = silence => {
                if pinged {
                    return "it does not answer to a ping".to_owned();
                }
                pinged = true;
                let sent = tokio::select! {
                    sent = socket.send(Message::Ping(Default::default())) => sent,
                    () = clock.sleep(PATIENCE) => return "it takes nothing in".to_owned(),
                };
                if let Err(error) = sent {
                    return error.to_string();
                }
                continue;
            }
        }
        // Whatever comes shows that it is there.
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

    /// What the Worker does with one connection.
    enum Act {
        /// It cannot be reached.
        Away,
        /// It says this, and then closes.
        Says(&'static [&'static str]),
        /// It takes the connection, and neither says anything nor answers to a ping.
        Deaf,
        /// It answers to pings alone, for so many seconds.
        Quiet(u64),
        /// It refuses the token.
        Refuses,
        /// It takes the connection and is not a Worker.
        Stranger,
    }

    /// A Worker that acts so, one connection after another, and is away afterwards.
    struct Script {
        acts: RefCell<VecDeque<Act>>,
        dialled: RefCell<Vec<(Duration, String)>>,
        clock: SystemClock,
    }

    impl Dial for Script {
        fn dial(&self, to: Uri) -> LocalBoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
            self.dialled.borrow_mut().push((self.clock.monotonic(), to.to_string()));
            let act = self.acts.borrow_mut().pop_front().unwrap_or(Act::Away);
            async move {
                if let Act::Away = act {
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
        if let Act::Stranger = act {
            use tokio::io::AsyncWriteExt;
            stream.write_all(b"SSH-2.0-OpenSSH\r\n").await.unwrap();
            return std::future::pending().await;
        }
        #[expect(clippy::result_large_err, reason = "the callback's own type")]
        let look = |request: &Request, response: Response| {
            assert_eq!(request.headers()["authorization"], "Bearer opens-the-door");
            if let Act::Refuses = act {
                let mut refusal = ErrorResponse::new(None);
                *refusal.status_mut() = http::StatusCode::UNAUTHORIZED;
                return Err(refusal);
            }
            Ok(response)
        };
        let Ok(mut socket) = accept_hdr_async(stream, look).await else { return };
        match act {
            Act::Says(words) => {
                for word in words {
                    socket.send(Message::text(*word)).await.unwrap();
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

    /// Listens to a Worker that acts so for some seconds; gives when it was dialled, in whole seconds.
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
    async fn what_the_worker_says_is_heard_between_rubbish() {
        let hints = Hints::new(true);
        let mut cancelled = hints.cancellations();
        let words = &["{", r#"{"wake":"cancelled","project":"p","version":3}"#, r#"{"wake":"look"}"#];
        dialled([Act::Says(words)], 1, &hints).await;
        assert_eq!(cancelled.recv().await.unwrap(), ("p".parse().unwrap(), 3.try_into().unwrap()));
        hints.look_asked().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_asks_for_a_look() {
        let hints = Hints::new(true);
        dialled([Act::Away, Act::Away], 1, &hints).await;
        assert!(hints.look_asked().now_or_never().is_none());
        dialled([Act::Quiet(60)], 1, &hints).await;
        assert!(hints.look_asked().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_cannot_be_had_is_tried_less_and_less() {
        for acts in [
            std::iter::repeat_with(|| Act::Away).take(100).collect::<Vec<_>>(),
            std::iter::repeat_with(|| Act::Refuses).take(100).collect(),
            std::iter::repeat_with(|| Act::Says(&[])).take(100).collect(),
        ] {
            let at = dialled(acts, 600, &Hints::new(true)).await;
            assert!((12..=30).contains(&at.len()), "{at:?}");
            let longest = at.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(longest.is_some_and(|longest| (30..=61).contains(&longest)), "{at:?}");
        }
        // One that never answers costs the patience as well.
        let at = dialled([Act::Stranger, Act::Quiet(10)], 20, &Hints::new(true)).await;
        assert!(at.len() >= 2 && at[1] <= 12, "{at:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_connection_is_noticed_and_a_quiet_one_kept() {
        let at = dialled([Act::Deaf, Act::Quiet(1_000), Act::Quiet(1_000)], 900, &Hints::new(true)).await;
        assert_eq!(at.len(), 2, "{at:?}");
        // After 30 s a ping, 10 s later it is given up; then a pause of at most a second.
        assert!((40..=41).contains(&at[1]), "{at:?}");
    }
}
