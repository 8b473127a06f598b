//! Which proxy a server is reached through: the rules of Go, and so of kubectl.
//!
//! kube 5.0.0 matches `NO_PROXY` against the proxy's own address instead of the server's, fails on a
//! trailing comma and sends loopback through the proxy.
//! Source of the rules: golang.org/x/net/http/httpproxy, config.go.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use percent_encoding::percent_decode_str;

/// The proxy settings of the environment.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    /// `$HTTPS_PROXY`, for `https` servers.
    pub https: Option<String>,
    /// `$HTTP_PROXY`, for `http` servers.
    pub http: Option<String>,
    /// `$NO_PROXY`: the servers reached directly.
    pub exceptions: String,
}

/// A proxy setting that cannot be used. It does not repeat the value, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    #[error("{setting} is not a URL")]
    NotUrl {
        /// Where the value stands.
        setting: &'static str,
    },
    /// A kind of proxy that kubectl does not know either.
    #[error("{setting} has the unsupported scheme \"{scheme}\", must be http, https, or socks5")]
    UnsupportedScheme {
        /// Where the value stands.
        setting: &'static str,
        /// The scheme found.
        scheme: String,
    },
}

/// The proxy for `server`: the kubeconfig's `proxy-url` always, else the environment's unless an
/// exception names the server.
pub fn proxy_for(
    server: &Uri,
    proxy_url: Option<&str>,
    variables: &ProxyVariables,
) -> Result<Option<Uri>, ProxyError> {
    if let Some(proxy) = proxy_url.filter(|proxy| !proxy.is_empty()) {
        return parse(proxy, "proxy-url").map(Some);
    }
    let (proxy, setting) = match server.scheme_str() {
        Some("http") => (&variables.http, "$HTTP_PROXY"),
        _ => (&variables.https, "$HTTPS_PROXY"),
    };
    match proxy {
        Some(proxy) if !is_exception(server, &variables.exceptions) => {
            // As in Go, a proxy of the environment may lack its scheme.
            let proxy = if proxy.contains("://") { proxy.clone() } else { format!("http://{proxy}") };
            parse(&proxy, setting).map(Some)
        }
        _ => Ok(None),
    }
}

/// A way through a proxy that speaks HTTP, and is told the user in its URL.
pub fn tunnel<C>(proxy: &Uri, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), connector);
    match authorization(proxy) {
        Some(authorization) => tunnel.with_auth(authorization),
        None => tunnel,
    }
}

/// A way through a proxy that speaks SOCKS, and is told the user in its URL.
pub fn socks<C>(proxy: &Uri, connector: C) -> SocksV5<C> {
    let socks = SocksV5::new(proxy.clone(), connector);
    match user_and_password(proxy) {
        Some((user, password)) => socks.with_auth(user, password),
        None => socks,
    }
}

fn authorization(proxy: &Uri) -> Option<HeaderValue> {
    let (user, password) = user_and_password(proxy)?;
    let user = STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::from_str(&format!("Basic {user}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// They may stand percent-encoded.
fn user_and_password(proxy: &Uri) -> Option<(String, String)> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(user), decoded(password)))
}

fn parse(proxy: &str, setting: &'static str) -> Result<Uri, ProxyError> {
    let uri: Uri = proxy.parse().map_err(|_| ProxyError::NotUrl { setting })?;
    if uri.host().is_none_or(str::is_empty) {
        return Err(ProxyError::NotUrl { setting });
    }
    match uri.scheme_str() {
        Some("http" | "https" | "socks5") => Ok(uri),
        // The names are resolved by the proxy either way.
        Some("socks5h") => parse(&proxy.replacen("socks5h", "socks5", 1), setting),
        Some(scheme) => Err(ProxyError::UnsupportedScheme { setting, scheme: scheme.to_owned() }),
        None => Err(ProxyError::NotUrl { setting }),
    }
}

fn is_exception(server: &Uri, exceptions: &str) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let address: Option<IpAddr> = host.parse().ok();
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    let default_port = if server.scheme_str() == Some("http") { 80 } else { 443 };
    let port = server.port_u16().unwrap_or(default_port);
    let entries = exceptions.split(',').map(|entry| entry.trim().to_ascii_lowercase());
    entries.filter(|entry| !entry.is_empty()).any(|entry| entry_matches(&entry, &host, address, port))
}

fn entry_matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some(network) = Network::parse(entry) {
        return address.is_some_and(|address| network.contains(address));
    }
    let (name, wanted_port) = split_port(entry);
    if wanted_port.is_some_and(|wanted| wanted != port) {
        return false;
    }
    match name.parse::<IpAddr>() {
        Ok(excepted) => address == Some(excepted),
        Err(_) => name_matches(name, host),
    }
}

/// `example.com` means itself and all below it, `.example.com` and `*.example.com` only those below.
fn name_matches(name: &str, host: &str) -> bool {
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    match name.strip_prefix('.') {
        _ if name.is_empty() => false,
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    if entry.parse::<IpAddr>().is_ok() {
        return (entry, None);
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if let Ok(port) = port.parse() => (name.trim_matches(['[', ']']), Some(port)),
        _ => (entry.trim_matches(['[', ']']), None),
    }
}

struct Network {
    base: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(entry: &str) -> Option<Self> {
        let (base, prefix) = entry.split_once('/')?;
        let (base, prefix): (IpAddr, u32) = (base.parse().ok()?, prefix.parse().ok()?);
        let longest = if base.is_ipv4() { 32 } else { 128 };
        (prefix <= longest).then_some(Self { base, prefix })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differing = u32::from(base) ^ u32::from(address);
                differing.leading_zeros() >= self.prefix
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differing = u128::from(base) ^ u128::from(address);
                differing.leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(server: &str, exceptions: &str) -> bool {
        let variables = ProxyVariables {
            https: Some("http://proxy.corp:3128".into()),
            http: Some("proxy.corp:3128".into()),
            exceptions: exceptions.into(),
        };
        proxy_for(&server.parse().unwrap(), None, &variables).unwrap().is_none()
    }

    #[test]
    fn exceptions_are_matched_as_go_matches_them() {
        for (server, exceptions, expected) in [
            ("https://10.1.2.3:6443", "", false),
            ("https://10.1.2.3:6443", "10.0.0.0/8", true),
            ("https://10.1.2.3:6443", "10.2.0.0/16", false),
            ("https://10.1.2.3:6443", "10.1.2.3", true),
            ("https://10.1.2.3:6443", "10.1.2.3:6443", true),
            ("https://10.1.2.3:6443", "10.1.2.3:443", false),
            ("https://10.1.2.3:6443", "0.0.0.0/0", true),
            ("https://api.example.com", "example.com", true),
            ("https://example.com", "example.com", true),
            ("https://badexample.com", "example.com", false),
            ("https://example.com", ".example.com", false),
            ("https://api.example.com", ".example.com", true),
            ("https://api.example.com", "*.example.com", true),
            ("https://API.example.com", "api.EXAMPLE.com:443,", true),
            ("https://api.example.com", "other.com, ,example.com,", true),
            ("https://api.example.com", ",,", false),
            ("https://api.example.com", "*", true),
            ("https://127.0.0.1:6443", "", true),
            ("https://localhost:6443", "", true),
            ("https://[::1]:6443", "", true),
            ("https://[fd00::1]:6443", "fd00::/8", true),
            ("https://[fd00::1]:6443", "[fd00::1]:6443", true),
            ("http://10.1.2.3:8080", "", false),
        ] {
            assert_eq!(direct(server, exceptions), expected, "{server} with NO_PROXY={exceptions}");
        }
    }

    #[test]
    fn proxy_url_wins_over_the_environment_and_its_exceptions() {
        let variables = ProxyVariables { exceptions: "*".into(), ..ProxyVariables::default() };
        let server = "https://10.1.2.3:6443".parse().unwrap();
        let proxy = proxy_for(&server, Some("socks5://jump:1080"), &variables).unwrap();
        assert_eq!(proxy.unwrap(), "socks5://jump:1080");
    }

    #[test]
    fn the_user_of_a_proxy_is_decoded() {
        let told = |proxy: &str| authorization(&proxy.parse().unwrap());
        let expected = format!("Basic {}", STANDARD.encode("user:pa@ss"));
        assert_eq!(told("http://user:pa%40ss@jump:3128").unwrap(), expected.as_str());
        assert_eq!(told("http://jump:3128"), None);
        let of_socks = user_and_password(&"socks5://us%20er@jump:1080".parse().unwrap());
        assert_eq!(of_socks, Some(("us er".to_owned(), String::new())));
    }

    #[test]
    fn a_bad_proxy_is_named_without_its_password() {
        let server = "https://10.1.2.3:6443".parse().unwrap();
        let error =
            proxy_for(&server, Some("ftp://u:hunter22@jump"), &ProxyVariables::default()).unwrap_err();
        assert!(error.to_string().contains("unsupported scheme \"ftp\""));
        assert!(!error.to_string().contains("hunter22"));
        let error = proxy_for(&server, Some("::::"), &ProxyVariables::default()).unwrap_err();
        assert_eq!(error.to_string(), "proxy-url is not a URL");
    }
}
