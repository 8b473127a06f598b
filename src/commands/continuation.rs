//! The command that goes on where one has stopped.

use kubesphere::shell_word::shell_word;

use crate::{
    live::environment::command_line,
    output::{self, ui::Ui},
};

/// What leaves a join unfinished on purpose.
const UNFINISHED: &str = "--wait=false";
/// Options whose values are never shown.
const CONFIDENTIAL: [&str; 2] = ["--token", "--member-token"];

/// The command as it was typed, without what kept it from finishing.
pub(super) fn continuation(typed: &[String]) -> String {
    let mut words = vec!["kubectl mc".to_owned()];
    let mut masks_next = false;
    for word in typed.iter().skip(1).filter(|word| *word != UNFINISHED) {
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
    use super::continuation;

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
    fn tokens_are_not_shown() {
        let line = of(&["kubectl-mc", "join", "a", "--token", "s3cret", "--member-token=s3cret"]);
        assert_eq!(line, "kubectl mc join a --token … --member-token=…");
    }
}
