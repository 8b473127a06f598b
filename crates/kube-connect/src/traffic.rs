//! What `-v` shows of the traffic: requests at 6, bodies at 8, and the server's warnings always.
//! Authorization is never among it, and bodies pass through [`confidential`](kubesphere::confidential).

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::WARNING;
use http::{HeaderMap, Method, StatusCode};
use kubesphere::confidential;
use kubesphere::side::Side;
use tracing::{Level, debug, enabled, trace, warn};

use super::retry::Failure;
use super::server_text;

/// Target of the events about requests: `WARN` for retries, `DEBUG` for `-v 6`, `TRACE` for `-v 8`.
pub(super) const REQUESTS: &str = "kubectl_mc::requests";

/// Target of the events about the `Warning` headers of a server.
pub const SERVER_WARNING: &str = "kubectl_mc::server_warning";

/// What is shown of one side's requests.
pub(super) struct Traffic {
    side: Side,
    address: String,
    warned: Mutex<HashSet<String>>,
}

impl Traffic {
    pub(super) fn new(side: Side, address: String) -> Self {
        Self { side, address, warned: Mutex::default() }
    }

    pub(super) fn answered(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        debug!(
            target: REQUESTS,
            side = %self.side, %method, url = %format_args!("{}{path}", self.address), status = status.as_u16(),
            milliseconds = milliseconds(took), "answered"
        );
    }

    pub(super) fn failed(&self, method: &Method, path: &str, cause: &str, took: Duration) {
        debug!(
            target: REQUESTS,
            side = %self.side, %method, url = %format_args!("{}{path}", self.address), cause,
            milliseconds = milliseconds(took), "failed"
        );
    }

    pub(super) fn retried(&self, method: &Method, path: &str, failure: &Failure, delay: Duration) {
        warn!(
            target: REQUESTS,
            side = %self.side, %method, path, cause = failure.cause,
            delay_milliseconds = milliseconds(delay), "trying again"
        );
    }

    pub(super) fn request_body(&self, body: &Bytes) {
        if enabled!(target: REQUESTS, Level::TRACE) && !body.is_empty() {
            trace!(target: REQUESTS, side = %self.side, body = confidential::redact_body(body), "request body");
        }
    }

    pub(super) fn response_body(&self, body: &Bytes) {
        if enabled!(target: REQUESTS, Level::TRACE) {
            trace!(target: REQUESTS, side = %self.side, body = confidential::redact_body(body), "response body");
        }
    }

    /// Tells each distinct warning of the server once.
    pub(super) fn warnings(&self, headers: &HeaderMap, body: &[u8]) {
        for value in headers.get_all(WARNING) {
            // It may repeat a secret that only its own answer has told.
            confidential::learn_from(body);
            let Some(text) = std::str::from_utf8(value.as_bytes()).ok().and_then(warning_text) else {
                continue;
            };
            let text = server_text::message(&text);
            let is_new = self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone());
            if is_new {
                warn!(target: SERVER_WARNING, side = %self.side, "{text}");
            }
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The text of `299 AGENT "TEXT"`, the only code that API servers send.
fn warning_text(header: &str) -> Option<String> {
    let quoted = header.trim().strip_prefix("299 ")?.split_once('"')?.1;
    let mut text = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Some(text),
            '\\' => text.extend(letters.next()),
            letter => text.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_unquoted() {
        assert_eq!(warning_text(r#"299 - "v1 \"Old\" is deprecated""#).unwrap(), r#"v1 "Old" is deprecated"#);
        assert_eq!(warning_text(r#"199 - "other""#), None);
        assert_eq!(warning_text(r#"299 - "never ends"#), None);
    }
}
