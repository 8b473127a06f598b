//! What a renewal sends, when it gives way, and when the controller has taken it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{Before, Membership, RegisteredCluster, Replacement, replacement};

const OLD: &str = "b2xk";
const NEW: &str = "bmV3";

fn cluster(change: &Value) -> RegisteredCluster {
    RegisteredCluster::new(json!({
        "metadata": {"name": "edge-1", "uid": "o", "resourceVersion": "7"},
        "spec": {"connection": {"kubeconfig": OLD, "kubernetesAPIEndpoint": "https://a:6443"}},
    }))
    .patched(change)
}

fn said(found: Option<&RegisteredCluster>, server: &str) -> String {
    match replacement(&cluster(&json!({})), found, &SecretString::from(NEW), server) {
        Replacement::Arrived => "arrived".to_owned(),
        Replacement::Overtaken(how) => how.to_owned(),
        Replacement::Send(patch) => patch.to_string(),
    }
}

#[test]
fn the_patch_holds_for_one_state_of_the_object_and_moves_the_endpoint_with_the_server() {
    let patch: Value = serde_json::from_str(&said(Some(&cluster(&json!({}))), "https://a:6443/")).unwrap();
    assert_eq!(patch["metadata"], json!({"uid": "o", "resourceVersion": "7"}));
    assert_eq!(patch["spec"], json!({"connection": {"kubeconfig": NEW}}));
    let moved: Value = serde_json::from_str(&said(Some(&cluster(&json!({}))), "https://b:6443")).unwrap();
    assert_eq!(moved["spec"]["connection"]["kubernetesAPIEndpoint"], "https://b:6443");
    let unknown = cluster(&json!({"spec": {"connection": {"kubernetesAPIEndpoint": null}}}));
    assert!(!said(Some(&unknown), "https://b:6443").contains("Endpoint"), "the controller fills it");
}

#[test]
fn a_status_written_meanwhile_is_nothing_and_another_kubeconfig_is_left() {
    let later = cluster(&json!({"metadata": {"resourceVersion": "8"}, "status": {"nodeCount": 3}}));
    assert!(said(Some(&later), "https://a:6443").contains("\"resourceVersion\":\"8\""));
    let connection = |kubeconfig: &str| cluster(&json!({"spec": {"connection": {"kubeconfig": kubeconfig}}}));
    assert_eq!(said(Some(&connection("b3RoZXI=")), "https://a:6443"), "changed the kubeconfig of");
    assert_eq!(said(Some(&connection(NEW)), "https://a:6443"), "arrived");
    let moved: Value = serde_json::from_str(&said(Some(&connection(NEW)), "https://b:6443")).unwrap();
    assert_eq!(moved["spec"]["connection"], json!({"kubernetesAPIEndpoint": "https://b:6443"}));
    assert_eq!(said(None, "https://a:6443"), "deleted");
    assert_eq!(said(Some(&cluster(&json!({"metadata": {"uid": "p"}}))), "https://a:6443"), "deleted");
    let going = cluster(&json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    assert_eq!(said(Some(&going), "https://a:6443"), "deleted");
}

fn condition(kind: &str, status: &str, second: u8, message: &str) -> Value {
    json!({"type": kind, "status": status, "lastUpdateTime": format!("2026-01-01T00:00:0{second}Z"), "message": message})
}

fn with(conditions: &[Value]) -> RegisteredCluster {
    cluster(&json!({"status": {"conditions": conditions}}))
}

fn is_waiting(before: &[Value], now: &[Value], membership: Membership) -> bool {
    let told = Before::new(&with(before)).progress(&with(now), membership);
    matches!(told, Membership::Pending(_))
}

#[test]
fn only_what_was_written_since_counts() {
    let old = [condition("Federated", "True", 1, ""), condition("Ready", "True", 1, "")];
    let new = [condition("Federated", "True", 2, ""), condition("Ready", "True", 2, "")];
    assert!(is_waiting(&old, &old, Membership::Joined));
    assert!(!is_waiting(&old, &new, Membership::Joined));
    let lost = [condition("Federated", "False", 1, "expired"), condition("Ready", "False", 1, "")];
    let failing = || Membership::Failing("expired".to_owned());
    assert!(is_waiting(&lost, &lost, failing()), "of the old one");
    assert!(!is_waiting(&lost, &new, Membership::Joined));
    // 3.1, 3.2 and 3.3.0 write Federated alone where they fail.
    let refused = [condition("Federated", "False", 2, "refused"), condition("Ready", "True", 1, "")];
    assert!(!is_waiting(&old, &refused, failing()));
    let half = [condition("Federated", "True", 2, ""), condition("Ready", "True", 1, "")];
    assert!(is_waiting(&old, &half, Membership::Joined), "readiness is not said anew");
    let probed = [condition("Federated", "True", 1, ""), condition("Ready", "True", 2, "")];
    assert!(is_waiting(&old, &probed, Membership::Joined), "a probe began with the old kubeconfig");
    assert_eq!(Before::new(&with(&half)).last_written(), Some("2026-01-01T00:00:02Z".parse().unwrap()));
}

#[test]
fn the_controller_has_to_name_the_end_of_the_new_certificate() {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::default();
    parameters.not_after = date_time_ymd(2030, 1, 2);
    let certificate = STANDARD.encode(parameters.self_signed(&key).unwrap().pem());
    let text = format!("users: [{{name: a, user: {{client-certificate-data: {certificate}}}}}]");
    let naming = |end: &str| {
        let expires = condition("KubeConfigCertExpiresInSevenDays", "False", 2, end);
        let storing = json!({"spec": {"connection": {"kubeconfig": STANDARD.encode(&text)}}});
        with(&[condition("Ready", "True", 2, ""), expires]).patched(&storing)
    };
    let before = Before::new(&with(&[condition("Ready", "True", 1, "")]));
    let told = |end: &str| before.progress(&naming(end), Membership::Joined);
    assert_eq!(told("2030-01-02 00:00:00 +0000 UTC"), Membership::Joined);
    assert_eq!(told(""), Membership::Joined);
    let Membership::Pending(why) = told("2026-01-02 00:00:00 +0000 UTC") else { panic!("it is another") };
    assert_eq!(why, "the controller still sees a certificate that ends on 2026-01-02 00:00:00 +0000 UTC");
}
