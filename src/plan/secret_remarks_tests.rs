use kubesphere::{jwt_secret::JwtSecret, side::Side};
use serde_json::json;

use super::{of_shown, remarks};
use crate::plan::{
    observed::Seen,
    secret_places::{SecretPlaces, config_with, configuration_asking, fixture},
};

fn host() -> SecretPlaces {
    fixture(Side::host("prod"), "abc")
}

fn member(secret: &str) -> SecretPlaces {
    fixture(Side::member("edge-1"), secret)
}

fn asking(secret: &str) -> Seen<kubesphere::cluster_configuration::ClusterConfiguration> {
    configuration_asking(&json!({"authentication": {"jwtSecret": secret}}))
}

fn said(host: &SecretPlaces, members: &[SecretPlaces]) -> Vec<String> {
    let remarks = remarks(host, members);
    remarks.iter().map(|remark| format!("{}: {}", remark.side, remark.message)).collect()
}

#[track_caller]
fn assert_said(host: &SecretPlaces, members: &[SecretPlaces], beginnings: &[&str]) {
    let said = said(host, members);
    assert_eq!(said.len(), beginnings.len(), "{said:#?}");
    for (said, beginning) in said.iter().zip(beginnings) {
        assert!(said.starts_with(beginning), "{said}");
    }
}

#[test]
fn where_all_agree_there_is_nothing_to_say() {
    let joined = SecretPlaces { devops: config_with("abc"), configuration: asking("abc"), ..member("abc") };
    assert_said(&host(), &[joined], &[]);
}

#[test]
fn another_secret_is_a_member_that_is_not_joined() {
    assert_said(&host(), &[member("xyz")], &["member \"edge-1\": its jwtSecret in effect is not the host's"]);
    let hints = &remarks(&host(), &[member("xyz")])[0].hints;
    assert!(hints[0].contains("`kubectl mc join edge-1 --context prod --dry-run=client`"), "{hints:?}");
}

#[test]
fn a_member_that_a_rotation_has_left_is_told_what_completes_it() {
    let given = SecretPlaces { configuration: asking("abc"), ..host() };
    let asks = json!({"authentication": {"jwtSecret": "xyz"}, "multicluster": {"clusterRole": "member"}});
    let left = SecretPlaces { configuration: configuration_asking(&asks), ..member("xyz") };
    let hints = |host: &SecretPlaces, member: &SecretPlaces| {
        remarks(host, std::slice::from_ref(member))[0].hints.clone()
    };
    let said = hints(&given, &left);
    assert!(said[0].contains("a rotation was broken off"), "{said:?}");
    assert!(said[0].ends_with("`kubectl mc rotate jwt-secret --context prod`"), "{said:?}");
    assert_eq!((said.len(), hints(&host(), &left).len(), hints(&given, &member("xyz")).len()), (2, 1, 1));
}

#[test]
fn a_member_that_is_about_to_get_the_hosts_is_not_told_to_join() {
    let patched = SecretPlaces { configuration: asking("abc"), ..member("xyz") };
    let said = "member \"edge-1\": ClusterConfiguration ks-installer has the host's jwtSecret, and";
    assert_said(&host(), std::slice::from_ref(&patched), &[said]);
    let further = SecretPlaces { secret: Seen::Present(JwtSecret::new("abc")), ..patched };
    let said =
        "member \"edge-1\": ClusterConfiguration ks-installer and Secret kubesphere-secret have the host's";
    assert_said(&host(), &[further], &[said]);
}

#[test]
fn a_host_that_is_about_to_get_another_is_told_what_follows() {
    let host = SecretPlaces { configuration: asking("new"), ..host() };
    let said = "host \"prod\": ClusterConfiguration ks-installer has another jwtSecret, and ConfigMap";
    assert_said(&host, &[member("abc")], &[said]);
    let hints = remarks(&host, &[])[0].hints.join("\n");
    for hint in [
        "`kubectl mc logs --context prod`",
        "rollout restart",
        "`kubectl mc rotate jwt-secret --context prod`",
    ] {
        assert!(hints.contains(hint), "{hints}");
    }
    assert_eq!(of_shown(&host), remarks(&host, &[]));
}

#[test]
fn a_stale_devops_config_is_measured_by_its_own_cluster() {
    let stale = SecretPlaces { devops: config_with("old"), ..member("abc") };
    assert_said(
        &host(),
        std::slice::from_ref(&stale),
        &["member \"edge-1\": ConfigMap devops-config has another"],
    );
    let hints = &remarks(&host(), &[stale])[0].hints;
    assert!(hints[0].contains("edit configmap devops-config"), "{hints:?}");
    assert!(hints[1].contains("restart deployment devops-apiserver devops-controller"), "{hints:?}");
    let apart = SecretPlaces { devops: config_with("xyz"), ..member("xyz") };
    assert_said(&host(), &[apart], &["member \"edge-1\": its jwtSecret in effect is not the host's"]);
}

#[test]
fn without_kubesphere_config_the_copy_counts_and_that_is_said() {
    let unfinished = SecretPlaces { config: Seen::Absent, ..host() };
    assert_said(
        &unfinished,
        &[],
        &["host \"prod\": ConfigMap kubesphere-config is not there: the secret in Secret"],
    );
    let bare = SecretPlaces { secret: Seen::Absent, ..unfinished };
    assert_said(&bare, &[], &["host \"prod\": it has no jwtSecret: "]);
    let empty = SecretPlaces { config: config_with(""), ..host() };
    assert_said(
        &empty,
        &[],
        &[
            "host \"prod\": it has no jwtSecret: authentication.jwtSecret in ConfigMap kubesphere-config is empty",
        ],
    );
}

#[test]
fn what_may_not_be_read_besides_is_said_in_one_line() {
    let forbidden = || "forbidden".to_owned();
    let member = SecretPlaces {
        secret: Seen::Unreadable(forbidden()),
        devops: Seen::Unreadable(forbidden()),
        ..member("abc")
    };
    let line = "member \"edge-1\": it is not known what stands in Secret kubesphere-secret (forbidden), ConfigMap devops-config (forbidden)";
    assert_eq!(said(&host(), &[member]), [line]);
    let unseen = SecretPlaces::unseen(Side::member("edge-2"), "refused");
    assert_said(&host(), &[unseen], &[]);
}

#[test]
fn wrong_contexts_are_told() {
    let again = SecretPlaces { uid: host().uid, ..member("abc") };
    assert_said(&host(), &[again], &["member \"edge-1\": it is the host itself (the UID of kube-system is "]);
    let role = configuration_asking(&json!({"multicluster": {"clusterRole": "member"}}));
    let wrong = SecretPlaces { configuration: role, ..host() };
    assert_said(&wrong, &[], &["host \"prod\": it is a member, and everything is compared with its secret"]);
    let bare = SecretPlaces { config: Seen::Absent, configuration: Seen::Absent, ..member("") };
    assert_said(&host(), &[bare], &["member \"edge-1\": KubeSphere is not installed"]);
}
