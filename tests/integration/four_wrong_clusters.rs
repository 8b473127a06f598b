//! Where another cluster than the one that was meant is reached with KubeSphere 4: that is told, and nothing that would harm it.

use kubesphere::confidential::fingerprint;
use serde_json::json;
use testbed::{
    bed::Cluster,
    block_on,
    kubesphere::{Installation, Role, Scenario, Version, objects},
};

use crate::support::{KubectlMc, Watched};

const VERSION: Version = Version::V4_1_3;

/// A host with its member, and another host's member, which that host reaches by a token of ours.
fn bed() -> Watched {
    let elsewhere = Installation::new(VERSION).role(Role::MemberElsewhere);
    let members = vec![Installation::bare(VERSION), elsewhere];
    let bed = Watched::lease(&Scenario::new(VERSION).members(members));
    let _ = bed.join("member1").run().code(0);
    give_token(bed.member(2));
    bed
}

fn give_token(cluster: &Cluster) {
    let annotations =
        json!({"kubernetes.io/service-account.name": "kubectl-mc-host", "kubectl-mc/host-uid": "of-another"});
    let labels = json!({"app.kubernetes.io/managed-by": "kubectl-mc"});
    let named = |name: &str| json!({"name": name, "namespace": objects::SYSTEM, "labels": labels});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named("kubectl-mc-host")});
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                            "metadata": named("kubectl-mc-host-token-of-another")});
    secret["metadata"]["annotations"] = annotations;
    let client = cluster.client();
    block_on(async move {
        objects::create(&client, &account).await.unwrap();
        objects::create(&client, &secret).await.unwrap();
    });
}

/// One finding alone, and nothing that takes something from the cluster.
#[track_caller]
fn assert_only(bed: &Watched, program: KubectlMc, said: &str) {
    let written = bed.writes().len();
    let run = program.run().code(3).says(said).says("1 check failed; nothing was changed");
    let found = run.stderr.lines().filter(|line| line.starts_with("error: ") && line.ends_with(']'));
    assert_eq!(found.count(), 1, "{run}");
    for harm in ["delete", "uninstall", "annotate", "warning:"] {
        assert!(!run.stderr.contains(harm), "{harm}: {run}");
    }
    assert_eq!(bed.writes().len(), written);
}

#[test]
fn host_and_member_the_wrong_way_round() {
    let bed = bed();
    let said = "host \"member1\": it is a member and member \"host\" is a host: they are the wrong way round [host-role]";
    let program = |words: &str| bed.kubectl_mc().words(words).words("--context member1 --yes");
    for words in [
        "join host",
        "import host",
        "unjoin member1 --member-context host",
        "renew member1 --member-context host",
    ] {
        assert_only(&bed, program(words), said);
    }
    let run = program("join host").run().code(3);
    let _ = run.says("name the host with `--context host`, and \"member1\" as the member");
}

#[test]
fn the_context_of_another_member() {
    let bed = bed();
    let on_member = |words: &str| bed.kubectl_mc().words(words).words("--context host --yes");
    let said = "it is another cluster than the host's \"member1\": the UID of its kube-system is ";
    assert_only(&bed, on_member("renew member1 --member-context member2"), said);
    assert_only(&bed, on_member("unjoin member1 --member-context member2"), said);
    assert_only(&bed, on_member("unjoin member1 --member-context member2 --uninstall"), said);
    let said =
        "it is managed by another host, which calls itself \"host\" and it \"frankfurt\" [member-role]";
    assert_only(&bed, bed.join("member2"), said);
    assert_only(&bed, bed.join("member2 --name member1"), said);
}

/// What the host gives its members, as far as their stored kubeconfigs tell.
#[test]
fn a_member_with_another_secret_is_told_where_none_is_named() {
    let bed = bed();
    let check = |words: &str| bed.kubectl_mc().words("check --context host").words(words);
    let secret = bed.host().configured("authentication.issuer.jwtSecret");
    let run = check("").run().code(0);
    assert!(!run.stdout.contains("jwtSecret"), "{run}");
    let text = "authentication: {issuer: {jwtSecret: x7Hq2Lw9Zb4Rv8Nc1Td6Yk3Mf5Pj0SgA}}\nmulticluster: {clusterRole: member}\n";
    let config = json!({"data": {"kubesphere.yaml": text}});
    let config_maps = objects::config_maps(&bed.member(1).client());
    block_on(async move { objects::merge(&config_maps, "kubesphere-config", &config).await }).unwrap();
    let run = check("").run().code(3);
    let fingerprint = fingerprint(secret.as_str().unwrap());
    let said = format!(
        "rotated-members: its jwtSecret {fingerprint} is not in effect on \"member1\": somebody has changed one of the two"
    );
    assert!(run.stdout.contains(&said), "{run}");
    assert!(run.stdout.contains("`kubectl mc check MEMBER --context host`"), "{run}");
    let run = check("member1").run().code(3);
    assert!(
        run.stdout.contains("kubesphere.io/config-hash- kubesphere.io/syncAt=again --overwrite`"),
        "{run}"
    );
}
