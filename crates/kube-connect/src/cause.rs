//! Why a request failed, in one fragment: what kube's terse errors hide in their sources.

use std::error::Error as StdError;
use std::time::Duration;
use std::{io, iter};

use h2::Reason;
use hyper_util::client::legacy::Error as ClientError;
use kube::core::Status;
use rustls::{AlertDescription, CertificateError};

use super::exec_credential::ExecError;
use super::no_answer::{NoAnswer, RequestTimedOut};
use super::server_text;
use super::transport::SentInVain;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// 403.
    #[error("forbidden{}", after_colon(message))]
    Forbidden {
        /// What the server adds to it.
        message: String,
    },
    /// 401.
    #[error("the server does not accept the credentials (unauthorized)")]
    Unauthorized,
    /// 404.
    #[error("not found")]
    NotFound,
    /// 409 on creation.
    #[error("already exists")]
    AlreadyExists,
    /// 409: somebody else changed the object.
    #[error("changed by someone else meanwhile (conflict)")]
    Conflict,
    /// 400 and 422: the server refuses what was sent.
    #[error("the server refuses it as invalid{}", after_colon(message))]
    Invalid { message: String },
    /// 410: the watch's starting point is too old.
    #[error("the resource version is too old (gone)")]
    Gone,
    /// 429.
    #[error("too many requests")]
    TooManyRequests,
    /// No answer within the request timeout.
    #[error("no answer within {}", in_words(*after))]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
    },
    /// No connection in time.
    #[error("no connection to {address} in time")]
    ConnectTimedOut {
        /// Host and port.
        address: String,
    },
    /// Nothing listens.
    #[error("the connection to {address} was refused")]
    Refused {
        /// Host and port.
        address: String,
    },
    /// The name does not resolve.
    #[error("the name of {address} cannot be resolved")]
    UnknownHost {
        /// Host and port.
        address: String,
    },
    /// The connection broke.
    #[error("the connection to the server broke: {detail}")]
    Disconnected {
        /// How.
        detail: String,
    },
    /// The server's certificate, or ours.
    #[error("{detail}")]
    Certificate {
        /// What is wrong with it.
        detail: String,
    },
    /// The credential plugin.
    #[error("{message}")]
    Credentials {
        /// What it failed with.
        message: String,
        hints: Vec<String>,
    },
    /// 502, 503 and 504.
    #[error("the server is unavailable{}", after_colon(message))]
    Unavailable { message: String },
    /// Any other answer that is an error.
    #[error("the server answered {code}{}{}", in_brackets(reason), after_colon(message))]
    Api {
        /// The HTTP status.
        code: u16,
        /// The API's reason.
        reason: String,
        /// The API's message.
        message: String,
    },
    /// Everything else.
    #[error("{message}")]
    Other {
        /// What it was.
        message: String,
    },
}

fn after_colon(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn in_brackets(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}

fn in_words(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

impl From<&kube::Error> for Cause {
    fn from(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of_status(status),
            // serde's message quotes the value that it stumbled over.
            kube::Error::SerdeError(error) => Self::Other {
                message: format!(
                    "the server's answer is not what a Kubernetes API server answers (line {}, column {})",
                    error.line(),
                    error.column()
                ),
            },
            kube::Error::FromUtf8(_) => Self::Other { message: "the server's answer is not text".to_owned() },
            error => Self::of_chain(error),
        }
    }
}

impl Cause {
    fn of_status(status: &Status) -> Self {
        let message = server_text::message(&status.message);
        match (status.code, status.reason.as_str()) {
            (401, _) => Self::Unauthorized,
            (403, _) => Self::Forbidden { message: without_missing_rule(message) },
            (404, _) => Self::NotFound,
            (409, "AlreadyExists") => Self::AlreadyExists,
            (409, _) => Self::Conflict,
            (410, _) => Self::Gone,
            (400 | 422, _) => Self::Invalid { message },
            (429, _) => Self::TooManyRequests,
            (502..=504, _) => Self::Unavailable { message },
            (code, reason) => Self::Api { code, reason: server_text::message(reason), message },
        }
    }

    fn of_chain(error: &(dyn StdError + 'static)) -> Self {
        let chain = chain_of(error);
        let address = address_of(&chain);
        let found = chain.iter().rev().find_map(|error| Self::of_link(*error, &address));
        found.unwrap_or_else(|| Self::of_rest(&chain))
    }

    /// What a single error of the chain says for certain.
    fn of_link(error: &(dyn StdError + 'static), address: &str) -> Option<Self> {
        if let Some(RequestTimedOut { after }) = error.downcast_ref() {
            return Some(Self::TimedOut { after: *after });
        }
        if let Some(error) = error.downcast_ref::<ExecError>() {
            return Some(Self::Credentials { message: error.to_string(), hints: error.hints() });
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::Certificate { detail: tls_detail(error) });
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return of_io(error, address);
        }
        if let Some(error) = error.downcast_ref::<h2::Error>() {
            return Some(Self::Disconnected { detail: server_text::message(&error.to_string()) });
        }
        // hyper-util keeps the types of these errors to itself.
        if error.to_string().starts_with("tunnel error") {
            return Some(Self::Other { message: format!("no connection to {address}: {error}") });
        }
        (error.to_string() == "dns error").then(|| Self::UnknownHost { address: address.to_owned() })
    }

    fn of_rest(chain: &[&(dyn StdError + 'static)]) -> Self {
        let last = chain.last().map(|error| server_text::message(&error.to_string())).unwrap_or_default();
        let was_sent = |error: &&(dyn StdError + 'static)| {
            error.is::<SentInVain>()
                || error.downcast_ref::<ClientError>().is_some_and(|error| !error.is_connect())
        };
        if chain.iter().any(was_sent) {
            Self::Disconnected { detail: last }
        } else {
            Self::Other { message: last }
        }
    }
}

/// Whether the server has not begun with the request: it closes the connection to all that come later, or refuses more at
/// once (RFC 9113, 6.8 and 8.7).
pub(super) fn is_untouched(error: &kube::Error) -> bool {
    let mut links = chain_of(error).into_iter().filter_map(|error| error.downcast_ref::<h2::Error>());
    links.any(|error| match error.reason() {
        Some(Reason::NO_ERROR) => error.is_go_away() && error.is_remote(),
        reason => reason == Some(Reason::REFUSED_STREAM),
    })
}

fn chain_of<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |error| inner(*error)).collect()
}

/// The next error of a chain. An `io::Error` hides the error that it wraps.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

/// The address that the failed connection was for.
fn address_of(chain: &[&(dyn StdError + 'static)]) -> String {
    let failed = chain.iter().find_map(|error| error.downcast_ref::<NoAnswer>());
    failed.map_or_else(|| "the server".to_owned(), |failed| failed.address.clone())
}

fn of_io(error: &io::Error, address: &str) -> Option<Cause> {
    let address = || address.to_owned();
    let detail = || server_text::message(&error.to_string());
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Cause::Refused { address: address() }),
        io::ErrorKind::TimedOut => Some(Cause::ConnectTimedOut { address: address() }),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(Cause::Disconnected { detail: detail() }),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(Cause::Other { message: format!("the server cannot be reached: {}", detail()) })
        }
        _ => None,
    }
}

fn tls_detail(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate_detail(error),
        rustls::Error::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA,
        ) => "the server does not accept the client certificate".to_owned(),
        rustls::Error::InvalidMessage(_) => "the server does not speak TLS".to_owned(),
        error => format!("TLS failed: {}", server_text::message(&error.to_string())),
    }
}

pub fn certificate_detail(error: &CertificateError) -> String {
    match error {
        // The authorities of most clusters have the same name: the wrong one shows as a bad signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the server's certificate is signed by an unknown authority".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name or address".to_owned()
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server uses the certificate of an authority as its own".to_owned()
        }
        error => {
            format!("the server's certificate is not accepted: {}", server_text::message(&error.to_string()))
        }
    }
}

/// The hint says which rule is missing; only what else the server says is kept, such as a webhook's words.
fn without_missing_rule(message: String) -> String {
    let is_missing_rule = message.contains("is forbidden: User ") && message.contains(" cannot ");
    if is_missing_rule || message == "forbidden" { String::new() } else { message }
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
