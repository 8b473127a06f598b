//! A new kubeconfig in a Cluster that stands: verified first, taken by the controller, the old one gone afterwards.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use testbed::{
    bed::{Cluster, condition},
    block_on,
    kubesphere::{Installation, Role, Scenario, Version, objects},
    pki::Validity,
};

use crate::{
    credentials::certificates_users,
    support::{Faulty, Kubeconfig, KubectlMc, ON_HOST, PROBING, Watched, user_who_may},
};

pub(super) fn scenario(version: Version) -> Scenario {
    let of = |role| Installation::new(version).role(role);
    Scenario::new(version).host(of(Role::Host)).member(of(Role::Member))
}

/// A host and its member, joined with the credential that the words say.
fn joined(version: Version, words: &str) -> Watched {
    let bed = Watched::lease(&scenario(version));
    let _ = import(&bed, words).run().code(0);
    bed
}

pub(super) fn import(bed: &Watched, words: &str) -> KubectlMc {
    bed.kubectl_mc()
        .words(&format!("import member1 --context host --yes --skip-check member-server-loopback {words}"))
}

pub(super) fn renewing(program: KubectlMc, words: &str) -> KubectlMc {
    program.words(&format!("renew --context host --yes --skip-check member-server-loopback {words}"))
}

fn renew(bed: &Watched, words: &str) -> KubectlMc {
    renewing(bed.kubectl_mc(), &format!("member1 --member-context member1 {words}"))
}

/// The user in the kubeconfig that the host stores.
pub(super) fn stored_user(bed: &Watched) -> Value {
    let cluster = bed.host().cluster("member1");
    let text = cluster["spec"]["connection"]["kubeconfig"].as_str().unwrap();
    let kubeconfig: Value = serde_yaml::from_slice(&STANDARD.decode(text).unwrap()).unwrap();
    kubeconfig["users"][0]["user"].clone()
}

/// The names of our token Secrets.
pub(super) fn token_secrets(cluster: &Cluster) -> Vec<String> {
    let client = cluster.client();
    let found = block_on(async move {
        let api = objects::objects(&client, "v1", "Secret", Some(objects::SYSTEM));
        api.list(&ListParams::default().labels("app.kubernetes.io/managed-by=kubectl-mc")).await.unwrap()
    });
    found.items.into_iter().filter_map(|object| object.metadata.name).collect()
}

/// Whether the cluster lets the bearer in.
pub(super) fn accepts(cluster: &Cluster, token: &Value) -> bool {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {},
                        "spec": {"token": token}});
    let client = cluster.client();
    let answer = block_on(async move { objects::create(&client, &review).await.unwrap() });
    answer.data["status"]["authenticated"] == true
}

#[track_caller]
pub(super) fn assert_ready(bed: &Watched) {
    assert_eq!(condition(&bed.host().cluster("member1"), "Ready"), Some("True"), "{}", bed.dump());
}

#[test]
fn a_service_accounts_token_is_replaced_and_the_old_one_ends() {
    let bed = joined(Version::V3_4, "");
    let first = token_secrets(bed.member(1)).remove(0);
    let old = stored_user(&bed)["token"].clone();
    let marks = bed.marks();
    let run = renew(&bed, "").run().code(0);
    let new = token_secrets(bed.member(1));
    assert_eq!(new.len(), 1, "{run}");
    assert!(new[0].starts_with(&format!("{first}-")), "{new:?}");
    let run = run
        .says("create a token for ServiceAccount kubesphere-system/kubectl-mc-host\n")
        .says("patch Cluster member1: a new kubeconfig with the token of ServiceAccount kubesphere-system/kubectl-mc-host of member1\n")
        .says(&format!("once the host has taken it, delete Secret kubesphere-system/{first}, which the host used before\n"))
        .stdout(&format!(
            "secret/{} created on member \"member1\"\n\
             cluster.cluster.kubesphere.io/member1 patched\n\
             secret \"{first}\" deleted on member \"member1\"\n",
            new[0]
        ));
    assert_ne!(stored_user(&bed)["token"], old, "{run}");
    bed.wait_for("the old token has ended", |bed| !accepts(bed.member(1), &old));
    assert!(accepts(bed.member(1), &stored_user(&bed)["token"]));
    assert_ready(&bed);
    let writes =
        ["patch clusters/member1", &format!("create secrets/{}", new[0]), &format!("delete secrets/{first}")];
    assert_eq!(bed.stored_since(&marks), writes, "no configuration");
    let _ = renew(&bed, "").run().code(0);
    assert_eq!(token_secrets(bed.member(1)).len(), 1);
    assert_ne!(token_secrets(bed.member(1)), new);
    assert_ready(&bed);
}

/// A kubeconfig of the member with a client certificate that holds from and until then.
fn with_certificate(bed: &Watched, validity: Validity) -> String {
    let member = bed.member(1);
    let text = member.plane().kubeconfig_for("operator", Some("system:masters"), validity).unwrap();
    text.replace(&member.plane().server(), &member.server())
}

/// As somebody else changes the Cluster.
fn patch(bed: &Watched, name: &'static str, change: Value) {
    let client = bed.host().client();
    block_on(async move {
        let api = objects::clusters(&client);
        api.patch(name, &PatchParams::default(), &Patch::Merge(&change)).await.unwrap();
    });
}

fn store(bed: &Watched, kubeconfig: &str) {
    let kubeconfig = STANDARD.encode(kubeconfig);
    patch(bed, "member1", json!({"spec": {"connection": {"kubeconfig": kubeconfig}}}));
}

/// Whether the kubeconfig is of any use.
fn works(kubeconfig: &str) -> bool {
    let kubeconfig: kube::config::Kubeconfig = serde_yaml::from_str(kubeconfig).unwrap();
    block_on(async move {
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        let client = kube::Client::try_from(config).unwrap();
        let namespaces = objects::objects(&client, "v1", "Namespace", None);
        namespaces.get("kube-system").await.is_ok()
    })
}

/// The webhook of 3.4 lets no bad kubeconfig in, nor the controller say that one has ended.
#[test]
fn an_expired_certificate_of_a_member_of_3_4_is_renewed() {
    let bed = joined(Version::V3_4, "--credentials context");
    let short = with_certificate(&bed, Validity::lasting(Duration::from_secs(8)));
    store(&bed, &short);
    bed.wait_for("the certificate has ended", |_| !works(&short));
    let run = renew(&bed, "").run().code(0);
    drop(run.says("warning: member \"member1\": the credential in its Cluster \"member1\" expired on "));
    assert_ready(&bed);
    assert!(accepts(bed.member(1), &stored_user(&bed)["token"]));
}

/// 3.1 and 3.2 know no UID: the traces of the join prove which member it is.
#[test]
fn an_expired_certificate_that_the_controller_stumbles_over_is_renewed() {
    for version in [Version::V3_1, Version::V3_2, Version::V3_3] {
        let bed = joined(version, "--credentials context");
        store(&bed, &with_certificate(&bed, Validity::ended(Duration::from_secs(60))));
        bed.wait_for("the controller fails", |bed| {
            condition(&bed.host().cluster("member1"), "Federated") == Some("False")
        });
        let run = renew(&bed, "").run().code(0);
        drop(run.says("its Cluster \"member1\" is not ready: "));
        bed.wait_for("it is ready again", |bed| {
            condition(&bed.host().cluster("member1"), "Federated") == Some("True")
        });
        assert_ready(&bed);
        let has_certificate = stored_user(&bed).get("client-certificate-data").is_some();
        assert_eq!(has_certificate, version == Version::V3_3);
    }
}

#[test]
fn a_certificates_user_is_bound_besides_the_old_one_and_then_alone() {
    let bed = joined(Version::V3_3, "");
    let first = certificates_users(bed.member(1));
    let run = renew(&bed, "").run().code(0);
    drop(run.says("bound to cluster-admin besides an earlier certificate's user\n").stdout(
        "clusterrolebinding.rbac.authorization.k8s.io/kubectl-mc-host-user patched on member \"member1\"\n\
         cluster.cluster.kubesphere.io/member1 patched\n",
    ));
    let second = certificates_users(bed.member(1));
    assert_eq!((second.len(), second == first), (1, false));
    assert_ready(&bed);
    let writes = bed.writes();
    let bindings = writes.iter().filter(|write| *write == "patch clusterrolebindings/kubectl-mc-host-user");
    assert_eq!(bindings.count(), 2, "one adds, one removes: {writes:?}");
    // The context's own user takes its place.
    let run = renew(&bed, "--credentials context").run().code(0);
    drop(run.stdout(
        "cluster.cluster.kubesphere.io/member1 patched\n\
         clusterrolebinding.rbac.authorization.k8s.io \"kubectl-mc-host-user\" deleted on member \"member1\"\n",
    ));
    assert_ready(&bed);
}

#[test]
fn the_contexts_own_user_takes_the_place_of_our_token() {
    let bed = joined(Version::V3_4, "");
    let _ = renew(&bed, "--credentials context").run().code(0);
    assert_eq!(token_secrets(bed.member(1)), Vec::<String>::new());
    let users = Kubeconfig::of(&bed).user_of("member1");
    assert_eq!(stored_user(&bed)["client-certificate-data"], users["client-certificate-data"]);
    assert_ready(&bed);
}

#[test]
fn what_no_kubeconfig_helps_is_refused_and_nothing_is_written() {
    let of = |role| Installation::new(Version::V3_4).role(role);
    let members = vec![of(Role::Member), of(Role::Member)];
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(of(Role::Host)).members(members));
    let _ = import(&bed, "").run().code(0);
    let marks = bed.marks();
    let refused = |words: &str, said: &str| {
        drop(renewing(bed.kubectl_mc(), words).run().code(3).stdout("").says(said));
    };
    refused(
        "member1 --member-context member2",
        &format!(
            "error: member \"member2\": it is another cluster than the host's \"member1\": the UID of its kube-system is {}, \
             and that of \"member1\" {} [renewed-cluster]\n",
            bed.member(2).uid(),
            bed.member(1).uid()
        ),
    );
    refused("host --member-context member1", "the Cluster \"host\" is the host's own");
    let run = renewing(bed.kubectl_mc(), "nobody --member-context member1").run().code(1).stdout("");
    drop(run.says("error: host \"host\": get clusters/nobody: not found\n").says("registered member1\n"));
    let proxy = json!({"apiVersion": "cluster.kubesphere.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "far"},
                       "spec": {"joinFederation": true, "connection": {"type": "proxy"}}});
    let client = bed.host().client();
    block_on(async move { objects::create(&client, &proxy).await.unwrap() });
    refused("far --member-context member2", "the Cluster \"far\" has no direct connection");
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
}

#[test]
fn an_account_of_somebody_else_is_left_and_so_is_the_host() {
    let bed = joined(Version::V3_4, "--credentials context");
    let metadata = json!({"name": "kubectl-mc-host", "namespace": "kubesphere-system"});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
    let client = bed.member(1).client();
    block_on(async move { objects::create(&client, &account).await.unwrap() });
    let marks = bed.marks();
    drop(renew(&bed, "").run().code(3).stdout("").says("ServiceAccount kubectl-mc-host is not ours"));
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
}

#[test]
fn another_address_is_recorded_with_the_kubeconfig() {
    let bed = Faulty::lease(&scenario(Version::V3_4));
    let _ = import(&bed, "").run().code(0);
    let (old, new) = (bed.member(1).server(), bed.before_member(1).server());
    let run = renewing(bed.kubectl_mc(), "member1 --member-context member1").run().code(0);
    drop(
        run.says(&format!("       spec.connection.kubernetesAPIEndpoint: {old} → {new}\n"))
            .says(&format!("hint: if that is not meant: keep it with `--member-server {old}`\n")),
    );
    assert_eq!(bed.host().cluster("member1")["spec"]["connection"]["kubernetesAPIEndpoint"], new);
    assert_ready(&bed);
}

#[test]
fn who_changes_the_cluster_meanwhile_is_noticed() {
    let bed = Faulty::lease(&scenario(Version::V3_4));
    let _ = import(&bed, "").run().code(0);
    let renew = || renewing(bed.kubectl_mc(), "member1 --member-context member1");
    let held = |meanwhile: &dyn Fn()| {
        bed.run_with(renew(), bed.before_host(), "PATCH", "/clusters/member1", meanwhile)
    };
    let marks = bed.marks();
    let run = held(&|| patch(&bed, "member1", json!({"metadata": {"annotations": {"touched": "1"}}})));
    let _ = run.code(0);
    let writes = bed.requests_since(&marks);
    let patches: Vec<u16> =
        writes.iter().filter(|event| event.verb == "patch").map(|event| event.code).collect();
    let (accepted, refused) = patches.split_last().unwrap();
    let is_refused = !refused.is_empty() && refused.iter().all(|code| *code == 409);
    assert!(is_refused && *accepted == 200, "refused, and sent again: {patches:?}");
    let token = stored_user(&bed)["token"].clone();
    let theirs = with_certificate(&bed, Validity::lasting(Duration::from_secs(3600)));
    let run = held(&|| store(&bed, &theirs)).code(1);
    drop(run.says("somebody else has changed the kubeconfig of the Cluster \"member1\" meanwhile, which is left as they want it\n"));
    assert!(accepts(bed.member(1), &token), "nothing is removed");
    assert!(stored_user(&bed).get("client-certificate-data").is_some(), "theirs stays");
}

#[test]
fn of_two_renewals_at_once_the_one_that_comes_late_leaves_no_token() {
    let bed = Faulty::lease(&scenario(Version::V3_4));
    let _ = import(&bed, "").run().code(0);
    let renew = || renewing(bed.kubectl_mc(), "member1 --member-context member1");
    // The other one sees its token and removes it, or does not see it yet.
    for (front, method, path) in
        [(bed.before_host(), "PATCH", "/clusters/member1"), (bed.before_member(1), "POST", "/secrets")]
    {
        let late = bed.run_with(renew(), front, method, path, || {
            let _ = renew().run().code(0);
        });
        let late = late.code(1).stdout("").says("somebody else has changed the kubeconfig of the Cluster");
        let tokens = token_secrets(bed.member(1));
        assert_eq!(tokens.len(), 1, "{method}: {tokens:?}\n{late}");
        assert!(accepts(bed.member(1), &stored_user(&bed)["token"]), "the one that is stored");
        assert_ready(&bed);
    }
}

#[test]
fn of_two_renewals_at_once_by_certificate_only_the_user_that_is_stored_stays_bound() {
    let bed = Faulty::lease(&scenario(Version::V3_3));
    let _ = import(&bed, "").run().code(0);
    let renew = || renewing(bed.kubectl_mc(), "member1 --member-context member1");
    let late = bed.run_with(renew(), bed.before_host(), "PATCH", "/clusters/member1", || {
        let _ = renew().run().code(0);
    });
    let late = late.code(1).stdout("").says("somebody else has changed the kubeconfig of the Cluster");
    assert_eq!(certificates_users(bed.member(1)).len(), 1, "{late}");
    assert_ready(&bed);
    let _ = bed
        .kubectl_mc()
        .words("check member1 --context host --skip-check member-server-loopback")
        .run()
        .code(0);
}

#[test]
fn unless_it_is_waited_for_the_old_credential_stays() {
    let bed = joined(Version::V3_4, "");
    let old = stored_user(&bed)["token"].clone();
    let run = renew(&bed, "--wait=false").run().code(0);
    drop(run.says("not done yet: ").says("to continue: `kubectl mc renew "));
    assert!(accepts(bed.member(1), &old) && accepts(bed.member(1), &stored_user(&bed)["token"]));
    let _ = renew(&bed, "").run().code(0);
    assert_eq!(token_secrets(bed.member(1)).len(), 1);
}

#[test]
fn dry_runs_store_nothing_and_an_object_tells_the_plan() {
    let bed = joined(Version::V3_4, "");
    let old = token_secrets(bed.member(1)).remove(0);
    let marks = bed.marks();
    for (mode, suffix) in [("client", "dry run"), ("server", "server dry run")] {
        let run = renew(&bed, &format!("--dry-run={mode}")).run().code(0);
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(lines[1], format!("cluster.cluster.kubesphere.io/member1 patched ({suffix})"));
        assert_eq!(lines[2], format!("secret \"{old}\" deleted on member \"member1\" ({suffix})"));
    }
    let run = renew(&bed, "--dry-run=client -o json").run().code(0);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object["kind"], "Renew");
    let steps = object["plan"]["steps"].as_array().unwrap();
    let actions: Vec<_> = steps.iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["probe", "create", "patch", "delete"]);
    assert_eq!(steps[3]["object"], format!("secret/{old}"));
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
}

#[test]
fn who_may_not_patch_clusters_is_told_before_anything_is_made() {
    let bed = joined(Version::V3_4, "");
    let rights = [&ON_HOST[..], &PROBING[..]].concat();
    let user = user_who_may(bed.host(), "reader", &rights);
    let marks = bed.marks();
    let kubeconfig = Kubeconfig::of(&bed).user("host", user);
    let run = renewing(bed.kubectl_mc_with(&kubeconfig), "member1 --member-context member1").run().code(3);
    drop(run.says("its user may not patch clusters.cluster.kubesphere.io [permissions]\n"));
    assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
}

#[test]
fn all_members_are_renewed_by_the_contexts_that_lead_to_them() {
    let of = |role| Installation::new(Version::V3_4).role(role);
    let members = vec![of(Role::Member), of(Role::Member)];
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(of(Role::Host)).members(members));
    for member in ["member1", "member2"] {
        let words = format!("import {member} --context host --yes --skip-check member-server-loopback");
        let _ = bed.kubectl_mc().words(&words).run().code(0);
    }
    let kubeconfig = Kubeconfig::of(&bed).alias("another", "member2");
    let run = renewing(bed.kubectl_mc_with(&kubeconfig), "--all").run().code(0);
    let run = run
        .says("context member1 points to Cluster member1\n")
        .says("context member2 points to Cluster member2 (as another does)\n");
    for member in ["member1", "member2"] {
        assert!(run.stdout.contains(&format!("cluster.cluster.kubesphere.io/{member} patched\n")), "{run}");
    }
    for member in [bed.member(1), bed.member(2)] {
        assert_eq!(token_secrets(member).len(), 1);
    }
    let mut one: Value = serde_json::from_str(&Kubeconfig::of(&bed).text()).unwrap();
    one["contexts"].as_array_mut().unwrap().retain(|context| context["name"] != "member2");
    let program = bed.kubectl_mc().file("one", &one.to_string()).at_home();
    let run = renewing(program, "--all --member-kubeconfig one -o json").run().code(0);
    let run = run.says("no context that answers leads to the Cluster \"member2\", which is left out");
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    let findings = object["findings"].as_array().unwrap().iter();
    let of_host = findings.filter(|finding| finding["cluster"]["side"] == "host");
    let left_out =
        of_host.filter(|finding| finding["id"] == "renewed-cluster").map(|finding| &finding["verdict"]);
    assert_eq!(left_out.collect::<Vec<_>>(), ["warning"]);
    let program = bed.kubectl_mc();
    drop(renewing(program, "--all --member-token x").run().code(2).says("--member-token is for one member"));
}
