//! Another site on loopback: an issuer's key set, or pages of another origin.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server that returns one body to every request, and to pages of any site. Dropping it ends it.
pub struct Site {
    /// Its port on 127.0.0.1, which is also `localhost`.
    pub port: u16,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    body: String,
    requests: Vec<String>,
}

impl Site {
    pub async fn start(media_type: &'static str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A browser connects before it sends a request, and clients may disconnect.
                tokio::spawn(serve(stream, media_type, shared.clone()));
            }
        });
        let site = Self { port, state, task };
        site.publish(body);
        site
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Returns another body from now on.
    pub fn publish(&self, body: &str) {
        body.clone_into(&mut self.state.lock().unwrap().body);
    }

    /// The first line of each request.
    pub fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, media_type: &str, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let first = String::from_utf8_lossy(&request).lines().next().unwrap_or_default().to_owned();
    let body = {
        let mut state = state.lock().unwrap();
        state.requests.push(first);
        state.body.clone()
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\naccess-control-allow-origin: *");
    let length = format!("content-length: {}\r\nconnection: close", body.len());
    stream.write_all(format!("{head}\r\n{length}\r\n\r\n{body}").as_bytes()).await?;
    stream.shutdown().await
}
