//! Errors, and times, as Go words them: the controller puts them into conditions as they are.

use std::{error::Error as StdError, io};

use kube::Client;

/// A failed request in client-go's words.
///
/// An answer of the apiserver is its message alone; a failure on the way is `VERB "URL": CAUSE`. An unknown path has no
/// message of the apiserver's, so client-go names the resource.
///
/// Source: Kubernetes `staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go` (`NewGenericServerResponse`), Go
/// `net/http`, `net` and `crypto/x509`; the wording for a refused connection was seen running (kubesphere.md).
pub fn worded(error: &kube::Error, request: &FailedRequest<'_>) -> String {
    match error {
        kube::Error::Api(status) if status.code == 404 && status.reason != "NotFound" => {
            format!(
                "the server could not find the requested resource ({} {})",
                request.verb.to_lowercase(),
                request.resource
            )
        }
        kube::Error::Api(status) => status.message.clone(),
        other => format!(
            "{} \"{}{}\": {}",
            request.verb,
            request.server,
            request.path,
            cause(other, request.server)
        ),
    }
}

/// An answer of an apiserver as its message alone, and any other failure as it words itself.
pub fn message(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// The request that an error belongs to.
pub struct FailedRequest<'a> {
    /// `Get`, `Post`, `Put`, `Delete`.
    pub verb: &'a str,
    /// The URL of the server, as the kubeconfig has it.
    pub server: &'a str,
    pub path: &'a str,
    /// The plural and group, as `workspaces.tenant.kubesphere.io`.
    pub resource: &'a str,
}

fn cause(error: &(dyn StdError + 'static), server: &str) -> String {
    let address = address(server);
    let mut next = Some(error);
    let mut last = String::new();
    while let Some(error) = next {
        last = error.to_string();
        if let Some(io) = error.downcast_ref::<io::Error>()
            && let Some(text) = network(io, &address)
        {
            return text;
        }
        if let Some(text) = certificate(&last) {
            return text;
        }
        if last.contains("lookup address") || last.contains("dns error") {
            return format!("dial tcp: lookup {} on 10.96.0.10:53: no such host", host(&address));
        }
        if last.contains("deadline has elapsed") || last.contains("timed out") {
            return format!("dial tcp {address}: i/o timeout");
        }
        next = error.source();
    }
    last
}

fn network(error: &io::Error, address: &str) -> Option<String> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(format!("dial tcp {address}: connect: connection refused")),
        io::ErrorKind::TimedOut => Some(format!("dial tcp {address}: i/o timeout")),
        io::ErrorKind::HostUnreachable => Some(format!("dial tcp {address}: connect: no route to host")),
        io::ErrorKind::NetworkUnreachable => {
            Some(format!("dial tcp {address}: connect: network is unreachable"))
        }
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Some("EOF".to_owned()),
        _ => None,
    }
}

fn certificate(text: &str) -> Option<String> {
    if text.contains("UnknownIssuer") || text.contains("BadSignature") {
        return Some("x509: certificate signed by unknown authority".to_owned());
    }
    if text.contains("expired") {
        return Some("x509: certificate has expired or is not yet valid".to_owned());
    }
    let (_, rest) = text.split_once("not valid for name \"")?;
    let (wanted, names) = rest.split_once('"')?;
    let valid = names.rsplit_once("valid for ").map_or("other names", |(_, valid)| valid);
    Some(format!("x509: certificate is valid for {valid}, not {wanted}"))
}

/// `HOST:PORT` of a URL, with the port that its scheme implies.
fn address(server: &str) -> String {
    let (scheme, rest) = server.split_once("://").unwrap_or(("https", server));
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains("]:") || (!authority.ends_with(']') && authority.contains(':')) {
        return authority.to_owned();
    }
    format!("{authority}:{}", if scheme == "http" { 80 } else { 443 })
}

fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

/// A time as Go prints it: `2027-11-21 10:00:00 +0000 UTC`.
pub fn time(at: time::OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    let (hour, minute, second) = time.as_hms();
    format!("{date} {hour:02}:{minute:02}:{second:02} +0000 UTC")
}

/// `GET` of a raw path; an error status is an error.
pub async fn get_text(client: &Client, path: &str) -> kube::Result<String> {
    let request = http::Request::get(path).body(Vec::new()).expect("the stand-ins' paths are valid");
    client.request_text(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_reads_as_in_go() {
        let refused = kube::Error::Service(Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)));
        let request = FailedRequest {
            verb: "Get",
            server: "https://127.0.0.1:9",
            path: "/api",
            resource: "namespaces",
        };
        assert_eq!(
            worded(&refused, &request),
            "Get \"https://127.0.0.1:9/api\": dial tcp 127.0.0.1:9: connect: connection refused"
        );
        assert_eq!(address("https://[::1]"), "[::1]:443");
        assert_eq!(address("http://a.b/c"), "a.b:80");
    }
}
