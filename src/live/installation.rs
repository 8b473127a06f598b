//! How far helm has come on a member that its host installs: only the member itself tells, as the host's Cluster says nothing
//! before it is done (kubesphere `pkg/controller/cluster/cluster_controller.go@v4.1.3:374-410`).

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1;
use kube::api::ListParams;
use kubesphere::cluster_configuration::NAMESPACE;
use tokio::time::{Instant, timeout};

use super::{
    connection::Connection,
    controller_process::{last_failure, oldest},
    core,
    objects::Objects,
    report::Notice,
    stuck_pods::{StuckPod, stuck},
};
use crate::plan::{core::CoreRelease, human_duration::human_duration, observed::Seen};

/// Helm has begun by then.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Helm gives it five minutes.
const PAUSE: Duration = Duration::from_secs(5);
/// What helps a wait must not hold it up.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// The looks of one wait at a member.
pub(super) struct Installation<'a> {
    member: &'a Connection,
    /// Whether there was no ks-core before.
    pub(super) is_new: bool,
    /// Since when its Cluster stands.
    pub(super) asked_for: Option<Timestamp>,
    begun: Timestamp,
    next: Instant,
    told: BTreeSet<String>,
    release: Option<CoreRelease>,
    stuck: Vec<StuckPod>,
    warnings: Vec<String>,
}

impl<'a> Installation<'a> {
    pub(super) fn on(member: &'a Connection, is_new: bool) -> Self {
        Self {
            member,
            is_new,
            asked_for: None,
            begun: member.clock.now(),
            next: Instant::now() + FIRST_LOOK,
            told: BTreeSet::new(),
            release: None,
            stuck: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// When the next look is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Looks; what was not told before. What may not be read is not told.
    pub(super) async fn look(&mut self) -> Vec<Notice> {
        self.next = Instant::now() + PAUSE;
        let looks = async {
            tokio::join!(core::release(self.member), stuck(self.member, NAMESPACE), self.read_warnings())
        };
        let Ok((release, stuck, warnings)) = timeout(ANSWERS_WITHIN, looks).await else { return Vec::new() };
        if let Seen::Present(release) = release {
            self.release = Some(release);
        }
        (self.stuck, self.warnings) = (stuck, warnings);
        let stuck = self.stuck.iter().cloned().map(|pod| (pod.to_string(), Notice::PodStuck(pod)));
        let warnings = self.warnings.iter().cloned().map(|text| (text.clone(), Notice::Warning(text)));
        let told = &mut self.told;
        stuck
            .chain(warnings)
            .filter(|(text, _)| told.insert(text.clone()))
            .map(|(_, notice)| notice)
            .collect()
    }

    /// Where helm stands, as a fragment.
    pub(super) fn stands(&self) -> Option<String> {
        let release = self.release.as_ref()?;
        let since = release.since.map(|since| {
            let age = self.member.clock.now().duration_since(since);
            format!(" for {}", human_duration(age))
        });
        let (status, revision) = (&release.status, release.revision);
        Some(format!("helm release ks-core is {status}{} (revision {revision})", since.unwrap_or_default()))
    }

    /// Whether it is a release that no helm touches any more. A host that installs by a Job has no helm in its controller.
    pub(super) async fn abandoned(&self, host: &Connection, by_job: bool) -> Option<&CoreRelease> {
        let release = self.release.as_ref().filter(|release| release.is_pending())?;
        if release.is_abandoned(self.member.clock.now()) {
            return Some(release);
        }
        if by_job {
            return None;
        }
        let oldest = timeout(ANSWERS_WITHIN, oldest(host)).await.ok()??;
        release.is_orphaned(oldest).then_some(release)
    }

    /// How the host's controller has failed with it, which it tells nowhere but in its log.
    pub(super) async fn failed_on(&self, host: &Connection, cluster: &str) -> Option<String> {
        timeout(ANSWERS_WITHIN, last_failure(host, cluster, self.asked_for?)).await.ok()?
    }

    /// Whether a pod cannot start for want of its image.
    pub(super) fn lacks_image(&self) -> bool {
        self.stuck.iter().any(|pod| pod.lacks_image)
    }

    /// All that may be the cause where it takes too long.
    pub(super) fn known(&self) -> Vec<String> {
        let stuck = self.stuck.iter().map(ToString::to_string);
        stuck.chain(self.stands()).chain(self.warnings.iter().cloned()).collect()
    }

    /// Warning events since the wait has begun, but for those about pods whose own status says it.
    async fn read_warnings(&self) -> Vec<String> {
        let events = Objects::<v1::Event>::on(self.member).in_namespace(NAMESPACE);
        let parameters = ListParams::default().fields("type=Warning").match_any();
        let events = events.list(&parameters).await.unwrap_or_default();
        let texts = events.iter().filter_map(|event| warning(event, self.begun));
        texts.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// `ReplicaSet ks-agent-1: FailedCreate: exceeded quota`.
fn warning(event: &v1::Event, begun: Timestamp) -> Option<String> {
    let about = &event.involved_object;
    let kind = about.kind.as_deref().unwrap_or_default();
    let last = event.last_timestamp.as_ref().map(|time| time.0);
    let last = last.or_else(|| event.event_time.as_ref().map(|time| time.0));
    let is_news = event.type_.as_deref() == Some("Warning") && last.is_none_or(|last| last >= begun);
    (is_news && kind != "Pod").then(|| {
        let (name, reason) = (about.name.as_deref().unwrap_or_default(), event.reason.as_deref());
        let message = event.message.as_deref().unwrap_or_default();
        format!("{kind} {name}: {}: {message}", reason.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use k8s_openapi::api::core::v1::Event;
    use serde_json::json;

    use super::warning;

    #[test]
    fn only_new_warnings_that_no_pod_tells_itself_are_told() {
        let told = |kind: &str, severity: &str, at: &str| {
            let event: Event = serde_json::from_value(json!({
                "metadata": {}, "type": severity, "reason": "FailedCreate", "message": "exceeded quota",
                "lastTimestamp": at, "involvedObject": {"kind": kind, "name": "ks-agent-1"},
            }))
            .unwrap();
            warning(&event, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1))
        };
        let said = "ReplicaSet ks-agent-1: FailedCreate: exceeded quota".to_owned();
        assert_eq!(told("ReplicaSet", "Warning", "1970-01-01T02:00:00Z"), Some(said));
        assert_eq!(told("ReplicaSet", "Warning", "1970-01-01T00:00:00Z"), None);
        assert_eq!(told("ReplicaSet", "Normal", "1970-01-01T02:00:00Z"), None);
        assert_eq!(told("Pod", "Warning", "1970-01-01T02:00:00Z"), None);
    }
}
