//! A control plane's address on the network of the nodes: connections go on to its port on loopback.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::Error;

/// The address comes with the link of a node, which is being made at that time.
const ADDRESS_WITHIN: Duration = Duration::from_secs(10);

/// Passes connections on; dropped, it cuts them and listens no more.
pub(super) struct Forwarder {
    listener: JoinHandle<()>,
}

impl Forwarder {
    /// Listens at an address as soon as this machine has it.
    pub(super) fn start(at: SocketAddr, to: SocketAddr) -> Result<Self, Error> {
        let listener = crate::block_on(listen(at)).map_err(Error::io(format!("listen on {at}")))?;
        Ok(Self { listener: crate::runtime().spawn(accept(listener, to)) })
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    let begun = Instant::now();
    loop {
        match TcpListener::bind(at).await {
            Err(error)
                if error.kind() == io::ErrorKind::AddrNotAvailable && begun.elapsed() < ADDRESS_WITHIN =>
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            outcome => return outcome,
        }
    }
}

/// Accepts connections until aborted, which cuts them: they live in this task.
async fn accept(listener: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(pass_on(stream, to));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// An end on either side ends both, as without anything between.
async fn pass_on(mut stream: TcpStream, to: SocketAddr) {
    let Ok(mut onward) = TcpStream::connect(to).await else { return };
    let _ = (stream.set_nodelay(true), onward.set_nodelay(true));
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
}
