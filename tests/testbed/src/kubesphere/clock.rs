//! Times as the installer and the kubelet write them.

use k8s_openapi::jiff::{Timestamp, tz::Offset};

/// The installer's containers run in China Standard Time.
const CHINA: Offset = Offset::constant(8);

/// Now, to the second: what `metav1.Now()` becomes when it is written.
pub fn now() -> String {
    seconds(Timestamp::now())
}

/// A time of an object's metadata, to the second.
pub fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The time of a line of shell-operator's: `2024-05-07T09:00:05+08:00`.
pub fn in_log(at: Timestamp) -> String {
    format!("{}+08:00", CHINA.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S"))
}

/// `status.core.enabledTime`: not RFC 3339, as it ends in the zone's letters.
///
/// Source: ks-installer `roles/ks-core/ks-core/tasks/main.yaml@v3.4.1` (`%Y-%m-%dT%H:%M:%S%Z`).
pub fn enabled(at: Timestamp) -> String {
    CHINA.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SCST").to_string()
}

/// The time under the banner: `2024-05-07 09:06:41`.
pub fn in_banner(at: Timestamp) -> String {
    CHINA.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The time before a log line when timestamps are asked for: RFC 3339 with nine digits of the second.
pub fn of_kubelet(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}
