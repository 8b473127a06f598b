use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::Timestamp;
use kubesphere::{cluster::RegisteredCluster, kubesphere_config::KubesphereConfig};
use serde_json::{Value, json};

use super::{cut, reasons};
use crate::plan::{
    registration::{Expiry, Probe, Readiness, Registration, Standard, registrations},
    registration_changes::changes,
};

/// When everything was looked at; created an hour before.
const LOOKED: &str = "2026-01-01T12:00:00Z";
/// A minute later.
const NOW: &str = "2026-01-01T12:01:00Z";
const REFUSED: &str = "Get \"https://10.0.0.1:6443/api/v1/namespaces/kube-federation-system/serviceaccounts/a-kubesphere\": dial tcp 10.0.0.1:6443: connect: connection refused";

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": "", "lastUpdateTime": LOOKED})
}

fn cluster(patch: &Value) -> RegisteredCluster {
    let kubeconfig = STANDARD.encode(
        "{clusters: [{name: a, cluster: {server: 'https://a:6443'}}], users: [{name: a, user: {token: t}}]}",
    );
    let cluster = RegisteredCluster::new(json!({
        "metadata": {"name": "a", "creationTimestamp": "2026-01-01T11:00:00Z"},
        "spec": {"joinFederation": true, "connection": {
            "type": "direct", "kubeconfig": kubeconfig, "kubernetesAPIEndpoint": "https://a:6443"}},
        "status": {"uid": "u", "kubeSphereVersion": "v3.4.1", "conditions": [
            condition("Federated", "True", ""), condition("Ready", "True", "Ready")]},
    }));
    cluster.patched(patch)
}

fn judged_by(patch: &Value, now: &str, config: &str) -> Registration {
    let config = KubesphereConfig::parse(config).unwrap();
    registrations(&[cluster(patch)], &Standard::new(now.parse().unwrap(), Some(&config), None)).remove(0)
}

fn judged(patch: &Value, now: &str) -> Registration {
    judged_by(patch, now, "{multicluster: {enable: true}}")
}

/// What READY shows, and the short reasons.
fn said(patch: &Value, now: &str) -> (&'static str, String) {
    told(&judged(patch, now), now)
}

fn told(registration: &Registration, now: &str) -> (&'static str, String) {
    let reasons = reasons(registration, now.parse().unwrap()).into_iter().map(|reason| reason.short);
    (registration.readiness.as_str(), reasons.collect::<Vec<_>>().join("; "))
}

fn conditions(conditions: &Value) -> Value {
    json!({"status": {"conditions": conditions}})
}

#[test]
fn a_long_reason_is_cut() {
    assert_eq!(cut("short"), "short");
    assert_eq!(cut(&"ä".repeat(500)).chars().count(), 161);
}

#[test]
fn what_was_lately_found_ready_is_ready_without_a_reason() {
    assert_eq!(said(&json!({}), NOW), ("True", String::new()));
}

#[test]
fn ready_without_a_kubesphere_is_not_simply_ready() {
    let silent = json!({"status": {"kubeSphereVersion": ""}});
    assert_eq!(judged(&silent, NOW).readiness, Readiness::KubesphereSilent);
    assert_eq!(said(&silent, NOW), ("True", "its KubeSphere has not answered the host".to_owned()));
}

#[test]
fn what_is_not_ready_says_so_in_the_controllers_innermost_words() {
    let failed = [
        condition("Ready", "False", "Cluster join federation control plane failed"),
        condition("Federated", "False", REFUSED),
    ];
    let failed = conditions(&json!(failed));
    assert_eq!(
        said(&failed, NOW),
        ("False", "dial tcp 10.0.0.1:6443: connect: connection refused".to_owned())
    );
    let whole = reasons(&judged(&failed, NOW), NOW.parse().unwrap()).remove(0).whole;
    assert_eq!(whole, REFUSED);
}

/// KubeSphere 3.3.0 leaves Ready as it was (kubesphere issue 5125).
#[test]
fn what_is_no_more_federated_is_not_ready_whatever_ready_says() {
    let mut stands = [condition("Ready", "True", "Ready"), condition("Federated", "False", "EOF")];
    stands[0]["lastUpdateTime"] = "2025-12-01T00:00:00Z".into();
    assert_eq!(said(&conditions(&json!(stands)), NOW), ("False", "EOF".to_owned()));
}

#[test]
fn what_nobody_has_repeated_for_two_resyncs_is_stale_whatever_it_said() {
    assert_eq!(said(&json!({}), "2026-01-01T12:04:30Z").0, "True");
    assert_eq!(said(&json!({}), "2026-01-01T12:04:31Z").0, "Stale");
    assert_eq!(said(&json!({}), "2026-01-01T12:12:00Z"), ("Stale", "not updated for 12m".to_owned()));
    let failed = conditions(&json!([condition("Federated", "False", REFUSED)]));
    let reason = "not updated for 12m; then not ready: dial tcp 10.0.0.1:6443: connect: connection refused";
    assert_eq!(said(&failed, "2026-01-01T12:12:00Z"), ("Stale", reason.to_owned()));
}

#[test]
fn the_hosts_own_period_decides_what_is_stale() {
    let installed =
        conditions(&json!([condition("KSCoreReady", "True", ""), condition("Ready", "True", "")]));
    let installed = |config: &str, now: &str| judged_by(&installed, now, config).readiness.as_str();
    let of = |config: &str, now: &str| judged_by(&json!({}), now, config).readiness.as_str();
    let seldom = "{multicluster: {enable: true, clusterControllerResyncPeriod: 10m}}";
    assert_eq!([of(seldom, "2026-01-01T12:20:00Z"), of(seldom, "2026-01-01T12:21:00Z")], ["True", "Stale"]);
    let version_4 = "{authentication: {issuer: {jwtSecret: abc}}}";
    assert_eq!(
        [installed(version_4, "2026-01-01T12:30:00Z"), installed(version_4, "2026-01-01T12:31:00Z")],
        ["True", "Stale"]
    );
}

#[test]
fn without_the_configuration_the_hosts_version_tells_the_period() {
    let host = |version: &str| Standard::new(NOW.parse().unwrap(), None, Some(version));
    assert_eq!((host("v3.4.1").resync.as_secs(), host("v3.4.1").is_version_4), (120, false));
    assert_eq!((host("v4.1.3").resync.as_secs(), host("v4.1.3").is_version_4), (900, true));
    assert_eq!(Standard::new(NOW.parse().unwrap(), None, None).resync.as_secs(), 120);
}

#[test]
fn kubesphere_4_knows_no_federation_and_has_its_error_in_the_message() {
    let of = |patch: &Value| {
        let config = "{authentication: {issuer: {jwtSecret: abc}}, multicluster: {hostClusterName: b}}";
        told(&judged_by(patch, NOW, config), NOW)
    };
    let core = |status: &str, message: &str| {
        let core = condition("KSCoreReady", status, "KSCoreReady").to_string();
        let mut core: Value = serde_json::from_str(&core).unwrap();
        core["message"] = message.into();
        core
    };
    let ready = conditions(&json!([core("True", ""), condition("Ready", "True", "Ready")]));
    assert_eq!(of(&ready), ("True", String::new()));
    let mut unfederated = ready.clone();
    unfederated["spec"] = json!({"joinFederation": false});
    assert_eq!(of(&unfederated).0, "True");
    let mut begun = conditions(&json!([]));
    assert_eq!(of(&begun).0, "Unknown", "the controller has not taken it up");
    begun["metadata"] = json!({"finalizers": ["finalizer.cluster.kubesphere.io"]});
    assert_eq!(
        of(&begun),
        ("Installing", "KubeSphere is not installed on it yet, 61m after it was registered: `kubectl mc logs MEMBER` tells what it waits for".to_owned())
    );
    let failed = of(&conditions(&json!([core("False", "KS Core installation failed")])));
    let reinstall = "KS Core installation failed: the host tries again when it has the annotation kubesphere.io/ks-core-action=reinstall";
    assert_eq!(failed, ("False", reinstall.to_owned()));
    let mut failed = condition("Ready", "False", "Ready");
    failed["message"] = "Get \"https://a:6443/version\": EOF".into();
    assert_eq!(of(&conditions(&json!([failed]))), ("False", "EOF".to_owned()));
}

#[test]
fn what_was_not_looked_at_waits_and_is_overlooked_after_two_resyncs() {
    let unseen = |created: &str| json!({"metadata": {"creationTimestamp": created}, "status": null});
    let waiting = ("Waiting", "the controller has not looked at it yet".to_owned());
    assert_eq!(said(&unseen("2026-01-01T12:00:00Z"), NOW), waiting);
    let overlooked = ("Unknown", "the controller has not looked at it in 61m".to_owned());
    assert_eq!(said(&unseen("2026-01-01T11:00:00Z"), NOW), overlooked);
    let half = conditions(&json!([condition("Federated", "True", "")]));
    assert_eq!(said(&half, NOW), ("Waiting", "the controller has not set Ready yet".to_owned()));
}

#[test]
fn what_the_controller_ignores_is_unknown_and_says_why() {
    for (patch, why) in [
        (
            json!({"spec": {"joinFederation": false}}),
            "spec.joinFederation is not true: the controller ignores it forever",
        ),
        (
            json!({"spec": {"connection": {"kubeconfig": null}}}),
            "no kubeconfig is stored: the controller ignores it until there is one",
        ),
        (
            json!({"spec": {"connection": {"kubeconfig": "e3s="}}}),
            "the stored kubeconfig cannot be read: the controller only logs that",
        ),
        (
            conditions(
                &json!([{"type": "Federated", "status": "True"}, {"type": "Ready", "status": "True"}]),
            ),
            "its conditions do not say when they were written",
        ),
    ] {
        assert_eq!(said(&patch, NOW), ("Unknown", why.to_owned()));
    }
}

#[test]
fn a_proxied_member_waits_for_its_agent_or_says_that_it_is_gone() {
    let proxied = |conditions: Value| json!({"spec": {"connection": {"type": "proxy", "kubeconfig": null, "kubernetesAPIEndpoint": null}}, "status": {"conditions": conditions}});
    let waiting = judged(&proxied(Value::Null), NOW);
    assert_eq!(told(&waiting, NOW), ("Waiting", "its agent has not connected yet".to_owned()));
    assert_eq!((waiting.credential.kind.as_str(), waiting.endpoint), ("agent", None));
    let gone = json!([condition("AgentAvailable", "False", "AgentDisconnected")]);
    assert_eq!(
        said(&proxied(gone), NOW),
        ("False", "its agent is not connected: AgentDisconnected".to_owned())
    );
    let connected = json!({"spec": {"connection": {"type": "proxy"}}});
    assert_eq!(said(&connected, NOW), ("True", String::new()));
}

#[test]
fn what_is_being_deleted_says_since_when_and_what_for_it_waits() {
    let deleting = json!({"metadata": {"deletionTimestamp": "2026-01-01T11:58:00Z", "finalizers": ["finalizer.cluster.kubesphere.io"]}});
    let reason = "being deleted for 3m, waits for finalizer.cluster.kubesphere.io";
    assert_eq!(said(&deleting, NOW), ("Deleting", reason.to_owned()));
}

fn storing_until(end: i64) -> Value {
    let claims = URL_SAFE_NO_PAD.encode(format!("{{\"exp\": {end}}}"));
    let kubeconfig = format!(
        "{{clusters: [{{name: a, cluster: {{server: 'https://a:6443'}}}}], users: [{{name: a, user: {{token: h.{claims}.s}}}}]}}"
    );
    json!({"spec": {"connection": {"kubeconfig": STANDARD.encode(kubeconfig)}}})
}

#[test]
fn the_end_of_a_credential_is_told_in_its_last_week_and_after_it() {
    let now = NOW.parse::<Timestamp>().unwrap().as_second();
    let day = 24 * 3600;
    assert_eq!(said(&storing_until(now + 8 * day), NOW), ("True", String::new()));
    assert_eq!(said(&storing_until(now + 3 * day), NOW), ("True", "its token expires in 3d".to_owned()));
    assert_eq!(said(&storing_until(now - 7200), NOW), ("True", "its token expired 120m ago".to_owned()));
    assert_eq!(judged(&storing_until(now), NOW).expiry, Expiry::Ended);
}

#[test]
fn what_the_controller_says_of_an_end_counts_where_nothing_else_tells() {
    let mut ends = condition("KubeConfigCertExpiresInSevenDays", "True", "");
    ends["message"] = "2026-01-03 10:00:00 +0000 UTC".into();
    let all = [condition("Federated", "True", ""), condition("Ready", "True", "Ready"), ends];
    let (_, reason) = said(&conditions(&json!(all)), NOW);
    assert_eq!(reason, "its token expires within a week, or has expired: 2026-01-03 10:00:00 +0000 UTC");
}

#[test]
fn a_host_of_4_tells_when_a_certificate_ends_and_no_more_than_that() {
    let mut ends = condition("KubeConfigCertExpiresInSevenDays", "", "");
    ends["message"] = "2026-01-03 12:01:00 +0000 UTC".into();
    let all = [condition("KSCoreReady", "True", ""), condition("Ready", "True", "Ready"), ends];
    let of_4 = judged_by(&conditions(&json!(all)), NOW, "authentication: {issuer: {jwtSecret: abc}}");
    assert_eq!((of_4.expiry, of_4.said_to_expire.as_deref()), (Expiry::Soon, None));
    assert_eq!(told(&of_4, NOW).1, "its token expires in 2d");
}

#[test]
fn a_member_that_is_registered_twice_says_so_in_both_rows() {
    let second = cluster(&json!({"metadata": {"name": "b"}}));
    let third = cluster(&json!({"metadata": {"name": "c"}, "status": {"uid": "v"}}));
    let standard = Standard::new(NOW.parse().unwrap(), None, None);
    let all = registrations(&[third, second, cluster(&json!({}))], &standard);
    let said: Vec<String> = all.iter().map(|one| told(one, NOW).1).collect();
    let twice = |name: &str| format!("the same cluster is registered as \"{name}\"");
    assert_eq!(said, [twice("b"), twice("a"), String::new()]);
}

#[test]
fn a_kubeconfig_that_leads_elsewhere_is_told() {
    let moved = json!({"spec": {"connection": {"kubernetesAPIEndpoint": "https://old:6443"}}});
    assert_eq!(said(&moved, NOW).1, "the stored kubeconfig points to https://a:6443");
    let unfilled = json!({"spec": {"connection": {"kubernetesAPIEndpoint": null}}});
    assert_eq!(judged(&unfilled, NOW).endpoint.as_deref(), Some("https://a:6443"));
}

#[test]
fn what_a_member_says_itself_changes_no_readiness() {
    let probed = |probe| told(&Registration { probe: Some(probe), ..judged(&json!({}), NOW) }, NOW);
    assert_eq!(probed(Probe::Answered), ("True", String::new()));
    assert_eq!(probed(Probe::AnsweredUnproven).1, "answers from here; the host knows no UID to compare");
    let other = probed(Probe::OtherSecret).1;
    assert!(other.contains("its jwtSecret is not the host's: a rotation was broken off"), "{other}");
    let untold = probed(Probe::SecretUntold("forbidden".to_owned())).1;
    assert_eq!(untold, "whether it has the host's jwtSecret is not known: forbidden");
    let failed = Probe::Failed("the connection to 10.0.0.1:6443 was refused".to_owned());
    assert_eq!(probed(failed), ("True", "from here: the connection to 10.0.0.1:6443 was refused".to_owned()));
    let other = Probe::OtherCluster("w".to_owned());
    assert_eq!(probed(other), ("True", "another cluster answers there, with the UID w".to_owned()));
}

#[test]
fn annotations_that_may_hold_a_secret_are_left_out() {
    let annotations = json!({"metadata": {"annotations": {
        "kubesphere.io/alias-name": "Paris", "team": "edge", "kubectl.kubernetes.io/last-applied-configuration": "{\"spec\": {}}",
        "vault-token": "abc", "note": "password: abc", "long": "x".repeat(300),
    }}});
    let kept: Vec<String> = judged(&annotations, NOW).annotations.into_keys().collect();
    assert_eq!(kept, ["kubesphere.io/alias-name", "team"]);
}

#[test]
fn only_what_a_row_says_is_a_change() {
    let before = [judged(&json!({}), NOW)];
    let mut later = [condition("Federated", "True", ""), condition("Ready", "True", "Ready")];
    for condition in &mut later {
        condition["lastUpdateTime"] = NOW.into();
    }
    let looked_again = [judged(&conditions(&json!(later)), "2026-01-01T12:02:00Z")];
    assert_ne!(before[0].looked_at, looked_again[0].looked_at);
    assert_eq!(changes(&before, &looked_again), []);
    let more_nodes = [judged(&json!({"status": {"nodeCount": 4}}), NOW)];
    assert_eq!(changes(&before, &more_nodes), more_nodes);
    let stale = [judged(&json!({}), "2026-01-01T13:00:00Z")];
    assert_eq!(changes(&before, &stale), stale, "by time alone");
    let staler = [judged(&json!({}), "2026-01-01T14:00:00Z")];
    assert_eq!(changes(&stale, &staler), []);
}

#[test]
fn what_is_new_or_gone_is_a_change() {
    let one = judged(&json!({}), NOW);
    let all = [one];
    assert_eq!(changes(&[], &all), all);
    let gone = changes(&all, &[]);
    assert_eq!((gone.len(), told(&gone[0], NOW)), (1, ("Deleted", String::new())));
}
