//! The host has a secret that it can share.

use kubesphere::{
    cluster_configuration::ClusterConfiguration,
    command::Kubectl,
    kubesphere_config,
    readiness::{Membership, membership},
    side::Side,
};

use super::{
    Check, Report, Rule, Situation, Unjoining,
    kubesphere_version::is_version_4,
    rule::{CONFIGURING, JOINING, Outcome, Unasked, of, or_holds},
};
use crate::plan::{
    core::HostIdentity,
    intent::MemberIntent,
    observed::{Observed, Seen},
    secret_remarks::run_installer,
};

pub(super) const CHECK: Check = Check {
    id: "jwt-secret",
    title: "the host's jwtSecret can be shared",
    skippable: false,
    rules: &[
        Rule::Federating(CONFIGURING, can_be_shared),
        Rule::Federating(JOINING, is_there),
        Rule::Installing(JOINING, issues),
        Rule::Unjoining(shows_members),
    ],
    unasked: &[],
};

/// A renewal shares nothing, and a rotation replaces what cannot be shared.
fn can_be_shared(situation: &Situation<'_>) -> Outcome {
    let host = host_with_kubesphere(situation)?;
    let rotation = situation.intent.host.rotation.as_ref();
    let is_replaced = rotation.is_some_and(|rotation| rotation.replaces(host));
    of(&host.side, unusable(host).filter(|_| !is_replaced))
}

fn is_there(situation: &Situation<'_>) -> Outcome {
    let host = host_with_kubesphere(situation)?;
    of(&host.side, absent(host))
}

/// KubeSphere 4 hands its secret to its members by itself; that a member has it is what a join waits for.
fn issues(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let (side, name) = (&host.side, kubesphere_config::NAME);
    let report = match &host.config {
        _ if HostIdentity::of(host).is_some() => None,
        Seen::Unreadable(why) => Some(Report::unknown(side, format!("which jwtSecret is in effect: {why}"))),
        _ => Some(Report::failure(
            side,
            format!("it has no jwtSecret: authentication.issuer.jwtSecret is missing in configmaps/{name}"),
        )),
    };
    let members = situation.answering_members().unwrap_or_default().into_iter();
    let of_members = members.filter_map(|(intent, member)| keeps_another(situation, host, intent, member));
    Ok(or_holds(report, Report::holds(side)).into_iter().chain(of_members).collect())
}

/// The controller gives it only when it installs, and it does not install again what it has (kubesphere
/// `cluster_controller.go@v4.1.3:374-410`): the hash of the values is what it goes by.
fn keeps_another(
    situation: &Situation<'_>,
    host: &Observed,
    intent: &MemberIntent,
    member: &Observed,
) -> Option<Report> {
    let cluster = situation.registered(intent, member)?;
    let is_joined = membership(Some(cluster), &member.uid, &host.differences()) == Membership::Joined;
    let own = member.config.present()?.issuer_secret.as_ref()?;
    let differs = is_joined && HostIdentity::of(host).is_some_and(|identity| *own != identity.secret);
    let annotate = hand_out(&host.side, cluster.name());
    differs.then(|| {
        Report::failure(&member.side, "its jwtSecret is not the host's, which has installed it all the same")
            .hint(format!("have the host install it again: `{annotate}`"))
    })
}

/// What has a host of KubeSphere 4 give a member its secret.
pub(super) fn hand_out(host: &Side, name: &str) -> Kubectl {
    let annotate = Kubectl::on(host).words("annotate clusters.cluster.kubesphere.io").word(name);
    annotate.words("kubesphere.io/config-hash- kubesphere.io/syncAt=again --overwrite")
}

/// Without KubeSphere there is no secret to speak of; that is kubesphere-version's.
fn host_with_kubesphere<'a>(situation: &Situation<'a>) -> Result<&'a Observed, Unasked> {
    let host = situation.answering_host()?;
    let configured = host.configuration.present().is_some();
    configured.then_some(host).ok_or(Unasked::Because("the host has no ClusterConfiguration to read"))
}

/// Without the host's secret nobody can tell whose member it is.
fn shows_members(unjoining: &Unjoining<'_>) -> Outcome {
    let (host, _) = (unjoining.answering_host()?, unjoining.answering_member()?);
    if let Some(why) = host.config.unreadable() {
        return of(&host.side, [Report::unknown(&host.side, format!("which jwtSecret is in effect: {why}"))]);
    }
    let missing =
        if is_version_4(host) { HostIdentity::of(host).is_none() } else { host.effective_secret().is_none() };
    let report = missing.then(|| {
        Report::failure(
            &host.side,
            "it has no jwtSecret, so nobody can tell whose member the other cluster is",
        )
        .hint(format!("remove it on the host alone: `{}`", unjoining.on_host_alone()))
    });
    of(&host.side, report)
}

/// What the configuration asks for is brought into effect by the run that follows; else what is in effect counts.
fn unusable(host: &Observed) -> Option<Report> {
    let asked = host.configuration.present().and_then(ClusterConfiguration::jwt_secret);
    let (place, secret) = match asked {
        Some(asked) => ("the jwtSecret in its ClusterConfiguration", asked),
        None => ("its jwtSecret", host.effective_secret()?.clone()),
    };
    let why = secret.usable().err()?;
    Some(Report::failure(&host.side, format!("{place} cannot be shared: {why}")).hint(format!(
        "set spec.authentication.jwtSecret to letters and digits, which logs everybody out: {}",
        edit(&host.side)
    )))
}

fn absent(host: &Observed) -> Option<Report> {
    let asked = host.configuration.present().and_then(ClusterConfiguration::jwt_secret);
    if let Some(why) = host.config.unreadable().filter(|_| asked.is_none()) {
        return Some(Report::unknown(&host.side, format!("which jwtSecret is in effect: {why}")));
    }
    // What is malformed is configuration-shape's.
    let readable = matches!(host.config, Seen::Absent | Seen::Present(_));
    let absent = asked.is_none() && host.effective_secret().is_none() && readable;
    absent.then(|| {
        Report::failure(
            &host.side,
            format!(
                "it has no jwtSecret: authentication.jwtSecret is missing in configmaps/{}",
                kubesphere_config::NAME
            ),
        )
        .hint(format!("let the installer run to its end: `{}`", run_installer(&host.side)))
    })
}

fn edit(side: &Side) -> String {
    let kubectl = Kubectl::on(side).namespace("kubesphere-system");
    format!("`{}`", kubectl.words("edit clusterconfigurations.installer.kubesphere.io ks-installer"))
}

#[cfg(test)]
mod tests {
    use kubesphere::jwt_secret::JwtSecret;
    use serde_json::json;

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, OTHER_SECRET, config, empty, specify},
        plan::observed::Seen,
    };

    fn with_effective(secret: &str) -> Case {
        let text = format!("authentication: {{jwtSecret: {}}}", json!(secret));
        Case::new().host(|host| {
            host.config = Seen::Present(config(&text));
            host.secret = Seen::Present(JwtSecret::new(secret));
        })
    }

    #[test]
    fn a_generated_secret_is_fine() {
        assert_eq!(Case::new().says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert_eq!(
            with_effective("").says(&CHECK),
            ["failure host \"prod\": its jwtSecret cannot be shared: it is empty"]
        );
    }

    #[test]
    fn a_secret_that_breaks_the_installer_is_refused_without_showing_it() {
        let case = with_effective("a$(reboot)b");
        let said = case.says(&CHECK).join("\n");
        assert!(said.contains("it holds a character outside `A-Z a-z 0-9 . _ ~ -`"), "{said}");
        assert!(!said.contains("reboot"), "{said}");
        assert!(case.hints(&CHECK).contains("set spec.authentication.jwtSecret to letters and digits"));
    }

    #[test]
    fn what_the_configuration_asks_for_counts_because_the_next_run_brings_it_into_effect() {
        let asking = |secret: &'static str| {
            move |host: &mut _| specify(host, &json!({"authentication": {"jwtSecret": secret}}))
        };
        let broken = Case::new().host(asking("a b"));
        assert!(
            broken.says(&CHECK)[0]
                .starts_with("failure host \"prod\": the jwtSecret in its ClusterConfiguration")
        );
        assert_eq!(with_effective("a b").host(asking(OTHER_SECRET)).says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_host_without_any_secret_has_not_been_installed_to_its_end() {
        let case = Case::new().host(|host| (host.config, host.secret) = (Seen::Absent, Seen::Absent));
        assert_eq!(
            case.says(&CHECK),
            ["failure host \"prod\": it has no jwtSecret: authentication.jwtSecret is missing in \
              configmaps/kubesphere-config"]
        );
        assert_eq!(Case::new().host(empty).says(&CHECK), Vec::<String>::new(), "kubesphere-version says it");
    }
}
