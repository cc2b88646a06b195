//! A WebSocket, as a browser or a runner holds it.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

const TIMEOUT: Duration = Duration::from_secs(60);

pub struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Connects to an `http://` address. The error is the status of a refusal.
    pub async fn connect(url: &str, header: Option<(&'static str, &str)>) -> Result<Self, u16> {
        let mut request = url.replacen("http", "ws", 1).into_client_request().unwrap();
        if let Some((name, value)) = header {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let address = request.uri().authority().unwrap().as_str();
        let stream = TcpStream::connect(address).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("{url}: {error}"),
        }
    }

    pub async fn text(&mut self) -> String {
        let next = async {
            loop {
                match self.0.next().await.expect("the socket stays open").unwrap() {
                    Message::Text(text) => return text.to_string(),
                    Message::Close(frame) => panic!("the socket was closed: {frame:?}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(TIMEOUT, next).await.expect("a message must arrive in time")
    }

    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    pub async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Closes the connection and waits for the other end.
    pub async fn close(mut self) {
        self.0.close(None).await.unwrap();
        let rest = async { while let Some(Ok(_)) = self.0.next().await {} };
        tokio::time::timeout(TIMEOUT, rest).await.expect("the close must be acknowledged in time");
    }
}
