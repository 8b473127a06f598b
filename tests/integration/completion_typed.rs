//! Completion where somebody types: in bash and zsh on a terminal, and in fish as it tells what it would offer.

use crate::support::{FISH, Kubeconfig, KubectlMc, TypedShell, ZSH};

/// What stands on a line in which Tab (⇥) was pressed, in bash and zsh alike.
const ALIKE: [(&str, &str); 30] = [
    ("kubectl-mc jo⇥", "kubectl-mc join "),
    ("kubectl-mc join adm⇥", "kubectl-mc join admin@blue "),
    ("kubectl-mc join admin@⇥", "kubectl-mc join admin@blue "),
    ("kubectl-mc join arn⇥", "kubectl-mc join arn:aws:cluster/edge "),
    ("kubectl-mc join arn:aw⇥", "kubectl-mc join arn:aws:cluster/edge "),
    ("kubectl-mc --context=arn:aw⇥", "kubectl-mc --context=arn:aws:cluster/edge "),
    // Lists, options and files.
    (
        "kubectl-mc check a --skip-check clock-sk⇥⌫,member-server-l⇥⌫,leg⇥",
        "kubectl-mc check a --skip-check clock-skew,member-server-loopback,legacy-token-secrets ",
    ),
    (
        "kubectl-mc check a --skip-check=clock-sk⇥⌫,member-server-l⇥⌫,leg⇥",
        "kubectl-mc check a --skip-check=clock-skew,member-server-loopback,legacy-token-secrets ",
    ),
    ("kubectl-mc join --dry-run=⇥c⇥", "kubectl-mc join --dry-run=client "),
    ("kubectl-mc join -oj⇥", "kubectl-mc join -ojson "),
    ("kubectl-mc configure a-f⇥", "kubectl-mc configure a-file "),
    ("kubectl-mc configure --jwt-secret-file=a-f⇥", "kubectl-mc configure --jwt-secret-file=a-file "),
    // Names that have to be quoted, and quotes and escapes that were typed.
    ("kubectl-mc join my⇥", "kubectl-mc join my\\ cluster "),
    ("kubectl-mc join my\\ ⇥", "kubectl-mc join my\\ cluster "),
    ("kubectl-mc join \"my⇥", "kubectl-mc join \"my cluster\" "),
    ("kubectl-mc join 'my⇥", "kubectl-mc join 'my cluster' "),
    ("kubectl-mc join it⇥", "kubectl-mc join it\\'s "),
    ("kubectl-mc join 'it⇥", "kubectl-mc join 'it'\\''s' "),
    ("kubectl-mc join \"it⇥", "kubectl-mc join \"it's\" "),
    ("kubectl-mc join dom⇥", "kubectl-mc join dom\\\\user "),
    ("kubectl-mc join \"arn:aw⇥", "kubectl-mc join \"arn:aws:cluster/edge\" "),
    ("kubectl-mc join 'arn:⇥", "kubectl-mc join 'arn:aws:cluster/edge' "),
    ("kubectl-mc join \"my cluster\" adm⇥", "kubectl-mc join \"my cluster\" admin@blue "),
    // Words before it as the shell reads them.
    ("kubectl-mc --kubeconfig ~/other join of⇥", "kubectl-mc --kubeconfig ~/other join of-another-file "),
    ("kubectl-mc --kubeconfig $OTHER join of⇥", "kubectl-mc --kubeconfig $OTHER join of-another-file "),
    (
        "kubectl-mc --kubeconfig=$HOME/other join of⇥",
        "kubectl-mc --kubeconfig=$HOME/other join of-another-file ",
    ),
    (
        "kubectl-mc --kubeconfig \"${HOME}/other\" join of⇥",
        "kubectl-mc --kubeconfig \"${HOME}/other\" join of-another-file ",
    ),
    ("kubectl-mc --kubeconfig '$HOME/other' join of⇥", "kubectl-mc --kubeconfig '$HOME/other' join of"),
    ("kubectl-mc --kubeconfig 'oth'er join of⇥", "kubectl-mc --kubeconfig 'oth'er join of-another-file "),
    ("kubectl-mc --kubeconfig=~/other join of⇥", "kubectl-mc --kubeconfig=~/other join of"),
];

/// Lines that would run something if a word in them were worked out, and one that shows whether it was.
const RUNNING: [(&str, &str); 5] = [
    (
        "kubectl-mc --kubeconfig \"$(touch was-run)\" join adm⇥",
        "kubectl-mc --kubeconfig \"$(touch was-run)\" join adm",
    ),
    ("kubectl-mc --kubeconfig `touch was-run` join of⇥", "kubectl-mc --kubeconfig `touch was-run` join of"),
    ("kubectl-mc --kubeconfig $(touch was-run) join of⇥", "kubectl-mc --kubeconfig $(touch was-run) join of"),
    ("kubectl-mc --kubeconfig <(touch was-run) join of⇥", "kubectl-mc --kubeconfig <(touch was-run) join of"),
    ("kubectl-mc configure was⇥", "kubectl-mc configure was"),
];

fn program() -> KubectlMc {
    let names = ["arn:aws:cluster/edge", "admin@blue", "my cluster", "it's", "dom\\user"];
    let contexts =
        names.iter().fold(Kubeconfig::of_nobody(), |contexts, name| contexts.alias(name, "member1"));
    let other = Kubeconfig::of_nobody().alias("of-another-file", "host").text();
    let program = KubectlMc::new(&contexts.text(), Vec::new()).file("other", &other).file("a-file", "");
    program.env("OTHER", "other")
}

fn assert_typed(shell: TypedShell, lines: &[(&str, &str)]) {
    let keys: Vec<&str> = lines.iter().map(|(keys, _)| *keys).collect();
    let typed = program().typed_into(shell, &keys);
    for ((keys, expected), typed) in lines.iter().zip(&typed) {
        assert_eq!(typed, expected, "{keys} in {shell:?}");
    }
}

#[test]
fn tab_in_bash() {
    assert_typed(TypedShell::Bash, &ALIKE);
    assert_typed(
        TypedShell::Bash,
        &[
            ("kubectl-mc join --context=\"arn:aw⇥", "kubectl-mc join --context=\"arn:aws:cluster/edge\" "),
            ("kubectl-mc join \"dom⇥", "kubectl-mc join \"dom\\\\user\" "),
            ("true; kubectl-mc join a\\d⇥", "true; kubectl-mc join admin@blue "),
        ],
    );
}

#[test]
fn tab_in_zsh() {
    if ZSH.is_there() {
        assert_typed(TypedShell::Zsh, &ALIKE);
        let line = "kubectl-mc join --context=arn:aws:cluster/edge ";
        assert_typed(TypedShell::Zsh, &[("kubectl-mc join --context=\"arn:aw⇥", line)]);
    }
}

#[test]
fn tab_runs_nothing_that_stands_on_the_line() {
    assert_typed(TypedShell::Bash, &RUNNING);
    if ZSH.is_there() {
        assert_typed(TypedShell::Zsh, &RUNNING);
    }
    if FISH.is_there() {
        for (keys, _) in RUNNING.iter().chain([&("kubectl-mc --kubeconfig (touch was-run) join of⇥", "")]) {
            assert_eq!(in_fish(&keys.replace('⇥', "")), "", "{keys}");
        }
    }
}

/// What fish would offer, and what was run meanwhile.
fn in_fish(line: &str) -> String {
    let fish = program().called("kubectl-mc").instead("fish").env("LINE", line).at_home();
    let script =
        "kubectl-mc completion fish | source; complete -C \"$LINE\"; test -e was-run; and echo was-run";
    fish.args(["--no-config", "-c", script]).run().stdout
}

#[test]
fn fish_completes_the_program_itself() {
    if !FISH.is_there() {
        return;
    }
    for (line, offered) in [
        ("kubectl-mc jo", "join\tJoin members to the host, from any state\n"),
        ("kubectl-mc join --context=adm", "--context=admin@blue\n"),
        ("kubectl-mc configure a-f", "a-file\n"),
        ("kubectl-mc configure ~/a-f", "~/a-file\n"),
        ("kubectl-mc configure --jwt-secret-file=\"a-f", "--jwt-secret-file=a-file\n"),
        ("kubectl-mc join my\\ ", "my cluster\n"),
        ("kubectl-mc join \"my", "my cluster\n"),
        ("kubectl-mc join 'my", "my cluster\n"),
        ("kubectl-mc join dom", "dom\\user\n"),
        ("kubectl-mc join \"arn:aw", "arn:aws:cluster/edge\n"),
        ("kubectl-mc join --context=\"arn:aw", "--context=arn:aws:cluster/edge\n"),
        ("kubectl-mc --kubeconfig ~/other join of", "of-another-file\n"),
        ("kubectl-mc --kubeconfig $OTHER join of", "of-another-file\n"),
        ("kubectl-mc --kubeconfig=\"$HOME/other\" join of", "of-another-file\n"),
        ("kubectl-mc join nobody", ""),
    ] {
        assert_eq!(in_fish(line), offered, "{line}");
    }
}
