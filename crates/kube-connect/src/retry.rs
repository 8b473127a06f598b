//! Which requests are sent again, and when.
//!
//! kube 5.0.0 repeats any request, creations too, up to 15 times and for minutes, in silence.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, header::RETRY_AFTER};

use super::cause::{Cause, is_untouched};

/// Requests sent for one, the first included.
const MOST_TRIES: u32 = 3;

/// No request is sent again later than this after the first.
const RETRIED_WITHIN: Duration = Duration::from_secs(10);

/// Before the second request; three times as long before the third.
const FIRST_DELAY: Duration = Duration::from_millis(300);

/// How one try failed.
pub(super) struct Failure {
    /// What went wrong, in a few words.
    pub(super) cause: String,
    processed: Processed,
    retry_after: Option<Duration>,
}

/// Whether the server may have carried out the request.
#[derive(PartialEq, Eq)]
enum Processed {
    Perhaps,
    No,
}

impl Failure {
    /// An answer after which trying again can help.
    pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let processed = match status {
            StatusCode::TOO_MANY_REQUESTS => Processed::No,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Processed::Perhaps
            }
            _ => return None,
        };
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Some(Self { cause: status.to_string(), processed, retry_after: seconds.map(Duration::from_secs) })
    }

    /// A broken connection after which trying again can help.
    pub(super) fn of_error(error: &kube::Error) -> Option<Self> {
        let cause = Cause::from(error);
        let processed = match &cause {
            Cause::Refused { .. } => Processed::No,
            Cause::Disconnected { .. } if is_untouched(error) => Processed::No,
            Cause::Disconnected { .. } => Processed::Perhaps,
            _ => return None,
        };
        Some(Self { cause: cause.to_string(), processed, retry_after: None })
    }

    /// How long to wait before the next try; nothing if there should be none.
    pub(super) fn delay(&self, method: &Method, tries: u32, elapsed: Duration) -> Option<Duration> {
        let repeatable = self.processed == Processed::No || method.is_safe();
        let delay = self.retry_after.unwrap_or(FIRST_DELAY * 3_u32.pow(tries - 1));
        (repeatable && tries < MOST_TRIES && elapsed + delay <= RETRIED_WITHIN).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(status: u16, method: &Method, tries: u32, elapsed: u64) -> Option<Duration> {
        let failure = Failure::of_answer(StatusCode::from_u16(status).unwrap(), &HeaderMap::new())?;
        failure.delay(method, tries, Duration::from_secs(elapsed))
    }

    #[test]
    fn reading_is_repeated_and_writing_only_when_the_server_did_nothing() {
        for status in [429, 502, 503, 504] {
            assert!(delay(status, &Method::GET, 1, 0).is_some(), "{status}");
        }
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            assert!(delay(429, &method, 1, 0).is_some());
            for status in [502, 503, 504] {
                assert_eq!(delay(status, &method, 1, 0), None, "{method} {status}");
            }
        }
        for status in [200, 401, 404, 409, 422, 500] {
            assert_eq!(delay(status, &Method::GET, 1, 0), None, "{status}");
        }
    }

    #[test]
    fn tries_and_their_time_are_bounded() {
        assert_eq!(delay(503, &Method::GET, 1, 0), Some(Duration::from_millis(300)));
        assert_eq!(delay(503, &Method::GET, 2, 0), Some(Duration::from_millis(900)));
        assert_eq!(delay(503, &Method::GET, 3, 0), None);
        assert_eq!(delay(503, &Method::GET, 1, 10), None);
    }

    #[test]
    fn the_server_says_when() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "2".parse().unwrap())]);
        let failure = Failure::of_answer(StatusCode::TOO_MANY_REQUESTS, &headers).unwrap();
        assert_eq!(failure.delay(&Method::POST, 1, Duration::ZERO), Some(Duration::from_secs(2)));
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "600".parse().unwrap())]);
        let failure = Failure::of_answer(StatusCode::TOO_MANY_REQUESTS, &headers).unwrap();
        assert_eq!(failure.delay(&Method::POST, 1, Duration::ZERO), None);
    }
}
