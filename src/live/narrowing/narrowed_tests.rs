use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{super::webhook::field, Narrowed, RESTORED_WITHIN};
use crate::{
    live::{
        connection::Connection,
        narrowing::{
            failure::NarrowingFailure,
            fake_host::{Fault, Shared, host, patched, shipped, state},
        },
    },
    plan::narrowing::{ANNOTATION, Field, Record, Remark},
};

const CLUSTER: &str = "edge-1";

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(300)
}

async fn narrow(narrowed: &Narrowed, host: &Connection) -> Result<Option<Record>, NarrowingFailure> {
    narrowed.narrow(host, CLUSTER, Field::MatchConditions, deadline()).await
}

fn faults(shared: &Shared, faults: &[Fault]) {
    state(shared).faults = faults.iter().copied().collect();
}

fn is_narrowed(shared: &Shared) -> bool {
    state(shared).webhook["metadata"]["annotations"][ANNOTATION].is_string()
}

#[tokio::test(start_paused = true)]
async fn what_is_narrowed_is_restored_with_one_patch_each() {
    for by in [Field::MatchConditions, Field::Rules] {
        let (host, shared) = host();
        let narrowed = Narrowed::default();
        let record = narrowed.narrow(&host, CLUSTER, by, deadline()).await.unwrap().unwrap();
        assert_eq!((record.field, is_narrowed(&shared)), (by, true));
        assert_eq!(narrowed.restore().await, Ok(None));
        assert_eq!((narrowed.left(), &state(&shared).webhook), (None, &shipped()));
        assert_eq!(state(&shared).writes.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_second_narrowing() {
    let (host, shared) = host();
    let narrowed = Narrowed::default();
    faults(&shared, &[Fault::AnswerLost]);
    assert!(narrow(&narrowed, &host).await.unwrap().is_some());
    assert_eq!(state(&shared).writes.len(), 1);
    faults(&shared, &[Fault::AnswerLost]);
    assert_eq!(narrowed.restore().await, Ok(None), "restored, and seen to be");
    assert_eq!(state(&shared).webhook, shipped());
}

/// Interrupted while it waits for the answer to a patch that arrives later still.
#[tokio::test(start_paused = true)]
async fn an_interrupted_narrowing_is_restored_however_late_it_arrives() {
    for after in [0, 300, 6000] {
        let (host, shared) = host();
        let narrowed = Narrowed::default();
        faults(&shared, &[Fault::Late(Duration::from_millis(after))]);
        let interrupted = timeout(Duration::from_millis(10), narrow(&narrowed, &host)).await;
        assert!(interrupted.is_err());
        assert!(narrowed.left().unwrap().command().is_some(), "what restores it is known before it arrives");
        assert_eq!(narrowed.restore().await, Ok(None));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(state(&shared).webhook, shipped(), "after {after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_narrowing_that_nobody_has_seen_arrive_is_not_forgotten() {
    let (host, shared) = host();
    let narrowed = Narrowed::default();
    faults(&shared, &[Fault::Late(Duration::from_secs(60))]);
    let interrupted = timeout(Duration::from_millis(10), narrow(&narrowed, &host)).await;
    assert!(interrupted.is_err());
    let problem = narrowed.restore().await.unwrap_err();
    assert!(problem.contains("it may still"), "{problem}");
    assert!(narrowed.left().unwrap().command().is_some());
}

/// Whoever writes it in between makes the late patch fail.
#[tokio::test(start_paused = true)]
async fn a_narrowing_holds_for_what_was_read_alone() {
    let (host, shared) = host();
    state(&shared).webhook["metadata"]["resourceVersion"] = json!("7");
    let seen = kubesphere::cluster_webhook::ClusterWebhook::new(state(&shared).webhook.clone());
    let now = host.clock.now();
    let patch = crate::plan::narrowing::narrow(&seen, CLUSTER, Field::Rules, now).unwrap().patch.document();
    assert!(patched(&state(&shared), &patch).is_some());
    state(&shared).webhook["metadata"]["resourceVersion"] = json!("8");
    assert_eq!(patched(&state(&shared), &patch), None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_is_tried_again_and_not_for_ever() {
    let (host, shared) = host();
    let narrowed = Narrowed::default();
    faults(&shared, &[Fault::Status(409), Fault::Status(422), Fault::Status(503)]);
    assert!(narrow(&narrowed, &host).await.unwrap().is_some());
    narrowed.restore().await.unwrap();

    faults(&shared, &[Fault::Status(409); 9]);
    let failed = narrow(&narrowed, &host).await;
    assert!(matches!(failed, Err(NarrowingFailure::NotSettled { .. })), "{failed:?}");
    assert_eq!(state(&shared).faults.len(), 4);
    faults(&shared, &[]);
    assert_eq!((narrowed.restore().await, &state(&shared).webhook), (Ok(None), &shipped()));
}

#[tokio::test(start_paused = true)]
async fn errors_of_a_moment_do_not_keep_it_from_being_restored() {
    let (host, shared) = host();
    let narrowed = Narrowed::default();
    narrow(&narrowed, &host).await.unwrap();
    faults(&shared, &[Fault::Status(500), Fault::Status(503), Fault::Status(409), Fault::AnswerLost]);
    assert_eq!(narrowed.restore().await, Ok(None));
    assert_eq!((narrowed.left(), &state(&shared).webhook), (None, &shipped()));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_restored_is_left_with_the_patch_that_does_it() {
    let (host, shared) = host();
    let narrowed = Narrowed::default();
    narrow(&narrowed, &host).await.unwrap();
    faults(&shared, &[Fault::Status(403)]);
    let problem = narrowed.restore().await.unwrap_err();
    assert!(problem.starts_with("host \"prod\": patch validatingwebhookconfigurations/"), "{problem}");
    let left = narrowed.left().unwrap();
    assert_eq!(left.record().unwrap().cluster, CLUSTER);
    let command = left.command().unwrap();
    let (program, document) = command.split_once(" -p ").unwrap();
    assert!(program.starts_with("kubectl --context prod patch validatingwebhookconfigurations"), "{program}");
    let document = serde_json::from_str(document.trim_matches('\'')).unwrap();
    let restored = patched(&state(&shared), &document);
    assert_eq!(restored, Some(shipped()));
}

#[tokio::test(start_paused = true)]
async fn patience_has_an_end() {
    let (host, shared) = host();
    let narrowed = Narrowed::default();
    narrow(&narrowed, &host).await.unwrap();
    faults(&shared, &[Fault::Status(500); 400]);
    let begun = Instant::now();
    assert!(narrowed.restore().await.unwrap_err().contains("not restored within 90 s"));
    assert_eq!(begun.elapsed(), RESTORED_WITHIN);
    assert!(narrowed.left().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_another_command_restored_or_narrowed_is_left_alone() {
    let (host, shared) = host();
    let (ours, theirs) = (Narrowed::default(), Narrowed::default());
    narrow(&ours, &host).await.unwrap();
    // For its own Cluster it restores ours first.
    theirs.narrow(&host, "edge-2", Field::MatchConditions, deadline()).await.unwrap();
    let standing = state(&shared).webhook.clone();
    assert_eq!(ours.restore().await, Ok(None));
    assert_eq!(state(&shared).webhook, standing);
    assert_eq!(theirs.restore().await, Ok(None));
    assert_eq!(state(&shared).webhook, shipped());
}

#[tokio::test(start_paused = true)]
async fn what_others_changed_meanwhile_is_told() {
    let (host, shared) = host();
    let narrowed = Narrowed::default();
    narrow(&narrowed, &host).await.unwrap();
    let theirs = json!({"name": "theirs", "expression": "true"});
    state(&shared).webhook["webhooks"][0]["matchConditions"] = json!([theirs]);
    assert_eq!(narrowed.restore().await, Ok(Some(Remark::LeftToOthers(Field::MatchConditions))));
    assert_eq!(state(&shared).webhook["webhooks"][0]["matchConditions"], json!([theirs]));
    assert!(!is_narrowed(&shared));
}

#[tokio::test(start_paused = true)]
async fn the_server_itself_tells_by_which_field() {
    let (host, shared) = host();
    assert_eq!(field(&host, CLUSTER).await.unwrap(), Some(Field::MatchConditions));
    state(&shared).keeps_conditions = false;
    assert_eq!(field(&host, CLUSTER).await.unwrap(), Some(Field::Rules));
    assert_eq!(state(&shared).writes, Vec::<String>::new(), "asked with a dry run");
    state(&shared).webhook["webhooks"][0]["rules"] = json!([]);
    assert_eq!(field(&host, CLUSTER).await.unwrap(), None);
}

/// An API server that is older than the one that was asked.
#[tokio::test(start_paused = true)]
async fn a_condition_that_is_dropped_all_the_same_leaves_nothing_behind() {
    let (host, shared) = host();
    state(&shared).keeps_conditions = false;
    let narrowed = Narrowed::default();
    let failed = narrow(&narrowed, &host).await;
    assert!(matches!(failed, Err(NarrowingFailure::NotSettled { .. })), "{failed:?}");
    narrowed.restore().await.unwrap();
    assert_eq!(state(&shared).webhook, shipped());
}
