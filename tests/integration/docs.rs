//! The documentation leads somewhere, and its command lines are valid.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::{Parser as _, error::ErrorKind};
use kubectl_mc::{checks::every_check, cli::Cli};
use regex::Regex;
use testbed::kubesphere::{Installation, Scenario, Version};

use crate::support::{Reader, Watched, difference, shown_blocks, typed_lines};

/// Guides whose commands are run one page after another, on a host and three members with KubeSphere 3.4, each with the
/// member that is gone before it.
const GUIDES: [(&str, Option<usize>); 8] = [
    ("join.md", None),
    ("before-installation.md", None),
    ("several-members.md", None),
    ("credentials.md", None),
    ("renewing.md", None),
    ("rotating.md", None),
    ("removing.md", None),
    ("dead-member.md", Some(2)),
];
/// Set, the guides' blocks are written anew instead of compared.
const WRITE: &str = "KUBECTL_MC_WRITE_DOCS";

/// Every page that users and contributors read.
fn pages() -> Vec<PathBuf> {
    let mut pages = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md"].map(PathBuf::from).to_vec();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines in blocks, and those outside.
fn parts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let mut is_block = false;
    let lines = text.lines().filter_map(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        (!is_fence).then_some((is_block, line))
    });
    let (blocks, prose): (Vec<_>, Vec<_>) = lines.partition(|(is_block, _)| *is_block);
    (lines_of(blocks), lines_of(prose))
}

fn lines_of(part: Vec<(bool, &str)>) -> Vec<&str> {
    part.into_iter().map(|(_, line)| line).collect()
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace('`', "");
    let kept = text.chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
    kept.map(|sign| if sign == ' ' { '-' } else { sign }).collect()
}

/// Why a link of a page leads nowhere.
fn fault(page: &Path, link: &str) -> Option<String> {
    if link.starts_with("http://") || link.starts_with("https://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { page.to_owned() } else { page.parent().unwrap().join(file) };
    if !target.exists() {
        return Some(format!("{}: {link}: there is no such file", page.display()));
    }
    if fragment.is_empty() {
        return None;
    }
    let target = text(&target);
    let anchors = parts(&target).1.into_iter().filter(|line| line.starts_with('#')).map(anchor);
    let is_there = anchors.into_iter().any(|anchor| anchor == fragment);
    (!is_there).then(|| format!("{}: {link}: there is no such heading", page.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut faults = Vec::new();
    for page in pages() {
        let text = text(&page);
        let prose = parts(&text).1.join("\n");
        faults.extend(link.captures_iter(&prose).filter_map(|found| fault(&page, &found[1])));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_page_is_linked_from_the_index() {
    let index = text(Path::new("docs/README.md"));
    let of_index = |page: &PathBuf| page.parent() == Some(Path::new("docs")) && !page.ends_with("README.md");
    for page in pages().iter().filter(|page| of_index(page)) {
        let name = page.file_name().unwrap().to_string_lossy();
        assert!(index.contains(&format!("]({name})")), "docs/README.md does not lead to {name}");
    }
}

/// Command lines in blocks are whole; in prose something may be left out, or stand for something. In the reference there
/// are usage lines, and the examples of the help.
#[test]
fn every_command_line_is_valid() {
    let code = Regex::new("`(kubectl mc [^`]+)`").unwrap();
    let left_out = [
        ErrorKind::MissingRequiredArgument,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        ErrorKind::MissingSubcommand,
    ];
    let mut faults = Vec::new();
    for page in pages().into_iter().filter(|page| !page.starts_with("docs/reference")) {
        let text = text(&page);
        let (blocks, prose) = parts(&text);
        let typed = blocks.into_iter().map(|line| line.strip_prefix("$ ").unwrap_or(line));
        faults.extend(typed.filter_map(|line| invalid(&page, line, &[])));
        let prose = prose.join(" ");
        let named = code.captures_iter(&prose).map(|found| found[1].replace('…', ""));
        faults.extend(named.filter_map(|line| invalid(&page, &line, &left_out)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn invalid(page: &Path, line: &str, allowed: &[ErrorKind]) -> Option<String> {
    let asks_for_help = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion];
    let errors = typed_lines(line).into_iter().filter_map(|words| {
        let argv = ["kubectl-mc".to_owned()].into_iter().chain(words);
        Cli::try_parse_from(argv).err()
    });
    let mut errors =
        errors.filter(|error| !asks_for_help.contains(&error.kind()) && !allowed.contains(&error.kind()));
    errors.next().map(|error| format!("{}: {line}: {error}", page.display()))
}

#[test]
fn the_index_of_checks_is_the_registry() {
    let index = text(Path::new("docs/checks/README.md"));
    let rows: Vec<&str> = index.lines().filter(|line| line.starts_with("| [")).collect();
    let known = every_check().map(|check| {
        let skippable = if check.skippable { "yes" } else { "no" };
        format!("| [`{0}`]({0}.md) | {1} | {skippable} |", check.id, check.title)
    });
    assert_eq!(rows, known.collect::<Vec<_>>());
}

#[test]
fn the_architecture_page_names_every_room() {
    let page = text(Path::new("docs/architecture.md"));
    let rooms = text(Path::new("src/lib.rs"));
    let modules = rooms.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let crates = fs::read_dir("crates").unwrap();
    let crates = crates.map(|folder| folder.unwrap().file_name().into_string().unwrap());
    for room in modules.map(str::to_owned).chain(crates) {
        assert!(page.contains(&format!("| `{room}` |")), "docs/architecture.md does not describe {room}");
        assert!(page.contains(&format!("{room}[")), "docs/architecture.md does not draw {room}");
    }
}

#[test]
fn what_varies_makes_no_difference_and_anything_else_does() {
    let shown = "edge-1   True   8s\nsecret/kubectl-mc-host-token-5fa7739d-6b020749 created (2s)\n";
    // Minutes later, on a cluster whose UID looks like an age.
    let seen = "edge-1     True   2m5s\nsecret/kubectl-mc-host-token-3704946d-6b0207a1 created (1m2s)\n";
    assert_eq!(difference(shown, seen), None);
    for (from, to) in
        [("True", "False"), ("created", "patched"), ("edge-1 ", "edge-2 "), (" created (1m2s)\n", "")]
    {
        assert!(difference(shown, &seen.replace(from, to)).is_some(), "{from} → {to}");
    }
    assert!(difference(shown, "").is_some());
}

#[test]
fn every_guide_shows_what_its_commands_show() {
    let standalone = || Installation::new(Version::V3_4);
    let members = vec![standalone(), standalone(), standalone()];
    let bed = Watched::lease(&Scenario::new(Version::V3_4).members(members));
    let contexts = [("prod", "host"), ("edge-1", "member1"), ("edge-2", "member2"), ("edge-3", "member3")];
    let reader = Reader::of(&bed, &contexts);
    let mut faults = Vec::new();
    for (guide, gone) in GUIDES {
        gone.inspect(|number| bed.member(*number).kill());
        let path = Path::new("docs").join(guide);
        let text = text(&path);
        let blocks = shown_blocks(&text).into_iter();
        let shown: Vec<(&str, String)> = blocks.map(|block| (block, reader.replay(&bed, block))).collect();
        assert!(!shown.is_empty(), "{guide} shows nothing");
        faults.extend(shown.iter().filter_map(|(block, seen)| {
            difference(block, seen)
                .map(|difference| format!("{guide}: {difference}\nof what it should show:\n{seen}"))
        }));
        if env::var_os(WRITE).is_some() {
            let anew = shown.iter().fold(text.clone(), |text, (block, seen)| text.replacen(block, seen, 1));
            fs::write(&path, anew).unwrap();
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
