//! Helm can install KubeSphere 4 on the member.

use kubesphere::{
    cluster_configuration::NAMESPACE,
    command::{Mc, helm},
    side::Side,
};

use super::{
    Check, Report, Rule, Situation, Unjoining,
    rule::{NO_HELM, NO_INSTALLATION, Outcome, REGISTERING, Unasked, each, of, some},
};
use crate::plan::{
    core::{CoreRelease, HELM_WITHIN},
    human_duration::human_duration,
    intent::MemberIntent,
    observed::{Observed, Seen},
    unjoin::{member_ownership::MemberOwnership, plan::UnjoinPlan},
};

pub(super) const CHECK: Check = Check {
    id: "ks-core-release",
    title: "helm can install ks-core on the member",
    skippable: false,
    rules: &[Rule::Installing(REGISTERING, run), Rule::Unjoining(unjoining)],
    unasked: &[NO_HELM, NO_INSTALLATION],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let members = situation.answering_members()?.into_iter();
    let looked_at = members.filter(|(_, member)| member.surroundings.core.is_some());
    let looked_at = some(looked_at, "no member is installed")?;
    each(looked_at, |(_, member)| &member.side, |(intent, member)| of_member(situation, intent, member))
}

/// What is uninstalled must be known, and nobody be at work on it.
fn unjoining(unjoining: &Unjoining<'_>) -> Outcome {
    let member = unjoining.answering_member()?;
    let seen = unjoining.traces.and_then(|traces| traces.core.as_ref());
    let installed = seen.and_then(|seen| Some((&seen.core.release, seen.installed.as_ref()?)));
    let Some((release, installed)) = installed else {
        return Err(Unasked::Because("ks-core is not uninstalled"));
    };
    if let Some(report) = unjoining.plan.and_then(|plan| stays(plan, release)) {
        return of(&member.side, [report]);
    }
    // The host's own ends with its Cluster, and is waited for.
    let is_hosts = unjoining.cluster().is_some();
    let report = match (release, installed) {
        (Seen::Present(release), _) if release.is_at_work(member.clock.now) && !is_hosts => {
            Some(at_work(member, release))
        }
        (_, Seen::Malformed(why)) => Some(unreadable(&member.side, why)),
        _ => None,
    };
    of(&member.side, report)
}

/// Whoever asks for it is not told at the end that nothing of it was done.
fn stays(plan: &UnjoinPlan, release: &Seen<CoreRelease>) -> Option<Report> {
    let member = plan.member.as_ref().filter(|_| matches!(release, Seen::Present(_)))?;
    let why = match &member.member_ownership {
        MemberOwnership::Ours => return None,
        MemberOwnership::Claimed(host) => format!("another host, which calls itself \"{host}\", manages it"),
        MemberOwnership::Twice(other) => format!("it stays a member of this host, as \"{other}\""),
        MemberOwnership::Host => "it is a host itself".to_owned(),
        MemberOwnership::OtherSecret | MemberOwnership::Clean => {
            "nothing shows that this host has installed it".to_owned()
        }
    };
    let message = format!("its ks-core is not uninstalled: {why}");
    let report = Report::failure(&member.side, message);
    Some(match &member.member_ownership {
        MemberOwnership::Claimed(_) if plan.is_empty() => {
            let unjoin = Mc::new("unjoin NAME").words("--context HOST").member_context(&member.side);
            report.hint(format!("if it is to leave that host, take it out there: `{unjoin} --uninstall`"))
        }
        _ if plan.is_empty() => report.hint("leave out `--uninstall`: there is nothing else to do"),
        _ => report.hint("leave out `--uninstall`: the rest does not need it"),
    })
}

fn at_work(member: &Observed, release: &CoreRelease) -> Report {
    let message = format!(
        "a helm is at work on ks-core, which is {}: it would install what is uninstalled",
        release.status
    );
    Report::failure(&member.side, message).hint(format!(
        "run the same command again when it has ended; if it was broken off, {} after it began",
        human_duration(HELM_WITHIN)
    ))
}

fn unreadable(side: &Side, why: &str) -> Report {
    let message = format!("what ks-core consists of cannot be told by helm's record: {why}");
    Report::failure(side, message)
        .hint(format!("have helm uninstall it: `{} uninstall ks-core -n {NAMESPACE}`", helm(side)))
}

/// Helm refuses a release on which another helm is at work, whether that still runs or was broken off (helm
/// `pkg/action/upgrade.go@v3.16.2`, errPending).
fn of_member(situation: &Situation<'_>, intent: &MemberIntent, member: &Observed) -> Option<Report> {
    let side = &member.side;
    let release = match &member.surroundings.core.as_ref()?.release {
        Seen::Present(release) => release,
        Seen::Unreadable(why) | Seen::Malformed(why) => {
            return Some(Report::unknown(side, format!("whether a helm is at work on ks-core: {why}")));
        }
        Seen::Absent => return None,
    };
    let now = member.clock.now;
    let age = release.since.map(|since| human_duration(now.duration_since(since)));
    let since = age.map(|age| format!(" for {age}")).unwrap_or_default();
    let is_ours = situation.registered(intent, member).is_some();
    match release.is_pending() {
        false => None,
        true if is_ours && !release.is_abandoned(now) => {
            let message =
                format!("its host is installing it: helm release ks-core is {}{since}", release.status);
            Some(Report::told(side, message))
        }
        true => Some(pending(member, release, &since)),
    }
}

fn pending(member: &Observed, release: &CoreRelease, since: &str) -> Report {
    let status = &release.status;
    let message = format!(
        "helm release ks-core is {status}{since}: a helm is at work on it or was broken off, and the host's controller would \
         fail with it for ever"
    );
    Report::failure(&member.side, message).hint(format!(
        "if no helm is at work there any more, remove that revision: `{}`",
        release.removal(&member.side)
    ))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, cluster, surround},
        plan::{
            core::{Core, CoreRelease},
            observed::Seen,
        },
    };

    fn with_release(status: &str, minutes: i64) -> Case {
        let since = Some(Timestamp::UNIX_EPOCH - SignedDuration::from_mins(minutes));
        let release =
            Seen::Present(CoreRelease { revision: 1, status: status.to_owned(), since, began: None });
        Case::of_4().member(|member| {
            surround(member, |around| around.core = Some(Core { claim: Seen::Absent, release }));
        })
    }

    #[test]
    fn a_bare_member_and_one_that_is_installed_are_fine() {
        assert_eq!(Case::of_4().says(&CHECK), Vec::<String>::new());
        for status in ["deployed", "failed", "superseded"] {
            assert_eq!(with_release(status, 1).says(&CHECK), Vec::<String>::new(), "{status}");
        }
    }

    #[test]
    fn a_pending_release_blocks_who_is_not_registered() {
        let case = with_release("pending-install", 1);
        assert!(
            case.says(&CHECK)[0]
                .starts_with("failure member \"edge-1\": helm release ks-core is pending-install for 60s")
        );
        assert!(case.hints(&CHECK).ends_with(
            "`kubectl --context edge-1 -n kubesphere-system delete secret sh.helm.release.v1.ks-core.v1`"
        ));
    }

    #[test]
    fn the_host_is_at_work_on_its_own_member_for_a_while() {
        let of = |minutes| {
            with_release("pending-upgrade", minutes).registered([cluster("edge-1", "uid-of-edge-1")])
        };
        assert!(of(2).says(&CHECK)[0].starts_with("ok member \"edge-1\": its host is installing it"));
        assert!(of(60).says(&CHECK)[0].starts_with("failure member \"edge-1\""));
    }

    #[test]
    fn it_is_asked_of_hosts_of_4_only() {
        let why = Case::new().skips(&CHECK);
        assert_eq!(why.as_deref(), Some("a host of KubeSphere 3 installs nothing on its members"));
    }
}
