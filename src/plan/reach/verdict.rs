//! What a probe pod shows about the way from its node to a member.

use std::collections::BTreeMap;

/// Whether a node reaches a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It does.
    Reachable,
    /// It does not.
    Unreachable {
        /// In which way.
        how: Obstruction,
        /// In the kubelet's words.
        detail: String,
    },
    /// It could not be told, and why.
    Unknown(String),
}

/// How a connection does not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstruction {
    /// Nothing listens there, or a firewall rejects.
    Refused,
    /// There is no answer in time: mostly a firewall that drops, or no way back.
    TimedOut,
    /// The node cannot resolve the name.
    NameNotResolved,
    NoWay,
}

impl Reach {
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unreachable { how, .. }, Self::Unreachable { how: other, .. }) => how == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// What a look at a probe pod showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSight {
    /// Whether it is over: it failed, or was never admitted by its kubelet.
    pub is_over: bool,
    /// Why, in the kubelet's words: `OutOfpods: …`.
    pub why: Option<String>,
    /// Its containers by name; none as long as its kubelet has not taken it up.
    pub containers: BTreeMap<String, ContainerSight>,
}

/// What a look at one of its containers showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerSight {
    /// Whether its probe has succeeded.
    pub is_ready: bool,
    /// Whether it runs, so that it is probed.
    pub is_running: bool,
    /// The reason for which it waits: `ErrImageNeverPull`.
    pub waits: Option<String>,
    /// Why it has ended.
    pub ended: Option<String>,
}

/// An event of a kubelet about a probe that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhealthy {
    pub message: String,
    /// How often that has happened.
    pub count: i32,
}

/// A verdict, and whether it will stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict so far.
    pub reach: Reach,
    /// Whether there is no point in waiting for another.
    pub is_final: bool,
}

/// What is known about a container's target: from its pod, and from the events about its probe, the latest last.
/// `reads_events` says whether there can be any.
pub fn judge(pod: Option<&PodSight>, container: &str, events: &[Unhealthy], reads_events: bool) -> Judgement {
    let open = |why: &str| Judgement { reach: Reach::Unknown(why.to_owned()), is_final: false };
    let Some(pod) = pod else { return open("its pod was not seen") };
    let sight = pod.containers.get(container);
    let is_ready = sight.is_some_and(|sight| sight.is_ready);
    let said: Vec<Reach> = events.iter().map(|event| read(&event.message)).collect();
    if is_ready || said.contains(&Reach::Reachable) {
        return Judgement { reach: Reach::Reachable, is_final: true };
    }
    // The same obstacle may be worded now so, now so.
    match (said.last(), sight) {
        (Some(reach), _) => {
            let alike = said.iter().zip(events).filter(|(other, _)| other.is_like(reach));
            let count = alike.map(|(_, event)| event.count).sum();
            Judgement { is_final: lasts(reach, count) || pod.is_over, reach: reach.clone() }
        }
        _ if pod.is_over => {
            closed(format!("its kubelet gave up on the pod: {}", said_why(pod.why.as_deref())))
        }
        (None, Some(ContainerSight { waits: Some(reason), .. })) if reason == "ErrImageNeverPull" => {
            closed("its image is not on the node any more (ErrImageNeverPull)".to_owned())
        }
        (None, Some(ContainerSight { waits: Some(reason), .. })) => {
            open(&format!("its pod does not start: {reason}"))
        }
        (None, Some(ContainerSight { ended: Some(why), .. })) => closed(format!("its pod has ended: {why}")),
        (None, Some(ContainerSight { is_running: true, .. })) if reads_events => {
            open("its probe does not succeed, and no event says why")
        }
        (None, Some(ContainerSight { is_running: true, .. })) => {
            open("its probe does not succeed, and the events that say why may not be listed")
        }
        (None, _) => open("its kubelet does not start the pod"),
    }
}

fn closed(why: String) -> Judgement {
    Judgement { reach: Reach::Unknown(why), is_final: true }
}

fn said_why(why: Option<&str>) -> &str {
    why.unwrap_or("it does not say why")
}

/// A server that restarts refuses for a moment, so what is refused is asked a few times; a probe that times out has
/// been waited for long enough with the second.
fn lasts(reach: &Reach, count: i32) -> bool {
    let enough = match reach {
        Reach::Reachable => 1,
        Reach::Unreachable { how: Obstruction::TimedOut, .. } => 2,
        Reach::Unreachable { .. } => 3,
        Reach::Unknown(_) => 5,
    };
    count >= enough
}

/// What a kubelet means by `Readiness probe failed: …` (Kubernetes `pkg/probe/http/http.go@v1.34`; the causes are Go's).
fn read(message: &str) -> Reach {
    let message = message.trim().strip_prefix("Readiness probe failed: ").unwrap_or(message);
    if let Some(status) = message.strip_prefix("HTTP probe failed with statuscode: ") {
        return match status {
            "401" | "403" => Reach::Reachable,
            _ => Reach::Unknown(format!(
                "something answers there with HTTP {status}, as no healthy API server does"
            )),
        };
    }
    let cause = message.split_once("\": ").map_or(message, |(_, cause)| cause);
    let unreachable = |how| Reach::Unreachable { how, detail: cause.to_owned() };
    let says = |texts: &[&str]| texts.iter().any(|text| cause.contains(text));
    if says(&["dial tcp: lookup ", "no such host"]) {
        unreachable(Obstruction::NameNotResolved)
    } else if says(&["connection refused"]) {
        unreachable(Obstruction::Refused)
    } else if says(&["deadline exceeded", "i/o timeout", "Client.Timeout exceeded"]) {
        unreachable(Obstruction::TimedOut)
    } else if cause.starts_with("dial ") {
        unreachable(Obstruction::NoWay)
    } else {
        Reach::Unknown(format!("something answers there, but not as an API server does: {cause}"))
    }
}

/// Why the API server did not take a pod, without the pod's name, which differs from node to node.
pub fn refusal(cause: &str) -> Reach {
    let reason = cause.split_once(" is forbidden: ").map_or(cause, |(_, reason)| reason);
    Reach::Unknown(format!("the pod for it was refused: {reason}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ContainerSight, Judgement, Obstruction, PodSight, Reach, Unhealthy, judge, read, refusal};

    const GET: &str = "Readiness probe failed: Get \"https://10.77.1.1:26443/readyz\": ";

    fn pod(container: ContainerSight) -> PodSight {
        PodSight { containers: BTreeMap::from([("probe-0".to_owned(), container)]), ..PodSight::default() }
    }

    fn running() -> PodSight {
        pod(ContainerSight { is_running: true, ..ContainerSight::default() })
    }

    fn judged(pod: &PodSight, events: &[(&str, i32)]) -> (String, bool) {
        let events =
            events.iter().map(|(message, count)| Unhealthy { message: (*message).to_owned(), count: *count });
        let events: Vec<_> = events.collect();
        let Judgement { reach, is_final } = judge(Some(pod), "probe-0", &events, true);
        let shown = match reach {
            Reach::Reachable => "reachable".to_owned(),
            Reach::Unreachable { how, .. } => format!("{how:?}"),
            Reach::Unknown(why) => why,
        };
        (shown, is_final)
    }

    fn final_verdict(pod: &PodSight, events: &[(&str, i32)]) -> String {
        let (shown, is_final) = judged(pod, events);
        assert!(is_final, "{shown}");
        shown
    }

    fn open_verdict(pod: &PodSight, events: &[(&str, i32)]) -> String {
        let (shown, is_final) = judged(pod, events);
        assert!(!is_final, "{shown}");
        shown
    }

    #[test]
    fn ready_is_reachable() {
        let ready = ContainerSight { is_ready: true, is_running: true, ..ContainerSight::default() };
        assert_eq!(final_verdict(&pod(ready), &[]), "reachable");
    }

    #[test]
    fn an_api_server_without_anonymous_access_is_reachable() {
        for status in [401, 403] {
            let message = format!("Readiness probe failed: HTTP probe failed with statuscode: {status}");
            assert_eq!(final_verdict(&running(), &[(&message, 1)]), "reachable");
        }
    }

    #[test]
    fn a_cause_is_told_by_gos_words() {
        let causes = [
            ("dial tcp 10.77.1.1:26443: connect: connection refused", Obstruction::Refused),
            (
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                Obstruction::TimedOut,
            ),
            ("dial tcp 10.77.1.1:26443: i/o timeout", Obstruction::TimedOut),
            ("dial tcp: lookup x: no such host", Obstruction::NameNotResolved),
            (
                "dial tcp: lookup x on 10.0.0.2:53: read udp 1.1.1.1:1->10.0.0.2:53: i/o timeout",
                Obstruction::NameNotResolved,
            ),
            ("dial tcp 10.77.1.1:26443: connect: no route to host", Obstruction::NoWay),
            ("dial tcp 10.77.1.1:26443: connect: invalid argument", Obstruction::NoWay),
        ];
        for (cause, how) in causes {
            let expected = Reach::Unreachable { how, detail: cause.to_owned() };
            assert_eq!(read(&format!("{GET}{cause}")), expected);
        }
    }

    #[test]
    fn what_answers_otherwise_is_unknown() {
        let gateway = "Readiness probe failed: HTTP probe failed with statuscode: 404";
        assert!(open_verdict(&running(), &[(gateway, 4)]).contains("HTTP 404"));
        let plain = format!("{GET}http: server gave HTTP response to HTTPS client");
        assert!(
            final_verdict(&running(), &[(&plain, 5)])
                .contains("not as an API server does: http: server gave")
        );
    }

    #[test]
    fn a_failure_is_believed_when_it_was_repeated() {
        let refused = format!("{GET}dial tcp 10.77.1.1:26443: connect: connection refused");
        assert_eq!(open_verdict(&running(), &[(&refused, 2)]), "Refused");
        assert_eq!(final_verdict(&running(), &[(&refused, 3)]), "Refused");
        let slow = format!("{GET}context deadline exceeded");
        assert_eq!(open_verdict(&running(), &[(&slow, 1)]), "TimedOut");
        assert_eq!(final_verdict(&running(), &[(&refused, 1), (&slow, 2)]), "TimedOut");
        let other =
            format!("{GET}net/http: request canceled (Client.Timeout exceeded while awaiting headers)");
        assert_eq!(final_verdict(&running(), &[(&slow, 1), (&other, 1)]), "TimedOut");
    }

    #[test]
    fn a_pod_that_does_not_run_tells_nothing_but_why() {
        let waits = |reason: &str| {
            pod(ContainerSight { waits: Some(reason.to_owned()), ..ContainerSight::default() })
        };
        assert!(final_verdict(&waits("ErrImageNeverPull"), &[]).contains("not on the node any more"));
        assert_eq!(
            open_verdict(&waits("CreateContainerError"), &[]),
            "its pod does not start: CreateContainerError"
        );
        let why = Some("OutOfpods: Node didn't have enough resource".to_owned());
        let over = PodSight { is_over: true, why, ..PodSight::default() };
        assert!(
            final_verdict(&over, &[])
                .ends_with("gave up on the pod: OutOfpods: Node didn't have enough resource")
        );
        let ended =
            ContainerSight { ended: Some("StartError: no sleep".to_owned()), ..ContainerSight::default() };
        assert_eq!(final_verdict(&pod(ended), &[]), "its pod has ended: StartError: no sleep");
    }

    #[test]
    fn what_is_not_seen_yet_may_still_come() {
        assert_eq!(open_verdict(&PodSight::default(), &[]), "its kubelet does not start the pod");
        assert_eq!(
            judge(None, "probe-0", &[], true).reach,
            Reach::Unknown("its pod was not seen".to_owned())
        );
        assert_eq!(open_verdict(&running(), &[]), "its probe does not succeed, and no event says why");
        let Reach::Unknown(why) = judge(Some(&running()), "probe-0", &[], false).reach else {
            unreachable!()
        };
        assert!(why.ends_with("may not be listed"), "{why}");
    }

    #[test]
    fn a_refusal_names_no_pod() {
        let said = "forbidden: pods \"kubectl-mc-reach-1-2\" is forbidden: violates PodSecurity \"restricted:latest\": …";
        let Reach::Unknown(why) = refusal(said) else { unreachable!() };
        assert_eq!(why, "the pod for it was refused: violates PodSecurity \"restricted:latest\": …");
    }
}
