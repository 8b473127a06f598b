use std::collections::BTreeSet;

use kubesphere::{
    side::Side,
    versions::Generation::{Four, Three},
};

use super::{super::prepared, CHECKS, NO_ANSWER, PROBES, Subject, every_check, run};
use crate::{
    checks::{
        Finding, Silence, Silent, Verdict,
        fixture::{Case, cluster, host_cluster},
    },
    plan::{
        observed::Seen,
        operation::Operation::{self, Join, Renew},
        skipped::Skipped,
    },
};

fn found(case: &Case) -> Vec<Finding> {
    case.with_situation(|situation| run(Subject::Joining(situation), &Skipped::default()))
}

/// The ids of the checks that ended so.
fn ended(findings: &[Finding], verdict: Verdict) -> Vec<&str> {
    let ended = findings.iter().filter(|finding| finding.report.verdict == verdict);
    ended.map(|finding| finding.id).collect()
}

#[test]
fn ids_are_unique_and_in_kebab_case() {
    let ids: BTreeSet<_> = every_check().map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len() + PROBES.len());
    for id in ids {
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit()), "{id}");
    }
}

#[test]
fn every_check_has_a_rule_or_a_reason_for_every_operation() {
    for check in every_check() {
        for operation in Operation::ALL {
            for generation in [Three, Four] {
                let asks = check.rules.iter().any(|rule| rule.applies_to(operation, generation));
                let reason = check.reason(operation, generation);
                assert!(asks || reason.is_some(), "{} for {operation:?} on {generation:?}", check.id);
                assert!(reason.is_none_or(|why| !why.is_empty() && !why.ends_with('.')), "{}", check.id);
                let of_operation = check.unasked.iter().filter(|reason| reason.generation.is_none());
                let unasked = of_operation.filter(|reason| reason.applies_to(operation, generation)).count();
                assert!(unasked <= usize::from(!asks), "{} for {operation:?} on {generation:?}", check.id);
            }
        }
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

/// Of these clusters nothing was looked at closer.
#[test]
fn in_a_healthy_join_what_was_looked_at_holds_and_all_else_is_skipped() {
    let findings = found(&Case::new());
    let skipped = ended(&findings, Verdict::Skipped);
    assert_eq!(
        skipped,
        [
            "renewed-cluster",
            "host-cluster-name",
            "host-in-effect",
            "ks-core-release",
            "leftover-cluster-webhook",
            "member-in-effect",
            "prepared",
            "rotated-members",
            "recent-rotation",
            "member-readiness",
            "member-leftovers",
            "access-token-max-age",
            "member-credential-lifetime",
            "member-server-certificate",
            "short-name-cc",
            "terminating-namespaces",
            "default-storage-class",
            "federation-health",
            "ks-apiserver",
            "installer-run",
            "restarts",
            "expected-state",
            "leftover-probe-pods",
            "cluster-webhook",
        ]
    );
    assert_eq!(ended(&findings, Verdict::Ok).len() + skipped.len(), findings.len(), "{findings:?}");
    let once: BTreeSet<_> = findings.iter().map(|found| (found.id, found.report.side.clone())).collect();
    assert_eq!(once.len(), findings.len(), "each check once of each cluster");
}

#[test]
fn on_a_host_of_4_what_means_nothing_there_is_skipped_with_the_reason() {
    let findings = found(&Case::of_4());
    let said = |id: &str| {
        let found = findings.iter().find(|finding| finding.id == id).unwrap();
        (found.report.verdict, found.report.message.as_str())
    };
    let no_installer = "KubeSphere 4 has no ks-installer and no ClusterConfiguration";
    for id in ["installer-present", "host-in-effect", "member-in-effect", "installer-run", "short-name-cc"] {
        assert_eq!(said(id), (Verdict::Skipped, no_installer), "{id}");
    }
    for id in ["federation-health", "member-leftovers", "legacy-token-secrets"] {
        assert_eq!(said(id), (Verdict::Skipped, "KubeSphere 4 has no kubefed"), "{id}");
    }
    for id in ["kubesphere-version", "host-role", "member-role", "jwt-secret", "cluster-name"] {
        assert_eq!(said(id), (Verdict::Ok, ""), "{id}");
    }
    assert_eq!(ended(&findings, Verdict::Failure), Vec::<&str>::new());
}

#[test]
fn a_renewal_asks_of_what_it_renews_and_skips_what_it_leaves() {
    let registered = [host_cluster("host"), cluster("edge-1", "uid-of-edge-1")];
    let case = Case::new().joined().registered(registered).wanting(|intent| intent.operation = Renew);
    let findings = found(&case);
    let said = |id: &str| {
        let found = findings.iter().find(|finding| finding.id == id).unwrap();
        (found.report.verdict, found.report.message.as_str())
    };
    for id in ["renewed-cluster", "jwt-secret", "member-credential", "member-server-loopback"] {
        assert_eq!(said(id), (Verdict::Ok, ""), "{id}");
    }
    let whose = "the check `renewed-cluster` asks whose Cluster it is";
    for (id, why) in [
        ("member-registration", whose),
        ("cluster-name", "the Cluster has its name already"),
        ("installer-present", "a renewal runs no installer"),
        ("member-in-effect", "a renewal changes no configuration"),
        ("prepared", "only `import` needs what others have prepared"),
    ] {
        assert_eq!(said(id), (Verdict::Skipped, why), "{id}");
    }
}

#[test]
fn what_did_not_answer_is_no_part_of_what_holds() {
    let silent = Silent {
        side: Side::member("edge-1"),
        message: "no".to_owned(),
        hints: Vec::new(),
        silence: Silence::Lasting,
    };
    let case = Case::new().second_member().silent_member(silent.clone());
    let findings = found(&case);
    let of_silent = |id: &str| {
        let mut of_silent = findings.iter().filter(|found| found.report.side == Some(Side::member("edge-1")));
        of_silent.find(|finding| finding.id == id).map(|finding| finding.report.verdict)
    };
    for id in ["permissions", "member-role", "kubesphere-version", "member-registration"] {
        assert_eq!(of_silent(id), Some(Verdict::Skipped), "{id}");
    }
    assert_eq!(of_silent("api-reachable"), Some(Verdict::Failure));
    assert_eq!(of_silent("host-role"), None, "it is no host");
    let alone = || Case::new().silent_member(silent.clone());
    let said = |case: Case| {
        let found = found(&case).into_iter().find(|finding| finding.id == "member-versions").unwrap();
        (found.report.verdict, found.report.message)
    };
    assert_eq!(said(alone()), (Verdict::Skipped, NO_ANSWER.to_owned()));
    let unknown = (Verdict::Unknown, NO_ANSWER.to_owned());
    assert_eq!(said(alone().checking()), unknown, "a look tells all that it could not look at");
}

#[test]
fn a_skipped_obstacle_becomes_a_warning_and_another_stays() {
    let case = Case::new().wanting_cluster(|cluster| cluster.server = "https://localhost".to_owned());
    let case = case.host(|host| host.surroundings.nodes = Some(Seen::Unreadable("forbidden".to_owned())));
    let verdict = |skipped: &[String]| {
        let findings =
            case.with_situation(|situation| run(Subject::Joining(situation), &Skipped::everywhere(skipped)));
        let found = findings.into_iter().find(|finding| finding.id == "member-server-loopback").unwrap();
        (found.report.verdict, found.report.message.ends_with("(skipped)"))
    };
    assert_eq!(verdict(&[]), (Verdict::Failure, false));
    assert_eq!(verdict(&["permissions".to_owned()]), (Verdict::Failure, false));
    assert_eq!(verdict(&["member-server-loopback".to_owned()]), (Verdict::Warning, true));
}

#[test]
fn what_is_skipped_is_the_least() {
    assert!(Verdict::Skipped < Verdict::Ok && Verdict::Ok < Verdict::Unknown);
    assert_eq!(Verdict::Skipped.as_str(), "skipped");
    let why = Case::new().wanting(|intent| intent.operation = Join).skips(&prepared::CHECK);
    assert_eq!(why.as_deref(), Some("only `import` needs what others have prepared"));
}
