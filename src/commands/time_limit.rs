//! The time that a command has, and what it comes to when that is up.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::{
    checks::{Silence, Silent},
    error::{Error, ErrorKind},
    live::{
        time_limit::{self, until},
        whereabouts::{NoAnswer, Unanswered},
    },
};

/// Every request ends with the time. What is none, as a credential plugin, is not waited for any longer than this.
const GRACE: Duration = Duration::from_secs(2);

/// A look at the clusters, as long as there is time. Who is late is told by the look, beside all that was seen by then.
pub(super) async fn in_time<T>(deadline: Instant, look: impl Future<Output = T>) -> Result<T, Error> {
    let look = timeout_at(deadline + GRACE, until(deadline, look)).await;
    look.map_err(|_| timed_out("while looking at the clusters", ""))
}

/// Fails where the time was up before all was seen: who was waited for in vain is named, and beside them who did not have a turn.
pub(super) fn confirm_in_time<'a>(silent: impl IntoIterator<Item = &'a Silent>) -> Result<(), Error> {
    let (mut late, mut unasked) = (BTreeSet::new(), BTreeSet::new());
    for Silent { side, silence, .. } in silent {
        match silence {
            Silence::Late => drop(late.insert(side.to_string())),
            Silence::Unasked => drop(unasked.insert(side.to_string())),
            Silence::Away | Silence::Refused | Silence::Lasting => (),
        }
    }
    unasked.retain(|side| !late.contains(side));
    let named = |sides: &BTreeSet<String>| sides.iter().cloned().collect::<Vec<_>>().join(", ");
    let said = match (late.is_empty(), unasked.is_empty()) {
        (true, true) => return Ok(()),
        (true, false) => format!("before all was asked of {}", named(&unasked)),
        (false, true) => format!("while looking at {}", named(&late)),
        (false, false) => {
            format!("while looking at {}; before all was asked of {}", named(&late), named(&unasked))
        }
    };
    let others = ", or let more of them have their turn at a time with `--parallel`";
    Err(timed_out(&said, if late.len() + unasked.len() > 1 { others } else { "" }))
}

/// Fails where the time was up before contexts have told where they lead.
pub(super) fn confirm_told(unanswered: &[Unanswered]) -> Result<(), Error> {
    let late = unanswered.iter().filter(|context| context.why == NoAnswer::Late);
    let late: Vec<String> = late.map(|late| format!("context \"{}\"", late.context)).collect();
    if !time_limit::is_up() || late.is_empty() {
        return Ok(());
    }
    Err(timed_out(&format!("while asking where it leads: {}", late.join(", ")), ""))
}

fn timed_out(when: &str, others: &str) -> Error {
    Error::new(ErrorKind::TimedOut, format!("timed out {when}"))
        .hint(format!("run the same command again with a longer `--timeout`{others}"))
}

#[cfg(test)]
mod tests {
    use kubesphere::side::Side;

    use super::{ErrorKind, Silence, Silent, confirm_in_time};

    fn silent(member: &str, silence: Silence) -> Silent {
        Silent { side: Side::member(member), message: String::new(), hints: Vec::new(), silence }
    }

    #[test]
    fn whoever_is_late_is_named() {
        assert!(confirm_in_time(&[]).is_ok());
        assert!(confirm_in_time(&[silent("edge-1", Silence::Away)]).is_ok());
        let one = confirm_in_time(&[silent("edge-1", Silence::Late)]).unwrap_err();
        assert_eq!(
            (one.kind, one.message.as_str()),
            (ErrorKind::TimedOut, "timed out while looking at member \"edge-1\"")
        );
        assert_eq!(one.hints, ["run the same command again with a longer `--timeout`"]);
        let both = ["edge-1", "edge-2"].map(|member| silent(member, Silence::Late));
        let both = confirm_in_time(&both).unwrap_err();
        assert_eq!(both.message, "timed out while looking at member \"edge-1\", member \"edge-2\"");
        assert!(both.hints[0].ends_with("with `--parallel`"), "{:?}", both.hints);
    }

    #[test]
    fn who_did_not_have_a_turn_is_not_late() {
        let (late, unasked) = (Silence::Late, Silence::Unasked);
        let looks = [silent("a", late), silent("b", unasked), silent("a", unasked), silent("c", unasked)];
        let error = confirm_in_time(&looks).unwrap_err();
        let said =
            "timed out while looking at member \"a\"; before all was asked of member \"b\", member \"c\"";
        assert_eq!(error.message, said);
        let unasked = confirm_in_time(&looks[1..2]).unwrap_err();
        let said = "timed out before all was asked of member \"b\"";
        assert_eq!((unasked.kind, unasked.message.as_str()), (ErrorKind::TimedOut, said));
    }
}
