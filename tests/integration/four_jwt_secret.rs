//! `kubectl mc jwt-secret`, and what `configure` makes of it, where KubeSphere 4 keeps its secret in one place.

use kubesphere::confidential::fingerprint;
use serde_json::{Value, json};
use testbed::{
    bed::Cluster,
    block_on,
    kubesphere::{Installation, Role, Scenario, Version, objects},
};

use crate::support::{Folder, KubectlMc, Watched};

const OTHER: &str = "x7Hq2Lw9Zb4Rv8Nc1Td6Yk3Mf5Pj0SgA";

fn shown(bed: &Watched, words: &str) -> KubectlMc {
    bed.kubectl_mc().words("jwt-secret --context host").words(words)
}

fn issued(cluster: &Cluster) -> String {
    cluster.configured("authentication.issuer.jwtSecret").as_str().unwrap().to_owned()
}

fn replace(cluster: &Cluster, secret: &str) {
    let text = format!(
        "authentication: {{issuer: {{jwtSecret: {}}}}}\nmulticluster: {{clusterRole: member}}\n",
        json!(secret)
    );
    let patch = json!({"data": {"kubesphere.yaml": text}});
    let api = objects::config_maps(&cluster.client());
    block_on(async move { objects::merge(&api, "kubesphere-config", &patch).await }).unwrap();
}

#[test]
fn host_and_member_are_compared_in_their_one_place() {
    for version in Version::PLAYED_OF_4 {
        let bed = Watched::lease(&Scenario::new(version));
        let secret = issued(bed.host());
        let run = shown(&bed, "member1").run().code(0);
        let row = format!("host     host      kubesphere-config   {}   yes", fingerprint(&secret));
        assert_eq!(run.stdout.lines().nth(1), Some(row.as_str()), "{run}");
        assert_eq!(
            run.stdout.lines().nth(2),
            Some("member   member1   kubesphere-config   <none>            -")
        );
        assert_eq!(run.stdout.lines().count(), 3, "{run}");
        let _ = run.says("member \"member1\": KubeSphere is not installed\nhint: have the host install it, with its jwtSecret: `kubectl mc join member1 --context host`\n");

        let _ = bed.join("member1").run().code(0);
        let run = shown(&bed, "member1 -o json").run().code(0);
        let object: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&object["agree"], &object["warnings"]), (&json!(true), &json!([])), "{run}");
        let places = object["clusters"][1]["places"].as_array().unwrap();
        assert_eq!((places.len(), &places[0]["fingerprint"]), (1, &json!(fingerprint(&secret))));
        let _ = shown(&bed, "--reveal").revealing(&secret).run().code(0).stdout(&format!("{secret}\n"));
        let reveal = bed.kubectl_mc().words("jwt-secret --reveal --context member1");
        let _ =
            reveal.run().code(3).stdout("").says("it is a member, and its jwtSecret may not be its host's");

        replace(bed.member(1), OTHER);
        let run = shown(&bed, "member1").run().code(0).says("its jwtSecret in effect is not the host's");
        let run = run.says("`kubectl mc check member1 --context host`").does_not_say("not joined");
        assert!(run.stdout.ends_with(&format!("{}   no\n", fingerprint(OTHER))), "{run}");
        replace(bed.member(1), "");
        let said =
            "it has no jwtSecret: authentication.issuer.jwtSecret in ConfigMap kubesphere-config is empty";
        let run = shown(&bed, "member1").run().code(0).says(said);
        let _ = run.does_not_say("ks-installer");
    }
}

#[test]
fn a_member_of_4_and_a_host_of_3_share_no_secret() {
    let of_4 = Installation::new(Version::V4_1_3).role(Role::Member);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).member(of_4));
    let run = shown(&bed, "member1").run().code(0).says("KubeSphere 4 is installed, and the host has 3");
    assert_eq!(run.stdout.lines().count(), 1 + 4 + 1, "{run}");
}

#[test]
fn a_member_of_3_and_a_host_of_4_share_no_secret() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3).member(Installation::new(Version::V3_4)));
    let run = shown(&bed, "member1").run().code(0).says("KubeSphere 3 is installed, and the host has 4");
    assert_eq!(run.stdout.lines().count(), 1 + 1 + 4, "{run}");
}

#[test]
fn no_file_is_configured_for_a_host_of_4() {
    let bed = Watched::lease(&Scenario::new(Version::V4_1_3));
    let folder = Folder::with("installer");
    let before = folder.text("c.yaml");
    let words = "configure c.yaml --role member --jwt-secret-from-context host";
    for further in ["", "--diff"] {
        let run = bed.kubectl_mc().folder(folder.root()).words(words).words(further).run().code(3).stdout("");
        let run = run.says("KubeSphere 4 needs no such step");
        let _ = run.says("`kubectl mc join MEMBER --context host`");
    }
    assert_eq!(folder.text("c.yaml"), before);
    assert!(bed.writes().is_empty());
}
