//! The host finds its members ready, and says so of late.

use jiff::SignedDuration;

use super::{Check, Report, Situation, Verdict, host_in_effect::controller};
use crate::{
    kubesphere::{
        cluster::{ConditionType, RegisteredCluster},
        command::{Kubectl, Mc},
        installer_log::mask,
        kubesphere_config::DEFAULT_RESYNC,
        readiness::{Membership, is_stale, last_look, membership},
        stored_kubeconfig::StoredKubeconfig,
    },
    plan::{
        intent::MemberIntent,
        lifetime::{SOON, day, end_of_stored, left},
        member_server::storable,
        observed::Observed,
    },
};

pub(super) const CHECK: Check =
    Check { id: "member-readiness", title: "the host finds its members ready", skippable: false, run };

fn run(situation: &Situation<'_>) -> Vec<Report> {
    let Some(host) = situation.host else { return Vec::new() };
    let members = situation.answering_members();
    members.flat_map(|(intent, member)| of_member(situation, host, intent, member)).collect()
}

fn of_member(
    situation: &Situation<'_>,
    host: &Observed,
    intent: &MemberIntent,
    member: &Observed,
) -> Vec<Report> {
    let Some(cluster) = situation.registered(intent, member) else { return Vec::new() };
    // That it is being deleted, or ignored, is cluster-name's.
    if cluster.is_being_deleted() || !cluster.joins_federation() {
        return Vec::new();
    }
    let server = intent.cluster.as_ref().map_or(&member.server, |cluster| &cluster.server);
    let about = About { situation, host, member, cluster, server };
    let reports = [about.unready(), about.stale(), about.unanswered(), about.expiring(), about.elsewhere()];
    reports.into_iter().flatten().collect()
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

    /// A join waits for it.
    fn unready(&self) -> Option<Report> {
        let checks = self.situation.checks_only();
        let (verdict, why) = match self.membership() {
            Membership::Failing(why) if checks => (Verdict::Failure, why),
            Membership::Failing(why) => (Verdict::Warning, why),
            Membership::Pending(what) if checks => (Verdict::Warning, what),
            _ => return None,
        };
        let message = format!("its Cluster \"{}\" is not ready: {why}", self.cluster.name());
        let report = Report::of(verdict, &self.member.side, message);
        // It is the new credential that is to help.
        let renews = self.situation.renews();
        Some(if renews { report } else { report.cure(controller(&self.host.side)) })
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
        (unknown && self.situation.checks_only()).then(|| {
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
            let verdict = if self.situation.checks_only() { Verdict::Failure } else { Verdict::Warning };
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
        let endpoint = self.cluster.endpoint().filter(|_| !self.cluster.leads_to(self.server))?;
        let shown = mask(endpoint);
        // The recorded endpoint may be an old one; what is stored is in use.
        let stored = self.cluster.stored_kubeconfig();
        let kept = storable(stored.as_ref().and_then(StoredKubeconfig::server).unwrap_or(endpoint));
        if self.situation.renews() {
            let message =
                format!("the host reaches it at {shown} until now, and at {} from now on", mask(self.server));
            let report = Report::warning(&self.member.side, message);
            return Some(match kept {
                Some(kept) => {
                    report.cure(format!("if that is not meant: keep it with `--member-server {kept}`"))
                }
                None => report,
            });
        }
        self.situation.checks_only().then(|| {
            let message = format!("the host reaches it at {shown}, and not at {}", mask(self.server));
            let report = Report::warning(&self.member.side, message);
            let report = match kept {
                Some(kept) => report.cure(format!("if that is meant: say so with `--member-server {kept}`")),
                None => report,
            };
            report.cure(format!("if not: {}", self.renewal()))
        })
    }

    /// With the command that makes up for it, unless that is under way.
    fn renewable(&self, report: Report) -> Report {
        if self.situation.renews() { report } else { report.cure(self.renewal()) }
    }

    fn renewal(&self) -> String {
        let renewal = Mc::new("renew").word(self.cluster.name()).host(&self.host.side);
        format!("store a new kubeconfig: `{}`", renewal.member_context(&self.member.side))
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

#[cfg(test)]
mod tests {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    use serde_json::{Value, json};

    use super::CHECK;
    use crate::{
        checks::fixture::{Case, cluster, host_cluster, with_conditions},
        kubesphere::cluster::RegisteredCluster,
    };

    const NOW: &str = "2026-01-01T12:00:00Z";

    fn condition(kind: &str, status: &str, reason: &str) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": "", "lastUpdateTime": NOW})
    }

    fn ready() -> RegisteredCluster {
        let conditions = json!([condition("Federated", "True", ""), condition("Ready", "True", "Ready")]);
        with_conditions(&cluster("edge-1", "uid-of-edge-1"), &conditions)
    }

    fn says(cluster: RegisteredCluster, now: &str, checking: bool) -> Vec<String> {
        let case = Case::new().joined().registered([host_cluster("host"), cluster]);
        let case = case.host(|host| host.clock.now = now.parse().unwrap());
        if checking { case.checking().says(&CHECK) } else { case.says(&CHECK) }
    }

    #[test]
    fn a_member_that_was_lately_found_ready_and_one_that_is_not_registered_are_fine() {
        assert_eq!(says(ready(), "2026-01-01T12:04:29Z", true), Vec::<String>::new());
        assert_eq!(Case::new().checking().says(&CHECK), Vec::<String>::new());
    }

    #[test]
    fn a_member_that_is_not_ready_is_told_with_the_controllers_reason() {
        let conditions = json!([condition("Federated", "False", "dial tcp: connection refused")]);
        let unready = || with_conditions(&cluster("edge-1", "uid-of-edge-1"), &conditions);
        let said = "member \"edge-1\": its Cluster \"edge-1\" is not ready: Federated is False: dial tcp: connection refused";
        assert_eq!(says(unready(), NOW, true), [format!("failure {said}")]);
        assert_eq!(says(unready(), NOW, false), [format!("warning {said}")]);
        let new = says(cluster("edge-1", "uid-of-edge-1"), NOW, true);
        assert!(new[0].starts_with(
            "warning member \"edge-1\": its Cluster \"edge-1\" is not ready: the controller has not"
        ));
    }

    #[test]
    fn readiness_that_nobody_repeats_is_stale_after_two_resyncs() {
        assert_eq!(says(ready(), "2026-01-01T12:04:31Z", true).len(), 1);
        assert_eq!(
            says(ready(), "2026-01-01T15:00:00Z", true),
            [
                "warning member \"edge-1\": whether its Cluster \"edge-1\" is ready was last said 3 h ago, and the host looks every 2 min"
            ]
        );
    }

    #[test]
    fn a_member_whose_kubesphere_is_not_known_is_told_by_a_check() {
        let nameless = || ready().patched(&json!({"status": {"kubeSphereVersion": null}}));
        assert_eq!(says(nameless(), NOW, false), Vec::<String>::new());
        assert!(
            says(nameless(), NOW, true)[0]
                .starts_with("warning member \"edge-1\": it is ready, but its ks-apiserver")
        );
    }

    #[test]
    fn a_certificate_that_ends_is_told_with_its_end() {
        let mut conditions = json!([
            condition("Federated", "True", ""),
            condition("Ready", "True", "Ready"),
            condition("KubeConfigCertExpiresInSevenDays", "True", ""),
        ]);
        conditions[2]["message"] = "2026-01-03 10:00:00 +0000 UTC".into();
        let said = says(with_conditions(&cluster("edge-1", "uid-of-edge-1"), &conditions), NOW, false);
        assert!(
            said[0].starts_with("warning ") && said[0].ends_with(": 2026-01-03 10:00:00 +0000 UTC"),
            "{said:?}"
        );
    }

    #[test]
    fn a_stored_credential_that_ends_is_told_whatever_the_controller_says() {
        let storing = |exp: i64| {
            let claims = URL_SAFE_NO_PAD.encode(format!("{{\"exp\": {exp}}}"));
            let kubeconfig = format!("users: [{{name: a, user: {{token: h.{claims}.s}}}}]");
            let kubeconfig = STANDARD.encode(kubeconfig);
            ready().patched(&json!({"spec": {"connection": {"kubeconfig": kubeconfig}}}))
        };
        let now = NOW.parse::<jiff::Timestamp>().unwrap().as_second();
        let said = "member \"edge-1\": the credential that the host has of it";
        assert_eq!(says(storing(now - 5), NOW, true), [format!("failure {said} has ended on 2026-01-01")]);
        assert_eq!(says(storing(now - 5), NOW, false), [format!("warning {said} has ended on 2026-01-01")]);
        let soon = now + 3 * 24 * 3600;
        assert_eq!(says(storing(soon), NOW, true), [format!("warning {said} ends on 2026-01-04, in 3 days")]);
        assert_eq!(says(storing(now + 90 * 24 * 3600), NOW, true), Vec::<String>::new());
    }

    #[test]
    fn another_address_is_told_by_a_check() {
        let at = |endpoint: &str| {
            let endpoint = json!({"spec": {"connection": {"kubernetesAPIEndpoint": endpoint}}});
            ready().patched(&endpoint)
        };
        assert_eq!(says(at("https://edge-1.example.org:6443/"), NOW, true), Vec::<String>::new());
        assert_eq!(says(at("https://10.0.0.1:6443"), NOW, false), Vec::<String>::new());
        let said = "warning member \"edge-1\": the host reaches it at https://10.0.0.1:6443, and not at https://edge-1.example.org:6443";
        assert_eq!(says(at("https://10.0.0.1:6443"), NOW, true), [said]);
        let meant = Case::new().joined().registered([host_cluster("host"), at("https://10.0.0.1:6443")]);
        let meant = meant.wanting_cluster(|cluster| cluster.server = "https://10.0.0.1:6443".to_owned());
        let meant = meant.host(|host| host.clock.now = NOW.parse().unwrap());
        assert_eq!(meant.checking().says(&CHECK), Vec::<String>::new());
        let masked =
            Case::new().joined().registered([host_cluster("host"), at("https://jane:word@10.0.0.1")]);
        let masked = masked.host(|host| host.clock.now = NOW.parse().unwrap()).checking();
        assert!(!format!("{:?}{}", masked.says(&CHECK), masked.cures(&CHECK)).contains("word@"));
    }
}
