//! A connection to the store that can be closed.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A loopback port that leads to a server, or refuses connections while it is closed.
pub struct Gate {
    pub port: u16,
    to: SocketAddr,
    /// While closed: bound, so that nobody else gets the port, but not listening.
    closed: Option<TcpSocket>,
    /// While open: accepts connections and forwards them.
    open: Option<JoinHandle<()>>,
}

impl Gate {
    /// A closed gate.
    pub fn closed(to: SocketAddr) -> Self {
        let socket = bound(0);
        let port = socket.local_addr().unwrap().port();
        Self { port, to, closed: Some(socket), open: None }
    }

    /// Accepts connections from now on.
    pub fn open(&mut self) {
        let listener = self.closed.take().expect("the gate is closed").listen(64).unwrap();
        let to = self.to;
        self.open = Some(tokio::spawn(async move {
            // Dropping this ends each connection.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(to).await {
                        // Either side may disconnect at any time.
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        }));
    }

    /// Breaks every connection and refuses new ones.
    pub async fn close(&mut self) {
        let open = self.open.take().expect("the gate is open");
        open.abort();
        // The port is free once the aborted task is gone.
        let _ = open.await;
        self.closed = Some(bound(self.port));
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.abort();
        }
    }
}

fn bound(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    // Earlier connections may still be in TIME_WAIT.
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    socket
}
