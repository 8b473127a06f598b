//! The host's kubefed is at work, and somebody answers the webhooks before it.

use kubesphere::{
    command::{Kubectl, helm},
    side::Side,
};

use super::{
    Check, Report, Rule, Situation, Verdict,
    rule::{NO_KUBEFED, Outcome, Reason, Unasked, of},
};
use crate::plan::{
    needs::ConfigurationNeed,
    observed::{InstallerRun, Seen},
    operation::Operation,
    surroundings::{Release, Webhook},
};

pub(super) const CHECK: Check = Check {
    id: "federation-health",
    title: "the host's kubefed and its webhooks are running",
    skippable: true,
    rules: &[Rule::Joining(
        &[Operation::Check, Operation::Join, Operation::PrepareHost, Operation::Import],
        run,
    )],
    unasked: &[
        NO_KUBEFED,
        Reason::of(
            &[Operation::PrepareMember, Operation::Renew, Operation::Rotate, Operation::Unjoin],
            "nothing new is asked of the host's kubefed",
        ),
    ],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let host = situation.answering_host()?;
    let nothing_new = Unasked::Because("nothing new is asked of the host's kubefed");
    let federation = host.surroundings.federation.as_ref().ok_or(nothing_new)?;
    let side = &host.side;
    // What is not installed yet comes with the run that makes a host of it.
    let installed = host.is_host() && situation.step(side) == Some(&ConfigurationNeed::InEffect);
    let at_work = match host.run {
        InstallerRun::UnderWay(_) | InstallerRun::Unknown { is_likely: true, .. } => true,
        InstallerRun::NotAsked
        | InstallerRun::Idle { .. }
        | InstallerRun::NoPod(_)
        | InstallerRun::Unknown { .. } => false,
    };
    let release = release(side, &federation.releases, installed, at_work);
    if !installed {
        return of(side, release);
    }
    let webhooks = webhooks(side, &federation.webhooks);
    of(side, controller(side, &federation.controller).into_iter().chain(webhooks).chain(release))
}

/// Without it nothing that is made on the host reaches a member.
fn controller(side: &Side, controller: &Seen<bool>) -> Option<Report> {
    let what = match controller {
        Seen::Present(true) => return None,
        Seen::Present(false) => "is not available",
        Seen::Absent => "is not there",
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            return Some(Report::unknown(
                side,
                format!("whether kubefed-controller-manager is running: {why}"),
            ));
        }
    };
    let message = format!("Deployment kubefed-controller-manager in kube-federation-system {what}");
    Some(Report::failure(side, message).hint(pods(side, "kube-federation-system")))
}

/// What asks a webhook that nobody answers is refused: Clusters cannot be updated, or not be taken into kubefed.
fn webhooks(side: &Side, webhooks: &Seen<Vec<Webhook>>) -> Vec<Report> {
    match webhooks {
        Seen::Present(webhooks) => webhooks.iter().filter_map(|webhook| unserved(side, webhook)).collect(),
        Seen::Absent => Vec::new(),
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            vec![Report::unknown(side, format!("whether the host's webhooks are answered: {why}"))]
        }
    }
}

fn unserved(side: &Side, webhook: &Webhook) -> Option<Report> {
    let Webhook { configuration, namespace, service, is_served } = webhook;
    match is_served {
        Seen::Present(true) => None,
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            let message = format!("whether anybody answers webhook {configuration}: {why}");
            Some(Report::unknown(side, message))
        }
        Seen::Present(false) | Seen::Absent => {
            let message = format!(
                "nobody answers webhook {configuration}: Service {service} in {namespace} has no ready pod, so what it is asked about is refused"
            );
            Some(Report::failure(side, message).hint(pods(side, namespace)))
        }
    }
}

/// A first installation that timed out leaves a release that helm neither upgrades nor installs anew
/// (`"kubefed" has no deployed releases`, kubesphere issues 4689, 4461; ks-installer 1437).
///
/// While the installer is at work it is its own affair: helm keeps `pending-install` for up to half an hour, and the
/// installer tries again after a failure.
fn release(side: &Side, releases: &Seen<Vec<Release>>, installed: bool, at_work: bool) -> Option<Report> {
    let releases = match releases {
        Seen::Present(releases) => releases,
        Seen::Absent => return None,
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            return Some(Report::unknown(
                side,
                format!("whether a failed installation of kubefed is left: {why}"),
            ));
        }
    };
    let last = releases.iter().max_by_key(|release| release.revision)?;
    if releases.iter().any(|release| release.status == "deployed")
        || (at_work && last.status.starts_with("pending-"))
    {
        return None;
    }
    if at_work {
        let message =
            format!("the installer has not installed kubefed yet: helm's release is {}", last.status);
        return Some(Report::warning(side, message).hint(pods(side, "kube-federation-system")));
    }
    // Where kubefed works all the same, the installer does not touch it any more.
    let verdict = if installed { Verdict::Warning } else { Verdict::Failure };
    let message = format!(
        "helm's release kubefed in kube-federation-system is {}, none is deployed: the installer cannot install kubefed",
        last.status
    );
    Some(
        Report::of(verdict, side, message)
            .hint(format!("see why: {}", pods(side, "kube-federation-system")))
            .hint(format!("then remove it: `{} -n kube-federation-system uninstall kubefed`", helm(side))),
    )
}

fn pods(side: &Side, namespace: &str) -> String {
    let look = Kubectl::on(side).namespace(namespace).words("get pods,events");
    format!("look at its pods and events: `{look}`")
}

#[cfg(test)]
mod tests {
    use super::CHECK;
    use crate::{
        checks::fixture::{Case, play, surround},
        plan::{
            observed::{InstallerRun, Seen},
            surroundings::{Federation, Release, Webhook},
        },
    };

    fn forbidden<T>() -> Seen<T> {
        Seen::Unreadable("forbidden".to_owned())
    }

    fn release(revision: u32, status: &str) -> Release {
        Release { revision, status: status.to_owned() }
    }

    fn webhook(is_served: Seen<bool>) -> Webhook {
        Webhook {
            configuration: "validations.core.kubefed.io".to_owned(),
            namespace: "kube-federation-system".to_owned(),
            service: "kubefed-admission-webhook".to_owned(),
            is_served,
        }
    }

    fn healthy() -> Federation {
        Federation {
            controller: Seen::Present(true),
            webhooks: Seen::Present(vec![webhook(Seen::Present(true))]),
            releases: Seen::Present(vec![release(1, "deployed")]),
        }
    }

    fn says(case: Case, change: impl FnOnce(&mut Federation)) -> Vec<String> {
        let mut federation = healthy();
        change(&mut federation);
        case.host(|host| surround(host, |around| around.federation = Some(federation))).says(&CHECK)
    }

    #[test]
    fn a_healthy_kubefed_one_that_comes_yet_and_no_look_are_fine() {
        assert_eq!(Case::new().joined().says(&CHECK), Vec::<String>::new());
        assert_eq!(says(Case::new().joined(), |_| ()), Vec::<String>::new());
        let yet_to_come = |federation: &mut Federation| {
            federation.controller = Seen::Absent;
            federation.webhooks = Seen::Present(Vec::new());
            federation.releases = Seen::Present(Vec::new());
        };
        assert_eq!(says(Case::new(), yet_to_come), Vec::<String>::new());
    }

    #[test]
    fn a_controller_that_is_down_or_gone_is_a_failure() {
        for (controller, what) in [(Seen::Present(false), "is not available"), (Seen::Absent, "is not there")]
        {
            let said = says(Case::new().joined(), |federation| federation.controller = controller);
            let expected = format!(
                "failure host \"prod\": Deployment kubefed-controller-manager in kube-federation-system {what}"
            );
            assert_eq!(said, [expected]);
        }
    }

    #[test]
    fn a_webhook_that_nobody_answers_is_a_failure() {
        let said = says(Case::new().joined(), |federation| {
            federation.webhooks = Seen::Present(vec![webhook(Seen::Present(false))]);
        });
        assert!(
            said[0]
                .starts_with("failure host \"prod\": nobody answers webhook validations.core.kubefed.io: ")
        );
    }

    #[test]
    fn a_failed_release_is_in_the_way_of_the_installer_only() {
        let failed =
            |federation: &mut Federation| federation.releases = Seen::Present(vec![release(1, "failed")]);
        let said = "host \"prod\": helm's release kubefed in kube-federation-system is failed, none is deployed: the installer cannot install kubefed";
        assert_eq!(says(Case::new(), failed), [format!("failure {said}")]);
        assert_eq!(says(Case::new().joined(), failed), [format!("warning {said}")]);
        let upgraded = |federation: &mut Federation| {
            federation.releases = Seen::Present(vec![release(1, "deployed"), release(2, "failed")]);
        };
        assert_eq!(says(Case::new(), upgraded), Vec::<String>::new());
    }

    #[test]
    fn an_installation_under_way_is_left_to_the_installer() {
        let busy = || {
            Case::new().host(|host| {
                play(host, "host");
                host.run = InstallerRun::UnderWay("preparing".to_owned());
            })
        };
        let with = |status: &'static str| {
            move |federation: &mut Federation| federation.releases = Seen::Present(vec![release(1, status)])
        };
        assert_eq!(says(busy(), with("pending-install")), Vec::<String>::new());
        let said =
            "warning host \"prod\": the installer has not installed kubefed yet: helm's release is failed";
        assert_eq!(says(busy(), with("failed")), [said]);
        let idle = Case::new().host(|host| host.run = InstallerRun::Idle { last_failure: None });
        assert!(says(idle, with("pending-install"))[0].starts_with("failure host"));
    }

    #[test]
    fn what_may_not_be_read_is_unknown() {
        let said = says(Case::new().joined(), |federation| {
            *federation =
                Federation { controller: forbidden(), webhooks: forbidden(), releases: forbidden() };
        });
        assert_eq!(
            said,
            [
                "unknown host \"prod\": whether kubefed-controller-manager is running: forbidden",
                "unknown host \"prod\": whether the host's webhooks are answered: forbidden",
                "unknown host \"prod\": whether a failed installation of kubefed is left: forbidden",
            ]
        );
        let endpoints = says(Case::new().joined(), |federation| {
            federation.webhooks = Seen::Present(vec![webhook(forbidden())]);
        });
        assert_eq!(
            endpoints,
            ["unknown host \"prod\": whether anybody answers webhook validations.core.kubefed.io: forbidden"]
        );
    }
}
