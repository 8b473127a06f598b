//! Every check has its page in docs/checks, and every page its check.

use std::{collections::BTreeSet, fs};

use kubectl_mc::{
    checks::{Check, every_check},
    plan::operation::Operation,
};

const SECTIONS: [&str; 4] = ["## What it looks at", "## Cause", "## Fix", "## Verdicts"];
const VERDICTS: [&str; 5] = ["| `ok` |", "| `unknown` |", "| `warning` |", "| `failure` |", "| `skipped` |"];

fn page(id: &str) -> String {
    let path = format!("docs/checks/{id}.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_page_is_of_a_check() {
    let known: BTreeSet<String> = every_check().map(|check| format!("{}.md", check.id)).collect();
    let pages = fs::read_dir("docs/checks").unwrap();
    let pages = pages.map(|page| page.unwrap().file_name().into_string().unwrap());
    let pages = pages.filter(|page| page != "README.md");
    assert_eq!(pages.collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_page_says_what_the_registry_says_and_what_to_do() {
    for check in every_check() {
        let page = page(check.id);
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines[0], format!("# {}: {}", check.id, check.title));
        assert_eq!(lines[2], skipped(check));
        let headings: Vec<&&str> = lines.iter().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, SECTIONS.iter().collect::<Vec<_>>(), "{}", check.id);
        let rows: Vec<&&str> = lines.iter().filter(|line| line.starts_with("| `")).collect();
        assert!(rows[0].starts_with(VERDICTS[0]) && rows.len() > 1, "{}", check.id);
        let known = |row: &str| VERDICTS.iter().any(|verdict| row.starts_with(verdict));
        assert!(rows.iter().all(|row| known(row)), "{}", check.id);
    }
}

#[test]
fn every_page_lists_the_commands_that_do_not_ask_and_why() {
    for check in every_check() {
        let page = page(check.id);
        let row = page.lines().find(|line| line.starts_with("| `skipped` |")).unwrap_or_default();
        for reason in check.unasked {
            let operations = reason.operations();
            let commands: Vec<String> =
                operations.map(|operation| format!("`{}`", command(operation))).collect();
            let said = match reason.generation {
                Some(_) => reason.why.to_owned(),
                None => format!("({}) {}", commands.join(", "), reason.why),
            };
            assert!(row.contains(&said), "{}: {said}\n{row}", check.id);
        }
    }
}

fn command(operation: Operation) -> &'static str {
    match operation {
        Operation::Join => "join",
        Operation::PrepareHost => "prepare host",
        Operation::PrepareMember => "prepare member",
        Operation::Import => "import",
        Operation::Renew => "renew",
        Operation::Rotate => "rotate jwt-secret",
        Operation::Unjoin => "unjoin",
        Operation::Check => "check",
    }
}

fn skipped(check: &Check) -> String {
    let id = check.id;
    if check.skippable {
        format!("Can be skipped: yes, `--skip-check {id}` turns its failures into warnings.")
    } else {
        "Can be skipped: no.".to_owned()
    }
}
