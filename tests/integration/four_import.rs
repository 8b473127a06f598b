//! `kubectl mc import` and `prepare` where the host has KubeSphere 4: the one is a join, the other is nothing.

use serde_json::Value;
use testbed::kubesphere::{Installation, Peculiarity, Role, Scenario, Version, v4::ReleaseStatus};

use crate::{
    four_join::assert_installed,
    support::{KubectlMc, Watched},
};

fn import(bed: &Watched, words: &str) -> KubectlMc {
    let skipped = "--skip-check member-server-loopback --yes";
    bed.kubectl_mc().words(&format!("import member1 --context host {skipped} {words}"))
}

#[test]
fn a_member_that_nobody_has_prepared_is_imported_once() {
    for version in Version::PLAYED_OF_4 {
        let bed = Watched::lease(&Scenario::new(version));
        let run = import(&bed, "--dry-run=client").run().code(0);
        let _ = run.says("its host then installs KubeSphere").says("helm installs release ks-core");
        assert!(bed.writes().is_empty());
        let run = import(&bed, "").run().code(0);
        assert!(run.stdout.ends_with("cluster.cluster.kubesphere.io/member1 created\n"), "{run}");
        assert_installed(&bed, 1, "member1");
        let marks = bed.marks();
        let _ = import(&bed, "").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
        assert!(bed.requests_since(&marks).iter().all(|request| !request.changes()));
    }
}

#[test]
fn it_takes_values_for_the_member_as_a_join_does() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("values.yaml");
    std::fs::write(&file, "global: {tag: v4.1.1}\n").unwrap();
    let _ = import(&bed, &format!("--config {}", file.display())).run().code(0);
    assert_eq!(
        bed.host().cluster("member1")["status"]["kubeSphereVersion"],
        "v4.1.1",
        "the tag of the values"
    );
}

#[test]
fn what_stops_a_join_stops_an_import() {
    let version = Version::V4_1_3;
    let bare = || Installation::bare(version);
    let managed = Peculiarity::Managed { name: "theirs".to_owned(), host: "other".to_owned() };
    for (member, said) in [
        (Installation::new(version).role(Role::Host), "it is a host of KubeSphere 4 itself"),
        (bare().with(managed), "it is managed by another host, which calls itself \"other\""),
        (
            bare().with(Peculiarity::Release(ReleaseStatus::PendingInstall)),
            "release ks-core is pending-install",
        ),
        (Installation::new(Version::V3_4), "KubeSphere v3.4.1 is installed, and its host has 4"),
    ] {
        let bed = Watched::lease(&Scenario::new(version).member(member));
        let _ = import(&bed, "").run().code(3).says(said).says("nothing was changed");
        assert!(bed.writes().is_empty(), "{said}");
    }
}

#[test]
fn a_preparation_is_needless_and_says_what_comes_instead() {
    let prepare =
        |bed: &Watched, words: &str| bed.kubectl_mc().words(&format!("prepare {words} --context host"));
    for version in Version::PLAYED_OF_4 {
        let bed = Watched::lease(&Scenario::new(version));
        let needless = "KubeSphere 4 needs no such step";
        let run = prepare(&bed, "host").run().code(0).stdout("").says(needless);
        let _ = run.says("`kubectl mc join MEMBER --context host`");
        let run = prepare(&bed, "member member1").run().code(0).stdout("").says(needless);
        let _ = run.says("`kubectl mc join member1 --context host`");
        let run = prepare(&bed, "member member1 -o json").run().code(0);
        let object: Value = serde_json::from_str(&run.stdout).unwrap();
        let findings = object["findings"].as_array().unwrap();
        let found = findings
            .iter()
            .find(|finding| finding["id"] == "kubesphere-version" && finding["verdict"] == "warning");
        assert!(found.is_some_and(|found| found["message"].as_str().unwrap().starts_with(needless)), "{run}");
        assert_eq!(object["plan"]["steps"], serde_json::json!([]), "{run}");
        assert!(bed.writes().is_empty());
    }
}

#[test]
fn what_cannot_be_a_member_is_not_told_that_all_is_well() {
    let version = Version::V4_1_3;
    for (member, said) in [
        (Installation::new(version).role(Role::Host), "it is a host of KubeSphere 4 itself"),
        (Installation::new(Version::V3_4), "KubeSphere v3.4.1 is installed, and its host has 4"),
    ] {
        let bed = Watched::lease(&Scenario::new(version).member(member));
        let run = bed.kubectl_mc().words("prepare member member1 --context host").run().code(3);
        let _ = run.says(said).says("nothing was changed");
    }
}
