//! `--manifests-to`: what others apply, by kubectl alone.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use kubectl_mc::output::manifests::README;
use serde_json::Value;
use tempfile::TempDir;
use testbed::kubesphere::{Installation, Role, Scenario, Version};

use crate::support::{KubectlMc, Watched};

pub(crate) fn written(bed: &Watched, words: &str, directory: &Path) -> KubectlMc {
    bed.kubectl_mc()
        .words("join member1 --context host --skip-check member-server-loopback")
        .words(words)
        .args(["--manifests-to", directory.to_str().unwrap()])
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The commands of the README's sections, in their order.
pub(crate) fn commands(directory: &Path) -> Vec<String> {
    let readme = fs::read_to_string(directory.join(README)).unwrap();
    let blocks = readme.split("\n## ").skip(1).flat_map(|section| section.split("```sh\n").skip(1));
    let lines = blocks.flat_map(|block| block.split("\n```").next().unwrap().lines());
    lines.map(str::to_owned).collect()
}

pub(crate) fn typed(bed: &Watched, command: &str) -> Output {
    let path = std::env::join_paths([
        testbed::kubectl().unwrap().parent().unwrap(),
        Path::new("/usr/bin"),
        Path::new("/bin"),
    ]);
    let mut shell = Command::new("sh");
    shell.args(["-ec", command]).env_clear().env("PATH", path.unwrap()).env("KUBECONFIG", bed.kubeconfig());
    // kubectl keeps what it has discovered below its home.
    shell.env("HOME", bed.folder());
    shell.output().unwrap()
}

/// Types what the README says, and waits for the installer where it says so.
fn apply(bed: &Watched, directory: &Path) {
    for command in commands(directory) {
        let output = typed(bed, &command);
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        if command.contains(" patch ") {
            let is_host = command.contains("--context host ");
            let (cluster, role) = if is_host {
                (bed.host(), "clusterRole: host")
            } else {
                (bed.member(1), "clusterRole: member")
            };
            bed.wait_for(role, |bed| {
                cluster.configuration().contains(role) && (!is_host || bed.host().clusters().len() == 1)
            });
        }
    }
}

#[test]
fn kubectl_joins_a_member_by_what_was_written() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let place = TempDir::new().unwrap();
    let directory = place.path().join("out");
    let run = written(&bed, "", &directory).run().code(0);
    let account = [
        "01-member-member1-serviceaccount-kubectl-mc-host.yaml".to_owned(),
        "02-member-member1-clusterrolebinding-kubectl-mc-host.yaml".to_owned(),
        format!("03-member-member1-secret-kubectl-mc-host-token-{}.yaml", &bed.host().uid()[..8]),
        "04-host-host-clusterconfiguration-ks-installer.json".to_owned(),
        "05-member-member1-clusterconfiguration-ks-installer.json".to_owned(),
    ];
    let files = account.iter().map(String::as_str).chain([README]).collect::<Vec<_>>();
    assert_eq!(names(&directory), files);
    let first = format!("serviceaccount/kubectl-mc-host written to {}\n", directory.join(files[0]).display());
    assert!(run.stdout.starts_with(&first) && run.stdout.lines().count() == 5, "{run}");
    let run = run.says("1. member \"member1\": create ServiceAccount").does_not_say("Proceed?");
    run.says("the files hold secrets");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert!(files.iter().all(|name| mode(&directory.join(name)) == 0o600));
    bed.assert_untouched();
    apply(&bed, &directory);

    let _ = written(&bed, "", &directory).run().code(0);
    assert_eq!(names(&directory), ["01-host-host-cluster-member1.yaml", README]);
    assert!(bed.host().clusters().iter().all(|cluster| cluster["metadata"]["name"] != "member1"));
    apply(&bed, &directory);
    bed.assert_joined(1, "member1");
    bed.assert_untouched();
    let _ = bed.join("member1").run().code(0).stdout("cluster.cluster.kubesphere.io/member1 unchanged\n");
}

#[test]
fn what_needs_no_token_is_written_at_once() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let place = TempDir::new().unwrap();
    let run = written(&bed, "--credentials context -o json", place.path()).run().code(0);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let files: Vec<_> =
        document["manifests"].as_array().unwrap().iter().map(|file| &file["object"]).collect();
    assert_eq!(
        files,
        [
            "clusterconfiguration.installer.kubesphere.io/ks-installer",
            "clusterconfiguration.installer.kubesphere.io/ks-installer",
            "cluster.cluster.kubesphere.io/member1"
        ]
    );
    assert_eq!(document["results"], Value::Array(Vec::new()));
    apply(&bed, place.path());
    bed.assert_joined(1, "member1");
}

/// The parts write theirs, and a certificate's key is nobody's to write.
#[test]
fn each_part_writes_what_it_would_send() {
    let bed = Watched::lease(&Scenario::new(Version::V3_3));
    let place = TempDir::new().unwrap();
    let host = bed.kubectl_mc().words("prepare host --context host --manifests-to");
    let _ = host.args([place.path().to_str().unwrap()]).run().code(0);
    assert_eq!(names(place.path()), ["01-host-host-clusterconfiguration-ks-installer.json", README]);
    let _ = written(&bed, "", place.path()).run().code(0);
    assert_eq!(names(place.path()).len(), 3);
    let readme = fs::read_to_string(place.path().join(README)).unwrap();
    assert!(
        readme.contains("No file: a certificate's key is made when the certificate is requested"),
        "{readme}"
    );
    let import = "No file: `kubectl mc import member1 --context host` creates it";
    assert!(readme.contains(import), "a second run would come no further: {readme}");
    bed.assert_untouched();
}

#[test]
fn what_is_done_needs_no_file() {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    let member = Installation::new(Version::V3_4).role(Role::Member);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host).member(member));
    let _ = bed.join("member1").run().code(0);
    let place = TempDir::new().unwrap();
    let directory = place.path().join("none");
    let run = written(&bed, "", &directory).run().code(0);
    run.stdout("cluster.cluster.kubesphere.io/member1 unchanged\n").says("there is nothing to apply: ");
    assert!(!directory.exists());
}

#[test]
fn somebody_elses_directory_is_refused_before_anything_is_asked() {
    let bed = Watched::shared();
    let place = TempDir::new().unwrap();
    fs::write(place.path().join("kustomization.yaml"), "").unwrap();
    let run = written(bed, "", place.path()).run().code(2).stdout("");
    run.says("holds what no earlier run has written: kustomization.yaml").says("hint: name a directory");
    assert_eq!(names(place.path()), ["kustomization.yaml"]);
    let _ = written(bed, "--dry-run=client", &place.path().join("new")).run().code(2);
}
