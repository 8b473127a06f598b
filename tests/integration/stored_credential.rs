//! What the host has stored of a member stops working: whoever judges the member says so, with the command that stores
//! another.

use kube::api::DeleteParams;
use testbed::{
    block_on,
    kubesphere::{Version, objects},
};

use crate::{
    renew::{accepts, import, renewing, scenario, stored_user, token_secrets},
    support::Watched,
};

const STORED: &str = "the kubeconfig that the host has stored in its Cluster \"member1\" no longer works: \
                      the server does not accept the credentials (unauthorized)";
const RENEWAL: &str = "kubectl mc renew member1 --context host --member-context member1";

/// A joined pair whose member has revoked the host's token. KubeSphere 3.4 goes on saying Ready.
fn revoked() -> Watched {
    let bed = Watched::lease(&scenario(Version::V3_4));
    let _ = import(&bed, "").run().code(0);
    let secret = token_secrets(bed.member(1)).remove(0);
    let api = objects::objects(&bed.member(1).client(), "v1", "Secret", Some(objects::SYSTEM));
    block_on(async move { api.delete(&secret, &DeleteParams::default()).await.unwrap() });
    let token = stored_user(&bed)["token"].clone();
    bed.wait_for("the token has ended", |bed| !accepts(bed.member(1), &token));
    bed
}

#[test]
fn a_revoked_credential_is_told_by_every_command_and_renewed() {
    let bed = revoked();
    let marks = bed.marks();
    let run = bed.join("member1").run().code(3);
    let _ = run
        .says(&format!("error: member \"member1\": {STORED} [member-credential]\n"))
        .says(&format!("hint: store a new one: `{RENEWAL} --skip-check member-server-loopback`\n"));
    let check = |words: &str| bed.kubectl_mc().words("check --context host").words(words).run().code(3);
    let run = check("member1 --skip-check member-server-loopback");
    assert!(run.stdout.contains(&format!("\n  failure member-credential: {STORED}\n")), "{run}");
    let run = check("");
    assert!(run.stdout.contains(&format!("\n  failure member-credential: {STORED}\n")), "{run}");
    assert!(run.stdout.contains("renew member1 --context host --member-context NAME`"), "{run}");
    let run = bed.kubectl_mc().words("get --context host --probe").run().code(0);
    assert!(run.stdout.contains(" refused "), "{run}");
    let unjoin = || bed.kubectl_mc().words("unjoin member1 --context host --member-context member1 --yes");
    let _ = unjoin()
        .run()
        .code(3)
        .says(&format!("hint: store a new one: `{RENEWAL}`; then run the same command again"));
    assert_eq!(bed.stored_since(&marks), Vec::<String>::new(), "nothing is changed");
    let _ = renewing(bed.kubectl_mc(), "member1 --member-context member1").run().code(0);
    let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
    let _ = bed.kubectl_mc().words("check --context host").run().code(0);
    let _ = unjoin().run().code(0);
}

#[test]
fn a_script_is_told_whether_a_member_is_what_it_expects() {
    let bed = Watched::lease(&scenario(Version::V3_4));
    let expecting = |state: &str| {
        let words = "check member1 --context host --skip-check member-server-loopback --expect";
        bed.kubectl_mc().words(words).words(state).run()
    };
    let _ = expecting("absent").code(0);
    let run = expecting("joined").code(3);
    assert!(run.stdout.contains("  failure expected-state: it is not registered on the host\n"), "{run}");
    let _ = import(&bed, "").run().code(0);
    let _ = expecting("joined").code(0);
    let run = expecting("absent").code(3);
    assert!(
        run.stdout.contains("  failure expected-state: it is registered on the host, as \"member1\"\n"),
        "{run}"
    );
    let _ = bed
        .kubectl_mc()
        .words("check --context host --expect joined")
        .run()
        .code(2)
        .says("<MEMBER|--filename <FILE>>");
}
