//! What an apiserver reaches: kubelets, pods and services, answered in process.
//!
//! The apiserver sends every connection to nodes, pods and services as `CONNECT ADDRESS:PORT` to a unix socket (its
//! egress selector), so no address is really dialled and documentation addresses (203.0.113.0/24) do.

use std::{
    collections::HashMap,
    future::Future,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

use crate::{
    Error,
    pki::Authority,
    serve::{Body, serve_connection, tls},
};

type Handler = Arc<dyn Fn(UnixStream) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
type Handlers = Arc<Mutex<HashMap<String, Handler>>>;

/// No request for a tunnel is longer.
const LONGEST_REQUEST: usize = 8 * 1024;

/// The peers of one apiserver, by address and port.
pub struct Peers {
    socket: PathBuf,
    handlers: Handlers,
    listener: JoinHandle<()>,
}

impl Peers {
    pub(crate) fn listen(socket: &Path) -> Result<Self, Error> {
        let _runtime = crate::runtime().enter();
        let listener = UnixListener::bind(socket).map_err(Error::file("listen on", socket))?;
        let handlers = Handlers::default();
        let listener = tokio::spawn(accept(listener, Arc::clone(&handlers)));
        Ok(Self { socket: socket.to_owned(), handlers, listener })
    }

    /// The apiserver's `EgressSelectorConfiguration`.
    pub(crate) fn egress_selector(&self) -> String {
        format!(
            "apiVersion: apiserver.k8s.io/v1beta1\nkind: EgressSelectorConfiguration\negressSelections:\n\
             - name: cluster\n  connection:\n    proxyProtocol: HTTPConnect\n    transport:\n      uds:\n        \
             udsName: {}\n",
            self.socket.display()
        )
    }

    /// Answers connections to `ADDRESS:PORT` with the handler, which gets the raw stream.
    pub fn register<F>(&self, address: &str, handler: impl Fn(UnixStream) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |stream| Box::pin(handler(stream)));
        self.handlers.lock().expect("no holder panics").insert(address.to_owned(), handler);
    }

    /// Answers plain HTTP at `ADDRESS:PORT`: a pod behind a Service.
    pub fn serve_http<H, F>(&self, address: &str, handler: H)
    where
        H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.register(address, move |stream| {
            let handler = Arc::clone(&handler);
            async move { serve_connection(stream, |request| handler(request)).await }
        });
    }

    /// Answers HTTPS at `ADDRESS:PORT`, with a certificate of nobody the apiserver knows: a kubelet.
    pub fn serve_https<H, F>(&self, address: &str, handler: H) -> Result<(), Error>
    where
        H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let acceptor = tls(&Authority::new("peers")?.server("peer", &["peer"])?, None)?;
        let handler = Arc::new(handler);
        self.register(address, move |stream| {
            let (handler, acceptor) = (Arc::clone(&handler), acceptor.clone());
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve_connection(stream, |request| handler(request)).await;
                }
            }
        });
        Ok(())
    }

    /// A connection to `ADDRESS:PORT`, where anybody answers there.
    pub(crate) fn connect(&self, address: &str) -> Option<UnixStream> {
        let handler = self.handlers.lock().expect("no holder panics").get(address).cloned()?;
        let (own, theirs) = UnixStream::pair().ok()?;
        tokio::spawn(async move { handler(theirs).await });
        Some(own)
    }

    /// Refuses connections to `ADDRESS:PORT` again, as for every address that was never registered.
    pub fn unregister(&self, address: &str) {
        self.handlers.lock().expect("no holder panics").remove(address);
    }

    /// Refuses every address again.
    pub fn clear(&self) {
        self.handlers.lock().expect("no holder panics").clear();
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn accept(listener: UnixListener, handlers: Handlers) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(tunnel(stream, Arc::clone(&handlers)));
    }
}

/// Reads `CONNECT ADDRESS:PORT` and hands the rest of the stream to who stands there.
async fn tunnel(mut stream: UnixStream, handlers: Handlers) {
    let Some(address) = requested_address(&mut stream).await else { return };
    let handler = handlers.lock().expect("no holder panics").get(&address).cloned();
    let Some(handler) = handler else {
        let _ = stream.write_all(b"HTTP/1.1 503 connection refused\r\nContent-Length: 0\r\n\r\n").await;
        return;
    };
    if stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.is_ok() {
        handler(stream).await;
    }
}

async fn requested_address(stream: &mut UnixStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LONGEST_REQUEST {
            return None;
        }
        head.push(stream.read_u8().await.ok()?); // Byte by byte: what follows belongs to the peer.
    }
    address_of(std::str::from_utf8(&head).ok()?).map(str::to_owned)
}

fn address_of(head: &str) -> Option<&str> {
    head.strip_prefix("CONNECT ")?.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connect_names_an_address() {
        assert_eq!(address_of("CONNECT 203.0.113.1:10250 HTTP/1.1\r\n\r\n"), Some("203.0.113.1:10250"));
        assert_eq!(address_of("GET / HTTP/1.1\r\n\r\n"), None);
    }
}
