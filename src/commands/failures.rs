//! What a run comes to in which something failed.

use kubesphere::side::Side;

use super::task::Task;
use crate::{
    error::{Error, ErrorKind, Resume},
    live::{
        failure::Failure,
        ledger::{Entry, Ledger},
    },
    output::results,
};

/// One error for everything that failed. What has ended all of it stands alone; otherwise a member's failure is that member's.
pub(super) fn sum_up<T: Task>(task: &T, ledger: Ledger) -> Result<(), (Vec<Error>, Error)> {
    let has_stopped = ledger.has_stopped;
    let is_alone = has_stopped || task.members() < 2;
    let (mut rest, mut late, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for mut entry in ledger.entries {
        let Some(failure) = entry.failure.take() else { continue };
        rest.push(entry.cluster.clone());
        match failure {
            Failure::NotBegun { side } if !is_alone => late.push(side.to_string()),
            failure => errors.push(of_entry(task.resume(), &entry, failure)),
        }
    }
    if rest.is_empty() {
        return Ok(());
    }
    if errors.len() == 1 && is_alone {
        return Err((Vec::new(), errors.remove(0)));
    }
    if has_stopped {
        return Err((Vec::new(), one_of(errors)));
    }
    let sum = Error { resume: Some(task.resume()), ..of_several(&errors, &late, task.members()) };
    Err((errors, with_rest(task, &rest, sum)))
}

/// Who did not have a turn has not failed, and is not done either.
fn of_several(errors: &[Error], late: &[String], members: usize) -> Error {
    let is_late = errors.iter().all(|error| error.kind == ErrorKind::TimedOut);
    let kind = if is_late { ErrorKind::TimedOut } else { ErrorKind::Partial };
    let failed = format!("{} of {members} members failed", errors.len());
    if late.is_empty() {
        return Error::new(kind, failed);
    }
    let (number, names) = (late.len(), late.join(", "));
    let message = if errors.is_empty() {
        format!("the time was up before the turn of {number} of {members} members: {names}")
    } else {
        format!("{failed}; the time was up before the turn of {number} more: {names}")
    };
    Error::new(kind, message).hint(
        "give them more time with `--timeout`, or let more of them have their turn at a time with `--parallel`",
    )
}

/// With the command that goes on with those that have failed.
fn with_rest<T: Task>(task: &T, failed: &[Side], sum: Error) -> Error {
    match task.rest(&failed.iter().collect::<Vec<_>>()) {
        Some(command) => sum.hint(format!("to go on with the rest alone: `{command}`")),
        None => sum,
    }
}

/// What it comes to where members were left out: no success, and nothing else where it has ended otherwise.
pub(super) fn with_left_out<T: Task>(
    task: &T,
    look: &T::Look,
    result: Result<(), Error>,
) -> Result<(), Error> {
    let left_out = task.left_out(look);
    if left_out.is_empty() {
        return result;
    }
    let names: Vec<String> = left_out.iter().map(ToString::to_string).collect();
    let said = format!("left out because of obstacles: {}", names.join(", "));
    let error = match result {
        Ok(()) => Error::new(ErrorKind::Partial, said),
        Err(error) if error.kind == ErrorKind::Partial => {
            Error { message: format!("{}; {said}", error.message), ..error }
        }
        Err(error) => return Err(error),
    };
    Err(task.rest(&left_out).into_iter().fold(error, |error, command| {
        error.hint(format!("when the obstacles are removed, to go on with who is left out: `{command}`"))
    }))
}

fn of_entry(resume: Resume, entry: &Entry, failure: Failure) -> Error {
    let mut error = Error::from(failure);
    error.resume = error.resume.map(|_| resume);
    if resume == Resume::StartsAnew {
        error.hints.extend(results::credential_left(&entry.cluster, &entry.results));
    }
    error
}

/// One error for several members without a credential.
fn one_of(errors: Vec<Error>) -> Error {
    let are_all = |kind: &ErrorKind| errors.iter().all(|error| error.kind == *kind);
    let kind =
        [ErrorKind::Obstacle, ErrorKind::TimedOut].into_iter().find(are_all).unwrap_or(ErrorKind::Error);
    let message =
        format!("{} members have no credential for the host; no configuration was changed", errors.len());
    // What is a finding is told as one.
    let unfound = errors.iter().filter(|error| error.findings.is_empty());
    let causes = unfound.map(|error| [vec![error.message.clone()], error.causes.clone()].concat().join(": "));
    let findings = errors.iter().flat_map(|error| error.findings.clone()).collect();
    let resume = errors.iter().find_map(|error| error.resume);
    let mut sum = Error { causes: causes.collect(), findings, resume, ..Error::new(kind, message) };
    for hint in errors.into_iter().flat_map(|error| error.hints) {
        if !sum.hints.contains(&hint) {
            sum.hints.push(hint);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{Error, ErrorKind, of_several, one_of};

    fn failed(kind: ErrorKind, member: &str) -> Error {
        let mut error = Error::new(kind, format!("member \"{member}\": no")).hint("try again");
        error.causes.push("why".to_owned());
        error
    }

    #[test]
    fn several_are_an_obstacle_only_where_each_is_one() {
        let sum = one_of(vec![failed(ErrorKind::Obstacle, "a"), failed(ErrorKind::Obstacle, "b")]);
        assert_eq!(sum.kind, ErrorKind::Obstacle);
        assert_eq!(sum.message, "2 members have no credential for the host; no configuration was changed");
        assert_eq!(sum.causes, ["member \"a\": no: why", "member \"b\": no: why"]);
        assert_eq!(sum.hints, ["try again"], "said once");
        let sum = one_of(vec![failed(ErrorKind::Obstacle, "a"), failed(ErrorKind::Error, "b")]);
        assert_eq!(sum.kind, ErrorKind::Error);
        let sum = one_of(vec![failed(ErrorKind::TimedOut, "a"), failed(ErrorKind::TimedOut, "b")]);
        assert_eq!(sum.kind, ErrorKind::TimedOut);
    }

    #[test]
    fn who_did_not_have_a_turn_has_not_failed() {
        let late = ["member \"c\"".to_owned(), "member \"d\"".to_owned()];
        let sum = of_several(&[], &late, 4);
        let turn = "the time was up before the turn of 2";
        assert_eq!(sum.message, format!("{turn} of 4 members: member \"c\", member \"d\""));
        assert_eq!(sum.kind, ErrorKind::TimedOut);
        assert!(sum.hints[0].contains("`--parallel`"));
        let sum = of_several(&[failed(ErrorKind::TimedOut, "a")], &late, 4);
        let said = format!("1 of 4 members failed; {turn} more: member \"c\", member \"d\"");
        assert_eq!((sum.kind, sum.message), (ErrorKind::TimedOut, said));
        let sum = of_several(&[failed(ErrorKind::Error, "a")], &late, 4);
        assert_eq!(sum.kind, ErrorKind::Partial);
        let sum = of_several(&[failed(ErrorKind::Obstacle, "a"), failed(ErrorKind::TimedOut, "b")], &[], 2);
        assert_eq!((sum.kind, sum.message.as_str()), (ErrorKind::Partial, "2 of 2 members failed"));
    }
}
