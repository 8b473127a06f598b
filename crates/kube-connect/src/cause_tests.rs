use rustls::{AlertDescription, CertificateError};

use super::*;

fn cause(code: u16, reason: &str, message: &str) -> Cause {
    Cause::from(&kube::Error::Api(Status::failure(message, reason).with_code(code).boxed()))
}

#[test]
fn answers_become_short_fragments() {
    for (code, reason, message, shown) in [
        (401, "Unauthorized", "Unauthorized", "the server does not accept the credentials (unauthorized)"),
        (
            403,
            "Forbidden",
            "clusters.cluster.kubesphere.io is forbidden: User \"jane\" cannot list resource \"clusters\"",
            "forbidden for user \"jane\"",
        ),
        (403, "Forbidden", "admission webhook \"x\" denied", "forbidden: admission webhook \"x\" denied"),
        (404, "NotFound", "clusters \"x\" not found", "not found"),
        (409, "AlreadyExists", "x", "already exists"),
        (409, "Conflict", "x", "changed by someone else meanwhile (conflict)"),
        (410, "Expired", "x", "the resource version is too old (gone)"),
        (422, "Invalid", "spec.x: Required", "the server refuses it as invalid: spec.x: Required"),
        (429, "TooManyRequests", "x", "too many requests"),
        (503, "", "<html><title>503</title>", "the server is unavailable: a web page answered: 503"),
        (500, "InternalError", "boom\r\n!", "the server answered 500 (InternalError): boom  !"),
    ] {
        assert_eq!(cause(code, reason, message).to_string(), shown);
    }
}

#[test]
fn a_value_that_cannot_be_read_is_not_quoted() {
    let error = serde_json::from_str::<u8>("\"hunter22\"").unwrap_err();
    let cause = Cause::from(&kube::Error::SerdeError(error));
    assert!(!cause.to_string().contains("hunter22"), "{cause}");
}

fn through_io(error: rustls::Error) -> String {
    let error = io::Error::other(error);
    Cause::from(&kube::Error::Service(Box::new(error))).to_string()
}

#[test]
fn certificates_are_explained() {
    for (error, shown) in [
        (CertificateError::UnknownIssuer, "signed by an unknown authority"),
        (CertificateError::BadSignature, "signed by an unknown authority"),
        (CertificateError::Expired, "has expired"),
        (CertificateError::NotValidForName, "for another name"),
        (CertificateError::NotValidYet, "not valid yet"),
    ] {
        let text = through_io(rustls::Error::InvalidCertificate(error));
        assert!(text.contains(shown), "{text}");
    }
    let text = through_io(rustls::Error::AlertReceived(AlertDescription::CertificateRequired));
    assert_eq!(text, "the server asks for a client certificate, and the context brings none");
}
