//! The address that will be stored is not this machine's own.

use kubesphere::side::Side;

use super::{
    Check, Report, Rule, Situation,
    member_server_address::with_proposals,
    rule::{NOTHING_STORED, Outcome, STORING, each},
    situation::ToStore,
};
use crate::plan::{
    intent::ClusterIntent,
    member_server::{Reach, reach},
    observed::Observed,
};

pub(super) const CHECK: Check = Check {
    id: "member-server-loopback",
    title: "the member's server is not a loopback address",
    skippable: true,
    rules: &[Rule::Joining(STORING, run)],
    unasked: &[NOTHING_STORED],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let of_member = |(side, cluster, member): ToStore<'_>| {
        (reach(&cluster.server) == Reach::Loopback).then(|| report(&side, cluster, member))
    };
    each(situation.members_to_store()?, |(side, ..)| side, of_member)
}

fn report(side: &Side, cluster: &ClusterIntent, member: Option<&Observed>) -> Report {
    let failure = Report::failure(
        side,
        format!(
            "its server {} is this machine's loopback: the host's pods would reach themselves",
            cluster.server
        ),
    );
    with_proposals(failure, side, member.and_then(|member| member.endpoint.as_ref()))
        .hint("if both clusters really run on this machine, pass `--skip-check member-server-loopback`")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::fixture::{Case, cluster};

    #[test]
    fn only_what_will_be_stored_matters() {
        let local =
            || Case::new().wanting_cluster(|cluster| cluster.server = "https://127.0.0.1:6443".to_owned());
        assert_eq!(
            local().says(&CHECK),
            [
                "failure member \"edge-1\": its server https://127.0.0.1:6443 is this machine's loopback: the host's pods \
              would reach themselves"
            ]
        );
        assert!(local().hints(&CHECK).contains("`--skip-check member-server-loopback`"));
        let stored = local().registered([cluster("edge-1", "uid-of-edge-1")]);
        assert_eq!(stored.says(&CHECK), Vec::<String>::new());
    }
}
