//! The README tells the truth: what it shows is run and compared.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use kubectl_mc::{checks::every_check, error::Kind, kubesphere::confidential::scrub};
use regex::Regex;
use testbed::kubesphere::{Scenario, Version};

use crate::support::{Kubeconfig, Watched};

/// What differs from run to run, and what stands in for it.
const VARYING: [(&str, &str); 10] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
    (r"sha256:[0-9a-f]{8}", "sha256:FINGERPRINT"),
    (r" \(\d+s\)", ""),
    (r"token-[0-9a-f]{8}(-[0-9a-f]+)?", "token-UID"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
    (r"kubesphere-token-\w{5}", "kubesphere-token-ID"),
    (r"\b\d+[smhd]\b", "AGE"),
    (r"KUBECONFIG=\S+", "KUBECONFIG=FILE"),
    (r"PATH=\S+:\$PATH", "PATH=FOLDER:$PATH"),
];

fn readme() -> String {
    fs::read_to_string("README.md").unwrap()
}

/// The lines of the console block after a marker, with everything that varies replaced.
fn shown(marker: &str) -> Vec<String> {
    let readme = readme();
    let (_, after) = readme.split_once(&format!("<!-- {marker} -->")).expect("the README has the marker");
    let (_, block) = after.split_once("```console\n").expect("a console block follows the marker");
    let (block, _) = block.split_once("\n```").expect("the block ends");
    comparable(block)
}

fn comparable(text: &str) -> Vec<String> {
    let varying = VARYING.map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement));
    let scrub = |line: &str| {
        varying.iter().fold(line.to_owned(), |line, (pattern, with)| {
            pattern.replace_all(&line, *with).trim_end().to_owned()
        })
    };
    // Columns are as wide as their values; what ends with `…` says what takes long, and only where it does.
    let lines = text.lines().filter(|line| !line.ends_with('…')).map(scrub);
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The demo of this build; `cargo test` builds it with the test bed's own tests.
fn demo() -> PathBuf {
    let demo = PathBuf::from(env!("CARGO_BIN_EXE_kubectl-mc")).with_file_name("demo");
    if !demo.exists() {
        let built =
            Command::new(env!("CARGO")).args(["build", "--package", "testbed", "--bin", "demo"]).status();
        assert!(built.unwrap().success());
    }
    demo
}

#[test]
fn cargo_demo_shows_what_the_readme_shows() {
    // Both streams in one, as a terminal shows them.
    let output = Command::new("sh")
        .args(["-c", r#"exec "$0" "$@" 2>&1"#])
        .arg(demo())
        .args(["--program", env!("CARGO_BIN_EXE_kubectl-mc")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let expected = shown("demo");
    let seen = comparable(&text);
    assert_eq!(seen.join("\n").trim(), expected[1..].join("\n").trim(), "{text}");
    assert_eq!(expected[0], "$ cargo demo");
}

/// What the shells of the README find on their PATH as `kubectl`, whether the machine has one or not.
const KUBECTL: &str = "#!/bin/sh\n[ \"$1\" = mc ] && shift && exec kubectl-mc \"$@\"\n";

/// A home as the README's reader has it: two contexts, and a file for an installation to come.
struct Reader {
    home: tempfile::TempDir,
    secrets: Vec<String>,
}

impl Reader {
    fn of(bed: &Watched) -> Self {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| fs::write(home.path().join(path), text).unwrap();
        let contexts = Kubeconfig::of(bed).alias("prod", "host").alias("edge-1", "member1").current("prod");
        fs::create_dir(home.path().join(".kube")).unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        write(".kube/config", &contexts.text());
        write("bin/kubectl", KUBECTL);
        write(
            "config-sample.yaml",
            &fs::read_to_string("tests/fixtures/configurations/kubekey.yaml").unwrap(),
        );
        fs::set_permissions(home.path().join("bin/kubectl"), PermissionsExt::from_mode(0o755)).unwrap();
        symlink(env!("CARGO_BIN_EXE_kubectl-mc"), home.path().join("bin/kubectl-mc")).unwrap();
        Self { home, secrets: bed.secrets() }
    }

    /// The block again, with what its commands show today.
    fn replay(&self, block: &str) -> String {
        let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
        let shown = commands.map(|command| format!("$ {command}\n{}", self.run(command)));
        shown.collect::<Vec<_>>().concat()
    }

    fn run(&self, command: &str) -> String {
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {command}")])
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .current_dir(self.home.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let secrets: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        assert_eq!(scrub(&text, &secrets), text, "`{command}` shows a secret");
        text
    }

    fn path(&self, path: &str) -> PathBuf {
        Path::new(self.home.path()).join(path)
    }
}

/// The console blocks that are marked as shown by the commands in them.
fn blocks() -> Vec<String> {
    let readme = readme();
    let after = readme.split("<!-- shown -->\n```console\n").skip(1);
    after.map(|text| text.split_once("```").expect("the block ends").0.to_owned()).collect()
}

/// All blocks in their order, as a reader goes through them, on two clusters with KubeSphere 3.4.
#[test]
fn every_command_shows_what_the_readme_shows() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4));
    let reader = Reader::of(&bed);
    let expected = blocks();
    for command in [
        "prepare host",
        "prepare member",
        "import",
        "configure",
        "logs",
        "jwt-secret",
        "get",
        "renew",
        "unjoin",
    ] {
        let line = format!("$ kubectl mc {command} ");
        assert!(expected.iter().any(|block| block.contains(&line)), "the README does not show {command}");
    }
    let seen: Vec<String> = expected.iter().map(|block| reader.replay(block)).collect();
    let [seen_lines, expected_lines] =
        [&seen, &expected].map(|blocks| comparable(&blocks.concat()).join("\n"));
    assert_eq!(seen_lines, expected_lines, "the README should show:\n{}", seen.join("----\n"));
}

#[test]
fn the_two_commands_are_what_they_are_said_to_be() {
    let alias = fs::read_to_string(".cargo/config.toml").unwrap();
    assert!(alias.contains("demo = \"run "));
    let ci = fs::read_to_string(".ci/run").unwrap();
    for command in ["cargo demo", "cargo test"] {
        assert!(readme().contains(&format!("$ {command} ")), "{command}");
    }
    assert!(
        ci.lines().any(|line| line == "cargo test"),
        "CI runs another test command than the README shows"
    );
}

#[test]
fn the_readme_lists_every_check() {
    let listed: Vec<String> = rows("## When it refuses");
    let known = every_check().map(|check| {
        let star = if check.skippable { " *" } else { "" };
        format!("| `{}`{star} | {} |", check.id, check.title)
    });
    assert_eq!(listed, known.collect::<Vec<_>>());
}

#[test]
fn the_readme_lists_every_exit_code() {
    let kinds = [
        Kind::Error,
        Kind::Usage,
        Kind::Obstacle,
        Kind::TimedOut,
        Kind::Declined,
        Kind::Partial,
        Kind::Interrupted,
    ];
    let known: Vec<String> =
        [0].into_iter().chain(kinds.map(Kind::exit_code)).map(|code| code.to_string()).collect();
    let listed = rows("## Exit codes");
    let codes: Vec<&str> = listed.iter().map(|row| row.split('|').nth(1).unwrap().trim()).collect();
    assert_eq!(codes, known);
}

/// The rows of the first table after a heading.
fn rows(heading: &str) -> Vec<String> {
    let readme = readme();
    let (_, section) = readme.split_once(&format!("{heading}\n")).expect("the README has the heading");
    let table =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    table.skip(2).map(str::to_owned).collect()
}
