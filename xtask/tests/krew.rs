//! The plugin in the hands of krew and kubectl, on a machine that has only them.

use std::{env, fs, os::unix::fs::symlink, path::Path, process::Command};

use testbed::{
    Bed,
    kubesphere::{Scenario, Version},
};
use xtask::{
    archive::{Entry, pack},
    checksums::Checksums,
    krew,
    platform::{PLATFORMS, Platform},
    read_text,
    release::{Release, time, workspace},
};

use crate::support::{Downloads, Machine, dist};

/// The manifest of the archives that were just built.
fn manifest() -> String {
    krew::of_folder(&dist()).unwrap()
}

fn archive() -> String {
    let platform = Platform::of_this_machine().unwrap();
    dist().join(Release::of_this_source().archive(&platform)).display().to_string()
}

/// All that krew asks of an archive, for every platform that is released.
fn make_archives(folder: &Path, release: &Release) -> Checksums {
    let mut sums = Checksums::default();
    for platform in PLATFORMS {
        let entries =
            vec![Entry::file("LICENSE", "Free."), Entry::program(platform.executable(), "Nothing.")];
        let packed = pack(entries, platform.packing, time(None).unwrap()).unwrap();
        let name = release.archive(&platform);
        fs::write(folder.join(&name), packed).unwrap();
        sums.add(folder, &name).unwrap();
    }
    sums
}

/// It downloads, unpacks and links each, as `kubectl krew install` does there.
#[test]
#[ignore = "brings krew, which Go builds"]
fn the_validator_of_krews_index_installs_all_five_platforms() {
    let (machine, published) = (Machine::new(), tempfile::tempdir().unwrap());
    let release = Release::of_this_source();
    let sums = make_archives(published.path(), &release);
    let template = read_text(&workspace().join(krew::TEMPLATE)).unwrap();
    let manifest = krew::render(&template, &release, &sums).unwrap();
    let served = Downloads::of(published.path()).serving(&manifest, &release.repository);
    // The validator wants the file to be named as the plugin is.
    let manifest = machine.file("mc.yaml", &served);
    let run = machine.run(&format!("validate-krew-manifest -manifest {}", manifest.display()));
    run.succeeds().says("all 5 spec.platforms installed fine");
}

/// Of a user with an empty home, two clusters and nothing but kubectl and krew; the script says what it does.
#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn first_use_from_an_empty_home_to_one_without_the_plugin() {
    let machine = Machine::new();
    let served = Downloads::of(&dist()).serving(&manifest(), &Release::of_this_source().repository);
    let manifest = machine.file("krew.yaml", &served);
    let bed = Bed::lease(&Scenario::new(Version::V3_4));
    let users = env::var_os("PATH").unwrap();
    let path = env::join_paths([machine.programs()].into_iter().chain(env::split_paths(&users))).unwrap();
    let script = workspace().join(".ci/first-use");
    let ended = Command::new(script).args([&manifest, bed.kubeconfig()]).env("PATH", path).status().unwrap();
    assert!(ended.success(), "what was expected stands above");
}

#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn a_manifest_and_an_archive_are_installed_without_a_network() {
    let machine = Machine::new();
    let manifest = machine.file("krew.yaml", &manifest());
    let install = format!("kubectl krew install --manifest={} --archive={}", manifest.display(), archive());
    machine.run(&install).succeeds().says("kubectl krew uninstall mc").says("kubectl_complete-mc");
    let version = format!("kubectl-mc {}\n", Release::of_this_source().version);
    assert_eq!(machine.run("kubectl mc version").succeeds().stdout, version);
    machine.run("kubectl plugin list").succeeds().says("kubectl-mc");
    // What comes with the program lies beside it.
    let store = machine.path(".krew/store/mc").join(Release::of_this_source().version);
    for file in
        ["LICENSE", "README.md", "THIRD-PARTY-NOTICES", "man/kubectl-mc-join.1", "completions/_kubectl-mc"]
    {
        assert!(store.join(file).is_file(), "{file}");
    }
}

#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn another_archive_than_the_manifests_is_refused() {
    let machine = Machine::new();
    let forged = manifest().replace("sha256: ", "sha256: 0").lines().map(cut).collect::<String>();
    let manifest = machine.file("krew.yaml", &forged);
    let install = format!("kubectl krew install --manifest={} --archive={}", manifest.display(), archive());
    machine.run(&install).fails().says("checksum does not match");
}

/// Checksums to their length again.
fn cut(line: &str) -> String {
    let end = line.find("sha256: ").map_or(line.len(), |at| at + "sha256: ".len() + 64);
    format!("{}\n", &line[..end])
}

#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn kubectl_completes_the_plugin_by_the_shim_too() {
    let machine = Machine::new();
    let manifest = machine.file("krew.yaml", &manifest());
    let install = format!("kubectl krew install --manifest={} --archive={}", manifest.display(), archive());
    machine.run(&install).succeeds();
    let store = machine.path(".krew/store/mc").join(Release::of_this_source().version);
    let shim = store.join("completions/kubectl_complete-mc");
    symlink(shim, machine.programs().join("kubectl_complete-mc")).unwrap();
    machine.run("kubectl __complete mc jo").succeeds().says("join\t");
}
