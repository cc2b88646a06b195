//! A way to the store that can be closed.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A port of loopback that leads to a server, or refuses connections while it is closed.
pub struct Gate {
    /// The port.
    pub port: u16,
    to: SocketAddr,
    /// Closed: bound, so that nobody else gets the port, and nobody listens.
    closed: Option<TcpSocket>,
    /// Open: takes connections and hands them on.
    open: Option<JoinHandle<()>>,
}

impl Gate {
    /// A closed one.
    pub fn closed(to: SocketAddr) -> Self {
        let socket = bound(0);
        let port = socket.local_addr().unwrap().port();
        Self { port, to, closed: Some(socket), open: None }
    }

    /// Lets connections through from now on.
    pub fn open(&mut self) {
        let listener = self.closed.take().expect("it is closed").listen(64).unwrap();
        let to = self.to;
        self.open = Some(tokio::spawn(async move {
            // Dropped with this task, and each connection with it.
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(to).await {
                        // Either side may hang up at any time.
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        }));
    }

    /// Breaks every connection off and refuses new ones.
    pub async fn close(&mut self) {
        let open = self.open.take().expect("it is open");
        open.abort();
        // The port is free when the task is gone; that it was aborted is no news.
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
    // Connections of before may still be in TIME_WAIT.
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
    socket
}
