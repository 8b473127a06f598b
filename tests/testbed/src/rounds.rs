//! How often a client waited for an answer before it went on: what a command takes where clusters are far away.

use std::time::Duration;

use crate::AuditEvent;

/// The longest chain of requests of which each could have waited for the answer of the one before, in order; its length
/// is the number of rounds.
///
/// The client is a round trip away from every apiserver, as by a [`Distance`](crate::Distance), so that what depends on
/// an answer is received a round trip after it was given, and only rarely what does not. Without a distance, requests of
/// one burst would seem to wait for each other. What is followed is left aside: it has no answer that one waits for.
pub fn chain(events: &[AuditEvent], round_trip: Duration) -> Vec<&AuditEvent> {
    // Timers and the two clocks' readings are not exact.
    let apart = round_trip * 19 / 20;
    let mut requests: Vec<_> = events.iter().filter(|event| !event.is_followed()).collect();
    // What was answered first leaves most for the rest of the chain.
    requests.sort_by_key(|request| request.answered);
    let mut chain: Vec<&AuditEvent> = Vec::new();
    for request in requests {
        if chain.last().is_none_or(|last| request.received >= last.answered + apart) {
            chain.push(request);
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(100);

    /// A request, by the milliseconds at which it was received and answered.
    fn request(name: &str, received: i64, answered: i64) -> AuditEvent {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        AuditEvent {
            name: name.to_owned(),
            received: at(received),
            answered: at(answered),
            ..AuditEvent::default()
        }
    }

    fn names(events: &[AuditEvent]) -> Vec<&str> {
        chain(events, ROUND_TRIP).iter().map(|event| event.name.as_str()).collect()
    }

    #[test]
    fn a_burst_is_one_round() {
        let burst = [request("a", 0, 5), request("b", 1, 3), request("c", 2, 9), request("d", 40, 42)];
        assert_eq!(names(&burst), ["b"]);
        assert_eq!(names(&[]), [""; 0]);
    }

    #[test]
    fn what_comes_a_round_trip_after_an_answer_is_the_next_round() {
        let events = [request("a", 0, 5), request("too early", 99, 100), request("b", 101, 104)];
        assert_eq!(names(&events), ["a", "b"]);
        let slow =
            [request("slow", 0, 500), request("a", 0, 5), request("b", 105, 110), request("c", 595, 600)];
        assert_eq!(names(&slow), ["a", "b", "c"]);
    }

    #[test]
    fn the_logs_of_several_clusters_need_no_order() {
        let events = [request("c", 210, 211), request("a", 0, 1), request("b", 105, 106)];
        assert_eq!(names(&events), ["a", "b", "c"]);
    }

    #[test]
    fn what_is_followed_is_no_round() {
        let watch = AuditEvent { verb: "watch".to_owned(), ..request("watch", 110, 111) };
        assert_eq!(names(&[request("a", 0, 5), watch, request("b", 220, 221)]), ["a", "b"]);
    }
}
