//! krew.yaml is what the template gives, and the template is what krew's index asks for.

use std::process::Command;

use xtask::{
    checksums::Checksums,
    krew::{self, FILE, TEMPLATE, render},
    platform::PLATFORMS,
    read_text,
    release::{Release, workspace},
};

use crate::support::dist;

/// What an archive is not made of.
const BESIDE: [&str; 11] = [
    ".ci",
    ".github",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.zh-CN.md",
    "benches",
    "docs",
    "krew.yaml",
    "plugin-manifest/README.md",
    "tests",
    "xtask/tests",
];

fn manifest() -> String {
    read_text(&workspace().join(FILE)).unwrap()
}

fn field<'a>(manifest: &'a str, key: &str) -> &'a str {
    manifest.lines().find_map(|line| line.trim_start().strip_prefix(key)).unwrap().trim()
}

/// Between two releases it is the last one's.
fn release() -> Release {
    Release { version: field(&manifest(), "version:").to_owned(), ..Release::of_this_source() }
}

/// Of everything but the checksums, which only a build gives.
#[test]
fn the_manifest_is_the_rendered_template() {
    let template = read_text(&workspace().join(TEMPLATE)).unwrap();
    let sums = krew::checksums(&manifest()).unwrap();
    assert_eq!(
        manifest(),
        render(&template, &release(), &sums).unwrap(),
        "render it again: cargo xtask krew"
    );
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(workspace()).args(words).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

#[test]
fn a_published_manifest_has_a_checksum_of_its_own_for_each_of_the_five_platforms() {
    let (release, sums) = (release(), krew::checksums(&manifest()).unwrap());
    let sums: Vec<_> = PLATFORMS.iter().filter_map(|one| sums.of(&release.archive(one))).collect();
    let mut different = sums.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), sums.len(), "two archives cannot be the same");
    if git(&["tag", "--list", &release.version]).is_some_and(|tag| !tag.is_empty()) {
        assert_eq!(sums.len(), PLATFORMS.len(), "{} is published", release.version);
    }
}

/// Where nothing that goes into an archive was changed since the manifest was rendered, the archives that were just
/// built are those that it names. Where something was, only a build of that commit tells; see `again.rs`.
#[test]
#[ignore = "needs the archive: cargo xtask dist"]
fn the_manifest_names_the_archives_of_this_source() {
    let rendered = git(&["log", "-1", "--format=%H", "--", FILE]).filter(|commit| !commit.is_empty());
    let rendered = rendered.expect("the history of krew.yaml is here");
    let beside = BESIDE.map(|path| format!(":!{path}"));
    let mut words = vec!["diff", "--quiet", &rendered, "--", "."];
    words.extend(beside.iter().map(String::as_str));
    if git(&words).is_none() {
        return;
    }
    let (release, promised) = (release(), krew::checksums(&manifest()).unwrap());
    let built = Checksums::in_folder(&dist()).unwrap();
    for archive in PLATFORMS.iter().map(|platform| release.archive(platform)) {
        if let (Some(promised), Some(built)) = (promised.of(&archive), built.of(&archive)) {
            assert_eq!(promised, built, "{archive}: cargo xtask dist --all && cargo xtask krew");
        }
    }
}

#[test]
fn the_manifest_follows_the_rules_of_krews_index() {
    let manifest = manifest();
    assert!(field(&manifest, "shortDescription:").len() <= 50);
    assert!(!field(&manifest, "shortDescription:").ends_with('.'));
    assert_eq!(field(&manifest, "name:"), "mc");
    let too_long = |line: &&str| line.len() > 84 && !line.contains("uri:") && !line.contains("ln -s");
    assert_eq!(manifest.lines().find(too_long), None, "80 columns and its indentation");
    assert!(!manifest.contains("files:"), "the whole archive is installed");
}

#[test]
fn the_manifest_says_what_to_do_about_the_other_plugin_of_that_name() {
    assert!(manifest().contains("kubectl krew uninstall mc"));
    assert!(manifest().contains("bin/kubectl_complete-mc"));
}
