//! How many requests the commands send, and how many rounds of them: each waits for the answers of the one before.

use std::{fmt::Write as _, time::Duration};

use testbed::{
    AuditEvent,
    kubesphere::{Scenario, Version},
    rounds,
};

use crate::support::{Kubeconfig, KubectlMc, Watched};

/// How far away the clusters are: much longer than what is sent at once takes to be sent.
const ROUND_TRIP: Duration = Duration::from_millis(250);

/// Sends at most so many requests, in at most so many rounds.
#[track_caller]
fn assert_within(bed: &Watched, command: KubectlMc, (most, most_rounds): (usize, usize)) {
    let marks = bed.marks();
    let _ = command.run().code(0);
    let mut sent = bed.requests_since(&marks);
    sent.sort_by_key(|request| request.received);
    let rounds = rounds::chain(&sent, ROUND_TRIP).len();
    let told = format!("{} requests in {rounds} rounds:\n{}", sent.len(), listed(&sent));
    assert!(sent.len() <= most && rounds <= most_rounds, "{told}");
}

fn listed(sent: &[AuditEvent]) -> String {
    let begun = sent.first().map(|request| request.received).unwrap_or_default();
    sent.iter().fold(String::new(), |mut listed, request| {
        let [received, answered] =
            [request.received, request.answered].map(|at| at.duration_since(begun).as_millis());
        let about = request.reviewed.as_ref().map(ToString::to_string).unwrap_or_default();
        let (verb, uri, code) = (&request.verb, &request.request_uri, request.code);
        let _ = writeln!(listed, "{received:>6} {answered:>6} ms {verb} {uri} {code} {about}");
        listed
    })
}

/// What a person does with a member, from its join to its end.
#[test]
fn commands_send_few_requests_in_few_rounds() {
    let bed = Watched::lease(&Scenario::new(Version::V3_4).on_control_planes());
    let (kubeconfig, _ways) = Kubeconfig::far(&bed, ROUND_TRIP);
    let program = || bed.kubectl_mc_with(&kubeconfig);
    let join = || program().join("member1 --reachability off");
    assert_within(&bed, join(), (90, 16));
    assert_within(&bed, join(), (16, 2));
    let check = program().words("check member1 --context host --skip-check member-server-loopback");
    assert_within(&bed, check, (42, 5));
    let unjoin = program().words("unjoin member1 --context host --member-context member1 --yes");
    assert_within(&bed, unjoin, (172, 30));
}
