//! The front's way to the apiserver behind it.

use std::sync::Arc;

use http::{Request, Response, uri::Authority};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error as SendError, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{Error, pki::Identity, serve::der};

type HttpClient = Client<HttpsConnector<HttpConnector>, Incoming>;

/// Two clients of one apiserver: one that may speak for users, and one that is nobody.
pub(crate) struct Upstream {
    server: Authority,
    proxy: HttpClient,
    nobody: HttpClient,
}

impl Upstream {
    pub(crate) fn new(server: Authority, authority: &str, identity: &Identity) -> Result<Self, Error> {
        Ok(Self { server, proxy: client(authority, Some(identity))?, nobody: client(authority, None)? })
    }

    pub(crate) fn server(&self) -> &Authority {
        &self.server
    }

    /// Sends a request; as a proxy where it says whom it speaks for.
    pub(crate) async fn send(
        &self,
        request: Request<Incoming>,
        as_proxy: bool,
    ) -> Result<Response<Incoming>, SendError> {
        let client = if as_proxy { &self.proxy } else { &self.nobody };
        client.request(request).await
    }
}

fn client(authority: &str, identity: Option<&Identity>) -> Result<HttpClient, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(
        CertificateDer::from_pem_slice(authority.as_bytes()).expect("the test bed's own PEM is valid"),
    )?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let config = match identity {
        Some(identity) => {
            let (certificate, key) = der(identity);
            builder.with_client_auth_cert(vec![certificate], key)?
        }
        None => builder.with_no_client_auth(),
    };
    let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_only().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}
