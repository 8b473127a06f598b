//! The credential that a host stores of its member: whose it is, how it is made, and what nobody takes over.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::{
    Client,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testbed::{
    Fault, Rule,
    bed::Cluster,
    block_on,
    kubesphere::{Installation, Role, Scenario, Version, objects},
};

use crate::support::{
    Faulty, Kubeconfig, KubectlMc, ON_MEMBER, Run, Watched, by_plugin, user_who_may, without,
};

/// A request for a certificate that nobody has the key of, as base64.
const PROBE: &str = "\
    LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISk1ISUNBUUF3RURFT01Bd0dBMVVFQXd3RmNISnZZbVV3\
    V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQgpCd05DQUFTY2hJeUpaNVp1cHc5RlZzWW5ITmphS0UyUXZEakhyUGVlKzZv\
    RkwzZUQ2NkNlT0I3ZGordXdlQno3Cnk2YUR3YThpMnY5MzF6M21wblhMNW9RV3JYZitvQUF3Q2dZSUtvWkl6ajBFQXdJRFJ3\
    QXdSQUlnRTIzejhqUTcKTjBMRjFKVnRCbjh1Zi8wbHM4aG1OdTl0bm1oWW85TkY2RkFDSUR0RkhGMm0zVVdmSXlMODkzczc5\
    NzdIRWNJRwo0aHBvbmQyUHhCbTMvTDB2Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";
/// What those who may make a service account may do besides.
const MAKES_ACCOUNT: [&str; 8] = [
    "get serviceaccounts",
    "create serviceaccounts",
    "get clusterrolebindings.rbac.authorization.k8s.io",
    "create clusterrolebindings.rbac.authorization.k8s.io",
    "bind clusterroles.rbac.authorization.k8s.io",
    "list secrets",
    "get secrets",
    "create secrets",
];

fn scenario(version: Version) -> Scenario {
    let of = |role| Installation::new(version).role(role);
    Scenario::new(version).host(of(Role::Host)).member(of(Role::Member))
}

fn prepared(version: Version) -> Watched {
    Watched::lease(&scenario(version))
}

/// The Secret with the token for this host.
fn token_secret(bed: &Watched) -> String {
    format!("kubectl-mc-host-token-{}", &bed.host().uid()[..8])
}

/// The kubeconfig that the host stores.
fn stored(bed: &Watched, name: &str) -> Value {
    let text = bed.host().cluster(name)["spec"]["connection"]["kubeconfig"].as_str().unwrap().to_owned();
    serde_yaml::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}

fn stored_user(bed: &Watched, name: &str) -> Value {
    stored(bed, name)["users"][0]["user"].clone()
}

fn create(cluster: &Cluster, object: Value) {
    let client = cluster.client();
    block_on(async move { objects::create(&client, &object).await.unwrap() });
}

fn delete(
    cluster: &Cluster,
    kind: (&'static str, &'static str),
    namespace: Option<&'static str>,
    name: &str,
) {
    let (client, name) = (cluster.client(), name.to_owned());
    block_on(async move {
        objects::remove(&objects::objects(&client, kind.0, kind.1, namespace), &name).await.unwrap();
    });
}

/// The names of our objects of this kind.
pub fn ours(
    cluster: &Cluster,
    api_version: &'static str,
    kind: &'static str,
    namespace: Option<&'static str>,
) -> Vec<String> {
    let client = cluster.client();
    let found = block_on(async move {
        let api = objects::objects(&client, api_version, kind, namespace);
        api.list(&ListParams::default().labels("app.kubernetes.io/managed-by=kubectl-mc")).await.unwrap()
    });
    found.items.into_iter().filter_map(|object| object.metadata.name).collect()
}

/// Whom the binding for client certificates names.
pub fn certificates_users(cluster: &Cluster) -> Vec<Value> {
    let client = cluster.client();
    let api = objects::objects(&client, "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", None);
    let binding = block_on(async move { api.get("kubectl-mc-host-user").await.unwrap() });
    binding.data["subjects"].as_array().unwrap().clone()
}

fn import(bed: &Watched, words: &str) -> KubectlMc {
    bed.kubectl_mc()
        .words(&format!("import member1 --context host --yes --skip-check member-server-loopback {words}"))
}

#[test]
fn a_service_account_of_our_own_is_stored_and_shown_nowhere() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).on_control_planes());
    let run = bed.join("member1 --credentials service-account").run().code(0);
    run.says("2. member \"member1\": create ServiceAccount kubesphere-system/kubectl-mc-host bound to cluster-admin, and a token for it\n")
        .says("5. host \"host\": create Cluster member1 with the token of ServiceAccount kubesphere-system/kubectl-mc-host of member1\n")
        .says("host credential verified (cluster-admin)\n")
        .stdout(&format!(
            "serviceaccount/kubectl-mc-host created on member \"member1\"\n\
             clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host created on member \"member1\"\n\
             secret/{} created on member \"member1\"\n\
             clusterconfiguration.installer.kubesphere.io/ks-installer patched on host \"host\"\n\
             clusterconfiguration.installer.kubesphere.io/ks-installer patched on member \"member1\"\n\
             cluster.cluster.kubesphere.io/member1 created\n",
            token_secret(&bed)
        ));
    bed.assert_joined(1, "member1");
    let user = stored_user(&bed, "member1");
    assert!(
        user["token"].as_str().is_some_and(|token| token.starts_with("ey"))
            && user.get("client-key-data").is_none()
    );
    assert_eq!(ours(bed.member(1), "v1", "Secret", Some(objects::SYSTEM)), [token_secret(&bed)]);
    let marks = bed.marks();
    let _ = bed.join("member1 -o json").run().code(0);
    assert!(
        bed.requests_since(&marks).iter().all(|request| !request.changes()),
        "made twice makes nothing twice"
    );
}

#[test]
fn the_contexts_own_user_is_stored_where_that_is_asked_for() {
    for version in [Version::V3_1, Version::V3_4] {
        let bed = Watched::lease(&Scenario::new(version));
        let run = bed.join("member1 --credentials context").run().code(0);
        let _ = run.says("4. host \"host\": create Cluster member1 with the credential of context member1\n");
        bed.assert_joined(1, "member1");
        let users = Kubeconfig::of(&bed).user_of("member1");
        assert_eq!(stored_user(&bed, "member1")["client-certificate-data"], users["client-certificate-data"]);
        assert_eq!(ours(bed.member(1), "v1", "ServiceAccount", Some(objects::SYSTEM)), Vec::<String>::new());
    }
}

#[test]
fn nothing_is_made_for_a_cluster_that_stands() {
    let bed = prepared(Version::V3_4);
    let _ = import(&bed, "--credentials context").run().code(0);
    let run = import(&bed, "").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
    drop(run);
    assert_eq!(ours(bed.member(1), "v1", "ServiceAccount", Some(objects::SYSTEM)), Vec::<String>::new());
}

#[test]
fn the_credential_comes_before_the_first_change_of_a_configuration() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let run = bed.join("member1 -v 6").run().code(0);
    let position = |what: &str| run.stderr.find(what).unwrap_or_else(|| panic!("no {what}\n{run}"));
    let verified = position("host credential verified");
    let patched = position("ClusterConfiguration ks-installer patched");
    assert!(verified < patched, "{run}");
}

#[test]
fn a_plugin_runs_here_only_and_the_host_gets_a_service_account() {
    let bed = prepared(Version::V3_4);
    let kubeconfig = Kubeconfig::of(&bed).user("member1", by_plugin(&bed, "member1"));
    let program = bed.kubectl_mc_with(&kubeconfig);
    let _ = program
        .words("import member1 --context host --yes --skip-check member-server-loopback")
        .run()
        .code(0);
    assert_eq!(stored_user(&bed, "member1").as_object().unwrap().keys().collect::<Vec<_>>(), ["token"]);
    bed.assert_joined(1, "member1");
}

#[test]
fn killed_after_each_part_it_ends_alike() {
    let bed = prepared(Version::V3_4);
    for writes in 1..=3 {
        let started = import(&bed, "").start();
        bed.until_writes(writes);
        let _ = started.signal("KILL");
    }
    let _ = import(&bed, "").run().code(0);
    bed.assert_joined(1, "member1");
    let mut writes = bed.stored();
    assert_eq!(writes.remove(0), "create clusters/member1");
    let account = ["create serviceaccounts/kubectl-mc-host", "create clusterrolebindings/kubectl-mc-host"];
    let account =
        account.map(str::to_owned).into_iter().chain([format!("create secrets/{}", token_secret(&bed))]);
    assert_eq!(writes, account.collect::<Vec<_>>(), "each once, whichever run sent it");
}

#[test]
fn what_is_missing_is_mended_and_what_is_there_is_reused() {
    let bed = prepared(Version::V3_4);
    let _ = import(&bed, "").run().code(0);
    let uid = |bed: &Watched| {
        let client = bed.member(1).client();
        let api = objects::objects(&client, "v1", "Secret", Some(objects::SYSTEM));
        let name = token_secret(bed);
        block_on(async move { api.get(&name).await.unwrap().metadata.uid })
    };
    let first = uid(&bed);
    delete(bed.host(), ("cluster.kubesphere.io/v1alpha1", "Cluster"), None, "member1");
    bed.wait_for("the Cluster is gone", |bed| bed.host().cluster("member1").is_null());
    delete(bed.member(1), ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"), None, "kubectl-mc-host");
    let run = import(&bed, "").run().code(0);
    let _ = run
        .says("2. member \"member1\": create a binding of ServiceAccount kubesphere-system/kubectl-mc-host to cluster-admin\n")
        .stdout(
            "clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host created on member \"member1\"\n\
             cluster.cluster.kubesphere.io/member1 created\n",
        );
    assert_eq!(uid(&bed), first);
}

#[test]
fn an_account_of_somebody_else_is_not_taken_over() {
    let bed = prepared(Version::V3_4);
    let metadata = json!({"name": "kubectl-mc-host", "namespace": "kubesphere-system"});
    create(bed.member(1), json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}));
    let run = import(&bed, "").run().code(3).stdout("");
    let _ = run
        .says("error: member \"member1\": ServiceAccount kubectl-mc-host is not ours: it has no label ")
        .says("[member-credential]\n")
        .says("hint: if nobody needs it: `kubectl --context member1 -n kubesphere-system delete serviceaccounts kubectl-mc-host`\n")
        .says("hint: or let the host have the context's own user: `--credentials context`\n");
    bed.assert_untouched();
}

#[test]
fn who_may_make_the_account_need_not_be_a_cluster_admin() {
    let bed = Watched::lease(&scenario(Version::V3_4).on_control_planes());
    let rights: Vec<&str> = ON_MEMBER.iter().chain(&MAKES_ACCOUNT).copied().collect();
    let as_user = |name: &str, rights: &[&str]| -> Run {
        let user = user_who_may(bed.member(1), name, rights);
        let program = bed.kubectl_mc_with(&Kubeconfig::of(&bed).user("member1", user));
        program.words("import member1 --context host --yes --skip-check member-server-loopback").run()
    };
    for (number, right) in MAKES_ACCOUNT.iter().enumerate() {
        let run = as_user(&format!("user-{number}"), &without(&rights, right)).code(3).stdout("");
        let _ = run
            .says(&format!("error: member \"member1\": its user may not {right}"))
            .says("hint: the user \"");
    }
    bed.assert_untouched();
    let _ = as_user("operator", &rights).code(0);
    bed.assert_joined(1, "member1");
}

/// Changes what was made, as somebody else does.
fn patch(cluster: &Cluster, kind: (&'static str, &'static str), name: &'static str, change: Value) {
    let client = cluster.client();
    block_on(async move {
        let api = objects::objects(&client, kind.0, kind.1, None);
        api.patch(name, &PatchParams::default(), &Patch::Merge(&change)).await.unwrap();
    });
}

const BINDING: (&str, &str) = ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding");

#[test]
fn a_secret_that_is_only_labelled_is_no_token_and_an_extended_binding_is_not_ours() {
    let bed = prepared(Version::V3_4);
    let metadata = json!({
        "name": "zz", "namespace": "kubesphere-system", "labels": {"app.kubernetes.io/managed-by": "kubectl-mc"},
        "annotations": {"kubernetes.io/service-account.name": "kubectl-mc-host"},
    });
    create(
        bed.member(1),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque",
               "stringData": {"token": "somebody's"}}),
    );
    let _ = import(&bed, "").run().code(0).says("host credential verified");
    delete(bed.host(), ("cluster.kubesphere.io/v1alpha1", "Cluster"), None, "member1");
    bed.wait_for("the Cluster is gone", |bed| bed.host().cluster("member1").is_null());
    let subjects = json!([
        {"kind": "ServiceAccount", "name": "kubectl-mc-host", "namespace": "kubesphere-system"},
        {"kind": "ServiceAccount", "name": "another", "namespace": "default"},
    ]);
    patch(bed.member(1), BINDING, "kubectl-mc-host", json!({"subjects": subjects}));
    let _ = import(&bed, "").run().code(3).says(
        "ClusterRoleBinding kubectl-mc-host is not ours: it binds others than kubectl-mc-host to cluster-admin too \
         [member-credential]\n",
    );
}

#[test]
fn a_server_dry_run_finds_what_is_there_as_the_real_run_does() {
    let bed = prepared(Version::V3_4);
    let _ = import(&bed, "").run().code(0);
    delete(bed.host(), ("cluster.kubesphere.io/v1alpha1", "Cluster"), None, "member1");
    bed.wait_for("the Cluster is gone", |bed| bed.host().cluster("member1").is_null());
    // Its token is of the earlier account, and Kubernetes has not removed it yet.
    let (client, name) = (bed.member(1).client(), token_secret(&bed));
    block_on(async move {
        let api = objects::objects(&client, "v1", "Secret", Some(objects::SYSTEM));
        let finalizer = json!({"metadata": {"finalizers": ["example.org/kept"]}});
        api.patch(&name, &PatchParams::default(), &Patch::Merge(&finalizer)).await.unwrap();
    });
    delete(bed.member(1), ("v1", "ServiceAccount"), Some(objects::SYSTEM), "kubectl-mc-host");
    create(
        bed.member(1),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": "kubectl-mc-host", "namespace": "kubesphere-system",
            "labels": {"app.kubernetes.io/managed-by": "kubectl-mc"}}}),
    );
    let _ = import(&bed, "--dry-run=server").run().code(0);
}

#[test]
fn another_hosts_token_is_not_handed_on_but_told() {
    let bed = prepared(Version::V3_4);
    let _ = import(&bed, "").run().code(0);
    delete(bed.host(), ("cluster.kubesphere.io/v1alpha1", "Cluster"), None, "member1");
    bed.wait_for("the Cluster is gone", |bed| bed.host().cluster("member1").is_null());
    // As another host has left it, with a newer token.
    let annotations = json!({"kubernetes.io/service-account.name": "kubectl-mc-host",
                             "kubectl-mc/host-uid": "0a14ca43-3bbf-4824-bbb5-38c7f6abfd29"});
    let metadata = json!({"name": "kubectl-mc-host-token-0a14ca43", "namespace": "kubesphere-system",
                          "labels": {"app.kubernetes.io/managed-by": "kubectl-mc"}, "annotations": annotations});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata,
                        "type": "kubernetes.io/service-account-token"});
    create(bed.member(1), secret);
    delete(bed.member(1), ("v1", "Secret"), Some(objects::SYSTEM), &token_secret(&bed));
    let _ = import(&bed, "").run().code(0)
        .says("warning: member \"member1\": Secret kubectl-mc-host-token-0a14ca43 holds a cluster-admin's token for another host, which stays valid [member-credential]\n")
        .says("delete secret kubectl-mc-host-token-0a14ca43`\n")
        .says(&format!("Secret {} created\n", token_secret(&bed)));
    bed.assert_joined(1, "member1");
}

#[test]
fn each_certificate_has_its_own_user_and_only_the_last_one_is_bound() {
    let bed = prepared(Version::V3_3);
    let subject = |bed: &Watched| {
        let client = bed.member(1).client();
        let api = objects::objects(&client, BINDING.0, BINDING.1, None);
        block_on(async move { api.get("kubectl-mc-host-user").await.unwrap().data["subjects"].clone() })
    };
    let _ = import(&bed, "").run().code(0);
    let first = subject(&bed);
    assert!(first[0]["name"].as_str().unwrap().starts_with("kubectl-mc-host-"), "{first}");
    delete(bed.host(), ("cluster.kubesphere.io/v1alpha1", "Cluster"), None, "member1");
    bed.wait_for("the Cluster is gone", |bed| bed.host().cluster("member1").is_null());
    let _ = import(&bed, "--dry-run=server").run().code(0);
    assert_eq!(subject(&bed), first);
    let _ = import(&bed, "").run().code(0).stdout(
        "clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host-user patched on member \"member1\"\n\
         cluster.cluster.kubesphere.io/member1 created\n",
    );
    let second = subject(&bed);
    assert_eq!(second.as_array().unwrap().len(), 1);
    assert_ne!(second, first, "the earlier certificate has no rights left");
    assert_eq!(requests(bed.member(1)), Vec::<String>::new());
}

#[test]
fn dry_runs_show_the_account_and_store_nothing() {
    let bed = prepared(Version::V3_4);
    for (mode, suffix) in [("client", "dry run"), ("server", "server dry run")] {
        let run = import(&bed, &format!("--dry-run={mode}")).run().code(0);
        assert!(
            run.stdout.starts_with(&format!(
                "serviceaccount/kubectl-mc-host created on member \"member1\" ({suffix})\n"
            )),
            "{run}"
        );
    }
    bed.assert_untouched();
}

#[test]
fn a_plan_in_json_names_what_is_created() {
    let bed = prepared(Version::V3_4);
    let run = import(&bed, "--dry-run=client -o json").run().code(0);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    let steps: Vec<_> = object["plan"]["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (&step["action"], &step["object"]))
        .collect();
    assert_eq!(
        steps,
        [
            (&json!("probe"), &json!(bed.member(1).server())),
            (
                &json!("create"),
                &json!(format!(
                    "serviceaccount/kubectl-mc-host, \
                     clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host, secret/{}",
                    token_secret(&bed)
                ))
            ),
            (&json!("create"), &json!("cluster.cluster.kubesphere.io/member1")),
        ]
    );
    assert_eq!(object["results"][2]["object"], format!("secret/{}", token_secret(&bed)));
}

/// The host's requests and the member's may each be lost or refused once.
#[test]
fn answers_that_are_lost_are_asked_for_again() {
    let bed = Faulty::lease(&scenario(Version::V3_4));
    let front = bed.before_member(1);
    front.add(Rule::on("POST", "/serviceaccounts", Fault::CutAfterBytes(10)).times(1));
    front.add(Rule::on("POST", "/clusterrolebindings", Fault::status(503)).times(1));
    front.add(Rule::on("POST", "/secrets", Fault::CutAfterBytes(10)).times(1));
    front.add(Rule::on("GET", &format!("/secrets/{}", token_secret(&bed)), Fault::status(503)).times(1));
    let words = "import member1 --context host --yes --skip-check member-server-loopback";
    let _ = bed.kubectl_mc().words(words).run().code(0);
    bed.assert_joined(1, "member1");
    assert_eq!(ours(bed.member(1), "v1", "Secret", Some(objects::SYSTEM)), [token_secret(&bed)]);
}

/// Somebody makes a service account of the same name while our request for it is held back.
fn racing(label: &Value) -> (Faulty, Run) {
    let bed = Faulty::lease(&scenario(Version::V3_4));
    let words = "import member1 --context host --yes --skip-check member-server-loopback";
    let command = bed.kubectl_mc().words(words);
    let run = bed.run_with(
        command,
        bed.before_member(1),
        "POST",
        "/namespaces/kubesphere-system/serviceaccounts",
        || {
            let metadata =
                json!({"name": "kubectl-mc-host", "namespace": "kubesphere-system", "labels": label});
            create(
                bed.member(1),
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
            );
        },
    );
    (bed, run)
}

#[test]
fn an_account_that_a_colleague_has_just_made_is_shared_and_a_strangers_is_not() {
    let (bed, run) = racing(&json!({"app.kubernetes.io/managed-by": "kubectl-mc"}));
    let run = run.code(0);
    assert!(!run.stdout.contains("serviceaccount/kubectl-mc-host created"), "{run}");
    bed.assert_joined(1, "member1");
    drop(bed);
    let (bed, run) = racing(&json!({"app": "another"}));
    let _ = run
        .code(3)
        .says("error: member \"member1\": ServiceAccount kubectl-mc-host is not ours: it has no label ")
        .says(" [member-credential]\n")
        .says("error: 1 check failed; no configuration was changed\n")
        .stdout("");
    assert!(bed.host().cluster("member1").is_null());
}

#[test]
fn a_host_of_3_3_gets_a_certificate_that_the_member_signs() {
    let bed = Watched::lease(&Scenario::new(Version::V3_3).on_control_planes());
    let run = bed.join("member1").run().code(0);
    run.says("2. member \"member1\": request a client certificate for a new user kubectl-mc-host-*, bound to cluster-admin\n")
        .says("5. host \"host\": create Cluster member1 with the client certificate of member1's user kubectl-mc-host-*\n")
        .says("client certificate signed by the member, until 20")
        .stdout(
            "clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host-user created on member \"member1\"\n\
             clusterconfiguration.installer.kubesphere.io/ks-installer patched on host \"host\"\n\
             clusterconfiguration.installer.kubesphere.io/ks-installer patched on member \"member1\"\n\
             cluster.cluster.kubesphere.io/member1 created\n",
        );
    bed.assert_joined(1, "member1");
    let user = stored_user(&bed, "member1");
    assert!(user["client-key-data"].is_string() && user.get("token").is_none());
    let own = Kubeconfig::of(&bed).user_of("member1");
    assert_ne!(user["client-certificate-data"], own["client-certificate-data"], "not the operator's");
    assert_eq!(requests(bed.member(1)), Vec::<String>::new());
    let marks = bed.marks();
    let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
}

fn requests(cluster: &Cluster) -> Vec<String> {
    ours(cluster, "certificates.k8s.io/v1", "CertificateSigningRequest", None)
}

/// As on EKS, whose signer never answers: what kube-controller-manager writes is refused.
fn silence_the_signer(cluster: &Cluster) {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-certificates"},
        "spec": {
            "failurePolicy": "Fail", "validations": [{"expression": "false"}],
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["certificates.k8s.io"], "apiVersions": ["*"], "operations": ["UPDATE"],
                "resources": ["certificatesigningrequests/status"],
            }]},
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-certificates"},
        "spec": {"policyName": "no-certificates", "validationActions": ["Deny"]},
    });
    create(cluster, policy);
    create(cluster, binding);
    let client = cluster.client();
    block_on(async move { until_nothing_is_signed(client).await });
}

/// The admission plugin knows a new policy a moment later.
async fn until_nothing_is_signed(client: Client) {
    let api = objects::objects(&client, "certificates.k8s.io/v1", "CertificateSigningRequest", None);
    let probe = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "probe"},
        "spec": {"signerName": "example.org/nobody", "usages": ["client auth"], "request": PROBE},
    });
    objects::create(&client, &probe).await.unwrap();
    let touched =
        json!({"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "Probe"}]}});
    let patch = Patch::Merge(&touched);
    let parameters = PatchParams { dry_run: true, ..PatchParams::default() };
    let begun = Instant::now();
    while api.patch_status("probe", &parameters, &patch).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the policy takes no effect");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    objects::remove(&api, "probe").await.unwrap();
}

#[test]
fn where_the_member_signs_no_certificate_nothing_is_configured_and_nothing_is_left() {
    let bed = Watched::lease(&Scenario::new(Version::V3_3).on_control_planes());
    silence_the_signer(bed.member(1));
    let run = bed.join("member1 -o json").run().code(3);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    let found = object["findings"].as_array().unwrap().last().unwrap();
    assert_eq!((&found["id"], &found["verdict"]), (&json!("member-credential"), &json!("failure")));
    let _ = run
        .says("error: member \"member1\": no client certificate: its signer kubernetes.io/kube-apiserver-client has not answered within 30 s [member-credential]\n")
        .says("error: 1 check failed; no configuration was changed\n")
        .says("hint: use a context with a client certificate, and `--credentials context`\n");
    assert_eq!(bed.configuration_patches(), [0, 0]);
    assert_eq!(requests(bed.member(1)), Vec::<String>::new());
    assert_eq!(
        ours(bed.member(1), "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", None),
        Vec::<String>::new()
    );
    let _ = bed.join("member1 --credentials context").run().code(0);
    bed.assert_joined(1, "member1");
}
