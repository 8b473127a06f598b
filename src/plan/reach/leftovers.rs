//! Probe pods that a command which was killed has left behind.

use jiff::{SignedDuration, Timestamp};

/// A probe pod, as far as its age matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgingPod {
    pub name: String,
    pub uid: String,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When its kubelet has taken it up, where it has.
    pub started: Option<Timestamp>,
    /// How long it may run.
    pub active_seconds: Option<i64>,
}

/// A pod that its command no longer looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftoverPod {
    pub name: String,
    /// Its UID: a later pod is another.
    pub uid: String,
}

/// Those past their deadline. Any other may be a colleague's, whose command looks at it right now.
pub fn leftovers(pods: Vec<AgingPod>, now: Timestamp) -> Vec<LeftoverPod> {
    let past = pods.into_iter().filter(|pod| is_past_its_deadline(pod, now));
    past.map(|pod| LeftoverPod { name: pod.name, uid: pod.uid }).collect()
}

/// A deadline counts from the start; what no kubelet has taken up is as old as it is. A kubelet tells the start by its
/// node's clock, which may be behind: nothing has started before it was created.
fn is_past_its_deadline(pod: &AgingPod, now: Timestamp) -> bool {
    let (Some(since), Some(seconds)) = (pod.started.max(pod.created), pod.active_seconds) else {
        return false;
    };
    now.duration_since(since) > SignedDuration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{AgingPod, leftovers};

    #[test]
    fn only_what_is_past_its_deadline_is_left_over() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let pod = |name: &str, created: i64, started: Option<i64>, active_seconds| AgingPod {
            name: name.to_owned(),
            uid: String::new(),
            created: Some(now - SignedDuration::from_secs(created)),
            started: started.map(|ago| now - SignedDuration::from_secs(ago)),
            active_seconds,
        };
        let pods = vec![
            pod("long-ago", 300, Some(290), Some(60)),
            pod("never-started", 61, None, Some(60)),
            pod("started-late", 300, Some(59), Some(60)),
            pod("colleagues", 20, Some(18), Some(60)),
            pod("by-a-clock-behind", 20, Some(300), Some(60)),
            pod("without-deadline", 300, Some(290), None),
        ];
        let found: Vec<_> = leftovers(pods, now).into_iter().map(|pod| pod.name).collect();
        assert_eq!(found, ["long-ago", "never-started"]);
    }
}
