//! The certificates and keys that one cluster lives on.

use std::sync::Arc;

use crate::{
    ADMIN, Error,
    control_plane::MASTERS,
    kubeconfig::Credentials,
    nodes,
    pki::{Authority, CLUSTER_VALIDITY, Identity, ServiceAccountKey},
};

/// The certificates and keys that one cluster lives on.
pub(crate) struct Keys {
    pub(crate) authority: Arc<Authority>,
    pub(crate) front_proxy: Authority,
    pub(crate) service_accounts: ServiceAccountKey,
    pub(crate) admin: Credentials,
}

impl Keys {
    pub(crate) fn new(name: &str) -> Result<Self, Error> {
        let authority = Authority::new(&format!("{name}-ca"))?;
        let admin = authority.client(ADMIN, Some(MASTERS), CLUSTER_VALIDITY.into())?;
        Ok(Self {
            front_proxy: Authority::new(&format!("{name}-front-proxy-ca"))?,
            service_accounts: ServiceAccountKey::new()?,
            admin: Credentials::Certificate(admin),
            authority: Arc::new(authority),
        })
    }

    pub(crate) fn server(&self, port: u16) -> Result<Identity, Error> {
        let address = nodes::of_plane(port).to_string();
        let names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "127.0.0.1",
            "10.0.0.1",
            &address,
        ];
        self.authority.server("kube-apiserver", &names)
    }
}
