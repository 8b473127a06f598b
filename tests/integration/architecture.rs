//! Who may know whom, and who may touch the world.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The rooms, lowest first; each may use those before it. `output` stands beside `live` and sees its reports.
const ROOMS: [&str; 11] = [
    "kubesphere",
    "plan",
    "checks",
    "config_file",
    "fleet_file",
    "cli",
    "kube_connect",
    "live",
    "error",
    "output",
    "commands",
];
/// The rooms that are crates: which of them may use which is held by the compiler, who else uses them by this test.
const CRATES: [&str; 4] = ["kubesphere", "config_file", "fleet_file", "kube_connect"];
/// Rooms that decide, and so must not touch the world.
const PURE: [&str; 3] = ["kubesphere", "plan", "checks"];
/// The files that touch the disk in a room whose others decide.
const DISK: [&str; 3] = [
    "crates/config-file/src/new_file.rs",
    "crates/config-file/src/permissions.rs",
    "crates/config-file/src/store.rs",
];
/// What touches it.
const WORLD: [&str; 12] = [
    "async fn",
    ".await",
    "kube::Client",
    "kube::Api",
    "std::fs",
    "std::env",
    "std::net::Tcp",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "std::process",
    "std::io",
];
/// Only `live` and what it connects with have a Kubernetes client.
const CLIENT: [&str; 4] = ["kube::Client", "kube::Api", "use kube::", "kube::api"];
/// Only `output` words what a person reads: elsewhere nothing is said, asked or told in a text that is made there.
const WORDING: [&str; 11] = [
    "ui.message(",
    "ui.warning(",
    "ui.hint(",
    "ui.ask(",
    "ui.ask_for_name(",
    "ui.result(\"",
    "ui.result(&format!",
    "ui.text(\"",
    "ui.text(&format!",
    "Stands(\"",
    "Stands(format!",
];
/// Where the commands that are printed are built: this file, and those in the folder of its name.
const COMMANDS: &str = "crates/kubesphere/src/command";
/// Options by which nobody else makes a command lead to a cluster.
const LEADING: [&str; 6] = [
    "--context {",
    "--member-context {",
    "--kube-context {",
    "--kubeconfig {",
    "--member-kubeconfig {",
    "kubectl --context ",
];
/// What stands where the person has to fill in a context that nobody has named.
const PLACEHOLDER: &str = "kubectl --context CONTEXT ";
/// Only `output` prints.
const PRINTING: [&str; 5] = ["println!", "print!(", "eprint", "io::stdout", "io::stderr"];

/// What of `output` touches a stream.
const WRITERS: [&str; 2] = ["src/output/screen.rs", "src/output/ui.rs"];
/// What knows how a terminal is steered.
const COLOURERS: [&str; 3] = ["src/output/line.rs", "src/output/screen.rs", "src/output/style.rs"];
/// Where values become secrets, and where they are learned.
const SECRET_MAKERS: [(&str, &str); 8] = [
    ("crates/kubesphere/src/jwt_secret.rs", "crates/kubesphere/src/jwt_secret.rs"),
    ("crates/kubesphere/src/cluster.rs", "crates/kubesphere/src/cluster.rs"),
    ("crates/kubesphere/src/stored_kubeconfig.rs", "crates/kubesphere/src/stored_kubeconfig.rs"),
    ("src/live/client_certificate.rs", "src/live/client_certificate.rs"),
    ("src/live/steps/make_credential.rs", "src/live/steps/make_credential.rs"),
    ("src/live/verification.rs", "crates/kube-connect/src/bearer_token.rs"),
    // Made of what was read or made elsewhere.
    ("src/plan/member_kubeconfig.rs", "crates/kubesphere/src/kubeconfig_document.rs"),
    ("src/cli/global.rs", "crates/kube-connect/src/bearer_token.rs"),
];

struct Source {
    room: String,
    path: String,
    lines: Vec<String>,
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for path in files(Path::new("src")) {
        let name = path.components().nth(1).unwrap().as_os_str().to_string_lossy();
        found.push(Source::of(name.trim_end_matches(".rs").to_owned(), &path));
    }
    assert!(found.len() > 40, "the sources are not where the test looks");
    for room in CRATES {
        let folder = Path::new("crates").join(room.replace('_', "-")).join("src");
        found.extend(files(&folder).iter().map(|path| Source::of(room.to_owned(), path)));
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

impl Source {
    fn of(room: String, path: &Path) -> Self {
        let lines = production_lines(&fs::read_to_string(path).unwrap());
        Self { room, path: path.display().to_string(), lines }
    }
}

/// The lines before the tests, without comments.
fn production_lines(text: &str) -> Vec<String> {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.map(|line| line.split("//").next().unwrap_or_default().to_owned()).collect()
}

fn offences(rooms: impl Fn(&str) -> bool, words: &[&str]) -> Vec<String> {
    let sources = sources();
    let sources = sources.iter().filter(|source| rooms(&source.room) && !source.path.ends_with("_tests.rs"));
    sources.flat_map(|source| offending_lines(source, words)).collect()
}

fn offending_lines(source: &Source, words: &[&str]) -> Vec<String> {
    let numbered = source.lines.iter().enumerate();
    let offending = numbered.filter(|(_, line)| words.iter().any(|word| line.contains(word)));
    offending.map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim())).collect()
}

fn assert_none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn rooms_that_decide_do_not_touch_the_world() {
    assert_none(&offences(|room| PURE.contains(&room), &WORLD));
}

#[test]
fn texts_are_edited_without_touching_the_world() {
    let world: Vec<&str> = WORLD.into_iter().chain(["fs::", "io::", "env::", "File::"]).collect();
    let mut found = offences(|room| room == "config_file", &world);
    assert!(DISK.iter().all(|disk| found.iter().any(|offence| offence.starts_with(disk))), "{found:?}");
    found.retain(|offence| !DISK.iter().any(|disk| offence.starts_with(disk)));
    assert_none(&found);
    assert_none(&offences(|room| room == "fleet_file", &world));
}

#[test]
fn only_live_talks_to_clusters() {
    assert_none(&offences(|room| !["live", "kube_connect"].contains(&room), &CLIENT));
}

#[test]
fn only_output_prints() {
    assert_none(&offences(|room| room != "output", &PRINTING));
}

/// Every byte goes through the one place that hides secrets and shows what would steer a terminal.
#[test]
fn one_file_writes_to_the_streams() {
    let writes = ["io::stdout", "io::stderr", "console::Term", "write_all", "/dev/tty"];
    let mut found = offences(|room| room == "output", &writes);
    found.retain(|offence| !WRITERS.iter().any(|writer| offence.starts_with(writer)));
    assert_none(&found);
    let mut coloured = offences(|room| room != "kubesphere", &["owo_colors", "\\u{1b}", "\\x1b"]);
    coloured.retain(|offence| !COLOURERS.iter().any(|colourer| offence.starts_with(colourer)));
    assert_none(&coloured);
}

/// The two texts that a person has asked for as they are.
#[test]
fn only_what_was_asked_for_is_printed_as_it_is() {
    let found = offences(|room| room != "output", &["ui.reveal(", "ui.file("]);
    let files: Vec<&str> = found.iter().filter_map(|offence| offence.split(':').next()).collect();
    assert_eq!(files, ["src/commands/configure.rs", "src/commands/jwt_secret.rs"]);
}

/// Whoever makes a value a secret has learned it, or has it from where it was learned.
#[test]
fn what_becomes_a_secret_is_known_to_what_hides_it() {
    let mut found = offences(|_| true, &["SecretString::from", "SecretString>::from"]);
    found.retain(|offence| !SECRET_MAKERS.iter().any(|(maker, _)| offence.starts_with(maker)));
    assert_none(&found);
    for (maker, learned_in) in SECRET_MAKERS {
        let text = fs::read_to_string(learned_in).unwrap();
        assert!(text.contains("learn"), "{maker}: {learned_in} learns nothing");
    }
}

/// Elsewhere a name would miss its quotes sooner or later, or a cluster the file in which it stands.
#[test]
fn printed_commands_are_built_in_one_place() {
    let sources = sources();
    // What was typed is no command that we build.
    let sources = sources.iter().filter(|source| {
        !source.path.starts_with(COMMANDS) && source.room != "cli" && !source.path.ends_with("_tests.rs")
    });
    let offences = sources.flat_map(|source| {
        let numbered = source.lines.iter().enumerate().filter(|(_, line)| builds_a_command(line));
        numbered.map(|(number, line)| format!("{}:{}: {}", source.path, number + 1, line.trim()))
    });
    assert_none(&offences.collect::<Vec<_>>());
}

/// Whether the line writes a command out by hand that has something filled in, or that leads to a cluster.
fn builds_a_command(line: &str) -> bool {
    let line = line.replace(PLACEHOLDER, "");
    let commands = line.split("kubectl ").skip(1).filter_map(|rest| rest.split(['`', '"']).next());
    let fills_in = commands.into_iter().any(|command| command.contains('{'));
    fills_in || LEADING.iter().any(|leading| line.contains(leading))
}

#[test]
fn a_command_that_is_built_by_hand_is_recognised() {
    for line in [
        "format!(\"look: `kubectl --context {} get pods`\", side.context())",
        "\"kubectl --context prod get pods\"",
        "format!(\"`kubectl mc renew {name}` makes another\")",
        "format!(\" --context {}\", host.context())",
        "\"`helm --kube-context {context} uninstall kubefed`\"",
    ] {
        assert!(builds_a_command(line), "{line}");
    }
    for line in [
        "format!(\"`{}` tells\", Mc::new(\"check\").host(host))",
        "format!(\"the next `kubectl mc` command restores {name}\")",
        "format!(\"`kubectl --context CONTEXT delete clusterrole {role}`\")",
        "\"name the host with `--context NAME`\"",
    ] {
        assert!(!builds_a_command(line), "{line}");
    }
}

#[test]
fn only_output_words_what_is_said() {
    assert_none(&offences(|room| room != "output", &WORDING));
    // Nobody else can call what takes a text.
    let ui = fs::read_to_string("src/output/ui.rs").unwrap();
    for method in ["fn message(", "fn warning(", "fn hint(", "async fn ask(", "async fn ask_for_name("] {
        assert!(ui.contains(&format!("    pub(super) {method}")), "{method} takes a text from everywhere");
    }
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let mut found = Vec::new();
    for source in sources() {
        if CRATES.contains(&source.room.as_str()) {
            continue;
        }
        let Some(level) = ROOMS.iter().position(|room| *room == source.room) else { continue };
        for (number, room) in used_rooms(&source.lines) {
            let is_above = ROOMS[level + 1..].contains(&room.as_str());
            if is_above {
                found.push(format!("{}:{number}: {} uses {room}", source.path, source.room));
            }
        }
    }
    assert_none(&found);
}

/// The rooms that are named after `crate::`, alone or in a list, or are crates, with the numbers of their lines.
fn used_rooms(lines: &[String]) -> Vec<(usize, String)> {
    let mut used = Vec::new();
    let mut depth = 0;
    for (number, line) in lines.iter().enumerate() {
        let mut rest = line.as_str();
        let crates = CRATES.iter().filter(|room| line.contains(&format!("{room}::")));
        used.extend(crates.map(|room| (number + 1, (*room).to_owned())));
        if depth == 0 {
            while let Some((_, after)) = rest.split_once("crate::") {
                used.push((number + 1, leading_name(after)));
                rest = after;
            }
            if !rest.starts_with('{') {
                continue;
            }
        }
        for (at, c) in rest.char_indices() {
            depth = match c {
                '{' => depth + 1,
                '}' => depth - 1,
                _ => depth,
            };
            let begins = depth == 1 && (c == '{' || c == ',' || (at == 0 && c.is_whitespace()));
            if begins {
                used.push((number + 1, leading_name(rest[at + c.len_utf8()..].trim_start())));
            }
        }
    }
    used
}

fn leading_name(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn a_room_is_recognised_however_it_is_imported() {
    let text = [
        "use crate::live::x;",
        "use crate::{",
        "    cli::Join,",
        "    plan::{a, b},",
        "    output::y, error,",
        "};",
        "let x = crate::checks::run();",
        "use kube_connect::connection::Connection;",
    ];
    let lines: Vec<String> = text.iter().map(|line| (*line).to_owned()).collect();
    let rooms: Vec<String> =
        used_rooms(&lines).into_iter().map(|(_, room)| room).filter(|room| !room.is_empty()).collect();
    assert_eq!(rooms, ["live", "cli", "plan", "output", "error", "checks", "kube_connect"]);
}

#[test]
fn every_room_is_known_here() {
    for source in sources() {
        let known = ROOMS.contains(&source.room.as_str()) || ["lib", "main"].contains(&source.room.as_str());
        assert!(known, "{} is in a room that the rule does not name", source.path);
    }
}

#[test]
fn there_are_no_rooms_without_a_noun() {
    for source in sources() {
        for word in ["utils", "helpers", "common", "manager"] {
            assert!(!source.path.contains(word), "{}", source.path);
        }
        let lists = ["mod.rs", "lib.rs"].iter().any(|name| source.path.ends_with(name));
        let logic = lists && source.lines.iter().any(|line| line.contains("fn "));
        assert!(!logic, "{} holds logic", source.path);
    }
}
