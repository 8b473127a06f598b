//! Whether the host lets a Cluster go.

use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    cluster_webhook::WEBHOOK,
};

use crate::plan::registration::Probe;

/// Whether the host's admission lets the finalizer of a Cluster be taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// There is no Cluster to delete.
    NotAsked,
    /// No webhook stands before it, so it goes, whether its member answers or not.
    Unguarded,
    /// It was asked, and lets an update pass.
    Passes,
    /// It was asked, and KubeSphere's webhook denies every update, or waits for a silent member: its words.
    Denies(String),
    /// KubeSphere's webhook could not be asked: the API server's words.
    NotCalled(String),
    /// That, and the member does not look alive either.
    Silent(String),
    /// Another webhook, or another rule of the host, denies it: its words.
    DeniedByOther(String),
    /// It was not asked, because nothing at all is to be sent. What stands here and there lets guess.
    Unasked(MemberHealth),
}

/// How the member looks from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberHealth {
    /// It answers through the stored kubeconfig, and the host calls it ready.
    Alive,
    /// What speaks against it.
    Doubtful(Vec<String>),
}

impl MemberHealth {
    /// From what it says here, and what the host's controller has written.
    pub fn of(cluster: &RegisteredCluster, probe: &Probe) -> Self {
        let mut against: Vec<String> = silence(probe).into_iter().collect();
        if let Some(ready) = cluster.condition(ConditionType::Ready).filter(|ready| !ready.is_true) {
            against.push(format!("the host says Ready=False: {}", ready.why()));
        }
        if against.is_empty() { Self::Alive } else { Self::Doubtful(against) }
    }
}

/// Why it cannot be asked through the kubeconfig that the host has stored, as far as that is seen here.
fn silence(probe: &Probe) -> Option<String> {
    match probe {
        Probe::Answered | Probe::AnsweredUnproven | Probe::OtherSecret | Probe::SecretUntold(_) => None,
        Probe::Refused(why) => {
            Some(format!("the kubeconfig that the host has stored no longer works: {why}"))
        }
        Probe::OtherCluster(_) => {
            Some("the kubeconfig that the host has stored points to another cluster".to_owned())
        }
        Probe::Failed(_) | Probe::NotAsked => {
            Some("it does not answer here through the kubeconfig that the host has stored".to_owned())
        }
    }
}

impl Admission {
    /// Why a deletion would hang, where KubeSphere's webhook says so.
    pub fn denial(&self) -> Option<&str> {
        match self {
            Self::Denies(why) | Self::Silent(why) => Some(why),
            Self::NotAsked
            | Self::Unguarded
            | Self::Passes
            | Self::NotCalled(_)
            | Self::DeniedByOther(_)
            | Self::Unasked(_) => None,
        }
    }

    /// What the server's words about an update come to; nothing where no webhook has to do with them
    /// (Kubernetes `plugin/webhook/errors/statuserror.go`, `plugin/webhook/validating/dispatcher.go`).
    pub fn of_refusal(message: &str) -> Option<Self> {
        let words = message.to_owned();
        if message.contains(&format!("admission webhook \"{WEBHOOK}\"")) {
            Some(Self::Denies(words))
        } else if message.contains(&format!("failed calling webhook \"{WEBHOOK}\"")) {
            Some(Self::NotCalled(words))
        } else if message.contains("admission webhook \"") || message.contains("failed calling webhook \"") {
            Some(Self::DeniedByOther(words))
        } else {
            None
        }
    }

    /// The same, knowing how the member looks: KubeSphere's webhook asks it, and takes all of its time where it is
    /// silent. One that is away says nothing of the member.
    #[must_use]
    pub fn knowing(self, health: &MemberHealth) -> Self {
        match (self, health) {
            (Self::NotCalled(why), MemberHealth::Doubtful(_)) if is_late(&why) => Self::Denies(why),
            (Self::NotCalled(why), MemberHealth::Doubtful(_)) => Self::Silent(why),
            (admission, _) => admission,
        }
    }
}

/// Whether a call took too long, as Go words it.
fn is_late(why: &str) -> bool {
    ["context deadline exceeded", "Client.Timeout exceeded"].iter().any(|words| why.contains(words))
}

#[cfg(test)]
mod tests {
    use kubesphere::cluster::RegisteredCluster;
    use serde_json::json;

    use super::{Admission, MemberHealth, Probe};

    fn cluster(ready: &str) -> RegisteredCluster {
        RegisteredCluster::new(json!({"status": {"conditions": [
            {"type": "Ready", "status": ready, "reason": "Cluster join federation control plane failed"}
        ]}}))
    }

    #[test]
    fn a_member_looks_alive_where_it_answers_and_is_ready() {
        assert_eq!(MemberHealth::of(&cluster("True"), &Probe::Answered), MemberHealth::Alive);
        let silent = Probe::Failed("no answer".to_owned());
        let MemberHealth::Doubtful(against) = MemberHealth::of(&cluster("False"), &silent) else {
            panic!("alive")
        };
        assert_eq!(against.len(), 2, "{against:?}");
        assert!(against[1].ends_with("Ready=False: Cluster join federation control plane failed"));
    }

    #[test]
    fn a_denial_is_told_from_a_webhook_that_is_away_from_another_one_and_from_a_missing_right() {
        let of = |words: &str| Admission::of_refusal(words);
        let denied = "admission webhook \"validating-cluster.kubesphere.io\" denied the request: no";
        assert_eq!(of(denied), Some(Admission::Denies(denied.to_owned())));
        let away =
            "Internal error occurred: failed calling webhook \"validating-cluster.kubesphere.io\": refused";
        assert_eq!(of(away), Some(Admission::NotCalled(away.to_owned())));
        for other in
            ["admission webhook \"x.kyverno.svc\" denied the request: no", "failed calling webhook \"x\": no"]
        {
            assert_eq!(of(other), Some(Admission::DeniedByOther(other.to_owned())));
        }
        assert_eq!(of("clusters.cluster.kubesphere.io \"a\" is forbidden: User \"u\" cannot patch"), None);
    }

    #[test]
    fn a_late_webhook_is_a_denial_only_where_the_member_is_silent_and_one_that_is_away_never() {
        let late = || Admission::NotCalled("failed to call webhook: context deadline exceeded".to_owned());
        let doubtful = MemberHealth::Doubtful(vec!["it does not answer".to_owned()]);
        assert!(late().knowing(&doubtful).denial().is_some());
        assert_eq!(late().knowing(&MemberHealth::Alive), late());
        let refused = || Admission::NotCalled("dial tcp: connection refused".to_owned());
        let Admission::NotCalled(why) = refused() else { panic!("it was not called") };
        assert_eq!(refused().knowing(&doubtful), Admission::Silent(why));
        assert_eq!(refused().knowing(&MemberHealth::Alive), refused());
    }
}
