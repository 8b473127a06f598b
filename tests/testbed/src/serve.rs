//! HTTP servers in process: what stands behind an apiserver and before it.

use std::{convert::Infallible, future::Future, io, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
        server::danger::ClientCertVerifier,
    },
};

use crate::{Error, pki::Identity};

/// A response's body: whole, or a stream that can break off.
pub type Body = BoxBody<Bytes, io::Error>;

/// A body that is there at once.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(whole(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// A plain text answer.
pub fn text(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(whole(text.into()));
    *response.status_mut() = status;
    response
}

/// A body that goes on as long as the sender lives; an error sent cuts the connection.
pub fn stream() -> (mpsc::UnboundedSender<io::Result<Bytes>>, Body) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<io::Result<Bytes>>();
    let frames = futures::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    });
    (sender, BoxBody::new(StreamBody::new(frames)))
}

/// Serves one HTTP/1.1 connection until its client leaves it.
pub async fn serve_connection<S, H, F>(stream: S, handler: H)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    H: Fn(Request<Incoming>) -> F + Send + Sync,
    F: Future<Output = Response<Body>> + Send,
{
    let service = service_fn(|request| {
        let answer = handler(request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    // An error here is a client that left or a cut that was asked for.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A TLS server with this identity, and with a check of clients' certificates where one is given.
pub(crate) fn tls(
    identity: &Identity,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<TlsAcceptor, Error> {
    Ok(TlsAcceptor::from(Arc::new(tls_config(identity, clients)?)))
}

/// The configuration of [`tls`].
pub(crate) fn tls_config(
    identity: &Identity,
    clients: Option<Arc<dyn ClientCertVerifier>>,
) -> Result<ServerConfig, Error> {
    let (certificate, key) = der(identity);
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = match clients {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    Ok(builder.with_single_cert(vec![certificate], key)?)
}

/// An identity as rustls takes it.
pub(crate) fn der(identity: &Identity) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let expectation = "the test bed's own PEM is valid";
    (
        CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect(expectation),
        PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect(expectation),
    )
}
