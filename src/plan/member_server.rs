//! The address by which a host reaches its member, and what its certificate says of it.

use std::net::IpAddr;

use http::Uri;

/// The names that KubeKey writes into the /etc/hosts of the member's own nodes
/// (kubekey `cmd/kk/apis/kubekey/v1alpha2/default.go@v3.1.12`: `lb.kubesphere.local`).
const ALIASES: &str = ".kubesphere.local";

/// Whom an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The machine that asks.
    Loopback,
    /// The neighbours on one wire.
    LinkLocal,
    /// The nodes of the member, which alone know the name.
    Alias,
    /// Anybody, as far as an address tells.
    Anybody,
}

/// Whom this server's address leads to.
pub fn reach(server: &str) -> Reach {
    let host = host(server).trim_end_matches('.').to_ascii_lowercase();
    match host.parse() {
        Ok(IpAddr::V4(address)) if address.is_loopback() || address.is_unspecified() => Reach::Loopback,
        Ok(IpAddr::V6(address)) if address.is_loopback() || address.is_unspecified() => Reach::Loopback,
        Ok(IpAddr::V4(address)) if address.is_link_local() => Reach::LinkLocal,
        Ok(IpAddr::V6(address)) if address.is_unicast_link_local() => Reach::LinkLocal,
        Err(_) if host == "localhost" || host.ends_with(".localhost") => Reach::Loopback,
        Err(_) if host.ends_with(ALIASES) => Reach::Alias,
        Ok(_) | Err(_) => Reach::Anybody,
    }
}

/// The name or address in a server's URL.
pub fn host(server: &str) -> &str {
    let after_scheme = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

/// The URL of an address and a port.
pub fn url(address: &str, port: u16) -> String {
    if address.contains(':') {
        format!("https://[{address}]:{port}")
    } else {
        format!("https://{address}:{port}")
    }
}

/// A server that can be stored, as it is stored: its credentials stand elsewhere, and every API server speaks TLS.
pub fn storable(text: &str) -> Option<String> {
    let server: Uri = text.trim().parse().ok()?;
    let authority = server.authority()?.as_str();
    let after_host = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    let port_is_valid = !after_host.contains(':') || server.port_u16().is_some_and(|port| port > 0);
    let is_usable = server.scheme_str() == Some("https")
        && server.host().is_some_and(|host| !host.is_empty())
        && !authority.contains('@')
        && port_is_valid
        && server.query().is_none()
        && !text.contains('#');
    is_usable.then(|| server.to_string().trim_end_matches('/').to_owned())
}

/// What was seen of the address that will be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSeen {
    /// The server's certificate, seen over the context's own connection, or why it was not seen.
    pub certificate: Result<CertificateSeen, String>,
    /// Why this machine does not reach the address itself, where it is another than the context's.
    pub out_of_reach: Option<String>,
    /// The servers that the member itself knows and that the certificate covers.
    pub proposals: Vec<String>,
    /// When it was looked, by the member's clock, in seconds since 1970.
    pub at: i64,
}

/// What a server's certificate says, judged by what will be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSeen {
    /// The names and addresses that it covers.
    pub names: Vec<String>,
    /// Whether the stored address is one of them.
    pub covers: bool,
    /// Why the stored authority does not vouch for it.
    pub distrusted: Option<String>,
    /// Until when it holds, in seconds since 1970.
    pub until: i64,
}

#[cfg(test)]
mod tests {
    use super::{Reach, reach, storable, url};

    #[test]
    fn loopback_has_many_names() {
        for server in [
            "https://127.0.0.1:6443",
            "https://localhost",
            "https://[::1]:6443/path",
            "https://0.0.0.0:1",
            "https://[::]:6443",
            "https://LOCALHOST.:6443",
            "127.9.9.9:6443",
        ] {
            assert_eq!(reach(server), Reach::Loopback, "{server}");
        }
    }

    #[test]
    fn some_addresses_lead_no_further_than_the_wire_or_the_members_nodes() {
        assert_eq!(reach("https://169.254.1.1:6443"), Reach::LinkLocal);
        assert_eq!(reach("https://[fe80::1]:6443"), Reach::LinkLocal);
        assert_eq!(reach("https://lb.kubesphere.local:6443"), Reach::Alias);
    }

    #[test]
    fn other_addresses_lead_anybody_there() {
        for server in ["https://192.0.2.1:6443", "https://lb.example.org:6443", "https://[2001:db8::1]:6443"]
        {
            assert_eq!(reach(server), Reach::Anybody, "{server}");
        }
    }

    #[test]
    fn an_address_of_version_6_stands_in_brackets() {
        assert_eq!(url("2001:db8::1", 6443), "https://[2001:db8::1]:6443");
        assert_eq!(url("192.0.2.1", 443), "https://192.0.2.1:443");
    }

    #[test]
    fn what_is_stored_is_an_https_url_of_an_address() {
        assert_eq!(storable("https://192.0.2.7:6443/").as_deref(), Some("https://192.0.2.7:6443"));
        assert_eq!(storable("https://[2001:db8::1]:6443").as_deref(), Some("https://[2001:db8::1]:6443"));
        assert_eq!(
            storable("https://edge.example.org/k8s/m1").as_deref(),
            Some("https://edge.example.org/k8s/m1")
        );
        let refused = [
            "192.0.2.7:6443",
            "http://edge:6443",
            "https://",
            "https://u:p@edge",
            "https://edge:0",
            "https://edge:99999",
            "https://edge?x=y",
            "https://edge/#x",
            "a b",
        ];
        for text in refused {
            assert!(storable(text).is_none(), "{text}");
        }
    }
}
