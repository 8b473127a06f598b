use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{NARROWED_WITHIN, Removal, Removed, narrowed_until};
use crate::{
    live::{
        connection::Connection,
        narrowing::{
            failure::NarrowingFailure,
            fake_host::{host, shipped, state},
            narrowed::Narrowed,
        },
        report::{Event, Reporter},
    },
    plan::narrowing::Field,
};

const CLUSTER: &str = "edge-1";

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

struct Silent;

impl Reporter for Silent {
    fn tell(&self, _: &kubesphere::side::Side, _: Event) {}
}

async fn remove(host: &Connection, narrowed: &Narrowed) -> Result<Removed, NarrowingFailure> {
    let removal = Removal {
        host,
        cluster: CLUSTER,
        uid: "u-1",
        field: Field::Rules,
        deadline: narrowed_until(deadline()),
        narrowed,
        report: &Silent,
    };
    removal.narrow_webhook().await?;
    removal.remove().await
}

#[tokio::test(start_paused = true)]
async fn a_cluster_goes_behind_the_narrowed_webhook_once_admission_follows() {
    let (host, shared) = host();
    state(&shared).lags = 3;
    let narrowed = Narrowed::default();
    assert_eq!(remove(&host, &narrowed).await.unwrap(), Removed::ByController);
    narrowed.restore().await.unwrap();
    assert_eq!(state(&shared).webhook, shipped());
    let writes = ["PATCH validatingwebhookconfigurations", "DELETE clusters", "PATCH clusters"];
    assert_eq!(state(&shared).writes[..3], writes);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_being_deleted_is_touched_and_not_deleted_again() {
    let (host, shared) = host();
    state(&shared).cluster.as_mut().unwrap()["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let narrowed = Narrowed::default();
    assert_eq!(remove(&host, &narrowed).await.unwrap(), Removed::ByController);
    assert_eq!(state(&shared).writes, ["PATCH validatingwebhookconfigurations", "PATCH clusters"]);
}

#[tokio::test(start_paused = true)]
async fn what_another_command_restores_meanwhile_is_narrowed_again() {
    let (host, shared) = host();
    state(&shared).lags = 40;
    let narrowed = Narrowed::default();
    let meddle = async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            state(&shared).webhook = shipped();
        }
    };
    let (removed, ()) = tokio::join!(remove(&host, &narrowed), meddle);
    assert_eq!(removed.unwrap(), Removed::ByController);
    narrowed.restore().await.unwrap();
    assert_eq!(state(&shared).webhook, shipped());
    let narrowings = state(&shared).writes.iter().filter(|write| write.contains("webhook")).count();
    assert_eq!(narrowings, 3 + 1);
}

#[tokio::test(start_paused = true)]
async fn an_admission_that_never_follows_ends_it() {
    let (host, shared) = host();
    state(&shared).lags = u32::MAX;
    let narrowed = Narrowed::default();
    let failed = remove(&host, &narrowed).await.unwrap_err();
    assert!(matches!(failed, NarrowingFailure::NotEffective { .. }), "{failed:?}");
    assert!(failed.to_string().contains("denied the request"), "{failed}");
    assert_eq!(state(&shared).writes, ["PATCH validatingwebhookconfigurations"], "nothing is deleted");
    narrowed.restore().await.unwrap();
    assert_eq!(state(&shared).webhook, shipped());
}

#[tokio::test(start_paused = true)]
async fn without_a_controller_its_part_is_done_for_it() {
    let (host, shared) = host();
    state(&shared).has_controller = false;
    let narrowed = Narrowed::default();
    assert_eq!(remove(&host, &narrowed).await.unwrap(), Removed::ByUs);
    let namespace = "namespaces/kube-federation-system";
    assert_eq!(
        state(&shared).deleted,
        [
            format!("/apis/core.kubefed.io/v1beta1/{namespace}/kubefedclusters/edge-1"),
            format!("/api/v1/{namespace}/secrets/edge-1-secret")
        ]
    );
    narrowed.restore().await.unwrap();
    assert_eq!(state(&shared).webhook, shipped());
}

#[tokio::test(start_paused = true)]
async fn the_finalizer_is_taken_off_again_where_the_first_try_came_to_nothing() {
    for fault in [409, 422, 503, 504] {
        let (host, shared) = host();
        state(&shared).has_controller = false;
        state(&shared).finalizer_faults = [fault; 2].into();
        let narrowed = Narrowed::default();
        assert_eq!(remove(&host, &narrowed).await.unwrap(), Removed::ByUs, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_is_narrowed_for_a_short_time_only() {
    let (host, shared) = host();
    state(&shared).has_controller = false;
    state(&shared).finalizer_faults = vec![503; 10_000].into();
    let begun = Instant::now();
    let failed = remove(&host, &Narrowed::default()).await.unwrap_err();
    assert!(matches!(failed, NarrowingFailure::Stays { .. }), "{failed:?}");
    assert!(begun.elapsed() <= NARROWED_WITHIN + Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_another_webhook_denies_ends_it_at_once() {
    let (host, shared) = host();
    state(&shared).refusals = ["admission webhook \"validate.kyverno.svc\" denied the request: no"; 9].into();
    let begun = Instant::now();
    let failed = remove(&host, &Narrowed::default()).await.unwrap_err();
    assert!(matches!(failed, NarrowingFailure::DeniedByOther { .. }), "{failed:?}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(state(&shared).writes, ["PATCH validatingwebhookconfigurations"], "nothing is deleted");
}

/// Somebody joins another cluster under the name.
#[tokio::test(start_paused = true)]
async fn a_later_cluster_of_the_same_name_is_not_touched() {
    let (host, shared) = host();
    state(&shared).lags = 3;
    let narrowed = Narrowed::default();
    let meddle = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        state(&shared).cluster.as_mut().unwrap()["metadata"]["uid"] = json!("u-9");
    };
    let (removed, ()) = tokio::join!(remove(&host, &narrowed), meddle);
    assert_eq!(removed.unwrap(), Removed::ByController);
    assert_eq!(state(&shared).writes, ["PATCH validatingwebhookconfigurations"]);
}
