use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use kubesphere::cluster::RegisteredCluster;
use serde_json::{Value, json};

use super::CHECK;
use crate::checks::fixture::{Case, cluster, host_cluster, with_conditions};

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
    assert!(says(nameless(), NOW, true)[0].starts_with(
        "warning member \"edge-1\": its Cluster \"edge-1\" is ready, but the member's ks-apiserver"
    ));
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
    let said = "member \"edge-1\": the credential in its Cluster \"edge-1\"";
    assert_eq!(says(storing(now - 5), NOW, true), [format!("failure {said} expired on 2026-01-01")]);
    assert_eq!(says(storing(now - 5), NOW, false), [format!("warning {said} expired on 2026-01-01")]);
    let soon = now + 3 * 24 * 3600;
    assert_eq!(says(storing(soon), NOW, true), [format!("warning {said} expires on 2026-01-04, in 3 days")]);
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
    let masked = Case::new().joined().registered([host_cluster("host"), at("https://jane:word@10.0.0.1")]);
    let masked = masked.host(|host| host.clock.now = NOW.parse().unwrap()).checking();
    assert!(!format!("{:?}{}", masked.says(&CHECK), masked.hints(&CHECK)).contains("word@"));
}

#[test]
fn without_a_member_every_registered_one_is_told() {
    let conditions = json!([condition("Federated", "False", "Unauthorized")]);
    let unready = with_conditions(&cluster("edge-2", "uid-of-edge-2"), &conditions);
    let case = Case::new().joined().registered([host_cluster("host"), ready(), unready]).checking();
    let case =
        case.host(|host| host.clock.now = NOW.parse().unwrap()).wanting(|intent| intent.members.clear());
    let said = "failure host \"prod\": the Cluster \"edge-2\" is not ready: Federated is False: Unauthorized";
    assert_eq!(case.says(&CHECK), [said]);
}
