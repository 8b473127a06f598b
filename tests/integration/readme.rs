//! The README tells the truth: what it shows is run and compared.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use clap::{Command as Subcommand, CommandFactory as _};
use kubectl_mc::{cli::Cli, error::ErrorKind};
use regex::Regex;
use testbed::{
    Profile, built,
    kubesphere::{Scenario, Version},
};

use crate::{
    manners::exists,
    support::{Reader, Watched, difference, shown_blocks},
};

/// Whether a join ends before the run of the member's installer is a matter of moments.
const RUN_GOES_ON: &str =
    r"warning: member .*the installer's run goes on.*\[installer-run\]\nhint: see how it ends: .*\n";

/// Lines that a reader sees before scrolling.
const FIRST_SCREEN: usize = 25;

fn readme() -> String {
    fs::read_to_string("README.md").unwrap()
}

/// The console block after a marker.
fn shown<'a>(readme: &'a str, marker: &str) -> &'a str {
    let (_, after) = readme.split_once(&format!("<!-- {marker} -->")).expect("the page has the marker");
    let (_, block) = after.split_once("```console\n").expect("a console block follows the marker");
    block.split_once("\n```").expect("the block ends").0
}

/// The demo of this build; `cargo test` builds it with the test bed's own tests.
fn demo() -> PathBuf {
    let demo = PathBuf::from(env!("CARGO_BIN_EXE_kubectl-mc")).with_file_name("demo");
    if demo.exists() { demo } else { built("demo", Profile::Dev).unwrap() }
}

#[test]
fn cargo_demo_shows_what_its_page_shows() {
    assert_demo("demo", &[]);
}

#[test]
fn cargo_demo_shows_a_join_to_kubesphere_4_as_its_page_does() {
    assert_demo("demo 4", &["--kubesphere", "4"]);
}

#[test]
fn cargo_demo_joins_several_members() {
    let program = ["--members", "3", "--program", env!("CARGO_BIN_EXE_kubectl-mc")];
    let output = Command::new(demo()).args(program).output().unwrap();
    let [shown, told] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success() && told.contains("3 of 3 ready ("), "{shown}{told}");
    assert!(shown.contains("cluster.cluster.kubesphere.io/member3 created\n"), "{shown}{told}");
}

fn assert_demo(marker: &str, arguments: &[&str]) {
    // Both streams in one, as a terminal shows them.
    let output = Command::new("sh")
        .args(["-c", r#"exec "$0" "$@" 2>&1"#])
        .arg(demo())
        .args(arguments)
        .args(["--program", env!("CARGO_BIN_EXE_kubectl-mc")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    // It stands in another place each time.
    let kubeconfig = text.lines().find_map(|line| line.strip_prefix("$ export KUBECONFIG=")).unwrap();
    let typed = [&["cargo", "demo"], arguments].concat().join(" ");
    let seen = format!("$ {typed}\n{}", text.trim()).replace(kubeconfig, "/tmp/demo/kubeconfig");
    let seen = Regex::new(RUN_GOES_ON).unwrap().replace(&seen, "");
    let page = fs::read_to_string("docs/demo.md").unwrap();
    let difference = difference(shown(&page, marker), &seen);
    assert!(difference.is_none(), "{}\nof:\n{text}", difference.unwrap());
}

/// All blocks of a page in their order, as a reader goes through them, on two clusters with KubeSphere 3.4.
fn assert_shows(page: &str, commands: &[&str]) {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let reader = Reader::of(&bed, &[("prod", "host"), ("edge-1", "member1")]);
    let page = fs::read_to_string(page).unwrap();
    let expected = shown_blocks(&page);
    for command in commands {
        let line = format!("$ kubectl mc {command} ");
        assert!(expected.iter().any(|block| block.contains(&line)), "it does not show {command}");
    }
    let seen: Vec<String> = expected.iter().map(|block| reader.replay(&bed, block)).collect();
    let difference = difference(&expected.concat(), &seen.concat());
    assert!(
        difference.is_none(),
        "{}\nof what it should show:\n{}",
        difference.unwrap(),
        seen.join("----\n")
    );
}

#[test]
fn the_commands_of_the_readme_show_what_it_shows() {
    assert_shows("README.md", &["join", "check", "get"]);
}

#[test]
fn every_command_shows_what_the_tour_shows() {
    let commands = [
        "prepare host",
        "prepare member",
        "import",
        "check",
        "configure",
        "logs",
        "jwt-secret",
        "get",
        "renew",
        "rotate jwt-secret",
        "unjoin",
    ];
    assert_shows("docs/tour.md", &commands);
}

#[test]
fn the_commands_are_what_they_are_said_to_be() {
    let alias = fs::read_to_string(".cargo/config.toml").unwrap();
    assert!(alias.contains("demo = \"run ") && alias.contains("compare = \"bench "));
    let ci = fs::read_to_string(".ci/run").unwrap();
    let readme = readme();
    assert_eq!(shown(&readme, "compared").lines().next(), Some("$ cargo compare"));
    for command in ["cargo demo", "cargo demo --kubesphere 4", "cargo demo --members 8", "cargo test"] {
        let typed = format!("$ {command} ");
        assert!(readme.lines().take(FIRST_SCREEN).any(|line| line.starts_with(&typed)), "{command}");
    }
    assert!(
        // With what keeps Cargo.lock as it was committed, and tells every failure.
        ci.lines().any(|line| line == "cargo test --locked --no-fail-fast"),
        "CI runs another test command than the README shows"
    );
}

#[test]
fn the_readme_lists_every_exit_code() {
    let kinds = [
        ErrorKind::Error,
        ErrorKind::Usage,
        ErrorKind::Obstacle,
        ErrorKind::TimedOut,
        ErrorKind::Declined,
        ErrorKind::Partial,
        ErrorKind::Interrupted,
    ];
    let known: Vec<String> =
        [0].into_iter().chain(kinds.map(ErrorKind::exit_code)).map(|code| code.to_string()).collect();
    let listed = rows(&readme(), "## Exit codes");
    let codes: Vec<&str> = listed.iter().map(|row| row.split('|').nth(1).unwrap().trim()).collect();
    assert_eq!(codes, known);
}

#[test]
fn the_readme_lists_every_command() {
    let program = Cli::command();
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set());
    let named = shown.flat_map(|command| {
        let whole = |below: &Subcommand| format!("{} {}", command.get_name(), below.get_name());
        let below: Vec<_> = command.get_subcommands().map(whole).collect();
        if below.is_empty() { vec![command.get_name().to_owned()] } else { below }
    });
    let listed = rows(&readme(), "## Commands").concat();
    for name in named.filter(|name| name != "help") {
        let is_listed = listed.contains(&format!("`{name}`")) || listed.contains(&format!("`{name} "));
        assert!(is_listed, "{name}");
    }
}

/// The rows of the first table after a heading.
fn rows(page: &str, heading: &str) -> Vec<String> {
    let (_, section) = page.split_once(&format!("{heading}\n")).expect("the page has the heading");
    let table =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(str::to_owned).collect()
}

/// The tests that a text names, by file and name.
fn named_tests(text: &str) -> Vec<(String, String)> {
    let named = Regex::new(r"`([a-z_/-]+\.rs)::([a-z0-9_]+)`").unwrap();
    named.captures_iter(text).map(|test| (test[1].to_owned(), test[2].to_owned())).collect()
}

#[test]
fn every_promise_has_a_test_that_exists() {
    let promises = rows(&fs::read_to_string("docs/promises.md").unwrap(), "# What it promises");
    assert_eq!(promises.len(), 7, "{promises:?}");
    for promise in &promises {
        assert_held(promise);
    }
}

#[test]
fn every_sentence_about_an_attacker_has_a_test_that_exists() {
    let page = fs::read_to_string("docs/security.md").unwrap();
    let sentences = rows(&page, "## What an attacker reaches");
    assert!(!sentences.is_empty());
    for sentence in &sentences {
        assert_held(sentence);
    }
}

fn assert_held(row: &str) {
    let named = named_tests(row);
    assert!(!named.is_empty(), "no test holds {row}");
    for (file, name) in named {
        assert!(exists(&file, &name), "there is no test {file}::{name}");
    }
}

fn console_blocks(text: &str) -> Vec<&str> {
    let after = text.split("```console\n").skip(1);
    after.map(|text| text.split_once("```").expect("the block ends").0).collect()
}

/// What is code in the first cells of all tables, and the level of all headings: the same in every language.
fn frame(text: &str) -> Vec<String> {
    let code = Regex::new("`[^`]+`").unwrap();
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    let lines = prose.filter_map(|line| {
        let kept = match line.strip_prefix("| ") {
            Some(row) => row.split(" | ").next()?,
            None => line.starts_with('#').then(|| line.split(' ').next())??,
        };
        let codes: Vec<&str> = code.find_iter(kept).map(|code| code.as_str()).collect();
        Some(if line.starts_with('#') { kept.to_owned() } else { format!("| {}", codes.join(" ")) })
    });
    lines.collect()
}

#[test]
fn the_chinese_readme_says_the_same() {
    let (english, chinese) = (readme(), fs::read_to_string("README.zh-CN.md").unwrap());
    assert_eq!(console_blocks(&english), console_blocks(&chinese));
    assert_eq!(frame(&english), frame(&chinese));
    for (text, other) in [(&english, "](README.zh-CN.md)"), (&chinese, "](README.md)")] {
        assert!(text.lines().take(5).any(|line| line.contains(other)), "the top does not lead to {other}");
    }
}

/// What a page says in the only group of a pattern.
fn said<'a>(page: &'a str, pattern: &str) -> BTreeSet<&'a str> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.captures_iter(page).map(|found| found.get(1).unwrap().as_str()).collect()
}

/// Pages that show the version or the address of the repository in commands.
const OF_RELEASES: [&str; 3] = ["docs/install.md", "docs/release.md", "plugin-manifest/README.md"];

#[test]
fn commands_have_the_version_of_the_manifest() {
    let version = BTreeSet::from([concat!("v", env!("CARGO_PKG_VERSION"))]);
    for file in OF_RELEASES {
        let page = fs::read_to_string(file).unwrap();
        let shown = said(&page, r"(?:kubectl-mc[_ ]|version=|tags/|download/|checkout )(v\d+\.\d+\.\d+)");
        assert_eq!(shown, version, "{file}");
    }
}

/// krew.yaml is held against it where it is rendered, in xtask/tests/manifest.rs.
#[test]
fn every_page_has_the_address_of_the_manifest() {
    const OTHER_PLUGIN: &str = "jonnylangefeld/kubectl-mc";
    let address = env!("CARGO_PKG_REPOSITORY").strip_prefix("https://github.com/").unwrap();
    for file in OF_RELEASES.into_iter().chain([
        "README.md",
        "README.zh-CN.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "docs/README.md",
    ]) {
        let page = fs::read_to_string(file).unwrap();
        let shown = said(&page, r"(?:github\.com/|--repo )([\w.-]+/kubectl-mc)\b");
        let others: Vec<_> = shown.iter().filter(|shown| ![address, OTHER_PLUGIN].contains(*shown)).collect();
        assert!(others.is_empty(), "{file} has {others:?}, and Cargo.toml has {address}");
        let has_commands_of_it =
            ["README.md", "README.zh-CN.md", "docs/install.md", "docs/release.md"].contains(&file);
        assert_eq!(shown.contains(address), has_commands_of_it, "{file}");
    }
}
