//! `kubectl mc unjoin --uninstall`: what helm's release lists goes from the member, and then helm's records.

use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    block_on,
    kubesphere::{Installation, Peculiarity, Role, Scenario, Version, objects, v4::Release},
};

use crate::{
    four_refusals::taken_over,
    four_unjoin::{WRITES, joined, on_both},
    support::{Watched, exists, listing},
};

/// Those that helm has marked as its own.
fn marked(cluster: &Cluster) -> Vec<String> {
    listing(cluster).into_iter().filter(|object| object.contains("ks-agent")).collect()
}

fn objects_of(cluster: &Cluster) -> usize {
    let release: Release = cluster.releases().pop().unwrap();
    release.manifest.matches("---\n").count()
}

/// ks-core is gone, and so is the host's jwtSecret; the namespace and the definitions stay.
#[track_caller]
fn assert_uninstalled(bed: &Watched) {
    let member = bed.member(1);
    assert!(bed.host().cluster("member1").is_null(), "{}", bed.dump());
    assert_eq!(member.releases().len(), 0);
    assert_eq!(marked(member), Vec::<String>::new());
    assert!(member.configuration().is_empty(), "the host's jwtSecret is gone: {}", bed.dump());
    assert!(exists(member, objects::SYSTEM), "as helm leaves it");
    let client = member.client();
    let definitions = block_on(async move {
        let kind = "CustomResourceDefinition";
        let api = objects::objects(&client, "apiextensions.k8s.io/v1", kind, None);
        api.get_opt("users.iam.kubesphere.io").await
    });
    assert!(definitions.unwrap().is_some(), "they hold users' data");
}

fn create(cluster: &Cluster, object: Value) {
    let client = cluster.client();
    block_on(async move { objects::create(&client, &object).await }).unwrap();
}

fn merge(cluster: &Cluster, kind: &str, name: &'static str, patch: Value) {
    let api = objects::objects(&cluster.client(), "v1", kind, Some(objects::SYSTEM));
    block_on(async move { objects::merge(&api, name, &patch).await }).unwrap();
}

#[test]
fn ks_core_goes_and_a_second_run_changes_nothing_and_the_cluster_joins_again() {
    for version in Version::PLAYED_OF_4 {
        let bed = joined(&Scenario::new(version));
        let listed = objects_of(bed.member(1));
        let marks = bed.marks();
        let run = on_both(&bed, "--uninstall").run().code(0);
        let run = run
            .says("uninstall ks-core: delete what helm's release lists (")
            .says("Service (2), Deployment, ");
        let run = run.says("Namespace kubesphere-system, which helm does not delete either");
        let run = run.says("the finalizer kubesphere.io/cascading-deletion on namespaces");
        let run = run.says("the CustomResourceDefinitions of KubeSphere").says("ks-core is uninstalled");
        assert!(run.stdout.contains("deployment.apps \"ks-agent\" deleted on member \"member1\"\n"), "{run}");
        assert!(
            run.stdout.ends_with("secret \"sh.helm.release.v1.ks-core.v1\" deleted on member \"member1\"\n"),
            "the record goes last: {run}"
        );
        assert_uninstalled(&bed);
        assert_eq!(bed.stored_since(&marks).len(), WRITES + listed + 1, "{version}");
        let marks = bed.marks();
        let again = on_both(&bed, "--uninstall").run().code(0);
        let _ = again.stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
        assert!(bed.stored_since(&marks).is_empty());
        let _ = bed.join("member1").run().code(0);
        assert_eq!(bed.member(1).releases().len(), 1);
    }
}

#[test]
fn on_real_control_planes() {
    let bed = joined(&Scenario::new(Version::V4_1_3).on_control_planes());
    let _ = on_both(&bed, "--uninstall").run().code(0);
    assert_uninstalled(&bed);
    let _ = bed.join("member1").run().code(0);
}

/// Taken out first, and rid of ks-core later.
#[test]
fn of_a_former_member_it_goes_too() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let _ = on_both(&bed, "").run().code(0);
    let _ = on_both(&bed, "--uninstall").run().code(0);
    assert_uninstalled(&bed);
}

#[test]
fn what_is_not_of_the_release_or_to_be_kept_stays_and_is_named() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let member = bed.member(1);
    let somebodys = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}});
    merge(member, "Service", "ks-apiserver", somebodys);
    let keep = json!({"metadata": {"annotations": {"helm.sh/resource-policy": "keep"}}});
    merge(member, "ServiceAccount", "kubesphere", keep);
    let metadata = json!({"name": "of-an-operator", "namespace": objects::SYSTEM});
    create(member, json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}));
    let run = on_both(&bed, "--uninstall").run().code(0);
    let run = run.says("what has no mark of helm release ks-core: Service kubesphere-system/ks-apiserver");
    let _ = run.says("what is to be kept by its own annotation: ServiceAccount kubesphere-system/kubesphere");
    assert_uninstalled(&bed);
    let left = listing(member);
    assert!(left.contains("serviceaccounts kubesphere-system/kubesphere"), "{left:#?}");
    for stays in ["services kubesphere-system/ks-apiserver", "configmaps kubesphere-system/of-an-operator"] {
        assert!(left.contains(stays), "{stays}: {left:#?}");
    }
}

#[test]
fn killed_after_each_write_it_ends_alike() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let (before, listed) = (bed.writes().len(), objects_of(bed.member(1)));
    let all = WRITES + listed + 1;
    for writes in 1..=all {
        let started = on_both(&bed, "--uninstall").start();
        bed.until_writes(before + writes);
        let _ = started.signal("KILL");
    }
    let _ = on_both(&bed, "--uninstall").run().code(0);
    assert_uninstalled(&bed);
    assert_eq!(bed.stored().len(), before + all, "each write once: {:?}", bed.stored());
}

/// Whoever has said yes to the rest has not said it to this.
#[test]
fn the_name_has_to_be_typed_besides() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let written = bed.writes().len();
    let words = "unjoin member1 --context host --member-context member1 --uninstall --color never";
    let asked = || bed.kubectl_mc().words(words);
    let unasked = asked().run().code(2).stdout("");
    let _ = unasked.says("this uninstalls KubeSphere from the member, and there is no terminal to ask at");
    for answer in ["n\n", "y\ny\n", "y\nmember2\n"] {
        let run = asked().answer(answer).code(5);
        assert!(run.stdout.contains("declined; nothing was changed"), "{run}");
    }
    assert_eq!(bed.writes().len(), written);
    let _ = asked().answer("y\nmember1\n").code(0);
    assert_uninstalled(&bed);
}

#[test]
fn dry_runs_change_nothing() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let marks = bed.marks();
    for dry_run in ["client", "server"] {
        let run = on_both(&bed, &format!("--uninstall --dry-run={dry_run}")).run().code(0);
        let _ = run.says("uninstall ks-core: delete what helm's release lists (");
    }
    assert!(bed.stored_since(&marks).is_empty(), "{:?}", bed.stored_since(&marks));
    assert_eq!(bed.member(1).releases().len(), 1);
}

/// It is no member of this host: another one has taken it.
#[test]
fn another_hosts_ks_core_stays() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    taken_over(&bed, "theirs", "frankfurt");
    let written = bed.writes().len();
    let run = on_both(&bed, "--uninstall").run().code(3).says("nothing was changed");
    let said = "its ks-core is not uninstalled: another host, which calls itself \"frankfurt\", manages it [ks-core-release]";
    let _ = run.says(said).says("leave out `--uninstall`: the rest does not need it");
    assert_eq!((bed.member(1).releases().len(), bed.writes().len()), (1, written));
    let _ = on_both(&bed, "").run().code(0).says("nothing goes but the Cluster here and the credential");
    let run =
        on_both(&bed, "--uninstall").run().code(3).says("nothing shows that this host has installed it");
    let _ = run.says("leave out `--uninstall`: there is nothing else to do");
}

/// Its host would begin anew after each failure.
#[test]
fn an_installation_that_cannot_end_ends_with_the_cluster() {
    let gone = Installation::bare(Version::V4_1_3).with(Peculiarity::ImageMissing("ks-apiserver".to_owned()));
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(gone));
    let _ = bed.join("member1 --wait=false").run().code(0);
    bed.wait_for("ks-agent", |bed| marked(bed.member(1)).iter().any(|object| object.contains("deployments")));
    let run = on_both(&bed, "--uninstall").run().code(0);
    let run = run.says("wait until the host's helm has ended, whose release ks-core is ");
    let _ = run.says(" now; then uninstall ks-core: delete what helm's release lists (");
    assert_uninstalled(&bed);
}

#[test]
fn a_record_that_cannot_be_read_is_told_with_helms_own_command() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let record = json!({"data": {"release": "bm90IGJhc2U2NCE="}});
    merge(bed.member(1), "Secret", "sh.helm.release.v1.ks-core.v1", record);
    let written = bed.writes().len();
    let run = on_both(&bed, "--uninstall").run().code(3);
    let _ = run.says("it is not base64 [ks-core-release]").says("uninstall ks-core -n kubesphere-system`");
    assert_eq!(bed.writes().len(), written);
}

/// Nobody knows whether another helm is at work or was broken off, before its time is over.
#[test]
fn another_helm_at_work_stops_it_with_the_time_that_it_is_given() {
    let bed = joined(&Scenario::new(Version::V4_1_3));
    let _ = bed.kubectl_mc().words("unjoin member1 --context host --yes").run();
    let at_work = json!({"metadata": {"labels": {"status": "pending-upgrade"}}});
    merge(bed.member(1), "Secret", "sh.helm.release.v1.ks-core.v1", at_work);
    let run = on_both(&bed, "--uninstall").run().code(3).says("a helm is at work on ks-core");
    let _ =
        run.says("run the same command again when it has ended; if it was broken off, 15m after it began");
}

#[test]
fn on_3_it_is_refused_with_the_reason() {
    let of = |role| Installation::new(Version::V3_4).role(role);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(of(Role::Host)).member(of(Role::Member)));
    let _ = bed.join("member1").run().code(0);
    let written = bed.writes().len();
    let run = on_both(&bed, "--uninstall").run().code(3);
    let _ = run.says("`--uninstall` is for KubeSphere 4").says("nothing was changed");
    assert_eq!(bed.writes().len(), written);
    let _ = bed.kubectl_mc().words("unjoin member1 --uninstall --yes").run().code(2);
}
