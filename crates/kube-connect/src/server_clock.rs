//! The server's time: how long ago it says that something happened is reckoned by its own clock, not by ours.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use http::{HeaderMap, header::DATE};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};

/// HTTP's dates are whole seconds and were written before they arrived: less is no difference.
const WORTH_MINDING: Duration = Duration::from_secs(2);

/// A server's clock, as its answers tell it.
#[derive(Clone, Debug, Default)]
pub struct ServerClock {
    told: Arc<Mutex<Option<Told>>>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    time: Timestamp,
    at: Instant,
    /// By how much that was more than our clock said.
    ahead_seconds: i64,
}

impl ServerClock {
    /// The server's time; ours, as long as it has answered nothing. Our clock may be set meanwhile.
    pub fn now(&self) -> Timestamp {
        self.told().map_or_else(Timestamp::now, |told| told.time + told.at.elapsed())
    }

    /// By how many seconds the server is ahead of us; 0 as long as it has answered nothing.
    pub fn ahead_seconds(&self) -> i64 {
        self.told().map_or(0, |told| told.ahead_seconds)
    }

    /// Takes the time of an answer.
    pub(super) fn set_by(&self, headers: &HeaderMap) {
        self.set(headers, Timestamp::now());
    }

    fn told(&self) -> Option<Told> {
        *self.told.lock().expect("no holder panics")
    }

    fn set(&self, headers: &HeaderMap, now: Timestamp) {
        static PARSER: DateTimeParser = DateTimeParser::new();
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| PARSER.parse_timestamp(date).ok()) else { return };
        let ahead = date.duration_since(now);
        let ahead_seconds = if ahead.unsigned_abs() < WORTH_MINDING { 0 } else { ahead.as_secs() };
        let time = now + SignedDuration::from_secs(ahead_seconds);
        *self.told.lock().expect("no holder panics") = Some(Told { time, at: Instant::now(), ahead_seconds });
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header::DATE};

    use super::ServerClock;

    fn ahead(date: &str) -> i64 {
        let clock = ServerClock::default();
        let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
        clock.set(&headers, "2026-01-01T00:00:01.5Z".parse().unwrap());
        clock.ahead_seconds()
    }

    #[test]
    fn a_servers_clock_counts_where_it_differs() {
        assert_eq!(ahead("Thu, 01 Jan 2026 00:00:00 GMT"), 0);
        assert_eq!(ahead("Thu, 01 Jan 2026 00:10:00 GMT"), 598);
        assert_eq!(ahead("Wed, 31 Dec 2025 23:50:00 GMT"), -601);
        assert_eq!(ahead("soon"), 0);
    }

    #[test]
    fn it_goes_on_whatever_becomes_of_our_clock() {
        let clock = ServerClock::default();
        let headers = HeaderMap::from_iter([(DATE, "Thu, 01 Jan 2026 00:10:00 GMT".parse().unwrap())]);
        clock.set(&headers, "2020-01-01T00:00:00Z".parse().unwrap());
        let since = clock.now().duration_since("2026-01-01T00:10:00Z".parse().unwrap());
        assert!((0..60).contains(&since.as_secs()), "{since:?}");
    }
}
