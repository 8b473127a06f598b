//! The address of a member's API server, as a probe asks it.

use std::net::IpAddr;

use http::Uri;

/// What the kubelet asks behind the server's own path; every API server has it since Kubernetes 1.16.
const PATH: &str = "/readyz";

/// Where a probe goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The server's URL, as the stored kubeconfig has it.
    pub server: String,
    /// `HTTPS` or `HTTP`, as a probe names it.
    pub scheme: &'static str,
    /// The name or address, without the brackets of an IPv6 address: the kubelet adds them.
    pub host: String,
    pub port: u16,
    /// The URL's own path and what is asked behind it.
    pub path: String,
}

impl Target {
    /// The target that a server's URL means; `None` where it is no URL.
    pub fn of(server: &str) -> Option<Self> {
        let uri: Uri = server.parse().ok()?;
        let (scheme, default_port) =
            if uri.scheme_str() == Some("http") { ("HTTP", 80) } else { ("HTTPS", 443) };
        Some(Self {
            server: server.to_owned(),
            scheme,
            host: uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(default_port),
            path: format!("{}{PATH}", uri.path().trim_end_matches('/')),
        })
    }

    /// Whether the server is given by name, which has to be resolved.
    pub fn is_named(&self) -> bool {
        self.host.parse::<IpAddr>().is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    fn shown(server: &str) -> String {
        let Target { scheme, host, port, path, .. } = Target::of(server).unwrap();
        format!("{scheme} {host} {port} {path}")
    }

    #[test]
    fn a_url_is_taken_apart_as_a_probe_names_it() {
        assert_eq!(shown("https://10.0.0.1:6443"), "HTTPS 10.0.0.1 6443 /readyz");
        assert_eq!(shown("https://member.example.org"), "HTTPS member.example.org 443 /readyz");
        assert_eq!(shown("https://[2001:db8::1]:6443/"), "HTTPS 2001:db8::1 6443 /readyz");
        assert_eq!(shown("http://10.0.0.1"), "HTTP 10.0.0.1 80 /readyz");
    }

    #[test]
    fn the_path_of_a_gateway_stays() {
        assert_eq!(shown("https://gate/k8s/clusters/c-1/"), "HTTPS gate 443 /k8s/clusters/c-1/readyz");
    }

    #[test]
    fn names_are_told_from_addresses() {
        let named = |server| Target::of(server).unwrap().is_named();
        assert!(named("https://lb.kubesphere.local:6443") && !named("https://10.0.0.1:6443"));
        assert!(!named("https://[2001:db8::1]:6443"));
        assert_eq!(Target::of("no url"), None);
    }
}
