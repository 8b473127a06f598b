//! Kubeconfigs for a control plane, self-contained: what they need is embedded.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{Error, pki::Identity};

/// How a client proves who it is.
#[derive(Clone)]
pub enum Credentials {
    /// By a certificate of the cluster's CA.
    Certificate(Identity),
    /// By a bearer token, as of a service account.
    Token(String),
}

/// One cluster, one user and one context that joins them.
pub struct Access<'a> {
    /// The name of the context and of the cluster; the user is `NAME-admin`.
    pub name: &'a str,
    /// The URL of the server.
    pub server: &'a str,
    /// The CA that the server's certificate is checked against, as PEM.
    pub authority: &'a str,
    /// How the user proves who it is.
    pub credentials: &'a Credentials,
}

impl Access<'_> {
    pub fn to_yaml(&self) -> String {
        let Self { name, server, .. } = self;
        let user = match self.credentials {
            Credentials::Certificate(identity) => format!(
                "client-certificate-data: {}\n    client-key-data: {}",
                STANDARD.encode(&identity.certificate),
                STANDARD.encode(&identity.key)
            ),
            Credentials::Token(token) => format!("token: {token}"),
        };
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: {name}\n  cluster:\n    server: {server}\n    \
             certificate-authority-data: {authority}\nusers:\n- name: {name}-admin\n  user:\n    {user}\n\
             contexts:\n- name: {name}\n  context:\n    cluster: {name}\n    user: {name}-admin\n\
             current-context: {name}\n",
            authority = STANDARD.encode(self.authority),
        )
    }
}

/// Writes a file that only its owner may read, as kubectl does with kubeconfigs.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_is_read_back() {
        let credentials = Credentials::Token("abc".into());
        let access = Access {
            name: "host",
            server: "https://127.0.0.1:1",
            authority: "CA",
            credentials: &credentials,
        };
        let read: kube::config::Kubeconfig = serde_yaml::from_str(&access.to_yaml()).unwrap();
        assert_eq!(read.current_context.as_deref(), Some("host"));
        let cluster = read.clusters[0].cluster.clone().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:1"));
        assert_eq!(cluster.certificate_authority_data.as_deref(), Some("Q0E="));
    }
}
