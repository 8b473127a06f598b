//! The command that goes on where one has stopped.

use kubesphere::shell_word::shell_word;

use crate::{
    cli::completion::arguments,
    live::environment::command_line,
    output::{self, ui::Ui},
};

/// What leaves a join unfinished on purpose.
const UNFINISHED: &str = "--wait=false";
/// Options whose values are never shown.
const CONFIDENTIAL: [&str; 2] = ["--token", "--member-token"];

/// The command as it was typed, without what kept it from finishing.
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
    for word in typed.filter(|word| *word != UNFINISHED) {
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

/// For a command that was not to wait.
pub(super) fn say_how_to_continue(ui: &Ui) {
    output::continuation::show(ui, &continuation(&command_line()));
}

#[cfg(test)]
mod tests {
    use super::{continuation, continuation_with};

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
