//! The command that goes on where one has stopped.

use kubesphere::shell_word::shell_word;

use crate::{
    checks::recent_rotation,
    cli::completion::arguments,
    error::Resume,
    live::environment::command_line,
    output::{self, ui::Ui},
};

/// What leaves a join unfinished on purpose.
const UNFINISHED: &str = "--wait=false";
/// The option that lists the checks that stop nothing.
const SKIP: &str = "--skip-check";
/// Options whose values are never shown.
const CONFIDENTIAL: [&str; 2] = ["--token", "--member-token"];

/// What the command that was typed does when it is run again.
pub(super) fn resume() -> Resume {
    if begins_anew(&command_line()) { Resume::GoesOnUnskipped } else { Resume::GoesOn }
}

/// A rotation that skips the check for one that is complete follows it by another.
fn begins_anew(typed: &[String]) -> bool {
    let words: Vec<String> = typed.iter().filter(|word| *word != UNFINISHED).cloned().collect();
    going_on(&words) != words
}

/// The command as it was typed, without what kept it from finishing, and without what would have it begin anew.
pub(super) fn continuation(typed: &[String]) -> String {
    shown(typed.iter().skip(1))
}

/// The command as it was typed, with these arguments in the place of its own.
pub(super) fn continuation_with(typed: &[String], words: &[String]) -> String {
    let typed: Vec<String> = typed.iter().skip(1).cloned().collect();
    let replaced = arguments(&typed);
    let first = replaced.iter().position(|is_argument| *is_argument);
    let kept = |range: std::ops::Range<usize>| {
        range.filter(|place| !replaced[*place]).map(|place| &typed[place]).collect::<Vec<_>>()
    };
    let first = first.unwrap_or(typed.len());
    let (before, after) = (kept(0..first), kept(first..typed.len()));
    shown(before.into_iter().chain(words).chain(after))
}

fn shown<'a>(typed: impl Iterator<Item = &'a String>) -> String {
    let mut words = vec!["kubectl mc".to_owned()];
    let mut masks_next = false;
    for word in &going_on(typed) {
        let option =
            word.split_once('=').map(|(option, _)| option).filter(|option| CONFIDENTIAL.contains(option));
        words.push(match option {
            _ if masks_next => "…".to_owned(),
            Some(option) => format!("{option}=…"),
            None => shell_word(word).into_owned(),
        });
        masks_next = CONFIDENTIAL.contains(&word.as_str());
    }
    words.join(" ")
}

fn going_on<'a>(typed: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in typed.into_iter().filter(|word| *word != UNFINISHED) {
        let adjoined = word.strip_prefix(SKIP).and_then(|rest| rest.strip_prefix('='));
        let follows = words.last().is_some_and(|last| last == SKIP);
        match (adjoined, follows) {
            (Some(ids), _) => words.extend(still_skipped(ids).map(|ids| format!("{SKIP}={ids}"))),
            (None, true) => match still_skipped(word) {
                Some(ids) => words.push(ids),
                None => drop(words.pop()),
            },
            (None, false) => words.push(word.clone()),
        }
    }
    words
}

fn still_skipped(ids: &str) -> Option<String> {
    let ids: Vec<&str> = ids.split(',').filter(|id| *id != recent_rotation::CHECK.id).collect();
    (!ids.is_empty()).then(|| ids.join(","))
}

/// For a command that was not to wait.
pub(super) fn say_how_to_continue(ui: &Ui) {
    output::continuation::show(ui, &continuation(&command_line()));
}

#[cfg(test)]
mod tests {
    use super::{Resume, begins_anew, continuation, continuation_with, recent_rotation};

    fn of(words: &[&str]) -> String {
        continuation(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn it_is_what_was_typed_without_wait_false() {
        assert_eq!(
            of(&["/usr/bin/kubectl-mc", "join", "a", "--wait=false", "--yes"]),
            "kubectl mc join a --yes"
        );
        assert_eq!(
            of(&["kubectl-mc", "join", "a b", "--alias", "it's"]),
            "kubectl mc join 'a b' --alias 'it'\\''s'"
        );
    }

    /// What is complete by then is rotated once more by it.
    #[test]
    fn it_does_not_make_yet_another_secret() {
        let rotate = |words: &str| {
            let typed = format!("kubectl-mc rotate jwt-secret {words}");
            let typed: Vec<String> = typed.split_whitespace().map(str::to_owned).collect();
            (continuation(&typed), begins_anew(&typed))
        };
        for (words, left) in [
            ("--skip-check recent-rotation --yes", " --yes"),
            ("--yes --skip-check=recent-rotation", " --yes"),
            ("--skip-check recent-rotation,rotated-members", " --skip-check rotated-members"),
            ("--skip-check=clock-skew,recent-rotation --wait=false", " --skip-check=clock-skew"),
        ] {
            assert_eq!(rotate(words), (format!("kubectl mc rotate jwt-secret{left}"), true), "{words}");
        }
        let other = "--skip-check rotated-members --yes";
        assert_eq!(rotate(other), (format!("kubectl mc rotate jwt-secret {other}"), false));
        assert!(!rotate("--wait=false").1);
        assert!(Resume::GoesOnUnskipped.hint().contains(recent_rotation::CHECK.id));
    }

    #[test]
    fn others_can_stand_in_the_place_of_its_arguments() {
        let with = |typed: &str, words: &[&str]| {
            let typed: Vec<String> = typed.split(' ').map(str::to_owned).collect();
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            continuation_with(&typed, &words)
        };
        assert_eq!(
            with("kubectl-mc join a b c --context a --yes", &["b"]),
            "kubectl mc join b --context a --yes"
        );
        assert_eq!(
            with("kubectl-mc --context a join --skip-check x,y a --dry-run=server -y b", &["a b", "c"]),
            "kubectl mc --context a join --skip-check x,y 'a b' c --dry-run=server -y"
        );
        assert_eq!(with("kubectl-mc join -f f.yaml --yes", &["b"]), "kubectl mc join -f f.yaml --yes b");
        assert_eq!(
            with("kubectl-mc join -ff.yaml a --token s", &["b"]),
            "kubectl mc join -ff.yaml b --token …"
        );
    }

    #[test]
    fn tokens_are_not_shown() {
        let line = of(&["kubectl-mc", "join", "a", "--token", "s3cret", "--member-token=s3cret"]);
        assert_eq!(line, "kubectl mc join a --token … --member-token=…");
    }
}
