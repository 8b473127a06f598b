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
    let failed: Vec<Side> = ledger
        .entries
        .iter()
        .filter(|entry| entry.failure.is_some())
        .map(|entry| entry.cluster.clone())
        .collect();
    let errors = ledger.entries.into_iter().filter_map(|mut entry| {
        let failure = entry.failure.take()?;
        Some(of_entry(task.resume(), &entry, failure))
    });
    let mut errors: Vec<Error> = errors.collect();
    if errors.is_empty() {
        return Ok(());
    }
    if errors.len() == 1 && (has_stopped || task.members() < 2) {
        return Err((Vec::new(), errors.remove(0)));
    }
    if has_stopped {
        return Err((Vec::new(), one_of(errors)));
    }
    let message = format!("{} of {} members failed", errors.len(), task.members());
    let sum = Error { resume: Some(task.resume()), ..Error::new(ErrorKind::Partial, message) };
    Err((errors, with_rest(task, &failed, sum)))
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
    let obstacles = errors.iter().all(|error| error.kind == ErrorKind::Obstacle);
    let kind = if obstacles { ErrorKind::Obstacle } else { ErrorKind::Error };
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
    use super::{Error, ErrorKind, one_of};

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
    }
}
