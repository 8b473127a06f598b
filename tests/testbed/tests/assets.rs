//! The binaries are really brought, whichever way this machine allows.

use std::process::Command;

use testbed::Assets;

#[test]
fn the_binaries_run_and_say_the_version_asked_for() {
    let assets = Assets::find().unwrap();
    let version = |binary| {
        let output = Command::new(binary).arg("--version").output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(version(&assets.apiserver).trim(), "Kubernetes v1.34.3");
    assert_eq!(version(&assets.controller_manager).trim(), "Kubernetes v1.34.3");
    assert!(version(&assets.etcd).starts_with("etcd Version: 3.6.4"), "{}", version(&assets.etcd));
}
