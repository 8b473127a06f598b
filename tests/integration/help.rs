//! The help is whole, its examples are valid, and each of them works.

use clap::{Command, CommandFactory as _, Parser as _};
use kubectl_mc::cli::{Called, Cli};
use testbed::kubesphere::{Installation, Role, Scenario, Version};

use crate::support::{GIVEN_SECRET, Reader, Shown, Watched, typed_lines};

/// What the examples call the clusters.
const CONTEXTS: [(&str, &str); 5] = [
    ("prod", "host"),
    ("edge-1", "member1"),
    ("edge-2", "member2"),
    ("admin@blue", "member3"),
    ("edge-1-admin", "member1"),
];

/// Standalone clusters: a join first, then what looks at the joined, and what takes them out again.
const AFTER_A_JOIN: [&str; 17] = [
    "join",
    "check",
    "logs",
    "jwt-secret",
    "configure",
    "version",
    "fleet",
    "fleet init",
    "fleet schema",
    "options",
    "completion",
    "get",
    "renew",
    "rotate",
    "rotate jwt-secret",
    "unjoin",
    "",
];
/// A standalone cluster and one that is prepared already: a join in its parts.
const STEP_BY_STEP: [&str; 4] = ["prepare host", "prepare", "prepare member", "import"];

/// Each example of unjoin takes out this one.
const JOINED: &str = "kubectl mc join edge-1 --context prod";

/// An example of completion is for a shell that this one is not; what it loads is tried in completion.rs.
const LOADING: &str = "mkdir -p ~/.krew/bin; source() { cat \"$@\"; }; ";

/// What stands at the end of a pipe.
const READING: &str = "#!/bin/sh\nexec cat\n";

/// A watch is interrupted after a while.
const WATCHING: &str =
    "case \"$*\" in *--watch*) exec timeout --preserve-status --signal INT 3 kubectl-mc \"$@\";; esac\n";

/// One command of ours, with the words that lead to it.
struct Entry {
    path: String,
    command: Command,
}

/// Every command that help shows, the program itself first.
fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    collect("", &Cli::command(), &mut entries);
    entries
}

fn collect(path: &str, command: &Command, entries: &mut Vec<Entry>) {
    entries.push(Entry { path: path.to_owned(), command: command.clone() });
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        collect(format!("{path} {}", child.get_name()).trim_start(), child, entries);
    }
}

/// One example: what it is for, and the command line.
struct Example {
    comment: String,
    line: String,
}

impl Entry {
    fn examples(&self) -> Vec<Example> {
        let help = self.command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let Some((_, text)) = help.split_once("Examples:\n") else { return Vec::new() };
        text.split("\n\n").map(|text| self.example(text)).collect()
    }

    /// A line that ends with a pipe goes on in the next one; of several lines each is a command.
    fn example(&self, text: &str) -> Example {
        let (comment, lines) = text.split_once('\n').unwrap_or((text, ""));
        let comment = comment.strip_prefix("  # ").unwrap_or_else(|| panic!("{}: {text}", self.path));
        Example { comment: comment.to_owned(), line: lines.replace("|\n", "| ").trim().to_owned() }
    }

    fn fault(&self) -> Option<&'static str> {
        let about = self.command.get_about().map(ToString::to_string).unwrap_or_default();
        let long = self.command.get_long_about().map(ToString::to_string).unwrap_or_default();
        let examples = self.examples();
        let is_of_it = |example: &&Example| typed_lines(&example.line).iter().any(|words| self.is_of(words));
        let is_of_another = |example: &Example| !typed_lines(&example.line).is_empty() && !is_of_it(&example);
        if about.is_empty() || about.ends_with('.') || !about.starts_with(char::is_uppercase) {
            Some("has no summary: a line that starts with a capital and ends without a full stop")
        } else if long.lines().count() < 3 {
            Some("has no description")
        } else if !self.path.is_empty() && !["\nNeeds ", "\nNeeds, "].iter().any(|begin| long.contains(begin))
        {
            Some("does not say what it needs: a paragraph that begins with `Needs `")
        } else if examples.iter().filter(is_of_it).count() < 2 || examples.iter().any(is_of_another) {
            Some("has no two examples of it, or one of another command")
        } else if examples.iter().any(|example| example.comment.ends_with('.')) {
            Some("has an example whose comment is a sentence")
        } else {
            None
        }
    }

    fn is_of(&self, words: &[String]) -> bool {
        self.path.split_whitespace().zip(words).all(|(part, word)| part == word)
    }
}

#[test]
fn every_command_says_what_it_does_and_needs_and_shows_examples() {
    let faults = entries()
        .into_iter()
        .filter_map(|entry| entry.fault().map(|fault| format!("`kubectl mc {}` {fault}", entry.path)));
    let faults: Vec<String> = faults.collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn help_shows_every_example_as_it_is_to_be_typed() {
    let mut program = Cli::called(&Called::default()).term_width(60);
    for entry in entries() {
        let path = entry.path.split_whitespace();
        let command = path.fold(&mut program, |command, word| command.find_subcommand_mut(word).unwrap());
        for help in [command.render_help(), command.render_long_help()].map(|help| help.to_string()) {
            let shown = help.split("Examples:\n").nth(1).unwrap_or_default();
            let written = entry.command.get_after_help().unwrap().to_string();
            let written = written.split("Examples:\n").nth(1).unwrap();
            assert!(shown.starts_with(written), "{help}");
            let last = help.trim_end().lines().next_back().unwrap();
            assert!(last.contains("kubectl mc options") || last.ends_with("/issues"), "{help}");
        }
    }
}

#[test]
fn every_example_is_a_valid_command_line() {
    for entry in entries() {
        for example in entry.examples() {
            for words in typed_lines(&example.line) {
                let argv = ["kubectl-mc"].into_iter().chain(words.iter().map(String::as_str));
                if let Err(error) = Cli::try_parse_from(argv) {
                    panic!("{}\n{error}", example.line);
                }
            }
        }
    }
}

#[test]
fn every_example_is_run() {
    let mut known: Vec<String> = entries().into_iter().map(|entry| entry.path).collect();
    let mut run = [&AFTER_A_JOIN[..], &STEP_BY_STEP].concat();
    known.sort();
    run.sort_unstable();
    assert_eq!(known, run);
}

#[test]
fn the_examples_of_a_join_and_what_looks_at_it_work() {
    let standalone = || Installation::new(Version::V3_4);
    let members = vec![standalone(), standalone(), standalone()];
    work(&Scenario::new(Version::V3_4).members(members), &CONTEXTS, &AFTER_A_JOIN);
}

#[test]
fn the_examples_of_a_join_in_its_parts_work() {
    let standalone = Installation::new(Version::V3_4);
    let members = vec![standalone.clone(), standalone.role(Role::Member)];
    work(&Scenario::new(Version::V3_4).members(members), &CONTEXTS[..3], &STEP_BY_STEP);
}

/// All examples of these commands, one after another, as somebody types them who answers every question with yes.
fn work(scenario: &Scenario, contexts: &[(&str, &str)], paths: &[&str]) {
    let bed = Watched::lease(scenario);
    let reader = Reader::of(&bed, contexts)
        .secret("secret", GIVEN_SECRET)
        .program("kubectl", &kubectl())
        .program("jq", READING)
        .program("Out-String", READING)
        .program("Invoke-Expression", READING);
    let entries = entries();
    for path in paths {
        let entry = entries.iter().find(|entry| entry.path == *path).unwrap();
        for Example { line, .. } in entry.examples() {
            if *path == "unjoin" {
                let Shown { text, code } = reader.run("bash", JOINED);
                assert_eq!(code, Some(0), "{text}");
            }
            let loading = if *path == "completion" { LOADING } else { "" };
            let Shown { text, code } = reader.run("bash", &format!("set -e -o pipefail; {loading}{line}"));
            let expected = expected_code(&line);
            assert_eq!(code, Some(expected), "$ {line}\n{text}");
        }
    }
}

/// There is a difference, the watch was interrupted, or the example is for KubeSphere 4.
fn expected_code(line: &str) -> i32 {
    if line.contains(" --watch") {
        130
    } else if line.contains(" --uninstall") {
        3
    } else {
        i32::from(line.contains(" --diff"))
    }
}

/// `kubectl mc` for clusters on one machine, with a yes to every question, and somebody who has seen enough of a watch.
fn kubectl() -> String {
    let mut entries = entries();
    // The longest path first: `prepare host` before `prepare`.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.path.len()));
    let cases: String = entries.iter().filter_map(case).collect();
    format!("#!/bin/sh\nshift\ncase \"$* \" in\n{cases}esac\n{WATCHING}exec kubectl-mc \"$@\"\n")
}

fn case(entry: &Entry) -> Option<String> {
    let has = |long: &str| entry.command.get_arguments().any(|argument| argument.get_long() == Some(long));
    // Nobody rotates the secret twice a day as the examples do.
    let skipped = "--skip-check=member-server-loopback,recent-rotation";
    // What the example has itself is not given twice.
    let options = [("yes", "--yes"), ("skip-check", skipped)];
    let options = options.into_iter().filter(|(long, _)| has(long));
    let options: Vec<String> = options
        .map(|(_, option)| format!("case \"$*\" in *'{option}'*) ;; *) set -- \"$@\" {option};; esac"))
        .collect();
    let options = options.join("\n");
    (!options.is_empty()).then(|| format!("'{} '*) {options}\n;;\n", entry.path))
}
