//! What works on which KubeSphere: the README's table, held against the program's own table of versions and tried.

use std::{collections::BTreeSet, fs};

use clap::CommandFactory as _;
use kubectl_mc::cli::Cli;
use kubesphere::versions::{Support, Version as Known};
use testbed::kubesphere::{Scenario, Version};

use crate::support::{Folder, Watched};

/// The table's columns, each with the versions that it stands for.
const COLUMNS: [(&str, &[Version]); 3] = [
    ("3.1 to 3.4", &Version::PLAYED),
    ("4.1", &[Version::V4_1_1, Version::V4_1_3]),
    ("after 4.1.3", &[Version::Master]),
];
/// What is about no KubeSphere.
const OTHERS: [&str; 4] = ["completion", "help", "options", "version"];

/// The cells of the table below a heading.
fn table() -> Vec<Vec<String>> {
    let readme = fs::read_to_string("README.md").unwrap();
    let (_, section) = readme.split_once("## Versions\n").unwrap();
    let lines =
        section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    lines.map(cells).collect()
}

/// What a column says, by command.
fn said(column: usize) -> Vec<(String, String)> {
    let rows = table().into_iter().skip(2);
    let named = rows.flat_map(|row| {
        let commands: Vec<String> =
            row[0].split(", ").map(|command| command.trim_matches('`').to_owned()).collect();
        commands.into_iter().map(move |command| (command, row[column + 1].clone()))
    });
    named.collect()
}

#[test]
fn the_columns_are_those_of_the_programs_own_table() {
    let heading = &table()[0];
    assert_eq!(heading[1..], COLUMNS.map(|(name, _)| name));
    for (name, versions) in COLUMNS {
        let known: Vec<Known> =
            versions.iter().map(|version| Known::parse(version.release()).unwrap()).collect();
        assert!(known.iter().all(|version| version.support() == Support::Supported), "{name}");
        assert!(known.iter().all(|version| version.generation() == known[0].generation()), "{name}");
    }
    assert_eq!(Known::parse("v3.0.0").unwrap().support(), Support::TooOld);
}

#[test]
fn every_command_stands_in_it() {
    let commands = Cli::command();
    let commands = commands.get_subcommands().map(|command| command.get_name().to_owned());
    let commands: BTreeSet<String> =
        commands.filter(|name| !OTHERS.contains(&name.as_str()) && !name.starts_with('_')).collect();
    assert_eq!(said(0).into_iter().map(|(command, _)| command).collect::<BTreeSet<_>>(), commands);
}

#[test]
fn what_it_says_of_3_holds() {
    assert_holds(0);
}

#[test]
fn what_it_says_of_4_1_holds() {
    assert_holds(1);
}

#[test]
fn what_it_says_of_what_comes_after_4_1_3_holds() {
    assert_holds(2);
}

/// Each command is tried on a joined member.
#[track_caller]
fn assert_holds(column: usize) {
    for version in COLUMNS[column].1 {
        let bed = Watched::lease(&Scenario::new(*version));
        let _ = bed.join("member1").run().code(0);
        // What installs them is at its end then.
        for words in words("logs") {
            assert_eq!(outcome(&bed, words), "yes", "{version}");
        }
        for (command, said) in said(column) {
            for words in words(&command) {
                assert_eq!(outcome(&bed, words), said, "{words} on {version}");
            }
        }
    }
}

fn words(command: &str) -> &'static [&'static str] {
    match command {
        "join" => &["join member1 --yes"],
        "import" => &["import member1 --yes"],
        "check" => &["check member1"],
        "get" => &["get"],
        "jwt-secret" => &["jwt-secret member1"],
        "logs" => &["logs", "logs member1"],
        "prepare" => &["prepare host --yes", "prepare member member1 --yes"],
        "configure" => &["configure c.yaml --role member --jwt-secret-from-context host"],
        "renew" => {
            &["renew member1 --member-context member1 --dry-run=client --skip-check member-server-loopback"]
        }
        "rotate" => &["rotate jwt-secret --dry-run=client"],
        "fleet" => &["fleet init"],
        "unjoin" => &["unjoin member1 --member-context member1 --dry-run=client"],
        _ => panic!("how is `{command}` tried?"),
    }
}

fn outcome(bed: &Watched, words: &str) -> &'static str {
    let folder = Folder::with("installer");
    let host = if words.starts_with("configure") { "" } else { "--context host" };
    let run = bed.kubectl_mc().folder(folder.root()).words(words).words(host).run();
    if run.stderr.contains("KubeSphere 4 needs no such step") {
        return "not needed";
    }
    if run.stderr.contains("KubeSphere 4 has its jwtSecret in helm's release") {
        let _ = run.code(3);
        return "refused";
    }
    if run.stderr.contains("KubeSphere 4 is installed") {
        let _ = run.code(3);
        return "not yet";
    }
    let _ = run.code(0);
    "yes"
}
