//! A long way to a control plane: bytes arrive late and whole, and are counted.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{JoinHandle, JoinSet},
    time::Instant,
};

use crate::Error;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// The servers to which there are ways, by the URL of this end.
static SERVERS: LazyLock<Mutex<HashMap<String, String>>> = LazyLock::new(Mutex::default);

/// The URL of a server for who stands beside it, as the played KubeSphere does: past the distance that there may be, so
/// that it neither takes its time nor is counted.
pub(crate) fn beside(server: &str) -> String {
    servers().get(server).map_or(server, String::as_str).to_owned()
}

fn servers() -> MutexGuard<'static, HashMap<String, String>> {
    SERVERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A proxy on loopback that passes bytes on unread, a way of so long a round trip; dropped, it cuts its connections.
///
/// However much is under way, all of it arrives half a round trip later: the way is long, not narrow.
pub struct Distance {
    server: String,
    counters: Arc<Counters>,
    listener: JoinHandle<()>,
}

/// What has gone the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub connections: u64,
    /// Bytes from clients to the server, those of TLS included.
    pub sent: u64,
    /// Bytes from the server to its clients.
    pub received: u64,
}

#[derive(Default)]
struct Counters {
    connections: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// Bytes, and when they arrive.
type Arrival = (Instant, Bytes);

impl Distance {
    /// A way to a server of this machine, given by its URL, as [`ControlPlane::server`](crate::ControlPlane::server).
    pub fn to(server: &str, round_trip: Duration) -> Result<Self, Error> {
        let address = server.trim_start_matches("https://").parse().expect("servers here are addresses");
        let bound = crate::block_on(TcpListener::bind(("127.0.0.1", 0)));
        let listener = bound.map_err(Error::io("listen on loopback"))?;
        let port = listener.local_addr().map_err(Error::io("find a port"))?.port();
        let counters = Arc::new(Counters::default());
        let accepting = accept(listener, address, round_trip, Arc::clone(&counters));
        let this_end = format!("https://127.0.0.1:{port}");
        servers().insert(this_end.clone(), server.to_owned());
        Ok(Self { server: this_end, counters, listener: crate::runtime().spawn(accepting) })
    }

    /// The server's URL at this end of the way.
    pub fn server(&self) -> &str {
        &self.server
    }

    pub fn traffic(&self) -> Traffic {
        let Counters { connections, sent, received } = &*self.counters;
        let [connections, sent, received] =
            [connections, sent, received].map(|counter| counter.load(Ordering::Relaxed));
        Traffic { connections, sent, received }
    }
}

impl Drop for Distance {
    fn drop(&mut self) {
        self.listener.abort();
        servers().remove(&self.server);
    }
}

/// Accepts connections until aborted, which cuts them: they live in this task.
async fn accept(listener: TcpListener, to: SocketAddr, round_trip: Duration, counters: Arc<Counters>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    counters.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(connect(stream, to, round_trip, Arc::clone(&counters)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A client on loopback is connected at once: it is kept for the round trip that TCP's handshake takes.
async fn connect(client: TcpStream, to: SocketAddr, round_trip: Duration, counters: Arc<Counters>) {
    tokio::time::sleep(round_trip).await;
    let Ok(server) = TcpStream::connect(to).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::join!(
        pass(from_client, to_server, round_trip / 2, &counters.sent),
        pass(from_server, to_client, round_trip / 2, &counters.received),
    );
}

/// One direction, until its end has arrived.
async fn pass(from: impl AsyncRead + Unpin, to: impl AsyncWrite + Unpin, way: Duration, counter: &AtomicU64) {
    let (departures, arrivals) = unbounded_channel();
    let _ = tokio::join!(depart(from, departures, way, counter), arrive(to, arrivals));
}

/// Reads as fast as bytes come; an error ends the direction as its regular end does, after the same way.
async fn depart(
    mut from: impl AsyncRead + Unpin,
    departures: UnboundedSender<Arrival>,
    way: Duration,
    counter: &AtomicU64,
) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK);
        let read = from.read_buf(&mut buffer).await.unwrap_or(0);
        counter.fetch_add(read as u64, Ordering::Relaxed);
        let is_end = read == 0;
        if departures.send((Instant::now() + way, buffer.split().freeze())).is_err() || is_end {
            return;
        }
    }
}

/// Writes each when it is due. Where nobody takes it any more, the other end is told by nothing being read.
async fn arrive(mut to: impl AsyncWrite + Unpin, mut arrivals: UnboundedReceiver<Arrival>) -> io::Result<()> {
    while let Some((due, bytes)) = arrivals.recv().await {
        tokio::time::sleep_until(due).await;
        to.write_all(&bytes).await?;
    }
    to.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_beside_a_server_goes_past_the_distance() {
        let server = "https://127.0.0.1:1";
        let distance = Distance::to(server, Duration::ZERO).unwrap();
        let far = distance.server().to_owned();
        assert_eq!([beside(&far), beside(server)], [server, server]);
        drop(distance);
        assert_eq!(beside(&far), far);
    }
}
