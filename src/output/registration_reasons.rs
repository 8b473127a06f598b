//! Why a Cluster is not simply ready, in words.

use jiff::Timestamp;

use crate::plan::{
    go_error::innermost_cause,
    human_duration::human_duration,
    registration::{Awaited, Expiry, Probe, Readiness, Registration, Unheeded},
    stored_credential::End,
};

/// Longer reasons are cut, where they are not asked for whole.
const LONGEST_REASON: usize = 160;

/// A reason; where it is a controller's raw error, whole and as its innermost cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// All of it.
    pub whole: String,
    /// What says most.
    pub short: String,
}

impl Reason {
    fn plain(text: impl Into<String>) -> Self {
        let whole = text.into();
        Self { short: whole.clone(), whole }
    }

    /// With a controller's error after these words.
    fn raw(before: &str, error: &str) -> Self {
        Self { whole: format!("{before}{error}"), short: format!("{before}{}", cut(innermost_cause(error))) }
    }
}

/// What is to be known of a Cluster now, what matters most first. Empty where all is well.
pub fn reasons(registration: &Registration, now: Timestamp) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = of_readiness(&registration.readiness, now).into_iter().collect();
    reasons.extend(registration.probe.as_ref().and_then(of_probe));
    reasons.extend(of_expiry(registration, now).map(Reason::plain));
    if let Some(server) = &registration.leads_elsewhere {
        reasons.push(Reason::plain(format!("the stored kubeconfig points to {server}")));
    }
    if !registration.twins.is_empty() {
        let twins: Vec<String> = registration.twins.iter().map(|twin| format!("\"{twin}\"")).collect();
        reasons.push(Reason::plain(format!("the same cluster is registered as {}", twins.join(", "))));
    }
    reasons
}

fn of_readiness(readiness: &Readiness, now: Timestamp) -> Option<Reason> {
    let ago = |since: &Timestamp| human_duration(now.duration_since(*since));
    Some(match readiness {
        Readiness::Ready | Readiness::Deleted => return None,
        Readiness::KubesphereSilent => Reason::plain("its KubeSphere has not answered the host"),
        Readiness::NotReady(why) => Reason::raw("", why),
        Readiness::Installing { since } => {
            let since = since.as_ref().map(|since| format!(", {} after it was registered", ago(since)));
            Reason::plain(format!(
                "KubeSphere is not installed on it yet{}: `kubectl mc logs MEMBER` tells what it waits for",
                since.unwrap_or_default()
            ))
        }
        Readiness::NotInstalled(why) => Reason::plain(format!(
            "{why}: the host tries again when it has the annotation kubesphere.io/ks-core-action=reinstall"
        )),
        Readiness::AgentAway(why) => Reason::raw("", &format!("its agent is not connected: {why}")),
        Readiness::Stale { since, said: None } => Reason::plain(format!("not updated for {}", ago(since))),
        Readiness::Stale { since, said: Some(said) } => {
            Reason::raw(&format!("not updated for {}; then not ready: ", ago(since)), said)
        }
        Readiness::Waiting(awaited) => Reason::plain(waiting(*awaited)),
        Readiness::Overlooked { since } => {
            Reason::plain(format!("the controller has not looked at it in {}", ago(since)))
        }
        Readiness::Ignored(why) => Reason::plain(ignored(*why)),
        Readiness::Deleting { since, finalizers } => {
            Reason::plain(deleting(since.as_ref().map(ago), finalizers))
        }
    })
}

fn waiting(awaited: Awaited) -> String {
    match awaited {
        Awaited::Agent => "its agent has not connected yet".to_owned(),
        Awaited::FirstLook => "the controller has not looked at it yet".to_owned(),
        Awaited::Condition(condition) => format!("the controller has not set {} yet", condition.as_str()),
    }
}

fn ignored(why: Unheeded) -> &'static str {
    match why {
        Unheeded::NotFederated => "spec.joinFederation is not true: the controller ignores it forever",
        Unheeded::WithoutKubeconfig => {
            "no kubeconfig is stored: the controller ignores it until there is one"
        }
        Unheeded::UnreadableKubeconfig => {
            "the stored kubeconfig cannot be read: the controller only logs that"
        }
        Unheeded::UndatedConditions => "its conditions do not say when they were written",
    }
}

fn deleting(since: Option<String>, finalizers: &[String]) -> String {
    let since = since.map(|since| format!(" for {since}")).unwrap_or_default();
    match finalizers {
        [] => format!("being deleted{since}"),
        finalizers => format!("being deleted{since}, waits for {}", finalizers.join(", ")),
    }
}

/// Why a member was not asked.
pub const NOT_ASKED: &str = "its agent's proxy answers inside the host only";

/// What is missing to an answer where the host has no UID of its member.
pub const UNPROVEN: &str = "answers from here; the host knows no UID to compare";

/// That a member refuses its host's tokens.
pub const OTHER_SECRET: &str =
    "its jwtSecret is not the host's: a rotation was broken off, or one of the two was changed";

/// That a member may refuse its host's tokens.
pub fn secret_untold(why: &str) -> String {
    format!("whether it has the host's jwtSecret is not known: {why}")
}

/// That this machine cannot reach a member does not make it unready.
fn of_probe(probe: &Probe) -> Option<Reason> {
    match probe {
        Probe::Answered => None,
        Probe::AnsweredUnproven => Some(Reason::plain(UNPROVEN.to_owned())),
        Probe::OtherSecret => Some(Reason::plain(OTHER_SECRET)),
        Probe::SecretUntold(why) => Some(Reason::plain(secret_untold(why))),
        Probe::Refused(why) => Some(Reason::raw("the stored kubeconfig does not work: ", why)),
        Probe::Failed(why) => Some(Reason::raw("from here: ", why)),
        Probe::OtherCluster(uid) => {
            Some(Reason::plain(format!("another cluster answers there, with the UID {uid}")))
        }
        Probe::NotAsked => Some(Reason::plain(format!("not asked from here: {NOT_ASKED}"))),
    }
}

fn of_expiry(registration: &Registration, now: Timestamp) -> Option<String> {
    let noun = registration.credential.kind.noun();
    match (registration.credential.end, registration.expiry) {
        (End::At(end), Expiry::Soon) => Some(format!("its {noun} expires in {}", until(end, now))),
        (End::At(end), Expiry::Ended) => {
            Some(format!("its {noun} expired {} ago", until(now.as_second(), second(end))))
        }
        _ => {
            let said = registration.said_to_expire.as_ref()?;
            Some(format!("its {noun} expires within a week, or has expired: {said}"))
        }
    }
}

/// How long it is from `now` to this second.
pub fn until(end: i64, now: Timestamp) -> String {
    human_duration(second(end).duration_since(now))
}

/// A second since 1970; one that no calendar has is the last one that it has.
pub fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "registration_reasons_tests.rs"]
mod tests;
