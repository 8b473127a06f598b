//! Why a request failed, in one fragment: what kube's terse errors hide in their sources.

use std::error::Error as StdError;
use std::time::Duration;
use std::{io, iter};

use h2::Reason;
use hyper_util::client::legacy::Error as ClientError;
use kube::core::Status;

use super::exec_credential::ExecError;
use super::no_answer::{NoAnswer, RequestTimedOut};
use super::server_text;
use super::shown::{Refusal, Shown};
use super::tls_failure::{WayOut, explained};
use super::transport::SentInVain;

pub use super::answer_limit::TooLong;
pub use super::tls_failure::{certificate_detail, handshake_detail};

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// 403.
    #[error("forbidden{}{}", for_user(user.as_deref()), after_colon(message))]
    Forbidden {
        /// Who asked, as the server sees it, where it says so: a user who has no such right.
        user: Option<String>,
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
    /// It was asked, and the time for all of it was up first.
    #[error("no answer when the time was up")]
    TimeUp,
    /// The time for all of it was up before its turn.
    #[error("not asked before the time was up")]
    NotAsked,
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
    /// No way leads to it, as while a VPN is down.
    #[error("the server cannot be reached: {detail}")]
    NoRoute {
        /// Why.
        detail: String,
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
        /// Whose it is, and what is wrong with it.
        detail: String,
        way_out: WayOut,
    },
    /// More than any API server answers.
    #[error("{0}")]
    TooLong(TooLong),
    /// 401 or 403 where it is known that no permission is missing.
    #[error("{0}")]
    NotLetIn(Refusal),
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

fn for_user(user: Option<&str>) -> String {
    user.map(|user| format!(" for user \"{user}\"")).unwrap_or_default()
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
    /// Which rule is missing is said by the hint; only what else the server says is kept, such as a webhook's words.
    fn forbidden(message: String) -> Self {
        let user = who_may_not(&message);
        let says_more = user.is_none() && message != "forbidden";
        Self::Forbidden { user, message: if says_more { message } else { String::new() } }
    }

    fn of_status(status: &Status) -> Self {
        let message = server_text::message(&status.message);
        match (status.code, status.reason.as_str()) {
            (401, _) => Self::Unauthorized,
            (403, _) if message.contains("User \"system:anonymous\"") => Self::NotLetIn(Refusal::Unseen),
            (403, _) => Self::forbidden(message),
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
        let failed = chain.iter().find_map(|error| error.downcast_ref::<NoAnswer>());
        let address = failed.map_or("the server", |failed| &*failed.address);
        let shown = failed.map_or_else(Shown::default, |failed| failed.shown);
        let found = chain.iter().rev().find_map(|error| Self::of_link(*error, address, shown));
        found.unwrap_or_else(|| Self::of_rest(&chain))
    }

    /// What a single error of the chain says for certain.
    fn of_link(error: &(dyn StdError + 'static), address: &str, shown: Shown) -> Option<Self> {
        if let Some(RequestTimedOut { after }) = error.downcast_ref() {
            return Some(Self::TimedOut { after: *after });
        }
        if let Some(error) = error.downcast_ref::<ExecError>() {
            return Some(Self::Credentials { message: error.to_string(), hints: error.hints() });
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            let (detail, way_out) = explained(error, shown);
            return Some(Self::Certificate { detail, way_out });
        }
        if let Some(too_long) = error.downcast_ref::<TooLong>() {
            return Some(Self::TooLong(*too_long));
        }
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return Some(Self::NotLetIn(refusal.clone()));
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

fn of_io(error: &io::Error, address: &str) -> Option<Cause> {
    let address = || address.to_owned();
    let detail = || {
        let message = error.to_string();
        // rustls adds where its manual explains it to programmers.
        server_text::message(message.split(": https://docs.rs/").next().unwrap_or_default())
    };
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Cause::Refused { address: address() }),
        io::ErrorKind::TimedOut => Some(Cause::ConnectTimedOut { address: address() }),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(Cause::Disconnected { detail: detail() }),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(Cause::NoRoute { detail: detail() })
        }
        _ => None,
    }
}

/// Who has no right to what was asked (Kubernetes `apiserver/pkg/endpoints/handlers/responsewriters/errors.go`, `forbiddenMessage`).
fn who_may_not(message: &str) -> Option<String> {
    let (_, user) = message.split_once("is forbidden: User \"")?;
    let (user, _) = user.split_once("\" cannot ")?;
    Some(user.to_owned())
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
