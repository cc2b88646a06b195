//! An address of loopback where an issuer's key set lies.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A server that gives one key set to whoever asks. It ends when it is dropped.
pub struct KeySet {
    /// Its address.
    pub url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    body: String,
    asked: usize,
}

impl KeySet {
    /// Starts one.
    pub async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let body = {
                    let mut state = shared.lock().unwrap();
                    state.asked += 1;
                    state.body.clone()
                };
                // Who asks may hang up.
                let _ = answer(stream, &body).await;
            }
        });
        let key_set = Self { url, state, task };
        key_set.publish(keys);
        key_set
    }

    /// Puts other keys there.
    pub fn publish(&self, keys: &[Value]) {
        self.state.lock().unwrap().body = json!({"keys": keys}).to_string();
    }

    /// How often it was asked for.
    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }
}

impl Drop for KeySet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut stream: TcpStream, body: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await? > 0 {}
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    stream.shutdown().await
}
