//! No webhook of KubeSphere 3.4 stands before the Clusters of a host of KubeSphere 4.

use kubesphere::{cluster_webhook::CONFIGURATION, command::Kubectl, versions::Generation};

use super::{
    Check, Report, Rule, Situation, Unjoining,
    rule::{Outcome, PREPARING, Reason, STORING, of},
};
use crate::plan::observed::{Observed, Seen};

pub(super) const CHECK: Check = Check {
    id: "leftover-cluster-webhook",
    title: "no webhook of KubeSphere 3.4 blocks the host's Clusters",
    skippable: false,
    rules: &[Rule::Installing(STORING, run), Rule::Unjoining(unjoining)],
    unasked: &[
        Reason::on(Generation::Three, "it belongs to a host of KubeSphere 3"),
        Reason::of(PREPARING, "no Cluster is written"),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    of(&host.side, left(host))
}

fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    let host = unjoining.answering_host()?;
    of(&host.side, left(host))
}

/// An upgrade from 3.4 may leave it behind. Nobody answers it, so that every update of a Cluster is refused, the controller's
/// own first (kubesphere issue 6235).
fn left(host: &Observed) -> Option<Report> {
    let side = &host.side;
    match host.surroundings.left_webhook.as_ref()? {
        Seen::Absent => None,
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            Some(Report::unknown(side, format!("whether a webhook of 3.4 is left: {why}")))
        }
        Seen::Present(()) => {
            let delete = Kubectl::on(side).words("delete validatingwebhookconfiguration").word(CONFIGURATION);
            let message = format!(
                "ValidatingWebhookConfiguration {CONFIGURATION} of KubeSphere 3.4 is left on it, and refuses all that the \
                 controller writes to a Cluster"
            );
            Some(Report::failure(side, message).hint(format!("remove it: `{delete}`")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, surround},
        plan::observed::Seen,
    };

    fn with_webhook(webhook: Seen<()>) -> Case {
        Case::of_4().host(|host| surround(host, |around| around.left_webhook = Some(webhook)))
    }

    #[test]
    fn what_3_4_has_left_blocks_a_host_of_4() {
        assert_eq!(with_webhook(Seen::Absent).says(&CHECK), Vec::<String>::new());
        let left = with_webhook(Seen::Present(()));
        assert!(left.says(&CHECK)[0].starts_with("failure host \"prod\": ValidatingWebhookConfiguration"));
        assert_eq!(
            left.hints(&CHECK),
            "remove it: `kubectl --context prod delete validatingwebhookconfiguration cluster.kubesphere.io`"
        );
        assert!(
            with_webhook(Seen::Unreadable("forbidden".to_owned())).says(&CHECK)[0].starts_with("unknown")
        );
    }
}
