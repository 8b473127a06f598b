//! The address of an API server as kubectl reads it.
//!
//! kube 5.0.0 panics on a server without a scheme. Source of the rule: client-go, `rest/url_utils.go`.

use http::Uri;

/// `server` with the scheme that kubectl would add: `https` where anything speaks of TLS, else `http`.
pub(super) fn normalised(server: &str, speaks_tls: bool) -> Option<Uri> {
    let server = server.trim();
    let with_scheme = match server.split_once("://") {
        Some(_) => server.to_owned(),
        None if speaks_tls => format!("https://{server}"),
        None => format!("http://{server}"),
    };
    with_scheme.parse::<Uri>().ok().filter(is_usable)
}

fn is_usable(uri: &Uri) -> bool {
    let has_host = uri.host().is_some_and(|host| !host.is_empty());
    let port_is_valid = uri.authority().is_some_and(|authority| {
        let after_host = authority.as_str().rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest);
        !after_host.contains(':') || authority.port_u16().is_some()
    });
    let no_credentials = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    has_host && port_is_valid && no_credentials && matches!(uri.scheme_str(), Some("http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(server: &str, speaks_tls: bool) -> Option<String> {
        normalised(server, speaks_tls).map(|uri| uri.to_string())
    }

    #[test]
    fn a_missing_scheme_is_added_as_kubectl_adds_it() {
        assert_eq!(shown("127.0.0.1:6443", true).as_deref(), Some("https://127.0.0.1:6443/"));
        assert_eq!(shown("127.0.0.1:6443", false).as_deref(), Some("http://127.0.0.1:6443/"));
        assert_eq!(shown("https://edge/proxy/m1", false).as_deref(), Some("https://edge/proxy/m1"));
        assert_eq!(shown("https://[::1]:6443", false).as_deref(), Some("https://[::1]:6443/"));
    }

    #[test]
    fn what_no_server_can_be_is_refused() {
        for server in
            ["", "https://", "ftp://edge", "a b", "https://edge:99999", "https://u:p@edge", "https://edge:"]
        {
            assert_eq!(shown(server, true), None, "{server}");
        }
    }
}
