//! Somebody who reads the documentation and types what it shows, in a home of their own.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::Command,
};

use kubesphere::installer_log::{InstallerLog, Verdict};
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use testbed::{
    Bed,
    bed::{Cluster, condition},
};

use super::{Kubeconfig, Watched, secrets::shown_in};

/// What differs from run to run, and what stands in for it. Ages come last: a part of an identifier may look like one.
const VARYING: [(&str, &str); 11] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
    (r"sha256:[0-9a-f]{8}", "sha256:FINGERPRINT"),
    (r" \((\d+[smhd]){1,2}\)", ""),
    (r"kubesphere-token-\w{5}", "kubesphere-token-ID"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"token-[0-9a-f]{8}(-[0-9a-f]+)?", "token-UID"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
    (r"KUBECONFIG=\S+", "KUBECONFIG=FILE"),
    (r"PATH=\S+:\$PATH", "PATH=FOLDER:$PATH"),
    (r"\b(\d+[smhd]){1,2}\b", "AGE"),
];

/// What a reader's shell finds as `kubectl`, whether the machine has one or not.
const KUBECTL: &str = "#!/bin/sh\n[ \"$1\" = mc ] && shift && exec kubectl-mc \"$@\"\n";
/// Files that the documentation names, and what they are copies of.
const FILES: [(&str, &str); 4] = [
    ("config-sample.yaml", "tests/fixtures/configurations/kubekey.yaml"),
    ("cluster-configuration.yaml", "tests/fixtures/configurations/installer.yaml"),
    ("in.yaml", "tests/fixtures/configurations/installer.yaml"),
    ("fleet.yaml", "tests/fixtures/fleet.yaml"),
];

/// Text with everything that varies replaced.
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

/// The first line in which two texts differ, apart from what varies.
pub fn difference(expected: &str, seen: &str) -> Option<String> {
    let [expected, seen] = [expected, seen].map(comparable);
    let lines = 0..expected.len().max(seen.len());
    let differs =
        lines.map(|line| (expected.get(line), seen.get(line))).find(|(expected, seen)| expected != seen);
    differs.map(|(expected, seen)| format!("expected: {expected:?}\n    seen: {seen:?}"))
}

/// The console blocks of a text that are marked as shown by the commands in them.
pub fn shown_blocks(text: &str) -> Vec<&str> {
    let after = text.split("<!-- shown -->\n```console\n").skip(1);
    after.map(|text| text.split_once("```").expect("the block ends").0).collect()
}

/// A home as a reader has it: contexts with names of their own, and files for installations to come.
pub struct Reader {
    home: TempDir,
    secrets: Vec<String>,
}

/// The controller has looked at every Cluster, and no installer is at work.
fn is_at_rest(bed: &Bed) -> bool {
    let is_looked_at = |cluster: &Value| condition(cluster, "Ready").is_some();
    let works = |cluster: &Cluster| {
        let mut log = InstallerLog::default();
        cluster.installer_log().lines().for_each(|line| log.push(None, line));
        matches!(log.verdict(), Verdict::Running(_)) || log.another_run_is_due()
    };
    bed.host().clusters().iter().all(is_looked_at)
        && ![bed.host()].into_iter().chain(bed.members()).any(works)
}

/// What a command line has shown, and how it ended.
pub struct Shown {
    pub text: String,
    pub code: Option<i32>,
}

impl Reader {
    /// With these other names for the bed's contexts, the first of which is the current one.
    pub fn of(bed: &Watched, aliases: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let contexts = aliases
            .iter()
            .fold(Kubeconfig::of(bed), |contexts, (alias, context)| contexts.alias(alias, context))
            .current(aliases[0].0);
        fs::create_dir(home.path().join(".kube")).unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        let reader = Self { home, secrets: bed.secrets() };
        reader.write(".kube/config", &contexts.text());
        for (name, fixture) in FILES {
            reader.write(name, &fs::read_to_string(fixture).unwrap());
        }
        symlink(env!("CARGO_BIN_EXE_kubectl-mc"), reader.path("bin/kubectl-mc")).unwrap();
        reader.program("kubectl", KUBECTL)
    }

    /// With a script on the PATH, in place of a program of this name.
    pub fn program(self, name: &str, script: &str) -> Self {
        let path = format!("bin/{name}");
        self.write(&path, script);
        fs::set_permissions(self.path(&path), PermissionsExt::from_mode(0o755)).unwrap();
        self
    }

    /// With a file that holds something confidential.
    pub fn secret(mut self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self.secrets.push(text.trim().to_owned());
        self
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    /// The block again, with what its commands show today. Who reads takes longer from one to the next than the bed does until
    /// it is at rest.
    pub fn replay(&self, bed: &Bed, block: &str) -> String {
        let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
        let commands = commands.inspect(|_| bed.wait_for("at rest", is_at_rest));
        let shown = commands.map(|command| format!("$ {command}\n{}", self.run("sh", command).text));
        shown.collect::<Vec<_>>().concat()
    }

    /// Runs a command line in a shell, with both streams as one.
    pub fn run(&self, shell: &str, command: &str) -> Shown {
        let path = env::var("PATH").unwrap();
        let output = Command::new(shell)
            .args(["-c", &format!("exec 2>&1; {command}")])
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .current_dir(self.home.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(shown_in(&text, &self.secrets), None, "`{command}` shows a secret");
        Shown { text, code: output.status.code() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }
}
