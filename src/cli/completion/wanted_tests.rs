use clap::CommandFactory as _;

use super::*;
use crate::cli::{Cli, Global};

/// What the last of these words may become.
fn of(words: &[&str]) -> Wanted {
    let mut program = Cli::command();
    program.build();
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let (last, before) = words.split_last().unwrap();
    wanted(&Typed::read(&program, before), last)
}

fn candidates(words: &[&str]) -> Vec<String> {
    match of(words) {
        Wanted::Candidates(candidates) => candidates.into_iter().map(|candidate| candidate.value).collect(),
        other => panic!("{words:?}: {other:?}"),
    }
}

/// Where they are from, what stands before them, how they begin, and what was typed already.
fn values(words: &[&str]) -> (Source, String, String, Vec<String>) {
    match of(words) {
        Wanted::Values(Values { source, before, start, taken, .. }) => (source, before, start, taken),
        other => panic!("{words:?}: {other:?}"),
    }
}

fn source_of(words: &[&str]) -> Source {
    values(words).0
}

#[test]
fn commands_are_completed_with_their_summaries() {
    assert_eq!(candidates(&["jo"]), ["join"]);
    assert_eq!(candidates(&["prepare", ""]), ["host", "member", "help"]);
    assert_eq!(candidates(&["help", "prep"]), ["prepare"]);
    assert_eq!(candidates(&["--context", "prod", "-v6", "jo"]), ["join"]);
    assert!(!candidates(&[""]).iter().any(|candidate| candidate.starts_with('-')));
    assert_eq!(candidates(&["nonsense", "jo"]), ["join"], "what cannot be understood is passed over");
    let Wanted::Candidates(all) = of(&[""]) else { panic!("no commands") };
    assert!(all.iter().all(|candidate| !candidate.description.is_empty()), "{all:?}");
}

#[test]
fn options_are_completed_where_the_word_begins_with_a_dash() {
    assert_eq!(candidates(&["join", "--dry"]), ["--dry-run"]);
    assert_eq!(candidates(&["join", "--conte"]), ["--context"]);
    assert!(candidates(&["join", "-"]).contains(&"-o".to_owned()));
    assert_eq!(candidates(&["join", "--context=prod", "--conte"]), Vec::<String>::new(), "given already");
    assert_eq!(candidates(&["join", "--label=a=b", "--lab"]), ["--label"], "can be repeated");
    assert_eq!(candidates(&["version", "--dry"]), Vec::<String>::new());
}

#[test]
fn values_are_completed_without_the_option_before_them() {
    assert_eq!(candidates(&["join", "--dry-run=c"]), ["client"]);
    assert_eq!(candidates(&["join", "--dry-run", ""]), ["none", "client", "server"]);
    assert_eq!(candidates(&["join", "-o", "j"]), ["json"]);
    assert_eq!(candidates(&["join", "-o=j"]), ["json"]);
    assert_eq!(candidates(&["join", "-oj"]), ["-ojson"], "a shell replaces the whole word");
    assert_eq!(candidates(&["get", "-ow"]), ["-owide"]);
    assert_eq!(candidates(&["join", "-yoy"]), ["-yoyaml"]);
    assert_eq!(candidates(&["join", "-o"]), ["-o"]);
    for words in [["join", "-v"], ["join", "-v6"], ["join", "-xj"], ["join", "-s"]] {
        assert!(candidates(&words).iter().all(|candidate| *candidate == words[1]), "{words:?}");
    }
    assert_eq!(candidates(&["join", "-yo", "j"]), ["json"]);
    assert_eq!(candidates(&["join", "--wait="]), ["true", "false"]);
    assert_eq!(candidates(&["completion", "p"]), ["powershell"]);
    assert_eq!(candidates(&["join", "--alias", ""]), Vec::<String>::new(), "anything");
}

#[test]
fn a_value_that_must_adjoin_its_option_takes_no_word() {
    assert_eq!(source_of(&["join", "--wait", ""]), Source::Contexts(Of::Member));
    assert_eq!(source_of(&["join", "--insecure-skip-tls-verify", ""]), Source::Contexts(Of::Member));
}

#[test]
fn names_are_completed_from_where_they_stand() {
    for (words, source) in [
        (&["--context", ""][..], Source::Contexts(Of::Host)),
        (&["join", "--context=p"], Source::Contexts(Of::Host)),
        (&["--cluster", ""], Source::KubeconfigClusters(Of::Host)),
        (&["--user", ""], Source::Users(Of::Host)),
        (&["--member-cluster", ""], Source::KubeconfigClusters(Of::Member)),
        (&["--member-user", ""], Source::Users(Of::Member)),
        (&["join", ""], Source::Contexts(Of::Member)),
        (&["join", "--", "-"], Source::Contexts(Of::Member)),
        (&["prepare", "member", ""], Source::Contexts(Of::Member)),
        (&["import", "--yes", ""], Source::Contexts(Of::Member)),
        (&["check", ""], Source::Contexts(Of::Member)),
        (&["logs", ""], Source::Contexts(Of::Member)),
        (&["jwt-secret", ""], Source::Contexts(Of::Member)),
        (&["configure", "--jwt-secret-from-context", ""], Source::Contexts(Of::Host)),
        (&["check", "--skip-check", ""], Source::SkippableChecks),
        (&["join", "--skip-check", ""], Source::SkippableChecks),
        (&["get", ""], Source::RegisteredClusters),
        (&["get", "edge-1", "e"], Source::RegisteredClusters),
        (&["unjoin", ""], Source::RegisteredClusters),
        (&["renew", "--member-context", "edge-1-admin", ""], Source::RegisteredClusters),
        (&["unjoin", "edge-1", "--member-context", ""], Source::Contexts(Of::Member)),
        (&["join", "-f", "fleet.yaml", "edge-1", ""], Source::FleetMembers),
        (&["unjoin", "edge-1", "--filename=fleet.yaml", ""], Source::FleetMembers),
        (&["check", "-ffleet.yaml", "e"], Source::FleetMembers),
        (&["renew", "edge-1", "--member-context=e"], Source::Contexts(Of::Member)),
    ] {
        assert_eq!(source_of(words), source, "{words:?}");
    }
    assert_eq!(candidates(&["import", "one", ""]), Vec::<String>::new(), "takes one MEMBER");
    assert_eq!(candidates(&["unjoin", "one", ""]), Vec::<String>::new(), "takes one NAME");
}

#[test]
fn what_was_typed_already_is_known() {
    assert_eq!(values(&["join", "one,1", "two", "t"]).3, ["one,1", "two"], "no list");
    let (_, before, start, taken) = values(&["join", "--skip-check=a,b,c"]);
    assert_eq!((before.as_str(), start.as_str()), ("a,b,", "c"));
    assert_eq!(taken, ["a", "b"]);
    let earlier = values(&["join", "--skip-check", "a,b", "--skip-check=c", "--skip-check", "d,"]).3;
    assert_eq!(earlier, ["a", "b", "c", "d"], "each counts");
    assert_eq!(values(&["--context", "a", "--context", ""]).3, Vec::<String>::new(), "the last counts");
}

#[test]
fn a_value_is_no_option() {
    let is_bare = |words: &[&str]| match of(words) {
        Wanted::Values(values) => values.is_bare,
        other => panic!("{words:?}: {other:?}"),
    };
    assert!(is_bare(&["join", ""]) && is_bare(&["--context", ""]));
    assert!(!is_bare(&["join", "--", ""]) && !is_bare(&["join", "--context="]));
}

#[test]
fn files_are_left_to_the_shell() {
    for words in [
        &["configure", ""][..],
        &["--kubeconfig", ""],
        &["--kubeconfig=/et"],
        &["join", "--member-kubeconfig", "x"],
        &["--client-key", ""],
        &["configure", "--jwt-secret-file", ""],
    ] {
        assert_eq!(of(words), Wanted::File, "{words:?}");
    }
}

#[test]
fn the_options_of_every_command_are_read_back() {
    let read =
        global("join edge --context prod --member-kubeconfig=m.yaml -v 8 --as-group a --as-group=b").unwrap();
    assert_eq!(read.host.context.as_deref(), Some("prod"));
    assert_eq!(read.member.member_kubeconfig.as_deref(), Some(std::path::Path::new("m.yaml")));
    assert_eq!(read.impersonate_groups, ["a", "b"]);
    assert!(global("join --insecure-skip-tls-verify").unwrap().host.insecure_skip_tls_verify.unwrap());
}

#[test]
fn an_option_that_is_wrong_hides_nothing_of_the_others() {
    for wrong in [
        "-n kube-system",
        "--color=no",
        "--as-user-extra=bad",
        "--request-timeout=soon",
        "--context other",
        "--insecure-skip-tls-verify=perhaps",
    ] {
        let read = global(&format!("join {wrong} --context prod")).unwrap();
        assert_eq!(read.host.context.as_deref(), Some("prod"), "{wrong}");
    }
}

/// The options of every command among these words.
fn global(words: &str) -> Option<Global> {
    let mut program = Cli::command();
    program.build();
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    Typed::read(&program, &words).global()
}

#[test]
fn every_option_of_the_table_exists() {
    let mut program = Cli::command();
    program.build();
    let commands = program.get_subcommands().chain([&program]);
    let longs: Vec<&str> = commands.flat_map(Command::get_arguments).filter_map(Arg::get_long).collect();
    for (long, _) in OPTIONS {
        assert!(longs.contains(&long), "{long}");
    }
}
