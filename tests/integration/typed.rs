//! What is wrong with what was typed, or with the kubeconfig: nothing is asked of any cluster.

use serde_json::json;

use crate::support::{Kubeconfig, KubectlMc, Run};

fn join(kubeconfig: &Kubeconfig, words: &str) -> Run {
    KubectlMc::new(&kubeconfig.text(), Vec::new()).join(words).run().stdout("")
}

#[test]
fn an_unknown_context_names_the_one_that_was_meant() {
    join(&Kubeconfig::of_nobody(), "membr1")
        .code(2)
        .says("error: no context exists with the name \"membr1\"\n")
        .says("hint: did you mean \"member1\"?\n")
        .says("hint: the contexts are: host, member1\n");
}

#[test]
fn an_unknown_context_of_the_host_is_refused_alike() {
    let run = KubectlMc::new(&Kubeconfig::of_nobody().text(), Vec::new())
        .words("join member1 --context hots")
        .run();
    run.code(2).stdout("").says("no context exists with the name \"hots\"").says("did you mean \"host\"?");
}

#[test]
fn a_kubeconfig_that_cannot_be_read_is_named() {
    let run = join(&Kubeconfig::of_nobody(), "member1 --kubeconfig /nowhere/config");
    run.code(2)
        .says("error: cannot read kubeconfig `/nowhere/config`: No such file or directory")
        .says("hint: ");
}

#[test]
fn a_malformed_kubeconfig_is_named_with_the_place_and_nothing_of_it_is_shown() {
    let text = "apiVersion: v1\nclusters:\n- name: x\n  token: [a-secret-in-the-file\n";
    let program = KubectlMc::new(text, vec!["a-secret-in-the-file".to_owned()]);
    program.join("member1").run().code(2).stdout("").says(".kube/config` is malformed: line ").says("hint: ");
}

#[test]
fn without_any_kubeconfig_the_files_are_named_where_one_was_sought() {
    let run = KubectlMc::new("", Vec::new()).join("member1").run();
    run.code(2)
        .stdout("")
        .says("no kubeconfig with a context was found (looked at `")
        .says("hint: name a file with");
}

#[test]
fn a_namespace_is_refused_with_the_reason() {
    for words in ["-n kubesphere-system", "--namespace=default"] {
        join(&Kubeconfig::of_nobody(), &format!("member1 {words}"))
            .code(2)
            .says("everything of KubeSphere stands in namespaces of its own, such as kubesphere-system: leave it out");
    }
}

#[test]
fn a_password_is_no_option_and_is_not_repeated() {
    let run = join(&Kubeconfig::of_nobody(), "member1 --username=jane --password=hunter22hunter22");
    run.code(2).says("unexpected argument '--username'").does_not_say("hunter22");
}

#[test]
fn an_impersonation_without_a_user_is_refused() {
    for option in ["--as-uid=42", "--as-group=g", "--as-user-extra=scopes=a"] {
        join(&Kubeconfig::of_nobody(), &format!("member1 {option}")).code(2).says(
            "error: requesting uid, groups or user-extra without impersonating a user\nhint: add `--as USER`",
        );
    }
}

#[test]
fn the_same_member_twice_is_refused() {
    join(&Kubeconfig::of_nobody(), "member1 member1")
        .code(2)
        .says("error: MEMBER \"member1\" is named twice\nhint: ");
}

#[test]
fn what_suits_one_member_is_refused_for_several() {
    for option in ["--name=x", "--alias=x", "--member-server=https://x", "--member-insecure-skip-tls-verify"]
    {
        let run = join(&Kubeconfig::of_nobody(), &format!("member1 host {option}"));
        let name = option.split('=').next().unwrap();
        run.code(2).says(&format!(
            "error: {name} is for one MEMBER, and 2 are named\nhint: name one member at a time"
        ));
    }
}

#[test]
fn a_context_whose_name_suits_no_cluster_gets_a_proposal_and_is_never_rewritten() {
    let kubeconfig = Kubeconfig::of_nobody().alias("admin@Edge_1", "member1").alias("@:", "member1");
    join(&kubeconfig, "admin@Edge_1")
        .code(2)
        .says("error: \"admin@Edge_1\" cannot be a Cluster's name: a name has lower case letters, digits and `-`")
        .says("hint: pass `--name edge-1`\n");
    join(&kubeconfig, "@:").code(2).says("hint: pass another one with `--name`\n");
    join(&kubeconfig, "member1 --name Edge").code(2).says("hint: pass `--name edge`\n");
}

#[test]
fn a_name_that_cannot_be_the_hosts_is_refused_with_the_rule() {
    join(&Kubeconfig::of_nobody(), "member1 --host-cluster-name Europe")
        .code(2)
        .says("error: \"Europe\" cannot be the name of the host's Cluster\n")
        .says("hint: use lower case letters, digits, `-` and `.`, at most 63");
}

#[test]
fn a_check_that_does_not_exist_or_must_not_be_skipped_is_refused_with_those_that_can() {
    for id in ["no-such-check", "jwt-secret", "different-clusters", "member-role", "permissions"] {
        join(&Kubeconfig::of_nobody(), &format!("member1 --skip-check {id}"))
            .code(2)
            .says(&format!("error: unknown or non-skippable check \"{id}\"\nhint: "))
            .says("hint: these can: ")
            .says("member-server-loopback");
    }
}

#[test]
fn a_file_that_the_context_names_and_that_is_missing_is_named() {
    let user = json!({"client-certificate": "/nowhere/edge.crt", "client-key": "/nowhere/edge.key"});
    let run = join(&Kubeconfig::of_nobody().alias("edge", "member1").user("edge", user), "edge");
    run.code(2)
        .says("member \"edge\": cannot read the client certificate `/nowhere/edge.crt`")
        .says("hint: ");
}

#[test]
fn verifying_and_not_verifying_at_once_is_refused() {
    let both = json!({"certificate-authority-data": "Q0E=", "insecure-skip-tls-verify": true});
    let run = join(&Kubeconfig::of_nobody().cluster("member1", &both), "member1");
    run.code(2)
        .says("a certificate authority together with insecure-skip-tls-verify is not allowed")
        .says("hint: ");
}
