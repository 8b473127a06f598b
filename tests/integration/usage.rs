//! The command line itself: help, version, usage errors, colours, and readers that go away.

use serde_json::{Value, json};

use crate::support::{Kubeconfig, KubectlMc};

fn program(words: &str) -> KubectlMc {
    KubectlMc::new(&Kubeconfig::of_nobody().text(), Vec::new()).words(words)
}

/// The commands that ask a cluster, or write what one will be installed with.
const OF_CLUSTERS: [&str; 11] = [
    "join",
    "prepare host",
    "prepare member",
    "import",
    "renew",
    "unjoin",
    "configure",
    "logs",
    "jwt-secret",
    "check",
    "get",
];

#[test]
fn help_is_a_result_and_every_command_shows_examples() {
    for words in ["--help", "-h", "help", ""] {
        let run = program(words).run().code(0);
        assert!(run.stdout.contains("Usage: kubectl mc ") && run.stdout.contains("Commands:"), "{run}");
        assert_eq!(run.stderr, "", "{words}");
    }
    for command in OF_CLUSTERS.into_iter().chain(["prepare", "completion", "options", "version"]) {
        for words in [format!("{command} --help"), format!("{command} -h"), format!("help {command}")] {
            let run = program(&words).run().code(0);
            assert!(run.stdout.contains(&format!("Usage: kubectl mc {command}")), "{run}");
            assert!(run.stdout.contains(&format!("  kubectl mc {command}")), "{words} has no example\n{run}");
            assert_eq!(run.stderr, "", "{words}");
        }
    }
}

#[test]
fn options_of_every_command_have_a_page_of_their_own() {
    let page = program("options").run().code(0);
    let own = program("join --help").run().code(0);
    for option in ["--server", "--member-token", "--as-group", "--request-timeout", "--color", "--v "] {
        assert!(page.stdout.contains(option) && !own.stdout.contains(&format!(" {option}")), "{option}");
    }
    for option in ["--kubeconfig", "--context", "--member-server", "--timeout"] {
        assert!(own.stdout.contains(&format!(" {option} ")), "{option}\n{own}");
    }
    assert!(!page.stdout.contains("--namespace") && !page.stdout.contains("--timeout <"), "{page}");
    let help = program("get --help").run().code(0).stdout;
    assert!(help.ends_with("\nUse \"kubectl mc options\" for the options of every command.\n"), "{help}");
}

#[test]
fn the_version_is_a_result() {
    let line = concat!("kubectl-mc v", env!("CARGO_PKG_VERSION"), "\n");
    for words in ["version", "version --client", "version --client=true", "--version", "-V"] {
        let run = program(words).run().code(0).stdout(line);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn the_version_is_an_object_where_kubectls_is_one() {
    let version = json!(concat!("v", env!("CARGO_PKG_VERSION")));
    let json = program("version --client -o json").run().code(0).stdout;
    let yaml = program("version --client -o yaml").run().code(0).stdout;
    let objects: [Value; 2] = [serde_json::from_str(&json).unwrap(), serde_yaml::from_str(&yaml).unwrap()];
    for object in objects {
        assert_eq!((&object["kind"], object.get("error")), (&json!("Version"), None));
        assert_eq!(object["clientVersion"]["gitVersion"], version);
    }
}

#[test]
fn the_version_needs_no_kubeconfig() {
    let line = concat!("kubectl-mc v", env!("CARGO_PKG_VERSION"), "\n");
    let _ = program("version --client --kubeconfig /nowhere --context nobody").run().code(0).stdout(line);
    let _ =
        KubectlMc::new("no: [kubeconfig", Vec::new()).words("version --client").run().code(0).stdout(line);
}

#[test]
fn what_is_typed_wrongly_is_refused_on_stderr() {
    for (words, said) in [
        ("join", "MEMBER"),
        ("jion member1", "tip: a similar subcommand exists: 'join'"),
        ("remove member1", "tip: a similar subcommand exists: 'unjoin'"),
        ("list", "tip: a similar subcommand exists: 'get'"),
        ("--context host delete x", "tip: a similar subcommand exists: 'unjoin'"),
        ("prepare remove", "unrecognized subcommand 'remove'"),
        ("join member1 --dry-runn=client", "--dry-run"),
        ("join member1 --dry-run=maybe", "[possible values: none, client, server]"),
        ("join member1 -o table", "[possible values: name, json, yaml]"),
        ("join member1 --timeout 5", "must be a duration such as 90s, 10m or 1h30m"),
        ("join member1 --label tier", "must be KEY=VALUE"),
        ("join member1 -v 10", "10 is not in 0..=9"),
        ("get -o table", "[possible values: wide, json, yaml, name]"),
        ("get -o yml", "tip: a similar value exists: 'yaml'"),
        ("get edge-1 -l a=b", "cannot be used with"),
        ("get --probe --watch", "cannot be used with"),
        ("get --kubeconfig=", "a value is required for '--kubeconfig <PATH>' but none was supplied"),
        ("get --match-server-version", "unexpected argument '--match-server-version' found"),
        ("get --profile cpu", "unexpected argument '--profile' found"),
        ("get --vmodule a=1", "unexpected argument '--vmodule' found"),
        ("get --log-flush-frequency 5s", "unexpected argument '--log-flush-frequency' found"),
        ("join member1 --dry-run", "a value is required for '--dry-run <MODE>' but none was supplied"),
    ] {
        let run = program(words).run().code(2).stdout("").says("error: ").says(said);
        assert!(run.stderr.contains("'--help'"), "{run}");
    }
}

/// A form of kubectl's that is no form of ours is not another of ours.
#[test]
fn no_other_form_is_proposed_for_one_of_kubectls() {
    for form in ["jsonpath={.items}", "jsonpath-as-json={.a}", "custom-columns=a:.b", "go-template={{.a}}"] {
        let run =
            program("get -o").args([form]).run().code(2).says("[possible values: wide, json, yaml, name]");
        let _ = run.does_not_say("similar");
    }
}

#[test]
fn a_check_that_is_not_known_is_answered_with_the_one_that_is_like_it() {
    for words in ["join member1", "check member1", "renew member1 --member-context member1"] {
        let run = program(words).words("--skip-check clockskew").run().code(2);
        let _ =
            run.says("unknown or non-skippable check \"clockskew\"\nhint: did you mean \"clock-skew\"?\n");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for words in ["version", "--help", "join --help"] {
        let run = program(words).run_unread().code(0);
        assert_eq!(run.stderr, "", "{words}");
    }
}

#[test]
fn a_reader_that_goes_away_hides_no_failure() {
    program("join nobody -o json").run_unread().code(2).says("no context exists with the name \"nobody\"");
}

#[test]
fn colours_are_taken_only_where_they_were_asked_for() {
    const ESCAPE: char = '\u{1b}';
    let coloured = |program: KubectlMc| program.run().code(2).stderr.contains(ESCAPE);
    assert!(!coloured(program("join nobody")), "stderr is no terminal");
    assert!(coloured(program("join nobody --color always")));
    assert!(coloured(program("join nobody").env("CLICOLOR_FORCE", "1")));
    assert!(!coloured(program("join nobody").env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1")));
    assert!(!coloured(program("join nobody --color never").env("CLICOLOR_FORCE", "1")));
}

#[test]
fn under_another_name_everything_is_told_under_that_name() {
    let called = |name: &str, words: &str| program(words).called(name).run();
    let help = called("kubectl-foo_bar", "join --help").code(0);
    assert!(help.stdout.contains("Usage: kubectl foo-bar join "), "{help}");
    assert!(help.stdout.contains("\n  kubectl foo-bar join edge-1 --context prod\n"), "{help}");
    for command in ["", "prepare", "completion", "options", "version"].into_iter().chain(OF_CLUSTERS) {
        for words in [format!("{command} --help"), format!("{command} -h"), format!("help {command}")] {
            let help = called("kubectl-foo_bar", &words).code(0);
            assert!(help.stdout.contains("kubectl foo-bar"), "{help}");
            let commands = help.stdout.replace(env!("CARGO_PKG_REPOSITORY"), "");
            for name in ["kubectl mc", "kubectl-mc", "kubectl_complete-mc"] {
                assert!(!commands.contains(name), "{name} in {help}");
            }
        }
    }
    let help = called("kubectl-foo_bar", "check --help").code(0).stdout;
    assert!(help.contains(concat!(env!("CARGO_PKG_REPOSITORY"), "/tree/main/docs/checks")), "{help}");
    let help = called("kubectl-foo_bar", "completion --help").code(0).stdout;
    assert!(help.contains("\"$(command -v kubectl-foo_bar)\""), "{help}");
    assert!(help.contains("/bin/kubectl_complete-foo_bar\""), "{help}");
    let _ = called("kubectl-foo_bar", "join").code(2).says("Usage: kubectl foo-bar join");
    let _ = called("ksmc", "join").code(2).says("Usage: ksmc join");
    for (name, command) in [("kubectl-mc", "kubectl mc"), ("kubectl-foo_bar", "kubectl foo-bar")] {
        let run = called(name, "prepare member member1 --jwt-secret-stdin");
        let _ = run.says(&format!("as `{command} jwt-secret --reveal --context HOST` prints it"));
    }
}

#[test]
fn every_command_that_asks_a_cluster_says_which_rights_it_needs() {
    for command in OF_CLUSTERS {
        let run = program(&format!("{command} --help")).run().code(0);
        assert!(run.stdout.contains("\nNeeds"), "{run}");
    }
}

#[test]
fn a_command_with_commands_of_its_own_shows_its_help() {
    let run = program("prepare").run().code(0);
    assert!(run.stdout.contains("Usage: kubectl mc prepare ") && run.stdout.contains("  member"), "{run}");
    assert_eq!(run.stderr, "");
}
