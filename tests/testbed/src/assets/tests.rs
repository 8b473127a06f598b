//! The order in which binaries are looked for, with folders and programs that only pretend.

use std::{fs, path::Path, process::Command, time::Instant};

use tempfile::TempDir;

use super::*;

#[derive(Default)]
struct Said(Vec<String>);

impl Progress for Said {
    fn say(&mut self, line: &str) {
        self.0.push(line.to_owned());
    }

    fn still(&mut self, _: &str, _: Instant) {}
}

/// A home with a cache and a folder of programs, and nothing in either.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        fs::create_dir(machine.programs()).unwrap();
        machine
    }

    fn programs(&self) -> PathBuf {
        self.0.path().join("programs")
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    /// Written by another process: a file that this one holds open while a thread forks cannot be run ("text file busy").
    fn program(&self, name: &str, script: &str) {
        let write = r#"printf '#!/bin/sh\n%s\n' "$2" > "$1" && chmod 755 "$1""#;
        let path = self.programs().join(name);
        let written = Command::new("sh").args(["-c", write, "write"]).arg(path).arg(script).status().unwrap();
        assert!(written.success());
    }

    /// A Go that builds all files at once, and notes that it did.
    fn go(&self) {
        let note = self.0.path().join("builds");
        let script = "for argument; do [ \"$last\" = -o ] && out=$argument; last=$argument; done\n/bin/sleep 0.3\n\
             for binary in kube-apiserver kube-controller-manager server kubelet krew kubectl validate-krew-manifest; do echo $binary > $out/$binary; done";
        self.program("go", &format!("{script}\necho built >> {}", note.display()));
    }

    fn builds(&self) -> usize {
        fs::read_to_string(self.0.path().join("builds")).map_or(0, |text| text.lines().count())
    }

    fn sources(&self) -> Sources {
        let path = self.programs().into_os_string();
        Sources {
            given: None,
            cache: Some(self.cache()),
            downloads: Downloads::from_mirror("https://mirror.invalid", path.clone()),
            build: Build { path },
        }
    }
}

fn fill(folder: &Path, binaries: &[&str]) {
    fs::create_dir_all(folder).unwrap();
    for binary in binaries {
        fs::write(folder.join(binary), binary).unwrap();
    }
}

#[test]
fn the_versions_are_those_of_the_go_modules() {
    for bundle in [CONTROL_PLANES, KUBECTL, KUBELET, APISERVER_1_27] {
        let release = bundle.kubernetes.release();
        assert!(bundle.go_mod.contains(&format!("k8s.io/kubernetes v{release}")), "{}", bundle.what);
    }
    assert!(CONTROL_PLANES.go_mod.contains(&format!("go.etcd.io/etcd/server/v3 v{ETCD}")), "{ETCD}");
}

#[test]
fn given_assets_go_before_the_cache() {
    let machine = Machine::new();
    machine.go();
    let given = machine.0.path().join("given");
    fill(&given, CONTROL_PLANES.binaries);
    let sources = Sources { given: Some(given.clone()), ..machine.sources() };
    assert_eq!(sources.control_planes(&mut Said::default()).unwrap().etcd, given.join("etcd"));
    assert!(!machine.cache().exists());
}

#[test]
fn given_assets_that_lack_one_are_refused_by_its_name() {
    let machine = Machine::new();
    fill(machine.0.path(), &["etcd", "kube-apiserver"]);
    let sources = Sources { given: Some(machine.0.path().into()), ..machine.sources() };
    let error = sources.control_planes(&mut Said::default()).unwrap_err().to_string();
    assert!(error.contains("which lacks kube-controller-manager\nhint: "), "{error}");
}

#[test]
fn without_curl_and_go_the_error_names_both_and_what_to_do() {
    let error = Machine::new().sources().control_planes(&mut Said::default()).unwrap_err().to_string();
    assert!(error.contains("download: `curl` is not installed"), "{error}");
    assert!(error.contains("build: Go is not installed"), "{error}");
    assert!(error.contains("hint: install Go 1.24 or newer"), "{error}");
    assert!(error.contains("KUBEBUILDER_ASSETS"), "{error}");
}

#[test]
fn a_build_that_fails_says_why() {
    let machine = Machine::new();
    machine.program("curl", "echo 'curl: (6) Could not resolve host: dl.k8s.io' >&2; exit 6");
    machine.program("go", "echo 'dial tcp: lookup proxy.golang.org: no such host' >&2; exit 1");
    let error = machine.sources().control_planes(&mut Said::default()).unwrap_err().to_string();
    assert!(error.contains("Could not resolve host"), "{error}");
    assert!(error.contains("lookup proxy.golang.org: no such host"), "{error}");
}

#[test]
fn what_was_built_is_kept() {
    let machine = Machine::new();
    machine.go();
    let mut said = Said::default();
    let assets = machine.sources().control_planes(&mut said).unwrap();
    assert_eq!(fs::read_to_string(&assets.etcd).unwrap(), "server\n");
    assert!(assets.etcd.starts_with(machine.cache()), "{}", assets.etcd.display());
    assert!(said.0[0].contains("about 5 minutes"), "{}", said.0[0]);
    assert_eq!(machine.sources().control_planes(&mut Said::default()).unwrap(), assets);
    assert_eq!(machine.builds(), 1);
}

#[test]
fn who_comes_during_a_build_waits_for_it() {
    let machine = Machine::new();
    machine.go();
    let waited: usize = std::thread::scope(|scope| {
        let bring = || {
            let mut said = Said::default();
            machine.sources().control_planes(&mut said).unwrap();
            usize::from(said.0.iter().any(|line| line.contains("waiting for it")))
        };
        let all: Vec<_> = (0..3).map(|_| scope.spawn(bring)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!((machine.builds(), waited), (1, 2));
}

#[test]
fn the_kubelet_is_a_bundle_of_its_own() {
    let machine = Machine::new();
    machine.go();
    let planes = machine.sources().control_planes(&mut Said::default()).unwrap();
    let kubelet = machine.sources().apart(&KUBELET, &mut Said::default()).unwrap();
    assert_eq!(
        (machine.builds(), fs::read_to_string(kubelet.join("kubelet")).unwrap().as_str()),
        (2, "kubelet\n")
    );
    assert_ne!(Some(kubelet.as_path()), planes.etcd.parent());
    assert_eq!(machine.sources().apart(&KUBELET, &mut Said::default()).unwrap(), kubelet);
    assert_eq!(machine.builds(), 2);
}

#[test]
fn the_apiserver_of_older_hosts_comes_beside_and_whatever_is_given() {
    let machine = Machine::new();
    machine.go();
    let given = machine.0.path().join("given");
    fill(&given, CONTROL_PLANES.binaries);
    let old =
        Sources { given: Some(given), ..machine.sources() }.old_apiserver(&mut Said::default()).unwrap();
    let planes = machine.sources().control_planes(&mut Said::default()).unwrap();
    assert_eq!(machine.builds(), 2);
    assert!(old.starts_with(machine.cache()) && old != planes.apiserver, "{}", old.display());
    assert_eq!(machine.sources().old_apiserver(&mut Said::default()).unwrap(), old);
    assert_eq!(machine.builds(), 2);
}

#[test]
fn given_assets_need_no_kubelet() {
    let machine = Machine::new();
    machine.go();
    let given = machine.0.path().join("given");
    fill(&given, CONTROL_PLANES.binaries);
    let sources = Sources { given: Some(given.clone()), ..machine.sources() };
    assert!(sources.apart(&KUBELET, &mut Said::default()).unwrap().starts_with(machine.cache()));
    fill(&given, KUBELET.binaries);
    assert_eq!(sources.apart(&KUBELET, &mut Said::default()).unwrap(), given);
}

#[test]
fn krew_comes_with_its_validator_and_once() {
    let machine = Machine::new();
    machine.go();
    let folder = machine.sources().apart(&KREW, &mut Said::default()).unwrap();
    assert!(KREW.is_in(&folder), "{}", folder.display());
    assert_eq!(
        (machine.sources().apart(&KREW, &mut Said::default()).unwrap(), machine.builds()),
        (folder, 1)
    );
}

/// A curl that answers from files: its last argument but `--output FILE` is the URL.
fn mirror(machine: &Machine, sum: &str) {
    let script = "while [ $# -gt 0 ]; do case $1 in\n--output) out=$2; shift;;\nhttps:*) url=$1;;\nesac; shift; done\n\
         case $url in\n*.sha256) echo @SUM@;;\n\
         */SHA256SUMS) echo '@SUM@  etcd-v3.6.4-linux-amd64.tar.gz'; echo '@SUM@  etcd-v3.6.4-linux-arm64.tar.gz';;\n\
         *) printf abc > \"$out\";;\nesac";
    machine.program("curl", &script.replace("@SUM@", sum));
    let tar =
        "while [ $# -gt 0 ]; do [ \"$1\" = -C ] && into=$2; shift; done; echo unpacked > \"$into/etcd\"";
    machine.program("tar", tar);
}

#[test]
fn downloads_go_before_a_build() {
    let machine = Machine::new();
    machine.go();
    mirror(&machine, &checksum::of_bytes(b"abc"));
    let mut said = Said::default();
    let assets = machine.sources().control_planes(&mut said).unwrap();
    assert_eq!(fs::read_to_string(assets.etcd).unwrap(), "unpacked\n");
    assert_eq!((machine.builds(), said.0.len()), (0, 3));
    let kubelet = machine.sources().apart(&KUBELET, &mut said).unwrap();
    assert_eq!(fs::read_to_string(kubelet.join("kubelet")).unwrap(), "abc");
    assert!(said.0[3].ends_with("/kubelet"), "{}", said.0[3]);
}

#[test]
fn a_download_with_another_sum_is_not_used() {
    let machine = Machine::new();
    mirror(&machine, "0000");
    let error = machine.sources().control_planes(&mut Said::default()).unwrap_err().to_string();
    assert!(error.contains("kube-apiserver: its SHA-256 is ba7816bf"), "{error}");
    assert!(
        fs::read_dir(machine.cache().join("control-planes"))
            .unwrap()
            .all(|entry| !entry.unwrap().path().is_dir()),
        "nothing is left"
    );
}

#[test]
fn the_cache_is_the_users() {
    assert_eq!(user_cache(Some("/x".into()), Some("/home/jane".into())), Some("/x".into()));
    assert_eq!(user_cache(Some("relative".into()), None), None);
    assert!(user_cache(None, Some("/home/jane".into())).unwrap().starts_with("/home/jane"));
}
