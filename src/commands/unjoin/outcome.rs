//! What has become of the members of a file, one after the other.

use std::collections::VecDeque;

use crate::{
    cli::{ChangeOptions, DryRun},
    commands::continuation::continuation_with,
    error::{Error, ErrorKind},
    live::environment::command_line,
};

pub(super) struct Outcome {
    members: usize,
    failed: Vec<String>,
    declined: Vec<String>,
    taken_out: Vec<String>,
    /// Those of whom nothing was left to take out.
    unchanged: Vec<String>,
    /// Those that are not at their end, in the order of their turns.
    left: VecDeque<String>,
    /// Whether who comes to an end without a failure is out of the host then.
    takes_out: bool,
}

impl Outcome {
    pub(super) fn of(names: impl IntoIterator<Item = String>, change: &ChangeOptions) -> Self {
        let left: VecDeque<String> = names.into_iter().collect();
        Self {
            members: left.len(),
            failed: Vec::new(),
            declined: Vec::new(),
            taken_out: Vec::new(),
            unchanged: Vec::new(),
            left,
            takes_out: change.dry_run == DryRun::None && change.wait,
        }
    }

    pub(super) fn taken_out(&mut self) {
        self.taken_out.extend(self.left.pop_front());
    }

    pub(super) fn unchanged(&mut self) {
        self.unchanged.extend(self.left.pop_front());
    }

    pub(super) fn declined(&mut self) {
        self.declined.extend(self.left.pop_front());
    }

    pub(super) fn failed(&mut self) {
        self.failed.extend(self.left.pop_front());
    }

    /// What has ended it during somebody's turn, with what has become of the ones before.
    pub(super) fn ended(self, error: Error) -> Error {
        // Whoever stops it at the first question has been told that nothing was changed.
        if self.left.len() == self.members && error.kind != ErrorKind::TimedOut {
            return error;
        }
        let message = format!("{}; {}", error.message, self.told());
        let error = Error { message, ..error };
        match error.kind {
            ErrorKind::TimedOut | ErrorKind::Interrupted => self.with_rest(error),
            _ => error,
        }
    }

    /// One error for all that were not taken out.
    pub(super) fn sum(self) -> Result<(), Error> {
        let kind = match (self.failed.is_empty(), self.declined.is_empty()) {
            (true, true) => return Ok(()),
            (true, false) => ErrorKind::Declined,
            (false, _) => ErrorKind::Partial,
        };
        Err(self.with_rest(Error::new(kind, self.told())))
    }

    /// `1 of 3 members failed: edge-3; taken out: edge-1, edge-2`
    fn told(&self) -> String {
        let taken_out = if self.takes_out { self.taken_out.as_slice() } else { &[] };
        let left: Vec<String> = self.left.iter().cloned().collect();
        let fates = [
            ("failed", self.failed.as_slice()),
            ("declined", &self.declined),
            ("taken out", taken_out),
            ("unchanged", &self.unchanged),
            ("not finished", &left),
        ];
        let told = fates.into_iter().filter(|(_, names)| !names.is_empty()).enumerate();
        let told = told.map(|(place, (fate, names))| {
            let number = format!("{} of {} members ", names.len(), self.members);
            let number = if place == 0 { number } else { String::new() };
            format!("{number}{fate}: {}", names.join(", "))
        });
        told.collect::<Vec<_>>().join("; ")
    }

    fn with_rest(&self, error: Error) -> Error {
        let rest: Vec<String> = self.failed.iter().chain(&self.left).cloned().collect();
        if rest.is_empty() || rest.len() == self.members {
            return error;
        }
        let command = continuation_with(&command_line(), &rest);
        error.hint(format!("to go on with the rest alone: `{command}`"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::Outcome;
    use crate::{
        cli::{Cli, Command},
        error::{Error, ErrorKind},
    };

    fn of_four(words: &str) -> Outcome {
        let words = ["kubectl-mc", "unjoin", "-f", "fleet.yaml"].into_iter().chain(words.split_whitespace());
        let Command::Unjoin(unjoin) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        Outcome::of(["a", "b", "c", "d"].map(str::to_owned), &unjoin.change)
    }

    #[test]
    fn who_was_taken_out_and_who_was_not_is_said_at_the_end() {
        let mut outcome = of_four("");
        outcome.taken_out();
        outcome.declined();
        outcome.taken_out();
        outcome.taken_out();
        let sum = outcome.sum().unwrap_err();
        assert_eq!(sum.message, "1 of 4 members declined: b; taken out: a, c, d");
        assert_eq!((sum.kind, sum.hints.len()), (ErrorKind::Declined, 0));
        let mut outcome = of_four("");
        outcome.failed();
        outcome.declined();
        outcome.taken_out();
        outcome.unchanged();
        let sum = outcome.sum().unwrap_err();
        assert_eq!(sum.message, "1 of 4 members failed: a; declined: b; taken out: c; unchanged: d");
        assert_eq!(sum.kind, ErrorKind::Partial);
        assert!(sum.hints[0].starts_with("to go on with the rest alone: `kubectl mc "), "{:?}", sum.hints);
    }

    #[test]
    fn what_ends_it_hides_nothing_of_the_ones_before() {
        let cancelled = || Error::new(ErrorKind::Interrupted, "cancelled; nothing was changed");
        assert_eq!(of_four("").ended(cancelled()).message, "cancelled; nothing was changed");
        let mut outcome = of_four("");
        outcome.taken_out();
        let ended =
            outcome.ended(Error::new(ErrorKind::Interrupted, "cancelled; Cluster b is left as it is"));
        assert_eq!(
            ended.message,
            "cancelled; Cluster b is left as it is; 1 of 4 members taken out: a; not finished: b, c, d"
        );
        assert_eq!(ended.hints.len(), 1);
    }

    #[test]
    fn when_the_time_is_up_in_the_first_turn_it_is_said_who_is_left() {
        let ended =
            of_four("").ended(Error::new(ErrorKind::TimedOut, "timed out while looking at host \"prod\""));
        let said = "timed out while looking at host \"prod\"; 4 of 4 members not finished: a, b, c, d";
        assert_eq!(
            (ended.message.as_str(), ended.hints.len()),
            (said, 0),
            "the same command goes on with all"
        );
    }

    #[test]
    fn a_dry_run_takes_nobody_out() {
        let mut outcome = of_four("--dry-run=server");
        outcome.taken_out();
        outcome.failed();
        outcome.taken_out();
        outcome.taken_out();
        assert_eq!(outcome.sum().unwrap_err().message, "1 of 4 members failed: b");
    }
}
