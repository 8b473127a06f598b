//! How long probing may take, by how much there is to do.

use std::time::Duration;

/// So many requests about pods under way at once.
pub const AT_ONCE: usize = 16;

/// A node that has not told by then stays unknown. A pod takes a few seconds to start, a probe that times out five,
/// and two of them are waited for.
const TELLS_WITHIN: Duration = Duration::from_secs(20);
/// How long a pod may run at least.
const RUNS_WITHIN: Duration = Duration::from_secs(60);
/// How long the deletion of a few pods may take.
const DELETED_WITHIN: Duration = Duration::from_secs(10);
/// A kubelet starts a pod's containers one after the other.
const CONTAINER_STARTS_WITHIN: Duration = Duration::from_secs(1);
/// A slow API server has answered [`AT_ONCE`] requests by then.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// How long the pods are looked at, each of which has one container for each target.
pub fn tells_within(targets: usize) -> Duration {
    TELLS_WITHIN + starts_within(targets)
}

/// How long a pod may run, by its own deadline: longer than any command looks at it, though it is the first of many to
/// be created.
pub fn runs_within(targets: usize, pods: usize) -> Duration {
    RUNS_WITHIN + starts_within(targets) + answers_within(pods)
}

/// No end of a command waits longer for its pods to be deleted; what is left has a deadline of its own.
pub fn deleted_within(pods: usize) -> Duration {
    DELETED_WITHIN + answers_within(pods)
}

/// The first container starts within the time that any pod has.
fn starts_within(targets: usize) -> Duration {
    times(CONTAINER_STARTS_WITHIN, targets.saturating_sub(1))
}

/// And so is the first round of requests.
fn answers_within(pods: usize) -> Duration {
    times(ANSWERS_WITHIN, pods.saturating_sub(1) / AT_ONCE)
}

fn times(duration: Duration, count: usize) -> Duration {
    duration.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{AT_ONCE, answers_within, deleted_within, runs_within, tells_within};

    #[test]
    fn few_are_given_little_time() {
        let limits = (tells_within(1), runs_within(1, AT_ONCE), deleted_within(AT_ONCE));
        let seconds = Duration::from_secs;
        assert_eq!(limits, (seconds(20), seconds(60), seconds(10)));
    }

    #[test]
    fn every_container_and_every_pod_adds_to_the_time() {
        assert_eq!(tells_within(40), Duration::from_secs(20 + 39));
        assert_eq!(deleted_within(1000), Duration::from_secs(10 + 62));
    }

    #[test]
    fn no_pod_ends_while_it_is_looked_at() {
        for (targets, pods) in [(0, 0), (1, 1), (40, 1), (1, 5000), (200, 5000)] {
            assert!(runs_within(targets, pods) > answers_within(pods) + tells_within(targets));
        }
    }
}
