//! All checks, in the order in which their findings are reported.

use kubesphere::{side::Side, versions::Generation};

use super::{
    Clusters, Finding, Report, Silence, Silent, Situation, Unjoining, Verdict, access_token_max_age,
    api_reachable, clock_skew, cluster_name, cluster_webhook, configuration_shape, core_release,
    default_storage_class, different_clusters, expected, federation_health, host_cluster_name,
    host_in_effect, host_role, installer_present, installer_run, jwt_secret, jwt_secret_places, ks_apiserver,
    kubesphere_version, left_webhook, leftover_probe_pods, legacy_token_secrets, managed_elsewhere,
    member_credential, member_credential_lifetime, member_in_effect, member_leftovers, member_reachable,
    member_readiness, member_registration, member_role, member_server_address, member_server_certificate,
    member_server_loopback, member_versions,
    only_cause::only_causes,
    permissions, prepared, recent_rotation, renewed_cluster, restarts, rotated_members,
    rule::{Outcome, Reason, Rule, Unasked, Whose},
    short_name, terminating_namespaces,
};
use crate::plan::{observed::Observed, operation::Operation, skipped::Skipped};

/// A check: pure functions over what was observed.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The id, in kebab case.
    pub id: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Whether `--skip-check` may turn its obstacle into a warning. Never so for identity, role
    /// transitions, the secret's sanity and permissions.
    pub skippable: bool,
    /// What it asks, of which operations.
    pub rules: &'static [Rule],
    /// Why it does not ask the others.
    pub unasked: &'static [Reason],
}

#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    Joining(&'a Situation<'a>),
    Unjoining(&'a Unjoining<'a>),
}

/// The checks of one look.
pub const CHECKS: &[Check] = &[
    api_reachable::CHECK,
    kubesphere_version::CHECK,
    member_versions::CHECK,
    installer_present::CHECK,
    configuration_shape::CHECK,
    different_clusters::CHECK,
    renewed_cluster::CHECK,
    host_role::CHECK,
    host_cluster_name::CHECK,
    host_in_effect::CHECK,
    member_role::CHECK,
    core_release::CHECK,
    left_webhook::CHECK,
    member_in_effect::CHECK,
    prepared::CHECK,
    rotated_members::CHECK,
    recent_rotation::CHECK,
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
    terminating_namespaces::CHECK,
    default_storage_class::CHECK,
    federation_health::CHECK,
    ks_apiserver::CHECK,
    installer_run::CHECK,
    restarts::CHECK,
    expected::CHECK,
];

/// What is found out otherwise, later or only when asked for.
const PROBES: &[Check] = &[member_reachable::CHECK, leftover_probe_pods::CHECK, cluster_webhook::CHECK];

/// Why nothing is known of a cluster.
pub const NO_ANSWER: &str = "it gave no usable answer";

/// Runs every check; obstacles of the `skipped` ones become warnings.
pub fn run(subject: Subject<'_>, skipped: &Skipped) -> Vec<Finding> {
    only_causes(every_check().flat_map(|check| check.skipping(check.reports(subject), skipped)).collect())
}

/// Every check, however it is found out.
pub fn every_check() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().chain(PROBES)
}

/// What is found out of the host later, where it gave no usable answer.
pub fn unanswered(host: &Side) -> Vec<Finding> {
    let unknown = |check: &Check| check.named(vec![Report::unknown(host, NO_ANSWER)]);
    [leftover_probe_pods::CHECK, cluster_webhook::CHECK].iter().flat_map(unknown).collect()
}

/// The ids that `--skip-check` takes.
pub fn skippable_ids() -> impl Iterator<Item = &'static str> {
    every_check().filter(|check| check.skippable).map(|check| check.id)
}

impl Subject<'_> {
    fn operation(&self) -> Operation {
        match self {
            Self::Joining(situation) => situation.intent.operation,
            Self::Unjoining(_) => Operation::Unjoin,
        }
    }

    /// The host's, which decides how a member is taken in; 3 where that is not known.
    fn generation(&self) -> Generation {
        let host = match self {
            Self::Joining(situation) => situation.host,
            Self::Unjoining(unjoining) => unjoining.host,
        };
        host.and_then(Observed::generation).unwrap_or(Generation::Three)
    }

    fn clusters(&self) -> Clusters<'_> {
        match self {
            Self::Joining(situation) => situation.clusters(),
            Self::Unjoining(unjoining) => unjoining.clusters(),
        }
    }
}

impl Rule {
    /// Nothing where it does not apply, or is found out later.
    fn outcome(&self, subject: Subject<'_>) -> Option<Outcome> {
        if !self.applies_to(subject.operation(), subject.generation()) {
            return None;
        }
        match (self, subject) {
            (Self::Clusters(_, ask), _) => Some(ask(&subject.clusters())),
            (
                Self::Joining(_, ask) | Self::Federating(_, ask) | Self::Installing(_, ask),
                Subject::Joining(situation),
            ) => Some(ask(situation)),
            (Self::Unjoining(ask), Subject::Unjoining(unjoining)) => Some(ask(unjoining)),
            (
                Self::Joining(..)
                | Self::Federating(..)
                | Self::Installing(..)
                | Self::Unjoining(_)
                | Self::Later(_),
                _,
            ) => None,
        }
    }
}

impl Check {
    /// Why this operation does not ask it, on a host of this KubeSphere.
    pub fn reason(&self, operation: Operation, generation: Generation) -> Option<&'static str> {
        let applies = self.unasked.iter().find(|reason| reason.applies_to(operation, generation));
        applies.map(|reason| reason.why)
    }

    pub(super) fn reports(&self, subject: Subject<'_>) -> Vec<Report> {
        if let Some(why) = self.reason(subject.operation(), subject.generation()) {
            return vec![Report::skipped(why)];
        }
        match self.outcomes(subject) {
            (Some(found), _) => with_silent(subject, each_once(found)),
            (None, Some(Unasked::Because(why))) => vec![Report::skipped(why)],
            (None, Some(Unasked::Unanswered(whose))) => silent(subject, whose),
            (None, None) => Vec::new(),
        }
    }

    /// What the rules found that had something to look at, and why others had not.
    pub(super) fn outcomes(&self, subject: Subject<'_>) -> (Option<Vec<Report>>, Option<Unasked>) {
        let outcomes = self.rules.iter().filter_map(|rule| rule.outcome(subject));
        let (found, unasked): (Vec<_>, Vec<_>) = outcomes.partition(Result::is_ok);
        let looked = !found.is_empty();
        let found = found.into_iter().flatten().flatten().collect();
        (looked.then_some(found), unasked.into_iter().filter_map(Result::err).max())
    }

    /// Puts the check's name to its reports.
    pub(super) fn named(&self, reports: Vec<Report>) -> Vec<Finding> {
        self.skipping(reports, &Skipped::default())
    }

    /// The same, with warnings in place of the obstacles that are skipped.
    pub(super) fn skipping(&self, reports: Vec<Report>, skipped: &Skipped) -> Vec<Finding> {
        let finding = |report: Report| {
            let skip = self.skippable && skipped.has(self.id, report.side.as_ref());
            self.finding(report, skip)
        };
        reports.into_iter().map(finding).collect()
    }

    fn finding(&self, mut report: Report, skip: bool) -> Finding {
        if skip && report.verdict == Verdict::Failure {
            report.verdict = Verdict::Warning;
            report.message.push_str(" (skipped)");
            report.hints.clear();
        }
        Finding { id: self.id, title: self.title, report }
    }
}

/// A cluster holds once, and only where no rule has anything to say of it.
fn each_once(found: Vec<Report>) -> Vec<Report> {
    let (holding, mut told): (Vec<_>, Vec<_>) = found.into_iter().partition(Report::is_mere_ok);
    for one in holding {
        if told.iter().all(|report| report.side != one.side) {
            told.push(one);
        }
    }
    told
}

/// With the clusters of these kinds that did not answer, and of which nothing was said.
fn with_silent(subject: Subject<'_>, mut found: Vec<Report>) -> Vec<Report> {
    for whose in [Whose::Host, Whose::Members] {
        if found.iter().filter_map(|report| report.side.as_ref()).any(|side| whose.concerns(side)) {
            let silent = silent(subject, whose).into_iter();
            let untold: Vec<_> =
                silent.filter(|one| found.iter().all(|report| report.side != one.side)).collect();
            found.extend(untold);
        }
    }
    found
}

/// A cluster that does not answer ends what would change it, and nothing more is asked; a look tells all that stays
/// unknown.
fn silent(subject: Subject<'_>, whose: Whose) -> Vec<Report> {
    let changes = subject.operation().changes_clusters();
    let of_silent = |silent: &Silent| match silent.silence {
        Silence::Unasked => Report::of(Verdict::Skipped, &silent.side, silent.message.clone()),
        _ if changes => Report::of(Verdict::Skipped, &silent.side, NO_ANSWER),
        _ => Report::of(Verdict::Unknown, &silent.side, NO_ANSWER),
    };
    let silent = subject.clusters().silent.iter().filter(|silent| whose.concerns(&silent.side));
    silent.map(of_silent).collect()
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
