//! The host finds its members ready, and says so of late.

use jiff::SignedDuration;
use kubesphere::{
    cluster::{ConditionType, RegisteredCluster},
    command::{Kubectl, Mc},
    fleet_entry::Setting,
    installer_log::mask,
    kubesphere_config::DEFAULT_RESYNC,
    readiness::{Membership, is_ignored, is_stale, last_look, membership},
    side::Side,
    stored_kubeconfig::StoredKubeconfig,
    versions::Generation,
};

use super::{
    Check, Finding, Report, Rule, Situation, Unjoining, Verdict,
    host_in_effect::controller,
    member_credential::renewal,
    rotated_members::removal,
    rule::{LOOKING, NO_MEMBER, Outcome, Unasked, WITH_MEMBERS, each, of, some},
};
use crate::plan::{
    core::{HostIdentity, OnMember},
    installation::{Stage, reinstallation, stage},
    lifetime::{SOON, day, end_of_stored, left},
    member_server::storable,
    observed::Observed,
    operation::Operation,
    registration::Probe,
    unjoin::admission::{Admission, MemberHealth},
};

pub(super) const CHECK: Check = Check {
    id: "member-readiness",
    title: "the host reports the member as ready",
    skippable: false,
    rules: &[
        Rule::Joining(WITH_MEMBERS, run),
        Rule::Joining(LOOKING, as_left),
        Rule::Installing(LOOKING, unclaimed),
        Rule::Joining(&[Operation::Renew], moving),
        Rule::Unjoining(may_go),
    ],
    unasked: &[NO_MEMBER],
};

fn run(situation: &Situation<'_>) -> Outcome {
    let said = |about: &About<'_>| [about.unready(), about.stale(), about.expiring()].into_iter().flatten();
    each(&registered(situation)?, |about| about.side(), said)
}

/// What a join waits for, or leaves as it is.
fn as_left(situation: &Situation<'_>) -> Outcome {
    let said =
        |about: &About<'_>| [about.pending(), about.unanswered(), about.elsewhere()].into_iter().flatten();
    each(&registered(situation)?, |about| about.side(), said)
}

/// The host of KubeSphere 4 writes it at each look.
fn unclaimed(situation: &Situation<'_>) -> Outcome {
    each(&registered(situation)?, |about| about.side(), About::unclaimed)
}

fn moving(situation: &Situation<'_>) -> Outcome {
    each(&registered(situation)?, |about| about.side(), About::moved)
}

/// Of the members, or of all that the host knows where none is named. That one is being deleted, or ignored, is
/// cluster-name's.
fn registered<'a>(situation: &'a Situation<'a>) -> Result<Vec<About<'a>>, Unasked> {
    let host = situation.host_with_clusters()?;
    let named = situation.members.is_empty().then(|| all(situation, host));
    let registered = named.map_or_else(|| of_members(situation, host), Ok)?.into_iter();
    let looked_after = registered.filter(|about| {
        !about.cluster.is_being_deleted() && !is_ignored(about.cluster, &about.host.differences())
    });
    some(looked_after, "no member is registered yet")
}

fn of_members<'a>(situation: &'a Situation<'a>, host: &'a Observed) -> Result<Vec<About<'a>>, Unasked> {
    let members = situation.answering_members()?.into_iter();
    let registered = members.filter_map(|(intent, member)| {
        let cluster = situation.registered(intent, member)?;
        let server = intent.cluster.as_ref().map_or(&member.server, |cluster| &cluster.server);
        Some(About { situation, host, member: Some((member, server)), cluster })
    });
    Ok(registered.collect())
}

fn all<'a>(situation: &'a Situation<'a>, host: &'a Observed) -> Vec<About<'a>> {
    let clusters = host.clusters.present().into_iter().flatten().filter(|cluster| !cluster.is_host());
    clusters.map(|cluster| About { situation, host, member: None, cluster }).collect()
}

/// A Cluster, with its member and the address that the host is to reach that at, where the member is named.
struct About<'a> {
    situation: &'a Situation<'a>,
    host: &'a Observed,
    member: Option<(&'a Observed, &'a str)>,
    cluster: &'a RegisteredCluster,
}

impl About<'_> {
    fn membership(&self) -> Membership {
        let uid = self.member.map(|(member, _)| member.uid.as_str()).or(self.cluster.member_uid());
        membership(Some(self.cluster), uid.unwrap_or_default(), &self.host.differences())
    }

    /// The cluster that a report is about.
    fn side(&self) -> &Side {
        self.member.map_or(&self.host.side, |(member, _)| &member.side)
    }

    /// `its Cluster "edge-1"`, of a member that is named.
    fn its_cluster(&self) -> String {
        let whose = if self.member.is_some() { "its" } else { "the" };
        format!("{whose} Cluster \"{}\"", self.cluster.name())
    }

    fn member_side(&self) -> Option<&Side> {
        self.member.map(|(member, _)| &member.side)
    }

    fn unready(&self) -> Option<Report> {
        let Membership::Failing(why) = self.membership() else { return None };
        let report = self.not_ready(self.situation.verdict_on_what_stands(), &why);
        // It is the new credential that is to help.
        Some(if self.is_renewed() { report } else { self.remedies().into_iter().fold(report, Report::hint) })
    }

    /// What tells more, and what has a host of KubeSphere 4 try again that has failed for good.
    fn remedies(&self) -> Vec<String> {
        let host = &self.host.side;
        if self.host.generation() != Some(Generation::Four) {
            return vec![controller(host)];
        }
        let logs = match self.member_side() {
            Some(member) => Mc::new("logs").member(member),
            None => Mc::new("logs MEMBER"),
        };
        let logs = logs.host(host);
        let why = format!("see why: `{logs}`");
        let again = matches!(stage(self.cluster), Some(Stage::Failed(_))).then(|| {
            let again = reinstallation(host, self.cluster.name());
            format!("fix the cause, then have the host try again: {again}")
        });
        std::iter::once(why).chain(again).collect()
    }

    /// A join waits for it.
    fn pending(&self) -> Option<Report> {
        let Membership::Pending(what) = self.membership() else { return None };
        let stuck = self.member.map(|(member, _)| member.surroundings.stuck.as_slice()).unwrap_or_default();
        let why = [&[what], stuck].concat().join("; ");
        let report = self.not_ready(Verdict::Warning, &why);
        Some(match stage(self.cluster).filter(|_| self.host.generation() == Some(Generation::Four)) {
            Some(Stage::UnderWay(_)) => self.remedies().into_iter().fold(report, Report::hint),
            _ => report.hint(controller(&self.host.side)),
        })
    }

    fn unclaimed(&self) -> Option<Report> {
        let (member, _) = self.member.filter(|_| self.membership() == Membership::Joined)?;
        let host = HostIdentity::of(self.host)?;
        let missing = OnMember::of(member).missing_claim(self.cluster.name(), &host)?;
        Some(self.not_ready(Verdict::Warning, &missing).hint(controller(&self.host.side)))
    }

    fn not_ready(&self, verdict: Verdict, why: &str) -> Report {
        Report::of(verdict, self.side(), format!("{} is not ready: {why}", self.its_cluster()))
    }

    /// Whether the host gets a new credential of it.
    fn is_renewed(&self) -> bool {
        self.member_side().is_some_and(|member| self.situation.stores_credential(member))
    }

    fn stale(&self) -> Option<Report> {
        let written = last_look(self.cluster)?;
        let resync = self.host.config.present().map_or(DEFAULT_RESYNC, |config| config.resync);
        let now = self.host.clock.now;
        is_stale(written, now, resync).then(|| {
            let age = now.duration_since(written);
            let message = format!(
                "whether {} is ready was last said {} ago, and the host looks every {}",
                self.its_cluster(),
                rough(age),
                rough(SignedDuration::try_from(resync).unwrap_or(age))
            );
            Report::warning(self.side(), message).hint(controller(&self.host.side))
        })
    }

    fn unanswered(&self) -> Option<Report> {
        let unknown = self.membership() == Membership::WithoutKubesphereVersion;
        unknown.then(|| {
            let message = format!(
                "{} is ready, but the member's ks-apiserver does not answer the host, which knows no version of its \
                 KubeSphere",
                self.its_cluster()
            );
            let report = Report::warning(self.side(), message);
            let pods = self.member_side().map(|member| {
                Kubectl::on(member).namespace("kubesphere-system").words("get pods -l app=ks-apiserver")
            });
            pods.into_iter().fold(report, |report, pods| report.hint(format!("look at its pods: `{pods}`")))
        })
    }

    /// By what is stored; else by what the controller says of it, from 3.3 on.
    fn expiring(&self) -> Option<Report> {
        let Some(until) = end_of_stored(self.cluster) else { return self.said_to_expire() };
        let now = self.host.clock.now.as_second();
        if until <= now {
            let verdict = self.situation.verdict_on_what_stands();
            let message = format!("the credential in {} expired on {}", self.its_cluster(), day(until));
            return Some(self.renewable(Report::of(verdict, self.side(), message)));
        }
        (until - now < SOON).then(|| {
            let message = format!(
                "the credential in {} expires on {}, in {}",
                self.its_cluster(),
                day(until),
                left(now, until)
            );
            self.renewable(Report::warning(self.side(), message))
        })
    }

    fn said_to_expire(&self) -> Option<Report> {
        let expires =
            self.cluster.condition(ConditionType::CertificateExpires).filter(|found| found.is_true)?;
        let message = format!(
            "the client certificate in {} expires within a week, or has expired: {}",
            self.its_cluster(),
            expires.message
        );
        Some(self.renewable(Report::warning(self.side(), message)))
    }

    /// The host's own way to the member may well be another than the context's: then it is told to the check.
    fn elsewhere(&self) -> Option<Report> {
        let (endpoint, kept) = self.other_endpoint()?;
        let message =
            format!("the host reaches it at {}, and not at {}", mask(endpoint), mask(self.member?.1));
        let report = Report::warning(self.side(), message);
        let report = match kept {
            Some(kept) => report.hint(format!("if that is meant: say so with {}", self.address(&kept))),
            None => report,
        };
        Some(report.hint(format!("if not: {}", self.renewal())))
    }

    fn moved(&self) -> Option<Report> {
        let (endpoint, kept) = self.other_endpoint()?;
        let (until_now, from_now_on) = (mask(endpoint), mask(self.member?.1));
        let message =
            format!("the host reaches it at {until_now} until now, and at {from_now_on} from now on");
        let report = Report::warning(self.side(), message);
        Some(match kept {
            Some(kept) => report.hint(format!("if that is not meant: keep it with {}", self.address(&kept))),
            None => report,
        })
    }

    fn address(&self, kept: &str) -> String {
        self.side().setting_to(Setting::Server, kept)
    }

    /// Where the host reaches it, if not at the address that it is to be reached at; and what keeps it so.
    fn other_endpoint(&self) -> Option<(&str, Option<String>)> {
        let (_, server) = self.member?;
        let endpoint = self.cluster.endpoint().filter(|_| !self.cluster.leads_to(server))?;
        // The recorded endpoint may be an old one; what is stored is in use.
        let stored = self.cluster.stored_kubeconfig();
        let kept = storable(stored.as_ref().and_then(StoredKubeconfig::server).unwrap_or(endpoint));
        Some((endpoint, kept))
    }

    /// With the command that makes up for it, unless that is under way.
    fn renewable(&self, report: Report) -> Report {
        if self.is_renewed() { report } else { report.hint(self.renewal()) }
    }

    fn renewal(&self) -> String {
        let member = self.member_side();
        let renewal = renewal(&self.host.side, member, self.cluster.name());
        let skipped = self.situation.intent.skipped.of(member.unwrap_or(&self.host.side));
        let renewal = renewal.skipping(&skipped);
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
        Admission::Denies(why) => Some(match host.stored.get(name) {
            Some(Probe::Refused(refusal)) => locked_out(unjoining, &host.side, name, refusal),
            _ => denial(&host.side, name, why),
        }),
        Admission::NotCalled(why) => Some(not_called(&host.side, name, why)),
        Admission::Silent(why) => Some(silent(&host.side, name, why)),
        Admission::DeniedByOther(why) => Some(denied_by_other(&host.side, name, why)),
        Admission::Unasked(MemberHealth::Alive) => Some(Report::unknown(
            &host.side,
            format!(
                "whether its webhook allows the deletion of the Cluster \"{name}\", which a dry run on the client's side does not ask; the \
                 member answers, so it should"
            ),
        )),
        Admission::Unasked(MemberHealth::Doubtful(against)) => Some(
            Report::unknown(
                &host.side,
                format!(
                    "whether its webhook allows the deletion of the Cluster \"{name}\", which a dry run on the client's side does not ask; \
                     probably not: {}",
                    against.join("; ")
                ),
            )
            .hint("ask it: `--dry-run=server`"),
        ),
    };
    of(&host.side, report)
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
    CHECK.named(vec![report]).pop()
}

fn not_called(side: &Side, name: &str, why: &str) -> Report {
    let pods =
        Kubectl::on(side).namespace("kubesphere-system").words("get pods -l app=ks-controller-manager");
    Report::failure(
        side,
        format!("its webhook cannot be asked whether the Cluster \"{name}\" may be deleted, which says nothing about the member: {why}"),
    )
    .hint(format!(
        "see that ks-controller-manager runs, and why it does not answer: `{pods}`; then run the same command again"
    ))
}

fn silent(side: &Side, name: &str, why: &str) -> Report {
    not_called(side, name, why)
        .hint(format!("if it stays away, and the member is gone for good: {}", by_force(side, name)))
}

fn denied_by_other(side: &Side, name: &str, why: &str) -> Report {
    Report::failure(
        side,
        format!("something else than KubeSphere's webhook keeps the Cluster \"{name}\" from being deleted: {why}"),
    )
    .hint("have the policy behind that webhook admit this Cluster, or bring that webhook back; `--force` does not touch it")
}

/// The webhook cannot ask the member, and nobody needs to bring that back.
fn locked_out(unjoining: &Unjoining<'_>, host: &Side, name: &str, why: &str) -> Report {
    let member = unjoining.member.map(|member| &member.side);
    let message = format!(
        "its webhook would deny the deletion of the Cluster \"{name}\", which would hang forever: the kubeconfig that \
         the host has stored no longer works: {why}"
    );
    let renewal = renewal(host, member, name);
    Report::failure(host, message)
        .hint(format!("store a new one: `{renewal}`; then run the same command again"))
        .hint(format!("if the member is gone for good: {}", by_force(host, name)))
}

/// What takes out a member that is gone for good. A fleet file's members are not taken out so.
pub fn by_force(host: &Side, name: &str) -> String {
    match host.entry() {
        Some(_) => format!("`{}`", removal(host, name)),
        None => "the same command with `--force`".to_owned(),
    }
}

fn denial(side: &Side, name: &str, why: &str) -> Report {
    Report::failure(
        side,
        format!(
            "its webhook would deny the deletion of the Cluster \"{name}\", which would hang forever: {why}"
        ),
    )
    .hint("bring the member back, or fix its address or credential in the Cluster, and run the same command again")
    .hint(format!("if the member is gone for good: {}", by_force(side, name)))
}

#[cfg(test)]
#[path = "member_readiness_tests.rs"]
mod tests;
