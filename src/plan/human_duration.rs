//! How long something is, as kubectl says it.

use jiff::SignedDuration;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// `45s`, `5m30s`, `12m`, `3h20m`, `2d4h`, `30d`, `2y100d`: two units at most, and the smaller one only while it matters
/// (Kubernetes `staging/src/k8s.io/apimachinery/pkg/util/duration/duration.go@v1.34.0`).
pub fn human_duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        // Two clocks may differ a little.
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds, (MINUTE, "m"), (1, "s")),
        600..10_800 => one(seconds, MINUTE, "m"),
        10_800..28_800 => two(seconds, (HOUR, "h"), (MINUTE, "m")),
        28_800..172_800 => one(seconds, HOUR, "h"),
        172_800..691_200 => two(seconds, (DAY, "d"), (HOUR, "h")),
        _ if seconds < 2 * YEAR => one(seconds, DAY, "d"),
        _ if seconds < 8 * YEAR => two(seconds, (YEAR, "y"), (DAY, "d")),
        _ => one(seconds, YEAR, "y"),
    }
}

fn one(seconds: i64, unit: i64, name: &str) -> String {
    format!("{}{name}", seconds / unit)
}

fn two(seconds: i64, large: (i64, &str), small: (i64, &str)) -> String {
    let rest = seconds % large.0 / small.0;
    let whole = one(seconds, large.0, large.1);
    if rest == 0 { whole } else { format!("{whole}{rest}{}", small.1) }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{DAY, HOUR, MINUTE, YEAR, human_duration};

    /// The cases of Kubernetes' own test of it (`duration_test.go@v1.34.0`), and what lies between.
    #[test]
    fn durations_are_said_as_kubectl_says_them() {
        for (seconds, said) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (1, "1s"),
            (70, "70s"),
            (119, "119s"),
            (120, "2m"),
            (190, "3m10s"),
            (10 * MINUTE - 1, "9m59s"),
            (10 * MINUTE, "10m"),
            (179 * MINUTE + 59, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 40 * MINUTE, "3h40m"),
            (8 * HOUR + 10 * MINUTE, "8h"),
            (47 * HOUR, "47h"),
            (48 * HOUR, "2d"),
            (3 * DAY + 2 * HOUR, "3d2h"),
            (8 * DAY, "8d"),
            (8 * DAY + 5 * HOUR, "8d"),
            (YEAR, "365d"),
            (2 * YEAR - 1, "729d"),
            (2 * YEAR, "2y"),
            (2 * YEAR + 25 * DAY, "2y25d"),
            (8 * YEAR, "8y"),
            (9 * YEAR + 200 * DAY, "9y"),
        ] {
            assert_eq!(human_duration(SignedDuration::from_secs(seconds)), said, "{seconds}");
        }
    }
}
