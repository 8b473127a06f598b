//! The time that a command has, and what it comes to when that is up.

use std::{collections::BTreeSet, time::Duration};

use kubesphere::side::Side;
use tokio::time::{Instant, timeout_at};

use crate::{
    error::{Error, ErrorKind},
    live::time_limit::until,
};

/// Every request ends with the time. What is none, as a credential plugin, is not waited for any longer than this.
const GRACE: Duration = Duration::from_secs(2);

/// A look at the clusters, as long as there is time. Who is late is told by the look, beside all that was seen by then.
pub(super) async fn in_time<T>(deadline: Instant, look: impl Future<Output = T>) -> Result<T, Error> {
    let look = timeout_at(deadline + GRACE, until(deadline, look)).await;
    look.map_err(|_| timed_out("the clusters", ""))
}

/// Whom it was waited for in vain, where there was anybody.
pub(super) fn confirm_in_time(late: &BTreeSet<&Side>) -> Result<(), Error> {
    let names: Vec<String> = late.iter().map(ToString::to_string).collect();
    let others = ", or let more of them have their turn at a time with `--parallel`";
    match names.len() {
        0 => Ok(()),
        1 => Err(timed_out(&names[0], "")),
        _ => Err(timed_out(&names.join(", "), others)),
    }
}

fn timed_out(looking_at: &str, others: &str) -> Error {
    Error::new(ErrorKind::TimedOut, format!("timed out while looking at {looking_at}"))
        .hint(format!("run the same command again with a longer `--timeout`{others}"))
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::{ErrorKind, confirm_in_time};

    #[test]
    fn whoever_is_late_is_named() {
        assert!(confirm_in_time(&[].into()).is_ok());
        let sides = [Side::member("edge-1"), Side::member("edge-2")];
        let one = confirm_in_time(&[&sides[0]].into()).unwrap_err();
        assert_eq!(
            (one.kind, one.message.as_str()),
            (ErrorKind::TimedOut, "timed out while looking at member \"edge-1\"")
        );
        assert_eq!(one.hints, ["run the same command again with a longer `--timeout`"]);
        let both = confirm_in_time(&sides.iter().collect()).unwrap_err();
        assert_eq!(both.message, "timed out while looking at member \"edge-1\", member \"edge-2\"");
        assert!(both.hints[0].ends_with("with `--parallel`"), "{:?}", both.hints);
    }
}
