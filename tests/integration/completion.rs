//! Completion: the protocol, real kubectl, and bash as a script drives it.

use std::{collections::BTreeSet, process::Command};

use kubectl_mc::live::{
    environment::Environment,
    kubeconfig::{ConnectionOptions, load},
    registered_names::registered_names,
    selected_context::select,
};
use kubesphere::side::Side;
use serde_json::json;
use testbed::{
    block_on,
    kubesphere::{ControllerScenario, Installation, Role, Scenario, Version},
};

use crate::support::{BASH_COMPLETION, Kubeconfig, KubectlMc, Registered, Watched};

/// Completes a line as bash does when Tab is pressed behind it, and prints what it would offer.
/// Its words are parted as readline parts them: at `=` and `:` too.
const DRIVER: &str = r#"
line=$1 COMP_WORDS=() COMP_TYPE=9 COMP_KEY=9
rest=$line
while [[ $rest =~ ^[[:space:]]*([=:]+|[^[:space:]=:]+) ]]; do
    COMP_WORDS+=("${BASH_REMATCH[1]}")
    rest=${rest#"${BASH_REMATCH[0]}"}
done
[[ $line == *' ' ]] && COMP_WORDS+=('')
COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { printf '%s %s %s\n' compopt "$@"; }
registered=$(complete -p "${COMP_WORDS[0]}")
completer=${registered#*-F }
completer=${completer%% *}
$completer "${COMP_WORDS[0]}" "${line##*[[:space:]=:]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

fn kubeconfig() -> Kubeconfig {
    Kubeconfig::of_nobody()
        .alias("arn:aws:eks:eu-west-1:42:cluster/edge", "member1")
        .alias("admin@blue", "member1")
}

fn program() -> KubectlMc {
    KubectlMc::new(&kubeconfig().text(), Vec::new())
}

/// The last of these words is completed.
fn complete(words: &[&str]) -> String {
    let run = program().args(["__complete"]).args(words).run().code(0);
    assert_eq!(run.stderr, "");
    run.stdout
}

#[test]
fn candidates_stand_on_lines_with_their_descriptions_before_the_directive() {
    assert_eq!(complete(&["jo"]), "join\tJoin members to the host, from any state\n:4\n");
    assert_eq!(complete(&["join", "--dry-run=c"]), "client\tShow the plan, write nothing\n:4\n");
    assert_eq!(complete(&["join", "arn"]), "arn:aws:eks:eu-west-1:42:cluster/edge\n:4\n");
    assert_eq!(complete(&["--cluster", "ho"]), "host\n:4\n");
    assert_eq!(complete(&["--member-user=mem"]), "member1\n:4\n");
    assert_eq!(complete(&["configure", ""]), ":0\n");
    assert!(complete(&[""]).contains("\nprepare\tPrepare one cluster at a time: the host, or a member\n"));
}

#[test]
fn ids_of_checks_are_completed_behind_a_comma_too_and_only_those_that_can_be_skipped() {
    let offered = complete(&["join", "member1", "--skip-check=clock-skew,member-server-l"]);
    let title = "the member's server is not a loopback address";
    assert_eq!(offered, format!("clock-skew,member-server-loopback\t{title}\n:4\n"));
    assert!(!complete(&["join", "--skip-check", ""]).contains("permissions"));
    assert!(!complete(&["join", "--skip-check=clock-skew,"]).contains(",clock-skew"));
    assert_eq!(complete(&["join", "--skip-check", "clock-skew", "--skip-check", "clock-s"]), ":4\n");
}

#[test]
fn contexts_are_those_of_the_kubeconfigs_that_were_typed() {
    let other = Kubeconfig::of_nobody().alias("of-another-file", "host").text();
    let offered = |words: &[&str]| {
        let program = program().file("other", &other).at_home().args(["__complete"]).args(words);
        program.run().code(0).stdout.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let is_other = |words: &[&str]| offered(words).contains("of-another-file");
    assert!(!is_other(&["join", ""]) && !is_other(&["--context", ""]));
    assert!(
        is_other(&["--kubeconfig=other", "join", ""])
            && is_other(&["--kubeconfig", "other", "--context", ""])
    );
    assert!(is_other(&["join", "--member-kubeconfig=other", ""]));
    assert!(!is_other(&["join", "--member-kubeconfig=other", "--context", ""]));
    assert!(!offered(&["join", "member1", ""]).contains("member1"), "typed already");
}

#[test]
fn what_cannot_be_told_is_silence() {
    for kubeconfig in ["", "contexts: [", "\u{1}"] {
        let program = KubectlMc::new(kubeconfig, Vec::new());
        let run = program.args(["__complete", "join", ""]).run().code(0).stdout(":4\n");
        assert_eq!(run.stderr, "");
    }
    for words in
        [&["--kubeconfig=/nowhere", "join", ""][..], &["nonsense", "--nonsense", ""], &["-", "x", "y"]]
    {
        assert!(complete(words).ends_with(":4\n"));
    }
    let run = program().args(["__complete"]).run_unread().code(0);
    assert_eq!(run.stderr, "");
}

#[test]
fn a_credential_plugin_is_not_heard() {
    let talking = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
        "interactiveMode": "Never", "args": ["-c", "echo who are you >&2; exit 1"]}});
    let kubeconfig = Kubeconfig::of_nobody().user("host", talking).text();
    let run = |words: &str| KubectlMc::new(&kubeconfig, Vec::new()).words(words).run();
    let _ = run("get").code(3).says("who are you\n");
    assert_eq!(run("__complete unjoin e").code(0).stdout(":4\n").stderr, "");
}

#[test]
fn a_file_that_cannot_be_read_to_its_end_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe").to_str().unwrap().to_owned();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for option in ["--kubeconfig", "--certificate-authority"] {
        assert_eq!(complete(&[option, &pipe, "unjoin", "e"]), ":4\n", "{option}");
    }
}

#[test]
fn a_wrong_option_hides_no_names() {
    for wrong in [["-n", "kube-system"], ["--color", "no"], ["--as-user-extra", "bad"]] {
        assert_eq!(complete(&[wrong[0], wrong[1], "join", "adm"]), "admin@blue\n:4\n", "{wrong:?}");
    }
}

#[test]
fn a_name_like_an_option_is_completed_where_it_is_read_as_a_name() {
    let dashing = Kubeconfig::of_nobody().alias("-dashing", "member1").text();
    let offered = |words: &[&str]| {
        let program = KubectlMc::new(&dashing, Vec::new());
        program.args(["__complete"]).args(words).run().code(0).stdout.contains("-dashing\n")
    };
    assert!(!offered(&["join", ""]) && !offered(&["--context", ""]));
    assert!(offered(&["join", "--", ""]) && offered(&["join", "--context=-d"]));
}

#[test]
fn the_name_that_kubectl_calls_completes_too() {
    let run = program().called("kubectl_complete-mc").args(["join", "adm"]).run().code(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("admin@blue\n:4\n", ""));
}

/// kubectl with the plugin and its second name on the PATH.
fn through_kubectl(program: KubectlMc) -> KubectlMc {
    program.with_kubectl().called("kubectl_complete-mc").called("kubectl-mc").instead("kubectl")
}

#[test]
fn kubectl_completes_the_plugin() {
    for (words, offered) in [
        (&["join", "adm"][..], "admin@blue\n:4\n"),
        (&["join", "--context=arn:aws"], "arn:aws:eks:eu-west-1:42:cluster/edge\n:4\n"),
        (&["join", "-o", "y"], "yaml\tOne YAML document\n:4\n"),
        (&["join", "-oy"], "-oyaml\tOne YAML document\n:4\n"),
        (&["configure", ""], ":0\n"),
    ] {
        let kubectl = through_kubectl(program());
        let _ = kubectl.args(["__complete", "mc"]).args(words).run().code(0).stdout(offered);
    }
}

/// What bash offers after these scripts were loaded.
fn in_bash(scripts: &str, line: &str) -> Vec<String> {
    let bash = through_kubectl(program()).instead("bash");
    let script = format!("{scripts}\n{DRIVER}");
    let run = bash.args(["--norc", "--noprofile", "-c", &script, "bash", line]).run().code(0);
    assert_eq!(run.stderr, "", "{run}");
    run.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

const OURS: &str = "source <(kubectl-mc completion bash)";

#[test]
fn bash_completes_the_program_itself() {
    for (line, offered) in [
        ("kubectl-mc jo", &["join"][..]),
        ("kubectl-mc join --dry", &["--dry-run"]),
        ("kubectl-mc join --dry-run=", &["none", "client", "server"]),
        ("kubectl-mc join --context=ad", &["admin@blue"]),
        ("kubectl-mc join arn:aws:", &["eks:eu-west-1:42:cluster/edge"]),
        ("kubectl-mc join --context=arn:aws:e", &["eks:eu-west-1:42:cluster/edge"]),
        ("kubectl-mc join member1 --skip-check=clock-skew,legacy", &["clock-skew,legacy-token-secrets"]),
        ("kubectl-mc configure ", &["compopt -o default"]),
        ("kubectl-mc join nobody", &[]),
    ] {
        assert_eq!(in_bash(OURS, line), offered, "{line}");
    }
}

#[test]
fn in_bash_kubectls_completion_completes_the_plugin_and_is_not_replaced() {
    if !BASH_COMPLETION.is_there() {
        return;
    }
    let scripts = format!("source {}\nsource <(kubectl completion bash)\n{OURS}", BASH_COMPLETION.file);
    for (line, offered) in [
        ("kubectl mc jo", &["join"][..]),
        ("kubectl mc join adm", &["admin@blue"]),
        ("kubectl mc join --context=adm", &["admin@blue"]),
        ("kubectl mc join arn:", &["aws:eks:eu-west-1:42:cluster/edge"]),
        ("kubectl-mc join adm", &["admin@blue"]),
        ("kubectl get --hel", &["--help"]),
    ] {
        assert_eq!(in_bash(&scripts, line), offered, "{line}");
    }
}

/// As bash 3.2 asks: words are not parted at = and :, what it replaces begins there nevertheless, and there is no
/// `compopt`.
const OLD_DRIVER: &str = r#"
read -ra COMP_WORDS <<< "$1"
COMP_LINE=$1 COMP_POINT=${#1} COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { return 127; }
__kubectl_mc_complete kubectl-mc "${1##*[[:space:]=:]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

#[test]
fn bash_before_the_fourth_completes_what_it_replaces() {
    for (line, offered) in [
        ("kubectl-mc jo", "join\n"),
        ("kubectl-mc join --dry-run=c", "client\n"),
        ("kubectl-mc join --context=arn:aws:e", "eks:eu-west-1:42:cluster/edge\n"),
        ("kubectl-mc join arn:aws:", "eks:eu-west-1:42:cluster/edge\n"),
        ("kubectl-mc configure --jwt-secret-file=a-f", "a-file\n"),
        ("kubectl-mc configure a-f", "a-file\n"),
    ] {
        let bash = program().called("kubectl-mc").instead("bash").file("a-file", "").at_home();
        let script = format!("{OURS}\n{OLD_DRIVER}");
        let run = bash.args(["--norc", "--noprofile", "-c", &script, "bash", line]).run().code(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (offered, ""), "{line}");
    }
}

#[test]
fn every_shell_has_its_script_on_stdout() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let run = program().words(&format!("completion {shell}")).run().code(0);
        assert!(run.stdout.contains("kubectl-mc") && run.stdout.contains("__complete"), "{run}");
        assert_eq!(run.stderr, "");
    }
    let _ = program()
        .words("completion tcsh")
        .run()
        .code(2)
        .says("[possible values: bash, zsh, fish, powershell]");
}

#[test]
fn names_of_registered_clusters_are_those_that_the_host_has() {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    let bed = Watched::lease(&Scenario::new(Version::V3_4).host(host));
    let options = ConnectionOptions {
        kubeconfig: Some(bed.kubeconfig().to_owned()),
        context: Some("host".to_owned()),
        ..ConnectionOptions::default()
    };
    let environment = Environment::in_passing();
    let kubeconfig = load(&options, &environment).unwrap();
    let context = select(&kubeconfig, Side::host, &options).unwrap();
    let names = block_on(async move { registered_names(context, &environment).await });
    assert_eq!(names, ["host"]);
}

#[test]
fn kubectl_completes_the_names_of_registered_clusters() {
    let host = Installation::new(Version::V3_4).role(Role::Host);
    let scenario = Scenario::new(Version::V3_4).host(host).members(Vec::new());
    let bed = Watched::lease(&scenario.controller(ControllerScenario::Down));
    for name in ["edge-1", "edge-2", "paris"] {
        Registered::new(name).create(bed.host());
    }
    let marks = bed.marks();
    for (words, offered) in [
        (&["unjoin", ""][..], "edge-1\nedge-2\nparis\n:4\n"),
        (&["unjoin", "--context=host", "edge-"], "edge-1\nedge-2\n:4\n"),
        (&["renew", "--member-context", "host", "p"], "paris\n:4\n"),
        (&["get", "edge-1", "e"], "edge-2\n:4\n"),
        (&["unjoin", "edge-1", "--member-context", "h"], "host\n:4\n"),
        (&["unjoin", "edge-1", ""], ":4\n"),
    ] {
        let kubectl = through_kubectl(bed.kubectl_mc());
        let _ = kubectl.args(["__complete", "mc"]).args(words).run().code(0).stdout(offered);
    }
    let asked =
        bed.requests_since(&marks).into_iter().map(|event| format!("{} {}", event.verb, event.resource));
    assert_eq!(asked.collect::<Vec<_>>(), ["list clusters"; 4]);
}
