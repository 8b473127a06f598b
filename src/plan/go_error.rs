//! The errors of Go programs, which carry the whole way that they have come.

/// The innermost cause: what follows the last request that is named.
///
/// A failed request reads `Get "https://10.0.0.1:6443/api/v1/…": dial tcp 10.0.0.1:6443: connect: connection refused`,
/// before Go 1.14 without the quotes (Go `net/url.Error`), and may be wrapped in others.
pub fn innermost_cause(error: &str) -> &str {
    let error = error.trim();
    let begins = ["https://", "http://"].iter().filter_map(|scheme| error.rfind(scheme)).max();
    let Some(begins) = begins.filter(|begins| follows_a_verb(&error[..*begins])) else { return error };
    let ends = error[begins..].find(char::is_whitespace).map(|length| begins + length);
    let Some(ends) = ends.filter(|ends| error[..*ends].ends_with(':')) else { return error };
    let cause = error[ends..].trim();
    if cause.is_empty() { error } else { cause }
}

/// `Get "` or `Get `: net/http capitalises the method.
fn follows_a_verb(before: &str) -> bool {
    let before = before.strip_suffix('"').unwrap_or(before);
    let Some(before) = before.strip_suffix(' ') else { return false };
    let verb = before.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["Get", "Head", "Post", "Put", "Patch", "Delete"].contains(&verb)
}

#[cfg(test)]
mod tests {
    use super::innermost_cause;

    #[test]
    fn what_follows_the_last_request_is_the_cause() {
        for (error, cause) in [
            (
                "Get \"https://10.0.0.1:6443/api/v1/namespaces/kube-federation-system/serviceaccounts/a-kubesphere\": dial tcp 10.0.0.1:6443: connect: connection refused",
                "dial tcp 10.0.0.1:6443: connect: connection refused",
            ),
            (
                "Get https://10.0.0.1:6443/version?timeout=32s: x509: certificate is valid for 10.0.0.2, not 10.0.0.1",
                "x509: certificate is valid for 10.0.0.2, not 10.0.0.1",
            ),
            (
                "Internal error occurred: failed calling webhook \"users.iam.kubesphere.io\": failed to call webhook: Post \"https://a.svc:443/validate?timeout=30s\": dial tcp: lookup a.svc on 10.96.0.10:53: no such host",
                "dial tcp: lookup a.svc on 10.96.0.10:53: no such host",
            ),
            ("Get \"https://a\": proxyconnect tcp: Get \"http://b:3128\": EOF", "EOF"),
        ] {
            assert_eq!(innermost_cause(error), cause);
        }
    }

    #[test]
    fn what_names_no_request_is_left_as_it_is() {
        for error in [
            "Key \"token\" not found in service account secret",
            "the server could not find the requested resource (get workspaces.tenant.kubesphere.io)",
            "read https://kubesphere.io/docs: there is help",
            "Get \"https://a/b\":",
            "Get \"https://a/b\"",
            "",
        ] {
            assert_eq!(innermost_cause(error), error);
        }
    }
}
