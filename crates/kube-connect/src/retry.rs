//! Which failures may pass, and what is sent again: decided here, for the whole program.
//!
//! kube 5.0.0 repeats any request, creations too, up to 15 times and for minutes, in silence.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode, Uri, header::RETRY_AFTER};

use super::cause::{Cause, is_untouched};

/// Requests sent for one, the first included.
const MOST_TRIES: u32 = 3;

/// No request is sent again later than this after the first.
const RETRIED_WITHIN: Duration = Duration::from_secs(10);

/// Before the second request; three times as long before the third.
const FIRST_DELAY: Duration = Duration::from_millis(300);

/// A failure after which the same request may succeed, by what it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// The server has not begun with it.
    Untouched,
    /// Nobody knows whether it was carried out.
    Unanswered,
    /// The server has failed at it, and nobody knows how far it came: etcd has changed its leader, a webhook does not answer
    /// or has a new certificate. That is over soon, or it is no matter of time.
    Failed,
}

impl Passing {
    fn of_status(status: StatusCode) -> Option<Self> {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Some(Self::Untouched),
            StatusCode::INTERNAL_SERVER_ERROR => Some(Self::Failed),
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                Some(Self::Unanswered)
            }
            _ => None,
        }
    }

    /// Whether a request may be sent again without asking what came of it.
    fn lets_repeat(self, method: &Method, uri: &Uri) -> bool {
        match self {
            Self::Untouched => true,
            _ if is_passed_on(uri) => false,
            Self::Unanswered => reads(method, uri) || is_dry_run(uri),
            // Where nothing is to be stored, it is the admission that is asked: its failure is the answer.
            Self::Failed => reads(method, uri),
        }
    }
}

impl Cause {
    /// What it leaves, where the same request may succeed later.
    pub fn passing(&self) -> Option<Passing> {
        match self {
            Self::TooManyRequests
            | Self::NotAsked
            | Self::Refused { .. }
            | Self::ConnectTimedOut { .. }
            | Self::UnknownHost { .. }
            | Self::NoRoute { .. } => Some(Passing::Untouched),
            Self::Unavailable { .. } | Self::TimedOut { .. } | Self::TimeUp | Self::Disconnected { .. } => {
                Some(Passing::Unanswered)
            }
            Self::Api { code, .. } => StatusCode::from_u16(*code).ok().and_then(Passing::of_status),
            _ => None,
        }
    }

    pub fn may_pass(&self) -> bool {
        self.passing().is_some()
    }
}

/// Whether a request changes nothing. Reviews of identity and rights are created, and never stored.
fn reads(method: &Method, uri: &Uri) -> bool {
    let is_review = || {
        let groups = ["/apis/authorization.k8s.io/", "/apis/authentication.k8s.io/"];
        groups.iter().any(|group| uri.path().contains(group)) && uri.path().ends_with("reviews")
    };
    method.is_safe() || (*method == Method::POST && is_review())
}

/// Whether a Service behind the API server is asked: that it has no endpoints is over when a pod is ready, in minutes.
fn is_passed_on(uri: &Uri) -> bool {
    uri.path().contains("/services/") && uri.path().contains("/proxy/")
}

fn is_dry_run(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|option| option == "dryRun=All"))
}

/// How one try failed.
pub(super) struct Failure {
    /// What went wrong, in a few words.
    pub(super) cause: String,
    passing: Passing,
    retry_after: Option<Duration>,
}

impl Failure {
    /// An answer after which trying again can help.
    pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let passing = Passing::of_status(status)?;
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        Some(Self { cause: status.to_string(), passing, retry_after: seconds.map(Duration::from_secs) })
    }

    /// A connection that broke at once, after which trying again can help.
    pub(super) fn of_error(error: &kube::Error) -> Option<Self> {
        let cause = Cause::from(error);
        let passing = match &cause {
            Cause::Disconnected { .. } if is_untouched(error) => Passing::Untouched,
            Cause::Refused { .. } | Cause::Disconnected { .. } => cause.passing()?,
            _ => return None,
        };
        Some(Self { cause: cause.to_string(), passing, retry_after: None })
    }

    /// How long to wait before the next try; nothing if there should be none.
    pub(super) fn delay(
        &self,
        (method, uri): (&Method, &Uri),
        tries: u32,
        elapsed: Duration,
    ) -> Option<Duration> {
        let delay = self.retry_after.unwrap_or(FIRST_DELAY * 3_u32.pow(tries - 1));
        let is_repeated = self.passing.lets_repeat(method, uri);
        (is_repeated && tries < MOST_TRIES && elapsed + delay <= RETRIED_WITHIN).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "/api/v1/nodes";

    fn delay_at(uri: &str, status: u16, method: &Method, tries: u32, elapsed: u64) -> Option<Duration> {
        let failure = Failure::of_answer(StatusCode::from_u16(status).unwrap(), &HeaderMap::new())?;
        failure.delay((method, &uri.parse().unwrap()), tries, Duration::from_secs(elapsed))
    }

    fn delay(status: u16, method: &Method, tries: u32, elapsed: u64) -> Option<Duration> {
        delay_at(NODES, status, method, tries, elapsed)
    }

    #[test]
    fn reading_is_repeated_and_writing_only_when_the_server_did_nothing() {
        for status in [429, 500, 502, 503, 504] {
            assert!(delay(status, &Method::GET, 1, 0).is_some(), "{status}");
        }
        for method in [Method::POST, Method::PATCH, Method::PUT, Method::DELETE] {
            assert!(delay(429, &method, 1, 0).is_some());
            for status in [500, 502, 503, 504] {
                assert_eq!(delay(status, &method, 1, 0), None, "{method} {status}");
            }
        }
        for status in [200, 401, 404, 409, 422] {
            assert_eq!(delay(status, &Method::GET, 1, 0), None, "{status}");
        }
    }

    #[test]
    fn what_stores_nothing_is_repeated_like_reading() {
        let reviews = [
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?",
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        ];
        for (uri, status) in reviews.iter().flat_map(|uri| [500, 502, 503, 504].map(|status| (*uri, status)))
        {
            assert!(delay_at(uri, status, &Method::POST, 1, 0).is_some(), "{uri} {status}");
        }
        let dry_run =
            "/apis/cluster.kubesphere.io/v1alpha1/clusters/edge-1?&dryRun=All&fieldManager=kubectl-mc";
        assert!(delay_at(dry_run, 503, &Method::PATCH, 1, 0).is_some());
        assert_eq!(delay_at(dry_run, 500, &Method::PATCH, 1, 0), None, "that is what the admission says");
        assert_eq!(delay_at("/apis/example.com/v1/reviews", 503, &Method::POST, 1, 0), None);
    }

    #[test]
    fn what_a_service_answers_is_its_answer() {
        let version = "/api/v1/namespaces/kubesphere-system/services/:ks-apiserver:80/proxy/version";
        for status in [500, 502, 503, 504] {
            assert_eq!(delay_at(version, status, &Method::GET, 1, 0), None, "{status}");
        }
        assert!(delay_at(version, 429, &Method::GET, 1, 0).is_some(), "that is the API server's");
    }

    #[test]
    fn causes_and_answers_are_judged_alike() {
        let api = |code| Cause::Api { code, reason: String::new(), message: String::new() };
        assert_eq!(api(500).passing(), Some(Passing::Failed));
        assert_eq!(api(501).passing(), None);
        assert_eq!(Cause::TooManyRequests.passing(), Passing::of_status(StatusCode::TOO_MANY_REQUESTS));
        let unavailable = Cause::Unavailable { message: String::new() };
        for status in [502, 503, 504] {
            assert_eq!(unavailable.passing(), Passing::of_status(StatusCode::from_u16(status).unwrap()));
        }
        for cause in
            [Cause::Unauthorized, Cause::NotFound, Cause::Conflict, Cause::AlreadyExists, Cause::Gone]
        {
            assert!(!cause.may_pass(), "{cause}");
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
        let told = |seconds: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, seconds.parse().unwrap())]);
            let failure = Failure::of_answer(StatusCode::TOO_MANY_REQUESTS, &headers).unwrap();
            failure.delay((&Method::POST, &Uri::from_static(NODES)), 1, Duration::ZERO)
        };
        assert_eq!(told("2"), Some(Duration::from_secs(2)));
        assert_eq!(told("600"), None);
    }
}
