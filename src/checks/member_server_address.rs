//! The address that will be stored leads further than to the member's own nodes.

use kubesphere::{fleet_entry::Setting, side::Side};

use super::{
    Check, Report, Rule, Situation,
    rule::{NOTHING_STORED, Outcome, STORING, each},
    situation::ToStore,
};
use crate::plan::{
    intent::ClusterIntent,
    member_server::{EndpointSeen, Reach, reach},
    observed::Observed,
};

pub(super) const CHECK: Check = Check {
    id: "member-server-address",
    title: "the member's server has an address that the host can use",
    skippable: true,
    rules: &[Rule::Joining(STORING, run)],
    unasked: &[NOTHING_STORED],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let of_member = |(side, cluster, member): ToStore<'_>| of_member(&side, cluster, member);
    each(situation.members_to_store()?, |(side, ..)| side, of_member)
}

fn of_member(side: &Side, cluster: &ClusterIntent, member: Option<&Observed>) -> Option<Report> {
    let server = &cluster.server;
    let endpoint = member.and_then(|member| member.endpoint.as_ref());
    let no_use = match reach(server) {
        Reach::LinkLocal => Some("a link-local address, which leads nowhere from the host's pods"),
        Reach::Alias => {
            Some("an alias in the /etc/hosts of the member's own nodes, which the host's pods do not know")
        }
        Reach::Loopback | Reach::Anybody => None,
    };
    if let Some(no_use) = no_use {
        let report = Report::failure(side, format!("its server {server} is {no_use}"));
        return Some(with_proposals(report, side, endpoint));
    }
    let why = endpoint?.out_of_reach.as_ref()?;
    let message =
        format!("this machine does not reach {server} itself ({why}); what counts is whether the host does");
    Some(Report::warning(side, message))
}

/// The addresses that could be stored instead.
pub(super) fn with_proposals(report: Report, side: &Side, endpoint: Option<&EndpointSeen>) -> Report {
    let proposals = endpoint.map(|endpoint| endpoint.proposals.as_slice()).unwrap_or_default();
    if proposals.is_empty() {
        let address = side.setting_to(Setting::Server, "https://ADDRESS:PORT");
        return report
            .hint(format!("name an address that the host reaches and the certificate covers: {address}"));
    }
    proposals.iter().fold(report, |report, server| {
        let address = side.setting_to(Setting::Server, server);
        report.hint(format!("if the host reaches it, an address that the member itself knows: {address}"))
    })
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::checks::fixture::{Case, endpoint};

    fn at(server: &str) -> Case {
        Case::new().wanting_cluster(|cluster| cluster.server = server.to_owned())
    }

    #[test]
    fn an_address_that_leads_anybody_there_is_good() {
        assert_eq!(at("https://192.0.2.7:6443").says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn aliases_and_link_local_addresses_are_refused_with_what_the_member_knows() {
        let alias = at("https://lb.kubesphere.local:6443");
        assert_eq!(
            alias.says(&CHECK),
            [
                "failure member \"edge-1\": its server https://lb.kubesphere.local:6443 is an alias in the /etc/hosts of the \
              member's own nodes, which the host's pods do not know"
            ]
        );
        assert!(alias.hints(&CHECK).contains("`--member-server https://ADDRESS:PORT`"));
        let known = alias.member(|member| {
            let mut seen = endpoint();
            seen.proposals = vec!["https://192.0.2.7:6443".to_owned()];
            member.endpoint = Some(seen);
        });
        assert!(known.hints(&CHECK).ends_with("`--member-server https://192.0.2.7:6443`"));
        assert!(at("https://169.254.0.9").says(&CHECK)[0].contains("is a link-local address"));
    }

    #[test]
    fn that_this_machine_does_not_reach_it_is_a_warning() {
        let case = Case::new().member(|member| {
            let mut seen = endpoint();
            seen.out_of_reach = Some("no answer within 3 s".to_owned());
            member.endpoint = Some(seen);
        });
        assert_eq!(
            case.says(&CHECK),
            [
                "warning member \"edge-1\": this machine does not reach https://edge-1.example.org:6443 itself (no answer \
              within 3 s); what counts is whether the host does"
            ]
        );
    }
}
