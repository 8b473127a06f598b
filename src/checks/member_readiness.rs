//! The host finds its members ready, and says so of late.

use jiff::SignedDuration;
use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    command::{Kubectl, Mc},
    installer_log::mask,
    kubesphere_config::DEFAULT_RESYNC,
    readiness::{Membership, is_stale, last_look, membership},
    side::Side,
    stored_kubeconfig::StoredKubeconfig,
};

use super::{
    Check, Finding, Report, Rule, Situation, Unjoining, Verdict,
    host_in_effect::controller,
    rule::{LOOKING, NO_MEMBER, Outcome, Unasked, WITH_MEMBERS, some},
};
use crate::plan::{
    lifetime::{SOON, day, end_of_stored, left},
    member_server::storable,
    observed::Observed,
    operation::Operation,
    unjoin::admission::{Admission, MemberHealth},
};

pub(super) const CHECK: Check = Check {
    id: "member-readiness",
    title: "the host finds its members ready",
    skippable: false,
    rules: &[
        Rule::Joining(WITH_MEMBERS, run),
        Rule::Joining(LOOKING, as_left),
        Rule::Joining(&[Operation::Renew], moving),
        Rule::Unjoining(may_go),
    ],
    unasked: &[NO_MEMBER],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let members = registered(situation)?;
    Ok(members
        .iter()
        .flat_map(|about| [about.unready(), about.stale(), about.expiring()])
        .flatten()
        .collect())
}

/// What a join waits for, or leaves as it is.
fn as_left(situation: &Situation<'_>) -> Outcome {
    let members = registered(situation)?;
    let reports = members.iter().flat_map(|about| [about.pending(), about.unanswered(), about.elsewhere()]);
    Ok(reports.flatten().collect())
}

fn moving(situation: &Situation<'_>) -> Outcome {
    Ok(registered(situation)?.iter().filter_map(About::moved).collect())
}

/// That one is being deleted, or ignored, is cluster-name's.
fn registered<'a>(situation: &'a Situation<'a>) -> Result<Vec<About<'a>>, Unasked> {
    let host = situation.answering_host()?;
    let members = situation.answering_members()?.into_iter();
    let registered = members.filter_map(|(intent, member)| {
        let cluster = situation.registered(intent, member)?;
        let server = intent.cluster.as_ref().map_or(&member.server, |cluster| &cluster.server);
        let is_looked_after = !cluster.is_being_deleted() && cluster.joins_federation();
        is_looked_after.then_some(About { situation, host, member, cluster, server })
    });
    some(registered, "no member is registered yet")
}

struct About<'a> {
    situation: &'a Situation<'a>,
    host: &'a Observed,
    member: &'a Observed,
    cluster: &'a RegisteredCluster,
    /// The address that the host is to reach it at.
    server: &'a str,
}

impl About<'_> {
    fn membership(&self) -> Membership {
        membership(Some(self.cluster), &self.member.uid, self.host.kubesphere_version())
    }

    fn unready(&self) -> Option<Report> {
        let Membership::Failing(why) = self.membership() else { return None };
        let report = self.not_ready(self.situation.verdict_on_what_stands(), &why);
        // It is the new credential that is to help.
        Some(if self.is_renewed() { report } else { report.cure(controller(&self.host.side)) })
    }

    /// A join waits for it.
    fn pending(&self) -> Option<Report> {
        let Membership::Pending(what) = self.membership() else { return None };
        Some(self.not_ready(Verdict::Warning, &what).cure(controller(&self.host.side)))
    }

    fn not_ready(&self, verdict: Verdict, why: &str) -> Report {
        let message = format!("its Cluster \"{}\" is not ready: {why}", self.cluster.name());
        Report::of(verdict, &self.member.side, message)
    }

    /// Whether the host gets a new credential of it.
    fn is_renewed(&self) -> bool {
        self.situation.stores_credential(&self.member.side)
    }

    fn stale(&self) -> Option<Report> {
        let written = last_look(self.cluster)?;
        let resync = self.host.config.present().map_or(DEFAULT_RESYNC, |config| config.resync);
        let now = self.host.clock.now;
        is_stale(written, now, resync).then(|| {
            let age = now.duration_since(written);
            let message = format!(
                "whether its Cluster \"{}\" is ready was last said {} ago, and the host looks every {}",
                self.cluster.name(),
                rough(age),
                rough(SignedDuration::try_from(resync).unwrap_or(age))
            );
            Report::warning(&self.member.side, message).cure(controller(&self.host.side))
        })
    }

    fn unanswered(&self) -> Option<Report> {
        let unknown = self.membership() == Membership::WithoutKubesphereVersion;
        unknown.then(|| {
            let message = "it is ready, but its ks-apiserver does not answer the host, which knows no version of its KubeSphere";
            Report::warning(&self.member.side, message).cure(format!(
                "look at its pods: `{}`",
                Kubectl::on(&self.member.side).namespace("kubesphere-system").words("get pods -l app=ks-apiserver")
            ))
        })
    }

    /// By what is stored; else by what the controller says of it, from 3.3 on.
    fn expiring(&self) -> Option<Report> {
        let Some(until) = end_of_stored(self.cluster) else { return self.said_to_expire() };
        let now = self.host.clock.now.as_second();
        if until <= now {
            let verdict = self.situation.verdict_on_what_stands();
            let message = format!("the credential that the host has of it has ended on {}", day(until));
            return Some(self.renewable(Report::of(verdict, &self.member.side, message)));
        }
        (until - now < SOON).then(|| {
            let message = format!(
                "the credential that the host has of it ends on {}, in {}",
                day(until),
                left(now, until)
            );
            self.renewable(Report::warning(&self.member.side, message))
        })
    }

    fn said_to_expire(&self) -> Option<Report> {
        let expires =
            self.cluster.condition(ConditionType::CertificateExpires).filter(|found| found.is_true)?;
        let message = format!(
            "the client certificate that the host has of it ends within a week, or has ended: {}",
            expires.message
        );
        Some(self.renewable(Report::warning(&self.member.side, message)))
    }

    /// The host's own way to the member may well be another than the context's: then it is told to the check.
    fn elsewhere(&self) -> Option<Report> {
        let (endpoint, kept) = self.other_endpoint()?;
        let message = format!("the host reaches it at {}, and not at {}", mask(endpoint), mask(self.server));
        let report = Report::warning(&self.member.side, message);
        let report = match kept {
            Some(kept) => report.cure(format!("if that is meant: say so with `--member-server {kept}`")),
            None => report,
        };
        Some(report.cure(format!("if not: {}", self.renewal())))
    }

    fn moved(&self) -> Option<Report> {
        let (endpoint, kept) = self.other_endpoint()?;
        let (until_now, from_now_on) = (mask(endpoint), mask(self.server));
        let message =
            format!("the host reaches it at {until_now} until now, and at {from_now_on} from now on");
        let report = Report::warning(&self.member.side, message);
        Some(match kept {
            Some(kept) => report.cure(format!("if that is not meant: keep it with `--member-server {kept}`")),
            None => report,
        })
    }

    /// Where the host reaches it, if not at the address that it is to be reached at; and what keeps it so.
    fn other_endpoint(&self) -> Option<(&str, Option<String>)> {
        let endpoint = self.cluster.endpoint().filter(|_| !self.cluster.leads_to(self.server))?;
        // The recorded endpoint may be an old one; what is stored is in use.
        let stored = self.cluster.stored_kubeconfig();
        let kept = storable(stored.as_ref().and_then(StoredKubeconfig::server).unwrap_or(endpoint));
        Some((endpoint, kept))
    }

    /// With the command that makes up for it, unless that is under way.
    fn renewable(&self, report: Report) -> Report {
        if self.is_renewed() { report } else { report.cure(self.renewal()) }
    }

    fn renewal(&self) -> String {
        let renewal = Mc::new("renew").word(self.cluster.name()).host(&self.host.side);
        let renewal = renewal.member_context(&self.member.side).skipping(&self.situation.intent.skipped);
        format!("store a new kubeconfig: `{renewal}`")
    }
}

/// `40 s`, `12 min`, `5 h`, `3 d`.
fn rough(duration: SignedDuration) -> String {
    match duration.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 7200 => format!("{} min", seconds / 60),
        seconds if seconds < 172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Whether the Cluster would hang in its deletion.
fn may_go(unjoining: &Unjoining<'_>) -> Outcome {
    let (host, plan) = (unjoining.answering_host()?, unjoining.planned()?);
    let name = &plan.name;
    let report = match &plan.admission {
        Admission::NotAsked | Admission::Unguarded | Admission::Passes => None,
        Admission::Denies(_) | Admission::Silent(_) if unjoining.intent.force => None,
        Admission::Denies(why) => Some(denial(&host.side, name, why)),
        Admission::NotCalled(why) => Some(not_called(&host.side, name, why)),
        Admission::Silent(why) => Some(silent(&host.side, name, why)),
        Admission::DeniedByOther(why) => Some(denied_by_other(&host.side, name, why)),
        Admission::Unasked(MemberHealth::Alive) => Some(Report::unknown(
            &host.side,
            format!(
                "whether its webhook lets the Cluster \"{name}\" go, which a dry run on the client's side does not ask; the \
                 member answers, so it should"
            ),
        )),
        Admission::Unasked(MemberHealth::Doubtful(against)) => Some(
            Report::unknown(
                &host.side,
                format!(
                    "whether its webhook lets the Cluster \"{name}\" go, which a dry run on the client's side does not ask; \
                     probably not: {}",
                    against.join("; ")
                ),
            )
            .cure("ask it: `--dry-run=server`"),
        ),
    };
    Ok(report.into_iter().collect())
}

/// The obstacle that the answer of the host's admission is, if any.
pub fn denied(side: &Side, name: &str, admission: &Admission) -> Option<Finding> {
    let report = match admission {
        Admission::Denies(why) => denial(side, name, why),
        Admission::NotCalled(why) => not_called(side, name, why),
        Admission::Silent(why) => silent(side, name, why),
        Admission::DeniedByOther(why) => denied_by_other(side, name, why),
        Admission::NotAsked | Admission::Unguarded | Admission::Passes | Admission::Unasked(_) => {
            return None;
        }
    };
    CHECK.named(vec![report], &[]).pop()
}

fn not_called(side: &Side, name: &str, why: &str) -> Report {
    let pods =
        Kubectl::on(side).namespace("kubesphere-system").words("get pods -l app=ks-controller-manager");
    Report::failure(
        side,
        format!("its webhook cannot be asked whether the Cluster \"{name}\" may go, which says nothing of the member: {why}"),
    )
    .cure(format!(
        "see that ks-controller-manager runs, and why it does not answer: `{pods}`; then run the same command again"
    ))
}

fn silent(side: &Side, name: &str, why: &str) -> Report {
    not_called(side, name, why)
        .cure("if it stays away, and the member is gone for good: the same command with `--force`")
}

fn denied_by_other(side: &Side, name: &str, why: &str) -> Report {
    Report::failure(
        side,
        format!("something else than KubeSphere's webhook keeps the Cluster \"{name}\" from being let go: {why}"),
    )
    .cure("have the policy behind that webhook let this Cluster pass, or bring that webhook back; `--force` does not touch it")
}

fn denial(side: &Side, name: &str, why: &str) -> Report {
    Report::failure(
        side,
        format!(
            "its webhook would not let the Cluster \"{name}\" go, which would hang in its deletion for ever: {why}"
        ),
    )
    .cure("bring the member back, or mend its address or credential in the Cluster, and run the same command again")
    .cure("if the member is gone for good: the same command with `--force`")
}

#[cfg(test)]
#[path = "member_readiness_tests.rs"]
mod tests;
