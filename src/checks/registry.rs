//! All checks, in the order in which their findings are reported.

use super::{
    Finding, Report, Situation, Verdict, access_token_max_age, api_reachable, clock_skew, cluster_name,
    cluster_webhook, configuration_shape, default_storage_class, different_clusters, federation_health,
    host_cluster_name, host_in_effect, host_role, installer_present, installer_run, jwt_secret,
    jwt_secret_places, ks_apiserver, kubesphere_version, leftover_probe_pods, legacy_token_secrets,
    managed_elsewhere, member_credential, member_credential_lifetime, member_in_effect, member_leftovers,
    member_reachable, member_readiness, member_registration, member_role, member_server_address,
    member_server_certificate, member_server_loopback, member_versions, permissions, prepared,
    renewed_cluster, restarts, short_name,
};

/// A check: a pure function over what was observed.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The id, in kebab case.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Whether `--skip-check` may turn its obstacle into a warning. Never so for identity, role
    /// transitions, the secret's sanity and permissions.
    pub skippable: bool,
    /// What it has to say; nothing if it holds.
    pub run: fn(&Situation<'_>) -> Vec<Report>,
}

/// The checks of a situation.
pub const CHECKS: &[Check] = &[
    api_reachable::CHECK,
    kubesphere_version::CHECK,
    member_versions::CHECK,
    installer_present::CHECK,
    configuration_shape::CHECK,
    different_clusters::CHECK,
    host_role::CHECK,
    host_cluster_name::CHECK,
    host_in_effect::CHECK,
    member_role::CHECK,
    member_in_effect::CHECK,
    prepared::CHECK,
    renewed_cluster::CHECK,
    member_registration::CHECK,
    cluster_name::CHECK,
    member_readiness::CHECK,
    member_leftovers::CHECK,
    jwt_secret::CHECK,
    jwt_secret_places::CHECK,
    access_token_max_age::CHECK,
    clock_skew::CHECK,
    legacy_token_secrets::CHECK,
    member_credential::CHECK,
    member_credential_lifetime::CHECK,
    member_server_loopback::CHECK,
    member_server_address::CHECK,
    member_server_certificate::CHECK,
    permissions::CHECK,
    managed_elsewhere::CHECK,
    short_name::CHECK,
    default_storage_class::CHECK,
    federation_health::CHECK,
    ks_apiserver::CHECK,
    installer_run::CHECK,
    restarts::CHECK,
];

/// What is found out otherwise than from a situation, later or only when asked for; these run nothing.
const PROBES: &[Check] = &[member_reachable::CHECK, leftover_probe_pods::CHECK, cluster_webhook::CHECK];

/// Runs every check; obstacles of the `skipped` ones become warnings.
pub fn run(situation: &Situation<'_>, skipped: &[String]) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| check.findings(situation, skipped)).collect()
}

/// Runs these checks, where others mean nothing.
pub(super) fn run_only(checks: &[&Check], situation: &Situation<'_>) -> Vec<Finding> {
    checks.iter().flat_map(|check| check.findings(situation, &[])).collect()
}

/// Every check, however it is found out.
pub fn every_check() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().chain(PROBES)
}

/// The ids that `--skip-check` takes.
pub fn skippable_ids() -> impl Iterator<Item = &'static str> {
    every_check().filter(|check| check.skippable).map(|check| check.id)
}

impl Check {
    fn findings(&self, situation: &Situation<'_>, skipped: &[String]) -> Vec<Finding> {
        let mut reports = (self.run)(situation);
        if reports.is_empty() {
            reports.push(nothing_to_say(situation));
        }
        self.named(reports, skipped)
    }

    /// Puts the check's name to its reports.
    pub(super) fn named(&self, reports: Vec<Report>, skipped: &[String]) -> Vec<Finding> {
        let skip = self.skippable && skipped.iter().any(|id| id == self.id);
        reports.into_iter().map(|report| self.finding(report, skip)).collect()
    }

    fn finding(&self, mut report: Report, skip: bool) -> Finding {
        if skip && report.verdict == Verdict::Failure {
            report.verdict = Verdict::Warning;
            report.message.push_str(" (skipped)");
            report.cures.clear();
        }
        Finding { id: self.id, title: self.title, report }
    }
}

/// A check holds of those that answered; a report says of whom it cannot be told.
fn nothing_to_say(situation: &Situation<'_>) -> Report {
    let silent: Vec<String> = situation.silent.iter().map(|silent| silent.side.to_string()).collect();
    let told = situation.observed().next().is_some() || silent.is_empty() || !situation.checks_only();
    let verdict = if told { Verdict::Ok } else { Verdict::Unknown };
    let names = silent.join(", ");
    let message = if silent.is_empty() { String::new() } else { format!("not checked: {names}") };
    Report { side: None, verdict, message, cures: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CHECKS, PROBES, every_check, run};
    use crate::{
        checks::{Silent, Verdict, fixture::Case},
        kubesphere::side::Side,
        plan::observed::Seen,
    };

    #[test]
    fn ids_are_unique_and_in_kebab_case() {
        let ids: BTreeSet<_> = every_check().map(|check| check.id).collect();
        assert_eq!(ids.len(), CHECKS.len() + PROBES.len());
        for id in ids {
            assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()), "{id}");
        }
    }

    #[test]
    fn identity_roles_secret_and_permissions_cannot_be_skipped() {
        let fixed = [
            "different-clusters",
            "host-role",
            "member-role",
            "prepared",
            "renewed-cluster",
            "member-registration",
            "jwt-secret",
            "permissions",
        ];
        for id in fixed {
            assert!(!CHECKS.iter().find(|check| check.id == id).unwrap().skippable, "{id}");
        }
    }

    #[test]
    fn a_healthy_join_has_one_ok_for_each_check() {
        let findings = Case::new().with_situation(|situation| run(situation, &[]));
        let ok: Vec<_> = findings.iter().filter(|finding| finding.report.verdict == Verdict::Ok).collect();
        assert_eq!((ok.len(), findings.len()), (CHECKS.len(), CHECKS.len()), "{findings:?}");
    }

    #[test]
    fn what_did_not_answer_is_no_part_of_what_holds() {
        let silent = Silent { side: Side::member("edge-1"), message: "no".to_owned(), hints: Vec::new() };
        let findings = Case::new().silent_member(silent).with_situation(|situation| run(situation, &[]));
        let held = findings.iter().filter(|finding| finding.report.verdict == Verdict::Ok);
        assert!(held.clone().count() > 1);
        assert!(held.clone().all(|finding| finding.report.message == "not checked: member \"edge-1\""));
    }

    #[test]
    fn a_skipped_obstacle_becomes_a_warning_and_another_stays() {
        let case = Case::new().wanting_cluster(|cluster| cluster.server = "https://localhost".to_owned());
        let case = case.host(|host| host.nodes = Seen::Unreadable("forbidden".to_owned()));
        let verdict = |skipped: &[String]| {
            let findings = case.with_situation(|situation| run(situation, skipped));
            let found = findings.into_iter().find(|finding| finding.id == "member-server-loopback").unwrap();
            (found.report.verdict, found.report.message.ends_with("(skipped)"))
        };
        assert_eq!(verdict(&[]), (Verdict::Failure, false));
        assert_eq!(verdict(&["permissions".to_owned()]), (Verdict::Failure, false));
        assert_eq!(verdict(&["member-server-loopback".to_owned()]), (Verdict::Warning, true));
    }
}
