//! How fast the stand-ins' time goes: the real durations, divided by one factor.

use std::time::Duration;

/// By what every duration of KubeSphere is divided here: a minute becomes a second.
pub const FACTOR: u32 = 60;

/// How often the cluster controller looks at every cluster again.
///
/// Source: kubesphere `pkg/simple/client/multicluster/options.go@v3.4.1`.
pub const RESYNC: Duration = Duration::from_secs(120);

/// As [`RESYNC`], in 4.
///
/// Source: kubesphere `pkg/multicluster/options.go@v4.1.3`.
pub const RESYNC_OF_4: Duration = Duration::from_secs(900);

/// How long a changed ConfigMap takes to reach the processes that mount it: the kubelet's sync period.
pub const CONFIGURATION_ARRIVES: Duration = Duration::from_secs(60);

/// How long a new pod of a Deployment takes to run.
pub const POD_STARTS: Duration = Duration::from_secs(12);

/// How long shell-operator lets an event wait before it runs its hook, and a minimum between two hooks.
pub const HOOK_DELAY: Duration = Duration::from_secs(3);

/// How long shell-operator waits before it runs a failed hook again.
///
/// Source: shell-operator `pkg/shell-operator/operator.go@v1.0.0-beta.5`.
pub const HOOK_RETRY: Duration = Duration::from_secs(5);

/// How long the controller waits for the token of a service account.
///
/// Source: kubesphere `pkg/controller/cluster/join.go@v3.1.1` (`serviceAccountSecretTimeout`).
pub const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// How an installation's time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Divided by [`FACTOR`].
    Divided,
    /// What takes time happens at once, so that what a client adds to it can be told. Who waits for an answer or tries
    /// again still does that in its time.
    AtOnce,
}

impl Pace {
    /// What a real duration becomes.
    pub fn of(self, real: Duration) -> Duration {
        match self {
            Self::Divided => scaled(real),
            Self::AtOnce => Duration::ZERO,
        }
    }

    /// How long somebody waits for an answer that takes so long in reality: a machine that does everything at once may be busy.
    pub fn patience(self, real: Duration) -> Duration {
        match self {
            Self::Divided => scaled(real),
            Self::AtOnce => real,
        }
    }
}

/// A real duration as it passes here.
pub fn scaled(real: Duration) -> Duration {
    real / FACTOR
}

/// A scaled duration in Go's notation, as kubesphere-config writes it: `2s`, `500ms`.
pub fn go_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis.is_multiple_of(1000) { format!("{}s", millis / 1000) } else { format!("{millis}ms") }
}

/// Reads a Go duration such as `2m0s`, `500ms` or `168h`; a bare number counts nanoseconds, as in Go.
pub fn parse_go_duration(text: &str) -> Option<Duration> {
    if let Ok(nanos) = text.parse() {
        return Some(Duration::from_nanos(nanos));
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..number].parse().ok()?;
        rest = &rest[number..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += value * seconds_of(&rest[..unit])?;
        rest = &rest[unit..];
    }
    Some(Duration::from_secs_f64(total))
}

/// A duration in the form of Go's `Duration.String()`: `168h0m0s`, `10m0s`, `0s`.
pub fn go_string(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => go_duration(duration),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_write_as_go_does() {
        assert_eq!(go_duration(scaled(RESYNC)), "2s");
        assert_eq!(go_string(parse_go_duration("168h").unwrap()), "168h0m0s");
        assert_eq!(go_string(parse_go_duration("10m0s").unwrap()), "10m0s");
        assert_eq!(parse_go_duration("2m").unwrap(), Duration::from_secs(120));
        assert_eq!(parse_go_duration("0"), Some(Duration::ZERO));
        assert_eq!(parse_go_duration("soon"), None);
    }
}
