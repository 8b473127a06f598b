use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};

/// How far one container's log has been read, so that reading it again loses and repeats no line.
///
/// The kubelet's `sinceTime` counts whole seconds (the apiserver passes it on as RFC 3339 without a fraction), so the
/// last seconds are read again, and the lines known from them are skipped. They are known by time and content,
/// not by their number: after a rotation the kubelet serves the new file only, and the number would be wrong.
#[derive(Debug, Default)]
pub(super) struct Position {
    newest: Option<Timestamp>,
    seen: BTreeMap<(Timestamp, u64), u32>,
    forgotten: Option<Timestamp>,
    replayed: BTreeMap<(Timestamp, u64), u32>,
}

/// A runtime stamps stdout and stderr in two threads: neighbouring lines may stand in the wrong order.
const DISORDER: SignedDuration = SignedDuration::from_secs(1);

/// Bounds the memory where thousands of lines are written in a second; of more, the oldest are taken as seen.
const REMEMBERED_AT_MOST: usize = 20_000;

impl Position {
    /// From when on to read again; `None` before the first line.
    pub(super) fn resume_from(&self) -> Option<Timestamp> {
        whole_second(self.newest?).checked_sub(DISORDER).ok()
    }

    /// The log is read again from [`resume_from`](Self::resume_from).
    pub(super) fn replay(&mut self) {
        self.replayed = self.seen.clone();
    }

    /// Whether the line is new.
    pub(super) fn accept(&mut self, at: Timestamp, text: &str) -> bool {
        let key = (at, fingerprint(text));
        if self.was_replayed(key) || self.forgotten.is_some_and(|forgotten| at <= forgotten) {
            return false;
        }
        *self.seen.entry(key).or_default() += 1;
        self.newest = self.newest.max(Some(at));
        self.forget();
        true
    }

    fn was_replayed(&mut self, key: (Timestamp, u64)) -> bool {
        let Some(times) = self.replayed.get_mut(&key) else { return false };
        *times -= 1;
        if *times == 0 {
            self.replayed.remove(&key);
        }
        true
    }

    fn forget(&mut self) {
        let resume_from = self.resume_from();
        while let Some(oldest) = self.seen.first_entry() {
            if Some(oldest.key().0) >= resume_from {
                break;
            }
            oldest.remove();
        }
        while self.seen.len() > REMEMBERED_AT_MOST {
            self.forgotten = self.seen.pop_first().map(|((at, _), _)| at).max(self.forgotten);
        }
    }
}

/// Rounded down. kube 5.0.0 rounds `since_time` to the nearest second, which skips lines when it rounds up
/// (kube-core `src/subresource.rs`, `Request::logs`).
pub(super) fn whole_second(at: Timestamp) -> Timestamp {
    at.round(TimestampRound::new().smallest(Unit::Second).mode(jiff::RoundMode::Floor)).unwrap_or(at)
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn equal_lines_at_the_same_time_are_counted() {
        let mut position = Position::default();
        let time = at("2024-03-01T10:00:05.7Z");
        assert!(position.accept(time, "***") && position.accept(time, "***"));
        assert_eq!(position.resume_from(), Some(at("2024-03-01T10:00:04Z")));
        position.replay();
        assert!(!position.accept(time, "***") && !position.accept(time, "***"));
        assert!(position.accept(time, "***"), "the third is new");
    }

    #[test]
    fn after_a_rotation_nothing_new_is_skipped() {
        let mut position = Position::default();
        assert!(position.accept(at("2024-03-01T10:00:05.1Z"), "in the old file"));
        position.replay();
        assert!(position.accept(at("2024-03-01T10:00:05.2Z"), "in the new file"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut position = Position::default();
        let start = at("2024-03-01T10:00:00Z");
        for nanosecond in 0..30_000 {
            let time = start.checked_add(SignedDuration::from_nanos(nanosecond)).unwrap();
            assert!(position.accept(time, "x"));
        }
        assert_eq!(position.seen.len(), REMEMBERED_AT_MOST);
        position.replay();
        assert!(!position.accept(start, "x"), "forgotten lines are taken as seen");
        assert!(position.accept(at("2024-03-01T10:00:05Z"), "x"));
        assert_eq!(position.seen.len(), 1);
    }
}
