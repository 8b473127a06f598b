//! What an API server passes on: logs to kubelets, requests to Services.
//!
//! Source: `pkg/registry/core/pod/strategy.go` (`LogLocation`), `pkg/registry/core/service/storage/storage.go`
//! (`ResourceLocation`), `staging/src/k8s.io/apimachinery/pkg/util/proxy`.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::ring,
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
    },
};

use super::{
    objects::Call,
    server::Core,
    status::Refusal,
    store::{GroupResource, Key},
};
use crate::{Peers, serve::Body};

pub(super) fn body(bytes: impl Into<Bytes>) -> Full<Bytes> {
    Full::new(bytes.into())
}

/// A connection to a peer, over which one request is sent.
pub(super) struct Dialled(http1::SendRequest<Full<Bytes>>);

impl Dialled {
    async fn plain(peers: &Peers, address: &str) -> Result<Self, String> {
        Self::over(Self::stream(peers, address)?).await
    }

    /// Whatever certificate the peer shows: kubelets sign their own.
    async fn tls_trusting_anybody(peers: &Peers, address: &str) -> Result<Self, String> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        Self::tls(Self::stream(peers, address)?, config, "peer").await
    }

    pub(super) async fn tls_trusting(
        peers: &Peers,
        address: &str,
        server: &str,
        authority: &[u8],
    ) -> Result<Self, String> {
        let stream = Self::stream(peers, address)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority).flatten() {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self::tls(stream, config, server).await
    }

    fn stream(peers: &Peers, address: &str) -> Result<tokio::net::UnixStream, String> {
        peers.connect(address).ok_or_else(|| format!("dial tcp {address}: connect: connection refused"))
    }

    async fn tls(stream: tokio::net::UnixStream, config: ClientConfig, server: &str) -> Result<Self, String> {
        let name = ServerName::try_from(server.to_owned()).map_err(|error| error.to_string())?;
        let unknown = |error: io::Error| match error.to_string() {
            text if text.contains("UnknownIssuer") || text.contains("BadSignature") => {
                "tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned()
            }
            text => text,
        };
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(unknown)?;
        Self::over(stream).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Self, String> {
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub(super) async fn send(mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, String> {
        self.0.send_request(request).await.map_err(|_| "EOF".to_owned())
    }
}

impl Core {
    /// A container's log, from the kubelet of its node.
    pub(super) async fn log(&self, call: &Call) -> Result<Response<Body>, Refusal> {
        let (address, path) = self.log_location(call)?;
        let url = format!("https://{address}{path}");
        let unreachable = |cause: String| Refusal::internal_plain(format!("Get \"{url}\": {cause}"));
        let request = Request::get(&path).header("host", &address).body(body(Bytes::new()));
        let request = request.map_err(|error| Refusal::bad_request(error.to_string()))?;
        let dialled = Dialled::tls_trusting_anybody(self.peers(), &address).await.map_err(unreachable)?;
        let response = dialled.send(request).await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(kubelet_refused(call, response).await);
        }
        let mut response = passed_on(response);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Ok(response)
    }

    fn log_location(&self, call: &Call) -> Result<(String, String), Refusal> {
        let (namespace, name) = (&call.request.namespace, &call.request.name);
        let pods = GroupResource::new("", "pods");
        let store = self.store();
        let pod =
            store.get(&Key::new(&pods, namespace, name)).ok_or_else(|| Refusal::not_found(&pods, name))?;
        let container = container(pod, call.query.text("container"), name)?;
        let node = pod["spec"]["nodeName"].as_str().unwrap_or_default();
        if node.is_empty() {
            return Err(Refusal::bad_request(format!("pod {name} does not have a host assigned")));
        }
        let nodes = GroupResource::new("", "nodes");
        let node = store.get(&Key::new(&nodes, "", node)).ok_or_else(|| Refusal::not_found(&nodes, node))?;
        let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        let address = addresses.into_iter().find(|address| address["type"] == "InternalIP");
        let address = address.and_then(|address| address["address"].as_str()).unwrap_or_default();
        let port = &node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"];
        let options =
            ["follow", "limitBytes", "previous", "sinceSeconds", "sinceTime", "tailLines", "timestamps"];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for option in options {
            if let Some(value) = call.query.get(option) {
                query.append_pair(option, value);
            }
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        Ok((
            format!("{address}:{port}"),
            format!("/containerLogs/{namespace}/{name}/{container}{mark}{query}"),
        ))
    }

    /// A request that goes on to a pod behind a Service.
    pub(super) async fn proxy_service(
        &self,
        call: &Call,
        method: http::Method,
        query: Option<&str>,
    ) -> Result<Response<Body>, Refusal> {
        let address = self.endpoint(call)?;
        let mark = query.map(|query| format!("?{query}")).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("/{}{mark}", call.request.rest))
            .header("host", &address)
            .body(body(call.body.clone()))
            .map_err(|error| Refusal::bad_request(error.to_string()))?;
        let unreachable =
            |cause: String| Refusal::unavailable(format!("error trying to reach service: {cause}"));
        let dialled = Dialled::plain(self.peers(), &address).await.map_err(unreachable)?;
        Ok(passed_on(dialled.send(request).await.map_err(unreachable)?))
    }

    fn endpoint(&self, call: &Call) -> Result<String, Refusal> {
        let (namespace, asked) = (&call.request.namespace, &call.request.name);
        let named: Vec<&str> = asked.split(':').collect();
        let (name, port) = match named.as_slice() {
            [name] => (*name, ""),
            [name, port] | [_, name, port] => (*name, *port),
            _ => return Err(Refusal::bad_request(format!("invalid service request \"{asked}\""))),
        };
        let services = GroupResource::new("", "services");
        let store = self.store();
        let found = store
            .get(&Key::new(&services, namespace, name))
            .ok_or_else(|| Refusal::not_found(&services, name))?;
        let none = || Refusal::unavailable(format!("no endpoints available for service \"{asked}\""));
        let ports = found["spec"]["ports"].as_array().into_iter().flatten();
        let number: Option<u64> = port.parse().ok();
        let is_meant = |own: &&Value| {
            port.is_empty() || own["name"] == port || (number.is_some() && own["port"].as_u64() == number)
        };
        let offered = ports.into_iter().find(is_meant).ok_or_else(|| {
            Refusal::unavailable(format!("no service port \"{port}\" found for service \"{name}\""))
        })?;
        let endpoints = GroupResource::new("", "endpoints");
        // A controller makes them for every Service with a selector, whether a pod is ready or not.
        let is_selecting = found["spec"]["selector"].is_object();
        let missing = || if is_selecting { none() } else { Refusal::not_found(&services, name) };
        let endpoints = store.get(&Key::new(&endpoints, namespace, name)).ok_or_else(missing)?;
        let subsets = endpoints["subsets"].as_array().into_iter().flatten();
        let found = subsets.into_iter().find_map(|subset| {
            let port = subset["ports"].as_array()?.iter().find(|own| own["name"] == offered["name"])?;
            let address =
                subset["addresses"].as_array()?.iter().find(|address| !address["targetRef"].is_null())?;
            Some(format!("{}:{}", address["ip"].as_str()?, port["port"]))
        });
        found.ok_or_else(none)
    }
}

fn container(pod: &Value, asked: &str, name: &str) -> Result<String, Refusal> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let names: Vec<&str> =
        containers.into_iter().filter_map(|container| container["name"].as_str()).collect();
    match (asked, names.as_slice()) {
        ("", [only]) => Ok((*only).to_owned()),
        ("", several) => Err(Refusal::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            several.join(" ")
        ))),
        (asked, names) if names.contains(&asked) => Ok(asked.to_owned()),
        (asked, _) => Err(Refusal::bad_request(format!("container {asked} is not valid for pod {name}"))),
    }
}

async fn kubelet_refused(call: &Call, response: Response<Incoming>) -> Refusal {
    let code = response.status();
    let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    let text = String::from_utf8_lossy(&body.unwrap_or_default()).trim().to_owned();
    match code {
        StatusCode::BAD_REQUEST => Refusal::bad_request(text),
        StatusCode::NOT_FOUND => Refusal::new(
            code,
            "NotFound",
            format!("the server could not find the requested resource ( pods/log {})", call.request.name),
            serde_json::json!({"kind": "pods/log", "name": call.request.name}),
        ),
        _ => Refusal::internal_plain(text),
    }
}

fn passed_on(response: Response<Incoming>) -> Response<Body> {
    response.map(|body| body.map_err(io::Error::other).boxed())
}

/// Trusts every certificate.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, tokio_rustls::rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, tokio_rustls::rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
