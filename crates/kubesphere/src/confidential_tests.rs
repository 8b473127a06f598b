use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "PosTp5TZHR8P30hbCWJJVNfCpk1fGB3Z";

fn redacted(value: &Value) -> String {
    redact_body(value.to_string().as_bytes())
}

#[test]
fn a_fingerprint_is_eight_digits() {
    assert_eq!(fingerprint(SECRET).len(), "sha256:".len() + 8);
    assert_eq!(fingerprint("abc"), "sha256:ba7816bf");
}

#[test]
fn a_cluster_configuration_keeps_all_but_its_secrets() {
    let shown = redacted(&json!({
        "kind": "ClusterConfiguration",
        "spec": {
            "authentication": {"jwtSecret": SECRET, "adminPassword": "P@88w0rd"},
            "common": {"redis": {"enabled": true, "enableHA": false}, "es": {"basicAuth": {"password": 123_456}}},
            "multicluster": {"clusterRole": "member"},
            "alerting": {"jwtSecret": ""}
        }
    }));
    assert!(shown.contains(&fingerprint(SECRET)) && shown.contains("\"clusterRole\":\"member\""), "{shown}");
    assert!(shown.contains("\"adminPassword\":\"***\"") && shown.contains("\"jwtSecret\":\"\""), "{shown}");
    assert!(!shown.contains("123456"), "{shown}");
}

#[test]
fn names_tell_what_is_confidential() {
    for key in ["bindPwd", "bindPass", "PASSWD", "auth", "passphrase", "tls.key", "jwt_secret", "kubeconfig"]
    {
        assert!(is_confidential(key), "{key}");
    }
    for key in
        ["oauth", "auths", "authType", "key", "secretName", "tokenType", "accessTokenMaxAge", "bypassed"]
    {
        assert!(!is_confidential(key), "{key}");
    }
}

#[test]
fn a_secret_compares_with_the_value_elsewhere() {
    let data = json!({"secret": STANDARD.encode(SECRET), "initAdminPassword": STANDARD.encode("P@88w0rd")});
    let single = json!({"kind": "Secret", "data": data, "stringData": {"token": "eyJhbGciOi"}});
    let listed =
        json!({"kind": "SecretList", "items": [{"metadata": {"name": "kubesphere-secret"}, "data": data}]});
    let mixed = json!({"kind": "List", "items": [single]});
    for value in [&single, &listed, &mixed, &json!({"data": data})] {
        let shown = redacted(value);
        assert!(shown.contains(&fingerprint(SECRET)), "{shown}");
        assert!(shown.contains("\"initAdminPassword\":\"***\""), "{shown}");
        assert!(!shown.contains("eyJhbGciOi"), "{shown}");
    }
    assert!(redacted(&listed).contains("kubesphere-secret"));
}

#[test]
fn the_yaml_of_kubesphere_config_is_redacted_inside() {
    let yaml = format!(
        "authentication:\n  # old: {SECRET}x\n  jwtSecret: \"{SECRET}\"\nmulticluster:\n  clusterRole: host\nredis:\n  password: hunter22hunter22\n"
    );
    let shown = redacted(&json!({"kind": "ConfigMap", "data": {"kubesphere.yaml": yaml}}));
    assert!(shown.contains("clusterRole: host") && shown.contains(&fingerprint(SECRET)), "{shown}");
    assert!(!shown.contains(SECRET) && !shown.contains("hunter22"), "{shown}");
}

#[test]
fn a_cluster_and_its_annotations_are_redacted() {
    let kubeconfig = STANDARD.encode("apiVersion: v1\nkind: Config\n");
    let cluster = json!({
        "kind": "Cluster",
        "spec": {"connection": {"type": "direct", "kubeconfig": kubeconfig, "token": "token-of-the-agent"}}
    });
    let annotated = json!({
        "kind": "Cluster",
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": cluster.to_string()}}
    });
    for value in [&cluster, &annotated] {
        let shown = redacted(value);
        assert!(shown.contains("direct"), "{shown}");
        assert!(!shown.contains(&kubeconfig) && !shown.contains("token-of-the-agent"), "{shown}");
    }
}

#[test]
fn patches_hide_what_they_set_and_what_they_test() {
    for (path, value) in [
        ("/spec/authentication/jwtSecret", json!(SECRET)),
        ("/spec/authentication", json!({"jwtSecret": SECRET})),
        ("/spec/connection/kubeconfig", json!(SECRET)),
        ("/data/kubesphere.yaml", json!(SECRET)),
        ("/data", json!({"x": SECRET})),
        ("", json!({"spec": {"authentication": {"jwtSecret": SECRET}}})),
        (
            "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
            json!(json!({"spec": {"authentication": {"jwtSecret": SECRET}}}).to_string()),
        ),
    ] {
        for op in ["add", "replace", "test"] {
            let shown = redacted(&json!([{"op": op, "path": path, "value": value}]));
            assert!(shown.contains("sha256:") && !shown.contains(SECRET), "{shown}");
        }
    }
    let role = redacted(&json!([{"op": "add", "path": "/spec/multicluster/clusterRole", "value": "member"}]));
    assert!(role.contains("member"));
}

#[test]
fn tokens_and_environment_variables_are_redacted() {
    let review = json!({"kind": "TokenReview", "spec": {"token": SECRET}});
    let request =
        json!({"kind": "TokenRequest", "spec": {"expirationSeconds": 3600}, "status": {"token": SECRET}});
    let variable = json!({"kind": "Pod", "spec": {"env": [{"name": "JWT_SECRET", "value": SECRET}]}});
    let free = json!({"note": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"});
    for value in [&review, &request, &variable, &free] {
        let shown = redacted(value);
        assert!(shown.contains("sha256:") && !shown.contains(SECRET), "{shown}");
    }
    assert!(redacted(&request).contains("3600"));
    let proxy = redacted(&json!({"proxy": "http://user:hunter22@proxy:3128/x"}));
    assert!(proxy.contains("http://***@proxy:3128/x"), "{proxy}");
}

#[test]
fn names_and_messages_stay_readable() {
    let pod = json!({
        "kind": "Pod",
        "spec": {"volumes": [{"secret": {"secretName": "tls"}}], "serviceAccountName": "ks-installer"},
        "status": {"message": "0/1 nodes are available: 1 Insufficient cpu."}
    });
    let shown = redacted(&pod);
    assert!(shown.contains("Insufficient cpu") && shown.contains("ks-installer"), "{shown}");
}

#[test]
fn what_is_not_json_is_only_counted() {
    assert_eq!(redact_body(b"PASSWORD=P@88w0rd"), "<17 bytes, not JSON>");
}

fn confidential_key() -> impl Strategy<Value = String> {
    proptest::sample::select(vec![
        "jwtSecret",
        "token",
        "adminPassword",
        "kubeconfig",
        "client-key-data",
        "clientSecret",
        "password",
        "secretAccessKey",
        "KUBE_TOKEN",
        "credentials",
        "tls.key",
        "idToken",
    ])
    .prop_map(str::to_owned)
}

/// A value that holds `secret` under a confidential key somewhere, among harmless ones, at times as YAML or
/// JSON inside a text.
fn holding(secret: &'static str) -> impl Strategy<Value = Value> {
    let leaf = confidential_key().prop_map(move |key| json!({key: secret, "other": 1}));
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            ("[a-z]{1,8}", inner.clone()).prop_map(|(key, value)| json!({key: value, "replicas": 2})),
            inner.clone().prop_map(|value| json!([{"name": "first"}, value])),
            inner.clone().prop_map(
                |value| json!({"data": {"kubesphere.yaml": serde_yaml::to_string(&value).unwrap()}})
            ),
            inner.clone().prop_map(|value| json!({"annotation": value.to_string()})),
            (confidential_key(), inner.clone()).prop_map(|(key, value)| json!({key: value})),
            inner.prop_map(|value| json!([{"op": "add", "path": "/spec/any", "value": value}])),
        ]
    })
}

proptest! {
    #[test]
    fn no_confidential_value_survives(value in holding(SECRET), kind in "(Secret|ConfigMap|Cluster|)") {
        let value = if kind.is_empty() { value } else { json!({"kind": kind, "spec": value}) };
        let shown = redacted(&value);
        prop_assert!(!shown.contains(SECRET), "{}", shown);
        prop_assert!(!shown.contains(&STANDARD.encode(SECRET)), "{}", shown);
    }

    #[test]
    fn no_data_of_a_secret_survives(key in "[a-z.]{1,12}") {
        let value = json!({"kind": "Secret", "data": {&key: STANDARD.encode(SECRET)}, "stringData": {&key: SECRET}});
        let shown = redacted(&value);
        prop_assert!(!shown.contains(SECRET) && !shown.contains(&STANDARD.encode(SECRET)), "{}", shown);
    }
}
